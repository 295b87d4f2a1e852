//! Several roles by one sign-in: each is exchanged by itself, some at a time.

use std::collections::{HashMap, VecDeque};
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::JoinSet;

use super::sign_in::SessionReuse;
use super::{Cached, SignedIn, TempAccess};
use crate::background::run_blocking;
use crate::clock::{Clock, Deadline};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::RoleOffer;
use crate::saml::Assertion;
use crate::source::Notice;
use crate::sts::IssuedSession;

/// How many roles are exchanged at once.
pub const MAX_CONCURRENT_EXCHANGES: usize = 16;

/// How many sessions are exchanged, recorded or stored at the same time.
const MAX_UNFINISHED: usize = 4 * MAX_CONCURRENT_EXCHANGES;

/// How long STS accepts an assertion after its issuance.
const MAX_LIFETIME: Duration = Duration::from_secs(5 * 60);
/// The time that is left for an exchange that begins now.
const MARGIN: Duration = Duration::from_secs(10);

/// The result for one role.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchanged {
    /// The requested role and provider.
    pub offer: RoleOffer,
    /// The issued session, or the error.
    pub result: Result<IssuedSession>,
}

/// The progress of [`all_credentials`](TempAccess::all_credentials).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Roles that are finished, including failures.
    pub done: usize,
    /// Roles that failed.
    pub failed: usize,
    /// All requested roles.
    pub total: usize,
}

/// An assertion, and until when STS accepts it. The time is counted on the monotonic clock from its arrival: neither the
/// identity provider's clock nor a change of this machine's matters.
struct DatedAssertion {
    signed_in: Arc<SignedIn>,
    deadline: Deadline,
}

impl DatedAssertion {
    fn new(signed_in: SignedIn, clock: &dyn Clock) -> Self {
        let declared = lifetime(&signed_in.assertion).and_then(|lifetime| lifetime.try_into().ok());
        let lifetime = declared.unwrap_or(MAX_LIFETIME).min(MAX_LIFETIME);
        Self { signed_in: Arc::new(signed_in), deadline: Deadline::after(clock, lifetime) }
    }

    fn is_usable(&self, clock: &dyn Clock) -> bool {
        self.deadline.remaining(clock) > MARGIN
    }
}

/// Returns the lifetime that an assertion declares.
fn lifetime(assertion: &Assertion) -> Option<SignedDuration> {
    let confirmed = assertion.confirmations.iter().filter_map(|confirmation| confirmation.not_on_or_after).min();
    let end = [confirmed, assertion.not_on_or_after].into_iter().flatten().min()?;
    Some(end.duration_since(assertion.issued_at?))
}

/// The roles that are exchanged, and their results so far.
struct Batch {
    offers: Vec<RoleOffer>,
    results: Vec<Option<Result<IssuedSession>>>,
    /// The indices of offers that have no result yet.
    pending: VecDeque<usize>,
}

impl Batch {
    fn new(offers: Vec<RoleOffer>, cached: impl Fn(&RoleOffer) -> Option<IssuedSession>) -> Self {
        let results: Vec<_> = offers.iter().map(|offer| cached(offer).map(Ok)).collect();
        let pending = (0..).zip(&results).filter(|(_, result)| result.is_none()).map(|(index, _)| index).collect();
        Self { offers, results, pending }
    }

    fn finish(&mut self, index: usize, result: Result<IssuedSession>) {
        if let Some(slot) = self.results.get_mut(index) {
            *slot = Some(result);
        }
    }

    fn progress(&self) -> Progress {
        let finished = || self.results.iter().flatten();
        Progress {
            done: finished().count(),
            failed: finished().filter(|result| result.is_err()).count(),
            total: self.offers.len(),
        }
    }

    fn into_results(self) -> Vec<Exchanged> {
        let results = self.results.into_iter().map(|result| result.unwrap_or_else(|| Err(expired())));
        self.offers.into_iter().zip(results).map(|(offer, result)| Exchanged { offer, result }).collect()
    }
}

impl TempAccess {
    /// Returns credentials for every role that matches the request, by one sign-in: cached ones, and new ones for the rest,
    /// 16 at a time. Each is cached and recorded in the audit log.
    ///
    /// If one role fails, the others are still returned. An assertion is accepted for five minutes; if it expires before all
    /// roles are exchanged, the person's session yields another one. `report` gets the progress.
    ///
    /// # Errors
    ///
    /// Errors of the stages up to `role`, before which the roles are not known.
    pub async fn all_credentials(&self, mut report: impl FnMut(Progress)) -> Result<Vec<Exchanged>> {
        if !self.chain.is_empty() {
            let message = "a role chain cannot be combined with several roles";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Role, message)
                .with_hint("request one role, or leave the chain out"));
        }
        let mut assertion = self.sign_in_for_many().await?;
        let offered = assertion.signed_in.assertion.offers()?;
        let offers: Vec<_> = self.query.matches(offered, &self.account_names).into_iter().cloned().collect();
        if offers.is_empty() {
            // The error lists the roles that are offered.
            self.query.choose(offered, &self.account_names)?;
        }
        let access = self.clone();
        let mut batch = run_blocking(move || Batch::new(offers, |offer| access.cached_exactly(offer))).await;
        report(batch.progress());
        while !batch.pending.is_empty() {
            let before = batch.pending.len();
            self.exchange_until_expiry(&assertion, &mut batch, &mut report).await;
            if batch.pending.len() == before {
                // Another assertion that expires as soon would not help.
                for index in std::mem::take(&mut batch.pending) {
                    batch.finish(index, Err(expired()));
                }
                report(batch.progress());
            }
            if !batch.pending.is_empty() {
                self.prompter.notify(&Notice::SigningInAgain { roles: batch.pending.len() });
                assertion = self.sign_in_for_many().await?;
            }
        }
        self.sweep().await;
        Ok(batch.into_results())
    }

    async fn sign_in_for_many(&self) -> Result<DatedAssertion> {
        let signed_in = self.audited(self.sign_in_recorded(SessionReuse::Allow, self.default_queueing())).await?;
        Ok(DatedAssertion::new(signed_in, &*self.clock))
    }

    fn cached_exactly(&self, offer: &RoleOffer) -> Option<IssuedSession> {
        match self.lookup(&self.cache_key_for_offer(offer)?) {
            Cached::Fresh(issued) => Some(issued),
            _ => None,
        }
    }

    /// Exchanges pending roles until all are finished or the assertion expires.
    async fn exchange_until_expiry(
        &self,
        assertion: &DatedAssertion,
        batch: &mut Batch,
        report: &mut impl FnMut(Progress),
    ) {
        let exchanges = Arc::new(Semaphore::new(MAX_CONCURRENT_EXCHANGES));
        let mut running = JoinSet::new();
        let mut indices = HashMap::new();
        let mut late = VecDeque::new();
        loop {
            let has_next =
                !batch.pending.is_empty() && running.len() < MAX_UNFINISHED && assertion.is_usable(&*self.clock);
            let finished = tokio::select! {
                Ok(exchange) = Arc::clone(&exchanges).acquire_owned(), if has_next => {
                    let Some(index) = batch.pending.pop_front() else { continue };
                    let Some(offer) = batch.offers.get(index).cloned() else { continue };
                    let (access, signed_in) = (self.clone(), Arc::clone(&assertion.signed_in));
                    let task = running.spawn(async move { access.exchange_one(&signed_in, &offer, exchange).await });
                    indices.insert(task.id(), index);
                    continue;
                }
                Some(finished) = running.join_next_with_id() => finished,
                else => break,
            };
            let (id, result) = match finished {
                Ok((id, result)) => (id, result),
                Err(error) => (error.id(), Err(stopped(&error))),
            };
            let Some(index) = indices.remove(&id) else { continue };
            match result {
                // It needs another assertion, unless this one has not expired by our clock.
                Err(error) if error.kind() == ErrorKind::AssertionExpired && !assertion.is_usable(&*self.clock) => {
                    late.push_back(index);
                }
                result => {
                    batch.finish(index, result);
                    report(batch.progress());
                }
            }
        }
        batch.pending.append(&mut late);
    }

    async fn exchange_one(
        &self,
        signed_in: &SignedIn,
        offer: &RoleOffer,
        exchange: OwnedSemaphorePermit,
    ) -> Result<IssuedSession> {
        // The next exchange does not wait until this session is recorded and stored.
        let issued = self.audited(self.exchange_role(signed_in, offer, || drop(exchange))).await?;
        self.store_in_cache(None, &issued).await;
        Ok(issued)
    }
}

fn expired() -> Error {
    Error::new(
        ErrorKind::AssertionExpired,
        Stage::Exchange,
        "the assertion expired before credentials of this role were issued",
    )
    .with_hint("try again; sessions that were issued are cached")
}

fn stopped(error: &tokio::task::JoinError) -> Error {
    let reason = if error.is_panic() { "panicked; this is a bug in tempaccess" } else { "was cancelled" };
    Error::new(ErrorKind::Cancelled, Stage::Exchange, format!("the exchange of this role {reason}"))
}
