//! The commands: each takes its arguments and prints its result.

pub(crate) mod audit;
mod configure;
mod console;
mod doctor;
#[cfg(unix)]
mod endpoint_process;
mod grant;
mod inspect;
mod many;
mod profiles;
mod run;
mod setup;
mod status_logout;

use std::collections::BTreeMap;
use std::io::Write;
use std::path::Path;
use std::time::Duration;

use tempaccess_core::config::{Config, ExistingProfile, Settings, write_aws_credentials};
use tempaccess_core::front_end::settings_over_credentials;
use tempaccess_core::role::AccountNames;
use tempaccess_core::session::SignedIn;
use tempaccess_core::sink::{self, AwsEnvironment, RoleList, SessionSummary, Shell};
use tempaccess_core::{Error, ErrorKind, IssuedSession, Result, SecretString, Stage, TempAccess};

pub(crate) use doctor::examine;
#[cfg(unix)]
pub(crate) use endpoint_process::run_if_asked as run_endpoint_process_if_asked;
pub(crate) use inspect::inspect;
#[cfg(not(unix))]
pub(crate) use run::run_served;
pub(crate) use run::{Running, not_started, prepare};

use crate::args::{Access, Arguments, Command, Credentials, CredentialsOutput, Env, Output, Profiles, ShellName};
use crate::render;
use crate::terminal;

pub(crate) async fn run(arguments: Arguments) -> Result<()> {
    match arguments.command {
        Command::Inspect(arguments) => inspect(&arguments),
        Command::Roles(arguments) => {
            let given = arguments.sign_in.into_access()?;
            let (access, settings) = access(&given, given.settings()).await?;
            let signed_in = access.sign_in().await?;
            let mut names = access.account_names().clone();
            if arguments.names {
                names.extend(look_up_names(&access, &signed_in, &settings, given.config.as_deref()).await?);
            }
            let list = RoleList::new(&signed_in.assertion, &names)?;
            match arguments.output {
                Output::Json => print_json(&list),
                Output::Text => print(&render::roles(&list)),
            }
        }
        Command::Login(arguments) => {
            let (given, settings) = arguments.chosen.into_parts()?;
            let access = access(&given, settings).await?.0;
            if arguments.all {
                return many::login(&access, arguments.output).await;
            }
            let issued = if arguments.force { access.renew_with_sign_in().await? } else { access.renew().await? };
            match arguments.output {
                Output::Json => print_json(&SessionSummary::new(&issued)),
                Output::Text => print(&render::issued_session(&issued)),
            }
        }
        Command::Credentials(arguments) => credentials(arguments).await,
        Command::Env(arguments) => env(arguments).await,
        Command::Grant(command) => grant::run(*command).await,
        Command::Setup(command) => setup::run(*command).await,
        Command::Audit(command) => audit::run(*command).await,
        Command::Profiles(Profiles::Sync(arguments)) => profiles::sync(&arguments).await,
        Command::Configure(arguments) => configure::configure(&arguments).await,
        Command::Import(arguments) => configure::import(&arguments).await,
        Command::Completions(arguments) => print(crate::complete::script(arguments.shell)?.trim_end()),
        Command::ShellInit(arguments) => print(crate::shell_init::script(arguments.shell)?.trim_end()),
        Command::Man(arguments) => crate::complete::manual(&arguments.folder),
        Command::Serve(arguments) => run::serve(arguments).await,
        Command::Console(arguments) => console::open(arguments).await,
        Command::Logout(arguments) => status_logout::logout(arguments).await,
        Command::Status(arguments) => status_logout::status(arguments),
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

/// Builds the access that arguments, environment and configuration describe, and returns the settings it has.
async fn access(arguments: &Access, settings: Settings) -> Result<(TempAccess, Settings)> {
    let config = config(arguments.config.as_deref())?;
    let settings = settings.resolve(&config, arguments.profile.as_deref())?;
    let access = access_resolved(arguments, &config, &settings).await?;
    Ok((access, settings))
}

/// Looks up the aliases of accounts without a name, and writes them into the configuration file.
async fn look_up_names(
    access: &TempAccess,
    signed_in: &SignedIn,
    settings: &Settings,
    config: Option<&Path>,
) -> Result<AccountNames> {
    let found = access.account_aliases(signed_in, &settings.iam_client()?).await?;
    for account in &found.unnamed {
        note(&format!("the account {account} has no alias"));
    }
    for (account, error) in &found.failed {
        note(&format!("the alias of the account {account} cannot be looked up: {error}"));
    }
    if !found.names.is_empty() {
        let file = config.map_or_else(Config::file, |file| Ok(file.to_owned()))?;
        let added = Config::add(&file, &found.names, &BTreeMap::new())?;
        for account in &added.accounts_left_alone {
            note(&format!("the name of the account {account} cannot be added to `{}`", file.display()));
        }
        note(&format!("names were added to `[accounts]` of `{}`: {}", file.display(), added.accounts.len()));
    }
    Ok(found.names)
}

/// Like [`access`], with settings that are resolved already.
async fn access_resolved(arguments: &Access, config: &Config, settings: &Settings) -> Result<TempAccess> {
    let password = password_for(arguments, settings).await?;
    Ok(settings.access(config, password)?.prompter(arguments.prompter()).build())
}

/// Returns the password from standard input, if the arguments say that it is there.
async fn password_for(arguments: &Access, settings: &Settings) -> Result<Option<SecretString>> {
    if arguments.password_stdin && settings.source.as_deref() == Some("-") {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Configuration,
            "standard input cannot be both the SAML response and the password",
        ));
    }
    password(arguments).await
}

/// Prints what the person should know about the credentials besides the credentials themselves.
fn remark(issued: &IssuedSession) {
    for line in render::remarks(issued) {
        note(&line);
    }
}

fn note(text: &str) {
    let _ = writeln!(std::io::stderr(), "note: {text}");
}

/// Returns the value of a variable of this process, if it is set and not empty.
fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok().filter(|value| !value.is_empty())
}

/// Returns the environment of a program that uses these credentials.
fn environment(issued: &IssuedSession, settings: &Settings) -> AwsEnvironment {
    AwsEnvironment::for_credentials(&issued.answer.credentials).with_region(settings.region.as_deref(), variable)
}

async fn credentials(arguments: Credentials) -> Result<()> {
    let output = arguments.output();
    let (mut given, settings) = arguments.chosen.into_parts()?;
    // The AWS CLI and the SDKs call this for every command, on the terminal of the person.
    given.for_program = output == Some(CredentialsOutput::CredentialProcess);
    let (access, settings) = access(&given, settings).await?;
    if let (true, Some(output)) = (arguments.all, output) {
        return many::credentials(&access, output).await;
    }
    let issued = access.credentials().await?;
    remark(&issued);
    if let Some(profile) = arguments.write_profile {
        let existing = if arguments.overwrite { ExistingProfile::Overwrite } else { ExistingProfile::Keep };
        write_profile(profile, &issued, existing, output.is_none()).await?;
    }
    let text = match output {
        None => return Ok(()),
        Some(CredentialsOutput::Env) => environment(&issued, &settings).script(Shell::Posix)?,
        Some(CredentialsOutput::Json) => sink::credentials_json(&issued),
        Some(CredentialsOutput::CredentialProcess) => sink::credential_process(&issued.answer.credentials),
    };
    print(text.expose().trim_end())
}

/// Writes credentials to a profile of the AWS credentials file. `reports` says so on standard output.
async fn write_profile(
    profile: String,
    issued: &IssuedSession,
    existing: ExistingProfile,
    reports: bool,
) -> Result<()> {
    let (name, answer) = (profile.clone(), issued.answer.clone());
    // It may wait for a lock; on another thread, so that Ctrl-C ends the program meanwhile.
    let write = move || write_aws_credentials(&name, &answer.credentials, answer.assumed_role_arn.as_deref(), existing);
    let file = tokio::task::spawn_blocking(write).await.unwrap_or_else(|error| {
        Err(Error::new(ErrorKind::Io, Stage::Output, "writing the profile did not finish").with_source(error))
    })?;
    let others = settings_over_credentials(&profile);
    if !others.is_empty() {
        note(&format!(
            "the AWS config file gives the profile `{profile}` other credentials (`{}`), which win: choose another name",
            others.join("`, `")
        ));
    }
    if reports {
        let expiration = issued.answer.credentials.expiration;
        print(&format!("Wrote profile `{profile}` to `{}`; it expires at {expiration}", file.display()))?;
    }
    Ok(())
}

async fn env(arguments: Env) -> Result<()> {
    let environment = if arguments.unset {
        AwsEnvironment::without_credentials().with_region(None, variable)
    } else {
        let (given, settings) = arguments.chosen.into_parts()?;
        let (access, settings) = access(&given, settings).await?;
        let issued = access.credentials().await?;
        remark(&issued);
        environment(&issued, &settings)
    };
    print_script(&environment, arguments.shell)
}

/// Prints an environment, and notes what the syntax cannot remove and would win over it.
fn print_script(environment: &AwsEnvironment, shell: ShellName) -> Result<()> {
    let syntax = Shell::from(shell);
    if !syntax.can_remove() {
        let set: Vec<_> = environment.removed().filter(|name| variable(name).is_some()).collect();
        if !set.is_empty() {
            let names = set.join("`, `");
            note(&format!("this file cannot unset `{names}`: unset it where the file is used"));
        }
    }
    print(environment.script(syntax)?.expose().trim_end())
}

/// Returns the password from standard input, if the arguments say that it is there.
async fn password(arguments: &Access) -> Result<Option<SecretString>> {
    if !arguments.password_stdin {
        return Ok(None);
    }
    let error = |kind, message: &'static str| Error::new(kind, Stage::SignIn, message);
    match tokio::time::timeout(PASSWORD_TIMEOUT, tokio::task::spawn_blocking(read_password)).await {
        Ok(Ok(password)) => password.map(Some),
        Ok(Err(_)) => Err(error(ErrorKind::Cancelled, "the password was not read")),
        Err(_) => Err(error(ErrorKind::DeadlineExceeded, "no password arrived on standard input for ten minutes")),
    }
}

/// How long a program may take to write the password.
const PASSWORD_TIMEOUT: Duration = Duration::from_secs(600);

fn read_password() -> Result<SecretString> {
    match terminal::standard_input().and_then(|mut input| SecretString::read_line(&mut input)) {
        Ok(Some(password)) if !password.is_empty() => Ok(password),
        Ok(_) => {
            Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, "there is no password on standard input"))
        }
        Err(error) => {
            Err(Error::new(ErrorKind::Io, Stage::Configuration, "the password cannot be read from standard input")
                .with_source(error))
        }
    }
}

fn print_json(value: &impl serde::Serialize) -> Result<()> {
    let text = serde_json::to_string_pretty(value).map_err(|error| cannot_print(error.into()))?;
    print(&tempaccess_core::front_end::printable_json(&text))
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
