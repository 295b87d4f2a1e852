//! `doctor`.

use std::process::ExitCode;

use tempaccess_core::Result;

use super::{password, print, print_json};
use crate::args::{Doctor, Output};
use crate::exit_code::exit_code;
use crate::render;

/// Diagnoses a sign-in. The exit code is that of the first failure.
pub(crate) async fn examine(arguments: Doctor) -> Result<ExitCode> {
    let (given, settings) = arguments.chosen.into_parts()?;
    let mut doctor = tempaccess_core::doctor::Doctor::new(settings).prompter(given.prompter());
    if let Some(profile) = &given.profile {
        doctor = doctor.profile(profile);
    }
    if let Some(file) = &given.config {
        doctor = doctor.config(file);
    }
    if let Some(password) = password(&given).await? {
        doctor = doctor.password(password);
    }
    if arguments.no_sign_in {
        doctor = doctor.without_sign_in();
    }
    let as_text = arguments.output == Output::Text;
    let report = |finding: &tempaccess_core::doctor::Finding| {
        if as_text {
            // Nobody may be reading.
            let _ = print(&render::finding(finding));
        }
    };
    let diagnosis = doctor.diagnose(report).await;
    if !as_text {
        print_json(&diagnosis)?;
    }
    Ok(diagnosis.failure().map_or(ExitCode::SUCCESS, exit_code))
}
