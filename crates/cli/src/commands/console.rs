//! `console`.

use std::process::{Command, Stdio};
use std::time::Duration;

use tempaccess_core::config::ConsoleBrowser;
use tempaccess_core::net::HttpTransport;
use tempaccess_core::{
    Error, ErrorKind, Result, SecretString, Stage,
    front_end::{handoff, printable},
    terminal::Terminal,
};

use super::{access_resolved, config, print, print_json};
use crate::args::{Console, Output};

/// What came of it. The address is a secret, and there only where it is asked for.
#[derive(serde::Serialize)]
struct OpenedJson<'a> {
    assumed_role_arn: Option<&'a str>,
    url: Option<&'a str>,
}

/// How long the browser may take to come for the address.
const PAGE_TIMEOUT: Duration = Duration::from_secs(60);

pub(super) async fn open(arguments: Console) -> Result<()> {
    let (given, settings) = arguments.chosen.into_parts()?;
    let known = config(given.config.as_deref())?;
    let settings = settings.resolve(&known, given.profile.as_deref())?;
    let endpoint = settings.federation_endpoint_url.clone();
    let console = tempaccess_core::console::Console::from_parts(
        arguments.destination,
        arguments.console_duration.as_deref(),
        endpoint,
    )?;
    let issued = access_resolved(&given, &known, &settings).await?.credentials().await?;
    let transport = HttpTransport::builder().ca_files_from_env().build()?;
    let url = console.sign_in_url(&transport, &issued).await?;
    let principal = issued.answer.assumed_role_arn.as_deref();
    match (arguments.print, arguments.output) {
        (true, Output::Text) => return print(url.expose()),
        (true, Output::Json) => {
            return print_json(&OpenedJson { assumed_role_arn: principal, url: Some(url.expose()) });
        }
        (false, _) => {
            let browser =
                if arguments.separate { Some(&ConsoleBrowser::Separate) } else { known.console.browser.as_ref() };
            let role = &issued.answer.credentials.role;
            hand_over(url, |page| browser.map(|browser| browser.command(page, role, &known.accounts)).transpose())
                .await?;
        }
    }
    match arguments.output {
        Output::Json => print_json(&OpenedJson { assumed_role_arn: principal, url: None }),
        Output::Text => print(&format!("The console is open as {}", principal.unwrap_or("the role"))),
    }
}

/// Leads the person's browser to an address that nobody else may see: other users read the arguments of programs.
/// `command` returns the program for a page, or none if it is the browser of the system.
async fn hand_over(url: SecretString, command: impl FnOnce(&str) -> Result<Option<Command>>) -> Result<()> {
    let page = handoff(url).await?;
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, Stage::Output, format!("no browser can be opened: {error}"))
            .with_hint("print the address with `--print` and open it by hand")
            .with_source(error)
    };
    match command(page.url())? {
        Some(command) => {
            let program = command.get_program().to_string_lossy().into_owned();
            start(command).map_err(|error| {
                let message = format!("the browser `{}` cannot be started: {error}", printable(&program));
                Error::new(ErrorKind::Io, Stage::Output, message)
                    .with_hint("check `browser` of `[console]` in the configuration")
                    .with_source(error)
            })?;
        }
        None => open::that_detached(page.url()).map_err(failed)?,
    }
    Terminal::new().show("Opening the AWS console in the browser");
    match tokio::time::timeout(PAGE_TIMEOUT, page.taken()).await {
        Ok(()) => Ok(()),
        Err(_) => Err(Error::new(ErrorKind::DeadlineExceeded, Stage::Output, "no browser came for the address")
            .with_hint("print the address with `--print` and open it by hand")),
    }
}

/// Starts a program that goes on when this one ends.
fn start(mut command: Command) -> std::io::Result<()> {
    // Ctrl-C here is not meant for it.
    #[cfg(unix)]
    std::os::unix::process::CommandExt::process_group(&mut command, 0);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().map(drop)
}
