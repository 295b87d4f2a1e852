//! The Identity Engine, as Okta's own sign-in page speaks to it (`/idp/idx`). Okta does not publish this interface, so it
//! is experimental: the server says what can be done next (its "remediations"), and what is not known here goes on in a
//! browser.

mod state;

use std::time::Duration;

use http::StatusCode;
use serde_json::{Value, json};
use url::Url;

use self::state::{State, authenticator, describe, fields, fixed, method_here, methods, methods_of, text};
use super::agent::{Agent, Body};
use super::factor::{FactorKind, not_here};
use super::refusal;
use super::who::{Answer, CODES, Who};
use crate::clock::Deadline;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::{SecretJson, SecretString};
use crate::text::{excerpt, printable};

/// Codes that are sent again.
const RESENDS: usize = 5;
/// No honest sign-in has more steps than this.
const STEPS: usize = 32;
/// Okta says how long to wait between two looks, within these.
const POLL: (Duration, Duration) = (Duration::from_secs(2), Duration::from_secs(10));

fn unexpected(what: &str) -> Error {
    Error::new(
        ErrorKind::IdentityProviderError,
        Stage::SignIn,
        format!("Okta's Identity Engine answered with something unexpected: {what}"),
    )
    .with_hint("sign in with `--auth browser` or `--auth device`")
}

/// One person's way through the Identity Engine.
pub(super) struct Idx<'a, 'w> {
    pub(super) agent: &'a Agent<'w>,
    pub(super) who: &'a mut Who<'w>,
}

/// What has been sent so far.
#[derive(Default)]
struct Sent {
    name: Option<String>,
    password: bool,
    /// The authenticator that codes are for, and how many were sent to it.
    asked_for: String,
    codes: usize,
    resent: usize,
    code: Option<SecretString>,
}

impl Idx<'_, '_> {
    /// From the state token of a page to where it goes on with a session.
    pub(super) async fn run(&mut self, state_token: &SecretString) -> Result<Url> {
        let introspect = self.agent.within_org("/idp/idx/introspect")?;
        let mut state = self.post(&introspect, &json!({ "stateToken": state_token.expose() })).await?;
        let mut sent = Sent::default();
        for _ in 0..STEPS {
            if let Some(next) = state.success() {
                self.who.used(sent.code);
                return self.agent.within_org(next);
            }
            self.judge(&state, &sent)?;
            state = self.step(&state, &mut sent).await?;
        }
        Err(unexpected("the sign-in does not come to an end"))
    }

    async fn post(&self, url: &Url, body: &Value) -> Result<State> {
        let (status, answer) = self.agent.ask(url, Body::Ion(body)).await?;
        if answer.get("stateHandle").is_none() && answer.get("success").is_none() {
            return Err(self.refusal(status, &answer));
        }
        Ok(State { status, answer })
    }

    fn refusal(&self, status: StatusCode, answer: &Value) -> Error {
        if answer.get("errorCode").is_some() || status == StatusCode::TOO_MANY_REQUESTS {
            return refusal::from_answer(status, Some(answer), self.agent.host());
        }
        let state = State { status, answer: answer.clone() };
        let said = state.complaint().map_or("nothing", |(_, said)| said);
        Error::new(ErrorKind::IdentityProviderRefused, Stage::SignIn, format!("Okta refused: {}", excerpt(said)))
            .with_hint("sign in again, or with `--auth browser`")
    }

    /// Posts what a remediation asks for.
    async fn follow(&self, state: &State, remediation: &Value, fields: Value) -> Result<State> {
        let mut fields = SecretJson(fields);
        let href = text(remediation, "/href").ok_or_else(|| unexpected("a step has no address"))?;
        if let Some(fields) = fields.0.as_object_mut() {
            fields.insert("stateHandle".to_owned(), state.handle()?.into());
        }
        self.post(&self.agent.within_org(href)?, &fields.0).await
    }

    /// What Okta says of what was sent last: an end, or a word to the person.
    fn judge(&self, state: &State, sent: &Sent) -> Result<()> {
        let Some((key, said)) = state.complaint() else {
            return match state.status {
                status if status.is_success() => Ok(()),
                status => Err(self.refusal(status, &state.answer)),
            };
        };
        let said = format!(
            "{}{}",
            excerpt(said),
            if key.is_empty() { String::new() } else { format!(" [{}]", printable(key)) }
        );
        let refused = |kind, message: &str, hint: &'static str| {
            Err(Error::new(kind, Stage::SignIn, format!("{message} ({said})")).with_hint(hint))
        };
        if key.ends_with("E0000004") || key.contains("incorrectPassword") {
            return refused(
                ErrorKind::AuthenticationFailed,
                "Okta does not accept the name and password",
                "check both; the password was sent once and will not be sent again by itself, so that the account is not locked",
            );
        }
        if key.contains("E0000119") || key.contains("E0000069") || key.contains("lockedOut") {
            return refused(
                ErrorKind::AccountLocked,
                "the account is locked",
                "unlock it at the org's sign-in page, or ask the Okta administrator",
            );
        }
        if state.status.is_success() {
            self.who.prompter.tell(&format!("Okta: {said}"));
            return Ok(());
        }
        // A wrong code can be tried again, as long as Okta still asks for one.
        if sent.codes > 0 && sent.codes < CODES && state.remediation("challenge-authenticator").is_some() {
            self.who.prompter.tell(&format!("Okta does not accept the second factor ({said})"));
            return Ok(());
        }
        if sent.codes > 0 {
            return refused(ErrorKind::FactorFailed, "Okta does not accept the second factor", "sign in again");
        }
        refused(
            ErrorKind::IdentityProviderRefused,
            "Okta refused",
            "the Okta administrator finds the reason in the org's system log (Reports > System Log)",
        )
    }

    /// Does the one thing that can be done next.
    async fn step(&mut self, state: &State, sent: &mut Sent) -> Result<State> {
        if let Some(identify) = state.remediation("identify") {
            return self.identify(state, identify, sent).await;
        }
        if let Some(challenge) = state.remediation("challenge-authenticator") {
            let is_password = state.key() == "okta_password";
            if is_password && !sent.password {
                return self.send_password(state, challenge, sent).await;
            }
            if is_password {
                return Err(Error::new(
                    ErrorKind::AuthenticationFailed,
                    Stage::SignIn,
                    "Okta asks for the password again",
                )
                .with_hint("sign in again"));
            }
            if method_here(state.key(), None).is_some() {
                return self.answer(state, challenge, sent).await;
            }
        }
        if let Some(poll) = state.remediation("challenge-poll") {
            return self.poll(state, poll).await;
        }
        if let Some(select) = state.remediation("select-authenticator-authenticate") {
            return self.select(state, select, sent).await;
        }
        if let Some(data) = state.remediation("authenticator-verification-data") {
            return self.begin(state, data).await;
        }
        if let Some(skip) = state.remediation("skip") {
            self.who.prompter.tell("Okta suggests something that can be skipped: sign in at the org's page to see it");
            return self.follow(state, skip, json!({})).await;
        }
        Err(self.dead_end(state))
    }

    fn dead_end(&self, state: &State) -> Error {
        let host = self.agent.host();
        let names = state.names();
        let has = |wanted: &str| names.iter().any(|name| name.contains(wanted));
        let action = |message: &'static str| {
            Error::new(ErrorKind::AccountActionRequired, Stage::SignIn, message)
                .with_hint(format!("sign in at https://{host}/ and do what it asks for"))
        };
        if has("reenroll") || has("reset-authenticator") {
            return action("the password has expired");
        }
        if has("enroll") {
            return action("Okta wants you to set up a second factor first");
        }
        Error::new(
            ErrorKind::FactorUnsupported,
            Stage::SignIn,
            format!("Okta wants a step that a terminal cannot take: {}", excerpt(&names.join(", "))),
        )
        .with_hint("sign in with `--auth browser` or `--auth device`")
    }

    async fn identify(&mut self, state: &State, identify: &Value, sent: &mut Sent) -> Result<State> {
        if sent.name.is_some() {
            return Err(unexpected("it asks for the name again"));
        }
        let asks_for_password = fields(identify).any(|field| text(field, "/name") == Some("credentials"));
        let host = self.agent.host();
        let mut body = json!({});
        if asks_for_password {
            let (name, password) = self.who.name_and_password(host).await?;
            body = json!({ "identifier": name, "credentials": { "passcode": password.expose() } });
            (sent.name, sent.password) = (Some(name), true);
        } else {
            let name = self.who.username(host).await?;
            if let Some(body) = body.as_object_mut() {
                body.insert("identifier".to_owned(), name.as_str().into());
            }
            sent.name = Some(name);
        }
        self.follow(state, identify, body).await
    }

    async fn send_password(&mut self, state: &State, challenge: &Value, sent: &mut Sent) -> Result<State> {
        let name = match &sent.name {
            Some(name) => name.clone(),
            None => self.who.username(self.agent.host()).await?,
        };
        let password = self.who.password(&name).await?;
        sent.password = true;
        self.follow(state, challenge, json!({ "credentials": { "passcode": password.expose() } })).await
    }

    async fn answer(&mut self, state: &State, challenge: &Value, sent: &mut Sent) -> Result<State> {
        let described = state.authenticator().map(describe).unwrap_or_default();
        let is_question = state.key() == "security_question";
        let question = match state.authenticator().and_then(|it| text(it, "/profile/question")) {
            Some(question) if is_question => printable(question).into_owned(),
            _ => format!("Code: {described}"),
        };
        let resend = state.authenticator().and_then(|it| it.get("resend")).cloned();
        if sent.asked_for != state.key() {
            (sent.asked_for, sent.codes) = (state.key().to_owned(), 0);
        }
        for _ in sent.codes..CODES {
            let answer = match self.who.code(&question, resend.is_some()).await? {
                Some(Answer::Code(answer)) => answer,
                Some(Answer::Again) => {
                    sent.resent += 1;
                    if sent.resent > RESENDS {
                        break;
                    }
                    let next = self.follow(state, resend.as_ref().unwrap_or(&Value::Null), json!({})).await?;
                    self.who.prompter.tell(&format!("Sent again: {described}"));
                    return Ok(next);
                }
                None => {
                    sent.codes += 1;
                    continue;
                }
            };
            sent.codes += 1;
            let mut credentials = fixed(challenge, "credentials");
            credentials.insert(if is_question { "answer" } else { "passcode" }.to_owned(), answer.expose().into());
            sent.code = (!is_question).then_some(answer);
            // Moved, where `json!` would copy it.
            let credentials = [("credentials".to_owned(), Value::Object(credentials))];
            return self.follow(state, challenge, Value::Object(credentials.into_iter().collect())).await;
        }
        Err(Error::new(ErrorKind::FactorFailed, Stage::SignIn, "no code was accepted").with_hint("sign in again"))
    }

    /// Chooses an authenticator, and how it is used.
    async fn select(&mut self, state: &State, select: &Value, sent: &mut Sent) -> Result<State> {
        let options = fields(select)
            .find(|field| text(field, "/name") == Some("authenticator"))
            .and_then(|field| field.get("options")?.as_array())
            .ok_or_else(|| unexpected("there is nothing to choose from"))?;
        let mut ways = Vec::new();
        let mut elsewhere = Vec::new();
        for option in options {
            let label = printable(text(option, "/label").unwrap_or("?")).into_owned();
            let found = methods(option);
            if found.is_empty() {
                elsewhere.push(label.clone());
            }
            ways.extend(found.into_iter().map(|(method, kind)| (label.clone(), option, method, kind)));
        }
        // The password first, where it is one of several steps.
        if !sent.password
            && let Some((_, option, method, _)) = ways.iter().find(|(.., kind)| kind.is_none())
        {
            return self.follow(state, select, json!({ "authenticator": authenticator(option, method) })).await;
        }
        ways.retain(|(.., kind)| kind.is_some());
        let described = ways.iter().map(|(label, ..)| label.clone()).chain(elsewhere.clone()).collect::<Vec<_>>();
        if let Some(wanted) = self.who.settings.factor {
            ways.retain(|(.., kind)| *kind == Some(wanted));
            if ways.is_empty() {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    Stage::SignIn,
                    format!("you have no second factor `{wanted}`; you have: {}", described.join(", ")),
                )
                .with_hint("choose another with `--factor`, or none to be asked"));
            }
            elsewhere.clear();
        }
        if ways.is_empty() {
            return Err(not_here(&elsewhere.join(", ")));
        }
        let mut choices: Vec<_> = ways
            .iter()
            .map(|(label, _, _, kind)| format!("{label}: {}", kind.map(FactorKind::words).unwrap_or_default()))
            .collect();
        if self.who.has_browser && !elsewhere.is_empty() {
            choices.push(format!("in the browser: {}", elsewhere.join(", ")));
        }
        let chosen = self.who.choose("Second factor", &choices).await?;
        let Some((label, option, method, kind)) = ways.get(chosen) else { return Err(not_here(&elsewhere.join(", "))) };
        let next = self.follow(state, select, json!({ "authenticator": authenticator(option, method) })).await?;
        if kind.is_some_and(|kind| kind == FactorKind::Push || kind.is_sent())
            && next.remediation("authenticator-verification-data").is_none()
        {
            self.who.prompter.tell(&format!("Sent: {label}"));
        }
        Ok(next)
    }

    /// Has a code sent by an authenticator that knows several ways.
    async fn begin(&mut self, state: &State, data: &Value) -> Result<State> {
        let field = fields(data)
            .find(|field| text(field, "/name") == Some("authenticator"))
            .ok_or_else(|| unexpected("it is not said which authenticator is meant"))?;
        let ways: Vec<_> = methods_of(field, state.key()).into_iter().filter(|(_, kind)| kind.is_some()).collect();
        let wanted = self.who.settings.factor;
        let ways: Vec<_> = ways.into_iter().filter(|(_, kind)| wanted.is_none() || *kind == wanted).collect();
        if ways.is_empty() {
            return Err(not_here(&state.authenticator().map(describe).unwrap_or_default()));
        }
        let choices: Vec<_> =
            ways.iter().map(|(_, kind)| kind.map(FactorKind::words).unwrap_or_default().to_owned()).collect();
        let chosen = self.who.choose("Second factor", &choices).await?;
        let Some((method, _)) = ways.get(chosen) else { return Err(unexpected("there is no such way")) };
        let mut authenticator = fixed(data, "authenticator");
        authenticator.insert("methodType".to_owned(), method.as_str().into());
        let next = self.follow(state, data, json!({ "authenticator": authenticator })).await?;
        self.who.prompter.tell(&format!("Sent: {}", choices.get(chosen).map_or("", String::as_str)));
        Ok(next)
    }

    /// Looks as often as Okta says until the person has answered the push, or patience ends.
    async fn poll(&self, first: &State, remediation: &Value) -> Result<State> {
        let timer = self.agent.timer();
        let deadline = Deadline::after(timer, self.who.settings.patience);
        let wait = remediation.get("refresh").and_then(Value::as_u64).map_or(POLL.0, Duration::from_millis);
        let wait = wait.clamp(POLL.0, POLL.1);
        let href = text(remediation, "/href").ok_or_else(|| unexpected("a step has no address"))?;
        let url = self.agent.within_org(href)?;
        let body = json!({ "stateHandle": first.handle()? });
        let mut shown = first.correct_answer();
        let tell = |number: &str| self.who.prompter.tell(&format!("Tap the number {number} there"));
        shown.as_deref().into_iter().for_each(tell);
        while !deadline.has_passed(timer) {
            timer.sleep(wait).await;
            let now = self.post(&url, &body).await?;
            let number = now.correct_answer();
            if number.is_some() && number != shown {
                number.as_deref().into_iter().for_each(tell);
                shown = number;
            }
            if now.complaint().is_some() || now.remediation("challenge-poll").is_none() {
                let rejected = now.complaint().map(|(key, said)| format!("{} [{}]", excerpt(said), printable(key)));
                return match rejected {
                    Some(said) => Err(Error::new(
                        ErrorKind::FactorFailed,
                        Stage::SignIn,
                        format!("the push was not approved ({said})"),
                    )
                    .with_hint("sign in again; if you did not ask for the push, tell your Okta administrator")),
                    None => Ok(now),
                };
            }
        }
        Err(Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, "nobody answered the push in time")
            .with_hint("sign in again; if you did not ask for the push, tell your Okta administrator"))
    }
}
