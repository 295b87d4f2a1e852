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
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

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
    pub(crate) async fn bind(port: u16) -> Result<Self> {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, port)).await.map_err(io)?;
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
        loop {
            let (stream, client) = match self.listener.accept().await {
                Ok(accepted) => accepted,
                Err(_) => {
                    // Most likely out of descriptors: retrying at once would not help.
                    tokio::time::sleep(Duration::from_millis(50)).await;
                    continue;
                }
            };
            let (handle, permits) = (Arc::clone(&handle), Arc::clone(&permits));
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
                // An error here is a client that went away.
                let _ = hyper::server::conn::http1::Builder::new()
                    .timer(TokioTimer::new())
                    .header_read_timeout(HEADER_TIMEOUT)
                    .serve_connection(TokioIo::new(stream), service)
                    .await;
            });
        }
    }
}

/// How long a connection may take to receive the last answer before its port closes.
pub(crate) const LAST_ANSWER: Duration = Duration::from_secs(2);
