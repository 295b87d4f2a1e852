//! `tempaccess grant`: give access to others, and account for it.

mod give;
mod keys;
mod open;
mod report;
mod request;
mod revoke;

use tempaccess_core::auditor::Auditor;
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::grants::{GrantId, Grants};
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::{config, password_for};
use crate::args::grant::{Confirm, Grant};
use crate::args::{Access, Output};
use crate::terminal::is_yes;

pub(super) async fn run(command: Grant) -> Result<()> {
    match command {
        Grant::Issue(arguments) => give::issue(arguments).await,
        Grant::Permit(arguments) => give::permit(arguments).await,
        Grant::Extend(arguments) => give::extend(arguments).await,
        Grant::Request(arguments) => request::request(arguments).await,
        Grant::Approve(arguments) => request::approve(arguments).await,
        Grant::Deny(arguments) => request::deny(arguments).await,
        Grant::Review(arguments) => request::review(arguments).await,
        Grant::Open(arguments) => open::open(arguments).await,
        Grant::Revoke(arguments) => revoke::revoke(arguments).await,
        Grant::List(arguments) => report::list(arguments).await,
        Grant::Show(arguments) => report::show(arguments).await,
        Grant::Check(arguments) => report::check(arguments).await,
        Grant::Clean(arguments) => revoke::clean(arguments).await,
        Grant::Key(arguments) => keys::key(arguments),
        Grant::Trust(arguments) => keys::trust(arguments).await,
    }
}

/// What the commands need: the configuration, its settings, and the grants.
pub(super) struct GrantContext {
    pub(super) config: Config,
    pub(super) settings: Settings,
    pub(super) grants: Grants,
}

impl GrantContext {
    /// Opens the grants of a profile. A preset can name the profile.
    pub(super) async fn open(access: &Access, preset: Option<&str>) -> Result<Self> {
        let config = config(access.config.as_deref())?;
        let of_preset = preset.and_then(|name| config.grants.presets.get(name)?.profile.clone());
        let profile = access.profile.clone().or(of_preset);
        let settings = access.settings().resolve(&config, profile.as_deref())?;
        let password = password_for(access, &settings).await?;
        let grants = settings.grants(&config, password, access.prompter()).await?;
        Ok(Self { config, settings, grants })
    }

    /// What accounts for the grants.
    pub(super) fn auditor(&self) -> Auditor<'_> {
        Auditor::new(&self.grants, &self.settings, &self.config)
    }
}

fn id(text: &str) -> Result<GrantId> {
    text.parse()
}

/// Asks whether to go on. With `--output json`, nothing is asked on a terminal that shows JSON: `--yes` is required.
async fn confirmed(confirm: &Confirm, access: &Access, question: &str) -> Result<bool> {
    if confirm.yes {
        return Ok(true);
    }
    if confirm.output == Output::Json {
        return Err(unconfirmed());
    }
    match access.prompter().text(&format!("{question} [y/N]")).await {
        Ok(answer) => Ok(is_yes(&answer)),
        Err(error) if error.kind() == ErrorKind::InteractionRequired => Err(unconfirmed()),
        Err(error) => Err(error),
    }
}

fn unconfirmed() -> Error {
    Error::new(ErrorKind::InteractionRequired, Stage::Grant, "nobody can be asked to confirm")
        .with_hint("confirm with `--yes`, or see what would be done with `--dry-run`")
}

/// The error when somebody declines.
fn declined() -> Error {
    Error::new(ErrorKind::Cancelled, Stage::Grant, "nothing was changed")
}
