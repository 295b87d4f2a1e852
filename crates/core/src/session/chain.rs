//! Role chaining: roles that are assumed after the one that the assertion offers.

use super::TempAccess;
use super::sign_in::{Queueing, SessionReuse};
#[cfg(feature = "grants")]
use crate::credentials::SessionCredentials;
use crate::error::Result;
use crate::scope::{SessionDuration, SessionScope};
#[cfg(feature = "grants")]
use crate::sts::CallerIdentity;
use crate::sts::{ChainRequest, IssuedSession, chain_session};
use crate::trace::step;

impl TempAccess {
    /// Returns access to the first role, without a session policy, for at least as long as the chain needs.
    fn base(&self) -> Self {
        let mut base = self.clone();
        base.chain = Vec::new();
        base.scope = SessionScope::new(self.scope.duration().max(SessionDuration::default()));
        #[cfg(feature = "runtime")]
        {
            base.single_flight = std::sync::Arc::default();
            base.unstored = std::sync::Arc::default();
        }
        base
    }

    /// Issues a session for the offered role and assumes each further role from the session before it.
    pub(super) async fn issue_chain(&self, reuse: SessionReuse, queueing: Queueing) -> Result<IssuedSession> {
        let base = self.base();
        // Boxed, since the two call each other; they do so once, since the base has no chain.
        let first = Box::pin(async move {
            match reuse {
                SessionReuse::Allow => base.credentials_queued(queueing).await,
                SessionReuse::Forbid => base.renew_with_sign_in().await,
            }
        });
        let mut issued = first.await?;
        for (index, role) in self.chain.iter().enumerate() {
            let is_last = index + 1 == self.chain.len();
            // Sessions in between only serve to assume the next role.
            let scope = if is_last { self.scope.clone() } else { SessionScope::new(SessionDuration::MIN) };
            let request = ChainRequest::new(role, &issued.answer, &scope);
            issued = self.audited(self.assume_next(request, &issued, &scope)).await?;
        }
        Ok(issued)
    }

    /// Asks STS whose these credentials are.
    #[cfg(feature = "grants")]
    pub(crate) async fn caller_identity(&self, credentials: &SessionCredentials) -> Result<CallerIdentity> {
        self.exchange.caller_identity(credentials).await
    }

    /// Assumes a role for somebody else from an issued session. The audit log records it with this reason.
    #[cfg(feature = "grants")]
    pub(crate) async fn assume_for(
        &self,
        request: ChainRequest,
        previous: &IssuedSession,
        reason: &str,
    ) -> Result<IssuedSession> {
        let mut access = self.clone();
        access.reason = Some(reason.to_owned());
        let scope = request.scope.clone();
        access.audited(access.assume_next(Ok(request), previous, &scope)).await
    }

    async fn assume_next(
        &self,
        request: Result<ChainRequest>,
        previous: &IssuedSession,
        scope: &SessionScope,
    ) -> Result<IssuedSession> {
        let request = match request {
            Ok(request) => request,
            Err(error) => {
                return Err(self.record_failure(self.attempt(None, None, Some(&previous.offer)), error).await);
            }
        };
        let mut attempt = self.attempt(None, None, None);
        attempt.scope = Some(scope);
        attempt.chained = Some((&request, previous.answer.assumed_role_arn.as_deref()));
        let exchanging = chain_session(&*self.exchange, &*self.clock, previous, &request, scope);
        match step!("assume_role", exchanging, role = request.role).await {
            Ok(issued) => self.record(attempt, Ok(&issued)).await.map(|()| issued),
            Err(error) => Err(self.record_failure(attempt, error).await),
        }
    }
}
