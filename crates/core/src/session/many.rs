//! Many roles at once: one sign-in, and each role exchanged by itself.

use std::collections::VecDeque;
use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tokio::task::JoinSet;

use super::keep::Held;
use super::{SignedIn, TempAccess};
use crate::clock::{Clock, Deadline};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::exchange::Grant;
use crate::role::RoleOffer;
use crate::saml::Assertion;

/// How many roles are exchanged at the same time.
pub const CONCURRENT: usize = 16;

/// How long STS takes an assertion, from its issuance.
const LIFE: Duration = Duration::from_secs(5 * 60);
/// What an exchange that begins now may take of it.
const MARGIN: Duration = Duration::from_secs(10);

/// What became of one role.
#[derive(Debug)]
#[non_exhaustive]
pub struct Exchanged {
    /// The role and the provider through which it was asked for.
    pub offer: RoleOffer,
    /// What was given, or why nothing was.
    pub result: Result<Grant>,
}

/// How far it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Progress {
    /// Roles that are through, one way or the other.
    pub done: usize,
    /// Those of them that failed.
    pub failed: usize,
    /// All roles.
    pub of: usize,
}

/// An assertion, and until when STS accepts it. Counted on the monotonic clock from its arrival: neither the identity
/// provider's clock nor a change of this machine's matters.
struct Lasting {
    signed_in: Arc<SignedIn>,
    deadline: Deadline,
}

impl Lasting {
    fn new(signed_in: SignedIn, clock: &dyn Clock) -> Self {
        let life = life_of(&signed_in.assertion).and_then(|life| life.try_into().ok()).unwrap_or(LIFE).min(LIFE);
        Self { signed_in: Arc::new(signed_in), deadline: Deadline::after(clock, life) }
    }

    fn lasts(&self, clock: &dyn Clock) -> bool {
        self.deadline.remaining(clock) > MARGIN
    }
}

/// How long an assertion says that it is good for.
fn life_of(assertion: &Assertion) -> Option<SignedDuration> {
    let confirmed = assertion.confirmations.iter().filter_map(|confirmation| confirmation.not_on_or_after).min();
    let end = [confirmed, assertion.not_on_or_after].into_iter().flatten().min()?;
    Some(end.duration_since(assertion.issued_at?))
}

impl TempAccess {
    /// Credentials of every role that fits what was asked for, by one sign-in: those that are kept, and new ones for the
    /// rest, [`CONCURRENT`] at a time. Each is kept, and each is in the audit record.
    ///
    /// One role's failure is no other's. An assertion is good for five minutes; where it ends before all are through,
    /// the person's session gives another one. `told` hears how far it is.
    ///
    /// # Errors
    ///
    /// Whatever keeps the roles from being known: of the stages up to `role`.
    pub async fn all_credentials(&self, mut told: impl FnMut(Progress)) -> Result<Vec<Exchanged>> {
        if !self.chain.is_empty() {
            let message = "roles are chained to one role, not to many at once";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Role, message)
                .with_hint("ask for one role, or leave the chained ones out"));
        }
        let mut assertion = self.sign_in_for_many().await?;
        let all = assertion.signed_in.assertion.offers()?;
        let offers: Vec<_> = self.query.matches(all, &self.account_names).into_iter().cloned().collect();
        if offers.is_empty() {
            // It says what there is.
            self.query.choose(all, &self.account_names)?;
        }
        let of = offers.len();
        let mut through: Vec<Option<Result<Grant>>> = offers.iter().map(|_| None).collect();
        let mut waiting = VecDeque::new();
        for (at, (offer, place)) in offers.iter().zip(&mut through).enumerate() {
            match self.held_exactly(offer) {
                Some(grant) => *place = Some(Ok(grant)),
                None => waiting.push_back(at),
            }
        }
        let mut progress = Progress { done: of - waiting.len(), failed: 0, of };
        told(progress);
        while !waiting.is_empty() {
            let before = progress.done;
            self.exchange_while_it_lasts(&assertion, &offers, &mut waiting, &mut through, |failed| {
                progress.done += 1;
                progress.failed += usize::from(failed);
                told(progress);
            })
            .await;
            if waiting.is_empty() {
                break;
            }
            if progress.done == before {
                // Another assertion as old as this one would not help.
                for at in waiting.drain(..) {
                    put(&mut through, at, Err(too_late()));
                    progress.done += 1;
                    progress.failed += 1;
                    told(progress);
                }
                break;
            }
            self.prompter.tell(&format!("The assertion is ending; signing in again for {} more roles", waiting.len()));
            assertion = self.sign_in_for_many().await?;
        }
        self.sweep();
        let result = |through: Option<Result<Grant>>| through.unwrap_or_else(|| Err(too_late()));
        Ok(offers
            .into_iter()
            .zip(through)
            .map(|(offer, through)| Exchanged { offer, result: result(through) })
            .collect())
    }

    async fn sign_in_for_many(&self) -> Result<Lasting> {
        let unfinished = self.begin()?;
        let signed_in = self.recorded_sign_in(false).await;
        unfinished.finish();
        Ok(Lasting::new(signed_in?, &*self.clock))
    }

    fn held_exactly(&self, offer: &RoleOffer) -> Option<Grant> {
        match self.look(&self.place_of(offer)?) {
            Held::Fresh(grant) => Some(grant),
            _ => None,
        }
    }

    /// Exchanges what waits until all is through or the assertion ends; then the rest is still waiting.
    async fn exchange_while_it_lasts(
        &self,
        assertion: &Lasting,
        offers: &[RoleOffer],
        waiting: &mut VecDeque<usize>,
        through: &mut [Option<Result<Grant>>],
        mut told: impl FnMut(bool),
    ) {
        let mut running = JoinSet::new();
        let mut late = VecDeque::new();
        loop {
            while running.len() < CONCURRENT && assertion.lasts(&*self.clock) {
                let Some(at) = waiting.pop_front() else { break };
                let Some(offer) = offers.get(at).cloned() else { continue };
                let (access, signed_in) = (self.clone(), Arc::clone(&assertion.signed_in));
                running.spawn(async move { (at, access.exchange_one(&signed_in, &offer).await) });
            }
            let Some(done) = running.join_next().await else { break };
            match done {
                // Another assertion is what it needs, unless this one did not end.
                Ok((at, Err(error)))
                    if error.kind() == ErrorKind::AssertionExpired && !assertion.lasts(&*self.clock) =>
                {
                    late.push_back(at);
                }
                Ok((at, result)) => {
                    told(result.is_err());
                    put(through, at, result);
                }
                // A task that was stopped or has panicked: its role has no result, which is said at the end.
                Err(_) => told(true),
            }
        }
        waiting.append(&mut late);
    }

    async fn exchange_one(&self, signed_in: &SignedIn, offer: &RoleOffer) -> Result<Grant> {
        let unfinished = self.begin()?;
        let result = self.issue_role(signed_in, offer).await;
        unfinished.finish();
        if let Ok(grant) = &result {
            self.keep(None, grant);
        }
        result
    }
}

fn put(through: &mut [Option<Result<Grant>>], at: usize, result: Result<Grant>) {
    if let Some(place) = through.get_mut(at) {
        *place = Some(result);
    }
}

fn too_late() -> Error {
    Error::new(ErrorKind::AssertionExpired, Stage::Exchange, "the assertion ended before this role's turn came")
        .with_hint("try again; what was given until then is kept")
}
