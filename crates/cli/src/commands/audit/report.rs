//! `audit report`.

use std::path::Path;

use serde::Serialize;
use tempaccess_core::front_end::{Existing, Readers, write_whole_file};
use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::query::progress;
use super::{GrantContext, note_untrusted, period};
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
    /// How many of them have records that cannot be trusted.
    pub(crate) untrusted: usize,
}

pub(super) async fn report(arguments: Report) -> Result<()> {
    let period = period(&arguments.period)?;
    let context = GrantContext::open(&arguments.access, None).await?;
    let page = context.auditor().report(period, arguments.files.as_deref(), &[], &mut progress).await?;
    let (out, html) = (arguments.out.clone(), page.text);
    on_thread(move || write(&out, &html)).await?;
    note_untrusted(page.untrusted);
    let file = arguments.out.display().to_string();
    let written = Written { file, grants: page.grants, untrusted: page.untrusted };
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
