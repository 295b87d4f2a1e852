//! `audit query`: what was done, by AWS's own records.

use std::io::Write as _;

use tempaccess_core::Result;
use tempaccess_core::auditor::TrailInput;

use super::{GrantContext, note_unreadable_lines};
use crate::args::Output;
use crate::args::audit::Query;
use crate::commands::{note, print, print_json};
use crate::render_trail as render;

pub(super) async fn query(arguments: Query) -> Result<()> {
    let context = GrantContext::open(&arguments.access, None).await?;
    let mut input = TrailInput::default();
    input.id = arguments.id.clone();
    input.to = arguments.to.clone();
    input.role = arguments.role.clone();
    input.access_key = arguments.access_key.clone();
    input.assertion = arguments.assertion.clone();
    input.audit_logs = arguments.audit_log.clone();
    input.from = arguments.period.from.clone();
    input.until = arguments.period.until.clone();
    input.regions = arguments.region.clone();
    input.files = arguments.files.clone();
    input.logs = arguments.logs.clone();
    input.athena = arguments.athena.clone();
    input.lake = arguments.lake.clone();
    input.workgroup = arguments.workgroup.clone();
    input.results = arguments.results.clone();
    if let Some(place) = engine(&arguments).filter(|_| !arguments.run) {
        let text = context.auditor().query_text(&input).await?;
        note(&place);
        return print(&text);
    }
    let answer = context.auditor().query(&input, &mut progress).await?;
    match arguments.output {
        Output::Json => print_json(&answer),
        Output::Text => {
            note_unreadable_lines(answer.unreadable);
            print(&render::found(&answer.events, &answer.comparison))
        }
    }
}

/// Where a printed query can be run.
fn engine(arguments: &Query) -> Option<String> {
    match (&arguments.logs, &arguments.athena, &arguments.lake) {
        (Some(group), ..) => Some(format!("run it in CloudWatch Logs Insights on `{group}`, or here with `--run`")),
        (None, Some(_), _) => Some("run it in Athena, or here with `--run`".to_owned()),
        (None, None, Some(_)) => Some(
            "run it in CloudTrail Lake, which takes no new customers since 2026-05-31, or here with `--run`".to_owned(),
        ),
        (None, None, None) => None,
    }
}

/// Shows how far a long search is.
pub(super) fn progress(line: &str) {
    let _ = writeln!(std::io::stderr(), "{line}");
}
