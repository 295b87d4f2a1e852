//! `exec` and `serve`: credentials for programs.

use std::io::Write;
use std::process::{Command, ExitCode};
use std::sync::Arc;

use tempaccess_core::config::{Config, Settings};
use tempaccess_core::front_end::default_profile_with_credentials;
use tempaccess_core::front_end::to_start;
use tempaccess_core::sink::AwsEnvironment;
use tempaccess_core::store::MemoryStore;
use tempaccess_core::{
    Error, ErrorKind, IssuedSession, Result, SecretString, Stage, TempAccess, endpoint::CredentialsEndpoint,
    session::TempAccessBuilder,
};

use super::{access, config, environment, note, password_for, print_script, remark, variable};
use crate::args::{Access, Exec, Serve};
#[cfg(not(unix))]
use crate::in_place;
use crate::render;

/// A program that is ready to run.
pub(crate) struct Running {
    pub(crate) program: Command,
    /// The endpoint that gives it credentials as long as it runs, where no process of its own serves it.
    #[cfg(not(unix))]
    pub(crate) endpoint: Option<CredentialsEndpoint>,
}

/// Gets credentials, and returns the program with an environment that has them or leads to an endpoint.
pub(crate) async fn prepare(arguments: Exec) -> Result<Running> {
    let (given, settings) = arguments.chosen.into_parts()?;
    let mut words = arguments.program.into_iter();
    let mut program = Command::new(to_start(&words.next().unwrap_or_default()));
    program.args(words);
    if arguments.serve {
        return prepare_served(&given, settings, program).await;
    }
    let (access, settings) = access(&given, settings).await?;
    let issued = access.credentials().await?;
    remark(&issued);
    apply(&environment(&issued, &settings), &mut program);
    Ok(Running {
        program,
        #[cfg(not(unix))]
        endpoint: None,
    })
}

async fn prepare_served(given: &Access, settings: Settings, mut program: Command) -> Result<Running> {
    // The person is asked now: later, the program has the terminal.
    let refreshing = RefreshingAccess::sign_in(given, settings).await?;
    #[cfg(unix)]
    let variables = super::endpoint_process::start(given, &refreshing).await?;
    #[cfg(not(unix))]
    let endpoint = CredentialsEndpoint::bind(refreshing.access, 0).await?;
    #[cfg(not(unix))]
    let variables = endpoint.environment();
    apply(&endpoint_environment(variables, &refreshing.issued, &refreshing.settings), &mut program);
    Ok(Running {
        program,
        #[cfg(not(unix))]
        endpoint: Some(endpoint),
    })
}

/// Access that is asked for credentials again and again.
#[cfg_attr(not(unix), allow(dead_code, reason = "what another process needs is not needed in this one"))]
pub(super) struct RefreshingAccess {
    pub(super) access: TempAccess,
    /// The credentials from the first time.
    pub(super) issued: IssuedSession,
    /// The settings, with exactly the role and the provider of these credentials: a choice that the person made, or a
    /// number in a list, holds for the next times too.
    pub(super) settings: Settings,
    pub(super) config: Config,
    pub(super) password: Option<SecretString>,
    /// Where the credentials are cached if they are not to be stored.
    pub(super) memory: Option<Arc<MemoryStore>>,
}

impl RefreshingAccess {
    async fn sign_in(given: &Access, settings: Settings) -> Result<Self> {
        let config = config(given.config.as_deref())?;
        let mut settings = settings.resolve(&config, given.profile.as_deref())?;
        if settings.source.as_deref() == Some("-") {
            let message = "credentials cannot be refreshed from a response on standard input";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
                .with_hint("use `exec` without `--serve`, or a source that can be asked again"));
        }
        let password = password_for(given, &settings).await?;
        let memory = (settings.store.as_deref() == Some("none")).then(|| Arc::new(MemoryStore::new()));
        let build = |settings: &Settings| -> Result<TempAccessBuilder> {
            let access = settings.access(&config, password.clone())?.prompter(given.prompter());
            Ok(match &memory {
                Some(memory) => access.store(Arc::clone(memory) as _),
                None => access,
            })
        };
        let issued = build(&settings)?.build().credentials().await?;
        remark(&issued);
        if let Some(file) = default_profile_with_credentials() {
            note(&format!(
                "the AWS CLI and the SDKs prefer the credentials of the profile `default` in `{}` to the endpoint: remove them, \
                 or use `exec` without `--serve`",
                file.display()
            ));
        }
        settings.role = Some(issued.offer.role().to_string());
        settings.account = None;
        settings.provider = Some(issued.offer.provider().to_string());
        let access = build(&settings)?.build();
        Ok(Self { access, issued, settings, config, password, memory })
    }
}

fn endpoint_environment(
    variables: impl IntoIterator<Item = (&'static str, SecretString)>,
    issued: &IssuedSession,
    settings: &Settings,
) -> AwsEnvironment {
    AwsEnvironment::for_endpoint(variables, issued.answer.credentials.account_id())
        .with_region(settings.region.as_deref(), variable)
}

/// Gives a program this environment on top of the one that it inherits.
fn apply(environment: &AwsEnvironment, program: &mut Command) {
    for name in environment.removed() {
        program.env_remove(name);
    }
    program.envs(environment.assigned().iter().map(|(name, value)| (name, value.expose())));
}

/// Reports that a program could not be started, and returns the exit code that a shell would end with.
pub(crate) fn not_started(program: &Command, error: std::io::Error) -> ExitCode {
    let code = if error.kind() == std::io::ErrorKind::NotFound { 127 } else { 126 };
    let name = program.get_program().to_string_lossy().into_owned();
    let error = Error::new(ErrorKind::Io, Stage::Output, format!("`{name}` cannot be run: {error}"))
        .with_hint("after `--`, name a program in the `PATH` or give the path of one")
        .with_source(error);
    let _ = writeln!(std::io::stderr(), "{}", render::error(&error, false));
    ExitCode::from(code)
}

/// Runs the program while the endpoint serves credentials to it, and returns the program's exit code.
#[cfg(not(unix))]
pub(crate) async fn run_served(program: Command, endpoint: CredentialsEndpoint) -> Result<ExitCode> {
    let mut program = tokio::process::Command::from(program);
    let mut child = match program.spawn() {
        Ok(child) => child,
        Err(error) => return Ok(not_started(program.as_std(), error)),
    };
    in_place::ignore_ctrl_c();
    let _job = child.raw_handle().and_then(in_place::end_with_this_process);
    let serving = tokio::spawn(endpoint.serve());
    let status = child.wait().await;
    serving.abort();
    match status {
        Ok(status) => std::process::exit(status.code().unwrap_or(1)),
        Err(error) => Ok(not_started(program.as_std(), error)),
    }
}

pub(super) async fn serve(arguments: Serve) -> Result<()> {
    let (given, settings) = arguments.chosen.into_parts()?;
    let RefreshingAccess { access, issued, settings, .. } = RefreshingAccess::sign_in(&given, settings).await?;
    let endpoint = CredentialsEndpoint::bind(access, arguments.port).await?;
    print_script(&endpoint_environment(endpoint.environment(), &issued, &settings), arguments.shell)?;
    // So that nothing secret is in memory while nobody asks.
    drop(issued);
    let _ = writeln!(std::io::stderr(), "Serving at {} until Ctrl-C", endpoint.url());
    endpoint.serve().await;
    Ok(())
}
