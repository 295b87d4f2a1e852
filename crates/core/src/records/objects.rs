//! Records in a folder or in S3.

use std::path::Path;
use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::local::LocalFileSystem;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::{MAX_EVENTS, Records};
use crate::bucket::{self, BucketAccess};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grants::GrantId;

/// How many records are read at once.
const CONCURRENT: usize = 16;
/// The size limit of a record. More is not read.
const MAX_BYTES: u64 = 64 << 10;

/// Records in a folder, which can be a git work tree or a network share, or below a prefix of an S3 bucket.
#[derive(Debug)]
pub struct ObjectRecords {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    place: String,
}

impl ObjectRecords {
    /// Records in this folder, which is created with the first record.
    ///
    /// # Errors
    ///
    /// `audit_failed` if the path cannot be one of a folder.
    pub fn folder(path: &Path) -> Result<Self> {
        let failed = |reason: String| {
            let message = format!("the records `{}` cannot be opened: {reason}", path.display());
            Error::new(ErrorKind::AuditFailed, Stage::Grant, message)
        };
        let absolute = std::path::absolute(path).map_err(|error| failed(error.to_string()).with_source(error))?;
        let prefix = ObjectPath::from_absolute_path(&absolute).map_err(|error| failed(error.to_string()))?;
        Ok(Self { store: Arc::new(LocalFileSystem::new()), prefix, place: path.display().to_string() })
    }

    /// Records in S3 below `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if the address is not one of S3 or the endpoint is not an `https` URL.
    pub fn s3(url: &str, access: BucketAccess) -> Result<Self> {
        let (store, prefix) = access.open(url)?;
        Ok(Self { store, prefix, place: url.to_owned() })
    }

    /// Creates records in any store of the crate `object_store`, below a prefix.
    pub fn new(store: Arc<dyn ObjectStore>, prefix: &str) -> Self {
        let place = format!("{store}/{prefix}");
        Self { store, prefix: ObjectPath::from(prefix), place }
    }

    fn folder_of(&self, id: &GrantId) -> ObjectPath {
        self.prefix.clone().join(id.as_str())
    }

    fn path_of(&self, id: &GrantId, seq: u32) -> ObjectPath {
        self.folder_of(id).join(format!("{seq:04}.json"))
    }

    fn failed(&self, verb: &str, error: object_store::Error) -> Error {
        bucket::failed(error, |reason| self.failure(verb, reason))
    }

    fn failure(&self, verb: &str, reason: &str) -> Error {
        let message = format!("the records in {} cannot be {verb}: {reason}", self.place);
        let hint = if self.place.starts_with("s3://") {
            "the role that you signed in with needs `s3:ListBucket`, `s3:GetObject` and `s3:PutObject` there"
        } else {
            "check the folder and its permissions"
        };
        Error::new(ErrorKind::AuditFailed, Stage::Grant, message).with_hint(hint)
    }

    async fn read(&self, path: &ObjectPath) -> Result<Vec<u8>> {
        let failed = |error| self.failed("read", error);
        let object = self.store.get(path).await.map_err(failed)?;
        if object.meta.size > MAX_BYTES {
            // No event is so large. Its beginning is not one either, which is reported of this grant alone.
            return Ok(self.store.get_range(path, 0..MAX_BYTES).await.map_err(failed)?.to_vec());
        }
        Ok(object.bytes().await.map_err(failed)?.to_vec())
    }
}

/// Returns the number of an event from the name of its file.
fn number(path: &ObjectPath) -> Option<u32> {
    let digits = path.filename()?.strip_suffix(".json")?;
    (digits.len() == 4).then(|| digits.parse().ok()).flatten()
}

#[async_trait]
impl Records for ObjectRecords {
    fn describe(&self) -> String {
        self.place.clone()
    }

    async fn create(&self, id: &GrantId, seq: u32, event: Vec<u8>) -> Result<()> {
        if seq > MAX_EVENTS {
            return Err(self.failure("written", &format!("the grant has {MAX_EVENTS} events already")));
        }
        let path = self.path_of(id, seq);
        let options = PutOptions { mode: PutMode::Create, ..PutOptions::default() };
        match self.store.put_opts(&path, PutPayload::from(event.clone()), options).await {
            Ok(_) => Ok(()),
            Err(object_store::Error::AlreadyExists { .. } | object_store::Error::Precondition { .. }) => {
                // An answer that was lost on its way makes the retry find its own record.
                if self.read(&path).await.is_ok_and(|stored| stored == event) {
                    return Ok(());
                }
                let message = format!("somebody else changed the grant {id} at the same time");
                Err(Error::new(ErrorKind::GrantChanged, Stage::Grant, message)
                    .with_hint(format!("see `tempaccess grant show {id}`, and try again")))
            }
            Err(error) => Err(self.failed("written", error)),
        }
    }

    async fn events(&self, id: &GrantId) -> Result<Vec<(u32, Vec<u8>)>> {
        let folder = self.folder_of(id);
        let objects: Vec<_> =
            self.store.list(Some(&folder)).try_collect().await.map_err(|error| self.failed("read", error))?;
        let mut numbers: Vec<_> = objects.iter().filter_map(|object| number(&object.location)).collect();
        numbers.sort_unstable();
        let reads = stream::iter(numbers)
            .map(|seq| async move { self.read(&self.path_of(id, seq)).await.map(|file| (seq, file)) });
        reads.buffered(CONCURRENT).try_collect().await
    }

    async fn ids(&self) -> Result<Vec<GrantId>> {
        let listed = self.store.list_with_delimiter(Some(&self.prefix)).await;
        let listed = listed.map_err(|error| self.failed("read", error))?;
        let names = listed.common_prefixes.iter().filter_map(|path| path.filename());
        let mut ids: Vec<GrantId> = names.filter_map(|name| name.parse().ok()).collect();
        ids.sort();
        Ok(ids)
    }

    async fn changed_since(&self, since: Timestamp) -> Result<Vec<GrantId>> {
        let since = since.as_second();
        let listed: Vec<_> = self
            .store
            .list(Some(&self.prefix))
            .try_filter(|object| std::future::ready(object.last_modified.timestamp() >= since))
            .try_collect()
            .await
            .map_err(|error| self.failed("read", error))?;
        let folder = |object: &object_store::ObjectMeta| object.location.parts().rev().nth(1)?.as_ref().parse().ok();
        let mut ids: Vec<GrantId> = listed.iter().filter_map(folder).collect();
        ids.sort();
        ids.dedup();
        Ok(ids)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn the_second_who_writes_an_event_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let records = ObjectRecords::folder(folder.path()).unwrap();
        let id: GrantId = "k7q3m5xw2p4a".parse().unwrap();
        assert!(records.events(&id).await.unwrap().is_empty() && records.ids().await.unwrap().is_empty());
        records.create(&id, 1, b"{}".to_vec()).await.unwrap();
        // A retry of the same event is not a conflict.
        records.create(&id, 1, b"{}".to_vec()).await.unwrap();
        let error = records.create(&id, 1, b"other".to_vec()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GrantChanged);
        std::fs::write(folder.path().join("k7q3m5xw2p4a/notes.txt"), "").unwrap();
        std::fs::create_dir(folder.path().join("README")).unwrap();
        assert_eq!(records.events(&id).await.unwrap(), [(1, b"{}".to_vec())]);
        assert_eq!(records.ids().await.unwrap(), [id]);
    }
}
