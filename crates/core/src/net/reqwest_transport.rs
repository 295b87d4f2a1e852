use std::error::Error as _;
use std::net::{Ipv4Addr, Ipv6Addr};
use std::path::{Path, PathBuf};
use std::sync::OnceLock;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use reqwest::{Certificate, Client};
use zeroize::Zeroizing;

use super::url::is_loopback;
use super::{Transport, TransportError, TransportErrorKind};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretBytes;
use crate::trace::answered;

/// The default [`Transport`]: HTTP/1.1 over reqwest and rustls, with the system's trust store and proxy variables.
///
/// Plain `http` is accepted for `localhost`, 127.0.0.0/8 and `[::1]` only. Requests to these never go through a proxy, and
/// `localhost` is not resolved by DNS.
///
/// The first request builds the TLS client, whose connections belong to the tokio runtime of that request: use one transport
/// per runtime. If the process has no default TLS provider of rustls, ring becomes it. TLS verification cannot be turned off.
/// [`extra_ca_file`](HttpTransportBuilder::extra_ca_file) adds a private CA, and
/// [`ca_files_from_env`](HttpTransportBuilder::ca_files_from_env) those in `AWS_CA_BUNDLE` and `SSL_CERT_FILE`.
#[derive(Debug, Default)]
pub struct HttpTransport {
    settings: HttpTransportBuilder,
    certificates: Vec<Certificate>,
    client: OnceLock<Client>,
    /// For loopback addresses: without proxies and DNS.
    loopback: OnceLock<Client>,
}

/// Builds an [`HttpTransport`].
#[derive(Debug, Clone)]
pub struct HttpTransportBuilder {
    ca_files: Vec<PathBuf>,
    connect_timeout: Duration,
    timeout: Duration,
    max_body: usize,
}

/// The largest buffer that is allocated on the word of a `Content-Length`. A larger response grows it.
const INITIAL_CAPACITY: usize = 1 << 20;

impl Default for HttpTransportBuilder {
    fn default() -> Self {
        Self {
            ca_files: Vec::new(),
            connect_timeout: Duration::from_secs(10),
            timeout: Duration::from_secs(30),
            max_body: 16 << 20,
        }
    }
}

impl HttpTransportBuilder {
    /// Trusts the CA certificates in this PEM file, in addition to the system's.
    #[must_use]
    pub fn extra_ca_file(mut self, file: impl Into<PathBuf>) -> Self {
        self.ca_files.push(file.into());
        self
    }

    /// Trusts the CA certificates in the files that `AWS_CA_BUNDLE` and `SSL_CERT_FILE` name, in upper or lower case.
    #[must_use]
    pub fn ca_files_from_env(self) -> Self {
        super::ca_files().into_iter().fold(self, Self::extra_ca_file)
    }

    /// Sets the timeout of a request, response included. Default: 30 s.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds the transport.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if a CA file cannot be used.
    pub fn build(self) -> Result<HttpTransport> {
        let mut certificates = Vec::new();
        for file in &self.ca_files {
            certificates.extend(read_certificates(file)?);
        }
        Ok(HttpTransport { settings: self, certificates, client: OnceLock::new(), loopback: OnceLock::new() })
    }
}

impl HttpTransport {
    /// Returns a builder.
    pub fn builder() -> HttpTransportBuilder {
        HttpTransportBuilder::default()
    }

    /// Returns the client that may send a request to this URL.
    fn client_for(&self, url: &reqwest::Url) -> Result<&Client, TransportError> {
        if is_loopback(url) {
            return self.client(&self.loopback, |client| {
                // Port 0 stands for the port of the URL.
                let addresses = [(Ipv4Addr::LOCALHOST, 0).into(), (Ipv6Addr::LOCALHOST, 0).into()];
                client.no_proxy().resolve_to_addrs("localhost", &addresses)
            });
        }
        if url.scheme() == "https" {
            return self.client(&self.client, |client| client);
        }
        Err(TransportError::new(
            TransportErrorKind::Request,
            "only `https` leaves this machine; `http` is for `localhost`, `127.0.0.1` and `[::1]`",
        ))
    }

    fn client<'a>(
        &'a self,
        place: &'a OnceLock<Client>,
        adapt: impl FnOnce(reqwest::ClientBuilder) -> reqwest::ClientBuilder,
    ) -> Result<&'a Client, TransportError> {
        if let Some(client) = place.get() {
            return Ok(client);
        }
        // The only place that chooses the TLS provider. A program that has chosen one keeps it.
        if rustls::crypto::CryptoProvider::get_default().is_none() {
            let _ = rustls::crypto::ring::default_provider().install_default();
        }
        let client = Client::builder()
            .user_agent(concat!("tempaccess/", env!("CARGO_PKG_VERSION")))
            .redirect(reqwest::redirect::Policy::none())
            .referer(false)
            .connect_timeout(self.settings.connect_timeout)
            .timeout(self.settings.timeout)
            .tls_certs_merge(self.certificates.iter().cloned());
        let client = adapt(client).build().map_err(|error| {
            TransportError::new(TransportErrorKind::Connect, format!("TLS cannot be set up: {}", error_chain(&error)))
        })?;
        Ok(place.get_or_init(|| client))
    }

    async fn exchange(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        // Wiped once it is sent: it may contain a password or an assertion.
        let request = request.map(|body| Bytes::from_owner(Zeroizing::new(body)));
        let request = reqwest::Request::try_from(request)
            .map_err(|error| TransportError::new(TransportErrorKind::Request, error_chain(&error.without_url())))?;
        let client = self.client_for(request.url())?;
        // Neither the path nor the query: both can have secrets.
        let (method, host) = (request.method().clone(), request.url().host_str().unwrap_or_default().to_owned());
        let mut answer = client.execute(request).await.map_err(no_answer)?;
        answered!(method, host, answer.status().as_u16());
        let limit = self.settings.max_body;
        let length = answer.content_length().and_then(|length| usize::try_from(length).ok()).unwrap_or_default();
        let mut body = SecretBytes::with_capacity(length.min(INITIAL_CAPACITY));
        while let Some(chunk) = answer.chunk().await.map_err(no_answer)? {
            if body.len() + chunk.len() > limit {
                return Err(TransportError::new(TransportErrorKind::TooLarge, "the answer is too large"));
            }
            body.extend_from_slice(&chunk);
        }
        let mut response = http::Response::new(body.into_vec());
        *response.status_mut() = answer.status();
        *response.headers_mut() = std::mem::take(answer.headers_mut());
        Ok(response)
    }
}

#[async_trait]
impl Transport for HttpTransport {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        self.exchange(request).await
    }

    /// Sends `HEAD /`: reqwest connects for requests only.
    async fn connect(&self, origin: &http::Uri) {
        if let Ok(request) = http::Request::head(origin).body(Vec::new()) {
            let _ = self.exchange(request).await;
        }
    }
}

fn read_certificates(file: &Path) -> Result<Vec<Certificate>> {
    let unusable = |why: String| {
        Error::new(
            ErrorKind::InvalidConfiguration,
            Stage::Configuration,
            format!("the CA file `{}` cannot be used: {why}", file.display()),
        )
        .with_hint("`AWS_CA_BUNDLE` or `SSL_CERT_FILE` names this file; it must contain PEM certificates")
    };
    let pem = crate::input::read_trusted(file).map_err(|error| unusable(error.to_string()))?;
    let certificates = Certificate::from_pem_bundle(&pem).map_err(|error| unusable(error_chain(&error)))?;
    if certificates.is_empty() { Err(unusable("there is no certificate in it".to_owned())) } else { Ok(certificates) }
}

fn no_answer(error: reqwest::Error) -> TransportError {
    let kind = if error.is_timeout() {
        TransportErrorKind::Timeout
    } else if error.is_connect() {
        TransportErrorKind::Connect
    } else if error.is_builder() {
        TransportErrorKind::Request
    } else {
        TransportErrorKind::Interrupted
    };
    // A URL may contain a token.
    TransportError::new(kind, error_chain(&error.without_url()))
}

/// Joins the innermost causes of an error. The outer ones only say that something failed.
fn error_chain(error: &reqwest::Error) -> String {
    let mut causes: Vec<String> = Vec::new();
    let mut next = error.source();
    while let Some(cause) = next {
        let text = cause.to_string();
        if causes.last().is_none_or(|last| !last.contains(&text)) {
            causes.push(text);
        }
        next = cause.source();
    }
    match causes.len() {
        0 => error.to_string(),
        1 => causes.remove(0),
        several => causes.split_off(several - 2).join(": "),
    }
}
