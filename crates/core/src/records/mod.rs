//! The records of grants: one small file per event, never rewritten, in a folder or in S3.
//!
//! All administrators of a company share one place. `ID/0003.json` is the third event of a grant. Its name has the number
//! only, so that two administrators who write the third event at the same time want the same name, and one of them is told
//! (`grant_changed`). Every event has the digest of the one before it and is signed by the administrator who wrote it.
//!
//! The chain shows events that were changed, and missing ones in the middle. It does not show that the last events were
//! deleted: versioning and Object Lock of the bucket do. Whatever else lies there is passed over and reported.
//!
//! ```
//! use tempaccess_core::ErrorKind;
//! use tempaccess_core::records::{FolderRecords, Records};
//!
//! # tokio::runtime::Builder::new_current_thread().enable_all().build()?.block_on(async {
//! # let folder = tempfile::tempdir().expect("a folder");
//! let records = FolderRecords::new(folder.path());
//! let id = "k7q3m5xw2p4a".parse()?;
//! records.create(&id, 1, b"an event".to_vec()).await?;
//! // Somebody else was first.
//! let error = records.create(&id, 1, b"another event".to_vec()).await.unwrap_err();
//! assert_eq!(error.kind(), ErrorKind::GrantChanged);
//! assert_eq!(records.ids().await?, [id]);
//! # Ok::<(), tempaccess_core::Error>(())
//! # }).expect("the records");
//! # Ok::<(), std::io::Error>(())
//! ```

mod event;
mod facts;
mod folder;
mod history;
mod judgement;
mod objects;
mod request;
mod summary;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

pub use event::{EventKind, GrantEvent, GrantKind};
pub(crate) use facts::{check_name, check_reason};
pub use folder::FolderRecords;
pub use history::{GrantHistory, GrantState};
pub use objects::ObjectRecords;
pub use request::{GrantRequest, NarrowedApproval, RequestText, VerifiedRequest};
pub(crate) use request::{approver, refused};
pub use summary::{GrantDetails, GrantSummary};

pub use crate::bucket::BucketAccess;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;

/// The limit on the number of events of one grant.
pub const MAX_EVENTS: u32 = 9_999;

/// The size limit of a record. More is not read.
const MAX_BYTES: u64 = 64 << 10;

/// The name of the file of an event: `0003.json`.
fn name_of(number: u32) -> String {
    format!("{number:04}.json")
}

/// Returns the number of an event, if that is its name and no other spelling of it.
fn number_of(name: &str) -> Option<u32> {
    let number = name.strip_suffix(".json")?.parse().ok()?;
    ((1..=MAX_EVENTS).contains(&number) && name_of(number) == name).then_some(number)
}

/// Returns a file, or nothing for a long one that is not an event: thousands of such files must not fill the memory.
fn event_or_empty(file: Vec<u8>) -> Vec<u8> {
    const SHORT: usize = 4 << 10;
    if file.len() > SHORT && GrantEvent::parse(&file).is_err() { Vec::new() } else { file }
}

fn changed(id: &GrantId) -> Error {
    let message = format!("somebody else changed the grant {id} at the same time");
    Error::new(ErrorKind::GrantChanged, Stage::Grant, message)
        .with_hint(format!("see `tempaccess grant show {id}`, and try again"))
}

fn full(records: &dyn Records, id: &GrantId) -> Error {
    let message = format!("the records in {} have {MAX_EVENTS} events of the grant {id} already", records.describe());
    Error::new(ErrorKind::AuditFailed, Stage::Grant, message)
        .with_hint("give a new grant when this one has ended; remove files that are not events")
}

/// Stores the events of grants: [`FolderRecords`] in a folder, [`ObjectRecords`] in a bucket; bring your own for another register.
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
