//! An assertion consumer service on loopback: the person's own browser brings the SAML response here (SAML profiles 4.1,
//! the web browser SSO profile, with this program as the service provider).

use std::fmt;
use std::io::Write;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use flate2::Compression;
use flate2::write::DeflateEncoder;
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use jiff::Timestamp;
use quick_xml::escape::escape;
use sha2::{Digest, Sha256};
use tokio::sync::oneshot;
use url::Url;

use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::loopback::{AFTERWARDS, Answer, Loopback, Origins, answer};
use crate::net::secure_url;
use crate::saml::{Limits, SamlResponse, hex};
use crate::secret::unguessable;
use crate::source::{AssertionRequest, AssertionSource, Visit};
use crate::verify::{Expectations, IdentityProvider, Verifier};

/// The end of the address that stands for a part that differs each time.
const ANY: &str = "/*";

/// Signs in at any SAML 2.0 identity provider with the person's own browser, which brings the response to this machine.
///
/// The identity provider has a generic SAML app for it: entity ID `urn:amazon:webservices`, and as the address of its
/// assertion consumer service (recipient) the one that is given here. AWS takes such an assertion where the trust policy of
/// the role names that address as `SAML:aud`.
///
/// What comes is good once, answers the request that was made, and is verified against the keys of the metadata.
///
/// ```no_run
/// use tempaccess_core::browser::AcsSource;
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
    patience: Duration,
    clock: Arc<dyn Clock>,
}

impl AcsSource {
    /// The identity provider by its SAML metadata, and the address of the assertion consumer service as it is registered
    /// there: `http://127.0.0.1` with a port. (`localhost` may be `[::1]` too, where somebody else may listen.) Where the identity provider lets an address end in `*`, give it
    /// so, and each sign-in has one of its own.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where the metadata cannot be used, `invalid_argument` where the address is none of this machine.
    pub fn new(metadata: &[u8], acs_url: &str) -> Result<Self> {
        let provider = IdentityProvider::parse(metadata)?;
        let acs = secure_url("the address of the assertion consumer service", acs_url)?;
        let is_here = acs.host_str() == Some("127.0.0.1") && acs.scheme() == "http";
        if !is_here || acs.port().is_none() || acs.query().is_some() || acs.fragment().is_some() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                format!("`{acs}` is no address for an assertion consumer service on this machine"),
            )
            .with_hint("it looks like `http://127.0.0.1:35001/saml`, and is the same at the identity provider"));
        }
        Ok(Self {
            metadata: metadata.into(),
            provider,
            acs,
            acs_url: acs_url.to_owned(),
            username: None,
            patience: Duration::from_secs(300),
            clock: Arc::new(SystemClock),
        })
    }

    /// The person, so that what two of them get is kept apart. The identity provider is not told.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// How long the person may take: 5 minutes unless said otherwise.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// What tells the time that assertions are judged at.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }
}

/// What a source of this kind is told by: its metadata, its address, the person.
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
        let nonce = unguessable()?.expose().to_owned();
        let mut acs = self.acs.clone();
        if let Some(before) = self.acs.path().strip_suffix(ANY) {
            acs.set_path(&format!("{before}/{nonce}"));
        }
        let loopback = Loopback::bind(acs.port().unwrap_or_default()).await?;
        let asked = Asked::new(self, &acs, &nonce, request)?;
        let start = format!("http://{}/{nonce}", loopback.address());
        let (deliver, delivered) = oneshot::channel();
        let desk = Arc::new(Desk { source: self.clone(), asked, deliver: Mutex::new(Some(deliver)) });
        let page = Visit::new(&start);
        // Whoever is sent there may wait for the page before they say that they are on their way.
        let sent = async {
            request.prompter.visit(&page).await?;
            std::future::pending().await
        };
        let serve = loopback.serve(Origins::Any, move |request| Arc::clone(&desk).handle(request));
        let waiting = async {
            tokio::select! {
                () = serve => unreachable_end(),
                response = delivered => response.unwrap_or_else(|_| unreachable_end()),
                refused = sent => refused,
            }
        };
        tokio::time::timeout(self.patience, waiting).await.map_err(|_| {
            Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, "nobody signed in with the browser in time")
                .with_hint(
                    "sign in again; the identity provider must send the response to the address that it has registered",
                )
        })?
    }
}

fn unreachable_end() -> Result<SamlResponse> {
    Err(Error::new(ErrorKind::Io, Stage::SignIn, "the port on loopback was closed"))
}

/// One request for authentication (SAML core 3.4), and how the browser carries it.
struct Asked {
    id: String,
    nonce: String,
    acs: Url,
    audience: String,
    carry: Carry,
}

enum Carry {
    /// The redirect binding (SAML bindings 3.4): where to go.
    Redirect(Url),
    /// The POST binding (3.5): a page whose form goes there.
    Form(String),
}

impl Asked {
    fn new(source: &AcsSource, acs: &Url, nonce: &str, request: &AssertionRequest<'_>) -> Result<Self> {
        let id = format!("_{}", unguessable()?.expose());
        let (to, is_post) = source.provider.sso()?;
        let to = secure_url("the sign-on address in the metadata", to)?;
        let xml = authn_request(&id, &to, acs, request, source.clock.now());
        let carry = if is_post {
            let field = |name: &str, value: &str| {
                format!("<input type=\"hidden\" name=\"{name}\" value=\"{}\">", escape(value))
            };
            Carry::Form(page(&format!(
                "<form method=\"post\" action=\"{}\">{}{}<noscript><button>Sign in</button></noscript></form>\
                 <script>document.forms[0].submit()</script>",
                escape(to.as_str()),
                field("SAMLRequest", &STANDARD.encode(&xml)),
                field("RelayState", nonce),
            )))
        } else {
            let mut deflated = DeflateEncoder::new(Vec::new(), Compression::default());
            let packed = deflated.write_all(xml.as_bytes()).and_then(|()| deflated.finish());
            let packed = packed.map_err(|error| {
                Error::new(ErrorKind::Io, Stage::SignIn, "the request cannot be packed").with_source(error)
            })?;
            let mut to = to;
            to.query_pairs_mut().append_pair("SAMLRequest", &STANDARD.encode(packed)).append_pair("RelayState", nonce);
            Carry::Redirect(to)
        };
        Ok(Self { id, nonce: nonce.to_owned(), acs: acs.clone(), audience: request.audience.to_owned(), carry })
    }
}

fn authn_request(id: &str, to: &Url, acs: &Url, request: &AssertionRequest<'_>, now: Timestamp) -> String {
    let anew = if request.anew { " ForceAuthn=\"true\"" } else { "" };
    // To the second, as some parsers know nothing finer.
    let now = now.strftime("%Y-%m-%dT%H:%M:%SZ");
    format!(
        "<samlp:AuthnRequest xmlns:samlp=\"urn:oasis:names:tc:SAML:2.0:protocol\" \
         xmlns:saml=\"urn:oasis:names:tc:SAML:2.0:assertion\" ID=\"{id}\" Version=\"2.0\" IssueInstant=\"{now}\" \
         Destination=\"{}\" ProtocolBinding=\"urn:oasis:names:tc:SAML:2.0:bindings:HTTP-POST\" \
         AssertionConsumerServiceURL=\"{}\"{anew}><saml:Issuer>{}</saml:Issuer></samlp:AuthnRequest>",
        escape(to.as_str()),
        escape(acs.as_str()),
        escape(request.audience),
    )
}

fn page(inside: &str) -> String {
    format!(
        "<!DOCTYPE html><html lang=\"en\"><meta charset=\"utf-8\"><title>tempaccess</title>\
         <body style=\"font-family: sans-serif; margin: 4em\">{inside}</body></html>"
    )
}

/// What answers the browser, until it has brought what it was sent for.
struct Desk {
    source: AcsSource,
    asked: Asked,
    deliver: Mutex<Option<oneshot::Sender<Result<SamlResponse>>>>,
}

impl fmt::Debug for Desk {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Desk").finish_non_exhaustive()
    }
}

impl Desk {
    async fn handle(self: Arc<Self>, request: http::Request<Incoming>) -> Answer {
        let path = request.uri().path();
        let html = "text/html; charset=utf-8";
        if request.method() == http::Method::GET && path.strip_prefix('/') == Some(&self.asked.nonce) {
            return match &self.asked.carry {
                Carry::Form(page) => answer(http::StatusCode::OK, html, page.clone()),
                Carry::Redirect(to) => {
                    let mut away = answer(http::StatusCode::FOUND, html, "");
                    if let Ok(to) = http::HeaderValue::from_str(to.as_str()) {
                        away.headers_mut().insert(http::header::LOCATION, to);
                    }
                    away
                }
            };
        }
        if request.method() != http::Method::POST || path != self.asked.acs.path() {
            return answer(http::StatusCode::NOT_FOUND, "text/plain", "there is nothing here\n");
        }
        let limit = Limits::default().input_bytes;
        let Ok(body) = Limited::new(request.into_body(), limit).collect().await else {
            return answer(http::StatusCode::BAD_REQUEST, "text/plain", "that is too much\n");
        };
        let body = body.to_bytes();
        // Whoever does not know it was not sent from here.
        let is_ours =
            url::form_urlencoded::parse(&body).any(|(name, value)| name == "RelayState" && value == self.asked.nonce);
        let deliver = if is_ours { self.deliver.lock().unwrap_or_else(PoisonError::into_inner).take() } else { None };
        let Some(deliver) = deliver else {
            return answer(http::StatusCode::FORBIDDEN, "text/plain", "nobody waits for this\n");
        };
        let response = self.accept(&body);
        let (status, text) = match &response {
            Ok(_) => (http::StatusCode::OK, "<h1>Signed in</h1><p>You can close this window.</p>".to_owned()),
            Err(error) => {
                (http::StatusCode::FORBIDDEN, format!("<h1>Not signed in</h1><p>{}</p>", escape(error.message())))
            }
        };
        // The connection has its answer before the port closes.
        tokio::spawn(async move {
            tokio::time::sleep(AFTERWARDS).await;
            let _ = deliver.send(response);
        });
        answer(status, html, page(&text))
    }

    /// The response, if it is genuine and the answer to what was asked.
    fn accept(&self, body: &[u8]) -> Result<SamlResponse> {
        let response = SamlResponse::detect(body, &Limits::default())?;
        let expected = Expectations::new(&self.asked.audience, self.asked.acs.as_str()).in_response_to(&self.asked.id);
        Verifier::new(self.source.provider.keys().clone()).verify(&response, &expected, self.source.clock.now())?;
        Ok(response)
    }
}
