use std::io::{BufRead, Write};
use std::path::Path;
use std::sync::Arc;

use tempaccess_core::config::{AwsProfile, Config, Settings, names_for_roles, sync_aws_profiles};
use tempaccess_core::sink::{self, GrantSummary, RoleList, Shell};
#[cfg(feature = "samael")]
use tempaccess_core::verify::Engine;
use tempaccess_core::verify::{Examination, Expectations, SignaturePolicy, TrustedKeys, Verifier};
use tempaccess_core::{
    Clock, Error, ErrorKind, FileSource, Inspection, Limits, Prompter, Result, SecretString, Stage, SystemClock,
    TempAccess, TempAccessBuilder,
};

use crate::args::{
    Access, Arguments, Command, CredentialsOutput, Exec, Inspect, Logout, Output, Profiles, ShellName, Status, Sync,
    Verify,
};
use crate::render;
use crate::terminal::{self, Silent, Terminal};

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
            let grant = access(&arguments.access, settings).await?.renew(arguments.anew).await?;
            match arguments.output {
                Output::Json => print_json(&GrantSummary::new(&grant)),
                Output::Text => print(&render::grant(&grant)),
            }
        }
        Command::Credentials(arguments) => {
            let settings = arguments.access.settings().over(arguments.session.settings());
            let grant = access(&arguments.access, settings).await?.credentials().await?;
            for line in render::remarks(&grant) {
                let _ = writeln!(std::io::stderr(), "note: {line}");
            }
            let text = match arguments.output {
                CredentialsOutput::Env => sink::assignments(Shell::Posix, &grant.answer.credentials)?,
                CredentialsOutput::Json => sink::credentials_json(&grant),
                CredentialsOutput::CredentialProcess => sink::credential_process(&grant.answer.credentials),
            };
            print(text.expose().trim_end())
        }
        Command::Env(mut arguments) => {
            arguments.access.profile = arguments.of.take().or(arguments.access.profile);
            let settings = arguments.access.settings().over(arguments.session.settings());
            let grant = access(&arguments.access, settings).await?.credentials().await?;
            let shell = match arguments.shell {
                ShellName::Posix => Shell::Posix,
                ShellName::Fish => Shell::Fish,
                ShellName::Powershell => Shell::PowerShell,
                ShellName::Cmd => Shell::Cmd,
                ShellName::Dotenv => Shell::Dotenv,
                ShellName::GithubActions => Shell::GitHubActions,
            };
            print(sink::assignments(shell, &grant.answer.credentials)?.expose().trim_end())
        }
        Command::Profiles(Profiles::Sync(arguments)) => sync(&arguments).await,
        Command::Logout(arguments) => logout(&arguments).await,
        Command::Status(arguments) => status(&arguments),
        // Its own process comes to an end there; see `main`.
        Command::Exec(_) => Ok(()),
    }
}

/// The credentials for a program to be run, and the program.
pub(crate) async fn prepare(mut arguments: Exec) -> Result<std::process::Command> {
    arguments.access.profile = arguments.of.take().or(arguments.access.profile);
    let settings = arguments.access.settings().over(arguments.session.settings());
    let grant = access(&arguments.access, settings).await?.credentials().await?;
    let mut words = arguments.program.into_iter();
    let mut program = std::process::Command::new(words.next().unwrap_or_default());
    program.args(words);
    for name in sink::stale_variables() {
        program.env_remove(name);
    }
    for (name, value) in sink::environment(&grant.answer.credentials) {
        program.env(name, value.expose());
    }
    Ok(program)
}

async fn sync(arguments: &Sync) -> Result<()> {
    let config = config(arguments.access.config.as_deref())?;
    let this = std::env::current_exe().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Output, format!("the path of this program cannot be found: {error}"))
            .with_source(error)
    })?;
    let this = this.to_string_lossy();
    let given = arguments.access.words();
    let mut ask = vec![this.as_ref(), "credentials", "--output", "credential-process"];
    ask.extend(given.iter().map(String::as_str));
    let mut profiles = Vec::new();
    if arguments.roles {
        let access = access(&arguments.access, arguments.access.settings()).await?;
        let signed_in = access.sign_in().await?;
        let offers = signed_in.assertion.offers()?;
        for (name, offer) in names_for_roles(offers, access.account_names()).iter().zip(offers) {
            let mut command = ask.clone();
            if let Some(profile) = &arguments.access.profile {
                command.extend(["--profile", profile]);
            }
            command.extend(["--role", offer.role().as_str(), "--provider", offer.provider().as_str()]);
            profiles.push(AwsProfile::new(name, &command, None)?);
        }
    } else {
        for name in &arguments.names {
            config.profile(name)?;
        }
        let wanted = |name: &&String| arguments.names.is_empty() || arguments.names.contains(name);
        for name in config.profiles.keys().filter(wanted) {
            let region = config.profile(name)?.region.as_deref();
            profiles.push(AwsProfile::new(name, &[&ask[..], &["--profile", name]].concat(), region)?);
        }
    }
    if profiles.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidConfiguration,
            Stage::Configuration,
            "there is no profile in the configuration to write",
        )
        .with_hint("write one into the configuration, or let `--roles` write one for each role"));
    }
    let synced = sync_aws_profiles(&profiles, arguments.prune)?;
    match arguments.output {
        Output::Json => print_json(&synced),
        Output::Text => print(&render::synced(&synced)),
    }
}

async fn logout(arguments: &Logout) -> Result<()> {
    let config = config(arguments.access.config.as_deref())?;
    let settings = arguments.access.settings().resolve(&config, arguments.access.profile.as_deref())?;
    if !arguments.all {
        let access = settings.access(&config, None)?.build();
        let done = [(access.source(), access.sign_out().await?)];
        return match arguments.output {
            Output::Json => print_json(&render::signed_out_json(&done)),
            Output::Text => print(&render::signed_out(&done)),
        };
    }
    let of_profiles = config.profiles.values().map(|profile| arguments.access.settings().over(profile.clone()));
    let mut everyone: Vec<_> = of_profiles.chain([settings.clone()]).filter(|it| it.source.is_some()).collect();
    let who = |settings: &Settings| (settings.source.clone(), settings.username.clone());
    everyone.sort_by_key(who);
    everyone.dedup_by_key(|settings| who(settings));
    let (mut done, mut failed) = (Vec::new(), Vec::new());
    // What keeps one session from ending keeps nothing else from being forgotten.
    for settings in everyone {
        let access = settings.access(&config, None).map(TempAccessBuilder::build);
        match access {
            Ok(access) => match access.sign_out().await {
                Ok(out) => done.push((access.source(), out)),
                Err(error) => failed.push(error),
            },
            Err(error) => failed.push(error),
        }
    }
    let rest = settings.store().and_then(|store| store.map_or(Ok(0), |store| store.clear()));
    let rest = rest.unwrap_or_else(|error| {
        failed.push(error);
        0
    });
    match arguments.output {
        Output::Json => print_json(&render::signed_out_json(&done))?,
        Output::Text => print(&format!("{}{}", render::signed_out(&done), render::also_forgotten(rest)))?,
    }
    let mut failed = failed.into_iter();
    let Some(first) = failed.next() else { return Ok(()) };
    for error in failed {
        let _ = writeln!(std::io::stderr(), "{}", render::error(&error, arguments.output == Output::Json));
    }
    Err(first)
}

fn status(arguments: &Status) -> Result<()> {
    let config = config(None)?;
    let settings = Settings { store: arguments.store.store.clone(), ..Settings::default() }.resolve(&config, None)?;
    let Some(store) = settings.store()? else { return print("Nothing is kept: the store is `none`") };
    let entries: Vec<_> = store.list()?.into_iter().map(|(_, about)| about).collect();
    match arguments.output {
        Output::Json => print_json(&render::kept_json(&entries, &store.describe())),
        Output::Text => print(&render::kept(&entries, &store.describe(), SystemClock.now())),
    }
}

fn config(named: Option<&Path>) -> Result<Config> {
    named.map_or_else(Config::find, Config::load)
}

pub(crate) fn inspect(arguments: &Inspect) -> Result<()> {
    let now = match &arguments.at {
        Some(text) => text.parse().map_err(|_| {
            Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{text}` is no instant"))
                .with_hint("write it as `2026-11-24T12:00:00Z`")
        })?,
        None => SystemClock.now(),
    };
    let verifier = verifier(&arguments.verify)?;
    let source = if arguments.file == Path::new("-") { FileSource::stdin() } else { FileSource::new(&arguments.file) };
    let response = source.read(&Limits::default())?;
    let assertion = response.read()?;
    let inspection = Inspection::new(&assertion, now);
    let Some((verifier, expected)) = verifier else {
        return match arguments.output {
            Output::Json => print_json(&inspection),
            Output::Text => print(&render::inspection(&inspection, None)),
        };
    };
    let outcome = verifier.examine(&response, &expected, now);
    match arguments.output {
        Output::Json => print_json(&Examination { inspection, verification: outcome.report() })?,
        Output::Text => print(&render::inspection(&inspection, Some(&outcome.report())))?,
    }
    outcome.into_result().map(drop)
}

/// The verifier that the arguments describe, and whom the assertion must be meant for.
fn verifier(arguments: &Verify) -> Result<Option<(Verifier, Expectations)>> {
    let Some(file) = &arguments.keys else { return Ok(None) };
    let text = std::fs::read(file).map_err(|error| {
        Error::new(
            ErrorKind::Io,
            Stage::Verification,
            format!("the keys in `{}` cannot be read: {error}", file.display()),
        )
        .with_source(error)
    })?;
    let policy =
        SignaturePolicy::new(arguments.allow_sha1, arguments.allow_short_rsa, arguments.allow_expired_certificate);
    #[cfg(feature = "samael")]
    let verifier = match arguments.engine {
        crate::args::Engine::Own => Verifier::new(TrustedKeys::parse(&text)?),
        crate::args::Engine::Xmlsec => Verifier::new(TrustedKeys::parse_with_samael(&text)?).engine(Engine::Xmlsec),
    };
    #[cfg(not(feature = "samael"))]
    let verifier = Verifier::new(TrustedKeys::parse(&text)?);
    let expected = match (&arguments.audience, &arguments.recipient) {
        (Some(audience), Some(recipient)) => Expectations::new(audience, recipient),
        _ => Expectations::aws(),
    };
    Ok(Some((verifier.policy(policy), expected)))
}

/// The access that arguments, environment and configuration describe together.
async fn access(arguments: &Access, settings: Settings) -> Result<TempAccess> {
    let config = config(arguments.config.as_deref())?;
    let settings = settings.resolve(&config, arguments.profile.as_deref())?;
    if arguments.password_stdin && settings.source.as_deref() == Some("-") {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Configuration,
            "standard input cannot be both the SAML response and the password",
        ));
    }
    let password =
        if arguments.password_stdin { Some(terminal::blocking(|| Ok(read_password())).await??) } else { None };
    let prompter: Arc<dyn Prompter> = if arguments.no_interactive { Arc::new(Silent) } else { Arc::new(Terminal) };
    Ok(settings.access(&config, password)?.prompter(prompter).build())
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
