//! Which user has the other end of a loopback connection.
//!
//! On Linux the kernel is asked for exactly that socket (`sock_diag(7)`), so the cost does not depend on how many
//! connections others have open. Other systems offer no such lookup without unsafe code: there every connection passes, and
//! what protects a server is the secret that its clients must present.

use std::net::SocketAddr;

/// Whether the client's socket is open and belongs to this user, or to root. A socket whose owner cannot be determined, such
/// as one that its owner has closed, is not trusted.
#[cfg(target_os = "linux")]
pub(super) async fn is_trusted(client: SocketAddr, server: SocketAddr) -> bool {
    let owner = match sock_diag::owner(client, server) {
        Ok(owner) => owner,
        // Some sandboxes have no sock_diag. Reading the table takes time that grows with its length.
        Err(_) => tokio::task::spawn_blocking(move || proc_net::owner(client, server)).await.unwrap_or_default(),
    };
    owner.is_some_and(|user| user == rustix::process::geteuid().as_raw() && !is_everybody(user) || user == 0)
}

/// Whether a number stands for all users that a user namespace does not map (user_namespaces(7)).
#[cfg(target_os = "linux")]
fn is_everybody(user: u32) -> bool {
    let read = |path: &str| std::fs::read_to_string(path).unwrap_or_default();
    let maps_all = || read("/proc/self/uid_map").split_whitespace().eq(["0", "0", "4294967295"]);
    read("/proc/sys/kernel/overflowuid").trim() == user.to_string() && !maps_all()
}

#[cfg(not(target_os = "linux"))]
pub(super) async fn is_trusted(_: SocketAddr, _: SocketAddr) -> bool {
    true
}

/// An established connection, or one that either side has half closed.
#[cfg(target_os = "linux")]
fn is_open(state: u8) -> bool {
    const ESTABLISHED: u8 = 1;
    const FIN_WAIT1: u8 = 4;
    const FIN_WAIT2: u8 = 5;
    const CLOSE_WAIT: u8 = 8;
    matches!(state, ESTABLISHED | FIN_WAIT1 | FIN_WAIT2 | CLOSE_WAIT)
}

/// Asks the kernel for one socket over netlink.
#[cfg(target_os = "linux")]
mod sock_diag {
    use std::io;
    use std::net::{IpAddr, SocketAddr};

    use netlink_packet_core::{NLM_F_REQUEST, NetlinkHeader, NetlinkMessage, NetlinkPayload};
    use netlink_packet_sock_diag::SockDiagMessage;
    use netlink_packet_sock_diag::constants::{AF_INET, IPPROTO_TCP};
    use netlink_packet_sock_diag::inet::{ExtensionFlags, InetRequest, SocketId, StateFlags};
    use rustix::net::netlink::{SOCK_DIAG, SocketAddrNetlink};
    use rustix::net::{AddressFamily, RecvFlags, SendFlags, SocketFlags, SocketType, recvfrom, sendto, socket_with};

    /// The user who owns the client's socket, where it is open.
    ///
    /// # Errors
    ///
    /// Where the kernel has no `sock_diag` for TCP.
    pub(super) fn owner(client: SocketAddr, server: SocketAddr) -> io::Result<Option<u32>> {
        let socket = socket_with(AddressFamily::NETLINK, SocketType::DGRAM, SocketFlags::CLOEXEC, Some(SOCK_DIAG))?;
        sendto(&socket, &request(client, server)?, SendFlags::empty(), &SocketAddrNetlink::new(0, 0))?;
        let mut answer = [0; 4096];
        // The kernel answers before `sendto` returns, so there is nothing to wait for.
        let (length, _, sender) = recvfrom(&socket, &mut answer, RecvFlags::DONTWAIT)?;
        let is_kernel =
            sender.and_then(|sender| SocketAddrNetlink::try_from(sender).ok()).is_some_and(|sender| sender.pid() == 0);
        let answer = answer.get(..length).filter(|_| is_kernel).ok_or(io::ErrorKind::InvalidData)?;
        let message = NetlinkMessage::<SockDiagMessage>::deserialize(answer).map_err(|_| io::ErrorKind::InvalidData)?;
        let found = match message.payload {
            NetlinkPayload::InnerMessage(SockDiagMessage::InetResponse(found)) => found.header,
            NetlinkPayload::Error(error) => {
                let error = error.to_io();
                return if error.kind() == io::ErrorKind::NotFound { Ok(None) } else { Err(error) };
            }
            _ => return Err(io::ErrorKind::InvalidData.into()),
        };
        let id = &found.socket_id;
        let is_same =
            |ip: IpAddr, port: u16, address: SocketAddr| ip.to_canonical() == address.ip() && port == address.port();
        // Without an exact match the kernel answers with a listener on the client's port.
        let is_it = is_same(id.source_address, id.source_port, client)
            && is_same(id.destination_address, id.destination_port, server)
            && super::is_open(found.state)
            // A closed socket lives on in the kernel without an inode, and with user 0.
            && found.inode != 0;
        Ok(is_it.then_some(found.uid))
    }

    fn request(client: SocketAddr, server: SocketAddr) -> io::Result<Vec<u8>> {
        let mut header = NetlinkHeader::default();
        header.flags = NLM_F_REQUEST;
        header.sequence_number = 1;
        let request = InetRequest {
            family: AF_INET,
            protocol: IPPROTO_TCP,
            extensions: ExtensionFlags::empty(),
            states: StateFlags::all(),
            socket_id: SocketId {
                source_port: client.port(),
                destination_port: server.port(),
                source_address: client.ip(),
                destination_address: server.ip(),
                interface_id: 0,
                // INET_DIAG_NOCOOKIE: any socket with these addresses.
                cookie: [0xff; 8],
            },
        };
        let mut message = NetlinkMessage::new(header, SockDiagMessage::InetRequest(request).into());
        message.finalize();
        let mut bytes = vec![0; message.buffer_len()];
        message.serialize(&mut bytes);
        Ok(bytes)
    }
}

/// Looks the socket up in `/proc/net/tcp`.
#[cfg(target_os = "linux")]
mod proc_net {
    use std::io::{BufRead, BufReader};
    use std::net::{SocketAddr, SocketAddrV4};

    /// The user who owns the client's socket, where it is open.
    pub(super) fn owner(client: SocketAddr, server: SocketAddr) -> Option<u32> {
        let (SocketAddr::V4(client), SocketAddr::V4(server)) = (client, server) else { return None };
        // An IPv6 socket that speaks IPv4 is in the other table.
        let tables = [("/proc/net/tcp", ""), ("/proc/net/tcp6", "0000000000000000FFFF0000")];
        tables.iter().find_map(|(table, prefix)| {
            let (from, to) = (hex(client, prefix), hex(server, prefix));
            let table = BufReader::new(std::fs::File::open(table).ok()?);
            table.lines().map_while(Result::ok).find_map(|line| owner_in(&line, &from, &to))
        })
    }

    fn hex(address: SocketAddrV4, prefix: &str) -> String {
        let number = u32::from_ne_bytes(address.ip().octets());
        format!("{prefix}{number:08X}:{:04X}", address.port())
    }

    /// The owner in one line: `sl local remote state queues timer retransmits uid timeout inode …`.
    pub(super) fn owner_in(line: &str, from: &str, to: &str) -> Option<u32> {
        let mut fields = line.split_ascii_whitespace().skip(1);
        let is_it = fields.next() == Some(from) && fields.next() == Some(to);
        let state = u8::from_str_radix(fields.next().filter(|_| is_it)?, 16).ok()?;
        let user = fields.nth(3)?.parse().ok()?;
        let inode: u64 = fields.nth(1)?.parse().ok()?;
        (super::is_open(state) && inode != 0).then_some(user)
    }
}

#[cfg(test)]
#[cfg(target_os = "linux")]
mod tests {
    use std::net::{Ipv4Addr, TcpListener, TcpStream};

    use super::*;

    fn both(client: SocketAddr, server: SocketAddr) -> [Option<u32>; 2] {
        [sock_diag::owner(client, server).unwrap(), proc_net::owner(client, server)]
    }

    #[tokio::test]
    async fn an_open_connection_has_an_owner() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = listener.local_addr().unwrap();
        let client = TcpStream::connect(server).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        let user = Some(rustix::process::geteuid().as_raw());
        assert_eq!(both(peer, server), [user, user]);
        assert!(is_trusted(peer, server).await);
        client.shutdown(std::net::Shutdown::Write).unwrap();
        assert_eq!(both(peer, server), [user, user]);
    }

    #[tokio::test]
    async fn a_closed_connection_has_none() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = listener.local_addr().unwrap();
        let client = TcpStream::connect(server).unwrap();
        let (_accepted, peer) = listener.accept().unwrap();
        drop(client);
        assert_eq!(both(peer, server), [None, None]);
        assert!(!is_trusted(peer, server).await);
        assert!(!is_trusted(SocketAddr::from((Ipv4Addr::LOCALHOST, 1)), server).await);
        // The kernel falls back to listeners when no connection matches.
        let other = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        assert_eq!(both(other.local_addr().unwrap(), server), [None, None]);
    }

    #[test]
    fn an_ipv6_socket_can_speak_ipv4() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let server = listener.local_addr().unwrap();
        // Some machines have no IPv6.
        let Ok(_client) = TcpStream::connect((Ipv4Addr::LOCALHOST.to_ipv6_mapped(), server.port())) else { return };
        let (_accepted, peer) = listener.accept().unwrap();
        let user = Some(rustix::process::geteuid().as_raw());
        assert_eq!(both(peer, server), [user, user]);
    }

    #[test]
    fn orphans_in_the_table_have_no_owner() {
        let line = |user: u32, inode: u32, state: &str| {
            format!(
                "  1: 0100007F:8AE2 0100007F:1F90 {state} 00000000:00000000 00:00000000 00000000  {user}        0 {inode} 1 0 20 4 30 10 -1"
            )
        };
        let owner = |line: &str| proc_net::owner_in(line, "0100007F:8AE2", "0100007F:1F90");
        assert_eq!(owner(&line(1000, 77, "01")), Some(1000));
        assert_eq!(owner(&line(0, 0, "01")), None);
        assert_eq!(owner(&line(0, 77, "06")), None);
        assert_eq!(owner("  sl  local_address rem_address   st tx_queue rx_queue"), None);
    }
}
