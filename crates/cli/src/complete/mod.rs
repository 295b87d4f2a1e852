//! Completions and manual pages. Profiles and roles are completed from the configuration and the cache of the moment.

mod shells;
mod words;

use std::path::Path;

use clap::CommandFactory;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::front_end::{Existing, Readers, printable, require_own_path, write_whole_file};
use tempaccess_core::store::EntryInfo;
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use crate::args::{Arguments, CompletionShell};
use crate::exit_code;

/// The variable by which a shell asks for completions.
const VARIABLE: &str = "TEMPACCESS_COMPLETE";

const SHELLS: Shells<'static> = Shells(&[&shells::Bash, &shells::FISH, &shells::PowerShell, &shells::ZSH]);

/// Answers a shell that asks for completions and ends the process; returns if none does.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Arguments::command).var(VARIABLE).shells(SHELLS).complete();
}

/// Returns the script by which a shell asks for completions.
pub(crate) fn script(shell: CompletionShell) -> Result<String> {
    let failed = |why: String| {
        Error::new(ErrorKind::Io, Stage::Output, format!("the completion script cannot be generated: {why}"))
    };
    let shell = SHELLS.completer(shell.name()).ok_or_else(|| failed("unknown shell".to_owned()))?;
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "tempaccess", "tempaccess", "tempaccess", &mut script)
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(script).map_err(|error| failed(error.to_string()))
}

/// Writes the manual pages to a folder.
pub(crate) fn manual(folder: &Path) -> Result<()> {
    write_manual(folder).map_err(|error| {
        let message = format!("the manual pages cannot be written to `{}`: {error}", folder.display());
        Error::new(ErrorKind::Io, Stage::Output, message).with_source(error)
    })
}

fn write_manual(folder: &Path) -> std::io::Result<()> {
    // Before folders are created where another user's link leads to.
    require_own_path(folder)?;
    std::fs::create_dir_all(folder)?;
    let mut command = Arguments::command().disable_help_subcommand(true);
    command.build();
    write_pages(command, folder, true)
}

/// Writes the page of a command, and those of its subcommands.
fn write_pages(command: clap::Command, folder: &Path, is_main: bool) -> std::io::Result<()> {
    for subcommand in command.get_subcommands().filter(|subcommand| !subcommand.is_hide_set()) {
        write_pages(subcommand.clone(), folder, false)?;
    }
    let page = clap_mangen::Man::new(command);
    let mut text = Vec::new();
    page.render(&mut text)?;
    if is_main {
        text.extend_from_slice(exit_code::section().as_bytes());
    }
    // Whole, and through nobody else's link.
    write_whole_file(&folder.join(page.get_filename()), &text, Existing::Replace, Readers::Everybody)
}

/// Offers these values, except those that a shell or the command line would not take as a value: names with control
/// characters, and names that look like an option.
fn candidates(values: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<CompletionCandidate> {
    let offered = |value: &str| {
        let is_name = !value.is_empty() && !value.starts_with('-') && printable(value) == value;
        is_name.then(|| CompletionCandidate::new(value))
    };
    values.into_iter().filter_map(|value| offered(value.as_ref())).collect()
}

/// Completes the profiles of the configuration.
pub(crate) fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(Config::find().unwrap_or_default().profiles.keys()))
}

/// Completes the names of accounts in the configuration.
pub(crate) fn accounts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(Config::find().unwrap_or_default().accounts.values()))
}

/// Completes the roles whose credentials are cached.
pub(crate) fn roles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(cached_roles()))
}

fn cached_roles() -> Vec<String> {
    let entries = || {
        let settings = Settings::default().resolve(&Config::find().ok()?, None).ok()?;
        settings.store().ok()??.list().ok()
    };
    let arn = |info: EntryInfo| info.role_arn().map(str::to_owned);
    let mut roles: Vec<_> = entries().into_iter().flatten().filter_map(|(_, about)| arn(about)).collect();
    roles.sort();
    roles.dedup();
    roles
}
