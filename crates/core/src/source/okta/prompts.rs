//! The questions that a person is asked during a sign-in, the same for every method.

use super::OktaSource;
use super::builder::{OktaSourceBuilder, Password};
use super::org_cache::OrgCache;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::source::{FactorStep, Notice, Prompter};

/// How many codes a person may try.
pub(super) const MAX_CODE_ATTEMPTS: usize = 3;

/// Asks the person, and remembers what must not be asked or sent twice in one sign-in.
pub(super) struct SignInPrompts<'a> {
    source: &'a OktaSource,
    pub(super) settings: &'a OktaSourceBuilder,
    pub(super) prompter: &'a dyn Prompter,
    /// Whether a browser can be shown for factors that a terminal cannot answer.
    pub(super) has_browser: bool,
    /// The code that was accepted last. A step-up must not be answered with it again.
    accepted_code: Option<SecretString>,
    /// The user name and the password that came from the settings, once they were sent.
    configured_password: Option<(String, SecretString)>,
    push: PushState,
}

/// Whether a push may be sent. A person who rejected one, or ignores it, must not receive another without asking for it.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PushState {
    Allowed,
    /// A push was sent and has not been approved.
    NotApproved,
}

/// What the person entered when asked for a code.
pub(super) enum CodeInput {
    Code(SecretString),
    /// Send the code again.
    Resend,
}

impl<'a> SignInPrompts<'a> {
    pub(super) fn new(source: &'a OktaSource, prompter: &'a dyn Prompter, has_browser: bool) -> Self {
        Self {
            source,
            settings: &source.settings,
            prompter,
            has_browser,
            accepted_code: None,
            configured_password: None,
            push: PushState::Allowed,
        }
    }

    pub(super) fn notify_sent(&self, factor: &str, step: FactorStep) {
        self.prompter.notify(&Notice::FactorSent { factor: factor.to_owned(), step });
    }

    /// Returns user name and password, configured or entered.
    pub(super) async fn username_and_password(&mut self, host: &str) -> Result<(String, SecretString)> {
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

    /// Returns the password, configured or entered. A configured password that Okta rejected is refused here: sending it
    /// on every run would lock the account.
    pub(super) async fn password(&mut self, username: &str) -> Result<SecretString> {
        let password = match &self.settings.password {
            Some(Password::Known(password)) => password.clone(),
            #[cfg(feature = "config")]
            Some(Password::Command { program, arguments }) => crate::source::output_of(program, arguments).await?,
            None => self.prompter.secret(&format!("Password of {username}")).await?,
        };
        if password.is_empty() {
            return Err(Error::new(ErrorKind::Cancelled, Stage::SignIn, "the password is empty and was not sent"));
        }
        if self.settings.password.is_some() {
            if OrgCache::load(self.source).await.is_rejected(username, &password) {
                return Err(Error::new(
                    ErrorKind::AuthenticationFailed,
                    Stage::SignIn,
                    "Okta rejected this password before, so it was not sent again",
                )
                .with_hint("correct the configured password, or remove it to be asked for one")
                .mark_guarded());
            }
            self.configured_password = Some((username.to_owned(), password.clone()));
        }
        Ok(password)
    }

    /// Passes `result` on. If Okta rejected a configured password, remembers that, so that it is not sent again.
    pub(super) async fn note_rejected_password<T>(&self, result: Result<T>) -> Result<T> {
        if let (Err(error), Some((username, password))) = (&result, &self.configured_password)
            && error.kind() == ErrorKind::AuthenticationFailed
            && OrgCache::load(self.source).await.set_rejected(username, password).await
        {
            return result.map_err(Error::mark_guarded);
        }
        result
    }

    /// Asks for one code or answer. Returns nothing if the input cannot be used and the question has to be repeated.
    pub(super) async fn code(&self, question: &str, can_resend: bool) -> Result<Option<CodeInput>> {
        let question = if can_resend { format!("{question} (empty: send again)") } else { question.to_owned() };
        let input = self.prompter.secret(&question).await?;
        let code = SecretString::from(input.expose().trim());
        if code.is_empty() {
            return Ok(can_resend.then_some(CodeInput::Resend));
        }
        if self.accepted_code.as_ref().is_some_and(|accepted| accepted.expose() == code.expose()) {
            self.prompter.notify(&Notice::CodeJustUsed);
            return Ok(None);
        }
        Ok(Some(CodeInput::Code(code)))
    }

    /// Remembers the code that was accepted; `None` if the answer was not a code.
    pub(super) fn set_accepted_code(&mut self, code: Option<SecretString>) {
        self.accepted_code = code;
    }

    /// Lets the person choose. Does not ask if there is only one choice.
    pub(super) async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        let chosen = if choices.len() == 1 { 0 } else { self.prompter.choose(question, choices).await? };
        if chosen < choices.len() {
            return Ok(chosen);
        }
        Err(Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "the prompter chose an option that was not offered"))
    }

    /// Records that a push is about to be sent.
    ///
    /// # Errors
    ///
    /// `factor_failed` if this sign-in already sent a push that was not approved: repeated pushes train people to approve
    /// them.
    pub(super) fn begin_push(&mut self) -> Result<()> {
        if self.push == PushState::NotApproved {
            return Err(Error::new(
                ErrorKind::FactorFailed,
                Stage::SignIn,
                "Okta asks for another push although the first was not approved; no other push was sent",
            )
            .with_hint("sign in again, or choose another second factor"));
        }
        self.push_sent();
        Ok(())
    }

    /// Records that a push was sent.
    pub(super) fn push_sent(&mut self) {
        self.push = PushState::NotApproved;
    }

    /// Records that the sign-in succeeded, and so that every push was approved.
    pub(super) fn push_approved(&mut self) {
        self.push = PushState::Allowed;
    }
}
