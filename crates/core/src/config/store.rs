use std::str::FromStr;
use std::sync::Arc;

use super::default_store_folder;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::store::{Entry, FileStore, Store, StoreKey};

/// How credentials and sessions are kept between runs.
///
/// ```
/// use tempaccess_core::config::StoreChoice;
///
/// assert_eq!("file".parse::<StoreChoice>()?, StoreChoice::File);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum StoreChoice {
    /// Files, sealed with a key in the system's keyring where there is one, else readable by their owner alone.
    #[default]
    Auto,
    /// Files that are readable by their owner alone, without a keyring.
    File,
    /// Files whose secrets stand in the system's keyring; an error where there is none.
    Keyring,
    /// Files whose secrets stand in the kernel's keyring of the user: gone when the machine starts anew. Linux alone.
    Kernel,
    /// Not at all.
    None,
}

impl StoreChoice {
    const ALL: [(&'static str, Self); 5] = [
        ("auto", Self::Auto),
        ("file", Self::File),
        ("keyring", Self::Keyring),
        ("kernel", Self::Kernel),
        ("none", Self::None),
    ];

    /// The store at its usual place, held as chosen.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where this machine or this build has no such thing.
    pub fn open(self) -> Result<Option<Arc<dyn Store>>> {
        let Some(folder) = default_store_folder().filter(|_| self != Self::None) else { return Ok(None) };
        let store = FileStore::new(folder);
        let store = match self {
            Self::File | Self::None => store,
            #[cfg(feature = "keyring")]
            Self::Auto => {
                let vault = crate::store::SealedVault::new(store.folder());
                store.vault(Arc::new(vault))
            }
            #[cfg(not(feature = "keyring"))]
            Self::Auto => store,
            #[cfg(feature = "keyring")]
            Self::Keyring => store.vault(Arc::new(crate::store::KeyringVault::new())),
            #[cfg(all(feature = "keyring", target_os = "linux"))]
            Self::Kernel => store.vault(Arc::new(crate::store::KernelVault::new())),
            #[allow(unreachable_patterns, reason = "which of them are left depends on the features")]
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    Stage::Configuration,
                    "this build of tempaccess, or this system, has no such store",
                )
                .with_hint("choose `auto`, `file` or `none`"));
            }
        };
        Ok(Some(Arc::new(store)))
    }
}

impl StoreChoice {
    /// What stands under this key at the usual place, where it can be had without a keyring's daemon.
    pub(super) fn peek(self, key: &StoreKey) -> Option<Entry> {
        let store = FileStore::new(default_store_folder()?);
        match self {
            Self::File => store,
            #[cfg(all(feature = "keyring", target_os = "linux"))]
            Self::Auto => {
                let vault = crate::store::AtHandVault::new(store.folder());
                store.vault(Arc::new(vault))
            }
            #[cfg(not(feature = "keyring"))]
            Self::Auto => store,
            #[cfg(all(feature = "keyring", target_os = "linux"))]
            Self::Kernel => store.vault(Arc::new(crate::store::KernelVault::new())),
            #[allow(unreachable_patterns, reason = "which of them are left depends on the features")]
            _ => return None,
        }
        .peek(key)
    }
}

impl FromStr for StoreChoice {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, choice)| *choice).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{text}` is no store"))
                .with_hint(format!("it is one of {}", Self::ALL.map(|(name, _)| format!("`{name}`")).join(", ")))
        })
    }
}
