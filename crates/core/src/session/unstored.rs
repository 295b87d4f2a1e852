//! Simultaneous callers where nothing is stored: one signs in, and those who waited for it get its session.

use std::sync::{Mutex, MutexGuard, PoisonError};

use super::TempAccess;
use super::sign_in::{Queueing, SessionReuse, busy};
use crate::error::Result;
use crate::store::Joined;
use crate::sts::IssuedSession;

/// The last session, for as long as somebody waits for it.
#[derive(Debug, Default)]
pub(super) struct Unstored(Mutex<Shared>);

#[derive(Debug, Default)]
struct Shared {
    /// How many callers there are.
    callers: usize,
    /// How many sessions were issued.
    issued: u64,
    last: Option<IssuedSession>,
}

/// A caller, who gets sessions that are issued from now on.
struct Waiting<'u> {
    unstored: &'u Unstored,
    since: u64,
}

impl Unstored {
    fn lock(&self) -> MutexGuard<'_, Shared> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn wait(&self) -> Waiting<'_> {
        let mut shared = self.lock();
        shared.callers += 1;
        Waiting { unstored: self, since: shared.issued }
    }
}

impl Waiting<'_> {
    /// The session that another caller got meanwhile.
    fn issued_meanwhile(&self) -> Option<IssuedSession> {
        let shared = self.unstored.lock();
        shared.last.clone().filter(|_| shared.issued > self.since)
    }

    fn publish(&self, issued: &IssuedSession) {
        let mut shared = self.unstored.lock();
        shared.issued += 1;
        shared.last = Some(issued.clone());
    }
}

impl Drop for Waiting<'_> {
    fn drop(&mut self) {
        let mut shared = self.unstored.lock();
        shared.callers -= 1;
        if shared.callers == 0 {
            shared.last = None;
        }
    }
}

impl TempAccess {
    /// Issues a session that nothing can store.
    pub(super) async fn issue_unstored(&self, queueing: Queueing) -> Result<IssuedSession> {
        let waiting = self.unstored.wait();
        let turn = self.single_flight.join(queueing.need(), &*self.clock, || Ok(None), |_| {}).await?;
        if let Some(issued) = waiting.issued_meanwhile() {
            return Ok(issued);
        }
        let leader = match turn {
            Joined::Lead(leader) => leader,
            Joined::Failed(error) => return Err(error),
            Joined::Busy => return Err(busy()),
        };
        let result = self.issue_and_cache(None, SessionReuse::Allow, queueing).await;
        match &result {
            Ok(issued) => waiting.publish(issued),
            Err(error) => leader.failed(error, &*self.clock),
        }
        result
    }
}
