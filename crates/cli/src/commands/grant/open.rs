//! `grant open`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempaccess_core::config::{AwsProfiles, Config, Settings, SyncOptions, absolute_path, sync_aws_profiles};
use tempaccess_core::front_end::read_short_text;
use tempaccess_core::grants::{OpenedFacts, granted_profile, profile_name};
use tempaccess_core::seal::OpenedGrant;
use tempaccess_core::{Error, ErrorKind, Prompter, Result, Stage, terminal::Terminal};

use crate::args::Output;
use crate::args::grant::Open;
use crate::commands::{config, note, on_thread, print, print_json};
use crate::render_grant as render;
use crate::terminal::silent;

pub(super) async fn open(arguments: Open) -> Result<()> {
    let config = config(arguments.config.as_deref())?;
    let mut given = Settings::default();
    given.store = arguments.store.store.clone();
    let settings = given.resolve(&Config::default(), None)?;
    let prompter: Arc<dyn Prompter> =
        if arguments.no_interactive { silent() } else { Arc::new(Terminal::new().without_browser()) };
    let file = arguments.file.clone();
    let text = on_thread(move || read(&file)).await?;
    let opener = settings.grant_opener(&config, &arguments.identity, prompter)?.accounts(arguments.account.clone());
    let opened = opener.open(&text).await?;
    let profile = keep(&arguments, &opened, &settings).await?;
    match arguments.output {
        Output::Json => print_json(&OpenedFacts::new(&opened.header, profile)),
        Output::Text => print(&render::opened(&opened.header, profile.as_deref())),
    }
}

pub(super) fn read(file: &Path) -> Result<String> {
    let failed = |error: std::io::Error| {
        Error::new(ErrorKind::Io, Stage::Grant, format!("cannot read `{}`: {error}", file.display())).with_source(error)
    };
    read_short_text(file).map_err(failed)
}

/// Makes the credentials a profile of tempaccess and of the AWS CLI. Returns its name, if there is a cache.
async fn keep(arguments: &Open, opened: &OpenedGrant, settings: &Settings) -> Result<Option<String>> {
    if settings.store()?.is_none() {
        note("credentials are not cached, so the grant has no profile");
        return Ok(None);
    }
    let name = arguments.profile.clone().unwrap_or_else(|| profile_name(&opened.header.id));
    let file = arguments.config.clone().map_or_else(Config::file, Ok)?;
    let granted = granted_profile(&opened.header.id, arguments.region.clone());
    let profiles = BTreeMap::from([(name.clone(), granted.clone())]);
    let added = {
        let file = file.clone();
        on_thread(move || Config::add_profiles(&file, &profiles)).await?
    };
    if !added.left_alone.is_empty() {
        let known = Config::load(&file)?.profile(&name)?;
        if known.source != granted.source {
            let message = format!("the configuration has another profile `{name}`");
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
                .with_hint("the grant is open; give its profile another name with `--profile`"));
        }
    }
    let mut profiles = AwsProfiles::default();
    let words = command(&name, &file)?;
    profiles.add(&name, &words.iter().map(String::as_str).collect::<Vec<_>>(), arguments.region.as_deref());
    let synced = on_thread(move || sync_aws_profiles(&profiles, SyncOptions::default())).await;
    match synced {
        Ok(synced) => {
            for skipped in &synced.skipped {
                note(&format!("the AWS config file has no profile `{name}`: {}", skipped.reason));
            }
            for left in &synced.left_alone {
                note(&format!("the AWS config file has a profile `{left}` already, which was not changed"));
            }
        }
        // The credentials can be used all the same: `tempaccess exec`.
        Err(error) => note(&format!("the AWS config file was not changed: {error}")),
    }
    Ok(Some(name))
}

/// The command that prints the credentials of the profile, from any folder.
fn command(profile: &str, config: &Path) -> Result<Vec<String>> {
    let this = std::env::current_exe().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Output, format!("the path of this program cannot be found: {error}"))
            .with_source(error)
    })?;
    let front = this.with_file_name(format!("tempaccess{}", std::env::consts::EXE_SUFFIX));
    let program = if front.exists() { front } else { this };
    let text = |path: PathBuf| path.to_string_lossy().into_owned();
    let mut words = vec![text(program), "credentials".to_owned()];
    if Config::file().ok().as_deref() != Some(config) || std::env::var_os("TEMPACCESS_CONFIG").is_some() {
        words.extend(["--config".to_owned(), text(absolute_path(config)?)]);
    }
    words.extend(["--profile", profile, "--output", "credential-process"].map(str::to_owned));
    Ok(words)
}
