//! Completions and manual pages. What is completed is what is known at the time: profiles, and roles that are kept.

use std::ffi::OsStr;
use std::path::Path;

use clap::CommandFactory;
use clap_complete::engine::{ArgValueCandidates, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::store::EntryInfo;
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use crate::args::{Arguments, CompletionShell};

/// The variable by which a shell asks for completions.
const VARIABLE: &str = "TEMPACCESS_COMPLETE";

/// Answers a shell that asks for completions; returns where none does.
pub(crate) fn answer() {
    CompleteEnv::with_factory(Arguments::command).var(VARIABLE).complete();
}

/// The script that makes a shell ask.
pub(crate) fn script(shell: CompletionShell) -> Result<String> {
    let failed = |why: String| Error::new(ErrorKind::Io, Stage::Output, format!("the script cannot be written: {why}"));
    let shells = Shells::builtins();
    let shell = shells.completer(shell.name()).ok_or_else(|| failed("the shell is not known".to_owned()))?;
    let mut script = Vec::new();
    shell
        .write_registration(VARIABLE, "tempaccess", "tempaccess", "tempaccess", &mut script)
        .map_err(|error| failed(error.to_string()))?;
    String::from_utf8(script).map_err(|error| failed(error.to_string()))
}

/// Writes the manual pages into a folder.
pub(crate) fn manual(folder: &Path) -> Result<()> {
    let written = std::fs::create_dir_all(folder).and_then(|()| clap_mangen::generate_to(Arguments::command(), folder));
    written.map_err(|error| {
        let message = format!("the manual cannot be written into `{}`: {error}", folder.display());
        Error::new(ErrorKind::Io, Stage::Output, message).with_source(error)
    })
}

fn candidates<T: AsRef<OsStr>>(texts: impl IntoIterator<Item = T>) -> Vec<CompletionCandidate> {
    texts.into_iter().map(|text| CompletionCandidate::new(text.as_ref())).collect()
}

/// The profiles of the configuration.
pub(crate) fn profiles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(Config::find().unwrap_or_default().profiles.keys()))
}

/// The accounts that have a name.
pub(crate) fn accounts() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(Config::find().unwrap_or_default().accounts.values()))
}

/// The roles that are kept.
pub(crate) fn roles() -> ArgValueCandidates {
    ArgValueCandidates::new(|| candidates(kept_roles()))
}

fn kept_roles() -> Vec<String> {
    let kept = || {
        let settings = Settings::default().resolve(&Config::find().ok()?, None).ok()?;
        settings.store().ok()??.list().ok()
    };
    let arn = |about: EntryInfo| about.role_arn().map(str::to_owned);
    let mut roles: Vec<_> = kept().into_iter().flatten().filter_map(|(_, about)| arn(about)).collect();
    roles.sort();
    roles.dedup();
    roles
}
