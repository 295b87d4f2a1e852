//! One request for credentials, from the cache to the exchange and back.

use std::collections::HashMap;
use std::future::poll_fn;
#[cfg(feature = "runtime")]
use std::sync::Arc;
use std::task::Poll;

use super::{Cached, SignedIn, SignedOut, TempAccess};
use crate::audit::{Attempt, AuditRecord};
use crate::background::run_blocking;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::RoleOffer;
use crate::saml::{Assertion, SamlResponse};
use crate::source::{AssertionRequest, Notice};
use crate::store::StoreKey;
#[cfg(feature = "runtime")]
use crate::store::{Leader, Need, Turn};
use crate::sts::{IssuedSession, explain, issue_session};
use crate::text::printable;
use crate::trace::step;

/// Whether a session at the identity provider may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionReuse {
    /// A session may be used; without one, the person signs in.
    Allow,
    /// The person signs in, even if there is a session.
    Forbid,
}

/// Whether a sign-in waits for others of the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queueing {
    /// Does not wait: a person asked for this sign-in.
    Skip,
    /// Waits for other sign-ins, and does not prompt a person again who has just refused.
    Wait,
    /// Gives up if another sign-in is running: the cached credentials are still valid.
    #[cfg_attr(not(feature = "runtime"), allow(dead_code, reason = "taking queueing needs a runtime"))]
    OnlyIfFree,
}

impl Queueing {
    /// What a caller without credentials needs.
    #[cfg(feature = "runtime")]
    pub(super) const fn need(self) -> Need {
        match self {
            Self::Skip => Need::Now,
            Self::Wait | Self::OnlyIfFree => Need::NowUnlessRejected,
        }
    }
}

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
    /// Signs in and reads the assertion. Nothing is exchanged.
    ///
    /// # Errors
    ///
    /// Errors of the stages `sign_in` and `assertion`.
    pub async fn sign_in(&self) -> Result<SignedIn> {
        SignedIn::new(self.source.saml_response(&AssertionRequest::new(&*self.prompter)).await?)
    }

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
    /// A program, whose prompter is not [interactive](crate::Prompter::is_interactive), does not ask a person again who has just
    /// refused, whichever role it needs, and does not repeat a sign-in for the same session that was rejected: it gets the same error
    /// until some time has passed or a person has signed in.
    ///
    /// # Errors
    ///
    /// Errors of every stage. A failure after the sign-in has begun is in the audit log too.
    pub async fn credentials(&self) -> Result<IssuedSession> {
        self.credentials_with(self.default_queueing()).await
    }

    pub(super) async fn credentials_with(&self, queueing: Queueing) -> Result<IssuedSession> {
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
        self.issue_new(SessionReuse::Allow).await
    }

    /// Returns new credentials, as [`renew`](Self::renew), and makes the person sign in again even if there is a session at
    /// the identity provider.
    ///
    /// # Errors
    ///
    /// See [`credentials`](Self::credentials).
    pub async fn renew_with_sign_in(&self) -> Result<IssuedSession> {
        self.issue_new(SessionReuse::Forbid).await
    }

    async fn issue_new(&self, reuse: SessionReuse) -> Result<IssuedSession> {
        match self.cache_key() {
            Some(key) => self.issue_in_single_flight(&key, Accept::New, reuse, Queueing::Skip).await,
            None => self.issue_and_cache(None, reuse, Queueing::Skip).await,
        }
    }

    /// Ends the person's session at the identity provider and removes everything that came from it from the cache.
    ///
    /// # Errors
    ///
    /// The reason why the session could not be ended; the cache is cleared all the same.
    pub async fn sign_out(&self) -> Result<SignedOut> {
        let ended = self.source.sign_out().await;
        let access = self.clone();
        let removed = run_blocking(move || access.remove_session()).await;
        Ok(SignedOut { session_ended: ended?, credentials_removed: removed? })
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
            (Turn::Lead(leader), _) => leader,
            (Turn::Failed(error), _) => return Err(error),
            (Turn::Busy, Accept::Expiring(issued)) => return Ok(issued.clone()),
            (Turn::Busy, _) => return Err(busy()),
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
    fn lock_file(&self, key: &StoreKey) -> Result<Option<std::fs::File>> {
        self.store.as_ref().map_or(Ok(None), |store| store.lock_file(key))
    }

    /// Whether credentials have not expired.
    pub(super) fn is_valid(&self, issued: &IssuedSession) -> bool {
        issued.answer.credentials.expiration > self.clock.now()
    }

    pub(super) async fn issue_and_cache(
        &self,
        key: Option<&StoreKey>,
        reuse: SessionReuse,
        queueing: Queueing,
    ) -> Result<IssuedSession> {
        let issued = if self.chain.is_empty() {
            self.audited(async { self.issue(&self.recorded_sign_in(reuse, queueing).await?).await }).await?
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
        self.audited(self.issue(signed_in)).await
    }

    /// Signs in. A failure is in the audit log.
    pub(super) async fn recorded_sign_in(&self, reuse: SessionReuse, queueing: Queueing) -> Result<SignedIn> {
        let mut request = AssertionRequest::new(&*self.prompter);
        if reuse == SessionReuse::Forbid {
            request = request.force_authn();
        }
        let turn = self.lock_person(queueing).await?;
        let signing_in = step!("sign_in", self.source.saml_response(&request), source = self.source.describe());
        let mut signing_in = std::pin::pin!(signing_in);
        let result = match poll_fn(|context| Poll::Ready(signing_in.as_mut().poll(context))).await {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.connect_ahead();
                signing_in.await
            }
        };
        self.publish_result(turn, result.as_ref().err());
        let response = match result {
            Ok(response) => response,
            Err(error) => return Err(self.record_failure(self.attempt(None, None, None), error).await),
        };
        match response.read() {
            Ok(assertion) => Ok(SignedIn { response, assertion }),
            Err(error) => Err(self.record_failure(self.attempt(Some(&response), None, None), error).await),
        }
    }

    /// Lets the exchange connect while the identity provider answers.
    fn connect_ahead(&self) {
        #[cfg(feature = "runtime")]
        if self.source.can_sign_in()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (exchange, role) = (Arc::clone(&self.exchange), self.query.named_role());
            runtime.spawn(async move { exchange.connect(role.as_ref()).await });
        }
    }

    /// Waits until no other program signs this person in. Their pushes would arrive together, and those after the first find a
    /// session. Sign-ins that a person asked for do not wait.
    ///
    /// # Errors
    ///
    /// What the person has just refused. It is not recorded, since nobody was asked.
    #[cfg(feature = "runtime")]
    async fn lock_person(&self, queueing: Queueing) -> Result<Option<Leader<'_>>> {
        let need = match queueing {
            Queueing::Skip => return Ok(None),
            Queueing::Wait => Need::NowUnlessRefused,
            Queueing::OnlyIfFree => Need::Later,
        };
        let Some(key) = self.person_key() else { return Ok(None) };
        let open_lock = || self.lock_file(&key);
        match self.person_flight.join(need, &*self.clock, open_lock, |_| {}).await? {
            Turn::Lead(leader) => Ok(Some(leader)),
            Turn::Failed(error) => Err(error),
            Turn::Busy => Err(busy()),
        }
    }

    #[cfg(not(feature = "runtime"))]
    async fn lock_person(&self, _: Queueing) -> Result<()> {
        Ok(())
    }

    /// Tells other programs how a sign-in ended.
    #[cfg(feature = "runtime")]
    fn publish_result(&self, turn: Option<Leader<'_>>, error: Option<&Error>) {
        match (turn, error) {
            // Only a refused factor is shared: other failures may not recur with another role, app or password.
            (Some(leader), Some(error)) if error.kind() == ErrorKind::FactorFailed => {
                leader.failed(error, &*self.clock)
            }
            (None, None) => {
                let Some(key) = self.person_key() else { return };
                self.person_flight.forget(|| self.lock_file(&key));
            }
            _ => {}
        }
    }

    #[cfg(not(feature = "runtime"))]
    fn publish_result(&self, (): (), _: Option<&Error>) {}

    /// The key of the person at the identity provider, whichever app and role they take.
    #[cfg(feature = "runtime")]
    fn person_key(&self) -> Option<StoreKey> {
        self.source.session_identity().map(|identity| StoreKey::new(&["sign-in", &identity]))
    }

    async fn issue(&self, signed_in: &SignedIn) -> Result<IssuedSession> {
        let SignedIn { response, assertion } = signed_in;
        let offer = match self.choose_role(assertion).await {
            Ok(offer) => offer,
            Err(error) => {
                return Err(self.record_failure(self.attempt(Some(response), Some(assertion), None), error).await);
            }
        };
        self.issue_role(signed_in, &offer).await
    }

    pub(super) async fn issue_role(
        &self,
        SignedIn { response, assertion }: &SignedIn,
        offer: &RoleOffer,
    ) -> Result<IssuedSession> {
        let attempt = self.attempt(Some(response), Some(assertion), Some(offer));
        let exchanging = issue_session(&*self.exchange, &*self.clock, response, assertion, offer, &self.scope);
        match step!("exchange", exchanging, role = offer.role()).await {
            // The record comes before the hand-out: without it, the session is dropped.
            Ok(issued) => self.record(attempt, Ok(&issued)).await.map(|()| issued),
            Err(error) => Err(self.record_failure(attempt, explain(error, assertion, self.clock.now())).await),
        }
    }

    pub(super) async fn choose_role(&self, assertion: &Assertion) -> Result<RoleOffer> {
        let offers = match assertion.offers() {
            Ok(offers) => offers,
            Err(error) if error.kind() == ErrorKind::EncryptedAssertion => {
                return self.query.named_pair().ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let error = match self.query.choose(offers, &self.account_names) {
            Ok(offer) => return Ok(offer.clone()),
            Err(error) if error.kind() == ErrorKind::RoleAmbiguous => error,
            Err(error) => return Err(error),
        };
        let matching = self.query.matches(offers, &self.account_names);
        let choices = self.labels(&matching);
        match self.prompter.choose("Role", &choices).await {
            Ok(chosen) => matching.get(chosen).map(|offer| (*offer).clone()).ok_or(error),
            // Nobody can be asked: the list of roles is more helpful than that.
            Err(refused) if refused.kind() == ErrorKind::InteractionRequired => Err(error),
            Err(refused) => Err(refused),
        }
    }

    /// Labels offers for a person: `billing/ReadOnly  arn:…`, with the provider if the same role is offered through several.
    fn labels(&self, offers: &[&RoleOffer]) -> Vec<String> {
        let mut providers = HashMap::<_, usize>::new();
        for offer in offers {
            *providers.entry(offer.role()).or_default() += 1;
        }
        let label = |offer: &&RoleOffer| {
            let role = offer.role();
            let account = self.account_names.get(role.account_id()).map_or(role.account_id(), String::as_str);
            let several = providers.get(role).is_some_and(|count| *count > 1);
            let provider = if several { format!(" through {}", offer.provider().name()) } else { String::new() };
            printable(&format!("{account}/{}{provider}  {role}", role.name())).into_owned()
        };
        offers.iter().map(label).collect()
    }

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

#[cfg(feature = "runtime")]
pub(super) fn busy() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::Store, "another sign-in is in progress")
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
