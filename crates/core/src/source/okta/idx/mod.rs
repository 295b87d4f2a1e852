//! Signs in at the Identity Engine as Okta's own sign-in page does (`/idp/idx`). Experimental: Okta does not document this
//! interface. Each answer lists the steps that can be taken next ("remediations"); what is unknown here continues in a
//! browser.

mod state;

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use self::state::{Message, Method, MethodKind, State, describe, field, methods, preset_of_field, selection, text};
use super::agent::{Agent, Body};
use super::factor::{MAX_FACTORS, not_enrolled, unsupported};
use super::factor_kind::FactorKind;
use super::prompts::{CodeInput, MAX_CODE_ATTEMPTS, SignInPrompts};
use super::refusal;
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::{SecretJson, SecretString};
use crate::source::{FactorStep, Notice};
use crate::text::{excerpt, printable};

/// How many times a code is sent again.
const MAX_RESENDS: usize = 5;
/// The most steps of one sign-in.
const MAX_STEPS: usize = 32;
/// The bounds of the poll interval that Okta asks for.
const MIN_POLL_INTERVAL: Duration = Duration::from_secs(2);
const MAX_POLL_INTERVAL: Duration = Duration::from_secs(10);

fn unexpected(what: &str) -> Error {
    Error::new(
        ErrorKind::IdentityProviderError,
        Stage::SignIn,
        format!("unexpected answer from Okta's Identity Engine: {what}"),
    )
    .with_hint("sign in with `--auth browser` or `--auth device`")
}

/// A sign-in at the Identity Engine.
pub(super) struct IdxSignIn<'a, 'w> {
    agent: &'a Agent<'w>,
    prompts: &'a mut SignInPrompts<'w>,
    username: Option<String>,
    password_sent: bool,
    /// The key of the authenticator that codes are asked for, and how many were entered for it.
    code_authenticator: String,
    codes_entered: usize,
    resends: usize,
    last_code: Option<SecretString>,
}

impl<'a, 'w> IdxSignIn<'a, 'w> {
    pub(super) fn new(agent: &'a Agent<'w>, prompts: &'a mut SignInPrompts<'w>) -> Self {
        Self {
            agent,
            prompts,
            username: None,
            password_sent: false,
            code_authenticator: String::new(),
            codes_entered: 0,
            resends: 0,
            last_code: None,
        }
    }

    /// Signs in, starting with the state token of a page. Returns the address to continue at with a session.
    pub(super) async fn run(&mut self, state_token: &SecretString) -> Result<Url> {
        let introspect = self.agent.within_org("/idp/idx/introspect")?;
        let mut state = self.post(&introspect, &json!({ "stateToken": state_token.expose() })).await?;
        for _ in 0..MAX_STEPS {
            if let Some(next) = state.success() {
                self.prompts.push_approved();
                self.prompts.set_accepted_code(self.last_code.take());
                return self.agent.within_org(next);
            }
            self.check(&state)?;
            state = self.step(&state).await?;
        }
        Err(unexpected("the sign-in has too many steps"))
    }

    async fn post(&self, url: &Url, body: &Value) -> Result<State> {
        let (status, answer) = self.agent.post(url, Body::Ion(body)).await?;
        let state = State { status, answer };
        if state.answer.get("stateHandle").is_none() && state.answer.get("success").is_none() {
            return Err(self.refusal(&state));
        }
        Ok(state)
    }

    /// Converts an answer that ends the sign-in.
    fn refusal(&self, state: &State) -> Error {
        match state.message() {
            Some(message) if state.answer.get("errorCode").is_none() => self.refused(state.status, message),
            _ => refusal::from_answer(state.status, Some(&state.answer), self.agent.org()),
        }
    }

    fn refused(&self, status: StatusCode, message: Message<'_>) -> Error {
        refusal::from_code(status, message.key, &excerpt(message.text), self.agent.org())
    }

    /// Posts what a step asks for.
    async fn follow(&self, state: &State, remediation: &Value, fields: Value) -> Result<State> {
        let mut fields = SecretJson(fields);
        let href = text(remediation, "/href").ok_or_else(|| unexpected("a step has no address"))?;
        if let Some(fields) = fields.0.as_object_mut() {
            fields.insert("stateHandle".to_owned(), state.handle()?.into());
        }
        self.post(&self.agent.within_org(href)?, &fields.0).await
    }

    /// Checks what Okta says about the previous step: it ends the sign-in, or the person is told.
    fn check(&self, state: &State) -> Result<()> {
        let Some(message) = state.message() else {
            return if state.status.is_success() { Ok(()) } else { Err(self.refusal(state)) };
        };
        let error = self.refused(state.status, message);
        if matches!(error.kind(), ErrorKind::AuthenticationFailed | ErrorKind::AccountLocked) {
            return Err(error);
        }
        if state.status.is_success() {
            self.prompts.prompter.notify(&Notice::ProviderMessage { text: show(message).to_string() });
            return Ok(());
        }
        let error = match refusal::find(message.key, message.text) {
            // An unknown message about an entered code is about that code.
            None if self.codes_entered > 0 => {
                let rejected = format!("Okta rejected the second factor ({})", show(message));
                Error::new(ErrorKind::FactorFailed, Stage::SignIn, rejected).with_hint("sign in again")
            }
            _ => error,
        };
        // A wrong code can be corrected as long as Okta still asks for one.
        let can_retry = (1..MAX_CODE_ATTEMPTS).contains(&self.codes_entered)
            && error.kind() == ErrorKind::FactorFailed
            && state.remediation("challenge-authenticator").is_some();
        if !can_retry {
            return Err(error);
        }
        self.prompts.prompter.notify(&Notice::AnswerRejected { reason: error.message().to_owned() });
        Ok(())
    }

    /// Takes the one step that is next.
    async fn step(&mut self, state: &State) -> Result<State> {
        if let Some(identify) = state.remediation("identify") {
            return self.identify(state, identify).await;
        }
        if let Some(challenge) = state.remediation("challenge-authenticator") {
            match MethodKind::from_okta(state.authenticator_key(), None) {
                Some(MethodKind::Password) => return self.send_password(state, challenge).await,
                Some(MethodKind::Factor(_)) => return self.answer(state, challenge).await,
                None => {}
            }
        }
        if let Some(poll) = state.remediation("challenge-poll") {
            return self.poll(state, poll).await;
        }
        if let Some(select) = state.remediation("select-authenticator-authenticate") {
            return self.select(state, select).await;
        }
        if let Some(data) = state.remediation("authenticator-verification-data") {
            return self.select_method(state, data).await;
        }
        if let Some(skip) = state.remediation("skip") {
            self.prompts.prompter.notify(&Notice::OptionalStepSkipped);
            return self.follow(state, skip, json!({})).await;
        }
        Err(self.dead_end(state))
    }

    /// Returns the error for steps that a terminal cannot take.
    fn dead_end(&self, state: &State) -> Error {
        let names = state.remediation_names();
        let known = names.iter().find_map(|name| refusal::from_state(name, self.agent.org()));
        known.unwrap_or_else(|| {
            Error::new(
                ErrorKind::FactorUnsupported,
                Stage::SignIn,
                format!("Okta asks for a step that a terminal cannot take: {}", excerpt(&names.join(", "))),
            )
            .with_hint("sign in with `--auth browser` or `--auth device`")
        })
    }

    async fn identify(&mut self, state: &State, identify: &Value) -> Result<State> {
        if self.username.is_some() {
            return Err(unexpected("it asks for the user name again"));
        }
        let host = self.agent.host();
        let (username, fields) = if field(identify, "credentials").is_some() {
            let (username, password) = self.prompts.username_and_password(host).await?;
            self.password_sent = true;
            let fields = json!({ "identifier": username, "credentials": { "passcode": password.expose() } });
            (username, fields)
        } else {
            let username = self.prompts.username(host).await?;
            let fields = json!({ "identifier": username });
            (username, fields)
        };
        self.username = Some(username);
        self.follow(state, identify, fields).await
    }

    async fn send_password(&mut self, state: &State, challenge: &Value) -> Result<State> {
        if self.password_sent {
            return Err(refusal::from_state("UNAUTHENTICATED", self.agent.org())
                .unwrap_or_else(|| unexpected("it asks for the password again")));
        }
        let username = match &self.username {
            Some(username) => username.clone(),
            None => self.prompts.username(self.agent.host()).await?,
        };
        let password = self.prompts.password(&username).await?;
        self.password_sent = true;
        self.follow(state, challenge, json!({ "credentials": { "passcode": password.expose() } })).await
    }

    async fn answer(&mut self, state: &State, challenge: &Value) -> Result<State> {
        let authenticator = state.authenticator();
        let described = authenticator.map(describe).unwrap_or_default();
        let is_question = state.authenticator_key() == "security_question";
        let question = match authenticator.and_then(|authenticator| text(authenticator, "/profile/question")) {
            Some(question) if is_question => excerpt(question).into_owned(),
            _ => format!("Code: {described}"),
        };
        let resend = authenticator.and_then(|authenticator| authenticator.get("resend")).cloned();
        if self.code_authenticator != state.authenticator_key() {
            (self.code_authenticator, self.codes_entered) = (state.authenticator_key().to_owned(), 0);
        }
        while self.codes_entered < MAX_CODE_ATTEMPTS {
            let answer = match (self.prompts.code(&question, resend.is_some()).await?, &resend) {
                (Some(CodeInput::Code(answer)), _) => answer,
                (Some(CodeInput::Resend), Some(resend)) if self.resends < MAX_RESENDS => {
                    self.resends += 1;
                    let next = self.follow(state, resend, json!({})).await?;
                    self.prompts.notify_sent(&described, FactorStep::EnterCodeAgain);
                    return Ok(next);
                }
                (Some(CodeInput::Resend), _) => break,
                (None, _) => {
                    self.codes_entered += 1;
                    continue;
                }
            };
            self.codes_entered += 1;
            let mut credentials = preset_of_field(challenge, "credentials");
            credentials.insert(if is_question { "answer" } else { "passcode" }.to_owned(), answer.expose().into());
            self.last_code = (!is_question).then_some(answer);
            // Moved: `json!` would copy it.
            let credentials = [("credentials".to_owned(), Value::Object(credentials))];
            return self.follow(state, challenge, Value::Object(credentials.into_iter().collect())).await;
        }
        Err(Error::new(ErrorKind::FactorFailed, Stage::SignIn, "no code was accepted").with_hint("sign in again"))
    }

    /// Lets the person choose an authenticator and one of its methods.
    async fn select(&mut self, state: &State, select: &Value) -> Result<State> {
        let options = field(select, "authenticator")
            .and_then(|field| field.get("options")?.as_array())
            .ok_or_else(|| unexpected("there is no authenticator to choose from"))?;
        let mut candidates = Vec::new();
        let mut browser_only = Vec::new();
        for option in options.iter().take(MAX_FACTORS) {
            let label = excerpt(text(option, "/label").unwrap_or("?")).into_owned();
            let methods = methods(option, "");
            if methods.is_empty() {
                browser_only.push(label.clone());
            }
            candidates.extend(methods.into_iter().map(|method| (label.clone(), option, method)));
        }
        // A policy that asks for several authenticators offers the password along with the others: it goes first.
        if !self.password_sent
            && let Some((_, option, method)) =
                candidates.iter().find(|(.., method)| method.kind == MethodKind::Password)
        {
            return self.follow(state, select, json!({ "authenticator": selection(option, method) })).await;
        }
        let mut candidates: Vec<_> = candidates
            .into_iter()
            .filter_map(|(label, option, method)| match method.kind {
                MethodKind::Factor(kind) => Some((label, option, method, kind)),
                MethodKind::Password => None,
            })
            .take(MAX_FACTORS)
            .collect();
        if let Some(wanted) = self.prompts.settings.factor {
            let labels = candidates.iter().map(|(label, ..)| label.clone());
            let described = labels.chain(browser_only.drain(..)).collect::<Vec<_>>().join(", ");
            candidates.retain(|(.., kind)| *kind == wanted);
            if candidates.is_empty() {
                return Err(not_enrolled(wanted, &described));
            }
        }
        let browser_only = browser_only.join(", ");
        if candidates.is_empty() {
            return Err(unsupported(&browser_only));
        }
        let mut choices: Vec<_> =
            candidates.iter().map(|(label, .., kind)| format!("{label}: {}", kind.label())).collect();
        if self.prompts.has_browser && !browser_only.is_empty() {
            choices.push(format!("in the browser: {browser_only}"));
        }
        let chosen = self.prompts.choose("Second factor", &choices).await?;
        let Some((label, option, method, kind)) = candidates.get(chosen) else {
            return Err(unsupported(&browser_only));
        };
        let next = self.begin_factor(*kind, state, select, selection(option, method)).await?;
        let is_sent = *kind == FactorKind::Push || kind.is_sent();
        if is_sent && next.remediation("authenticator-verification-data").is_none() {
            let step = if *kind == FactorKind::Push { FactorStep::Approve } else { FactorStep::EnterCode };
            self.prompts.notify_sent(label, step);
        }
        Ok(next)
    }

    /// Chooses one of several methods of an authenticator that was chosen before: the code is sent by it.
    async fn select_method(&mut self, state: &State, data: &Value) -> Result<State> {
        let field = field(data, "authenticator").ok_or_else(|| unexpected("the step names no authenticator"))?;
        let wanted = self.prompts.settings.factor;
        let methods: Vec<(Method, FactorKind)> = methods(field, state.authenticator_key())
            .into_iter()
            .take(MAX_FACTORS)
            .filter_map(|method| match method.kind {
                MethodKind::Factor(kind) if wanted.is_none_or(|wanted| wanted == kind) => Some((method, kind)),
                _ => None,
            })
            .collect();
        if methods.is_empty() {
            return Err(unsupported(&state.authenticator().map(describe).unwrap_or_default()));
        }
        let choices: Vec<_> = methods.iter().map(|(_, kind)| kind.label().to_owned()).collect();
        let chosen = self.prompts.choose("Second factor", &choices).await?;
        let Some((method, kind)) = methods.get(chosen) else { return Err(unexpected("there is no such method")) };
        let mut authenticator = preset_of_field(data, "authenticator");
        authenticator.insert("methodType".to_owned(), method.name.as_str().into());
        let next = self.begin_factor(*kind, state, data, authenticator.into()).await?;
        let step = if *kind == FactorKind::Push { FactorStep::Approve } else { FactorStep::EnterCode };
        self.prompts.notify_sent(kind.label(), step);
        Ok(next)
    }

    /// Posts the choice of an authenticator. For a push, this sends it.
    async fn begin_factor(
        &mut self,
        kind: FactorKind,
        state: &State,
        remediation: &Value,
        authenticator: Value,
    ) -> Result<State> {
        if kind == FactorKind::Push {
            self.prompts.begin_push()?;
        }
        self.follow(state, remediation, json!({ "authenticator": authenticator })).await
    }

    /// Polls as often as Okta asks until the person has answered the push or the time for it is over.
    async fn poll(&mut self, first: &State, remediation: &Value) -> Result<State> {
        self.prompts.push_sent();
        let timer = self.agent.timer();
        let deadline = Deadline::after(timer, self.prompts.settings.approval_timeout);
        let mut next_poll = self.next_poll(first, remediation)?;
        let mut shown = None;
        self.show_number(first, &mut shown);
        while !deadline.has_passed(timer) {
            let (url, body, interval) = next_poll;
            self.agent.sleep(interval).await?;
            let state = self.post(&url, &body).await?;
            self.show_number(&state, &mut shown);
            if let Some(message) = state.message() {
                let error = self.refused(state.status, message);
                let is_known = refusal::find(message.key, message.text).is_some();
                return Err(if is_known { error } else { push_failed(message) });
            }
            match state.remediation("challenge-poll") {
                Some(remediation) => next_poll = self.next_poll(&state, remediation)?,
                None => return Ok(state),
            }
        }
        Err(refusal::from_state("TIMEOUT", self.agent.org()).unwrap_or_else(|| unexpected("the push was not answered")))
    }

    /// Returns address and body of the next poll, and how long to wait before it.
    fn next_poll(&self, state: &State, remediation: &Value) -> Result<(Url, Value, Duration)> {
        let href = text(remediation, "/href").ok_or_else(|| unexpected("a step has no address"))?;
        let interval = remediation.get("refresh").and_then(Value::as_u64);
        let interval = interval.map_or(MIN_POLL_INTERVAL, Duration::from_millis);
        let interval = interval.clamp(MIN_POLL_INTERVAL, MAX_POLL_INTERVAL);
        Ok((self.agent.within_org(href)?, json!({ "stateHandle": state.handle()? }), interval))
    }

    /// Shows the number to tap, once.
    fn show_number(&self, state: &State, shown: &mut Option<String>) {
        if let Some(number) = state.correct_answer().filter(|number| shown.as_ref() != Some(number)) {
            self.prompts.prompter.notify(&Notice::NumberChallenge { number: number.to_string() });
            *shown = Some(number);
        }
    }
}

/// Shows a message of Okta with its key.
fn show(message: Message<'_>) -> String {
    match message.key {
        "" => excerpt(message.text).into_owned(),
        key => format!("{}: {}", printable(key), excerpt(message.text)),
    }
}

fn push_failed(message: Message<'_>) -> Error {
    Error::new(ErrorKind::FactorFailed, Stage::SignIn, format!("the push was not approved ({})", show(message)))
        .with_hint("sign in again; if you did not request the push, tell your Okta administrator")
}
