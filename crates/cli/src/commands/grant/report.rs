//! `grant list`, `grant show`, `grant check`.

use jiff::Timestamp;
use tempaccess_core::grants::GrantFilter;
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::{GrantContext, id};
use crate::args::Output;
use crate::args::grant::{Check, List, Show};
use crate::commands::{note, print, print_json};
use crate::render_grant as render;

pub(super) async fn list(arguments: List) -> Result<()> {
    let context = GrantContext::open(&arguments.sign_in.into_access()?, None).await?;
    let mut filter = GrantFilter::default();
    filter.roles = arguments.role;
    filter.to = arguments.to;
    filter.by = arguments.by;
    filter.ended = arguments.ended;
    filter.offline = arguments.offline;
    let listing = context.grants.list(&filter).await?;
    match arguments.output {
        Output::Json => print_json(&listing),
        Output::Text => {
            listing.notes.iter().for_each(|text| note(text));
            print(&render::list(&listing, &context.config.accounts))
        }
    }
}

pub(super) async fn show(arguments: Show) -> Result<()> {
    let context = GrantContext::open(&arguments.access, None).await?;
    let history = context.grants.show(&id(&arguments.id)?).await?;
    let now = Timestamp::now();
    match arguments.output {
        Output::Json => print_json(&history.details(now)),
        Output::Text => print(&render::history(&history, now, &context.config.accounts)),
    }
}

pub(super) async fn check(arguments: Check) -> Result<()> {
    let context = GrantContext::open(&arguments.sign_in.into_access()?, None).await?;
    let checked = context.grants.check(&arguments.role).await?;
    match arguments.output {
        Output::Json => print_json(&checked)?,
        Output::Text => {
            checked.notes.iter().for_each(|text| note(text));
            print(&render::checked(&checked))?;
        }
    }
    match checked.findings.len() {
        0 => Ok(()),
        count => Err(Error::new(
            ErrorKind::GrantChanged,
            Stage::Grant,
            format!("the records and IAM do not agree in {count} points"),
        )
        .with_hint("`tempaccess grant show ID` has the records; CloudTrail has who changed a policy")),
    }
}
