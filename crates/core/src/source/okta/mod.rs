//! Okta: from a sign-in at an org to the SAML response of its AWS app, in whichever way the org takes.
//!
//! The ways are [`Auth`]: the authentication API of the Classic Engine (`authn`), device authorization with a web SSO token
//! (`device`), a browser that is driven from here, and the Identity Engine as Okta's own page speaks to it (`idx`). Everything
//! that Okta answers with an address is followed only within the org: a password or token never leaves it.

mod agent;
mod apps;
mod authn;
mod builder;
mod device;
mod factor;
mod idx;
mod org;
mod page;
mod refusal;
mod session;
mod tokens;
mod way;
mod who;

use async_trait::async_trait;
use cookie_store::CookieStore;
use url::Url;

use self::agent::Agent;
use self::authn::{Outcome, SignIn};
use self::device::Device;
use self::idx::Idx;
use self::org::Org;
use self::page::Page;
use self::way::Way;
use self::who::Who;
#[cfg(feature = "browser")]
use super::browser::BrowserSource;
use super::{AssertionRequest, AssertionSource, NoPrompter, Prompter};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::secure_url;
use crate::saml::SamlResponse;
use crate::secret::SecretString;

pub use builder::OktaSourceBuilder;
pub use factor::FactorKind;
pub use refusal::{KNOWN_REFUSALS, KnownRefusal};
pub use way::{Auth, Pipeline};

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
    org: Url,
    /// The AWS app's link; without one, the person's only AWS app, or the one they choose.
    app: Option<Url>,
    settings: OktaSourceBuilder,
}

impl OktaSource {
    /// A source for the AWS app with this embed link: in Okta's admin console, the app's page, tab General, "App Embed
    /// Link". A person finds it behind the app's tile on the dashboard. The address of the org alone will do too: then the
    /// person's AWS app is looked for.
    pub fn builder(app_url: impl Into<String>) -> OktaSourceBuilder {
        OktaSourceBuilder::new(app_url.into())
    }

    /// The address of the org.
    pub fn org(&self) -> &Url {
        &self.org
    }
}

/// How often the app may ask for another step before it gives its SAML response.
const STEP_UPS: usize = 3;

#[async_trait]
impl AssertionSource for OktaSource {
    fn describe(&self) -> String {
        describe(&self.org)
    }

    fn identity(&self) -> Option<String> {
        Some(identity(self.app.as_ref().unwrap_or(&self.org), self.settings.username.as_deref()))
    }

    fn session_identity(&self) -> Option<String> {
        Some(session::identity(self))
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        if !request.anew {
            match self.by_kept_session(request).await {
                Err(error) if error.kind() == ErrorKind::FactorUnsupported => {
                    return self.hand_over(error, request).await;
                }
                Err(error) => return Err(error),
                Ok(Some(response)) => return Ok(response),
                Ok(None) => {}
            }
        }
        let mut org = Org::recall(self);
        let agent = self.agent(org.cookies());
        let way = self.way(&mut org, &agent, request).await?;
        let response = match self.sign_in(way, &mut org, &agent, request).await {
            Err(error) if error.kind() == ErrorKind::FactorUnsupported && way != Way::Browser => {
                self.hand_over(error, request).await?
            }
            response => response?,
        };
        org.learn(&agent.cookies());
        self.keep_session(&agent, request.prompter);
        Ok(response)
    }

    async fn sign_out(&self) -> Result<bool> {
        let mut lost = None;
        let session = session::load(self, |why| lost = Some(why.to_owned()));
        let agent = self.agent(session.clone().unwrap_or_default());
        let revoked = match &self.settings.client_id {
            Some(client) => self.device(client, &agent, &NoPrompter).revoke().await,
            None => Ok(false),
        };
        let ended = match (session, lost) {
            (None, Some(why)) => Err(Error::new(ErrorKind::Io, Stage::Store, why)
                .with_hint("end the session in the browser, at the org's own page")),
            (None, None) => Ok(false),
            (Some(_), _) => {
                let ended = match agent.within_org("/api/v1/sessions/me") {
                    Ok(url) => agent.delete(&url).await,
                    Err(error) => Err(error),
                };
                // Forgotten either way: what cannot be reached can still not be used from here.
                session::forget(self).and(ended)
            }
        };
        #[cfg(feature = "browser")]
        let forgotten = match self.browser_source() {
            Ok(browser) => browser.sign_out().await,
            Err(error) => Err(error),
        };
        #[cfg(not(feature = "browser"))]
        let forgotten = Ok(false);
        // What keeps one of them from ending keeps nothing else from it.
        Ok(revoked? | ended? | forgotten?)
    }
}

impl OktaSource {
    fn agent(&self, cookies: CookieStore) -> Agent<'_> {
        Agent::new(&self.org, &*self.settings.transport, &*self.settings.timer, cookies)
    }

    fn device<'a>(&'a self, client: &'a str, agent: &'a Agent<'a>, prompter: &'a dyn Prompter) -> Device<'a> {
        Device { source: self, client, agent, prompter }
    }

    fn who<'a>(&'a self, request: &AssertionRequest<'a>) -> Who<'a> {
        Who::new(self, request.prompter, self.has_browser())
    }

    /// Whether there is a browser that a person could go on in.
    fn has_browser(&self) -> bool {
        #[cfg(feature = "browser")]
        return self.settings.browser.can_be_shown();
        #[cfg(not(feature = "browser"))]
        false
    }

    /// The way that was asked for, where one was.
    fn named_way(&self) -> Option<Way> {
        Some(match self.settings.auth {
            Auth::Auto => return None,
            Auth::Classic => Way::Classic,
            Auth::Device => Way::Device,
            Auth::Browser => Way::Browser,
            Auth::Idx => Way::Idx,
        })
    }

    /// The way into an org with this pipeline.
    fn way_into(&self, pipeline: Pipeline) -> Way {
        Way::into(pipeline, self.settings.client_id.is_some(), self.has_browser())
    }

    /// The way that is taken: the one that was asked for, or the one that the org wants, which is said.
    async fn way(&self, org: &mut Org<'_>, agent: &Agent<'_>, request: &AssertionRequest<'_>) -> Result<Way> {
        Ok(match self.named_way() {
            Some(way) => way,
            None => {
                let pipeline = org.pipeline(agent).await?.unwrap_or(Pipeline::Classic);
                let way = self.way_into(pipeline);
                request.prompter.tell(&format!(
                    "{} has the {}: {}; `--auth` chooses another way",
                    agent.host(),
                    pipeline.name(),
                    way.words()
                ));
                way
            }
        })
    }

    /// What the org says of itself now, and how it is signed in to, in a few words. Asks for nothing else.
    ///
    /// # Errors
    ///
    /// Whatever keeps it from answering, and what the way needs that is not there.
    pub async fn examine(&self) -> Result<(Option<Pipeline>, &'static str)> {
        let mut org = Org::recall(self);
        let pipeline = org::probe(&self.agent(org.cookies())).await?;
        if let Some(pipeline) = pipeline {
            org.is(pipeline);
        }
        let way = self.named_way().unwrap_or_else(|| self.way_into(pipeline.unwrap_or(Pipeline::Classic)));
        #[cfg(feature = "browser")]
        if way == Way::Browser {
            self.settings.browser.required()?;
        }
        Ok((pipeline, way.words()))
    }

    async fn sign_in(
        &self,
        way: Way,
        org: &mut Org<'_>,
        agent: &Agent<'_>,
        request: &AssertionRequest<'_>,
    ) -> Result<SamlResponse> {
        match way {
            Way::Classic => {
                let mut steps = Steps { agent, who: self.who(request), pipeline: Pipeline::Classic };
                let outcome = SignIn::new(agent, &mut steps.who).with_password().await;
                let outcome = steps.who.ended(outcome)?;
                let response = self.at_the_app(&mut steps, outcome).await?;
                if steps.pipeline != Pipeline::Classic {
                    org.is(steps.pipeline);
                }
                Ok(response)
            }
            Way::Idx => {
                let mut steps = Steps { agent, who: self.who(request), pipeline: Pipeline::Identity };
                let page = agent.get(self.start()).await?;
                let outcome = match page::read(&page, self.start())? {
                    Page::Saml(response) => return Ok(response),
                    Page::StepUp(state_token) => steps.take(&state_token).await?,
                };
                self.at_the_app(&mut steps, outcome).await
            }
            Way::Device => {
                let client = self.settings.client_id.as_deref().unwrap_or_default();
                let device = self.device(client, agent, request.prompter);
                if !request.anew
                    && let Some(response) = device.silently().await?
                {
                    return Ok(response);
                }
                device.with_person().await
            }
            Way::Browser => self.in_browser(request).await,
        }
    }

    /// Goes on in a browser where there is one, with what a terminal cannot do.
    async fn hand_over(&self, error: Error, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        // Whoever names the way has said where they want to sign in.
        if self.settings.auth != Auth::Auto || !self.has_browser() {
            return Err(error);
        }
        request.prompter.tell(&format!("{}: going on in the browser", error.message()));
        self.in_browser(request).await
    }

    #[cfg(feature = "browser")]
    async fn in_browser(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        self.browser_source()?.saml_response(request).await
    }

    #[cfg(not(feature = "browser"))]
    async fn in_browser(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, "this build cannot drive a browser")
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

    /// Where a browser would start.
    fn start(&self) -> &Url {
        self.app.as_ref().unwrap_or(&self.org)
    }

    /// The response that a session from before still gives; nothing where it does not.
    async fn by_kept_session(&self, request: &AssertionRequest<'_>) -> Result<Option<SamlResponse>> {
        let trouble = |why: &str| request.prompter.tell(why);
        let Some(session) = session::load(self, trouble) else { return Ok(None) };
        let agent = self.agent(session);
        let app = match self.app_of_session(&agent, request.prompter).await {
            Ok(app) => app,
            Err(error)
                if matches!(
                    error.kind(),
                    ErrorKind::RateLimited | ErrorKind::Cancelled | ErrorKind::InteractionRequired
                ) =>
            {
                return Err(error);
            }
            Err(_) => return Ok(None),
        };
        let answer = match agent.get(&app).await {
            // An org that sends whoever has no session elsewhere, or in a circle.
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
                let Some(mut steps) = self.steps(&agent, request).await? else { return Ok(None) };
                let outcome = steps.take(&state_token).await?;
                self.at_the_app(&mut steps, outcome).await?
            }
            Err(error) if error.kind() == ErrorKind::RateLimited => return Err(error),
            // Whatever it is, signing in anew is what helps, or what tells why not.
            Err(_) => return Ok(None),
        };
        self.keep_session(&agent, request.prompter);
        Ok(Some(response))
    }

    /// How a step-up of a session is taken here; nothing where a new sign-in is what takes it.
    async fn steps<'a>(&'a self, agent: &'a Agent<'a>, request: &AssertionRequest<'a>) -> Result<Option<Steps<'a>>> {
        let way = match self.named_way() {
            Some(way) => way,
            None => self.way_into(Org::recall(self).pipeline(agent).await?.unwrap_or(Pipeline::Classic)),
        };
        let pipeline = match way {
            Way::Classic => Pipeline::Classic,
            Way::Idx => Pipeline::Identity,
            Way::Device | Way::Browser => return Ok(None),
        };
        Ok(Some(Steps { agent, who: self.who(request), pipeline }))
    }

    /// The app: the one that is configured, or the person's.
    async fn app_of_session(&self, agent: &Agent<'_>, prompter: &dyn Prompter) -> Result<Url> {
        match &self.app {
            Some(app) => Ok(app.clone()),
            None => apps::choose(agent, None, prompter).await,
        }
    }

    /// Goes on to the app, over the steps that it asks for, and takes its SAML response.
    async fn at_the_app(&self, steps: &mut Steps<'_>, mut outcome: Outcome) -> Result<SamlResponse> {
        for _ in 0..=STEP_UPS {
            let agent = steps.agent;
            let answer = match &outcome {
                Outcome::SessionToken(token) => agent.get(&self.redeem(token)).await?,
                Outcome::Next(url) => agent.get(url).await?,
            };
            let page = match page::read(&answer, self.start()) {
                // Signed in, and at the dashboard: the app is still to be found.
                Err(_) if self.app.is_none() && answer.status().is_success() => {
                    let app = apps::choose(agent, None, steps.who.prompter).await?;
                    page::read(&agent.get(&app).await?, &app)?
                }
                page => page?,
            };
            match page {
                Page::Saml(response) => return Ok(response),
                Page::StepUp(state_token) => outcome = steps.take(&state_token).await?,
            }
        }
        Err(page::refused("the app asks for one more step again and again", "check the app's sign-on policy"))
    }

    fn keep_session(&self, agent: &Agent<'_>, prompter: &dyn Prompter) {
        let cookies = agent.cookies();
        // What a browser of its own did left no session here.
        let names: Vec<_> = cookies.get_request_values(&self.org).map(|(name, _)| name).collect();
        if !names.iter().any(|name| matches!(*name, "sid" | "idx")) {
            return;
        }
        if let Err(error) = session::keep(self, &cookies) {
            prompter.tell(&format!("The session at Okta is not kept: {error}"));
        }
    }
}

/// How the steps that an app asks for are taken.
struct Steps<'a> {
    agent: &'a Agent<'a>,
    who: Who<'a>,
    /// Whose page it is that asks for them.
    pipeline: Pipeline,
}

impl Steps<'_> {
    async fn take(&mut self, state_token: &SecretString) -> Result<Outcome> {
        if self.pipeline == Pipeline::Classic {
            match SignIn::new(self.agent, &mut self.who).step_up(state_token).await? {
                Some(outcome) => return Ok(outcome),
                // An org with the Identity Engine that takes passwords over the old interface, or one that was upgraded.
                None => self.pipeline = Pipeline::Identity,
            }
        }
        let outcome = Idx { agent: self.agent, who: &mut self.who }.run(state_token).await.map(Outcome::Next);
        self.who.ended(outcome)
    }
}

impl OktaSource {
    /// The address that turns a session token into a session and leads on to the app.
    fn redeem(&self, token: &SecretString) -> Url {
        let mut url = self.org.clone();
        url.set_path("/login/sessionCookieRedirect");
        url.query_pairs_mut()
            .clear()
            .append_pair("checkAccountSetupComplete", "true")
            .append_pair("token", token.expose())
            .append_pair("redirectUrl", self.start().as_str());
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
    let (org, app) = org_and_app(link)?;
    Ok(identity(&app.unwrap_or(org), username))
}

/// The org in a word, for messages and records.
fn describe(org: &Url) -> String {
    format!("okta:{}", org.host_str().unwrap_or_default())
}

/// The org, and the app where the link is that of one.
fn org_and_app(link: &str) -> Result<(Url, Option<Url>)> {
    let app = secure_url("the app's link", link)?;
    let mut org = app.clone();
    org.set_path("/");
    org.set_query(None);
    org.set_fragment(None);
    let is_app = !app.path().trim_matches('/').is_empty();
    Ok((org, is_app.then_some(app)))
}

/// Takes an address that Okta answered with, if it lies within the org.
fn within_org(org: &Url, text: &str) -> Result<Url> {
    match org.join(text) {
        Ok(url) if url.origin() == org.origin() => Ok(url),
        _ => Err(Error::new(
            ErrorKind::IdentityProviderError,
            Stage::SignIn,
            "Okta answered with an address outside the org, and nothing was sent there",
        )
        .with_hint("check that the app's link has the org's own domain")),
    }
}
