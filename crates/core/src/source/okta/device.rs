//! Device authorization (RFC 8628) and Okta's web SSO token: the person signs in in their own browser, with whatever the
//! org asks for, and this program gets the SAML response of the AWS app.
//!
//! Needs a native app in Okta with the grants "Device Authorization" and "Token Exchange", that the AWS app allows as a web
//! SSO client.

use std::time::Duration;

use http::StatusCode;
use jiff::Timestamp;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::agent::{Agent, Body};
use super::page::{self, Page};
use super::tokens::{self, Tokens};
use super::{OktaSource, apps, refusal};
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::SamlResponse;
use crate::secret::SecretString;
use crate::source::{Prompter, Visit};
use crate::text::printable;

const SCOPES: &str = "openid profile okta.apps.sso okta.apps.read okta.users.read.self offline_access";
/// The same for a client that must not have a refresh token.
const SCOPES_FOR_NOW: &str = "openid profile okta.apps.sso okta.apps.read okta.users.read.self";
/// How often to look for the tokens that somebody else refreshed.
const LOOKS: usize = 2;
/// What Okta says where a session, or a token of it, is no more.
const ENDED: [&str; 3] = ["invalid_grant", "invalid_token", refusal::INVALID_TOKEN];
/// What `slow_down` adds to the interval (RFC 8628, 3.5).
const SLOWER: Duration = Duration::from_secs(5);
/// An interval that is longer than this was not meant for a person who waits.
const LONGEST_INTERVAL: Duration = Duration::from_secs(60);

/// Okta's invitation to sign in elsewhere.
#[derive(Deserialize)]
struct Invitation {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u32,
    #[serde(default = "five")]
    interval: u32,
}

fn five() -> u32 {
    5
}

/// One sign-in of this kind.
pub(super) struct Device<'a> {
    pub(super) source: &'a OktaSource,
    pub(super) client: &'a str,
    pub(super) agent: &'a Agent<'a>,
    pub(super) prompter: &'a dyn Prompter,
}

impl Device<'_> {
    /// The SAML response by tokens that are kept; nothing where they do not do any more.
    pub(super) async fn silently(&self) -> Result<Option<SamlResponse>> {
        let Some(mut tokens) = tokens::load(self.source, self.client, |why| self.prompter.tell(why)) else {
            return Ok(None);
        };
        if !tokens.last(self.now()) {
            match self.refresh(&tokens).await? {
                Some(new) => tokens = new,
                None => return Ok(None),
            }
        }
        match self.saml_response(&tokens).await {
            Ok(response) => Ok(Some(response)),
            // The session behind the tokens has ended, or the app wants a fresher one: what the person can mend.
            Err(error) if ENDED.iter().any(|code| refusal::is(&error, code)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// The SAML response by the person's own browser.
    pub(super) async fn with_person(&self) -> Result<SamlResponse> {
        let tokens = self.invite().await?;
        match (&self.source.settings.username, tokens.person()) {
            (Some(wanted), Some(person)) if !is_same(wanted, &person) => {
                // What it was given is nobody's here. Where it cannot be given back, it ends by itself.
                let _ = self.give_back(&tokens).await;
                let message =
                    format!("the browser was signed in as `{}`, not as `{}`", printable(&person), printable(wanted));
                return Err(Error::new(ErrorKind::AuthenticationFailed, Stage::SignIn, message).with_hint(format!(
                    "sign out at https://{}/ in the browser and sign in again",
                    self.agent.host()
                )));
            }
            (Some(_), None) => {
                self.prompter.tell("Okta does not say who signed in, so that the sign-in is not kept");
                let response = self.saml_response(&tokens).await?;
                self.agent.forget_cookies();
                return Ok(response);
            }
            _ => self.keep(&tokens),
        }
        self.saml_response(&tokens).await
    }

    /// Ends what the tokens that are kept are good for. Says whether there were any.
    pub(super) async fn revoke(&self) -> Result<bool> {
        let mut lost = None;
        let tokens = tokens::load(self.source, self.client, |why| lost = Some(why.to_owned()));
        if let Some(why) = lost {
            return Err(Error::new(ErrorKind::Io, Stage::Store, why)
                .with_hint("end the session in the browser, at the org's own page"));
        }
        let Some(tokens) = tokens else { return Ok(false) };
        let given_back = self.give_back(&tokens).await;
        // Forgotten either way: what cannot be reached can still not be used from here.
        tokens::forget(self.source, self.client)?;
        given_back.map(|()| true)
    }

    async fn give_back(&self, tokens: &Tokens) -> Result<()> {
        let url = self.agent.within_org("/oauth2/v1/revoke")?;
        let (token, hint) = match &tokens.refresh {
            Some(refresh) => (refresh, "refresh_token"),
            None => (&tokens.access, "access_token"),
        };
        let form = [("token", token.expose()), ("token_type_hint", hint), ("client_id", self.client)];
        let answer = self.agent.submit(&url, &form).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let said = serde_json::from_slice(answer.body()).unwrap_or_default();
        Err(self.refusal(answer.status(), &said))
    }

    fn now(&self) -> Timestamp {
        self.agent.timer().now()
    }

    fn keep(&self, tokens: &Tokens) {
        if let Err(error) = tokens::keep(self.source, self.client, tokens) {
            self.prompter.tell(&format!("The sign-in at Okta is not kept: {error}"));
        }
    }

    async fn token(&self, form: &[(&str, &str)]) -> Result<(StatusCode, Value)> {
        self.agent.ask(&self.agent.within_org("/oauth2/v1/token")?, Body::Form(form)).await
    }

    fn refusal(&self, status: StatusCode, answer: &Value) -> Error {
        refusal::from_oauth(status, answer, self.agent.host())
    }

    /// New tokens for old ones; nothing where the old ones do not do any more.
    async fn refresh(&self, old: &Tokens) -> Result<Option<Tokens>> {
        let Some(refresh) = &old.refresh else { return Ok(None) };
        let form = [
            ("grant_type", "refresh_token"),
            ("refresh_token", refresh.expose()),
            ("client_id", self.client),
            ("scope", SCOPES),
        ];
        let (status, answer) = self.token(&form).await?;
        if !status.is_success() {
            let error = self.refusal(status, &answer);
            if !refusal::is(&error, "invalid_grant") {
                return Err(error);
            }
            // Somebody else may have refreshed them, since the old one is good once, and be about to keep the new ones.
            for _ in 0..LOOKS {
                let kept = tokens::load(self.source, self.client, |_| {});
                if let Some(new) = kept.filter(|kept| kept.access.expose() != old.access.expose()) {
                    return Ok(Some(new).filter(|new| new.last(self.now())));
                }
                self.agent.timer().sleep(Duration::from_secs(1)).await;
            }
            return Ok(None);
        }
        let mut new = Tokens::read(answer, self.now()).ok_or_else(not_tokens)?;
        // Where it does not rotate, it is not repeated.
        new.refresh = new.refresh.or_else(|| old.refresh.clone());
        // At once: the old one may be good no more.
        self.keep(&new);
        Ok(Some(new))
    }

    async fn invitation(&self) -> Result<Invitation> {
        let url = self.agent.within_org("/oauth2/v1/device/authorize")?;
        let mut answer = Value::Null;
        for scope in [SCOPES, SCOPES_FOR_NOW] {
            let (status, said) =
                self.agent.ask(&url, Body::Form(&[("client_id", self.client), ("scope", scope)])).await?;
            if status.is_success() {
                answer = said;
                break;
            }
            let error = self.refusal(status, &said);
            if scope == SCOPES_FOR_NOW || !refusal::is(&error, "invalid_scope") {
                return Err(error);
            }
        }
        serde_json::from_value(answer).map_err(|_| {
            Error::new(
                ErrorKind::IdentityProviderError,
                Stage::SignIn,
                "Okta answered device authorization with something unexpected",
            )
        })
    }

    /// Asks Okta for a code, sends the person to it, and waits for the tokens.
    async fn invite(&self) -> Result<Tokens> {
        let invitation = self.invitation().await?;
        let page = invitation.verification_uri_complete.as_deref().unwrap_or(&invitation.verification_uri);
        let page = self.agent.within_org(page)?;
        let timer = self.agent.timer();
        let lifetime = Duration::from_secs(invitation.expires_in.into());
        let deadline = Deadline::after(timer, lifetime.min(self.source.settings.patience));
        self.prompter.visit(&Visit::new(page).code(&invitation.user_code)).await?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", invitation.device_code.expose()),
            ("client_id", self.client),
        ];
        let mut interval = Duration::from_secs(invitation.interval.max(1).into()).min(LONGEST_INTERVAL);
        while !deadline.has_passed(timer) {
            timer.sleep(interval).await;
            let (status, answer) = match self.token(&form).await {
                Ok(answered) => answered,
                // The network may be back before the person is done (RFC 8628, 3.5).
                Err(error) if matches!(error.kind(), ErrorKind::Network | ErrorKind::DeadlineExceeded) => {
                    interval = (interval + SLOWER).min(LONGEST_INTERVAL);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if status.is_success() {
                return Tokens::read(answer, timer.now()).ok_or_else(not_tokens);
            }
            match answer.get("error").and_then(Value::as_str) {
                Some("authorization_pending") => {}
                Some("slow_down") => interval = (interval + SLOWER).min(LONGEST_INTERVAL),
                Some("expired_token") => break,
                _ => return Err(self.refusal(status, &answer)),
            }
        }
        Err(Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, "nobody signed in at the page in time")
            .with_hint("sign in again, and finish in the browser while the code is good"))
    }

    /// From tokens, over a web SSO token for the app, to its SAML response.
    async fn saml_response(&self, tokens: &Tokens) -> Result<SamlResponse> {
        let app = match &self.source.app {
            Some(app) => app.clone(),
            None => apps::choose(self.agent, Some(&tokens.access), self.prompter).await?,
        };
        let web_sso = self.web_sso_token(&app, tokens).await?;
        let url = self.agent.within_org("/login/token/sso")?;
        let answer = self.agent.submit(&url, &[("token", web_sso.expose())]).await?;
        match page::read(&answer, &app)? {
            Page::Saml(response) => Ok(response),
            Page::StepUp(_) => Err(page::refused(
                "the AWS app asks for one more step than the sign-in had",
                "the Okta administrator gives the AWS app and the native app the same authentication policy (Security > \
                 Authentication policies), or sign in with `--auth browser`",
            )),
        }
    }

    async fn web_sso_token(&self, app: &Url, tokens: &Tokens) -> Result<SecretString> {
        #[derive(Deserialize)]
        struct WebSso {
            access_token: SecretString,
        }
        let audience = format!("urn:okta:apps:{}", apps::instance_id(app)?);
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:token-exchange"),
            ("client_id", self.client),
            ("actor_token", tokens.access.expose()),
            ("actor_token_type", "urn:ietf:params:oauth:token-type:access_token"),
            ("subject_token", tokens.id.expose()),
            ("subject_token_type", "urn:ietf:params:oauth:token-type:id_token"),
            ("requested_token_type", "urn:okta:oauth:token-type:web_sso_token"),
            ("audience", audience.as_str()),
        ];
        let (status, answer) = self.token(&form).await?;
        if !status.is_success() {
            return Err(self.refusal(status, &answer));
        }
        let token: WebSso = serde_json::from_value(answer).map_err(|_| not_tokens())?;
        Ok(token.access_token)
    }
}

/// Whether two names are one person's: people leave out what is after the `@` where Okta lets them.
fn is_same(wanted: &str, person: &str) -> bool {
    let short = |name: &str| name.split('@').next().unwrap_or_default().to_lowercase();
    wanted.eq_ignore_ascii_case(person) || (!wanted.contains('@') && short(person) == wanted.to_lowercase())
}

fn not_tokens() -> Error {
    Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, "Okta's answer holds no tokens")
        .with_hint("the Okta administrator finds in the org's system log what it gave")
}
