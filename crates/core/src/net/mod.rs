//! The network, injected: everything that this crate sends goes through a [`Transport`].

mod environment;
mod reqwest_transport;
mod url;

use std::fmt;

use async_trait::async_trait;

pub use environment::{ca_files, proxies};
pub use reqwest_transport::{HttpTransport, HttpTransportBuilder};
pub(crate) use url::secure_url;

use crate::error::{Error, ErrorKind, Stage};

/// Sends one HTTP request and gives back the whole answer. Follows no redirects and keeps no cookies.
///
/// [`HttpTransport`] is the real one; tests and embedders bring their own.
#[async_trait]
pub trait Transport: fmt::Debug + Send + Sync {
    /// Sends `request`, whose URI is absolute, and reads the answer to its end.
    ///
    /// # Errors
    ///
    /// Where there is no answer. An HTTP error status is an answer.
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError>;
}

/// Why there was no answer.
#[derive(Debug)]
#[non_exhaustive]
pub struct TransportError {
    /// What kept the answer from coming.
    pub kind: TransportErrorKind,
    /// The details, without URLs: these may hold secrets.
    pub message: String,
}

/// What kept an answer from coming.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum TransportErrorKind {
    /// No connection: name, address, TLS or proxy.
    Connect,
    /// It took longer than it may.
    Timeout,
    /// The connection broke.
    Interrupted,
    /// The answer is larger than it may be.
    TooLarge,
    /// The request itself makes no sense.
    Request,
}

impl TransportError {
    /// An error for a [`Transport`] of your own. The message must not hold the URL: that may hold a secret.
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
    /// The error as a person sees it, with the host that did not answer.
    pub(crate) fn into_error(self, stage: Stage, host: &str) -> Error {
        let Self { kind, message } = &self;
        let error = match kind {
            TransportErrorKind::Timeout => {
                Error::new(ErrorKind::DeadlineExceeded, stage, format!("`{host}` did not answer in time"))
                    .with_hint("try again; if it goes on, check the network, the VPN and the proxy")
            }
            TransportErrorKind::TooLarge => Error::new(
                if stage == Stage::SignIn { ErrorKind::IdentityProviderError } else { ErrorKind::StsUnavailable },
                stage,
                format!("the answer of `{host}` is too large"),
            ),
            TransportErrorKind::Request => {
                Error::new(ErrorKind::InvalidArgument, stage, format!("`{host}` cannot be asked: {message}"))
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
