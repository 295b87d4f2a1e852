//! The roles after the one that the assertion offers.

use super::TempAccess;
use crate::error::Result;
use crate::exchange::{ChainRequest, Grant, chain};
use crate::scope::{SessionDuration, SessionScope};

impl TempAccess {
    /// The same without its chain: all that the first role allows, for as long as is asked.
    fn base(&self) -> Self {
        let mut base = self.clone();
        base.chain = Vec::new();
        base.scope = SessionScope::new(self.scope.duration().max(SessionDuration::default()));
        #[cfg(feature = "runtime")]
        {
            base.turns = std::sync::Arc::default();
        }
        base
    }

    /// Takes one role from the session of the other, from the offered one to the last.
    pub(super) async fn through_the_chain(&self, anew: bool) -> Result<Grant> {
        let base = self.base();
        // The two call each other, but only once: a base has no chain.
        let first = Box::pin(async move { if anew { base.renew(true).await } else { base.credentials().await } });
        let mut grant = first.await?;
        for (at, role) in self.chain.iter().enumerate() {
            let is_last = at + 1 == self.chain.len();
            // Those in between only lead on.
            let scope = if is_last { self.scope.clone() } else { SessionScope::new(SessionDuration::MIN) };
            let unfinished = self.begin()?;
            let result = self.next_of_chain(ChainRequest::new(role, &grant.answer, &scope), &grant, &scope).await;
            unfinished.finish();
            grant = result?;
        }
        Ok(grant)
    }

    async fn next_of_chain(
        &self,
        request: Result<ChainRequest>,
        before: &Grant,
        scope: &SessionScope,
    ) -> Result<Grant> {
        let request = match request {
            Ok(request) => request,
            Err(error) => return Err(self.failed(self.attempt(None, None, Some(&before.offer)), error)),
        };
        let mut attempt = self.attempt(None, None, None);
        attempt.scope = Some(scope);
        attempt.chained = Some((&request, before.answer.assumed_role_arn.as_deref()));
        match chain(&*self.exchange, &*self.clock, before, &request, scope).await {
            Ok(grant) => self.record(attempt, Ok(&grant)).map(|()| grant),
            Err(error) => Err(self.failed(attempt, error)),
        }
    }
}
