//! What a source stores. The store is waited for on a thread of its own: its files may be remote, and its keyring may ask.

use std::sync::Arc;

use super::OktaSource;
use crate::background::run_blocking;
use crate::error::Result;
use crate::store::{Entry, Lookup, Store, StoreKey};

impl OktaSource {
    pub(super) fn store(&self) -> Option<Arc<dyn Store>> {
        self.settings.store.clone()
    }

    /// Returns the stored entry. Without a store there is none.
    pub(super) async fn stored(&self, key: StoreKey) -> Lookup {
        match self.store() {
            Some(store) => run_blocking(move || store.get(&key)).await,
            None => Lookup::Missing,
        }
    }

    /// Stores an entry, if there is a store.
    pub(super) async fn put_in_store(&self, entry: Entry) -> Result<()> {
        match self.store() {
            Some(store) => run_blocking(move || store.put(&entry)).await,
            None => Ok(()),
        }
    }

    /// Removes the entry of this key, if there is one.
    pub(super) async fn remove_from_store(&self, key: StoreKey) -> Result<()> {
        match self.store() {
            Some(store) => run_blocking(move || store.remove(&key)).await,
            None => Ok(()),
        }
    }
}
