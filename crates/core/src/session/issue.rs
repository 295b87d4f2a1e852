//! One request for credentials, from the cache to the exchange and back:
//!
//! ```text
//! credentials -> lookup -> issue_in_single_flight -> issue_and_cache
//!     sign_in_recorded -> choose_role -> exchange_role -> record -> store_in_cache
//! ```

#[cfg(feature = "runtime")]
use super::sign_in::busy;
use super::sign_in::{Queueing, SessionReuse};
use super::{Cached, SignedIn, TempAccess};
#[cfg(feature = "runtime")]
use crate::error::Error;
use crate::error::{ErrorKind, Result};
use crate::role::RoleOffer;
use crate::source::Notice;
use crate::store::StoreKey;
#[cfg(feature = "runtime")]
use crate::store::{Joined, Need};
use crate::sts::{IssuedSession, explain, issue_session};
use crate::trace::step;

/// Which cached credentials will do.
#[derive(Debug, Clone, Copy)]
enum Accept<'g> {
    /// Fresh ones.
    Fresh,
    /// Fresh ones, or these, which expire soon, if they cannot be refreshed now.
    #[cfg_attr(
        not(feature = "runtime"),
        allow(dead_code, reason = "processes that wait for each other need a runtime")
    )]
    Expiring(&'g IssuedSession),
    /// None: the caller wants new ones.
    New,
}

impl TempAccess {
    /// Returns cached credentials that are fresh, without a sign-in, a wait or any network.
    pub fn cached(&self) -> Option<IssuedSession> {
        match self.lookup(&self.cache_key()?) {
            Cached::Fresh(issued) => Some(issued),
            _ => None,
        }
    }

    /// Returns cached credentials that have not expired.
    #[cfg(feature = "endpoint")]
    pub(crate) fn cached_until_expiry(&self) -> Option<IssuedSession> {
        match self.lookup(&self.cache_key()?) {
            Cached::Fresh(issued) | Cached::Expiring(issued) => Some(issued),
            Cached::Missing => None,
        }
    }

    /// Returns credentials: cached ones while they are fresh; otherwise signs in, chooses the role, exchanges the assertion,
    /// writes the audit record and caches the session.
    ///
    /// If several callers, in any number of processes, need the same credentials at the same time, one signs in and the others get
    /// its result, or its error. Where nothing is stored, this holds for the callers of this access and its clones. Credentials are refreshed before they expire (see [`REFRESH_WINDOW`](super::REFRESH_WINDOW));
    /// if that fails, the cached ones are returned until they do.
    ///
    /// Callers whose prompter is not [interactive](crate::Prompter::is_interactive) do not retry for 16 minutes after the person has
    /// refused a factor, whichever role is needed, or after a password was rejected. They get the same error until then, or until the
    /// person has signed in.
    ///
    /// # Errors
    ///
    /// Errors of every stage. A failure after the sign-in has begun is in the audit log too.
    pub async fn credentials(&self) -> Result<IssuedSession> {
        self.credentials_queued(self.default_queueing()).await
    }

    /// Returns credentials, and waits for other sign-ins as `queueing` says.
    pub(super) async fn credentials_queued(&self, queueing: Queueing) -> Result<IssuedSession> {
        let Some(key) = self.cache_key() else {
            return self.issue_unstored(queueing).await;
        };
        let expiring = match self.lookup_in_background(&key).await {
            Cached::Fresh(issued) => return Ok(issued),
            Cached::Expiring(issued) if !self.source.can_sign_in() => return Ok(issued),
            Cached::Expiring(issued) => Some(issued),
            Cached::Missing => None,
        };
        let accept = expiring.as_ref().map_or(Accept::Fresh, Accept::Expiring);
        match (self.issue_in_single_flight(&key, accept, SessionReuse::Allow, queueing).await, expiring) {
            // The cached credentials may have expired during the prompt.
            (Err(error), Some(issued)) if error.kind() != ErrorKind::Cancelled && self.is_valid(&issued) => {
                let expiration = issued.answer.credentials.expiration;
                self.prompter.notify(&Notice::RefreshFailed { expiration, reason: error.to_string() });
                Ok(issued)
            }
            (result, _) => result,
        }
    }

    /// Returns new credentials and caches them, even if the cached ones are fresh. A session at the identity provider is
    /// used if there is one. A source that cannot sign in, such as a grant, has no newer ones than those in the cache.
    ///
    /// # Errors
    ///
    /// See [`credentials`](Self::credentials).
    pub async fn renew(&self) -> Result<IssuedSession> {
        if !self.source.can_sign_in() {
            return self.credentials().await;
        }
        self.renew_reusing(SessionReuse::Allow).await
    }

    /// Returns new credentials, as [`renew`](Self::renew), and makes the person sign in again even if there is a session at
    /// the identity provider.
    ///
    /// # Errors
    ///
    /// See [`credentials`](Self::credentials).
    pub async fn renew_with_sign_in(&self) -> Result<IssuedSession> {
        self.renew_reusing(SessionReuse::Forbid).await
    }

    /// Returns new credentials and caches them.
    async fn renew_reusing(&self, reuse: SessionReuse) -> Result<IssuedSession> {
        match self.cache_key() {
            Some(key) => self.issue_in_single_flight(&key, Accept::New, reuse, Queueing::Skip).await,
            None => self.issue_and_cache(None, reuse, Queueing::Skip).await,
        }
    }

    /// Waits until no other caller is signing in for this key, and issues a session unless another caller has.
    #[cfg(feature = "runtime")]
    async fn issue_in_single_flight(
        &self,
        key: &StoreKey,
        accept: Accept<'_>,
        reuse: SessionReuse,
        queueing: Queueing,
    ) -> Result<IssuedSession> {
        let (need, queueing) = match accept {
            Accept::Expiring(_) => (Need::Later, Queueing::OnlyIfFree),
            Accept::Fresh | Accept::New => (queueing.need(), queueing),
        };
        let open_lock = || self.lock_file(key);
        let report = |error: &Error| self.prompter.notify(&Notice::Cache { text: error.message().to_owned() });
        let turn = self.single_flight.join(need, &*self.clock, open_lock, report).await?;
        // Another caller may have stored fresh ones meanwhile.
        if !matches!(accept, Accept::New)
            && let Cached::Fresh(issued) = self.lookup_in_background(key).await
        {
            return Ok(issued);
        }
        let leader = match (turn, accept) {
            (Joined::Lead(leader), _) => leader,
            (Joined::Failed(error), _) => return Err(error),
            (Joined::Busy, Accept::Expiring(issued)) => return Ok(issued.clone()),
            (Joined::Busy, _) => return Err(busy()),
        };
        let result = self.issue_and_cache(Some(key), reuse, queueing).await;
        if let Err(error) = &result {
            leader.failed(error, &*self.clock);
        }
        result
    }

    #[cfg(not(feature = "runtime"))]
    async fn issue_in_single_flight(
        &self,
        key: &StoreKey,
        _: Accept<'_>,
        reuse: SessionReuse,
        queueing: Queueing,
    ) -> Result<IssuedSession> {
        self.issue_and_cache(Some(key), reuse, queueing).await
    }

    #[cfg(not(feature = "runtime"))]
    async fn issue_unstored(&self, queueing: Queueing) -> Result<IssuedSession> {
        self.issue_and_cache(None, SessionReuse::Allow, queueing).await
    }

    /// Returns how a sign-in queues unless the caller says otherwise: interactive callers do not wait.
    pub(super) fn default_queueing(&self) -> Queueing {
        if self.prompter.is_interactive() { Queueing::Skip } else { Queueing::Wait }
    }

    #[cfg(feature = "runtime")]
    pub(super) fn lock_file(&self, key: &StoreKey) -> Result<Option<std::fs::File>> {
        self.store.as_ref().map_or(Ok(None), |store| store.lock_file(key))
    }

    /// Whether credentials have not expired.
    pub(super) fn is_valid(&self, issued: &IssuedSession) -> bool {
        issued.answer.credentials.expiration > self.clock.now()
    }

    /// Signs in, chooses, exchanges, records and caches.
    pub(super) async fn issue_and_cache(
        &self,
        key: Option<&StoreKey>,
        reuse: SessionReuse,
        queueing: Queueing,
    ) -> Result<IssuedSession> {
        let issued = if self.chain.is_empty() {
            self.audited(async { self.choose_and_exchange(&self.sign_in_recorded(reuse, queueing).await?).await })
                .await?
        } else {
            self.issue_chain(reuse, queueing).await?
        };
        self.store_in_cache(key, &issued).await;
        self.sweep().await;
        Ok(issued)
    }

    /// Exchanges an assertion from an earlier sign-in: chooses the role and writes the audit record.
    ///
    /// # Errors
    ///
    /// Errors of the stages from `role` on.
    pub async fn exchange(&self, signed_in: &SignedIn) -> Result<IssuedSession> {
        self.audited(self.choose_and_exchange(signed_in)).await
    }

    /// Chooses the role and exchanges the assertion for it.
    async fn choose_and_exchange(&self, signed_in: &SignedIn) -> Result<IssuedSession> {
        let SignedIn { response, assertion } = signed_in;
        let offer = match self.choose_role(assertion).await {
            Ok(offer) => offer,
            Err(error) => {
                return Err(self.record_failure(self.attempt(Some(response), Some(assertion), None), error).await);
            }
        };
        self.exchange_role(signed_in, &offer, || {}).await
    }

    /// Exchanges the assertion for this role, and records that. `exchanged` is called in between.
    pub(super) async fn exchange_role(
        &self,
        SignedIn { response, assertion }: &SignedIn,
        offer: &RoleOffer,
        exchanged: impl FnOnce() + Send,
    ) -> Result<IssuedSession> {
        let attempt = self.attempt(Some(response), Some(assertion), Some(offer));
        let exchanging = issue_session(&*self.exchange, &*self.clock, response, assertion, offer, &self.scope);
        let result = step!("exchange", exchanging, role = offer.role()).await;
        exchanged();
        match result {
            // The record comes before the hand-out: without it, the session is dropped.
            Ok(issued) => self.record(attempt, Ok(&issued)).await.map(|()| issued),
            Err(error) => Err(self.record_failure(attempt, explain(error, assertion, self.clock.now())).await),
        }
    }
}
