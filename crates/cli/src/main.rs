//! `tempaccess-main`: arguments in, text out. What there is to know is in `tempaccess_core`; what is asked for all day is
//! answered by the program in `front/`, which leads here.

mod args;
mod commands;
mod complete;
mod exit_code;
mod hardening;
#[cfg(not(unix))]
mod in_place;
mod render;
mod render_audit;
mod render_grant;
mod render_trail;
mod shell_init;
mod signals;
mod terminal;
mod verbose;

use std::io::Write;
use std::process::ExitCode;

use clap::Parser;
use tempaccess_core::{Error, ErrorKind, Result, Stage, terminal::Terminal};

use args::{Arguments, Command};
use commands::Running;

#[cfg(unix)]
fn main() -> ExitCode {
    start()
}

/// The main thread has 1 MiB of stack on Windows, and 8 elsewhere.
#[cfg(not(unix))]
fn main() -> ExitCode {
    let main = std::thread::Builder::new().name("main".to_owned()).stack_size(8 << 20).spawn(start);
    // A panic has been printed.
    main.ok().and_then(|main| main.join().ok()).unwrap_or(ExitCode::FAILURE)
}

fn start() -> ExitCode {
    hardening::protect();
    // Before anything that ends the process on a signal: this one ends with the program that it serves.
    #[cfg(unix)]
    if let Some(code) = commands::run_endpoint_process_if_asked() {
        return code;
    }
    complete::answer();
    let arguments = Arguments::parse();
    let as_json = arguments.wants_json();
    verbose::show(arguments.verbose);
    match run(arguments, as_json) {
        Ok(code) => code,
        Err(error) => {
            // Nobody may be reading.
            let _ = writeln!(std::io::stderr(), "{}", render::error(&error, as_json));
            exit_code::exit_code(error.kind())
        }
    }
}

fn run(arguments: Arguments, as_json: bool) -> Result<ExitCode> {
    if let Command::Inspect(inspect) = &arguments.command {
        return commands::inspect(inspect).map(|()| ExitCode::SUCCESS);
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Configuration, format!("cannot start: {error}")).with_source(error)
    })?;
    let stopped = signals::watch(as_json);
    let result = runtime.block_on(async {
        let work = async {
            match arguments.command {
                Command::Exec(exec) => commands::prepare(exec).await.map(|running| Ended::Running(Box::new(running))),
                Command::Doctor(doctor) => commands::examine(doctor).await.map(Ended::With),
                _ => commands::run(arguments).await.map(|()| Ended::With(ExitCode::SUCCESS)),
            }
        };
        tokio::select! {
            result = work => result,
            Ok(()) = stopped => {
                Terminal::restore();
                Err(signals::cancelled())
            }
        }
    });
    #[cfg(not(unix))]
    let result = match result {
        Ok(Ended::Running(running)) => match *running {
            Running { program, endpoint: Some(endpoint) } => {
                signals::pass_on();
                return runtime.block_on(commands::run_served(program, endpoint));
            }
            running => Ok(Ended::Running(Box::new(running))),
        },
        other => other,
    };
    // A thread may still wait for the answer to a question.
    runtime.shutdown_background();
    match result? {
        Ended::With(code) => Ok(code),
        Ended::Running(running) => Ok(become_program(running.program)),
    }
}

/// What is left to be done.
enum Ended {
    /// Nothing but this.
    With(ExitCode),
    /// A program is to run.
    Running(Box<Running>),
}

/// Ends as the program does: on Unix this process becomes it, with its signals, its input and its exit code.
fn become_program(mut program: std::process::Command) -> ExitCode {
    #[cfg(unix)]
    {
        let error = hardening::with_core_limit(|| std::os::unix::process::CommandExt::exec(&mut program));
        commands::not_started(&program, error)
    }
    #[cfg(not(unix))]
    {
        signals::pass_on();
        match in_place::run(&mut program) {
            Ok(code) => std::process::exit(code),
            Err(error) => commands::not_started(&program, error),
        }
    }
}
