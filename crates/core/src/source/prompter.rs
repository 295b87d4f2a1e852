use std::fmt;

use async_trait::async_trait;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;

/// Asks the person: on a terminal, in a window, in a chat. Dropping the future withdraws the question.
#[async_trait]
pub trait Prompter: fmt::Debug + Send + Sync {
    /// Asks for a text that may be seen, such as a user name.
    ///
    /// # Errors
    ///
    /// `interaction_required` where nobody can be asked, `cancelled` where the person will not answer.
    async fn text(&self, question: &str) -> Result<String>;

    /// Asks for a text that nobody else may see, such as a password or a code.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    async fn secret(&self, question: &str) -> Result<SecretString>;

    /// Lets the person choose; the answer is an index of `choices`, which are never empty.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize>;

    /// Tells the person something that needs no answer, such as the number to tap on a telephone.
    fn tell(&self, message: &str);
}

/// Nobody to ask: every question is an error that says which one it was.
#[derive(Debug, Clone, Copy, Default)]
pub struct NoPrompter;

impl NoPrompter {
    fn refuse<T>(question: &str) -> Result<T> {
        Err(Error::new(
            ErrorKind::InteractionRequired,
            Stage::SignIn,
            format!("a person has to answer `{question}`, and there is none to ask"),
        )
        .with_hint("run `tempaccess login` on a terminal"))
    }
}

#[async_trait]
impl Prompter for NoPrompter {
    async fn text(&self, question: &str) -> Result<String> {
        Self::refuse(question)
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        Self::refuse(question)
    }

    async fn choose(&self, question: &str, _: &[String]) -> Result<usize> {
        Self::refuse(question)
    }

    fn tell(&self, _: &str) {}
}
