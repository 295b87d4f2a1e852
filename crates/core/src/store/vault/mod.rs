//! How the secrets of a [`FileStore`](super::FileStore) are protected.

#[cfg(all(feature = "keyring", target_os = "linux"))]
mod kernel;
#[cfg(feature = "keyring")]
mod keyring;
#[cfg(feature = "keyring")]
mod sealed;

use std::fmt;

#[cfg(all(feature = "keyring", target_os = "linux"))]
pub use sealed::CachedKeyVault;
#[cfg(feature = "keyring")]
pub use sealed::SealedVault;

use super::StoreKey;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::text::excerpt;

/// Protects the secrets of a [`FileStore`](super::FileStore).
pub trait Vault: fmt::Debug + Send + Sync {
    /// Describes the protection, for `status`.
    fn describe(&self) -> String;

    /// Returns the text to write into the entry for this secret, and the name that [`open`](Self::open) knows its form by.
    ///
    /// # Errors
    ///
    /// `io` if the secret cannot be protected as this vault requires.
    fn seal(&self, key: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)>;

    /// Returns the secret from the text that was written into the entry in the named form. `None` if its key is lost.
    ///
    /// # Errors
    ///
    /// `io` if the key cannot be had now, or if this vault does not know the form; the entry is kept.
    fn open(&self, name: &str, key: &StoreKey, sealed: &str) -> Result<Option<SecretString>>;

    /// A remark on how the last secret was protected, in one line.
    fn notice(&self) -> Option<String> {
        None
    }
}

/// What protects a secret that is not encrypted: the mode of its file, or on Windows what its folder inherits.
const UNENCRYPTED: &str =
    if cfg!(unix) { "unencrypted (mode 0600)" } else { "unencrypted (with the permissions of the folder)" };

/// The form of a secret that is not encrypted.
const PLAIN: &str = "plain";

fn unknown_form(name: &str) -> Error {
    let message = format!("its secret is in a form (`{}`) that the chosen store cannot read", excerpt(name));
    Error::new(ErrorKind::Io, Stage::Store, message).with_hint("choose the store that wrote it with `--store`")
}

/// Writes secrets as they are: only the permissions of the file protect them.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "it has no fields")]
pub struct PlainVault;

impl Vault for PlainVault {
    fn describe(&self) -> String {
        UNENCRYPTED.to_owned()
    }

    fn seal(&self, _: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)> {
        Ok((PLAIN, secret.clone()))
    }

    fn open(&self, name: &str, _: &StoreKey, sealed: &str) -> Result<Option<SecretString>> {
        if name == PLAIN { Ok(Some(sealed.into())) } else { Err(unknown_form(name)) }
    }
}
