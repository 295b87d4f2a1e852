//! `audit report`.

use std::path::Path;

use serde::Serialize;
use tempaccess_core::auditor::ReportInput;
use tempaccess_core::front_end::{Existing, Readers, write_whole_file};
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::query::progress;
use super::{GrantContext, note_unreadable_lines, note_untrusted, period};
use crate::args::Output;
use crate::args::audit::Report;
use crate::commands::{on_thread, print, print_json};
use crate::render_audit as render;

/// The report that was written, stable as `--output json`.
#[derive(Debug, Serialize)]
pub(crate) struct Written {
    /// The file.
    pub(crate) file: String,
    /// How many grants it shows.
    pub(crate) grants: usize,
    /// How many everyday sign-ins it shows.
    pub(crate) sign_ins: usize,
    /// How many of the grants have records that cannot be trusted.
    pub(crate) untrusted: usize,
}

pub(super) async fn report(arguments: Report) -> Result<()> {
    let period = period(&arguments.period)?;
    let context = GrantContext::open(&arguments.access, None).await?;
    let mut input = ReportInput::default();
    input.files = arguments.files.clone();
    input.audit_logs = arguments.audit_log.clone();
    let page = context.auditor().report(period, &input, &mut progress).await?;
    let (out, html) = (arguments.out.clone(), page.text);
    on_thread(move || write(&out, &html)).await?;
    note_untrusted(page.untrusted);
    note_unreadable_lines(page.unreadable_lines);
    let file = arguments.out.display().to_string();
    let written = Written { file, grants: page.grants, sign_ins: page.sign_ins, untrusted: page.untrusted };
    match arguments.output {
        Output::Json => print_json(&written),
        Output::Text => print(&render::written(&written)),
    }
}

fn write(path: &Path, html: &str) -> Result<()> {
    // It names people, reasons and policies.
    write_whole_file(path, html.as_bytes(), Existing::Replace, Readers::Owner).map_err(|error| {
        let message = format!("the report cannot be written to `{}`: {error}", path.display());
        Error::new(ErrorKind::Io, Stage::Output, message).with_source(error)
    })
}
