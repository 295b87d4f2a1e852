//! Okta: name, password and second factor over the authentication API, then the SAML response of the AWS app.
//!
//! Follows Okta's reference for the Authentication API (`/api/v1/authn`) and the app's embed link. Everything that
//! Okta answers with an address is followed only within the org: a password or token never leaves it.

mod agent;
mod authn;
mod factor;
mod page;
mod refusal;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use url::Url;

use self::agent::Agent;
use self::authn::{Outcome, SignIn};
use self::page::Page;
use super::{AssertionRequest, AssertionSource};
use crate::clock::{SystemClock, Timer};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{HttpTransport, Transport, secure_url};
use crate::saml::SamlResponse;
use crate::secret::SecretString;

pub use factor::FactorKind;

/// Signs in at an Okta org and takes the SAML response of its AWS app.
///
/// ```no_run
/// use tempaccess_core::okta::OktaSource;
///
/// let okta = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1b2c3d4E5f6G7h8i9/272")
///     .username("ada@example.com")
///     .build()?;
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug)]
pub struct OktaSource {
    app: Url,
    settings: OktaSourceBuilder,
}

/// How [`OktaSource`] signs in.
#[derive(Debug, Clone)]
pub struct OktaSourceBuilder {
    app_url: String,
    username: Option<String>,
    password: Option<SecretString>,
    factor: Option<FactorKind>,
    transport: Arc<dyn Transport>,
    timer: Arc<dyn Timer>,
    patience: Duration,
}

impl OktaSource {
    /// A source for the AWS app with this embed link: in Okta's admin console, the app's page, tab General, "App Embed
    /// Link". A person finds it behind the app's tile on the dashboard.
    pub fn builder(app_url: impl Into<String>) -> OktaSourceBuilder {
        OktaSourceBuilder {
            app_url: app_url.into(),
            username: None,
            password: None,
            factor: None,
            transport: Arc::new(HttpTransport::default()),
            timer: Arc::new(SystemClock),
            patience: Duration::from_secs(300),
        }
    }

    fn host(&self) -> &str {
        self.app.host_str().unwrap_or_default()
    }
}

impl OktaSourceBuilder {
    /// The person's name in the org. Without one the person is asked.
    #[must_use]
    pub fn username(mut self, username: impl Into<String>) -> Self {
        self.username = Some(username.into());
        self
    }

    /// The person's password. Without one the person is asked.
    #[must_use]
    pub fn password(mut self, password: SecretString) -> Self {
        self.password = Some(password);
        self
    }

    /// The second factor to use where the person has several. Without one the person is asked.
    #[must_use]
    pub fn factor(mut self, factor: FactorKind) -> Self {
        self.factor = Some(factor);
        self
    }

    /// What sends the requests.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.transport = transport;
        self
    }

    /// What tells the time and waits between two looks at a push.
    #[must_use]
    pub fn timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.timer = timer;
        self
    }

    /// How long a push may wait for the person's answer: 5 minutes unless said otherwise, as Okta has it.
    #[must_use]
    pub fn patience(mut self, patience: Duration) -> Self {
        self.patience = patience;
        self
    }

    /// The source.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the link is no `https` URL of an app.
    pub fn build(self) -> Result<OktaSource> {
        let app = secure_url("the app's link", &self.app_url)?;
        if app.path().trim_matches('/').is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                format!("`{app}` is the org's address, not the link of its AWS app"),
            )
            .with_hint(
                "the link looks like `https://acme.okta.com/home/amazon_aws/0oa…/272`; copy it from the app's tile",
            ));
        }
        Ok(OktaSource { app, settings: self })
    }
}

/// How often the app may ask for another step before it gives its SAML response.
const STEP_UPS: usize = 3;

#[async_trait]
impl AssertionSource for OktaSource {
    fn describe(&self) -> String {
        format!("okta:{}", self.host())
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let agent = Agent::new(&self.app, &*self.settings.transport, &*self.settings.timer);
        let mut sign_in =
            SignIn { agent: &agent, settings: &self.settings, prompter: request.prompter, used_code: None };
        let mut outcome = sign_in.with_password().await?;
        for _ in 0..=STEP_UPS {
            let answer = match &outcome {
                Outcome::SessionToken(token) => agent.get(&self.redeem(token)).await?,
                Outcome::Next(url) => agent.get(url).await?,
            };
            match page::read(&answer, &self.app)? {
                Page::Saml(response) => return Ok(response),
                Page::StepUp(state_token) => outcome = sign_in.step_up(&state_token).await?,
            }
        }
        Err(page::refused("the app asks for one more step again and again", "check the app's sign-on policy"))
    }
}

impl OktaSource {
    /// The address that turns a session token into a session and leads on to the app.
    fn redeem(&self, token: &SecretString) -> Url {
        let mut url = self.app.clone();
        url.set_path("/login/sessionCookieRedirect");
        url.set_fragment(None);
        url.query_pairs_mut()
            .clear()
            .append_pair("checkAccountSetupComplete", "true")
            .append_pair("token", token.expose())
            .append_pair("redirectUrl", self.app.as_str());
        url
    }
}

/// Takes an address that Okta answered with, if it lies within the org.
fn within_org(app: &Url, text: &str) -> Result<Url> {
    match app.join(text) {
        Ok(url) if url.origin() == app.origin() => Ok(url),
        _ => Err(Error::new(
            ErrorKind::IdentityProviderError,
            Stage::SignIn,
            "Okta answered with an address outside the org, and nothing was sent there",
        )
        .with_hint("check that the app's link has the org's own domain")),
    }
}
