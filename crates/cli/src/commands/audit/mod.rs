//! `tempaccess audit`: verify, export and show the records of grants.

mod export;
mod query;
mod report;
mod verify;

use tempaccess_core::Result;
use tempaccess_core::report::Period;

use super::grant::GrantContext;
use super::note;
use crate::args::audit::{Audit, Period as PeriodArguments};
pub(crate) use report::Written;

pub(super) async fn run(command: Audit) -> Result<()> {
    match command {
        Audit::Verify(arguments) => verify::verify(arguments).await,
        Audit::Query(arguments) => query::query(*arguments).await,
        Audit::Export(arguments) => export::export(arguments).await,
        Audit::Report(arguments) => report::report(arguments).await,
    }
}

fn period(arguments: &PeriodArguments) -> Result<Period> {
    Period::parse(arguments.from.as_deref(), arguments.until.as_deref())
}

/// Notes on standard error that lines of audit logs were left out.
fn note_unreadable_lines(lines: usize) {
    if lines > 0 {
        note(&format!("lines of the audit logs that are not records: {lines}"));
    }
}

/// Notes on standard error that the records of some grants cannot be trusted: what is printed or written has them all the same.
fn note_untrusted(grants: usize) {
    match grants {
        0 => {}
        1 => note("the records of 1 grant cannot be trusted; see `tempaccess audit verify`"),
        count => note(&format!("the records of {count} grants cannot be trusted; see `tempaccess audit verify`")),
    }
}
