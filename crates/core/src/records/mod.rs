//! The records of grants: one small file per event, never rewritten, in a folder or in S3.
//!
//! All administrators of a company share one place. `ID/0003.json` is the third event of a grant. Its name has the number
//! only, so that two administrators who write the third event at the same time want the same name, and one of them is told
//! (`grant_changed`). Every event has the digest of the one before it and is signed by the administrator who wrote it.
//!
//! The chain shows events that were changed, and missing ones in the middle. It does not show that the last events were
//! deleted: versioning and Object Lock of the bucket do.

mod event;
mod history;
mod objects;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

pub use event::{EventKind, GrantEvent, GrantKind};
pub use history::{GrantDetails, GrantHistory, GrantState, GrantSummary};
pub use objects::ObjectRecords;

pub use crate::bucket::BucketAccess;

use crate::error::Result;
use crate::grants::GrantId;

/// The limit on the number of events of one grant.
pub const MAX_EVENTS: u32 = 9_999;

/// Stores the events of grants. [`ObjectRecords`] is a folder or a bucket; bring your own for another register.
#[async_trait]
pub trait Records: fmt::Debug + Send + Sync {
    /// Describes the place: `s3://acme-access/grants`.
    fn describe(&self) -> String;

    /// Stores event number `seq` of a grant.
    ///
    /// # Errors
    ///
    /// `grant_changed` if the grant already has an event of this number, `audit_failed` if it cannot be stored.
    async fn create(&self, id: &GrantId, seq: u32, event: Vec<u8>) -> Result<()>;

    /// Returns the events of a grant with their numbers, in order. Empty if there is no such grant.
    ///
    /// # Errors
    ///
    /// `audit_failed` if they cannot be read.
    async fn events(&self, id: &GrantId) -> Result<Vec<(u32, Vec<u8>)>>;

    /// Returns the ids of all grants, in order.
    ///
    /// # Errors
    ///
    /// `audit_failed` if they cannot be read.
    async fn ids(&self) -> Result<Vec<GrantId>>;

    /// Returns the ids of the grants that have an event stored since this time, and possibly others (default: all).
    ///
    /// # Errors
    ///
    /// `audit_failed` if they cannot be read.
    async fn changed_since(&self, _since: Timestamp) -> Result<Vec<GrantId>> {
        self.ids().await
    }
}
