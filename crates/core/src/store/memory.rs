use std::collections::BTreeMap;
use std::fs::File;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;

use super::{Entry, EntryInfo, Lookup, Store, StoreKey};
use crate::error::Result;

/// Stores entries in the memory of this program.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<BTreeMap<StoreKey, Entry>>);

impl MemoryStore {
    /// Returns an empty store.
    pub fn new() -> Self {
        Self::default()
    }

    fn entries(&self) -> MutexGuard<'_, BTreeMap<StoreKey, Entry>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Store for MemoryStore {
    fn describe(&self) -> String {
        "memory".to_owned()
    }

    fn get(&self, key: &StoreKey) -> Lookup {
        self.entries().get(key).cloned().map_or(Lookup::Missing, Lookup::Found)
    }

    fn put(&self, entry: &Entry) -> Result<()> {
        self.entries().insert(entry.key.clone(), entry.clone());
        Ok(())
    }

    fn remove(&self, key: &StoreKey) -> Result<()> {
        self.entries().remove(key);
        Ok(())
    }

    fn list(&self) -> Result<Vec<(StoreKey, EntryInfo)>> {
        Ok(self.entries().iter().map(|(key, entry)| (key.clone(), entry.info.clone())).collect())
    }

    fn sweep(&self, now: Timestamp) {
        self.entries().retain(|_, entry| entry.info.expiration.is_none_or(|end| end > now));
    }

    fn clear(&self) -> Result<usize> {
        let count = self.entries().len();
        self.entries().clear();
        Ok(count)
    }

    fn lock_file(&self, _: &StoreKey) -> Result<Option<File>> {
        Ok(None)
    }
}
