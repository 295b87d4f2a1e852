//! `audit export`.

use tempaccess_core::Result;
use tempaccess_core::auditor::ExportFormat as Format;

use super::{GrantContext, note_untrusted, period};
use crate::args::audit::{Export, ExportFormat};
use crate::commands::{note, print};

pub(super) async fn export(arguments: Export) -> Result<()> {
    let period = period(&arguments.period)?;
    let format = match arguments.output {
        ExportFormat::Csv => Format::Csv,
        ExportFormat::Json => Format::Json,
        ExportFormat::Ocsf => Format::Ocsf,
    };
    let context = GrantContext::open(&arguments.access, None).await?;
    let export = context.auditor().export(format, &arguments.ids, &period).await?;
    note_untrusted(export.untrusted);
    for grant in &export.unreadable {
        note(&format!("the grant {} is not in the export: {}", grant.id, grant.reason));
    }
    if export.text.is_empty() {
        return Ok(());
    }
    // The last line break is printed.
    print(export.text.strip_suffix('\n').unwrap_or(&export.text))
}
