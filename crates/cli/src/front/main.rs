//! `tempaccess`: prints cached credentials, or runs the main program.
//!
//! It links nothing that cached credentials do not need: no argument parser, no runtime, no TLS. Loading these would take most
//! of the time of a program that SDKs start a hundred times an hour.

#[path = "../hardening.rs"]
mod hardening;
mod kept;

use std::io::Write;
use std::path::PathBuf;
use std::process::{Command, ExitCode};

/// The name of the main program, in the same folder as this one.
const MAIN: &str = "tempaccess-main";

fn main() -> ExitCode {
    hardening::protect();
    if kept::answered() {
        return ExitCode::SUCCESS;
    }
    let main = main_program();
    let mut command = Command::new(&main);
    command.args(std::env::args_os().skip(1));
    let error = match become_main(&mut command) {
        Ok(code) => return code,
        Err(error) => error,
    };
    let _ = writeln!(
        std::io::stderr(),
        "error: `{}` cannot be run: {error}\n\nhint: tempaccess consists of two programs; put both into one folder",
        main.display()
    );
    // The code of `io`, as for every other program that cannot be run.
    ExitCode::from(4)
}

/// Returns the path of the main program. Links to this program are followed.
fn main_program() -> PathBuf {
    let this = std::env::current_exe().unwrap_or_default();
    let this = this.canonicalize().unwrap_or(this);
    this.with_file_name(format!("{MAIN}{}", std::env::consts::EXE_SUFFIX))
}

#[cfg(unix)]
fn become_main(command: &mut Command) -> std::io::Result<ExitCode> {
    // The main program protects itself, and must see the caller's limit to restore it.
    Err(hardening::with_core_limit(|| std::os::unix::process::CommandExt::exec(command)))
}

#[cfg(not(unix))]
fn become_main(command: &mut Command) -> std::io::Result<ExitCode> {
    let status = command.status()?;
    Ok(ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1)))
}
