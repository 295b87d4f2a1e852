//! What was given, kept until it ends: credentials and sessions at identity providers, for every program of one person.
//!
//! An [`Entry`] is what may be shown of it, and a secret. It stands under a [`StoreKey`], a digest over everything that
//! tells two answers apart: source, person, role, scope, region. So nothing crosses over.
//!
//! A store never makes anything fail that would have worked without it: what cannot be read is set aside and reported
//! ([`Lookup::SetAside`]), and what cannot be written is reported and given out all the same.

mod entry;
mod file;
#[cfg(feature = "runtime")]
mod flight;
mod memory;
mod vault;

use std::fmt;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

pub use entry::{About, Entry, EntryKind};
pub use file::FileStore;
#[cfg(feature = "config")]
pub(crate) use file::replace;
#[cfg(feature = "runtime")]
pub(crate) use flight::{Turn, Turns};
pub use memory::MemoryStore;
#[cfg(all(feature = "keyring", target_os = "linux"))]
pub use vault::{AtHandVault, KernelVault};
#[cfg(feature = "keyring")]
pub use vault::{KeyringVault, SealedVault};
pub use vault::{PlainVault, Vault};

use crate::error::Result;
use crate::saml::hex;

/// Keeps entries. [`FileStore`] is the one that programs share; [`MemoryStore`] keeps to itself.
pub trait Store: fmt::Debug + Send + Sync {
    /// Where it keeps things, and how, for `status`: `/home/ada/.local/state/tempaccess/store, sealed`.
    fn describe(&self) -> String;

    /// What stands under this key.
    fn get(&self, key: &StoreKey) -> Lookup;

    /// Keeps an entry, in place of the one that stood there.
    ///
    /// # Errors
    ///
    /// `io`; then what stood there before still does.
    fn put(&self, entry: &Entry) -> Result<()>;

    /// Forgets what stands under this key, if anything does.
    ///
    /// # Errors
    ///
    /// `io`.
    fn remove(&self, key: &StoreKey) -> Result<()>;

    /// What is kept, without its secrets, whatever can be read of it.
    ///
    /// # Errors
    ///
    /// `io`.
    fn list(&self) -> Result<Vec<(StoreKey, About)>>;

    /// Forgets what nobody could use any more: credentials that have ended, and what was left behind by whoever died.
    fn sweep(&self, _now: Timestamp) {}

    /// Forgets everything, also what cannot be read. Says how many entries there were.
    ///
    /// # Errors
    ///
    /// `io`; whatever could be removed is.
    fn clear(&self) -> Result<usize>;

    /// What the person should know of how the last entry was kept, in one line.
    fn notice(&self) -> Option<String> {
        None
    }

    /// The file whose lock says that somebody is getting what will stand under this key. Without one, callers do not
    /// wait for one another.
    fn flight_file(&self, key: &StoreKey) -> Option<PathBuf>;
}

/// What a store has under a key.
#[derive(Debug)]
#[allow(clippy::large_enum_variant, reason = "short-lived, and mostly the large one")]
pub enum Lookup {
    /// It is there.
    Found(Entry),
    /// Nothing is.
    Nothing,
    /// Something is or was, and cannot be used: why, in one line for a person.
    SetAside(String),
}

impl Lookup {
    /// The entry, where there is one. Where something is there that cannot be used, `trouble` hears why.
    pub(crate) fn found(self, trouble: impl FnOnce(&str)) -> Option<Entry> {
        match self {
            Self::Found(entry) => Some(entry),
            Self::Nothing => None,
            Self::SetAside(why) => {
                trouble(&why);
                None
            }
        }
    }
}

/// A digest over what tells two answers apart, in lower-case hex.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct StoreKey(String);

impl StoreKey {
    /// The key for these parts. Order and number count; no part can run into the next.
    ///
    /// ```
    /// use tempaccess_core::store::StoreKey;
    ///
    /// assert_ne!(StoreKey::of(&["a", "bc"]), StoreKey::of(&["ab", "c"]));
    /// ```
    pub fn of(parts: &[&str]) -> Self {
        let mut digest = Sha256::new();
        for part in parts {
            digest.update((part.len() as u64).to_le_bytes());
            digest.update(part);
        }
        // Half of it tells more answers apart than there will ever be.
        Self(hex(digest.finalize().get(..16).unwrap_or_default()))
    }

    pub(crate) fn of_all(parts: &[String]) -> Self {
        Self::of(&parts.iter().map(String::as_str).collect::<Vec<_>>())
    }

    /// The digest.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// A key as it was written.
    fn parse(text: &str) -> Option<Self> {
        let digits = text.len() == 32 && text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
        digits.then(|| Self(text.to_owned()))
    }
}
