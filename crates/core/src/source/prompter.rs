use std::fmt;

use async_trait::async_trait;

use super::Notice;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::text::printable;

/// A page that the person opens in a browser of their own choice.
///
/// ```
/// use tempaccess_core::source::Visit;
///
/// let visit = Visit::new("https://acme.okta.com/activate?user_code=ABCD1234").code("ABCD1234");
/// assert!(visit.to_string().ends_with("the code there is ABCD1234"));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Visit {
    url: String,
    code: Option<String>,
}

impl Visit {
    /// The page at this address.
    pub fn new(url: impl Into<String>) -> Self {
        Self { url: url.into(), code: None }
    }

    /// The code that the page asks for or shows.
    #[must_use]
    pub fn code(mut self, code: impl Into<String>) -> Self {
        self.code = Some(code.into());
        self
    }

    /// Its address.
    pub fn url(&self) -> &str {
        &self.url
    }

    /// The code that the page asks for or shows, where there is one.
    pub fn shown_code(&self) -> Option<&str> {
        self.code.as_deref()
    }
}

/// The text for the person.
impl fmt::Display for Visit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Sign in at {}", printable(&self.url))?;
        match &self.code {
            Some(code) => write!(f, "\nthe code there is {}", printable(code)),
            None => Ok(()),
        }
    }
}

/// Asks the person: on a terminal, in a window, in a chat. Dropping the future withdraws the question.
#[async_trait]
pub trait Prompter: fmt::Debug + Send + Sync {
    /// Asks for a text that others may see, such as a user name.
    ///
    /// # Errors
    ///
    /// `interaction_required` if nobody can be asked, `cancelled` if the person declines to answer.
    async fn text(&self, question: &str) -> Result<String>;

    /// Asks for a secret text, such as a password or a code.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    async fn secret(&self, question: &str) -> Result<SecretString>;

    /// Asks the person to choose. The answer is an index of `choices`, which are never empty.
    ///
    /// # Errors
    ///
    /// As [`text`](Self::text).
    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize>;

    /// Sends the person to a page, and does not wait for them (default: a notice with the address, which they open
    /// themselves).
    ///
    /// # Errors
    ///
    /// `interaction_required` if there is nobody to send.
    async fn visit(&self, page: &Visit) -> Result<()> {
        self.notify(&Notice::Visit(page.clone()));
        Ok(())
    }

    /// Announces a browser window, in which the person continues.
    ///
    /// # Errors
    ///
    /// `interaction_required` if there is nobody to do so.
    async fn attend(&self, notice: &Notice) -> Result<()> {
        self.notify(notice);
        Ok(())
    }

    /// Tells the person something that needs no answer, such as the number to tap on a telephone.
    fn notify(&self, notice: &Notice);

    /// Whether a person is present who starts sign-ins deliberately (default: yes). Programs that are not interactive do not
    /// repeat a sign-in that a person has just refused.
    fn is_interactive(&self) -> bool {
        true
    }
}

/// What to do when nobody can be asked. Front ends for programs add how a program passes a prompter.
pub(crate) const NO_PERSON_HINT: &str = "run `tempaccess login` on a terminal";

/// A prompter without a person: every question is an error that names it.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "it has no fields")]
pub struct NoPrompter;

impl NoPrompter {
    /// Returns a prompter that has no person either, and passes what one should know to a function, such as that of a log.
    ///
    /// ```
    /// use tempaccess_core::{Prompter, source::NoPrompter};
    ///
    /// let prompter = NoPrompter::with_notices(|notice| eprintln!("{notice}"));
    /// assert!(!prompter.is_interactive());
    /// ```
    pub fn with_notices(handle: impl Fn(&Notice) + Send + Sync + 'static) -> impl Prompter {
        NoticesOnly(handle)
    }

    fn refuse<T>(question: &str) -> Result<T> {
        Err(Error::new(ErrorKind::InteractionRequired, Stage::SignIn, format!("nobody can be asked: {question}"))
            .with_hint(NO_PERSON_HINT))
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

    async fn visit(&self, _: &Visit) -> Result<()> {
        Self::refuse("sign in with the browser")
    }

    async fn attend(&self, _: &Notice) -> Result<()> {
        Self::refuse("sign in with the browser")
    }

    fn notify(&self, _: &Notice) {}

    fn is_interactive(&self) -> bool {
        false
    }
}

/// [`NoPrompter`] with a function for notices.
struct NoticesOnly<F>(F);

impl<F> fmt::Debug for NoticesOnly<F> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoticesOnly")
    }
}

#[async_trait]
impl<F: Fn(&Notice) + Send + Sync> Prompter for NoticesOnly<F> {
    async fn text(&self, question: &str) -> Result<String> {
        NoPrompter.text(question).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        NoPrompter.secret(question).await
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        NoPrompter.choose(question, choices).await
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        NoPrompter.visit(page).await
    }

    async fn attend(&self, notice: &Notice) -> Result<()> {
        NoPrompter.attend(notice).await
    }

    fn notify(&self, notice: &Notice) {
        self.0(notice);
    }

    fn is_interactive(&self) -> bool {
        NoPrompter.is_interactive()
    }
}
