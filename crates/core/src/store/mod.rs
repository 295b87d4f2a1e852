//! The cache: credentials and sessions at identity providers, kept until they expire, shared by all programs of one person.
//!
//! An [`Entry`] has public facts and a secret. Its [`StoreKey`] is a digest over everything that distinguishes two answers:
//! source, person, role, scope, region. So one caller never gets what another asked for.
//!
//! A failing store never makes a request fail: an entry that cannot be used is reported ([`Lookup::Unusable`])
//! and counts as missing, and credentials that cannot be stored are reported and returned all the same.

mod entry;
mod file;
mod memory;
#[cfg(feature = "runtime")]
mod single_flight;
mod vault;

use std::fmt;
use std::fs::File;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use entry::{Entry, EntryInfo, EntryKind};
pub use file::FileStore;
pub use memory::MemoryStore;
#[cfg(feature = "runtime")]
pub(crate) use single_flight::{Joined, Leader, Need, SingleFlight};
#[cfg(all(feature = "keyring", target_os = "linux"))]
pub use vault::CachedKeyVault;
#[cfg(feature = "keyring")]
pub use vault::SealedVault;
pub use vault::{PlainVault, Vault};

use crate::error::Result;
use crate::saml::hex;

/// Stores entries. [`FileStore`] is shared by programs; [`MemoryStore`] belongs to one.
///
/// Methods may block on files, locks or a keyring.
pub trait Store: fmt::Debug + Send + Sync {
    /// Describes where and how entries are stored, for `status`: `/home/ada/.local/state/tempaccess/store, encrypted`.
    fn describe(&self) -> String;

    /// Returns the entry of this key.
    fn get(&self, key: &StoreKey) -> Lookup;

    /// Stores an entry, in place of the one that its key had.
    ///
    /// # Errors
    ///
    /// `io`; the earlier entry is unchanged then.
    fn put(&self, entry: &Entry) -> Result<()>;

    /// Removes the entry of this key, if there is one.
    ///
    /// # Errors
    ///
    /// `io`.
    fn remove(&self, key: &StoreKey) -> Result<()>;

    /// Lists the entries that can be read, without their secrets.
    ///
    /// # Errors
    ///
    /// `io`.
    fn list(&self) -> Result<Vec<(StoreKey, EntryInfo)>>;

    /// Removes entries that have expired, and what crashed programs left behind.
    fn sweep(&self, _now: Timestamp) {}

    /// Removes all entries, including those that cannot be read, and returns their number.
    ///
    /// # Errors
    ///
    /// `io`; the other entries are removed all the same.
    fn clear(&self) -> Result<usize>;

    /// Returns a one-line notice about how the last entry was stored.
    fn notice(&self) -> Option<String> {
        None
    }

    /// Opens the lock file of this key. Its holder is the process that signs in for it. `None` if processes need not wait for one
    /// another.
    ///
    /// # Errors
    ///
    /// `io`.
    fn lock_file(&self, key: &StoreKey) -> Result<Option<File>>;
}

/// The answer of a store.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and mostly the large one")]
#[non_exhaustive]
pub enum Lookup {
    /// The entry.
    Found(Entry),
    /// There is no entry.
    Missing,
    /// There is an entry that cannot be used: the reason, in one line.
    Unusable(String),
}

impl Lookup {
    /// Returns the entry, if there is one. `report` gets the reason why one cannot be used.
    pub(crate) fn into_entry(self, report: impl FnOnce(&str)) -> Option<Entry> {
        match self {
            Self::Found(entry) => Some(entry),
            Self::Missing => None,
            Self::Unusable(reason) => {
                report(&reason);
                None
            }
        }
    }
}

/// A digest over everything that distinguishes two answers, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreKey(String);

impl StoreKey {
    /// Computes the key of these parts. Their order and number matter, and each is delimited.
    ///
    /// ```
    /// use tempaccess_core::store::StoreKey;
    ///
    /// assert_ne!(StoreKey::new(&["a", "bc"]), StoreKey::new(&["ab", "c"]));
    /// ```
    pub fn new(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        // 128 bits are enough to tell keys apart.
        Self(hex(digest.finalize().get(..16).unwrap_or_default()))
    }

    pub(crate) fn from_strings(parts: &[String]) -> Self {
        Self::new(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Parses a key in its written form.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| Self(text.to_owned()))
    }
}
