//! Diagnoses a sign-in step by step: for each step the result, and for each failure the setting to change and who can change
//! it. Nothing is exchanged or handed out, and the diagnosis contains no secret.
//!
//! ```
//! use tempaccess_core::config::Settings;
//! use tempaccess_core::doctor::{CheckOutcome, Doctor, ResponsibleParty};
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("config.toml");
//! std::fs::write(&file, "[profiles.work]\nsource = \"file:response.html\"\nduration = \"a day\"\n")?;
//! let doctor = Doctor::new(Settings::default()).config(file).profile("work");
//! let diagnosis = doctor.diagnose(|finding| println!("{}", finding.message)).await;
//! // The steps after the one that failed are skipped.
//! let finding = &diagnosis.findings[0];
//! assert_eq!((finding.outcome, finding.who), (CheckOutcome::Failed, Some(ResponsibleParty::You)));
//! # Ok(())
//! # }
//! ```

mod checks;
mod finding;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

pub use finding::{CheckOutcome, Diagnosis, Finding, ResponsibleParty, Step};

use crate::config::Settings;
use crate::secret::SecretString;
use crate::source::{NoPrompter, Prompter};

/// Diagnoses a sign-in.
pub struct Doctor {
    settings: Settings,
    profile: Option<String>,
    config: Option<PathBuf>,
    password: Option<SecretString>,
    prompter: Arc<dyn Prompter>,
    signs_in: bool,
}

impl fmt::Debug for Doctor {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

impl Doctor {
    /// Diagnoses a sign-in with these settings, on top of those of the profile. They are not resolved yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings, profile: None, config: None, password: None, prompter: Arc::new(NoPrompter), signs_in: true }
    }

    /// Sets the profile (default: the one that [`Settings::resolve`] chooses).
    #[must_use]
    pub fn profile(mut self, profile: impl Into<String>) -> Self {
        self.profile = Some(profile.into());
        self
    }

    /// Sets the configuration file (default: the usual one).
    #[must_use]
    pub fn config(mut self, file: impl Into<PathBuf>) -> Self {
        self.config = Some(file.into());
        self
    }

    /// Sets the password.
    #[must_use]
    pub fn password(mut self, password: SecretString) -> Self {
        self.password = Some(password);
        self
    }

    /// Sets who is asked (default: nobody).
    #[must_use]
    pub fn prompter(mut self, prompter: Arc<dyn Prompter>) -> Self {
        self.prompter = prompter;
        self
    }

    /// Leaves out the sign-in, and the steps that need one.
    #[must_use]
    pub fn without_sign_in(mut self) -> Self {
        self.signs_in = false;
        self
    }

    /// Checks each step and passes its findings to `report`. A failure is a finding, not an error.
    pub async fn diagnose(&self, report: impl FnMut(&Finding) + Send) -> Diagnosis {
        let findings = checks::run(self, report).await;
        let healthy = findings.iter().all(|finding| finding.outcome != CheckOutcome::Failed);
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        Diagnosis { healthy, version: env!("CARGO_PKG_VERSION"), system, findings }
    }
}
