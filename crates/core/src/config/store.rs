use std::sync::Arc;

use super::default_store_folder;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::named::named_enum;
use crate::store::{Entry, FileStore, Store, StoreKey};

named_enum! {
    /// Where credentials and sessions are cached between runs.
    ///
    /// ```
    /// use tempaccess_core::config::StoreChoice;
    ///
    /// assert_eq!("file".parse::<StoreChoice>()?, StoreChoice::File);
    /// # Ok::<(), tempaccess_core::Error>(())
    /// ```
    #[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
    #[non_exhaustive]
    pub enum StoreChoice("store") {
        /// Files, encrypted with a key in the system's keyring if there is one.
        #[default]
        Auto = "auto",
        /// Files, not encrypted (mode 0600; on Windows, with the permissions of their folder).
        File = "file",
        /// Files, encrypted with a key in the system's keyring; without a keyring, nothing is cached.
        Keyring = "keyring",
        /// Files, encrypted with a key in the kernel's keyring, which is lost when the machine restarts. Linux only.
        Kernel = "kernel",
        /// Nowhere.
        None = "none",
    }
}

impl StoreChoice {
    /// Opens the store in its default folder.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if this system or this build does not have the chosen store.
    pub fn open(self) -> Result<Option<Arc<dyn Store>>> {
        let Some(folder) = default_store_folder().filter(|_| self != Self::None) else { return Ok(None) };
        let store = FileStore::new(folder);
        let store = match self {
            Self::File | Self::None => store,
            #[cfg(feature = "keyring")]
            Self::Auto => {
                let vault = crate::store::SealedVault::with_keyring_if_any(store.folder());
                store.vault(Arc::new(vault))
            }
            #[cfg(not(feature = "keyring"))]
            Self::Auto => store,
            #[cfg(feature = "keyring")]
            Self::Keyring => {
                let vault = crate::store::SealedVault::with_keyring(store.folder());
                store.vault(Arc::new(vault))
            }
            #[cfg(all(feature = "keyring", target_os = "linux"))]
            Self::Kernel => {
                let vault = crate::store::SealedVault::with_kernel_key(store.folder());
                store.vault(Arc::new(vault))
            }
            #[allow(unreachable_patterns, reason = "which of them are left depends on the features")]
            _ => {
                return Err(Error::new(
                    ErrorKind::InvalidArgument,
                    Stage::Configuration,
                    "this build of tempaccess, or this system, does not have the chosen store",
                )
                .with_hint("choose `auto`, `file` or `none`"));
            }
        };
        Ok(Some(Arc::new(store)))
    }
}

impl StoreChoice {
    /// Returns the entry of this key from the default folder, if that needs no keyring daemon. The Credential Manager of Windows
    /// answers without one; the Keychain of macOS may ask the person, which is left to the main program.
    pub(super) fn peek(self, key: &StoreKey) -> Option<Entry> {
        let store = FileStore::new(default_store_folder()?);
        match self {
            Self::File => store,
            #[cfg(all(feature = "keyring", target_os = "linux"))]
            Self::Auto => {
                let vault = crate::store::CachedKeyVault::new(store.folder());
                store.vault(Arc::new(vault))
            }
            #[cfg(all(feature = "keyring", windows))]
            Self::Auto => {
                let vault = crate::store::SealedVault::with_keyring_if_any(store.folder());
                store.vault(Arc::new(vault))
            }
            #[cfg(not(feature = "keyring"))]
            Self::Auto => store,
            #[cfg(all(feature = "keyring", target_os = "linux"))]
            Self::Kernel => {
                let vault = crate::store::SealedVault::with_kernel_key(store.folder());
                store.vault(Arc::new(vault))
            }
            #[allow(unreachable_patterns, reason = "which of them are left depends on the features")]
            _ => return None,
        }
        .peek(key)
    }
}
