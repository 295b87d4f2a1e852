//! `tempaccess`: prints cached credentials, or runs the main program.
//!
//! It links nothing that cached credentials do not need: no argument parser, no runtime, no TLS. Loading these would take most
//! of the time of a program that SDKs start a hundred times an hour.

mod cached;
#[path = "../hardening.rs"]
mod hardening;
#[cfg(not(unix))]
#[path = "../in_place.rs"]
mod in_place;

use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::{Command, ExitCode};

/// The name of the main program, in the same folder as this one.
const MAIN: &str = "tempaccess-main";

fn main() -> ExitCode {
    hardening::protect();
    if cached::print_credentials() {
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
    let this = real_path(&this).unwrap_or(this);
    this.with_file_name(format!("{MAIN}{}", std::env::consts::EXE_SUFFIX))
}

#[cfg(unix)]
fn real_path(path: &Path) -> std::io::Result<PathBuf> {
    path.canonicalize()
}

/// Without the prefix `\\?\`, which many programs do not take, and which would reach the profiles that are written.
#[cfg(not(unix))]
fn real_path(path: &Path) -> std::io::Result<PathBuf> {
    dunce::canonicalize(path)
}

#[cfg(unix)]
fn become_main(command: &mut Command) -> std::io::Result<ExitCode> {
    // The main program protects itself, and must see the caller's limit to restore it.
    Err(hardening::with_core_limit(|| std::os::unix::process::CommandExt::exec(command)))
}

#[cfg(not(unix))]
fn become_main(command: &mut Command) -> std::io::Result<ExitCode> {
    // Windows has exit codes of 32 bits.
    std::process::exit(in_place::run(command)?)
}
