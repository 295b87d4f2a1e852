//! The commands: each takes its arguments and prints what came of them.

mod configure;
mod console;
mod doctor;
mod inspect;
mod kept;
mod many;
mod profiles;
mod run;

use std::io::{BufRead, Write};
use std::path::Path;

use tempaccess_core::config::{Config, Settings};
use tempaccess_core::sink::{self, GrantSummary, RoleList, Shell};
use tempaccess_core::{Error, ErrorKind, Result, SecretString, Stage, TempAccess};

pub(crate) use doctor::examine;
pub(crate) use inspect::inspect;
pub(crate) use run::{Running, beside, cannot_run, prepare};

use crate::args::{Access, Arguments, Command, CredentialsOutput, Output, Profiles};
use crate::render;
use crate::terminal;

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Inspect(arguments) => inspect(&arguments),
        Command::Roles(arguments) => {
            let access = access(&arguments.access, arguments.access.settings()).await?;
            let signed_in = access.sign_in().await?;
            let list = RoleList::new(&signed_in.assertion, access.account_names())?;
            match arguments.output {
                Output::Json => print_json(&list),
                Output::Text => print(&render::roles(&list)),
            }
        }
        Command::Login(arguments) => {
            let settings = arguments.access.settings().over(arguments.session.settings());
            let access = access(&arguments.access, settings).await?;
            if arguments.all {
                return many::login(&access, arguments.output).await;
            }
            let grant = access.renew(arguments.anew).await?;
            match arguments.output {
                Output::Json => print_json(&GrantSummary::new(&grant)),
                Output::Text => print(&render::grant(&grant)),
            }
        }
        Command::Credentials(arguments) => {
            let settings = arguments.access.settings().over(arguments.session.settings());
            let access = access(&arguments.access, settings).await?;
            if arguments.all {
                return many::credentials(&access, arguments.output).await;
            }
            let grant = access.credentials().await?;
            for line in render::remarks(&grant) {
                let _ = writeln!(std::io::stderr(), "note: {line}");
            }
            let text = match arguments.output {
                CredentialsOutput::Env => {
                    sink::assignments(Shell::Posix, &sink::environment(&grant.answer.credentials))?
                }
                CredentialsOutput::Json => sink::credentials_json(&grant),
                CredentialsOutput::CredentialProcess => sink::credential_process(&grant.answer.credentials),
            };
            print(text.expose().trim_end())
        }
        Command::Env(arguments) => {
            let (given, settings) = arguments.chosen.into_parts();
            let grant = access(&given, settings).await?.credentials().await?;
            print(
                sink::assignments(arguments.shell.into(), &sink::environment(&grant.answer.credentials))?
                    .expose()
                    .trim_end(),
            )
        }
        Command::Profiles(Profiles::Sync(arguments)) => profiles::sync(&arguments).await,
        Command::Configure(arguments) => configure::configure(&arguments).await,
        Command::Import(arguments) => configure::import(&arguments).await,
        Command::Completions(arguments) => print(crate::complete::script(arguments.shell)?.trim_end()),
        Command::Man(arguments) => crate::complete::manual(&arguments.folder),
        Command::Serve(arguments) => run::serve(arguments).await,
        Command::Console(arguments) => console::open(arguments).await,
        Command::Logout(arguments) => kept::logout(&arguments).await,
        Command::Status(arguments) => kept::status(&arguments),
        // They end with a code of their own; see `main`.
        Command::Exec(_) | Command::Doctor(_) => Ok(()),
    }
}

/// Runs what waits for a lock or a disk on another thread, so that Ctrl-C ends the program meanwhile.
async fn on_thread<T: Send + 'static>(work: impl FnOnce() -> Result<T> + Send + 'static) -> Result<T> {
    tokio::task::spawn_blocking(work).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Io, Stage::Output, "the work did not finish").with_source(error))
    })
}

fn config(named: Option<&Path>) -> Result<Config> {
    named.map_or_else(Config::find, Config::load)
}

/// The access that arguments, environment and configuration describe together.
async fn access(arguments: &Access, settings: Settings) -> Result<TempAccess> {
    let config = config(arguments.config.as_deref())?;
    let settings = settings.resolve(&config, arguments.profile.as_deref())?;
    access_resolved(arguments, &config, &settings).await
}

/// As [`access`], by settings that are resolved.
async fn access_resolved(arguments: &Access, config: &Config, settings: &Settings) -> Result<TempAccess> {
    if arguments.password_stdin && settings.source.as_deref() == Some("-") {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Configuration,
            "standard input cannot be both the SAML response and the password",
        ));
    }
    let password = password(arguments).await?;
    Ok(settings.access(config, password)?.prompter(arguments.prompter()).build())
}

/// The password on standard input, where it is said to be there.
async fn password(arguments: &Access) -> Result<Option<SecretString>> {
    if arguments.password_stdin { terminal::blocking(|| Ok(read_password())).await?.map(Some) } else { Ok(None) }
}

fn read_password() -> Result<SecretString> {
    let mut line = String::new();
    let read = std::io::stdin().lock().read_line(&mut line);
    let password = SecretString::from(line);
    match (read, password.expose().trim_end_matches(['\r', '\n'])) {
        (Ok(_), text) if !text.is_empty() => Ok(text.into()),
        (Err(error), _) => {
            Err(Error::new(ErrorKind::Io, Stage::Configuration, "the password cannot be read from standard input")
                .with_source(error))
        }
        _ => {
            Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, "there is no password on standard input"))
        }
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| cannot_print(error.into()))?;
    print(&text)
}

fn print(text: &str) -> Result<()> {
    let mut out = std::io::stdout().lock();
    match writeln!(out, "{text}").and_then(|()| out.flush()) {
        Err(error) if error.kind() != std::io::ErrorKind::BrokenPipe => Err(cannot_print(error)),
        _ => Ok(()),
    }
}

fn cannot_print(error: std::io::Error) -> Error {
    Error::new(ErrorKind::Io, Stage::Output, format!("the result cannot be printed: {error}")).with_source(error)
}
