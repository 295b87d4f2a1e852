//! `tempaccess`: arguments in, text out. What there is to know is in `tempaccess_core`.

mod args;
mod commands;
mod render;
mod terminal;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use args::{Arguments, Command};

fn main() -> ExitCode {
    let arguments = Arguments::parse();
    let as_json = arguments.wants_json();
    match run(arguments) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // A reader that closed its end has had enough; nobody else needs to hear of it.
            let _ = writeln!(std::io::stderr(), "{}", render::error(&error, as_json));
            ExitCode::from(error.kind().exit_code())
        }
    }
}

fn run(arguments: Arguments) -> Result<()> {
    if let Command::Inspect(inspect) = &arguments.command {
        return commands::inspect(inspect);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Configuration, format!("the program cannot start: {error}")).with_source(error)
    })?;
    let result = runtime.block_on(async {
        tokio::select! {
            result = commands::run(arguments) => result,
            () = stopped() => {
                terminal::restore();
                Err(Error::new(ErrorKind::Cancelled, Stage::SignIn, "cancelled"))
            }
        }
    });
    // A question may still wait for its answer on another thread; nobody waits for that.
    runtime.shutdown_background();
    result
}

/// Returns when the person or the system wants the program to end.
async fn stopped() {
    #[cfg(unix)]
    {
        use tokio::signal::unix::{SignalKind, signal};
        if let (Ok(mut terminate), Ok(mut hang_up)) = (signal(SignalKind::terminate()), signal(SignalKind::hangup())) {
            tokio::select! {
                _ = tokio::signal::ctrl_c() => {}
                _ = terminate.recv() => {}
                _ = hang_up.recv() => {}
            }
            return;
        }
    }
    let _ = tokio::signal::ctrl_c().await;
}
