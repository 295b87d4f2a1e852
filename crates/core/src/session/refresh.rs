//! Credentials for a program that requests them again and again, such as an AWS SDK.

use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Cached, TempAccess};
use crate::error::{ErrorKind, Result};
use crate::source::Notice;
use crate::store::{Joined, Need, SingleFlight};
use crate::sts::IssuedSession;
use crate::trace::step;

/// Access whose last session stays in memory, so that a program that requests credentials for every call signs in once,
/// even if nothing is cached between runs.
///
/// The cache, if there is one, takes precedence over the memory. Credentials are refreshed as those in the cache (see
/// [`REFRESH_WINDOW`](super::REFRESH_WINDOW)).
#[derive(Debug)]
pub struct RefreshableSession {
    access: TempAccess,
    /// The last session, and when it was issued.
    last: Mutex<Option<(Timestamp, IssuedSession)>>,
    single_flight: SingleFlight,
}

impl RefreshableSession {
    /// Returns access with an empty memory.
    pub fn new(access: TempAccess) -> Self {
        Self { access, last: Mutex::default(), single_flight: SingleFlight::default() }
    }

    /// Returns credentials: those in the cache or in memory while they are fresh; otherwise as
    /// [`TempAccess::credentials`]. If a refresh fails, the ones in memory are returned until they expire.
    ///
    /// # Errors
    ///
    /// As [`TempAccess::credentials`].
    pub async fn credentials(&self) -> Result<IssuedSession> {
        let expiring = match self.lookup().await {
            Cached::Fresh(issued) => return Ok(issued),
            Cached::Expiring(issued) => Some(issued),
            Cached::Missing => None,
        };
        let need = match &expiring {
            Some(_) => Need::Later,
            // What a person has refused is for the access to know.
            None => Need::Now,
        };
        match (self.refresh(need).await, expiring) {
            (Ok(Some(issued)), _) | (Ok(None), Some(issued)) => Ok(issued),
            // Only a caller that has credentials does not wait.
            (Ok(None), None) => self.access.credentials().await,
            (Err(error), Some(issued)) if error.kind() != ErrorKind::Cancelled && self.access.is_valid(&issued) => {
                let expiration = issued.answer.credentials.expiration;
                self.access.prompter.notify(&Notice::RefreshFailed { expiration, reason: error.to_string() });
                Ok(issued)
            }
            (Err(error), _) => Err(error),
        }
    }

    /// Returns new credentials, or none if another caller gets them and this one need not wait.
    async fn refresh(&self, need: Need) -> Result<Option<IssuedSession>> {
        let clock = &*self.access.clock;
        let turn = self.single_flight.join(need, clock, || Ok(None), |_| {}).await?;
        if let Cached::Fresh(issued) = self.lookup().await {
            return Ok(Some(issued));
        }
        let leader = match turn {
            Joined::Lead(leader) => leader,
            Joined::Failed(error) => return Err(error),
            Joined::Busy => return Ok(None),
        };
        let asked_at = clock.now();
        let result = step!("refresh", self.access.credentials()).await;
        match &result {
            Ok(issued) => *self.last() = Some((asked_at, issued.clone())),
            Err(error) => leader.failed(error, clock),
        }
        result.map(Some)
    }

    async fn lookup(&self) -> Cached {
        if let Some(key) = self.access.cache_key()
            && let Cached::Fresh(issued) = self.access.lookup_in_background(&key).await
        {
            return Cached::Fresh(issued);
        }
        let last = self.last().clone();
        last.map_or(Cached::Missing, |(asked_at, issued)| Cached::judge(issued, asked_at, self.access.clock.now()))
    }

    fn last(&self) -> MutexGuard<'_, Option<(Timestamp, IssuedSession)>> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
