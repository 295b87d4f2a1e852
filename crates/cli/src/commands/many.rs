//! `--all`: every role that fits, by one sign-in.

use tempaccess_core::sink::{self, SessionSummary};
use tempaccess_core::{Error, ErrorKind, Result, Stage, TempAccess, session::Exchanged};

use super::{print, print_json};
use crate::args::{CredentialsOutput, Output};
use crate::render;
use crate::terminal::ProgressLine;

pub(super) async fn login(access: &TempAccess, output: Output) -> Result<()> {
    let roles = exchange(access).await?;
    match output {
        Output::Json => {
            let granted: Vec<_> = roles.iter().filter_map(|role| role.result.as_ref().ok()).collect();
            let granted = granted.into_iter().map(SessionSummary::new).collect();
            print_json(&render::ManyJson { granted, failed: render::failed_json(&roles) })?;
        }
        Output::Text => print(&render::many(&roles))?,
    }
    outcome(&roles)
}

pub(super) async fn credentials(access: &TempAccess, output: CredentialsOutput) -> Result<()> {
    if output != CredentialsOutput::Json {
        let message = "credentials of many roles can only be printed as JSON";
        return Err(Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
            .with_hint("add `--output json`, or ask for one role"));
    }
    let roles = exchange(access).await?;
    let granted = roles.iter().filter_map(|role| role.result.as_ref().ok());
    // Each is one JSON object already.
    let granted: Vec<_> = granted.map(sink::credentials_json).collect();
    let granted: Vec<_> = granted.iter().map(|object| object.expose()).collect();
    let failed = serde_json::to_string(&render::failed_json(&roles)).unwrap_or_default();
    print(&format!(r#"{{"granted":[{}],"failed":{failed}}}"#, granted.join(",")))?;
    outcome(&roles)
}

async fn exchange(access: &TempAccess) -> Result<Vec<Exchanged>> {
    let mut line = ProgressLine::new();
    access.all_credentials(|progress| line.show(progress)).await
}

/// What was given is printed; what was not decides how the program ends.
fn outcome(roles: &[Exchanged]) -> Result<()> {
    let mut failed = roles.iter().filter_map(|role| role.result.as_ref().err());
    let Some(first) = failed.next() else { return Ok(()) };
    let message = format!("{} of {} roles were not given", failed.count() + 1, roles.len());
    Err(Error::new(first.kind(), first.stage(), message)
        .with_hint("the credentials that were issued are cached; the list shows why the others failed"))
}
