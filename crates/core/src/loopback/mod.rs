//! A small HTTP server on 127.0.0.1, for programs of the same user on the same machine.

mod handoff;
mod owner;

use std::convert::Infallible;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{TcpListener, TcpSocket};
use tokio::sync::{Semaphore, watch};

use crate::error::{Error, ErrorKind, Result, Stage};

pub use handoff::{Handoff, handoff};

/// How long a client may take to send its headers.
const HEADER_TIMEOUT: Duration = Duration::from_secs(5);
/// How many connections are served at once. Only this user's count: those of other users are closed first.
const MAX_CONNECTIONS: usize = 1024;

pub(crate) type Answer = http::Response<Full<Bytes>>;

/// Returns an answer that no browser caches, and whose address no page learns.
pub(crate) fn answer(status: http::StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = http::Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    headers.insert(http::header::REFERRER_POLICY, http::HeaderValue::from_static("no-referrer"));
    answer
}

fn io(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, Stage::Output, format!("cannot open a port on loopback: {error}")).with_source(error)
}

/// How many connections wait to be accepted. With the usual 128, another user's connections fill the queue, and those of this user are
/// tried again after seconds.
const BACKLOG: u32 = 4096;

/// How often a port that is in use is tried again.
const BIND_INTERVAL: Duration = Duration::from_millis(50);
/// How long an earlier server of this program may take to stop.
const STOPPING: Duration = Duration::from_secs(2);
/// How long a connection that was closed keeps its port (`TIME_WAIT`), and a little more.
const CLOSING: Duration = Duration::from_secs(65);

/// Whether only connections that were closed keep a port of this machine: it can be bound in a minute.
#[cfg(target_os = "linux")]
pub(crate) fn is_closing(port: u16) -> bool {
    const TIME_WAIT: &str = "06";
    let table = std::fs::read_to_string("/proc/net/tcp").unwrap_or_default();
    let local = format!(":{port:04X}");
    let state = |line: &str| {
        let mut fields = line.split_whitespace().skip(1);
        let is_ours = fields.next().is_some_and(|address| address.ends_with(&local));
        fields.nth(1).filter(|_| is_ours).map(|state| state == TIME_WAIT)
    };
    let mut states = table.lines().skip(1).filter_map(state).peekable();
    states.peek().is_some() && states.all(|is_closed| is_closed)
}

#[cfg(not(target_os = "linux"))]
pub(crate) fn is_closing(_: u16) -> bool {
    false
}

fn listen(port: u16) -> std::io::Result<TcpListener> {
    let socket = TcpSocket::new_v4()?;
    // On Linux, `SO_REUSEADDR` also shares the port with sockets that another user has bound before, and a socket that they connect
    // from it to the browser's port takes the browser's connection. On other systems, it allows to bind a port again whose
    // connections are closing.
    #[cfg(all(unix, not(target_os = "linux")))]
    socket.set_reuseaddr(true)?;
    socket.bind(SocketAddr::from((Ipv4Addr::LOCALHOST, port)))?;
    socket.listen(BACKLOG)
}

/// Makes a connection leave nothing behind when it is closed: without `SO_REUSEADDR`, its port could not be bound for a minute.
#[cfg(target_os = "linux")]
fn leave_nothing(stream: &tokio::net::TcpStream) {
    let _ = stream.set_zero_linger();
}

#[cfg(not(target_os = "linux"))]
fn leave_nothing(_: &tokio::net::TcpStream) {}

/// A listening port on 127.0.0.1.
pub(crate) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

/// Which web pages may make a browser send requests here.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origins {
    /// No page: requests with an `Origin` header are refused.
    None,
    /// Any page: the handler checks a secret that only the expected page has.
    #[cfg(feature = "browser")]
    Any,
}

impl Loopback {
    /// Listens on a port that nobody else can have any share of.
    pub(crate) async fn bind(port: u16) -> Result<Self> {
        let started = tokio::time::Instant::now();
        let listener = loop {
            match listen(port) {
                // Connections of an earlier server of this program may be closing.
                Err(error) if error.kind() == std::io::ErrorKind::AddrInUse => {
                    let patience = if is_closing(port) { CLOSING } else { STOPPING };
                    if started.elapsed() > patience {
                        return Err(io(error));
                    }
                    tokio::time::sleep(BIND_INTERVAL).await;
                }
                listener => break listener.map_err(io)?,
            }
        };
        let address = listener.local_addr().map_err(io)?;
        Ok(Self { listener, address })
    }

    /// Takes over a socket that listens already.
    #[cfg(feature = "browser")]
    pub(crate) fn from_std(listener: std::net::TcpListener) -> Result<Self> {
        let listener = TcpListener::from_std(listener).map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        Ok(Self { listener, address })
    }

    /// Returns the port and its socket, which goes on listening but accepts nothing.
    #[cfg(feature = "browser")]
    pub(crate) fn into_std(self) -> Option<(u16, std::net::TcpListener)> {
        Some((self.address.port(), self.listener.into_std().ok()?))
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers requests until it is dropped. Refuses connections of other users, requests for another `Host` (DNS rebinding)
    /// and requests of pages that `origins` excludes before `handle` sees them.
    pub(crate) async fn serve<F>(
        &self,
        origins: Origins,
        handle: impl Fn(http::Request<Incoming>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Answer> + Send + 'static,
    {
        let handle = Arc::new(handle);
        let permits = Arc::new(Semaphore::new(MAX_CONNECTIONS));
        let server = self.address;
        // Dropped with this future: connections then get their last answers and are closed.
        let (serving, _) = watch::channel(());
        loop {
            let (stream, client) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(_) => {
                    // Most likely out of descriptors: retrying at once would not help.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            leave_nothing(&stream);
            let (handle, permits) = (Arc::clone(&handle), Arc::clone(&permits));
            let mut stopped = serving.subscribe();
            tokio::spawn(async move {
                if !owner::is_trusted(client, server).await {
                    return;
                }
                let Ok(_permit) = permits.acquire().await else { return };
                let service = service_fn(move |request: http::Request<Incoming>| {
                    let host = request.headers().get(http::header::HOST);
                    let is_host = host.is_some_and(|host| host == server.to_string().as_str());
                    let is_foreign = origins == Origins::None && request.headers().contains_key(http::header::ORIGIN);
                    let handled = (is_host && !is_foreign).then(|| handle(request));
                    async move {
                        Ok::<_, Infallible>(match handled {
                            Some(handled) => handled.await,
                            None => answer(http::StatusCode::FORBIDDEN, "text/plain", "request refused\n"),
                        })
                    }
                });
                let connection = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service);
                let mut connection = std::pin::pin!(connection);
                // An error here is a client that went away.
                tokio::select! {
                    _ = connection.as_mut() => {}
                    _ = stopped.changed() => {
                        connection.as_mut().graceful_shutdown();
                        // A browser opens connections in advance, which bring no request to answer.
                        let _ = tokio::time::timeout(STOPPING / 4, connection).await;
                    }
                }
            });
        }
    }
}

/// How long a connection may take to receive the last answer before its port closes.
pub(crate) const LAST_ANSWER: Duration = Duration::from_secs(2);

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use std::io::Read;
    use std::net::{TcpListener, TcpStream};

    use super::*;

    #[test]
    fn a_port_of_closed_connections_is_told_from_one_in_use() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let port = listener.local_addr().unwrap().port();
        let mut client = TcpStream::connect((Ipv4Addr::LOCALHOST, port)).unwrap();
        // The server closes first, so that its port waits.
        drop(listener.accept().unwrap());
        assert_eq!(client.read(&mut [0]).unwrap(), 0);
        drop(client);
        assert!(!is_closing(port), "somebody listens");
        drop(listener);
        assert!(is_closing(port));
        assert!(!is_closing(1));
    }
}
