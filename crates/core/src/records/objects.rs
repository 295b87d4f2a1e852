//! Records in a bucket of S3, or in another store of the crate `object_store`.

use std::sync::Arc;

use async_trait::async_trait;
use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use object_store::path::Path as ObjectPath;
use object_store::{ObjectStore, ObjectStoreExt, PutMode, PutOptions, PutPayload};

use super::{MAX_BYTES, MAX_EVENTS, Records, changed, event_or_empty, full, name_of, number_of};
use crate::bucket::{self, BucketAccess};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;

/// How many records are read at once.
const CONCURRENT: usize = 16;

/// Records below a prefix of an S3 bucket.
#[derive(Debug)]
pub struct ObjectRecords {
    store: Arc<dyn ObjectStore>,
    prefix: ObjectPath,
    place: String,
}

impl ObjectRecords {
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
        self.folder_of(id).join(name_of(seq))
    }

    fn failed(&self, verb: &str, error: object_store::Error) -> Error {
        bucket::failed(error, |reason| self.failure(verb, reason))
    }

    fn failure(&self, verb: &str, reason: &str) -> Error {
        let message = format!("the records in {} cannot be {verb}: {reason}", self.place);
        let hint = match self.place.starts_with("s3://") {
            false => "check the folder and its permissions",
            true if reason.contains("NoSuchBucket") => "create the bucket, or correct `records` of `[grants]`",
            // What the transport reports has no answer of S3.
            true if reason.contains("HTTP error") => {
                "check the network, and `s3_endpoint_url` or `AWS_ENDPOINT_URL_S3` if one is set"
            }
            true => "the role that you signed in with needs `s3:ListBucket`, `s3:GetObject` and `s3:PutObject` there",
        };
        Error::new(ErrorKind::AuditFailed, Stage::Grant, message).with_hint(hint)
    }

    async fn read(&self, path: &ObjectPath) -> object_store::Result<Vec<u8>> {
        let object = self.store.get(path).await?;
        if object.meta.size > MAX_BYTES {
            // No event is so large. Its beginning is not one either, which is reported of this grant alone.
            return Ok(self.store.get_range(path, 0..MAX_BYTES).await?.to_vec());
        }
        Ok(object.bytes().await?.to_vec())
    }
}

#[async_trait]
impl Records for ObjectRecords {
    fn describe(&self) -> String {
        self.place.clone()
    }

    async fn create(&self, id: &GrantId, seq: u32, event: Vec<u8>) -> Result<()> {
        if seq > MAX_EVENTS {
            return Err(full(self, id));
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
                Err(changed(id))
            }
            Err(error) => Err(self.failed("written", error)),
        }
    }

    async fn events(&self, id: &GrantId) -> Result<Vec<(u32, Vec<u8>)>> {
        let folder = self.folder_of(id);
        let listed = self.store.list_with_delimiter(Some(&folder)).await.map_err(|error| self.failed("read", error))?;
        let number = |object: &object_store::ObjectMeta| object.location.filename().and_then(number_of);
        let mut numbers: Vec<_> = listed.objects.iter().filter_map(number).collect();
        numbers.sort_unstable();
        let reads = stream::iter(numbers).map(|seq| async move {
            match self.read(&self.path_of(id, seq)).await {
                Ok(file) => Ok((seq, event_or_empty(file))),
                Err(error) if bucket::is_of_sign_in(&error) => Err(self.failed("read", error)),
                // An object that cannot be read, such as one encrypted with a foreign KMS key, counts as invalid, so that the others
                // stay readable. Nothing new is given for such a grant; it can be ended.
                Err(_) => Ok((seq, Vec::new())),
            }
        });
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
