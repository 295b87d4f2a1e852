//! The buckets and their objects, which change while the sandbox runs.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use sha2::{Digest, Sha256};

use crate::aws::sigv4::hex;
use crate::clock::SandboxClock;
use crate::world::World;

/// The buckets of S3. Tests read and change their objects without a call.
#[derive(Debug)]
pub struct Buckets {
    clock: SandboxClock,
    /// By name.
    buckets: Mutex<BTreeMap<String, Bucket>>,
}

#[derive(Debug)]
pub(super) struct Bucket {
    pub(super) account: String,
    pub(super) object_lock: bool,
    pub(super) objects: BTreeMap<String, Object>,
}

/// An object of S3.
#[derive(Debug, Clone)]
pub(super) struct Object {
    pub(super) content: Vec<u8>,
    pub(super) content_type: String,
    pub(super) modified: Timestamp,
}

impl Object {
    /// Returns the entity tag, in quotes. As S3's tags of encrypted objects, it is not the MD5 of the content.
    pub(super) fn etag(&self) -> String {
        let digest = hex(&Sha256::digest(&self.content));
        format!("\"{}\"", digest.get(..32).unwrap_or_default())
    }
}

impl Buckets {
    pub(crate) fn new(world: &World, clock: SandboxClock) -> Self {
        let modified = clock.now();
        let buckets = world.buckets.iter().map(|bucket| {
            let objects = bucket.objects.iter().map(|(key, text)| {
                let content = text.clone().into_bytes();
                (key.clone(), Object { content, content_type: "text/plain".to_owned(), modified })
            });
            let (account, object_lock) = (bucket.account.clone(), bucket.object_lock);
            (bucket.name.clone(), Bucket { account, object_lock, objects: objects.collect() })
        });
        Self { buckets: Mutex::new(buckets.collect()), clock }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, BTreeMap<String, Bucket>> {
        self.buckets.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Returns the keys of the objects in a bucket, in order.
    pub fn keys(&self, bucket: &str) -> Vec<String> {
        self.lock().get(bucket).into_iter().flat_map(|bucket| bucket.objects.keys().cloned()).collect()
    }

    /// Returns the content of an object.
    pub fn object(&self, bucket: &str, key: &str) -> Option<Vec<u8>> {
        Some(self.lock().get(bucket)?.objects.get(key)?.content.clone())
    }

    /// Adds or replaces an object, if the bucket exists.
    pub fn put_object(&self, bucket: &str, key: &str, content: impl Into<Vec<u8>>) {
        let object = Object {
            content: content.into(),
            content_type: "binary/octet-stream".to_owned(),
            modified: self.clock.now(),
        };
        if let Some(bucket) = self.lock().get_mut(bucket) {
            bucket.objects.insert(key.to_owned(), object);
        }
    }

    /// Deletes an object.
    pub fn delete_object(&self, bucket: &str, key: &str) {
        if let Some(bucket) = self.lock().get_mut(bucket) {
            bucket.objects.remove(key);
        }
    }
}
