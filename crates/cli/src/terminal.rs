//! Prompts on the terminal device, so that standard input and output stay free for data.

use std::io::Write;
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
        match open() {
            Ok(terminal) => drop(terminal.write_line(text)),
            Err(_) => drop(writeln!(std::io::stderr(), "{text}")),
        }
    }
}

#[async_trait]
impl Prompter for Terminal {
    async fn text(&self, question: &str) -> Result<String> {
        if open().is_err() {
            return NoPrompter.text(question).await;
        }
        let question = question.to_owned();
        blocking(move || read_line(&question).map(|line| line.expose().to_owned())).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        if open().is_err() {
            return NoPrompter.secret(question).await;
        }
        let question = question.to_owned();
        blocking(move || read_hidden_line(&question)).await
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        if open().is_err() {
            return NoPrompter.choose(question, choices).await;
        }
        let (question, choices) = (question.to_owned(), choices.to_vec());
        let chosen = blocking(move || {
            let terminal = open()?;
            let theme = ColorfulTheme::default();
            let select = FuzzySelect::with_theme(&theme).with_prompt(question).items(&choices).default(0);
            select.interact_on_opt(&terminal).map_err(std::io::Error::other)
        })
        .await?;
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
        !self.for_program && open().is_ok()
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
#[derive(Debug)]
pub(crate) struct Silent;

#[async_trait]
impl Prompter for Silent {
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
        let _ = writeln!(std::io::stderr(), "{notice}");
    }

    fn is_interactive(&self) -> bool {
        false
    }
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
            restore();
            Err(error(ErrorKind::DeadlineExceeded, "nobody answered for ten minutes".to_owned()))
        }
    }
}

/// Restores the terminal after a prompt was interrupted.
pub(crate) fn restore() {
    device::show();
    if let Ok(terminal) = open() {
        // A picker may have hidden the cursor.
        let _ = terminal.show_cursor();
        let _ = terminal.write_line("");
    }
}

pub(crate) use device::standard_input;
use device::{open, read_hidden_line, read_line};

#[cfg(unix)]
mod device {
    use std::fs::{File, OpenOptions};
    use std::io::{Error, ErrorKind, Result, Write};
    use std::sync::{Mutex, PoisonError};

    use console::Term;
    use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};
    use tempaccess_core::SecretString;

    /// Returns standard input without std's buffer, which would keep a copy of what was read until the process ends. Input that
    /// is not read is left for the programs that inherit it.
    pub(crate) fn standard_input() -> Result<File> {
        use std::os::fd::AsFd;
        Ok(File::from(std::io::stdin().as_fd().try_clone_to_owned()?))
    }

    fn device() -> Result<File> {
        OpenOptions::new().read(true).write(true).open("/dev/tty")
    }

    pub(super) fn open() -> Result<Term> {
        Ok(Term::read_write_pair(device()?, device()?))
    }

    /// Reads one line. The end of the input cancels the prompt.
    pub(super) fn read_line(question: &str) -> Result<SecretString> {
        let mut terminal = device()?;
        write!(terminal, "{} ", super::label(question))?;
        terminal.flush()?;
        SecretString::read_line(&mut terminal)?.ok_or_else(|| Error::from(ErrorKind::UnexpectedEof))
    }

    /// The modes of the terminal before the echo was turned off.
    static SAVED_MODES: Mutex<Option<Termios>> = Mutex::new(None);

    /// Reads one line without echo.
    pub(super) fn read_hidden_line(question: &str) -> Result<SecretString> {
        let mut terminal = device()?;
        let before = tcgetattr(&terminal)?;
        let mut hidden = before.clone();
        hidden.local_modes.remove(LocalModes::ECHO);
        *SAVED_MODES.lock().unwrap_or_else(PoisonError::into_inner) = Some(before);
        tcsetattr(&terminal, OptionalActions::Now, &hidden)?;
        let line = read_line(question);
        show();
        writeln!(terminal)?;
        line
    }

    /// Turns the echo on again if it was turned off.
    pub(super) fn show() {
        let before = SAVED_MODES.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let (Some(before), Ok(terminal)) = (before, device()) {
            let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
        }
    }
}

#[cfg(not(unix))]
mod device {
    use std::io::{Error, ErrorKind, Result, StdinLock};

    use console::Term;
    use tempaccess_core::SecretString;

    /// Returns standard input. Only std can read it from a Windows console.
    pub(crate) fn standard_input() -> Result<StdinLock<'static>> {
        Ok(std::io::stdin().lock())
    }

    pub(super) fn open() -> Result<Term> {
        let terminal = Term::stderr();
        if terminal.is_term() { Ok(terminal) } else { Err(Error::from(ErrorKind::NotConnected)) }
    }

    pub(super) fn read_line(question: &str) -> Result<SecretString> {
        let terminal = open()?;
        terminal.write_str(&format!("{} ", super::label(question)))?;
        terminal.read_line().map(SecretString::from)
    }

    pub(super) fn read_hidden_line(question: &str) -> Result<SecretString> {
        let terminal = open()?;
        terminal.write_str(&format!("{} ", super::label(question)))?;
        terminal.read_secure_line().map(SecretString::from)
    }

    pub(super) fn show() {}
}
