//! The session grants that people have now: a person has one on a role at a time.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;

use super::Grants;
use super::recorded::CONCURRENT;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
use crate::records::{EventKind, GrantEvent, GrantHistory, GrantKind};

/// How often, and how many times, the records are read again while other administrators withdraw theirs.
const SETTLING_INTERVAL: std::time::Duration = std::time::Duration::from_millis(200);
const SETTLING_ATTEMPTS: u32 = 25;

/// The person and the role of each grant that was read, or `None` if it gives no session. Neither changes, so each grant of others
/// is read once.
#[derive(Debug, Default)]
pub(super) struct KnownGrants(Mutex<BTreeMap<GrantId, Option<Holder>>>);

#[derive(Debug)]
struct Holder {
    to: String,
    role_arn: String,
}

impl Holder {
    fn matches(&self, to: &str, role_arn: &str) -> bool {
        self.to == to && self.role_arn == role_arn
    }
}

impl KnownGrants {
    /// Adds a grant, and returns whether it gives this person a session of this role.
    fn add(&self, history: &GrantHistory, to: &str, role_arn: &str) -> bool {
        let is_session = history.kind() == GrantKind::Session;
        let holder =
            is_session.then(|| Holder { to: history.to().to_owned(), role_arn: history.last().role_arn.clone() });
        let is_of = holder.as_ref().is_some_and(|holder| holder.matches(to, role_arn));
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(history.id().clone(), holder);
        is_of
    }

    /// Whether a grant is known to be another person's, or on another role.
    fn belongs_to_others(&self, id: &GrantId, to: &str, role_arn: &str) -> bool {
        let known = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        known.get(id).is_some_and(|holder| !holder.as_ref().is_some_and(|holder| holder.matches(to, role_arn)))
    }
}

impl Grants {
    /// Fails if the person has a session grant on the role already, with an event recorded after `since`.
    pub(super) async fn require_no_live_session(&self, to: &str, role_arn: &str, since: Timestamp) -> Result<()> {
        match self.live_sessions(to, role_arn, since, None).await?.first() {
            Some(history) => Err(already_live(to, history)),
            None => Ok(()),
        }
    }

    /// Returns the session grants that a person has on a role, with an event recorded after `since`, except one.
    async fn live_sessions(
        &self,
        to: &str,
        role_arn: &str,
        since: Timestamp,
        except: Option<&GrantId>,
    ) -> Result<Vec<GrantHistory>> {
        let now = self.now().await?;
        let mut ids = self.records.changed_since(since).await?;
        ids.retain(|id| Some(id) != except && !self.known.belongs_to_others(id, to, role_arn));
        let reads = stream::iter(ids).map(|id| async move {
            // `audit verify` reports records that cannot be read; a grant to somebody else does not wait for that.
            GrantHistory::read(&*self.records, &id, &self.signers).await.ok()
        });
        let mut live: Vec<_> = reads.buffered(CONCURRENT).filter_map(std::future::ready).collect().await;
        live.retain(|history| !history.has_no_trusted_event() && self.known.add(history, to, role_arn));
        // Planned ones count: the clock of the machine that recorded it may be ahead.
        live.retain(|history| history.is_running(now));
        Ok(live)
    }

    /// Decides between administrators who have recorded a session grant of one person on one role at the same time: the grant
    /// with the smallest id waits until the others are withdrawn.
    ///
    /// # Errors
    ///
    /// `grant_refused` if this one gives way, which is recorded.
    pub(super) async fn settle(&self, event: &GrantEvent, since: Timestamp) -> Result<()> {
        let mut attempt = 0;
        loop {
            let others = self.live_sessions(&event.to, &event.role_arn, since, Some(&event.id)).await?;
            let Some(other) = others.first() else { return Ok(()) };
            attempt += 1;
            if *other.id() < event.id || attempt > SETTLING_ATTEMPTS {
                let error = already_live(&event.to, other);
                let mut correction = self.history(&event.id).await?.next_event(EventKind::Revoked, self.now().await?);
                correction.reason = format!("not handed out: {} was given at the same time", other.id());
                self.record(correction).await?;
                return Err(error);
            }
            tokio::time::sleep(SETTLING_INTERVAL).await;
        }
    }
}

/// The error for a second grant of the same kind.
pub(super) fn already_live(to: &str, history: &GrantHistory) -> Error {
    let id = history.id();
    let message = format!("`{to}` already has grant {id} on this role, until {}", history.until());
    Error::new(ErrorKind::GrantRefused, Stage::Grant, message)
        .with_hint(format!("extend it with `tempaccess grant extend {id}`, or revoke it first"))
}
