//! Signs in at an Okta org and returns the SAML response of its AWS app, with the method that the org requires.
//!
//! The methods are those of [`Auth`]: the authentication API of the Classic Engine (`authn`), device authorization with a
//! web SSO token (`device`), a browser that is controlled from here, and the Identity Engine as Okta's own page uses it
//! (`idx`). Addresses that Okta answers with are followed only within the org, so that no password or token leaves it.
//!
//! ```
//! use tempaccess_core::AssertionSource;
//! use tempaccess_core::source::okta::OktaSource;
//!
//! let link = "https://acme.okta.com/home/amazon_aws/0oa1b2c3/272";
//! let okta = OktaSource::builder(link).username("ada@example.com").build()?;
//! assert_eq!(okta.describe(), "okta:acme.okta.com");
//! # Ok::<(), tempaccess_core::Error>(())
//! ```

mod address;
mod agent;
mod apps;
mod auth_method;
mod authn;
mod builder;
mod device;
mod factor;
mod factor_kind;
mod idx;
mod org_cache;
mod page;
mod prompts;
mod refusal;
mod scopes;
mod session;
mod step_up;
mod stored;
mod tokens;

use async_trait::async_trait;
use cookie_store::CookieStore;
use url::Url;

use self::agent::Agent;
use self::auth_method::AuthMethod;
use self::authn::ClassicSignIn;
use self::device::DeviceSignIn;
use self::org_cache::OrgCache;
use self::page::Page;
use self::prompts::SignInPrompts;
use self::step_up::AppSignIn;
#[cfg(feature = "browser")]
use super::browser::BrowserSource;
use super::{AssertionRequest, AssertionSource, CachedItem, NoPrompter, Notice, Prompter};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::SamlResponse;

#[cfg(feature = "config")]
pub(crate) use address::identity_of;
pub use auth_method::{Auth, Pipeline};
pub use builder::OktaSourceBuilder;
pub use factor_kind::FactorKind;
pub use refusal::{KNOWN_REFUSALS, KnownRefusal};

/// Signs in at an Okta org and returns the SAML response of its AWS app.
///
/// ```no_run
/// use tempaccess_core::source::okta::OktaSource;
///
/// let okta = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1b2c3d4E5f6G7h8i9/272")
///     .username("ada@example.com")
///     .build()?;
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug)]
pub struct OktaSource {
    org: Url,
    /// The link of the AWS app. Without one, the person's AWS app is looked up.
    app: Option<Url>,
    settings: OktaSourceBuilder,
}

impl OktaSource {
    /// Returns a builder for the AWS app with this embed link: in Okta's admin console, the app's page, tab General, "App
    /// Embed Link"; on the dashboard, the link of the app's tile. The address of the org alone works too: then the person's
    /// AWS app is looked up after the sign-in, and the person chooses one of several.
    pub fn builder(app_url: impl Into<String>) -> OktaSourceBuilder {
        OktaSourceBuilder::new(app_url.into())
    }

    /// Returns the address of the org.
    pub fn org(&self) -> &Url {
        &self.org
    }

    /// Asks the org for its engine, and describes the method that a sign-in would use. Sends nothing else.
    ///
    /// # Errors
    ///
    /// If the org does not answer, or if the method needs something that is missing here.
    pub async fn examine(&self) -> Result<(Option<Pipeline>, &'static str)> {
        let mut cache = OrgCache::load(self).await;
        let pipeline = org_cache::probe(&self.agent(cache.cookies())).await?;
        if let Some(pipeline) = pipeline {
            cache.set_pipeline(pipeline).await;
        }
        let method = AuthMethod::configured(self.settings.auth)
            .unwrap_or_else(|| self.method_for(pipeline.unwrap_or(Pipeline::Classic)));
        #[cfg(feature = "browser")]
        if method == AuthMethod::Browser {
            self.settings.browser.required()?;
        }
        Ok((pipeline, method.describe()))
    }
}

#[async_trait]
impl AssertionSource for OktaSource {
    fn describe(&self) -> String {
        address::describe(&self.org)
    }

    fn identity(&self) -> Option<String> {
        Some(address::identity(self.start(), self.settings.username.as_deref()))
    }

    fn session_identity(&self) -> Option<String> {
        Some(session::identity(self))
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        if !request.force_authn {
            match self.with_cached_session(request).await {
                Err(error) if error.kind() == ErrorKind::FactorUnsupported => {
                    return self.continue_in_browser(error, request).await;
                }
                Err(error) => return Err(error),
                Ok(Some(response)) => return Ok(response),
                Ok(None) => {}
            }
        }
        let mut cache = OrgCache::load(self).await;
        let agent = self.agent(cache.cookies());
        let method = self.method(&mut cache, &agent, request).await?;
        let response = match self.sign_in(method, &mut cache, &agent, request).await {
            Err(error) if error.kind() == ErrorKind::FactorUnsupported && method != AuthMethod::Browser => {
                self.continue_in_browser(error, request).await?
            }
            response => response?,
        };
        cache.save_device_cookie(&agent.cookies()).await;
        self.store_session(&agent, request.prompter).await;
        Ok(response)
    }

    async fn sign_out(&self) -> Result<bool> {
        let mut trouble = None;
        let session = session::load(self, |why| trouble = Some(why.to_owned())).await;
        let agent = self.agent(session.clone().unwrap_or_default());
        let revoked = match &self.settings.client_id {
            Some(client) => self.device(client, &agent, &NoPrompter).sign_out().await,
            None => Ok(false),
        };
        let ended = match (session, trouble) {
            (None, Some(why)) => Err(Error::new(ErrorKind::Io, Stage::Store, why)
                .with_hint("end the session in the browser, at the org's own page")),
            (None, None) => Ok(false),
            (Some(_), _) => {
                let ended = match agent.within_org("/api/v1/sessions/me") {
                    Ok(url) => agent.delete(&url).await,
                    Err(error) => Err(error),
                };
                // Removed in any case: a session that cannot be ended at Okta must not be used from here either.
                session::remove(self).await.and(ended)
            }
        };
        #[cfg(feature = "browser")]
        let forgotten = match self.browser_source() {
            Ok(browser) => browser.sign_out().await,
            Err(error) => Err(error),
        };
        #[cfg(not(feature = "browser"))]
        let forgotten: Result<bool> = Ok(false);
        // All three were tried, whichever failed.
        Ok(revoked? | ended? | forgotten?)
    }
}

impl OktaSource {
    fn agent(&self, cookies: CookieStore) -> Agent<'_> {
        Agent::new(&self.org, &*self.settings.transport, &*self.settings.timer, cookies)
    }

    fn device<'a>(&'a self, client: &'a str, agent: &'a Agent<'a>, prompter: &'a dyn Prompter) -> DeviceSignIn<'a> {
        DeviceSignIn { source: self, client, agent, prompter }
    }

    fn prompts<'a>(&'a self, request: &AssertionRequest<'a>) -> SignInPrompts<'a> {
        SignInPrompts::new(self, request.prompter, self.has_browser())
    }

    /// Whether a browser can be shown to continue in.
    fn has_browser(&self) -> bool {
        #[cfg(feature = "browser")]
        return self.settings.browser.can_be_shown();
        #[cfg(not(feature = "browser"))]
        false
    }

    fn method_for(&self, pipeline: Pipeline) -> AuthMethod {
        AuthMethod::for_pipeline(pipeline, self.settings.client_id.is_some(), self.has_browser())
    }

    /// Returns the method to sign in with: the one that is configured, or the one for the engine of the org. Tells the
    /// person which one was chosen.
    async fn method(
        &self,
        cache: &mut OrgCache<'_>,
        agent: &Agent<'_>,
        request: &AssertionRequest<'_>,
    ) -> Result<AuthMethod> {
        if let Some(method) = AuthMethod::configured(self.settings.auth) {
            return Ok(method);
        }
        let pipeline = cache.pipeline(agent).await?.unwrap_or(Pipeline::Classic);
        let method = self.method_for(pipeline);
        let (host, engine, description) = (agent.host(), pipeline.name(), method.describe());
        request.prompter.notify(&Notice::MethodChosen { host: host.to_owned(), engine, method: description });
        Ok(method)
    }

    async fn sign_in(
        &self,
        method: AuthMethod,
        cache: &mut OrgCache<'_>,
        agent: &Agent<'_>,
        request: &AssertionRequest<'_>,
    ) -> Result<SamlResponse> {
        match method {
            AuthMethod::Classic => {
                let mut app = AppSignIn::new(self, agent, self.prompts(request), Pipeline::Classic);
                let signed_in = ClassicSignIn::new(agent, &mut app.prompts).with_password().await;
                let signed_in = app.prompts.note_rejected_password(signed_in).await?;
                let response = app.saml_response(signed_in).await?;
                if app.pipeline != Pipeline::Classic {
                    cache.set_pipeline(app.pipeline).await;
                }
                Ok(response)
            }
            AuthMethod::Idx => {
                let mut app = AppSignIn::new(self, agent, self.prompts(request), Pipeline::Identity);
                let page = agent.get(self.start()).await?;
                let signed_in = match page::read(&page, self.start())? {
                    Page::Saml(response) => return Ok(response),
                    Page::StepUp(state_token) => app.step_up(&state_token).await?,
                };
                app.saml_response(signed_in).await
            }
            AuthMethod::Device => {
                let client = self.settings.client_id.as_deref().unwrap_or_default();
                let device = self.device(client, agent, request.prompter);
                if !request.force_authn
                    && let Some(response) = device.with_cached_tokens().await?
                {
                    return Ok(response);
                }
                device.with_person().await
            }
            AuthMethod::Browser => self.in_browser(request).await,
        }
    }

    /// Continues in a browser after `error`, if there is one.
    async fn continue_in_browser(&self, error: Error, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        // A configured method is not replaced by another one.
        if self.settings.auth != Auth::Auto || !self.has_browser() {
            return Err(error);
        }
        request.prompter.notify(&Notice::ContinuingInBrowser { reason: error.message().to_owned() });
        self.in_browser(request).await
    }

    #[cfg(feature = "browser")]
    async fn in_browser(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        self.browser_source()?.saml_response(request).await
    }

    #[cfg(not(feature = "browser"))]
    async fn in_browser(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, "this build cannot control a browser")
            .with_hint("build it with the feature `browser`"))
    }

    #[cfg(feature = "browser")]
    fn browser_source(&self) -> Result<BrowserSource> {
        let source = BrowserSource::new(self.start().as_str(), self.settings.browser.clone())?;
        Ok(match &self.settings.username {
            Some(username) => source.username(username),
            None => source,
        })
    }

    /// The page that a browser would start at: the link of the app, or the org.
    fn start(&self) -> &Url {
        self.app.as_ref().unwrap_or(&self.org)
    }

    /// Returns the SAML response by the cached session; nothing if a new sign-in is needed.
    async fn with_cached_session(&self, request: &AssertionRequest<'_>) -> Result<Option<SamlResponse>> {
        let Some(session) =
            session::load(self, |reason| request.prompter.notify(&Notice::Cache { text: reason.to_owned() })).await
        else {
            return Ok(None);
        };
        let agent = self.agent(session);
        let app = match &self.app {
            Some(app) => app.clone(),
            None => match apps::choose(&agent, None, request.prompter).await {
                Ok(app) => app,
                Err(error) if is_final(&error) => return Err(error),
                Err(_) => return Ok(None),
            },
        };
        let answer = match agent.get(&app).await {
            // Without a valid session, some orgs redirect to another host or in a circle.
            Err(error)
                if matches!(error.kind(), ErrorKind::IdentityProviderError | ErrorKind::IdentityProviderRefused) =>
            {
                return Ok(None);
            }
            answer => answer?,
        };
        let response = match page::read(&answer, &app) {
            Ok(Page::Saml(response)) => response,
            Ok(Page::StepUp(state_token)) => {
                let Some(pipeline) = self.step_up_pipeline(&agent).await? else { return Ok(None) };
                let mut sign_in = AppSignIn::new(self, &agent, self.prompts(request), pipeline).at(app);
                let signed_in = sign_in.step_up(&state_token).await?;
                sign_in.saml_response(signed_in).await?
            }
            Err(error) if error.kind() == ErrorKind::RateLimited => return Err(error),
            // A new sign-in helps, or reports the reason.
            Err(_) => return Ok(None),
        };
        self.store_session(&agent, request.prompter).await;
        Ok(Some(response))
    }

    /// Returns the engine that a step-up of a cached session belongs to; nothing if the method needs a new sign-in.
    async fn step_up_pipeline(&self, agent: &Agent<'_>) -> Result<Option<Pipeline>> {
        let method = match AuthMethod::configured(self.settings.auth) {
            Some(method) => method,
            None => self.method_for(OrgCache::load(self).await.pipeline(agent).await?.unwrap_or(Pipeline::Classic)),
        };
        Ok(match method {
            AuthMethod::Classic => Some(Pipeline::Classic),
            AuthMethod::Idx => Some(Pipeline::Identity),
            AuthMethod::Device | AuthMethod::Browser => None,
        })
    }

    async fn store_session(&self, agent: &Agent<'_>, prompter: &dyn Prompter) {
        let cookies = agent.cookies();
        // A sign-in in a browser leaves no session in these cookies.
        let has_session = cookies.get_request_values(&self.org).any(|(name, _)| matches!(name, "sid" | "idx"));
        if !has_session {
            return;
        }
        if let Err(error) = session::store(self, &cookies).await {
            prompter.notify(&Notice::NotCached { item: CachedItem::SignIn, reason: error.to_string() });
        }
    }
}

/// Whether a new sign-in could not avoid the error.
fn is_final(error: &Error) -> bool {
    matches!(
        error.kind(),
        ErrorKind::RateLimited
            | ErrorKind::Cancelled
            | ErrorKind::CallbackFailed
            | ErrorKind::InteractionRequired
            | ErrorKind::DeadlineExceeded
    )
}
