//! The audit records of a request. A session whose record cannot be written is dropped.

use super::TempAccess;
use crate::audit::{Attempt, AuditRecord};
use crate::background::run_blocking;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::RoleOffer;
use crate::saml::{Assertion, SamlResponse};
use crate::sts::IssuedSession;
use crate::trace::step;

impl TempAccess {
    /// Runs an attempt. The audit log is checked before it begins, and an attempt that is dropped before it finishes, for example by
    /// Ctrl-C, is recorded too: AWS may have issued a session, which CloudTrail then shows.
    pub(super) async fn audited<T>(&self, attempt: impl Future<Output = Result<T>>) -> Result<T> {
        if let Some(audit) = self.audit.clone() {
            run_blocking(move || audit.check()).await?;
        }
        let unfinished = Unfinished(Some(self));
        let result = attempt.await;
        unfinished.finish();
        result
    }

    pub(super) fn attempt<'a>(
        &'a self,
        response: Option<&'a SamlResponse>,
        assertion: Option<&'a Assertion>,
        offer: Option<&'a RoleOffer>,
    ) -> Attempt<'a> {
        Attempt {
            reason: self.reason.as_deref(),
            source: self.source.describe(),
            scope: Some(&self.scope),
            response,
            assertion,
            offer,
            chained: None,
        }
    }

    pub(super) async fn record(&self, attempt: Attempt<'_>, result: Result<&IssuedSession, &Error>) -> Result<()> {
        let record = attempt.record(self.clock.now(), result);
        self.append(record).await
    }

    async fn append(&self, record: AuditRecord) -> Result<()> {
        match self.audit.clone() {
            Some(audit) => step!("audit", run_blocking(move || audit.append(&record))).await,
            None => Ok(()),
        }
    }

    /// Records a failure and returns it. If the record cannot be written, the hint says so.
    pub(super) async fn record_failure(&self, attempt: Attempt<'_>, error: Error) -> Error {
        match self.record(attempt, Err(&error)).await {
            Ok(()) => error,
            Err(unwritten) => error.with_further_hint(unwritten.message()),
        }
    }
}

/// Records an attempt that is dropped before its end.
struct Unfinished<'a>(Option<&'a TempAccess>);

impl Unfinished<'_> {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        let Some(access) = self.0 else { return };
        let Some(audit) = access.audit.clone() else { return };
        let error = Error::new(ErrorKind::Cancelled, Stage::SignIn, "the attempt was cancelled");
        let record = access.attempt(None, None, None).record(access.clock.now(), Err(&error));
        crate::background::finish_soon(move || {
            let _ = audit.append(&record);
        });
    }
}
