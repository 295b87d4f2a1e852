//! The registered port, which stays bound for as long as a browser may still bring a response to it.

use std::collections::HashMap;
use std::error::Error as _;
use std::io;
use std::sync::{Mutex, PoisonError};
use std::time::Instant;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::loopback::Loopback;

/// Ports of sign-ins that were cancelled before their deadline. Nothing is accepted there, but no other program of this
/// machine can bind them and receive a response that is still on its way.
static RESERVED: Mutex<Option<HashMap<u16, (Instant, std::net::TcpListener)>>> = Mutex::new(None);

fn reserved<T>(access: impl FnOnce(&mut HashMap<u16, (Instant, std::net::TcpListener)>) -> T) -> T {
    access(RESERVED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert_default())
}

/// A port that is bound until `deadline`, even if the sign-in is cancelled.
pub(super) struct ReservedPort {
    loopback: Option<Loopback>,
    deadline: Instant,
}

impl ReservedPort {
    /// Binds the port, or takes over the one that a cancelled sign-in of this process holds.
    pub(super) async fn bind(port: u16, deadline: Instant) -> Result<(Self, std::net::SocketAddr)> {
        let loopback = match reserved(|ports| ports.remove(&port)) {
            Some((_, listener)) => Loopback::from_std(listener)?,
            None => Loopback::bind(port).await.map_err(|error| in_use(port, error))?,
        };
        let address = loopback.address();
        Ok((Self { loopback: Some(loopback), deadline }, address))
    }

    pub(super) fn loopback(&self) -> Option<&Loopback> {
        self.loopback.as_ref()
    }

    /// Frees the port: the response has arrived, or the deadline has passed.
    pub(super) fn release(mut self) {
        self.loopback = None;
    }
}

impl Drop for ReservedPort {
    fn drop(&mut self) {
        let deadline = self.deadline;
        let left = deadline.saturating_duration_since(Instant::now());
        let listener = self.loopback.take().filter(|_| !left.is_zero()).and_then(Loopback::into_std);
        let Some((port, listener)) = listener else { return };
        reserved(|ports| ports.insert(port, (deadline, listener)));
        let free = move || {
            std::thread::sleep(left);
            free_after(port, deadline);
        };
        // Without a thread the port stays bound until the process ends.
        let _ = std::thread::Builder::new().name("tempaccess-port".to_owned()).spawn(free);
    }
}

/// Frees a port after a deadline, unless a later sign-in has reserved it for longer.
fn free_after(port: u16, deadline: Instant) {
    reserved(|ports| ports.retain(|reserved, (until, _)| *reserved != port || *until > deadline));
}

/// Adds who has the port and what to do.
fn in_use(port: u16, error: Error) -> Error {
    let is_taken = error
        .source()
        .and_then(|source| source.downcast_ref::<io::Error>())
        .is_some_and(|source| source.kind() == io::ErrorKind::AddrInUse);
    if !is_taken {
        return error;
    }
    let show = if cfg!(target_os = "linux") {
        format!("ss -ltnp 'sport = :{port}'")
    } else if cfg!(windows) {
        format!("netstat -ano | findstr :{port}")
    } else {
        format!("lsof -nP -iTCP:{port} -sTCP:LISTEN")
    };
    Error::new(ErrorKind::Io, Stage::SignIn, format!("another program uses port {port} of this machine"))
        .with_hint(format!(
            "end that program (`{show}` shows it if it listens), try again in a minute if it has just ended, or register another address at the identity provider and name it in `--acs-url`"
        ))
        .with_source(error)
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    #[test]
    fn the_deadline_of_an_earlier_sign_in_does_not_free_the_port_of_a_later_one() {
        let listener = std::net::TcpListener::bind(("127.0.0.1", 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let (earlier, later) = (Instant::now(), Instant::now() + Duration::from_secs(300));
        reserved(|ports| ports.insert(port, (later, listener)));
        free_after(port, earlier);
        assert!(reserved(|ports| ports.contains_key(&port)));
        free_after(port, later);
        assert!(!reserved(|ports| ports.contains_key(&port)));
    }
}
