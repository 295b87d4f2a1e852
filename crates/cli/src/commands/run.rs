//! `exec` and `serve`: credentials for programs.

use std::io::Write;
use std::process::{Command, ExitCode};

use tempaccess_core::sink;
use tempaccess_core::{CredentialsEndpoint, Error, ErrorKind, Result, Stage};

use super::access;
use crate::args::{Exec, Serve};

/// A program that is ready to run, and what it needs beside it.
pub(crate) struct Running {
    pub(crate) program: Command,
    /// What gives it credentials as long as it runs.
    pub(crate) endpoint: Option<CredentialsEndpoint>,
}

/// The program, with credentials in its environment or the way to them.
pub(crate) async fn prepare(arguments: Exec) -> Result<Running> {
    let (given, settings) = arguments.chosen.into_parts();
    let access = access(&given, settings).await?;
    // Whatever is to be asked is asked now, before there is a program that waits.
    let grant = access.credentials().await?;
    let mut words = arguments.program.into_iter();
    let mut program = Command::new(words.next().unwrap_or_default());
    program.args(words);
    for name in sink::stale_variables() {
        program.env_remove(name);
    }
    if !arguments.serve {
        program.envs(sink::environment(&grant.answer.credentials).iter().map(|(name, value)| (name, value.expose())));
        return Ok(Running { program, endpoint: None });
    }
    let endpoint = CredentialsEndpoint::bind(access, 0).await?;
    program.envs(endpoint.environment().iter().map(|(name, value)| (name, value.expose())));
    Ok(Running { program, endpoint: Some(endpoint) })
}

/// Why a program does not start.
pub(crate) fn cannot_run(program: &Command, error: std::io::Error) -> Error {
    let name = program.get_program().to_string_lossy().into_owned();
    Error::new(ErrorKind::Io, Stage::Output, format!("`{name}` cannot be run: {error}"))
        .with_hint("give a program of the `PATH`, or its path, after `--`")
        .with_source(error)
}

/// Runs the program while the endpoint gives it credentials, and ends as it ends.
pub(crate) async fn beside(program: Command, endpoint: CredentialsEndpoint) -> Result<ExitCode> {
    let mut program = tokio::process::Command::from(program);
    let mut child =
        crate::hardening::with_core_limit(|| program.spawn()).map_err(|error| cannot_run(program.as_std(), error))?;
    let serving = tokio::spawn(endpoint.serve());
    let status = loop {
        tokio::select! {
            status = child.wait() => break status,
            signal = signals::next() => signals::pass_on(child.id(), signal),
        }
    };
    serving.abort();
    status.map(signals::exit_code).map_err(|error| cannot_run(program.as_std(), error))
}

#[cfg(unix)]
mod signals {
    use std::os::unix::process::ExitStatusExt;
    use std::process::{ExitCode, ExitStatus};

    use rustix::process::{Pid, Signal, kill_process};
    use tokio::signal::unix::{SignalKind, signal};

    /// Waits for a signal that is meant for the program. The terminal sends its own to both: those are not passed on.
    pub(super) async fn next() -> Option<Signal> {
        let (Ok(mut terminate), Ok(mut hang_up), Ok(mut interrupt)) =
            (signal(SignalKind::terminate()), signal(SignalKind::hangup()), signal(SignalKind::interrupt()))
        else {
            return std::future::pending().await;
        };
        tokio::select! {
            _ = terminate.recv() => Some(Signal::TERM),
            _ = hang_up.recv() => Some(Signal::HUP),
            _ = interrupt.recv() => None,
        }
    }

    pub(super) fn pass_on(child: Option<u32>, signal: Option<Signal>) {
        let child = child.and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        if let (Some(child), Some(signal)) = (child, signal) {
            // One that has ended needs no signal.
            let _ = kill_process(child, signal);
        }
    }

    /// As a shell says it: its own code, or 128 and the signal that ended it.
    pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
        let code = status.code().or_else(|| status.signal().map(|signal| 128 + signal)).unwrap_or(1);
        ExitCode::from(u8::try_from(code).unwrap_or(1))
    }
}

#[cfg(not(unix))]
mod signals {
    use std::process::{ExitCode, ExitStatus};

    pub(super) async fn next() {
        // Ctrl-C goes to the program by itself.
        let _ = tokio::signal::ctrl_c().await;
    }

    pub(super) fn pass_on(_: Option<u32>, (): ()) {}

    pub(super) fn exit_code(status: ExitStatus) -> ExitCode {
        ExitCode::from(u8::try_from(status.code().unwrap_or(1)).unwrap_or(1))
    }
}

pub(super) async fn serve(arguments: Serve) -> Result<()> {
    let (given, settings) = arguments.chosen.into_parts();
    let access = access(&given, settings).await?;
    access.credentials().await?;
    let endpoint = CredentialsEndpoint::bind(access, arguments.port).await?;
    let text = sink::assignments(arguments.shell.into(), &endpoint.environment())?;
    super::print(text.expose().trim_end())?;
    let _ = writeln!(std::io::stderr(), "Serving at {} until Ctrl-C", endpoint.url());
    endpoint.serve().await;
    Ok(())
}
