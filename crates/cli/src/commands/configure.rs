//! `configure` and `import`: profiles for the configuration file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tempaccess_core::config::{Added, Config, Settings};
use tempaccess_core::{Error, ErrorKind, Notice, Prompter, Result, Stage, role::AccountNames};

use super::{on_thread, print, print_json};
use crate::args::{Configure, Import, Output, one_profile};
use crate::render;

pub(super) async fn configure(arguments: &Configure) -> Result<()> {
    let given = arguments.access.settings().over(arguments.session.settings()).absolute()?;
    let name = one_profile(arguments.name.clone(), arguments.access.profile.clone())?;
    let name = name.as_deref().unwrap_or("default");
    let file = place(arguments.access.config.as_deref())?;
    let prompter = arguments.access.prompter();
    // A source on the command line answers the questions.
    let settings = if given.source.is_some() { given } else { ask(given, &*prompter).await? };
    check(&settings)?;
    let added = add(&file, AccountNames::new(), BTreeMap::from([(name.to_owned(), settings)])).await?;
    if !added.left_alone.is_empty() {
        return Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Configuration,
            format!("profile `{name}` already exists and was not changed"),
        )
        .with_hint(format!("give another name, or edit `{}`", file.display())));
    }
    match arguments.output {
        Output::Json => print_json(&render::added_json(&added, &[], &file)),
        Output::Text => print(&render::added(&added, &[], &file)),
    }
}

/// Asks for settings that are not given. An empty answer leaves one unset.
async fn ask(given: Settings, prompter: &dyn Prompter) -> Result<Settings> {
    let answer = async |question: &str, known: Option<String>| match known {
        Some(known) => Ok(Some(known)),
        None => {
            let answer = prompter.text(question).await.map_err(|error| match error.kind() {
                ErrorKind::InteractionRequired => error.with_hint("run this on a terminal, or give `--source`"),
                _ => error,
            })?;
            let answer = answer.trim().to_owned();
            Ok::<_, Error>((!answer.is_empty()).then_some(answer))
        }
    };
    let source = loop {
        let source = answer(
            "Link of the AWS app at Okta (behind its tile), or `browser:` and the page to sign in at elsewhere",
            given.source.clone(),
        )
        .await?;
        match &source {
            Some(_) => break source,
            None => prompter.notify(&Notice::Other("A source is required".to_owned())),
        }
    };
    let mut settings = given;
    settings.source = source;
    settings.username = answer("User name (empty: ask each time)", settings.username).await?;
    settings.role = answer("Role (empty: choose each time)", settings.role).await?;
    settings.duration = answer("Duration, such as 45m or 8h (empty: 1h)", settings.duration).await?;
    settings.region = answer("Region (empty: none)", settings.region).await?;
    settings.absolute()
}

/// Checks what can be checked before it is used.
fn check(settings: &Settings) -> Result<()> {
    settings.scope()?;
    settings.chained_roles()?;
    settings.exchange(Arc::default())?;
    settings.store()?;
    settings.assertion_source(Arc::default(), None, None).map(drop)
}

async fn add(file: &Path, accounts: AccountNames, profiles: BTreeMap<String, Settings>) -> Result<Added> {
    let file = file.to_owned();
    on_thread(move || Config::add(&file, &accounts, &profiles)).await
}

fn place(named: Option<&Path>) -> Result<PathBuf> {
    named.map_or_else(Config::file, |file| Ok(file.to_owned()))
}

pub(super) async fn import(arguments: &Import) -> Result<()> {
    let from = arguments.file.clone().or_else(|| arguments.tool.default_file()).ok_or_else(|| {
        Error::new(ErrorKind::Io, Stage::Configuration, "there is no home directory to look for the file in")
            .with_hint(format!("name the file: `tempaccess import {} FILE`", arguments.tool))
    })?;
    let imported = arguments.tool.import_file(&from)?;
    let file = place(arguments.config.as_deref())?;
    let added = add(&file, imported.accounts.clone(), imported.profiles.clone()).await?;
    match arguments.output {
        Output::Json => print_json(&render::added_json(&added, &imported.notes, &file)),
        Output::Text => print(&render::added(&added, &imported.notes, &file)),
    }
}
