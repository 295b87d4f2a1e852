//! Okta: name, password and second factor over the authentication API, then the SAML response of the AWS app.
//!
//! Follows Okta's reference for the Authentication API (`/api/v1/authn`) and the app's embed link. Everything that
//! Okta answers with an address is followed only within the org: a password or token never leaves it.

mod agent;
mod authn;
mod factor;
mod page;
mod refusal;
mod session;

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use cookie_store::CookieStore;
use url::Url;

use self::agent::Agent;
use self::authn::{Outcome, SignIn};
use self::page::Page;
use super::{AssertionRequest, AssertionSource, Prompter};
use crate::clock::{SystemClock, Timer};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{HttpTransport, Transport, secure_url};
use crate::saml::SamlResponse;
use crate::secret::SecretString;
use crate::store::Store;

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
    password: Option<Password>,
    factor: Option<FactorKind>,
    transport: Arc<dyn Transport>,
    timer: Arc<dyn Timer>,
    patience: Duration,
    store: Option<Arc<dyn Store>>,
}

/// Where the password comes from. It is not looked for before it is needed.
#[derive(Debug, Clone)]
enum Password {
    Known(SecretString),
    #[cfg(feature = "config")]
    Command {
        program: String,
        arguments: Vec<String>,
    },
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
            store: None,
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
        self.password = Some(Password::Known(password));
        self
    }

    /// A program whose first line is the password, run when the password is needed.
    #[cfg(feature = "config")]
    #[must_use]
    pub fn password_command<A: Into<String>>(
        mut self,
        program: impl Into<String>,
        arguments: impl IntoIterator<Item = A>,
    ) -> Self {
        let arguments = arguments.into_iter().map(Into::into).collect();
        self.password = Some(Password::Command { program: program.into(), arguments });
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

    /// Keeps the session at Okta here, so that the next sign-in is silent as long as Okta lets it be.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// The source.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the link is no `https` URL of an app.
    pub fn build(self) -> Result<OktaSource> {
        let app = app(&self.app_url)?;
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

    fn identity(&self) -> Option<String> {
        Some(identity(&self.app, self.settings.username.as_deref()))
    }

    fn session_identity(&self) -> Option<String> {
        Some(session::identity(&self.settings, &self.app))
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        if !request.anew
            && let Some(response) = self.by_kept_session(request).await?
        {
            return Ok(response);
        }
        let agent = self.agent(None);
        let mut sign_in =
            SignIn { agent: &agent, settings: &self.settings, prompter: request.prompter, used_code: None };
        let outcome = sign_in.with_password().await?;
        let response = self.at_the_app(&mut sign_in, outcome).await?;
        self.keep_session(&agent, request.prompter);
        Ok(response)
    }

    async fn sign_out(&self) -> Result<bool> {
        let mut lost = None;
        let session = session::load(&self.settings, &self.app, |why| lost = Some(why.to_owned()));
        let Some(session) = session else {
            return lost.map_or(Ok(false), |why| {
                Err(Error::new(ErrorKind::Io, Stage::Store, why)
                    .with_hint("end the session in the browser, at the org's own page"))
            });
        };
        let agent = self.agent(Some(session));
        let mut url = self.app.clone();
        url.set_path("/api/v1/sessions/me");
        url.set_query(None);
        let ended = agent.delete(&url).await;
        // Forgotten either way: what cannot be reached can still not be used from here.
        session::forget(&self.settings, &self.app)?;
        ended
    }
}

impl OktaSource {
    fn agent(&self, cookies: Option<CookieStore>) -> Agent<'_> {
        Agent::new(&self.app, &*self.settings.transport, &*self.settings.timer, cookies.unwrap_or_default())
    }

    /// The response that a session from before still gives; nothing where it does not.
    async fn by_kept_session(&self, request: &AssertionRequest<'_>) -> Result<Option<SamlResponse>> {
        let trouble = |why: &str| request.prompter.tell(why);
        let Some(session) = session::load(&self.settings, &self.app, trouble) else { return Ok(None) };
        let agent = self.agent(Some(session));
        let answer = agent.get(&self.app).await?;
        let response = match page::read(&answer, &self.app) {
            Ok(Page::Saml(response)) => response,
            Ok(Page::StepUp(state_token)) => {
                let mut sign_in =
                    SignIn { agent: &agent, settings: &self.settings, prompter: request.prompter, used_code: None };
                let outcome = sign_in.step_up(&state_token).await?;
                self.at_the_app(&mut sign_in, outcome).await?
            }
            Err(error) if error.kind() == ErrorKind::RateLimited => return Err(error),
            // Whatever it is, signing in anew is what helps, or what tells why not.
            Err(_) => return Ok(None),
        };
        self.keep_session(&agent, request.prompter);
        Ok(Some(response))
    }

    /// Goes on to the app, over the steps that it asks for, and takes its SAML response.
    async fn at_the_app(&self, sign_in: &mut SignIn<'_>, mut outcome: Outcome) -> Result<SamlResponse> {
        for _ in 0..=STEP_UPS {
            let answer = match &outcome {
                Outcome::SessionToken(token) => sign_in.agent.get(&self.redeem(token)).await?,
                Outcome::Next(url) => sign_in.agent.get(url).await?,
            };
            match page::read(&answer, &self.app)? {
                Page::Saml(response) => return Ok(response),
                Page::StepUp(state_token) => outcome = sign_in.step_up(&state_token).await?,
            }
        }
        Err(page::refused("the app asks for one more step again and again", "check the app's sign-on policy"))
    }

    fn keep_session(&self, agent: &Agent<'_>, prompter: &dyn Prompter) {
        if let Err(error) = session::keep(&self.settings, &self.app, &agent.cookies(), self.settings.timer.now()) {
            prompter.tell(&format!("The session at Okta is not kept: {error}"));
        }
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

/// App and person: what one source of this kind differs in from another.
fn identity(app: &Url, username: Option<&str>) -> String {
    format!("okta {app} {}", username.unwrap_or_default())
}

/// The same for a link that is not read yet.
#[cfg(feature = "config")]
pub(crate) fn identity_of(link: &str, username: Option<&str>) -> Result<String> {
    Ok(identity(&app(link)?, username))
}

fn app(link: &str) -> Result<Url> {
    let app = secure_url("the app's link", link)?;
    if app.path().trim_matches('/').is_empty() {
        let message = format!("`{app}` is the org's address, not the link of its AWS app");
        return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message).with_hint(
            "the link looks like `https://acme.okta.com/home/amazon_aws/0oa…/272`; copy it from the app's tile",
        ));
    }
    Ok(app)
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
