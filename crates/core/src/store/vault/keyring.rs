//! The system's keyring: Secret Service, Keychain, Credential Manager. A service that does not answer counts as missing.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc;
use std::time::Duration;

use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result, Stage};

const SERVICE: &str = "tempaccess";
/// How long the keyring may take: a person may have to unlock it in a window.
const TIMEOUT: Duration = Duration::from_secs(30);

/// Set when the keyring has not answered in time. The thread that asked it is still waiting, so it is not asked again.
static HANGS: AtomicBool = AtomicBool::new(false);

/// Whether the keyring did not answer this process in time.
pub(super) fn is_silent() -> bool {
    HANGS.load(Ordering::Relaxed)
}

/// The error for a keyring that does not answer.
pub(super) fn silent() -> Error {
    unusable("the system keyring does not answer")
}

fn unusable(message: impl Into<String>) -> Error {
    Error::new(ErrorKind::Io, Stage::Store, message.into()).with_hint("unlock it, or choose `--store file`")
}

fn error(error: &keyring::Error) -> Error {
    match error {
        keyring::Error::NoDefaultStore => unusable("no system keyring found"),
        keyring::Error::NoStorageAccess(_) => unusable("the system keyring is locked"),
        other => unusable(format!("the system keyring cannot be used: {other}")),
    }
}

/// Runs a call of the keyring, with a timeout.
fn ask<T: Send + 'static>(call: impl FnOnce() -> keyring::Result<T> + Send + 'static) -> Result<Option<T>> {
    if is_silent() {
        return Err(silent());
    }
    match bus::state() {
        Bus::Usable => {}
        Bus::Silent => {
            HANGS.store(true, Ordering::Relaxed);
            return Err(silent());
        }
        Bus::Foreign => return Err(unusable("the session bus belongs to another user, and so does its keyring")),
    }
    let (answer, answered) = mpsc::channel();
    let ask = move || {
        let _ = answer.send(call());
    };
    let thread = std::thread::Builder::new().name("tempaccess-keyring".to_owned()).spawn(ask);
    thread.map_err(|error| unusable(format!("the system keyring cannot be asked: {error}")))?;
    match answered.recv_timeout(TIMEOUT) {
        Ok(Ok(value)) => Ok(Some(value)),
        Ok(Err(keyring::Error::NoEntry)) => Ok(None),
        Ok(Err(failed)) => Err(error(&failed)),
        Err(_) => {
            HANGS.store(true, Ordering::Relaxed);
            Err(silent())
        }
    }
}

/// Returns the secret of this name, if there is one.
pub(super) fn get(name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
    let name = name.to_owned();
    let secret = ask(move || keyring::Entry::new(SERVICE, &name)?.get_secret())?;
    Ok(secret.map(Zeroizing::new))
}

pub(super) fn set(name: &str, secret: &[u8]) -> Result<()> {
    let (name, secret) = (name.to_owned(), Zeroizing::new(secret.to_vec()));
    ask(move || keyring::Entry::new(SERVICE, &name)?.set_secret(&secret)).map(drop)
}

/// What is known of the session bus before the keyring is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has a bus"))]
enum Bus {
    /// It answers, or only the keyring's own client can tell.
    Usable,
    /// It does not answer.
    Silent,
    /// Another user answers: the address of a bus that has ended can be taken by anybody.
    Foreign,
}

/// The session bus, through which Linux reaches its keyring.
#[cfg(target_os = "linux")]
mod bus {
    use std::io::{self, Read, Write};
    use std::os::linux::net::SocketAddrExt;
    use std::os::unix::net::{SocketAddr, UnixStream};
    use std::time::{Duration, Instant};

    use super::Bus;

    /// How long a bus on this machine may take to authenticate a client and to name it.
    const TIMEOUT: Duration = Duration::from_secs(2);

    /// The longest line of authentication (D-Bus specification, "authentication protocol").
    const MAX_LINE: usize = 16 << 10;

    /// The fixed part of the header of a message.
    const HEADER: usize = 16;

    pub(super) fn state() -> Bus {
        let Some(mut stream) = connect() else { return Bus::Usable };
        let owner = rustix::net::sockopt::socket_peercred(&stream).map(|peer| peer.uid);
        if owner.is_ok_and(|owner| owner != rustix::process::geteuid() && !owner.is_root()) {
            return Bus::Foreign;
        }
        // A bus that refuses, or closes the connection, does so with a reason when the keyring is asked.
        match greet(&mut stream, Instant::now() + TIMEOUT) {
            Err(error) if matches!(error.kind(), io::ErrorKind::WouldBlock | io::ErrorKind::TimedOut) => Bus::Silent,
            _ => Bus::Usable,
        }
    }

    /// Authenticates, and says hello, which every bus answers.
    fn greet(stream: &mut UnixStream, deadline: Instant) -> io::Result<()> {
        stream.set_write_timeout(Some(TIMEOUT))?;
        let user = rustix::process::geteuid().as_raw().to_string();
        let user: String = user.bytes().map(|byte| format!("{byte:02x}")).collect();
        stream.write_all(format!("\0AUTH EXTERNAL {user}\r\n").as_bytes())?;
        let line = read_until(stream, deadline, |read| read.ends_with(b"\n") || read.len() >= MAX_LINE)?;
        if !line.starts_with(b"OK ") {
            return Err(io::ErrorKind::PermissionDenied.into());
        }
        stream.write_all(b"BEGIN\r\n")?;
        stream.write_all(&hello())?;
        read_until(stream, deadline, |read| read.len() >= HEADER).map(drop)
    }

    fn read_until(
        stream: &mut UnixStream,
        deadline: Instant,
        is_enough: impl Fn(&[u8]) -> bool,
    ) -> io::Result<Vec<u8>> {
        let mut read = Vec::new();
        while !is_enough(&read) {
            let left = deadline.saturating_duration_since(Instant::now());
            if left.is_zero() {
                return Err(io::ErrorKind::TimedOut.into());
            }
            stream.set_read_timeout(Some(left))?;
            let mut byte = [0; 1];
            if stream.read(&mut byte)? == 0 {
                return Err(io::ErrorKind::UnexpectedEof.into());
            }
            read.extend(byte);
        }
        Ok(read)
    }

    /// The call of `org.freedesktop.DBus.Hello`, in the byte order of little-endian machines, which the message names.
    fn hello() -> Vec<u8> {
        // Path, destination, interface, member: a code, a signature, and a text.
        let fields: [(u8, u8, &str); 4] = [
            (1, b'o', "/org/freedesktop/DBus"),
            (6, b's', "org.freedesktop.DBus"),
            (2, b's', "org.freedesktop.DBus"),
            (3, b's', "Hello"),
        ];
        let mut array = Vec::new();
        for (code, signature, text) in fields {
            array.resize(array.len().next_multiple_of(8), 0);
            array.extend([code, 1, signature, 0]);
            array.extend((text.len() as u32).to_le_bytes());
            array.extend(text.as_bytes());
            array.push(0);
        }
        let mut message = vec![b'l', 1, 0, 1, 0, 0, 0, 0, 1, 0, 0, 0];
        message.extend((array.len() as u32).to_le_bytes());
        message.extend(array);
        message.resize(message.len().next_multiple_of(8), 0);
        message
    }

    /// Connects to the first address of the bus that is a socket of this machine.
    fn connect() -> Option<UnixStream> {
        let addresses = std::env::var("DBUS_SESSION_BUS_ADDRESS").ok().or_else(|| {
            let folder = std::env::var("XDG_RUNTIME_DIR").ok()?;
            Some(format!("unix:path={folder}/bus"))
        })?;
        addresses.split(';').filter_map(|address| address.strip_prefix("unix:")).find_map(|address| {
            let part = |name: &str| {
                address.split(',').find_map(|part| part.strip_prefix(name)?.strip_prefix('=')).map(str::to_owned)
            };
            match (part("path"), part("abstract")) {
                (Some(path), _) => UnixStream::connect(path).ok(),
                (None, Some(name)) => UnixStream::connect_addr(&SocketAddr::from_abstract_name(name).ok()?).ok(),
                (None, None) => None,
            }
        })
    }
}

#[cfg(not(target_os = "linux"))]
mod bus {
    pub(super) fn state() -> super::Bus {
        super::Bus::Usable
    }
}
