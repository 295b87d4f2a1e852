//! `doctor`.

use std::process::ExitCode;

use tempaccess_core::Result;

use super::{password, print, print_json};
use crate::args::{Doctor, Output};
use crate::render;

/// Walks the way; the exit code is that of the first thing that is wrong.
pub(crate) async fn examine(arguments: Doctor) -> Result<ExitCode> {
    let (given, settings) = arguments.chosen.into_parts()?;
    let as_text = arguments.output == Output::Text;
    let doctor = tempaccess_core::doctor::Doctor {
        settings,
        profile: given.profile.as_deref(),
        config: given.config.clone(),
        password: password(&given).await?,
        prompter: &*given.prompter(),
        signs_in: !arguments.no_sign_in,
        hear: &|finding| {
            if as_text {
                // A reader that closed its end has had enough.
                let _ = print(&render::finding(finding));
            }
        },
    };
    let diagnosis = doctor.examine().await;
    if !as_text {
        print_json(&diagnosis)?;
    }
    Ok(diagnosis.failure().map_or(ExitCode::SUCCESS, |kind| ExitCode::from(kind.exit_code())))
}
