//! `tempaccess setup`: templates of accounts, and whether an account has what they create.

use std::io::Write as _;

use tempaccess_core::config::Settings;
use tempaccess_core::front_end::{Existing, Readers, write_whole_file};
use tempaccess_core::setup::{SCRATCH_PATH, ScratchAccount, SetupCheck, SetupModel, render};
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::{access_resolved, config, note, print, print_json};
use crate::args::Output;
use crate::args::setup::{Aws, Check, Grants, Setup, Template, Verify};
use crate::render as text;

pub(super) async fn run(command: Setup) -> Result<()> {
    match command {
        Setup::Aws(arguments) => aws(&arguments),
        Setup::Grants(arguments) => grants(&arguments),
        Setup::Check(arguments) => check(arguments).await,
        Setup::Verify(arguments) => verify(arguments).await,
    }
}

fn aws(arguments: &Aws) -> Result<()> {
    let template = &arguments.template;
    let config = config(template.config.as_deref())?;
    let settings = Settings::default().resolve(&config, template.profile.as_deref())?;
    write(&settings.aws_setup(&config, &arguments.choices(), &arguments.metadata)?.model()?, template)
}

fn grants(arguments: &Grants) -> Result<()> {
    let template = &arguments.template;
    let config = config(template.config.as_deref())?;
    let settings = Settings::default().resolve(&config, template.profile.as_deref())?;
    let mut setup = settings.grant_setup(&config, &arguments.choices())?;
    setup.creates_bucket = !arguments.no_bucket;
    setup.object_lock_days = arguments.object_lock_days;
    write(&setup.model()?, template)
}

/// Writes a template, and notes what is left to do by hand.
fn write(model: &SetupModel, template: &Template) -> Result<()> {
    let written = render(model, template.emit.into());
    match &template.out {
        None => print(written.trim_end())?,
        Some(path) => {
            write_whole_file(path, written.as_bytes(), Existing::Replace, Readers::Everybody).map_err(|error| {
                let message = format!("`{}` cannot be written: {error}", path.display());
                Error::new(ErrorKind::Io, Stage::Output, message).with_source(error)
            })?;
            let _ = writeln!(std::io::stderr(), "Wrote `{}`", path.display());
        }
    }
    model.notes.iter().for_each(|text| note(text));
    Ok(())
}

async fn check(arguments: Check) -> Result<()> {
    let output = arguments.output;
    // The account is that of the session, and the setup is made for it.
    let (roles, given) = (arguments.roles, arguments.sign_in.into_access()?);
    let config = config(given.config.as_deref())?;
    let settings = given.settings().resolve(&config, given.profile.as_deref())?;
    let iam = settings.iam_client()?;
    let issued = access_resolved(&given, &config, &settings).await?.credentials().await?;
    let credentials = &issued.answer.credentials;
    let mut setup = settings.grant_setup(&config, &roles.choices(credentials.account_id()))?;
    if roles.names_no_admin() {
        setup.admins = vec![credentials.role.clone()];
    }
    let checked = setup.check(&iam, credentials).await?;
    match output {
        Output::Json => print_json(&checked)?,
        Output::Text => print(&report(&checked))?,
    }
    match checked.failures() {
        0 => Ok(()),
        count => Err(Error::new(
            ErrorKind::GrantUnsafe,
            Stage::Grant,
            format!("the account {} lacks {count} of the things that grants need", checked.account),
        )),
    }
}

async fn verify(arguments: Verify) -> Result<()> {
    let Verify { account, confirm, clean, no_trail, output, sign_in } = arguments;
    let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message);
    if account != confirm {
        return Err(invalid(format!("`--account` and `--confirm` name different accounts: {account} and {confirm}"))
            .with_hint("name an account twice that nobody else uses"));
    }
    let given = sign_in.into_access()?;
    let config = config(given.config.as_deref())?;
    let settings = given.settings().resolve(&config, given.profile.as_deref())?;
    let admin = access_resolved(&given, &config, &settings).await?.credentials().await?;
    let own = admin.answer.credentials.account_id();
    if own != account {
        return Err(invalid(format!("the session is in the account {own}, not in {account}"))
            .with_hint("choose a profile for that account"));
    }
    let (iam, exchange, history) = (settings.iam_client()?, settings.sts_exchange()?, settings.event_history()?);
    let region = settings.region.as_deref().unwrap_or("us-east-1");
    let mut scratch = ScratchAccount::new(&iam, &exchange, &admin, region);
    if !no_trail {
        scratch = scratch.trail(&history, region);
    }
    if clean {
        let removed = scratch.clean().await?;
        return match output {
            Output::Json => print_json(&removed),
            Output::Text => print(&format!("removed {} roles", removed.len())),
        };
    }
    note(&format!("roles below {SCRATCH_PATH} are created and removed; after Ctrl-C, `--clean` removes them"));
    let verified = scratch
        .verify(&mut |result| {
            // A run takes minutes.
            if output == Output::Text {
                let _ = writeln!(std::io::stdout(), "{}", text::assumption(result));
            }
        })
        .await?;
    if output == Output::Json {
        print_json(&verified)?;
    }
    match verified.failures() {
        0 => Ok(()),
        count => Err(Error::new(
            ErrorKind::GrantUnsafe,
            Stage::Grant,
            format!("AWS does not behave as grants rely on, in {count} points"),
        )
        .with_hint("send the output of `--output json` to the maintainers: it has nothing secret")),
    }
}

fn report(checked: &SetupCheck) -> String {
    let findings: Vec<_> = checked.findings.iter().map(text::setup_finding).collect();
    findings.join("\n")
}
