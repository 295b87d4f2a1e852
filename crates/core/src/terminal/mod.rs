//! A prompter for programs that run on a terminal.
//!
//! It speaks to the terminal device (`/dev/tty`, or the console on Windows), so that standard input and output stay free for
//! data. It hides secrets while they are typed, lets the person choose with the arrow keys, and opens pages in their browser.
//!
//! ```
//! use std::sync::Arc;
//! use tempaccess_core::config::{Config, Settings};
//! use tempaccess_core::terminal::Terminal;
//!
//! # let mut settings = Settings::default();
//! # settings.source = Some("file:response.html".to_owned());
//! # settings.store = Some("none".to_owned());
//! let access = settings.access(&Config::default(), None)?.prompter(Arc::new(Terminal::new())).build();
//! assert!(access.cached().is_none());
//! # Ok::<(), tempaccess_core::Error>(())
//! ```

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "windows.rs")]
mod device;
mod qr;

use std::io::Write;
use std::time::Duration;

use async_trait::async_trait;
use console::{Term, style};
use dialoguer::FuzzySelect;
use dialoguer::theme::ColorfulTheme;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::source::{NoPrompter, Notice, Prompter, Visit};

/// Asks the person on the terminal of this process. Without a terminal, every question is an `interaction_required` error, and
/// notices go to standard error.
///
/// A question waits ten minutes for its answer. A program that handles Ctrl-C itself calls [`restore`](Self::restore) before it
/// ends, since a question may have hidden what is typed.
///
/// ```
/// use tempaccess_core::terminal::Terminal;
///
/// // On a server that one is logged in to: no browser here, and the addresses as QR codes for a telephone.
/// let terminal = Terminal::new().qr_codes().without_browser();
/// ```
#[derive(Debug, Clone)]
pub struct Terminal {
    shows_qr_codes: bool,
    opens_browser: bool,
    serves_program: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { shows_qr_codes: false, opens_browser: true, serves_program: false }
    }
}

impl Terminal {
    /// The terminal of this process. Pages open in the person's browser.
    pub fn new() -> Self {
        Self::default()
    }

    /// Also shows addresses as QR codes, for a browser on a telephone. Pages that this machine serves are not shown so.
    #[must_use]
    pub fn qr_codes(mut self) -> Self {
        self.shows_qr_codes = true;
        self
    }

    /// Shows addresses only, and opens no browser.
    #[must_use]
    pub fn without_browser(mut self) -> Self {
        self.opens_browser = false;
        self
    }

    /// The caller is a program that asks for credentials, such as the AWS CLI, and not the person. A sign-in that the person has
    /// just refused is not repeated for it: see [`Prompter::is_interactive`].
    #[must_use]
    pub fn for_program(mut self) -> Self {
        self.serves_program = true;
        self
    }

    /// Writes a line to the terminal, or to standard error if there is none.
    pub fn show(&self, text: &str) {
        if device::write_line(text).is_err() {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }

    /// Restores the terminal after a question was interrupted: shows what is typed, and the cursor.
    pub fn restore() {
        device::restore();
    }
}

#[async_trait]
impl Prompter for Terminal {
    async fn text(&self, question: &str) -> Result<String> {
        if !device::is_there() {
            return NoPrompter.text(question).await;
        }
        let question = question.to_owned();
        answer(move || device::read_line(&question).map(|line| line.expose().to_owned())).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        if !device::is_there() {
            return NoPrompter.secret(question).await;
        }
        let question = question.to_owned();
        answer(move || device::read_hidden_line(&question)).await
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        if !device::is_there() {
            return NoPrompter.choose(question, choices).await;
        }
        let (question, choices) = (question.to_owned(), choices.to_vec());
        let chosen = answer(move || device::choose(&question, &choices)).await?;
        chosen.ok_or_else(|| Error::new(ErrorKind::Cancelled, Stage::Role, "nothing was chosen"))
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        self.show(&page.to_string());
        // A page without a code is served by this program.
        let is_here = page.shown_code().is_none() && page.url().starts_with("http://127.0.0.1:");
        if self.shows_qr_codes && !is_here {
            self.show(&qr::qr(page.url())?);
        }
        if self.opens_browser && ::open::that_detached(page.url()).is_ok() {
            self.show("It opens in your browser; waiting for you there (Ctrl-C gives up)");
        } else {
            let place = if is_here { "on this machine" } else { "on this machine or another" };
            self.show(&format!("Open it in a browser, {place}; waiting for you there (Ctrl-C gives up)"));
        }
        Ok(())
    }

    fn notify(&self, notice: &Notice) {
        self.show(&notice.to_string());
    }

    fn is_interactive(&self) -> bool {
        !self.serves_program && device::is_there()
    }
}

/// Lets the person choose one of several with the arrow keys. `None` if they choose none.
fn pick(terminal: &Term, question: &str, choices: &[String]) -> std::io::Result<Option<usize>> {
    let theme = ColorfulTheme::default();
    let select = FuzzySelect::with_theme(&theme).with_prompt(question).items(choices).default(0);
    select.interact_on_opt(terminal).map_err(std::io::Error::other)
}

fn label(question: &str) -> String {
    format!("{} {}", style("?").for_stderr().yellow().bold(), style(format!("{question}:")).for_stderr().bold())
}

/// How long a question waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// Waits for an answer on a thread of its own, so that dropping the future withdraws the question.
async fn answer<T: Send + 'static>(ask: impl FnOnce() -> std::io::Result<T> + Send + 'static) -> Result<T> {
    let error = |kind, message: String| Error::new(kind, Stage::SignIn, message);
    match tokio::time::timeout(ANSWER_TIMEOUT, tokio::task::spawn_blocking(ask)).await {
        Ok(Ok(Ok(answer))) => Ok(answer),
        Ok(Ok(Err(why))) if why.kind() == std::io::ErrorKind::UnexpectedEof => {
            Err(error(ErrorKind::Cancelled, "no answer was given".to_owned()))
        }
        Ok(Ok(Err(why))) => Err(error(ErrorKind::Io, format!("the terminal cannot be used: {why}")).with_source(why)),
        Ok(Err(_)) => Err(error(ErrorKind::Cancelled, "the question was withdrawn".to_owned())),
        Err(_) => {
            device::restore();
            Err(error(ErrorKind::DeadlineExceeded, "nobody answered for ten minutes".to_owned()))
        }
    }
}
