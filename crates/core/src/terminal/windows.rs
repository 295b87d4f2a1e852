//! The terminal on Windows: the console of the process, `CONIN$` and `CONOUT$` where the standard streams are redirected.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Error, ErrorKind, IsTerminal, Result, Write};

use console::Term;

use crate::secret::SecretString;

/// Opens the console in one direction. It can be opened only if the process has one.
fn console(name: &str) -> Result<File> {
    // Reading needs access for writing too: the mode of the console is changed for it.
    OpenOptions::new().read(true).write(true).open(name)
}

/// Whether there is a console, and one of the standard streams leads to it: programs without a window start others with a console
/// that nobody sees.
pub(super) fn is_there() -> bool {
    let is_seen = std::io::stdin().is_terminal() || std::io::stdout().is_terminal() || std::io::stderr().is_terminal();
    is_seen && console("CONIN$").is_ok() && console("CONOUT$").is_ok()
}

/// Writes to standard error if that is the console: std writes Unicode to it, where a file would be read in its code page.
fn write(text: &str) -> Result<()> {
    let mut stderr = std::io::stderr();
    if stderr.is_terminal() {
        stderr.write_all(text.as_bytes()).and_then(|()| stderr.flush())
    } else {
        console("CONOUT$")?.write_all(text.as_bytes())
    }
}

pub(super) fn write_line(text: &str) -> Result<()> {
    write(&format!("{text}\n"))
}

/// Lets the person choose one of several: with the arrow keys, or by number where these cannot be read because a standard stream is
/// redirected. `None` if they choose none.
pub(super) fn choose(question: &str, choices: &[String]) -> Result<Option<usize>> {
    if std::io::stdin().is_terminal() && std::io::stderr().is_terminal() {
        return super::pick(&Term::stderr(), question, choices);
    }
    for (number, choice) in choices.iter().enumerate() {
        write_line(&format!("{:>3}  {choice}", number + 1))?;
    }
    let line = read_line(&format!("{question} (1 to {})", choices.len()))?;
    let number = line.expose().trim().parse::<usize>().ok();
    Ok(number.and_then(|number| number.checked_sub(1)).filter(|number| *number < choices.len()))
}

/// Reads one line. The end of the input cancels the prompt.
pub(super) fn read_line(question: &str) -> Result<SecretString> {
    write(&format!("{} ", super::label(question)))?;
    let mut line = String::new();
    let length = if std::io::stdin().is_terminal() {
        std::io::stdin().read_line(&mut line)?
    } else {
        BufReader::new(console("CONIN$")?).read_line(&mut line)?
    };
    let line = SecretString::from(line);
    if length == 0 {
        return Err(Error::from(ErrorKind::UnexpectedEof));
    }
    Ok(line.expose().trim_end_matches(['\r', '\n']).into())
}

/// Reads one line without echo.
pub(super) fn read_hidden_line(question: &str) -> Result<SecretString> {
    write(&format!("{} ", super::label(question)))?;
    let line = rpassword::read_password().map(SecretString::from)?;
    write_line("")?;
    Ok(line)
}

/// Restores the terminal after a prompt was interrupted.
pub(super) fn restore() {
    if std::io::stderr().is_terminal() {
        // A picker may have hidden the cursor.
        let _ = Term::stderr().show_cursor();
    }
}
