//! The network: everything that this crate sends goes through a [`Transport`], which embedders and tests can replace.
//!
//! ```
//! use tempaccess_core::external::{async_trait, http};
//! use tempaccess_core::net::{Transport, TransportError};
//!
//! /// Answers every request with the same status, as a test may want it.
//! #[derive(Debug)]
//! struct Always(u16);
//!
//! #[async_trait]
//! impl Transport for Always {
//!     async fn send(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
//!         let mut answer = http::Response::new(Vec::new());
//!         *answer.status_mut() = http::StatusCode::from_u16(self.0).unwrap_or_default();
//!         Ok(answer)
//!     }
//! }
//!
//! # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
//! let answer = Always(503).send(http::Request::new(Vec::new())).await.expect("it always answers");
//! assert_eq!(answer.status(), 503);
//! # });
//! # Ok::<(), std::io::Error>(())
//! ```

#[cfg(feature = "sts")]
mod date;
mod environment;
mod reqwest_transport;
#[cfg(feature = "grants")]
mod signing;
mod url;

use std::fmt;

use async_trait::async_trait;

#[cfg(feature = "sts")]
pub(crate) use date::http_date;
pub use environment::{ca_files, proxies};
pub use reqwest_transport::{HttpTransport, HttpTransportBuilder};
#[cfg(feature = "grants")]
pub(crate) use signing::{Answer, SignedCall, Unsigned};
pub(crate) use url::secure_url;

use crate::error::{Error, ErrorKind, Stage};

/// Sends HTTP requests. Follows no redirects and stores no cookies.
///
/// [`HttpTransport`] is the default. Tests and embedders can provide their own.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends `request`, whose URI is absolute, and returns the complete response.
    ///
    /// # Errors
    ///
    /// If there is no response. A response with an HTTP error status is not an error.
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError>;

    /// Opens a connection to this origin, which a later request can use. Reports no failure: the later request meets it again.
    /// Does nothing by default.
    async fn connect(&self, _origin: &http::Uri) {}
}

/// Why a request got no response.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransportError {
    /// The kind of failure.
    pub kind: TransportErrorKind,
    /// Details, without URLs, which may contain secrets.
    pub message: String,
}

/// The kind of a [`TransportError`].
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// The connection failed: DNS, TCP, TLS or proxy.
    Connect,
    /// The request timed out.
    Timeout,
    /// The connection broke.
    Interrupted,
    /// The response exceeds the size limit.
    TooLarge,
    /// The request is invalid or not allowed.
    Request,
}

impl TransportError {
    /// Creates an error for your own [`Transport`]. The message must not contain the URL, which may contain a secret.
    pub fn new(kind: TransportErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into() }
    }
}

impl fmt::Display for TransportError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for TransportError {}

impl TransportError {
    /// Converts it into an error with a message that names the host.
    pub(crate) fn into_error(self, stage: Stage, host: &str) -> Error {
        let Self { kind, message } = &self;
        let error = match kind {
            TransportErrorKind::Timeout => {
                Error::new(ErrorKind::DeadlineExceeded, stage, format!("`{host}` did not answer in time"))
                    .with_hint("try again; if the error persists, check the network, the VPN and the proxy")
            }
            TransportErrorKind::TooLarge => Error::new(
                if stage == Stage::SignIn { ErrorKind::IdentityProviderError } else { ErrorKind::StsUnavailable },
                stage,
                format!("the answer of `{host}` is too large"),
            ),
            TransportErrorKind::Request => {
                Error::new(ErrorKind::InvalidArgument, stage, format!("cannot send a request to `{host}`: {message}"))
            }
            TransportErrorKind::Connect | TransportErrorKind::Interrupted => {
                Error::new(ErrorKind::Network, stage, format!("no connection to `{host}`: {message}"))
                    .with_hint(network_hint(message))
            }
        };
        error.with_source(self)
    }
}

fn network_hint(message: &str) -> &'static str {
    if message.contains("certificate") {
        "a certificate is not trusted: if a proxy of your company signs it, name its CA file in `AWS_CA_BUNDLE` or `SSL_CERT_FILE`"
    } else {
        "check the address, the network, the VPN, and `HTTPS_PROXY` and `NO_PROXY` where a proxy is in use"
    }
}
