//! A small HTTP server on loopback, for programs of the same person on the same machine.

use std::convert::Infallible;
use std::fmt;
use std::future::Future;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use http_body_util::Full;
use hyper::body::{Bytes, Incoming};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::TcpListener;
use tokio::sync::Notify;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::{SecretString, unguessable};

/// How long a client may take for its headers.
const HEADERS: Duration = Duration::from_secs(5);

pub(crate) type Answer = http::Response<Full<Bytes>>;

/// An answer with a status and a text.
pub(crate) fn answer(status: http::StatusCode, content_type: &'static str, body: impl Into<Bytes>) -> Answer {
    let mut answer = http::Response::new(Full::new(body.into()));
    *answer.status_mut() = status;
    let headers = answer.headers_mut();
    headers.insert(http::header::CONTENT_TYPE, http::HeaderValue::from_static(content_type));
    headers.insert(http::header::CACHE_CONTROL, http::HeaderValue::from_static("no-store"));
    answer
}

fn io(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, Stage::Output, format!("no port on loopback can be opened: {error}")).with_source(error)
}

/// A port on loopback.
pub(crate) struct Loopback {
    listener: TcpListener,
    address: SocketAddr,
}

/// Whether a page of another origin may make a browser send something.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origins {
    None,
    /// For what an identity provider's page brings; it is told from other requests by what only that page was given.
    #[cfg(feature = "browser")]
    Any,
}

impl Loopback {
    pub(crate) async fn bind(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(io)?;
        let address = listener.local_addr().map_err(io)?;
        Ok(Self { listener, address })
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.address
    }

    /// Answers for ever. Requests of other users, and those that a page of another origin makes a browser send where it may
    /// not, are turned away before `handle` sees them.
    pub(crate) async fn serve<F>(
        self,
        origins: Origins,
        handle: impl Fn(http::Request<Incoming>) -> F + Send + Sync + 'static,
    ) where
        F: Future<Output = Answer> + Send + 'static,
    {
        let handle = Arc::new(handle);
        let host = self.address.to_string();
        loop {
            let (stream, peer) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(_) => {
                    // Out of descriptors, most likely: nothing that haste would help.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            if !is_own(peer, self.address) {
                continue;
            }
            let (handle, host) = (Arc::clone(&handle), host.clone());
            let service = service_fn(move |request: http::Request<Incoming>| {
                let named = request.headers().get(http::header::HOST).is_some_and(|named| named == host.as_str());
                let is_foreign = origins == Origins::None && request.headers().contains_key(http::header::ORIGIN);
                let handled = (named && !is_foreign).then(|| handle(request));
                async move {
                    Ok::<_, Infallible>(match handled {
                        Some(handled) => handled.await,
                        None => answer(http::StatusCode::FORBIDDEN, "text/plain", "not for pages\n"),
                    })
                }
            });
            tokio::spawn(async move {
                // A client that breaks off has had enough.
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADERS)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }
}

/// A page on loopback that leads a browser on to an address, once. Its own address tells other users nothing that they
/// could use: the page is for this user alone, and for one visit.
pub struct Handoff {
    page: String,
    path: String,
    loopback: Loopback,
    url: SecretString,
}

impl fmt::Debug for Handoff {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Handoff").finish_non_exhaustive()
    }
}

/// Makes ready to lead a browser to an address that is a secret.
///
/// # Errors
///
/// `io` where there is no free port.
pub async fn handoff(url: SecretString) -> Result<Handoff> {
    let loopback = Loopback::bind(0).await?;
    let path = format!("/{}", unguessable()?.expose());
    Ok(Handoff { page: format!("http://{}{path}", loopback.address()), path, loopback, url })
}

impl Handoff {
    /// The page to open.
    pub fn url(&self) -> &str {
        &self.page
    }

    /// Returns once a browser came for it.
    pub async fn taken(self) {
        let Self { path, loopback, url, .. } = self;
        let taken = Arc::new(Notify::new());
        let url = Arc::new(Mutex::new(Some(url)));
        let told = Arc::clone(&taken);
        let handle = move |request: http::Request<Incoming>| {
            let is_it = request.method() == http::Method::GET && request.uri().path() == path;
            let url = if is_it { url.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None };
            let told = Arc::clone(&told);
            async move {
                let location = url.and_then(|url| http::HeaderValue::from_str(url.expose()).ok());
                let Some(location) = location else {
                    return answer(http::StatusCode::NOT_FOUND, "text/plain", "there is nothing here\n");
                };
                let mut answer = answer(http::StatusCode::FOUND, "text/plain", "");
                answer.headers_mut().insert(http::header::LOCATION, location);
                answer.headers_mut().insert("referrer-policy", http::HeaderValue::from_static("no-referrer"));
                told.notify_one();
                answer
            }
        };
        tokio::select! {
            () = loopback.serve(Origins::None, handle) => {}
            () = async {
                taken.notified().await;
                // The answer is still on its way.
                tokio::time::sleep(AFTERWARDS).await;
            } => {}
        }
    }
}

/// How long a connection is given to take its last answer.
pub(crate) const AFTERWARDS: Duration = Duration::from_millis(500);

/// Whether the other end of a connection belongs to this user. Where the system does not tell, it does not.
#[cfg(target_os = "linux")]
fn is_own(peer: SocketAddr, own: SocketAddr) -> bool {
    let (SocketAddr::V4(peer), SocketAddr::V4(own)) = (peer, own) else { return false };
    let written = |address: std::net::SocketAddrV4, before: &str| {
        let number = u32::from_ne_bytes(address.ip().octets());
        format!("{before}{number:08X}:{:04X}", address.port())
    };
    // An IPv6 socket can speak IPv4 too, and stands in the other table.
    let tables = [("/proc/net/tcp", ""), ("/proc/net/tcp6", "0000000000000000FFFF0000")];
    let owner = tables.iter().find_map(|(table, before)| {
        let (from, to) = (written(peer, before), written(own, before));
        std::fs::read_to_string(table).ok()?.lines().find_map(|line| {
            let mut fields = line.split_ascii_whitespace().skip(1);
            let is_it = fields.next() == Some(&from) && fields.next() == Some(&to);
            fields.nth(4).filter(|_| is_it)?.parse::<u32>().ok()
        })
    });
    owner.is_some_and(|owner| owner == rustix::process::geteuid().as_raw() || owner == 0)
}

#[cfg(not(target_os = "linux"))]
fn is_own(_: SocketAddr, _: SocketAddr) -> bool {
    true
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn connections_of_this_user_are_told_from_others() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let client = std::net::TcpStream::connect(listener.local_addr().unwrap()).unwrap();
        let (_, peer) = listener.accept().unwrap();
        assert_eq!(peer, client.local_addr().unwrap());
        assert!(is_own(peer, listener.local_addr().unwrap()));
        // One that nobody knows is nobody's.
        #[cfg(target_os = "linux")]
        {
            drop(client);
            let stranger = SocketAddr::from((Ipv4Addr::LOCALHOST, 1));
            assert!(!is_own(stranger, listener.local_addr().unwrap()));
        }
    }

    #[cfg(target_os = "linux")]
    #[tokio::test]
    async fn ipv4_over_an_ipv6_socket_is_told_too() {
        let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let mapped = Ipv4Addr::LOCALHOST.to_ipv6_mapped();
        // Where the machine has no IPv6, there is nothing to tell.
        let Ok(_client) = std::net::TcpStream::connect((mapped, listener.local_addr().unwrap().port())) else { return };
        let (_, peer) = listener.accept().unwrap();
        assert!(is_own(peer, listener.local_addr().unwrap()));
    }
}
