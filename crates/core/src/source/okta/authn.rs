//! The authentication transaction: from name and password, over the second factor, to a session token.

use serde::Deserialize;
use serde_json::{Value, json};
use std::time::Duration;
use url::Url;

use super::agent::Agent;
use super::factor::{Chosen, Factor, FactorKind, Factors};
use super::refusal;
use super::who::{Answer, CODES, Who};
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::{SecretJson, SecretString};
use crate::text::printable;

/// No honest transaction has more states than this.
const STATES: usize = 32;
/// Okta asks for two seconds or more between two looks at a push.
const POLL: Duration = Duration::from_secs(2);

/// A signed-in person, as Okta puts it.
pub(super) enum Outcome {
    /// A token to be exchanged for a session.
    SessionToken(SecretString),
    /// The session is there already; this is where to go on.
    Next(Url),
}

/// A transaction as Okta describes it.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Transaction {
    status: String,
    #[serde(default)]
    state_token: Option<SecretString>,
    #[serde(default)]
    session_token: Option<SecretString>,
    #[serde(default)]
    factor_result: Option<String>,
    #[serde(default, rename = "_embedded")]
    embedded: Embedded,
    #[serde(default, rename = "_links")]
    links: Value,
}

#[derive(Default, Deserialize)]
struct Embedded {
    #[serde(default)]
    factors: Vec<Factor>,
    #[serde(default)]
    factor: Option<Value>,
    #[serde(default)]
    policy: Policy,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Policy {
    #[serde(default)]
    allow_remember_device: bool,
}

impl Transaction {
    fn read(answer: Value) -> Result<Self> {
        serde_json::from_value(answer).map_err(|_| unexpected("its answer is no authentication transaction"))
    }

    fn state_token(&self) -> Result<&SecretString> {
        self.state_token.as_ref().ok_or_else(|| unexpected("its answer has no state token"))
    }

    /// `_links.NAME`, or the first of several.
    fn href(&self, name: &str) -> Option<&str> {
        let link = self.links.get(name)?;
        link.get("href").or_else(|| link.get(0)?.get("href"))?.as_str()
    }

    fn factor(&self) -> Option<Factor> {
        serde_json::from_value(self.embedded.factor.clone()?).ok()
    }

    /// The number to tap on the telephone. It can be 0, and a string.
    fn correct_answer(&self) -> Option<String> {
        match self.embedded.factor.as_ref()?.pointer("/_embedded/challenge/correctAnswer")? {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(printable(text).into_owned()),
            _ => None,
        }
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(
        ErrorKind::IdentityProviderError,
        Stage::SignIn,
        format!("Okta answered with something unexpected: {what}"),
    )
    .with_hint("check that the app's link is that of an Okta org")
}

/// One person's way through the transaction.
pub(super) struct SignIn<'a, 'w> {
    pub(super) agent: &'a Agent<'w>,
    pub(super) who: &'a mut Who<'w>,
    /// Whether Okta shall remember this machine with the factor that is verified.
    remember: bool,
}

impl<'a, 'w> SignIn<'a, 'w> {
    pub(super) fn new(agent: &'a Agent<'w>, who: &'a mut Who<'w>) -> Self {
        Self { agent, who, remember: false }
    }

    /// From name and password to the end.
    pub(super) async fn with_password(&mut self) -> Result<Outcome> {
        let first = self.send_password(None, None).await?;
        self.run(first, true).await
    }

    /// From the state token of a page to the end; nothing where the page is not this interface's.
    pub(super) async fn step_up(&mut self, state_token: &SecretString) -> Result<Option<Outcome>> {
        let url = self.agent.within_org("/api/v1/authn")?;
        let first = match self.post(&url, json!({ "stateToken": state_token.expose() })).await {
            Err(error) if refusal::is(&error, refusal::INVALID_TOKEN) => return Ok(None),
            first => first?,
        };
        self.run(first, false).await.map(Some)
    }

    async fn send_password(&mut self, url: Option<Url>, state_token: Option<&SecretString>) -> Result<Transaction> {
        let url = url.map_or_else(|| self.agent.within_org("/api/v1/authn"), Ok)?;
        let (username, password) = self.who.name_and_password(self.agent.host()).await?;
        let mut body = json!({
            "username": username,
            "password": password.expose(),
            "options": { "multiOptionalFactorEnroll": false, "warnBeforePasswordExpired": false },
        });
        if let (Some(token), Some(fields)) = (state_token, body.as_object_mut()) {
            fields.insert("stateToken".to_owned(), token.expose().into());
        }
        self.post(&url, body).await
    }

    async fn post(&self, url: &Url, body: Value) -> Result<Transaction> {
        let body = SecretJson(body);
        let mut url = url.clone();
        if self.remember && url.path().ends_with("/verify") {
            url.query_pairs_mut().append_pair("rememberDevice", "true");
        }
        Transaction::read(self.agent.post(&url, &body.0).await?)
    }

    async fn run(&mut self, first: Transaction, mut sent_password: bool) -> Result<Outcome> {
        let mut now = first;
        for _ in 0..STATES {
            now = match now.status.as_str() {
                "SUCCESS" => return self.finished(&now),
                "MFA_REQUIRED" => self.begin_factor(now).await?,
                "MFA_CHALLENGE" => self.answer_challenge(now).await?,
                "PASSWORD_WARN" => self.skip_warning(&now).await?,
                "UNAUTHENTICATED" if !sent_password => {
                    sent_password = true;
                    let url = now.href("next").map(|href| self.agent.within_org(href)).transpose()?;
                    self.send_password(url, now.state_token.as_ref()).await?
                }
                status => return Err(self.dead_end(status)),
            };
        }
        Err(unexpected("its transaction does not come to an end"))
    }

    fn finished(&self, transaction: &Transaction) -> Result<Outcome> {
        if let Some(token) = &transaction.session_token {
            return Ok(Outcome::SessionToken(token.clone()));
        }
        let next = transaction.href("next").ok_or_else(|| unexpected("its success carries no session token"))?;
        self.agent.within_org(next).map(Outcome::Next)
    }

    async fn skip_warning(&self, transaction: &Transaction) -> Result<Transaction> {
        self.who.prompter.tell("Okta: your password expires soon");
        let href = transaction.href("skip").ok_or_else(|| unexpected("its password warning cannot be skipped"))?;
        self.post(&self.agent.within_org(href)?, with_state(transaction, [])?).await
    }

    /// A state that a terminal cannot lead out of.
    fn dead_end(&self, status: &str) -> Error {
        let host = self.agent.host();
        let (kind, message, hint) = match status {
            "LOCKED_OUT" => (
                ErrorKind::AccountLocked,
                "the account is locked".to_owned(),
                format!("unlock it at https://{host}/, or ask the Okta administrator"),
            ),
            "PASSWORD_EXPIRED" => (
                ErrorKind::AccountActionRequired,
                "the password has expired".to_owned(),
                format!("sign in at https://{host}/ and choose a new one"),
            ),
            "MFA_ENROLL" | "MFA_ENROLL_ACTIVATE" => (
                ErrorKind::AccountActionRequired,
                "Okta wants you to set up a second factor first".to_owned(),
                format!("sign in at https://{host}/ and set it up"),
            ),
            "RECOVERY" | "RECOVERY_CHALLENGE" | "PASSWORD_RESET" => (
                ErrorKind::AccountActionRequired,
                "the account is being recovered".to_owned(),
                format!("finish that at https://{host}/"),
            ),
            "UNAUTHENTICATED" => (
                ErrorKind::AuthenticationFailed,
                "Okta asks for the password again".to_owned(),
                "sign in again".to_owned(),
            ),
            other => (
                ErrorKind::IdentityProviderError,
                format!("Okta answered with the state `{}`, which is not known here", printable(other)),
                format!("sign in at https://{host}/ to see what it wants"),
            ),
        };
        Error::new(kind, Stage::SignIn, message).with_hint(hint)
    }

    /// Chooses a factor and begins with it.
    async fn begin_factor(&mut self, transaction: Transaction) -> Result<Transaction> {
        let factors = Factors::new(transaction.embedded.factors.clone(), self.who.settings.factor)?;
        let factor = match factors.choose(self.who).await? {
            Chosen::Here(factor) => factor,
            Chosen::InBrowser(error) => return Err(error),
        };
        let href = factor.verify_href().ok_or_else(|| unexpected("its factor cannot be verified"))?;
        let url = self.agent.within_org(href)?;
        self.remember = transaction.embedded.policy.allow_remember_device && self.who.settings.remember_device;
        match factor.kind() {
            Some(FactorKind::Push) => {
                let waiting = self.post(&url, with_state(&transaction, [])?).await?;
                self.who.prompter.tell(&format!("Sent: {}. Approve it there", factor.describe()));
                Ok(waiting)
            }
            Some(kind) if kind.is_sent() => {
                let sent = self.post(&url, with_state(&transaction, [])?).await?;
                self.who.prompter.tell(&format!("Sent: {}", factor.describe()));
                Ok(sent)
            }
            _ => self.answer(&transaction, &factor, &url).await,
        }
    }

    /// Goes on with a factor that Okta is waiting for.
    async fn answer_challenge(&mut self, transaction: Transaction) -> Result<Transaction> {
        let factor = transaction.factor().ok_or_else(|| unexpected("its challenge names no factor"))?;
        let href = transaction.href("next").ok_or_else(|| unexpected("its challenge has no next step"))?;
        let url = self.agent.within_org(href)?;
        match factor.kind() {
            Some(FactorKind::Push) => self.wait_for_push(transaction, &url).await,
            Some(_) => self.answer(&transaction, &factor, &url).await,
            None => Err(factor.not_here()),
        }
    }

    /// Asks for a code or an answer until Okta takes it, a few times at most.
    async fn answer(&mut self, transaction: &Transaction, factor: &Factor, url: &Url) -> Result<Transaction> {
        let (field, question) = match factor.kind() {
            Some(FactorKind::Question) => {
                let asked =
                    factor.profile.get("questionText").and_then(Value::as_str).unwrap_or("Answer to your question");
                ("answer", printable(asked).into_owned())
            }
            _ => ("passCode", format!("Code: {}", factor.describe())),
        };
        let resend = transaction.href("resend").map(|href| self.agent.within_org(href)).transpose()?;
        let resend = resend.filter(|_| factor.kind().is_some_and(FactorKind::is_sent));
        for tries_left in (0..CODES).rev() {
            let answer = match (self.who.code(&question, resend.is_some()).await?, &resend) {
                (Some(Answer::Code(answer)), _) => answer,
                (Some(Answer::Again), Some(resend)) => {
                    match self.post(resend, with_state(transaction, [])?).await {
                        Ok(_) => self.who.prompter.tell(&format!("Sent again: {}", factor.describe())),
                        Err(error) if error.kind() == ErrorKind::RateLimited => {
                            self.who.prompter.tell(error.message());
                        }
                        Err(error) => return Err(error),
                    }
                    continue;
                }
                _ => continue,
            };
            match self.post(url, with_state(transaction, [(field, answer.expose())])?).await {
                Ok(next) => {
                    self.who.used((field == "passCode").then_some(answer));
                    return Ok(next);
                }
                Err(error)
                    if (refusal::is(&error, refusal::WRONG_CODE) || refusal::is(&error, refusal::USED_CODE))
                        && tries_left > 0 =>
                {
                    self.who.prompter.tell(error.message())
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::FactorFailed, Stage::SignIn, "no code was accepted").with_hint("sign in again"))
    }

    /// Looks every two seconds until the person has answered the push, or patience ends.
    async fn wait_for_push(&self, first: Transaction, url: &Url) -> Result<Transaction> {
        let timer = self.agent.timer();
        let deadline = Deadline::after(timer, self.who.settings.patience);
        let body = with_state(&first, [])?;
        let mut now = first;
        let mut shown = None;
        loop {
            if now.status != "MFA_CHALLENGE" {
                return Ok(now);
            }
            let result = now.factor_result.as_deref().unwrap_or("WAITING");
            let (kind, message) = match result {
                "WAITING" if !deadline.has_passed(timer) => {
                    let number = now.correct_answer();
                    if number.is_some() && number != shown {
                        self.who
                            .prompter
                            .tell(&format!("Tap the number {} there", number.as_deref().unwrap_or_default()));
                        shown = number;
                    }
                    timer.sleep(POLL).await;
                    now = self.post(url, body.clone()).await?;
                    continue;
                }
                "WAITING" | "TIMEOUT" => (ErrorKind::DeadlineExceeded, "nobody answered the push in time".to_owned()),
                "REJECTED" => (ErrorKind::FactorFailed, "the push was rejected on the telephone".to_owned()),
                "CANCELLED" => (ErrorKind::FactorFailed, "the push was cancelled".to_owned()),
                other => (ErrorKind::FactorFailed, format!("the push failed ({})", printable(other))),
            };
            return Err(Error::new(kind, Stage::SignIn, message)
                .with_hint("sign in again; if you did not ask for the push, tell your Okta administrator"));
        }
    }
}

/// `{"stateToken": …}` and what else goes with it.
fn with_state<const N: usize>(transaction: &Transaction, fields: [(&str, &str); N]) -> Result<Value> {
    let mut body = json!({ "stateToken": transaction.state_token()?.expose() });
    if let Some(object) = body.as_object_mut() {
        object.extend(fields.map(|(name, value)| (name.to_owned(), value.into())));
    }
    Ok(body)
}
