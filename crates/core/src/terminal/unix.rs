//! The terminal on Unix: `/dev/tty`.

use std::fs::{File, OpenOptions};
use std::io::{Error, ErrorKind, Result, Write};
use std::sync::{Mutex, PoisonError};

use console::Term;
use rustix::termios::{LocalModes, OptionalActions, Termios, tcgetattr, tcsetattr};

use crate::secret::SecretString;

fn device() -> Result<File> {
    OpenOptions::new().read(true).write(true).open("/dev/tty")
}

fn open() -> Result<Term> {
    Ok(Term::read_write_pair(device()?, device()?))
}

/// Whether there is a terminal.
pub(super) fn is_there() -> bool {
    device().is_ok()
}

pub(super) fn write_line(text: &str) -> Result<()> {
    open()?.write_line(text)
}

/// Lets the person choose one of several. `None` if they choose none.
pub(super) fn choose(question: &str, choices: &[String]) -> Result<Option<usize>> {
    super::pick(&open()?, question, choices)
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
fn show() {
    let before = SAVED_MODES.lock().unwrap_or_else(PoisonError::into_inner).take();
    if let (Some(before), Ok(terminal)) = (before, device()) {
        let _ = tcsetattr(&terminal, OptionalActions::Now, &before);
    }
}

/// Restores the terminal after a prompt was interrupted.
pub(super) fn restore() {
    show();
    if let Ok(terminal) = open() {
        // A picker may have hidden the cursor.
        let _ = terminal.show_cursor();
        let _ = terminal.write_line("");
    }
}
