//! Shell code that defines `assume`, which sets credentials in the running shell and removes them again.

use tempaccess_core::Result;

use crate::args::CompletionShell;

/// Returns the code for a shell.
pub(crate) fn script(shell: CompletionShell) -> Result<String> {
    let _ = shell;
    Ok(String::new())
}
