//! What the person is asked, in whichever way they sign in.

use super::OktaSource;
use super::builder::{OktaSourceBuilder, Password};
use super::org::Org;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::source::Prompter;

/// Codes that the person may try.
pub(super) const CODES: usize = 3;

/// The person who signs in.
pub(super) struct Who<'a> {
    source: &'a OktaSource,
    pub(super) settings: &'a OktaSourceBuilder,
    pub(super) prompter: &'a dyn Prompter,
    /// Whether what cannot be done here can go on in a browser.
    pub(super) has_browser: bool,
    /// The code that was accepted: a step-up must not be answered with it again.
    used_code: Option<SecretString>,
    /// A password that nobody typed, and whose it is.
    sent: Option<(String, SecretString)>,
}

/// What the person answered to the question for a code.
pub(super) enum Answer {
    Code(SecretString),
    /// Send it again.
    Again,
}

impl<'a> Who<'a> {
    pub(super) fn new(source: &'a OktaSource, prompter: &'a dyn Prompter, has_browser: bool) -> Self {
        Self { source, settings: &source.settings, prompter, has_browser, used_code: None, sent: None }
    }

    /// Name and password: given, or asked for.
    pub(super) async fn name_and_password(&mut self, host: &str) -> Result<(String, SecretString)> {
        let username = self.username(host).await?;
        let password = self.password(&username).await?;
        Ok((username, password))
    }

    pub(super) async fn username(&self, host: &str) -> Result<String> {
        match &self.settings.username {
            Some(username) => Ok(username.clone()),
            None => self.prompter.text(&format!("User name at {host}")).await,
        }
    }

    /// The password. One that a program or a configuration gave and Okta refused is not sent again: nobody may watch.
    pub(super) async fn password(&mut self, username: &str) -> Result<SecretString> {
        let password = match &self.settings.password {
            Some(Password::Known(password)) => password.clone(),
            #[cfg(feature = "config")]
            Some(Password::Command { program, arguments }) => crate::source::output_of(program, arguments).await?,
            None => self.prompter.secret(&format!("Password of {username}")).await?,
        };
        if password.is_empty() {
            return Err(Error::new(ErrorKind::Cancelled, Stage::SignIn, "no password was given, and none was sent"));
        }
        if self.settings.password.is_some() {
            if Org::recall(self.source).has_refused(username, &password) {
                return Err(Error::new(
                    ErrorKind::AuthenticationFailed,
                    Stage::SignIn,
                    "Okta refused this password before, and it was not sent again",
                )
                .with_hint("change what gives the password, or give none to be asked for it"));
            }
            self.sent = Some((username.to_owned(), password.clone()));
        }
        Ok(password)
    }

    /// Hears how it ended, so that a password that nobody typed is refused once.
    pub(super) fn ended<T>(&self, result: Result<T>) -> Result<T> {
        if let (Err(error), Some((username, password))) = (&result, &self.sent)
            && error.kind() == ErrorKind::AuthenticationFailed
        {
            Org::recall(self.source).refused(username, password);
        }
        result
    }

    /// One code or answer; nothing where what was typed is none. An empty one sends the code again where that can be.
    pub(super) async fn code(&self, question: &str, can_resend: bool) -> Result<Option<Answer>> {
        let question = if can_resend { format!("{question} (nothing: send it again)") } else { question.to_owned() };
        let answer = self.prompter.secret(&question).await?;
        let answer = SecretString::from(answer.expose().trim());
        if answer.is_empty() {
            return Ok(can_resend.then_some(Answer::Again));
        }
        if self.used_code.as_ref().is_some_and(|used| used.expose() == answer.expose()) {
            self.prompter.tell("That code was used a moment ago: wait for the next one");
            return Ok(None);
        }
        Ok(Some(Answer::Code(answer)))
    }

    /// Remembers the code that was accepted, or that the last answer was none.
    pub(super) fn used(&mut self, code: Option<SecretString>) {
        self.used_code = code;
    }

    /// Lets the person choose, where there is anything to choose.
    pub(super) async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        let chosen = if choices.len() == 1 { 0 } else { self.prompter.choose(question, choices).await? };
        if chosen < choices.len() {
            return Ok(chosen);
        }
        Err(Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "there is no such choice"))
    }
}
