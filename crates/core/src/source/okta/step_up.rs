//! From a signed-in person to the SAML response: opens the AWS app, and takes the further authentication steps that the
//! app requires ("step-up").

use url::Url;

use super::agent::Agent;
use super::auth_method::Pipeline;
use super::authn::{ClassicSignIn, SignedIn};
use super::idx::IdxSignIn;
use super::page::{self, Page};
use super::prompts::SignInPrompts;
use super::{OktaSource, apps};
use crate::error::{ErrorKind, Result};
use crate::saml::SamlResponse;
use crate::secret::SecretString;

/// How many further steps an app may require.
const MAX_STEP_UPS: usize = 3;

/// The sign-in to the AWS app.
pub(super) struct AppSignIn<'a> {
    source: &'a OktaSource,
    agent: &'a Agent<'a>,
    pub(super) prompts: SignInPrompts<'a>,
    /// The engine whose page asks for further steps.
    pub(super) pipeline: Pipeline,
    /// The link of the app, once it is known.
    app: Option<Url>,
}

impl<'a> AppSignIn<'a> {
    pub(super) fn new(
        source: &'a OktaSource,
        agent: &'a Agent<'a>,
        prompts: SignInPrompts<'a>,
        pipeline: Pipeline,
    ) -> Self {
        Self { source, agent, prompts, pipeline, app: source.app.clone() }
    }

    /// Sets the app that was looked up.
    pub(super) fn at(mut self, app: Url) -> Self {
        self.app = Some(app);
        self
    }

    /// Takes the further step with this state token.
    pub(super) async fn step_up(&mut self, state_token: &SecretString) -> Result<SignedIn> {
        if self.pipeline == Pipeline::Classic {
            match ClassicSignIn::new(self.agent, &mut self.prompts).step_up(state_token).await? {
                Some(signed_in) => return Ok(signed_in),
                // The org has the Identity Engine and accepts passwords over the older interface, or it was upgraded.
                None => self.pipeline = Pipeline::Identity,
            }
        }
        let signed_in = IdxSignIn::new(self.agent, &mut self.prompts).run(state_token).await;
        self.prompts.note_rejected_password(signed_in.map(SignedIn::Continue)).await
    }

    /// Opens the app and returns its SAML response.
    pub(super) async fn saml_response(&mut self, mut signed_in: SignedIn) -> Result<SamlResponse> {
        for _ in 0..=MAX_STEP_UPS {
            let address = match &signed_in {
                SignedIn::SessionToken(token) => self.redeem_address(token),
                SignedIn::Continue(url) => url.clone(),
            };
            let answer = self.agent.get(&address).await;
            let page = match &self.app {
                Some(app) => page::read(&answer?, app),
                // The dashboard has no SAML response, but it can ask for a further step, too.
                None => match answer.and_then(|answer| page::read(&answer, &self.source.org)) {
                    Err(error) if is_about_page(error.kind()) => self.open_app().await,
                    page => page,
                },
            };
            match page? {
                Page::Saml(response) => return Ok(response),
                Page::StepUp(state_token) => signed_in = self.step_up(&state_token).await?,
            }
        }
        Err(page::refused(
            "the app requires more authentication steps each time",
            "the Okta administrator checks the authentication policy of the AWS app (Security > Authentication policies)",
        ))
    }

    /// Looks the app up and opens it.
    async fn open_app(&mut self) -> Result<Page> {
        let app = apps::choose(self.agent, None, self.prompts.prompter).await?;
        let page = page::read(&self.agent.get(&app).await?, &app);
        self.app = Some(app);
        page
    }

    /// Returns the address that exchanges a session token for a session and continues at the app.
    fn redeem_address(&self, token: &SecretString) -> Url {
        let mut url = self.source.org.clone();
        url.set_path("/login/sessionCookieRedirect");
        let target = self.app.as_ref().unwrap_or(&self.source.org);
        url.query_pairs_mut()
            .clear()
            .append_pair("checkAccountSetupComplete", "true")
            .append_pair("token", token.expose())
            .append_pair("redirectUrl", target.as_str());
        url
    }
}

/// Whether an error only says that a page is not the one of an app.
fn is_about_page(kind: ErrorKind) -> bool {
    matches!(kind, ErrorKind::IdentityProviderError | ErrorKind::IdentityProviderRefused | ErrorKind::NoSamlResponse)
}
