//! Signs in by device authorization (RFC 8628) and Okta's web SSO token: the person signs in with their own browser, with
//! everything the org asks for, and this program receives the SAML response of the AWS app.
//!
//! Needs a native app in Okta with the grant types "Device Authorization" and "Token Exchange", and the AWS app must allow
//! it as a web SSO client.

use std::time::Duration;

use http::StatusCode;
use serde::Deserialize;
use serde_json::Value;
use url::Url;

use super::agent::{Agent, Body};
use super::page::{self, Page};
use super::scopes::ScopeSet;
use super::tokens::{self, Tokens};
use super::{OktaSource, apps, refusal};
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::SamlResponse;
use crate::secret::SecretString;
use crate::source::{CachedItem, Notice, Prompter, Visit};
use crate::text::excerpt;

/// How many times to look for tokens that another process has refreshed, and how long to wait in between.
const REFRESHED_ELSEWHERE_CHECKS: usize = 2;
const REFRESHED_ELSEWHERE_WAIT: Duration = Duration::from_secs(1);
/// Codes of Okta that mean that a session, or a token of it, has ended.
const SESSION_ENDED: [&str; 3] = ["invalid_grant", "invalid_token", refusal::INVALID_TOKEN];
/// The poll interval if Okta does not set one, and what `slow_down` adds to it (RFC 8628, 3.2 and 3.5).
const DEFAULT_POLL_INTERVAL: u32 = 5;
const SLOW_DOWN: Duration = Duration::from_secs(5);
/// The longest poll interval. A person waits for the answer.
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(60);

/// Okta's answer to a device authorization request (RFC 8628, 3.2).
#[derive(Deserialize)]
struct DeviceAuthorization {
    device_code: SecretString,
    user_code: String,
    verification_uri: String,
    verification_uri_complete: Option<String>,
    expires_in: u32,
    #[serde(default = "default_poll_interval")]
    interval: u32,
}

fn default_poll_interval() -> u32 {
    DEFAULT_POLL_INTERVAL
}

/// A sign-in by device authorization.
pub(super) struct DeviceSignIn<'a> {
    pub(super) source: &'a OktaSource,
    pub(super) client: &'a str,
    pub(super) agent: &'a Agent<'a>,
    pub(super) prompter: &'a dyn Prompter,
}

impl DeviceSignIn<'_> {
    /// Returns the SAML response by the cached tokens; nothing if these cannot be used any more.
    pub(super) async fn with_cached_tokens(&self) -> Result<Option<SamlResponse>> {
        let Some(mut tokens) = tokens::load(self.source, self.client, |reason| {
            self.prompter.notify(&Notice::Cache { text: reason.to_owned() });
        })
        .await
        else {
            return Ok(None);
        };
        if self.source.app.is_none() && !tokens.can_list_apps() {
            return Ok(None);
        }
        if !tokens.is_fresh(self.agent.now()) {
            match self.refresh(&tokens).await? {
                Some(new) => tokens = new,
                None => return Ok(None),
            }
        }
        match self.saml_response(&tokens).await {
            Ok(response) => Ok(Some(response)),
            // The session behind the tokens has ended, or the app requires a more recent one: the person can sign in again.
            Err(error) if SESSION_ENDED.iter().any(|code| refusal::has_code(&error, code)) => Ok(None),
            Err(error) => Err(error),
        }
    }

    /// Returns the SAML response after the person has signed in with their browser.
    pub(super) async fn with_person(&self) -> Result<SamlResponse> {
        let tokens = self.authorize().await?;
        match (&self.source.settings.username, tokens.person()) {
            (Some(wanted), Some(person)) if !is_same_person(wanted, &person) => {
                // The tokens must not be used here. If they cannot be revoked, they expire.
                let _ = self.revoke(&tokens).await;
                let message =
                    format!("the browser was signed in as `{}`, not as `{}`", excerpt(&person), excerpt(wanted));
                return Err(Error::new(ErrorKind::AuthenticationFailed, Stage::SignIn, message)
                    .with_hint(format!("sign out at {} in the browser and sign in again", self.agent.org())));
            }
            (Some(_), None) => {
                let reason = "Okta does not say who signed in".to_owned();
                self.prompter.notify(&Notice::NotCached { item: CachedItem::SignIn, reason });
                let response = self.saml_response(&tokens).await?;
                self.agent.clear_cookies();
                return Ok(response);
            }
            _ => self.store(&tokens).await,
        }
        self.saml_response(&tokens).await
    }

    /// Revokes the cached tokens and removes them. Returns whether there were any.
    pub(super) async fn sign_out(&self) -> Result<bool> {
        let mut trouble = None;
        let tokens = tokens::load(self.source, self.client, |why| trouble = Some(why.to_owned())).await;
        if let Some(why) = trouble {
            return Err(Error::new(ErrorKind::Io, Stage::Store, why)
                .with_hint("end the session in the browser, at the org's own page"));
        }
        let Some(tokens) = tokens else { return Ok(false) };
        let revoked = self.revoke(&tokens).await;
        // Removed in any case: tokens that cannot be revoked must not be used either.
        tokens::remove(self.source, self.client).await?;
        revoked.map(|()| true)
    }

    async fn revoke(&self, tokens: &Tokens) -> Result<()> {
        let url = self.agent.within_org("/oauth2/v1/revoke")?;
        let (token, hint) = match &tokens.refresh {
            Some(refresh) => (refresh, "refresh_token"),
            None => (&tokens.access, "access_token"),
        };
        let form = [("token", token.expose()), ("token_type_hint", hint), ("client_id", self.client)];
        let answer = self.agent.submit_form(&url, &form).await?;
        if answer.status().is_success() {
            return Ok(());
        }
        let body = serde_json::from_slice(answer.body()).unwrap_or_default();
        Err(self.refusal(answer.status(), &body))
    }

    async fn store(&self, tokens: &Tokens) {
        if let Err(error) = tokens::store(self.source, self.client, tokens).await {
            self.prompter.notify(&Notice::NotCached { item: CachedItem::SignIn, reason: error.to_string() });
        }
    }

    async fn post_token(&self, form: &[(&str, &str)]) -> Result<(StatusCode, Value)> {
        self.agent.post(&self.agent.within_org("/oauth2/v1/token")?, Body::Form(form)).await
    }

    fn refusal(&self, status: StatusCode, answer: &Value) -> Error {
        refusal::from_oauth(status, answer, self.agent.org())
    }

    /// Refreshes the tokens. Returns nothing if the refresh token cannot be used any more.
    async fn refresh(&self, old: &Tokens) -> Result<Option<Tokens>> {
        let Some(refresh) = &old.refresh else { return Ok(None) };
        let mut form =
            vec![("grant_type", "refresh_token"), ("refresh_token", refresh.expose()), ("client_id", self.client)];
        form.extend(old.scope.as_deref().map(|scope| ("scope", scope)));
        let (status, answer) = self.post_token(&form).await?;
        if !status.is_success() {
            let error = self.refusal(status, &answer);
            if !refusal::has_code(&error, "invalid_grant") {
                return Err(error);
            }
            // A refresh token works once. Another process may have used it and be about to store the new tokens.
            for _ in 0..REFRESHED_ELSEWHERE_CHECKS {
                let cached = tokens::load(self.source, self.client, |_| {}).await;
                if let Some(new) = cached.filter(|cached| cached.access.expose() != old.access.expose()) {
                    return Ok(Some(new).filter(|new| new.is_fresh(self.agent.now())));
                }
                self.agent.sleep(REFRESHED_ELSEWHERE_WAIT).await?;
            }
            return Ok(None);
        }
        let mut new = Tokens::read(answer, self.agent.now()).ok_or_else(no_tokens)?;
        // Okta repeats neither a refresh token that stays valid nor scopes that stay the same.
        new.refresh = new.refresh.or_else(|| old.refresh.clone());
        new.scope = new.scope.or_else(|| old.scope.clone());
        // Stored at once, because the old refresh token may be used up.
        self.store(&new).await;
        Ok(Some(new))
    }

    /// Requests a code for the person. Requests fewer scopes each time that Okta answers `invalid_scope`.
    async fn request_code(&self) -> Result<DeviceAuthorization> {
        let url = self.agent.within_org("/oauth2/v1/device/authorize")?;
        let mut refused = no_tokens();
        for scopes in ScopeSet::BY_PREFERENCE {
            let scope = scopes.parameter();
            let form = [("client_id", self.client), ("scope", scope.as_str())];
            let (status, answer) = self.agent.post(&url, Body::Form(&form)).await?;
            if status.is_success() && !scopes.suffices(self.source.app.is_some()) {
                return Err(refusal::from_state("insufficient_scope", self.agent.org()).unwrap_or(refused));
            }
            if status.is_success() {
                return serde_json::from_value(answer).map_err(|_| {
                    Error::new(
                        ErrorKind::IdentityProviderError,
                        Stage::SignIn,
                        "unexpected answer from Okta to a device authorization request",
                    )
                });
            }
            refused = self.refusal(status, &answer);
            if !refusal::has_code(&refused, "invalid_scope") {
                break;
            }
        }
        Err(refused)
    }

    /// Requests a code, sends the person to its page, and polls for the tokens until the code expires.
    async fn authorize(&self) -> Result<Tokens> {
        let authorization = self.request_code().await?;
        let page = authorization.verification_uri_complete.as_deref().unwrap_or(&authorization.verification_uri);
        let page = self.agent.within_org(page)?;
        let lifetime = Duration::from_secs(authorization.expires_in.into());
        let timer = self.agent.timer();
        let deadline = Deadline::after(timer, lifetime.min(self.source.settings.approval_timeout));
        self.prompter.visit(&Visit::new(page).code(&authorization.user_code)).await?;
        let form = [
            ("grant_type", "urn:ietf:params:oauth:grant-type:device_code"),
            ("device_code", authorization.device_code.expose()),
            ("client_id", self.client),
        ];
        let mut interval = Duration::from_secs(authorization.interval.max(1).into()).min(MAX_POLL_INTERVAL);
        while !deadline.has_passed(timer) {
            self.agent.sleep(interval).await?;
            let (status, answer) = match self.post_token(&form).await {
                Ok(answer) => answer,
                // The network may come back while the person signs in (RFC 8628, 3.5).
                Err(error) if matches!(error.kind(), ErrorKind::Network | ErrorKind::DeadlineExceeded) => {
                    interval = (interval + SLOW_DOWN).min(MAX_POLL_INTERVAL);
                    continue;
                }
                Err(error) => return Err(error),
            };
            if status.is_success() {
                return Tokens::read(answer, self.agent.now()).ok_or_else(no_tokens);
            }
            match answer.get("error").and_then(Value::as_str) {
                Some("authorization_pending") => {}
                Some("slow_down") => interval = (interval + SLOW_DOWN).min(MAX_POLL_INTERVAL),
                Some("expired_token") => break,
                _ => return Err(self.refusal(status, &answer)),
            }
        }
        Err(Error::new(
            ErrorKind::DeadlineExceeded,
            Stage::SignIn,
            "the sign-in was not finished in the browser in time",
        )
        .with_hint("sign in again, and finish in the browser before the code expires"))
    }

    /// Exchanges the tokens for a web SSO token of the app, and that for its SAML response.
    async fn saml_response(&self, tokens: &Tokens) -> Result<SamlResponse> {
        let app = match &self.source.app {
            Some(app) => app.clone(),
            None => apps::choose(self.agent, Some(&tokens.access), self.prompter).await?,
        };
        let web_sso = self.web_sso_token(&app, tokens).await?;
        let url = self.agent.within_org("/login/token/sso")?;
        let answer = self.agent.submit_form(&url, &[("token", web_sso.expose())]).await?;
        match page::read(&answer, &app)? {
            Page::Saml(response) => Ok(response),
            Page::StepUp(_) => Err(page::refused(
                "the AWS app requires another authentication step than the sign-in had",
                "the Okta administrator gives the AWS app and the native app the same authentication policy (Security > \
                 Authentication policies); until then, sign in with `--auth browser`",
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
        let (status, answer) = self.post_token(&form).await?;
        if !status.is_success() {
            return Err(self.refusal(status, &answer));
        }
        let token: WebSso = serde_json::from_value(answer).map_err(|_| no_tokens())?;
        Ok(token.access_token)
    }
}

/// Whether two user names are the same person's: many orgs let people leave out the domain.
fn is_same_person(wanted: &str, person: &str) -> bool {
    let short = |name: &str| name.split('@').next().unwrap_or_default().to_lowercase();
    wanted.eq_ignore_ascii_case(person) || (!wanted.contains('@') && short(person) == wanted.to_lowercase())
}

fn no_tokens() -> Error {
    Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, "Okta answered without the tokens that were requested")
        .with_hint("the Okta administrator finds the request in the org's system log (Reports > System Log)")
}
