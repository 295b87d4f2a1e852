//! `tempaccess`: the answer that costs nothing, or the program that knows all the others.
//!
//! Nothing is linked here that a kept answer does not need: no argument parser, no runtime, no TLS. What starts a
//! hundred times an hour is mostly the loading of a program.

#[path = "../hardening.rs"]
mod hardening;
mod kept;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The name of the other program, which stands beside this one.
const MAIN: &str = "tempaccess-main";

fn main() -> ExitCode {
    hardening::protect();
    if kept::answered() {
        return ExitCode::SUCCESS;
    }
    let main = beside();
    let mut command = Command::new(&main);
    command.args(std::env::args_os().skip(1));
    let error = match become_it(&mut command) {
        Ok(code) => return code,
        Err(error) => error,
    };
    let _ = writeln!(
        std::io::stderr(),
        "error: `{}` cannot be run: {error}\n\nhint: tempaccess is two programs, and both belong into one folder",
        main.display()
    );
    // As for every other program that cannot be run.
    ExitCode::from(4)
}

/// Where the other program is. A link to this one leads to it too.
fn beside() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    let this = this.canonicalize().unwrap_or(this);
    this.with_file_name(format!("{MAIN}{}", std::env::consts::EXE_SUFFIX))
}

#[cfg(unix)]
fn become_it(command: &mut Command) -> std::io::Result<ExitCode> {
    // The other program protects itself, and must know the caller's limit to give it back.
    Err(hardening::with_core_limit(|| std::os::unix::process::CommandExt::exec(command)))
}

#[cfg(not(unix))]
fn become_it(command: &mut Command) -> std::io::Result<ExitCode> {
    let status = command.status()?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
