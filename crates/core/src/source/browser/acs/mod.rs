//! An assertion consumer service on loopback: the person's own browser delivers the SAML response (SAML profiles 4.1, the
//! web browser SSO profile, with this program as the service provider).

mod authn_request;
mod port;
mod service;

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use sha2::{Digest, Sha256};
use tokio::sync::mpsc;
use url::Url;

use self::authn_request::{Carrier, authn_request};
use self::port::ReservedPort;
use self::service::{ConsumerService, Event, Secrets};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::loopback::{LAST_ANSWER, Origins, is_closing};
use crate::net::secure_url;
use crate::saml::{SamlResponse, hex};
use crate::secret::unguessable;
use crate::source::{AssertionRequest, AssertionSource, Notice, Prompter, Visit};
use crate::verify::{Expectations, IdentityProvider, Verifier};

/// The end of an address whose last segment differs for each sign-in.
const WILDCARD: &str = "/*";

/// Signs in at any SAML 2.0 identity provider with the person's own browser, which delivers the response to this machine.
///
/// The identity provider needs a generic SAML app: entity ID `urn:amazon:webservices`, and the address given here as its
/// assertion consumer service (recipient). AWS accepts such an assertion if the role's trust policy names that address as
/// `SAML:aud`.
///
/// One response is accepted: it must answer the request that was made and verify against the keys of the metadata. Other
/// responses are refused and reported, and the sign-in goes on until its timeout. A sign-in that is cancelled keeps its port
/// bound until then, as long as the process lives: no other program can receive the response.
///
/// If the process ends before the browser has delivered the response, the port is free, and a program of another user of this
/// machine could bind it. On machines that several people use, prefer [`BrowserSource`](super::BrowserSource).
///
/// ```no_run
/// use tempaccess_core::source::browser::AcsSource;
///
/// let metadata = std::fs::read("keycloak-metadata.xml").unwrap();
/// let source = AcsSource::new(&metadata, "http://127.0.0.1:35001/saml")?;
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct AcsSource {
    metadata: Arc<[u8]>,
    provider: IdentityProvider,
    acs: Url,
    acs_url: String,
    username: Option<String>,
    timeout: Duration,
    clock: Arc<dyn Clock>,
}

impl AcsSource {
    /// Takes the identity provider's SAML metadata, and the address of the assertion consumer service as registered there:
    /// `http://127.0.0.1` with a port. (`localhost` can resolve to `[::1]`, where another program may listen.) If the identity
    /// provider accepts an address that ends in `*`, give it that way: each sign-in then gets an address of its own.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if the metadata is unusable, `invalid_argument` if the address is not on this machine.
    pub fn new(metadata: &[u8], acs_url: &str) -> Result<Self> {
        let provider = IdentityProvider::parse(metadata)?;
        let acs = secure_url("the address of the assertion consumer service", acs_url)?;
        let is_here = acs.host_str() == Some("127.0.0.1") && acs.scheme() == "http";
        if !is_here || acs.port().is_none() || acs.query().is_some() || acs.fragment().is_some() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                format!("`{acs}` is not an address on this machine that a response can be delivered to"),
            )
            .with_hint("use an address such as `http://127.0.0.1:35001/saml`, and register the same one at the identity provider"));
        }
        Ok(Self {
            metadata: metadata.into(),
            provider,
            acs,
            acs_url: acs_url.to_owned(),
            username: None,
            timeout: Duration::from_secs(300),
            clock: Arc::new(SystemClock),
        })
    }

    /// Sets the person's name, which separates the cached credentials of two people. The identity provider does not see it.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// Sets how long the person may take to sign in (default: 5 minutes).
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Sets the clock that assertions are judged by.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

/// Identifies a source of this kind: its metadata, its address, the person.
pub(crate) fn identity(metadata: &[u8], acs_url: &str, username: Option<&str>) -> String {
    format!("saml {} {acs_url} {}", hex(&Sha256::digest(metadata)), username.unwrap_or_default())
}

#[async_trait]
impl AssertionSource for AcsSource {
    fn describe(&self) -> String {
        format!("saml:{}", self.provider.entity_id())
    }

    fn identity(&self) -> Option<String> {
        Some(identity(&self.metadata, &self.acs_url, self.username.as_deref()))
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        self.provider.keys().check_validity(self.clock.now())?;
        let deadline = Instant::now() + self.timeout;
        let secret = || unguessable().map(|secret| secret.expose().to_owned());
        let secrets = Secrets { start: secret()?, relay_state: secret()?, cookie: secret()? };
        let mut acs = self.acs.clone();
        if let Some(parent) = self.acs.path().strip_suffix(WILDCARD) {
            acs.set_path(&format!("{parent}/{}", secret()?));
        }
        let (sign_on, binding) = self.provider.sso()?;
        let sign_on = secure_url("the sign-on address in the metadata", sign_on)?;
        let id = format!("_{}", secret()?);
        let xml = authn_request(&id, &sign_on, &acs, request, self.clock.now());
        let carrier = Carrier::new(&xml, sign_on, binding, &secrets.relay_state)?;
        let expected = Expectations::new(request.audience, acs.as_str()).in_response_to(&id);
        let verifier = Verifier::new(self.provider.keys().clone());

        let registered = acs.port().unwrap_or_default();
        if is_closing(registered) {
            let text = format!("port {registered} is still closing: waiting for it, up to a minute");
            request.prompter.notify(&Notice::Other(text));
        }
        let (port, address) = ReservedPort::bind(registered, deadline).await?;
        let page = Visit::new(format!("http://{address}/{}", secrets.start));
        let (events, mut received) = mpsc::unbounded_channel();
        let clock = Arc::clone(&self.clock);
        let service = Arc::new(ConsumerService::new(secrets, acs, carrier, (verifier, expected), clock, events));
        let handle = move |request| {
            let service = Arc::clone(&service);
            async move { service.handle(request).await }
        };
        let serve = async {
            match port.loopback() {
                Some(loopback) => loopback.serve(Origins::Any, handle).await,
                None => std::future::pending().await,
            }
        };
        // A prompter may wait for the page to load before it returns.
        let visit = async {
            let Err(error) = request.prompter.visit(&page).await else { return std::future::pending().await };
            error
        };
        let mut refused = None;
        let sign_in = async {
            tokio::select! {
                () = serve => Err(closed()),
                error = visit => Err(error),
                response = delivery(&mut received, request.prompter, &mut refused) => response,
            }
        };
        let result = tokio::time::timeout(self.timeout, sign_in).await;
        port.release();
        result.unwrap_or_else(|_| Err(refused.unwrap_or_else(timed_out)))
    }
}

/// Waits until a response was delivered and the browser has shown that. Tells the person of responses that were refused, and
/// remembers the last one.
async fn delivery(
    events: &mut mpsc::UnboundedReceiver<Event>,
    prompter: &dyn Prompter,
    refused: &mut Option<Error>,
) -> Result<SamlResponse> {
    loop {
        match events.recv().await {
            Some(Event::Delivered(response)) => {
                // The browser is on its way to the last page; it need not arrive.
                let _ = tokio::time::timeout(LAST_ANSWER, async {
                    while !matches!(events.recv().await, Some(Event::Finished) | None) {}
                })
                .await;
                return Ok(response);
            }
            Some(Event::Refused(error)) => {
                prompter.notify(&Notice::ResponseRefused { reason: error.message().to_owned() });
                *refused = Some(error);
            }
            Some(Event::OpenedTwice) => prompter.notify(&Notice::StartPageOpenedTwice),
            Some(Event::Finished) => {}
            None => return Err(closed()),
        }
    }
}

fn closed() -> Error {
    Error::new(ErrorKind::Io, Stage::SignIn, "the port on loopback was closed")
}

fn timed_out() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, "timed out waiting for the browser to sign in").with_hint(
        "sign in again; check that the identity provider sends the response to the address that is registered there",
    )
}
