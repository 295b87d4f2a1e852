//! Confirmations, progress, notices and standard input of the commands.

use std::io::Write;
use std::sync::Arc;

use console::Term;
use tempaccess_core::{Prompter, session::Progress, source::NoPrompter};

/// Whether the answer to a question is yes. Anything else is no.
pub(crate) fn is_yes(answer: &str) -> bool {
    matches!(answer.trim().to_lowercase().as_str(), "y" | "yes")
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

/// Returns standard input without std's buffer, which would keep a copy of what was read until the process ends. Input that
/// is not read is left for the programs that inherit it.
#[cfg(unix)]
pub(crate) fn standard_input() -> std::io::Result<std::fs::File> {
    use std::os::fd::AsFd;
    Ok(std::fs::File::from(std::io::stdin().as_fd().try_clone_to_owned()?))
}

/// Returns standard input. Only std can read it from a Windows console.
#[cfg(not(unix))]
pub(crate) fn standard_input() -> std::io::Result<std::io::StdinLock<'static>> {
    Ok(std::io::stdin().lock())
}
