//! `audit verify`.

use tempaccess_core::{Error, ErrorKind, Result, Stage};

use super::GrantContext;
use crate::args::Output;
use crate::args::audit::Verify;
use crate::commands::{print, print_json};
use crate::render_audit as render;

pub(super) async fn verify(arguments: Verify) -> Result<()> {
    let context = GrantContext::open(&arguments.access, None).await?;
    let verified = context.auditor().verify().await?;
    match arguments.output {
        Output::Json => print_json(&verified)?,
        Output::Text => print(&render::verified(&verified))?,
    }
    let mut ids: Vec<_> = verified.defects.iter().map(|defect| defect.id.as_str()).collect();
    ids.dedup();
    match ids.len() {
        0 => Ok(()),
        count => {
            let grants = if count == 1 { "1 grant".to_owned() } else { format!("{count} grants") };
            Err(Error::new(
                ErrorKind::GrantNotGenuine,
                Stage::Grant,
                format!("the records of {grants} cannot be trusted"),
            )
            .with_hint("compare them with CloudTrail and with older versions of the records: the bucket's, or git's"))
        }
    }
}
