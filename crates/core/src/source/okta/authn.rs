//! Signs in with the authentication API of the Classic Engine: user name, password and second factor become a session
//! token.

use std::time::Duration;

use serde::Deserialize;
use serde_json::{Value, json};
use url::Url;

use super::agent::Agent;
use super::factor::{Factor, FactorChoice, Factors};
use super::factor_kind::FactorKind;
use super::prompts::{CodeInput, MAX_CODE_ATTEMPTS, SignInPrompts};
use super::refusal;
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::{SecretJson, SecretString};
use crate::source::{FactorStep, Notice};
use crate::text::excerpt;

/// The most states of one transaction.
const MAX_STATES: usize = 32;
/// Okta asks for at least two seconds between two polls of a push.
const POLL_INTERVAL: Duration = Duration::from_secs(2);

/// How the sign-in goes on once the person is authenticated.
pub(super) enum SignedIn {
    /// With a token that is exchanged for a session.
    SessionToken(SecretString),
    /// With this address; the session exists.
    Continue(Url),
}

/// An answer of the authentication API.
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
        serde_json::from_value(answer).map_err(|_| unexpected("the answer is not an authentication transaction"))
    }

    fn state_token(&self) -> Result<&SecretString> {
        self.state_token.as_ref().ok_or_else(|| unexpected("the answer has no state token"))
    }

    /// Returns the address of `_links.NAME`, or the first one of several.
    fn href(&self, name: &str) -> Option<&str> {
        let link = self.links.get(name)?;
        link.get("href").or_else(|| link.get(0)?.get("href"))?.as_str()
    }

    fn factor(&self) -> Option<Factor> {
        serde_json::from_value(self.embedded.factor.clone()?).ok()
    }

    /// Returns the number to tap on the phone. It can be 0, and it can be a string.
    fn correct_answer(&self) -> Option<String> {
        match self.embedded.factor.as_ref()?.pointer("/_embedded/challenge/correctAnswer")? {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(excerpt(text).into_owned()),
            _ => None,
        }
    }
}

fn unexpected(what: &str) -> Error {
    Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, format!("unexpected answer from Okta: {what}"))
        .with_hint("check that the source is the address of an Okta org")
}

/// A sign-in with the authentication API.
pub(super) struct ClassicSignIn<'a, 'w> {
    agent: &'a Agent<'w>,
    prompts: &'a mut SignInPrompts<'w>,
    /// Whether to ask Okta to remember this device with the factor that is being verified.
    remember_device: bool,
}

impl<'a, 'w> ClassicSignIn<'a, 'w> {
    pub(super) fn new(agent: &'a Agent<'w>, prompts: &'a mut SignInPrompts<'w>) -> Self {
        Self { agent, prompts, remember_device: false }
    }

    /// Signs in with user name and password.
    pub(super) async fn with_password(&mut self) -> Result<SignedIn> {
        let first = self.send_password(None, None).await?;
        self.run(first, true).await
    }

    /// Continues the transaction of a page that asks for another step. Returns nothing if the state token is not one of
    /// the authentication API.
    pub(super) async fn step_up(&mut self, state_token: &SecretString) -> Result<Option<SignedIn>> {
        let url = self.agent.within_org("/api/v1/authn")?;
        let first = match self.post(&url, json!({ "stateToken": state_token.expose() })).await {
            Err(error) if refusal::has_code(&error, refusal::INVALID_TOKEN) => return Ok(None),
            first => first?,
        };
        self.run(first, false).await.map(Some)
    }

    async fn send_password(&mut self, url: Option<Url>, state_token: Option<&SecretString>) -> Result<Transaction> {
        let url = url.map_or_else(|| self.agent.within_org("/api/v1/authn"), Ok)?;
        let (username, password) = self.prompts.username_and_password(self.agent.host()).await?;
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
        if self.remember_device && url.path().ends_with("/verify") {
            url.query_pairs_mut().append_pair("rememberDevice", "true");
        }
        Transaction::read(self.agent.post_json(&url, &body.0).await?)
    }

    async fn run(&mut self, first: Transaction, mut password_sent: bool) -> Result<SignedIn> {
        let mut transaction = first;
        for _ in 0..MAX_STATES {
            transaction = match transaction.status.as_str() {
                "SUCCESS" => return self.finish(&transaction),
                "MFA_REQUIRED" => self.start_factor(transaction).await?,
                "MFA_CHALLENGE" => self.answer_challenge(transaction).await?,
                "PASSWORD_WARN" => self.skip_warning(&transaction).await?,
                "UNAUTHENTICATED" if !password_sent => {
                    password_sent = true;
                    let url = transaction.href("next").map(|href| self.agent.within_org(href)).transpose()?;
                    self.send_password(url, transaction.state_token.as_ref()).await?
                }
                status => return Err(self.dead_end(status)),
            };
        }
        Err(unexpected("the transaction has too many states"))
    }

    fn finish(&mut self, transaction: &Transaction) -> Result<SignedIn> {
        self.prompts.push_approved();
        if let Some(token) = &transaction.session_token {
            return Ok(SignedIn::SessionToken(token.clone()));
        }
        let next = transaction.href("next").ok_or_else(|| unexpected("the success has no session token"))?;
        self.agent.within_org(next).map(SignedIn::Continue)
    }

    async fn skip_warning(&self, transaction: &Transaction) -> Result<Transaction> {
        self.prompts.prompter.notify(&Notice::PasswordExpiresSoon);
        let href = transaction.href("skip").ok_or_else(|| unexpected("the password warning cannot be skipped"))?;
        self.post(&self.agent.within_org(href)?, with_state(transaction, [])?).await
    }

    /// Returns the error for a state that a terminal cannot continue from.
    fn dead_end(&self, status: &str) -> Error {
        refusal::from_state(status, self.agent.org()).unwrap_or_else(|| {
            Error::new(
                ErrorKind::IdentityProviderError,
                Stage::SignIn,
                format!("Okta answered with the unknown state `{}`", excerpt(status)),
            )
            .with_hint(format!("sign in at {} to see what it asks for", self.agent.org()))
        })
    }

    /// Chooses a factor and starts its verification.
    async fn start_factor(&mut self, transaction: Transaction) -> Result<Transaction> {
        let factors = Factors::new(transaction.embedded.factors.clone(), self.prompts.settings.factor)?;
        let factor = match factors.choose(self.prompts).await? {
            FactorChoice::Terminal(factor) => factor,
            FactorChoice::Browser(error) => return Err(error),
        };
        let href = factor.verify_href().ok_or_else(|| unexpected("the factor has no address"))?;
        let url = self.agent.within_org(href)?;
        self.remember_device =
            transaction.embedded.policy.allow_remember_device && self.prompts.settings.remember_device;
        match factor.kind() {
            Some(FactorKind::Push) => {
                self.prompts.begin_push()?;
                let waiting = self.post(&url, with_state(&transaction, [])?).await?;
                self.prompts.notify_sent(&factor.describe(), FactorStep::Approve);
                self.wait_for_push(waiting).await
            }
            Some(kind) if kind.is_sent() => {
                let sent = self.post(&url, with_state(&transaction, [])?).await?;
                self.prompts.notify_sent(&factor.describe(), FactorStep::EnterCode);
                Ok(sent)
            }
            _ => self.answer(&transaction, &factor, &url).await,
        }
    }

    /// Continues with the factor that Okta waits for.
    async fn answer_challenge(&mut self, transaction: Transaction) -> Result<Transaction> {
        let factor = transaction.factor().ok_or_else(|| unexpected("the challenge names no factor"))?;
        match factor.kind() {
            Some(FactorKind::Push) => {
                self.prompts.begin_push()?;
                self.wait_for_push(transaction).await
            }
            Some(_) => {
                let href = transaction.href("next").ok_or_else(|| unexpected("the challenge has no next step"))?;
                let url = self.agent.within_org(href)?;
                self.answer(&transaction, &factor, &url).await
            }
            None => Err(factor.unsupported()),
        }
    }

    /// Asks for a code or an answer until Okta accepts it or the attempts are used up.
    async fn answer(&mut self, transaction: &Transaction, factor: &Factor, url: &Url) -> Result<Transaction> {
        let (field, question) = match factor.kind() {
            Some(FactorKind::Question) => {
                let question = factor.profile.get("questionText").and_then(Value::as_str);
                ("answer", excerpt(question.unwrap_or("Answer to your security question")).into_owned())
            }
            _ => ("passCode", format!("Code: {}", factor.describe())),
        };
        let resend = transaction.href("resend").map(|href| self.agent.within_org(href)).transpose()?;
        let resend = resend.filter(|_| factor.kind().is_some_and(FactorKind::is_sent));
        for attempts_left in (0..MAX_CODE_ATTEMPTS).rev() {
            let answer = match (self.prompts.code(&question, resend.is_some()).await?, &resend) {
                (Some(CodeInput::Code(answer)), _) => answer,
                (Some(CodeInput::Resend), Some(resend)) => {
                    match self.post(resend, with_state(transaction, [])?).await {
                        Ok(_) => self.prompts.notify_sent(&factor.describe(), FactorStep::EnterCodeAgain),
                        Err(error) if error.kind() == ErrorKind::RateLimited => {
                            self.prompts
                                .prompter
                                .notify(&Notice::AnswerRejected { reason: error.message().to_owned() });
                        }
                        Err(error) => return Err(error),
                    }
                    continue;
                }
                _ => continue,
            };
            match self.post(url, with_state(transaction, [(field, answer.expose())])?).await {
                Ok(next) => {
                    self.prompts.set_accepted_code((field == "passCode").then_some(answer));
                    return Ok(next);
                }
                Err(error)
                    if (refusal::has_code(&error, refusal::WRONG_CODE)
                        || refusal::has_code(&error, refusal::USED_CODE))
                        && attempts_left > 0 =>
                {
                    self.prompts.prompter.notify(&Notice::AnswerRejected { reason: error.message().to_owned() });
                }
                Err(error) => return Err(error),
            }
        }
        Err(Error::new(ErrorKind::FactorFailed, Stage::SignIn, "no code was accepted").with_hint("sign in again"))
    }

    /// Polls until the person has answered the push or the time for it is over.
    ///
    /// Okta uses one address for polling a push and for sending another. So this polls only as long as Okta waits, and
    /// every other result ends the sign-in.
    async fn wait_for_push(&mut self, first: Transaction) -> Result<Transaction> {
        let timer = self.agent.timer();
        let deadline = Deadline::after(timer, self.prompts.settings.approval_timeout);
        let body = with_state(&first, [])?;
        let mut transaction = first;
        let mut shown = None;
        while transaction.status == "MFA_CHALLENGE" {
            match transaction.factor_result.as_deref().unwrap_or("WAITING") {
                "WAITING" if !deadline.has_passed(timer) => {}
                "WAITING" => return Err(self.dead_end("TIMEOUT")),
                result => {
                    return Err(refusal::from_state(result, self.agent.org()).unwrap_or_else(|| {
                        let message = format!("the push failed ({})", excerpt(result));
                        Error::new(ErrorKind::FactorFailed, Stage::SignIn, message).with_hint("sign in again")
                    }));
                }
            }
            let number = transaction.correct_answer();
            if let Some(number) = number.filter(|number| shown.as_ref() != Some(number)) {
                self.prompts.prompter.notify(&Notice::NumberChallenge { number: number.to_string() });
                shown = Some(number);
            }
            let href = transaction.href("next").ok_or_else(|| unexpected("the challenge has no next step"))?;
            let url = self.agent.within_org(href)?;
            self.agent.sleep(POLL_INTERVAL).await?;
            transaction = self.post(&url, body.clone()).await?;
        }
        Ok(transaction)
    }
}

/// Returns `{"stateToken": …}` with more fields.
fn with_state<const N: usize>(transaction: &Transaction, fields: [(&str, &str); N]) -> Result<Value> {
    let mut body = json!({ "stateToken": transaction.state_token()?.expose() });
    if let Some(object) = body.as_object_mut() {
        object.extend(fields.map(|(name, value)| (name.to_owned(), value.into())));
    }
    Ok(body)
}
