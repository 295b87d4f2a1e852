//! Prompts on the terminal device, so that standard input and output stay free for data.

#[cfg_attr(unix, path = "unix.rs")]
#[cfg_attr(not(unix), path = "windows.rs")]
mod device;

use std::io::Write;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use console::{Term, style};
use dialoguer::FuzzySelect;
use dialoguer::theme::ColorfulTheme;
use qrcodegen::{QrCode, QrCodeEcc};
use tempaccess_core::{
    Error, ErrorKind, Notice, Prompter, Result, SecretString, Stage,
    session::Progress,
    source::{NoPrompter, Visit},
};

pub(crate) use device::standard_input;
use device::{read_hidden_line, read_line};

/// Prompts on the terminal. Without one, every prompt is an error.
#[derive(Debug)]
pub(crate) struct Terminal {
    /// Whether to show addresses as QR codes, too.
    pub(crate) qr: bool,
    /// Whether to open the user's browser.
    pub(crate) opens: bool,
    /// Whether another program asks on the person's behalf.
    pub(crate) for_program: bool,
}

impl Default for Terminal {
    fn default() -> Self {
        Self { qr: false, opens: true, for_program: false }
    }
}

impl Terminal {
    /// Shows a text on the terminal, or on standard error if there is none.
    pub(crate) fn show(&self, text: &str) {
        if device::write_line(text).is_err() {
            let _ = writeln!(std::io::stderr(), "{text}");
        }
    }
}

/// Whether the answer to a question is yes. Anything else is no.
pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
}

#[async_trait]
impl Prompter for Terminal {
    async fn text(&self, question: &str) -> Result<String> {
        if !device::is_there() {
            return NoPrompter.text(question).await;
        }
        let question = question.to_owned();
        blocking(move || read_line(&question).map(|line| line.expose().to_owned())).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        if !device::is_there() {
            return NoPrompter.secret(question).await;
        }
        let question = question.to_owned();
        blocking(move || read_hidden_line(&question)).await
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        if !device::is_there() {
            return NoPrompter.choose(question, choices).await;
        }
        let (question, choices) = (question.to_owned(), choices.to_vec());
        let chosen = blocking(move || device::choose(&question, &choices)).await?;
        chosen.ok_or_else(|| Error::new(ErrorKind::Cancelled, Stage::Role, "nothing was chosen"))
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        self.show(&page.to_string());
        // A page without a code is served by this program.
        let is_here = page.shown_code().is_none() && page.url().starts_with("http://127.0.0.1:");
        if self.qr && !is_here {
            self.show(&qr(page.url())?);
        }
        if self.opens && ::open::that_detached(page.url()).is_ok() {
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
        !self.for_program && device::is_there()
    }
}

/// Renders an address as a QR code, two rows of modules per line.
fn qr(url: &str) -> Result<String> {
    let code = QrCode::encode_text(url, QrCodeEcc::Low)
        .map_err(|_| Error::new(ErrorKind::InvalidArgument, Stage::SignIn, "the address is too long for a QR code"))?;
    let quiet = 2;
    let code = &code;
    let is_dark = move |x, y| code.get_module(x, y);
    let rows = (-quiet..code.size() + quiet).step_by(2);
    let row = |y| {
        // Most terminals show light on dark, which telephones can read as well.
        (-quiet..code.size() + quiet).map(move |x| match (is_dark(x, y), is_dark(x, y + 1)) {
            (false, false) => '█',
            (false, true) => '▀',
            (true, false) => '▄',
            (true, true) => ' ',
        })
    };
    Ok(rows.map(|y| row(y).collect::<String>()).collect::<Vec<_>>().join("\n"))
}

/// Refuses every prompt. Notices go to standard error.
pub(crate) fn silent() -> Arc<dyn Prompter> {
    Arc::new(NoPrompter::with_notices(|notice| {
        let _ = writeln!(std::io::stderr(), "{notice}");
    }))
}

/// Shows progress in one line that is rewritten, if standard error is a terminal.
pub(crate) struct ProgressLine(Option<Term>);

impl ProgressLine {
    pub(crate) fn new() -> Self {
        Self(Some(Term::stderr()).filter(Term::is_term))
    }

    pub(crate) fn show(&mut self, progress: Progress) {
        let Some(terminal) = &self.0 else { return };
        let failed = if progress.failed > 0 { format!(", {} refused", progress.failed) } else { String::new() };
        // Progress is not worth an error.
        let _ = terminal.clear_line();
        let _ = terminal.write_str(&format!("{} of {} roles{failed}", progress.done, progress.total));
    }
}

impl Drop for ProgressLine {
    fn drop(&mut self) {
        if let Some(terminal) = &self.0 {
            let _ = terminal.clear_line();
        }
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

/// How long a prompt waits for an answer.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(600);

/// Runs a prompt on its own thread with a timeout, so that Ctrl-C ends it.
pub(crate) async fn blocking<T: Send + 'static>(
    ask: impl FnOnce() -> std::io::Result<T> + Send + 'static,
) -> Result<T> {
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

/// Restores the terminal after a prompt was interrupted.
pub(crate) fn restore() {
    device::restore();
}
