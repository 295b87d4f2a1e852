//! Tries in a scratch account what only AWS itself can confirm.
//!
//! Two roles are created below [`SCRATCH_PATH`], with the policies of the template. Nobody can take them after two hours, and
//! they allow nothing but to list their own policies. They are removed at the end; what a run leaves behind that was killed,
//! [`ScratchAccount::clean`] or the next run removes.

mod report;
mod trials;

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;

pub use self::report::{Assumption, AssumptionResult, SetupVerification};
use crate::clock::{SystemClock, Timer};
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result};
use crate::iam::ScratchRoles;
use crate::sts::{IssuedSession, TokenExchange};
use crate::trail::LookupEvents;

/// The path of the roles that are created: `/tempaccess-verify/`.
pub const SCRATCH_PATH: &str = "/tempaccess-verify/";

/// How long the roles can be taken.
const ROLE_LIFETIME: SignedDuration = SignedDuration::from_hours(2);
/// How often it is looked whether a change has taken effect.
const IAM_INTERVAL: Duration = Duration::from_secs(1);
/// How long a change of IAM may take.
const IAM_TIMEOUT: Duration = Duration::from_mins(5);
/// How often CloudTrail is asked, and how long it may take to have an event.
const TRAIL_INTERVAL: Duration = Duration::from_secs(20);
const TRAIL_TIMEOUT: Duration = Duration::from_mins(20);

/// An account in which roles may be created and deleted, and the session of an administrator who may do so.
#[derive(Debug)]
pub struct ScratchAccount<'a> {
    iam: &'a dyn ScratchRoles,
    exchange: &'a dyn TokenExchange,
    /// Where CloudTrail is asked, and in which region.
    trail: Option<(&'a LookupEvents, &'a str)>,
    admin: &'a IssuedSession,
    region: String,
    timer: Arc<dyn Timer>,
}

impl<'a> ScratchAccount<'a> {
    /// Uses the account of this session, in the region of STS.
    pub fn new(
        iam: &'a dyn ScratchRoles,
        exchange: &'a dyn TokenExchange,
        admin: &'a IssuedSession,
        region: impl Into<String>,
    ) -> Self {
        Self { iam, exchange, trail: None, admin, region: region.into(), timer: Arc::new(SystemClock) }
    }

    /// Asks CloudTrail in this region as well, which takes several minutes.
    #[must_use]
    pub fn trail(mut self, history: &'a LookupEvents, region: &'a str) -> Self {
        self.trail = Some((history, region));
        self
    }

    /// Sets the clock, which also waits.
    #[must_use]
    pub fn timer(mut self, timer: Arc<dyn Timer>) -> Self {
        self.timer = timer;
        self
    }

    fn credentials(&self) -> &SessionCredentials {
        &self.admin.answer.credentials
    }

    /// Tries everything, and removes what it created, also after an error. `progress` gets each result as it is had.
    ///
    /// # Errors
    ///
    /// Those that say nothing about an assumption: rights that the administrator lacks, a service that does not answer.
    pub async fn verify(&self, progress: &mut dyn FnMut(&AssumptionResult)) -> Result<SetupVerification> {
        self.clean().await?;
        let mut results = Vec::new();
        let mut add = |result: AssumptionResult| {
            progress(&result);
            results.push(result);
        };
        let tried = self.try_all(&mut add).await;
        let removed = self.clean().await;
        tried?;
        Ok(SetupVerification {
            version: env!("CARGO_PKG_VERSION"),
            partition: self.credentials().role.partition().to_owned(),
            region: self.region.clone(),
            results,
            removed: removed?.len(),
        })
    }

    /// Removes every role below [`SCRATCH_PATH`]. Returns their names.
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_unavailable`.
    pub async fn clean(&self) -> Result<Vec<String>> {
        let path = SCRATCH_PATH.trim_start_matches('/');
        let mut removed = Vec::new();
        for role in self.iam.roles(self.credentials()).await? {
            if !role.arn.path_and_name().starts_with(path) {
                continue;
            }
            let name = role.arn.name();
            for policy in self.iam.role_policies(self.credentials(), name).await? {
                self.iam.delete_role_policy(self.credentials(), name, &policy).await?;
            }
            self.iam.delete_role(self.credentials(), name).await?;
            removed.push(name.to_owned());
        }
        Ok(removed)
    }

    /// Waits until `is_so` says yes. Returns how many seconds it took, or nothing if it did not happen in time.
    async fn until<F: Future<Output = Result<bool>>>(
        &self,
        (interval, patience): (Duration, Duration),
        mut is_so: impl FnMut() -> F,
    ) -> Result<Option<u64>> {
        let start = self.timer.monotonic();
        loop {
            if is_so().await? {
                return Ok(Some(self.timer.monotonic().saturating_sub(start).as_secs()));
            }
            if self.timer.monotonic().saturating_sub(start) > patience {
                return Ok(None);
            }
            self.timer.sleep(interval).await;
        }
    }

    /// Returns what AWS said without names and numbers of the account.
    fn scrubbed(&self, text: &str) -> String {
        let credentials = self.credentials();
        let mut text = text.replace(credentials.account_id(), "ACCOUNT");
        let session = self.admin.answer.session_name().unwrap_or_default();
        for (known, word) in [(session, "ADMINISTRATOR"), (credentials.role.name(), "ROLE")] {
            if !known.is_empty() {
                text = text.replace(known, word);
            }
        }
        text
    }
}

/// Whether AWS refused for want of a right.
fn is_denied(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::AccessDenied | ErrorKind::IamRefused)
}
