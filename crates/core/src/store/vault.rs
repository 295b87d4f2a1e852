use std::fmt;

use super::StoreKey;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::text::excerpt;

/// How a [`FileStore`](super::FileStore) holds its secrets.
pub trait Vault: fmt::Debug + Send + Sync {
    /// What it does, for `status`.
    fn describe(&self) -> String;

    /// What to write into the entry for this secret, and the name that [`open`](Self::open) knows it by.
    ///
    /// # Errors
    ///
    /// Where the secret cannot be held.
    fn seal(&self, key: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)>;

    /// The secret again, from what was written into the entry under this name; nothing where it is lost.
    ///
    /// # Errors
    ///
    /// Where the secret cannot be had now, or not by this vault: the entry stays as it is.
    fn open(&self, name: &str, key: &StoreKey, written: &str) -> Result<Option<SecretString>>;

    /// Forgets what it holds elsewhere for this key.
    fn forget(&self, _: &StoreKey) {}

    /// What the person should know of how the last secret was held, in one line.
    fn notice(&self) -> Option<String> {
        None
    }
}

const PLAIN: &str = "plain";

/// What another vault holds, it may still hold.
fn foreign(name: &str) -> Error {
    let name = excerpt(name);
    Error::new(
        ErrorKind::Io,
        Stage::Store,
        format!("its secret is held in another way (`{name}`) than this store does"),
    )
}

/// The secret stands in the entry as it is; what protects it is the file's mode.
#[derive(Debug, Clone, Copy, Default)]
pub struct PlainVault;

impl Vault for PlainVault {
    fn describe(&self) -> String {
        "readable by you alone, not encrypted".to_owned()
    }

    fn seal(&self, _: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)> {
        Ok((PLAIN, secret.clone()))
    }

    fn open(&self, name: &str, _: &StoreKey, written: &str) -> Result<Option<SecretString>> {
        if name == PLAIN { Ok(Some(written.into())) } else { Err(foreign(name)) }
    }
}

/// Forgets what the vault of this name holds for a key, whichever vault the store has now.
pub(super) fn forget_in(name: &str, key: &StoreKey) {
    match name {
        #[cfg(feature = "keyring")]
        "keyring" => KeyringVault::new().forget(key),
        #[cfg(all(feature = "keyring", target_os = "linux"))]
        "kernel" => KernelVault::new().forget(key),
        // Those whose secrets stand in the entry.
        _ => {
            let _ = key;
        }
    }
}

#[cfg(all(feature = "keyring", target_os = "linux"))]
pub use system::AtHandVault;
#[cfg(feature = "keyring")]
pub use system::{KeyringVault, SealedVault};

#[cfg(all(feature = "keyring", target_os = "linux"))]
pub use kernel::KernelVault;

/// The keyring of the system: Secret Service, Keychain, Credential Manager.
#[cfg(feature = "keyring")]
mod system {
    use base64::Engine as _;
    use base64::engine::general_purpose::STANDARD;
    use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
    use ring::rand::{SecureRandom, SystemRandom};
    use std::path::Path;
    use std::sync::{Mutex, PoisonError};
    use zeroize::Zeroizing;

    use super::{PLAIN, SecretString, StoreKey, Vault, foreign};
    use crate::error::{Error, ErrorKind, Result, Stage};

    const SERVICE: &str = "tempaccess";
    /// The name of the key that seals entries.
    const SEALING_KEY: &str = "store key 1";
    const KEY_LEN: usize = 32;

    fn unavailable(error: &keyring::Error) -> Error {
        let message = match error {
            keyring::Error::NoDefaultStore => "this system has no keyring that can be reached".to_owned(),
            keyring::Error::NoStorageAccess(_) => "the system's keyring is locked".to_owned(),
            other => format!("the system's keyring cannot be used: {other}"),
        };
        Error::new(ErrorKind::Io, Stage::Store, message).with_hint("unlock it, or choose `--store file`")
    }

    /// What the keyring holds under a name, if anything.
    fn get(name: &str) -> Result<Option<Zeroizing<Vec<u8>>>> {
        match keyring::Entry::new(SERVICE, name).and_then(|entry| entry.get_secret()) {
            Ok(secret) => Ok(Some(Zeroizing::new(secret))),
            Err(keyring::Error::NoEntry) => Ok(None),
            Err(error) => Err(unavailable(&error)),
        }
    }

    fn set(name: &str, secret: &[u8]) -> Result<()> {
        keyring::Entry::new(SERVICE, name)
            .and_then(|entry| entry.set_secret(secret))
            .map_err(|error| unavailable(&error))
    }

    /// Secrets stand in the system's keyring, one by one.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct KeyringVault;

    impl KeyringVault {
        /// The keyring of this system.
        pub fn new() -> Self {
            Self
        }
    }

    impl Vault for KeyringVault {
        fn describe(&self) -> String {
            "secrets in the system's keyring".to_owned()
        }

        fn seal(&self, key: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)> {
            set(key.as_str(), secret.expose().as_bytes())?;
            Ok(("keyring", SecretString::from("")))
        }

        fn open(&self, name: &str, key: &StoreKey, _: &str) -> Result<Option<SecretString>> {
            if name != "keyring" {
                return Err(foreign(name));
            }
            let secret = get(key.as_str())?;
            Ok(secret.and_then(|secret| Some(std::str::from_utf8(&secret).ok()?.into())))
        }

        fn forget(&self, key: &StoreKey) {
            if let Ok(entry) = keyring::Entry::new(SERVICE, key.as_str()) {
                let _ = entry.delete_credential();
            }
        }
    }

    /// Secrets stand in the entries, sealed (AES-256-GCM) with a key in the system's keyring; where there is no keyring,
    /// as they are, and [`notice`](Vault::notice) says so.
    #[derive(Debug)]
    pub struct SealedVault {
        /// The name of the key in the kernel's keyring.
        #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has one"))]
        at_hand: String,
        notice: Mutex<Option<String>>,
    }

    impl SealedVault {
        /// For the store in this folder, with a key in the keyring of this system.
        pub fn new(folder: &Path) -> Self {
            Self { at_hand: at_hand(folder), notice: Mutex::default() }
        }

        /// The key, made where there is none and `make` says so.
        fn key(&self, make: bool) -> Result<Option<Zeroizing<Vec<u8>>>> {
            // Kept at hand in the kernel, so that a cached answer need not wake the keyring's daemon.
            #[cfg(target_os = "linux")]
            if let Some(key) = super::kernel::get(&self.at_hand).filter(|key| key.len() == KEY_LEN) {
                return Ok(Some(key));
            }
            let key = match get(SEALING_KEY)?.filter(|key| key.len() == KEY_LEN) {
                Some(key) => key,
                None if make => {
                    let mut key = Zeroizing::new(vec![0; KEY_LEN]);
                    SystemRandom::new().fill(&mut key).map_err(|_| failed())?;
                    set(SEALING_KEY, &key)?;
                    // Of two that made one at once, the one that the keyring kept counts.
                    get(SEALING_KEY)?.unwrap_or(key)
                }
                None => return Ok(None),
            };
            #[cfg(target_os = "linux")]
            super::kernel::set(&self.at_hand, &key);
            Ok(Some(key))
        }
    }

    fn failed() -> Error {
        Error::new(ErrorKind::Io, Stage::Store, "the secret cannot be sealed")
    }

    /// The name of a store's key in the kernel's keyring.
    fn at_hand(folder: &Path) -> String {
        format!("{SEALING_KEY} {}", StoreKey::of(&[&folder.to_string_lossy()]).as_str())
    }

    /// The secret of a sealed entry.
    fn unseal(sealing: &[u8], key: &StoreKey, written: &str) -> Result<Option<SecretString>> {
        let Ok(written) = STANDARD.decode(written) else { return Ok(None) };
        let Some((nonce, sealed)) = written.split_at_checked(NONCE_LEN) else { return Ok(None) };
        let mut sealed = Zeroizing::new(sealed.to_vec());
        let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else { return Ok(None) };
        let opened = cipher(sealing)?.open_in_place(nonce, Aad::from(key.as_str().as_bytes()), &mut sealed);
        Ok(opened.ok().and_then(|secret| Some(std::str::from_utf8(secret).ok()?.into())))
    }

    /// Reads what a [`SealedVault`] has written as long as its key is at hand in the kernel: wakes no daemon.
    #[cfg(target_os = "linux")]
    #[derive(Debug)]
    pub struct AtHandVault(String);

    #[cfg(target_os = "linux")]
    impl AtHandVault {
        /// For the store in this folder.
        pub fn new(folder: &Path) -> Self {
            Self(at_hand(folder))
        }
    }

    #[cfg(target_os = "linux")]
    impl Vault for AtHandVault {
        fn describe(&self) -> String {
            "to be read alone".to_owned()
        }

        fn seal(&self, _: &StoreKey, _: &SecretString) -> Result<(&'static str, SecretString)> {
            Err(failed())
        }

        fn open(&self, name: &str, key: &StoreKey, written: &str) -> Result<Option<SecretString>> {
            match name {
                PLAIN => Ok(Some(written.into())),
                "sealed" => unseal(&super::kernel::get(&self.0).ok_or_else(failed)?, key, written),
                name => Err(foreign(name)),
            }
        }
    }

    fn cipher(key: &[u8]) -> Result<LessSafeKey> {
        UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| failed())
    }

    impl Vault for SealedVault {
        fn describe(&self) -> String {
            match self.key(false) {
                Ok(_) => "sealed with a key in the system's keyring".to_owned(),
                Err(error) => format!("readable by you alone, not encrypted: {}", error.message()),
            }
        }

        fn seal(&self, key: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)> {
            let sealing = match self.key(true) {
                Ok(sealing) => sealing.ok_or_else(failed)?,
                Err(error) => {
                    let notice =
                        format!("{}: what is kept is readable by you alone, and not encrypted", error.message());
                    *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice);
                    return Ok((PLAIN, secret.clone()));
                }
            };
            let mut nonce = [0; NONCE_LEN];
            SystemRandom::new().fill(&mut nonce).map_err(|_| failed())?;
            let mut sealed = Zeroizing::new(secret.expose().as_bytes().to_vec());
            cipher(&sealing)?
                .seal_in_place_append_tag(
                    Nonce::assume_unique_for_key(nonce),
                    Aad::from(key.as_str().as_bytes()),
                    &mut *sealed,
                )
                .map_err(|_| failed())?;
            let mut written = nonce.to_vec();
            written.extend_from_slice(&sealed);
            Ok(("sealed", STANDARD.encode(written).into()))
        }

        fn open(&self, name: &str, key: &StoreKey, written: &str) -> Result<Option<SecretString>> {
            if name == PLAIN {
                return Ok(Some(written.into()));
            }
            if name != "sealed" {
                return Err(foreign(name));
            }
            let Some(sealing) = self.key(false)? else { return Ok(None) };
            unseal(&sealing, key, written)
        }

        fn notice(&self) -> Option<String> {
            self.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
        }
    }
}

/// The kernel's keyring of the user (keyrings(7)).
#[cfg(all(feature = "keyring", target_os = "linux"))]
mod kernel {
    use linux_keyutils::{KeyPermissionsBuilder, KeyRing, KeyRingIdentifier, Permission};
    use zeroize::Zeroizing;

    use super::{SecretString, StoreKey, Vault, foreign};
    use crate::error::{Error, ErrorKind, Result, Stage};

    /// Seconds that the kernel keeps something: no session lasts longer.
    const LIFE: usize = 12 * 60 * 60;

    fn ring() -> Option<KeyRing> {
        KeyRing::from_special_id(KeyRingIdentifier::User, false).ok()
    }

    fn name(of: &str) -> String {
        format!("tempaccess:{of}")
    }

    pub(super) fn get(of: &str) -> Option<Zeroizing<Vec<u8>>> {
        ring()?.search(&name(of)).ok()?.read_to_vec().ok().map(Zeroizing::new)
    }

    pub(super) fn set(of: &str, secret: &[u8]) -> bool {
        let Some(key) = ring().and_then(|ring| ring.add_key(&name(of), secret).ok()) else { return false };
        let permissions = KeyPermissionsBuilder::builder().posessor(Permission::ALL).user(Permission::ALL).build();
        key.set_perms(permissions).and_then(|()| key.set_timeout(LIFE)).is_ok()
    }

    /// Secrets stand in the kernel's keyring of the user, and are gone when the machine starts anew.
    #[derive(Debug, Clone, Copy, Default)]
    pub struct KernelVault;

    impl KernelVault {
        /// The keyring of this process's user.
        pub fn new() -> Self {
            Self
        }
    }

    impl Vault for KernelVault {
        fn describe(&self) -> String {
            "secrets in the kernel's keyring, until the machine starts anew".to_owned()
        }

        fn seal(&self, key: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)> {
            if set(key.as_str(), secret.expose().as_bytes()) {
                return Ok(("kernel", SecretString::from("")));
            }
            Err(Error::new(ErrorKind::Io, Stage::Store, "the kernel's keyring cannot be used here")
                .with_hint("containers often lack it; choose `--store file`"))
        }

        fn open(&self, name: &str, key: &StoreKey, _: &str) -> Result<Option<SecretString>> {
            if name != "kernel" {
                return Err(foreign(name));
            }
            let secret = get(key.as_str());
            Ok(secret.and_then(|secret| Some(std::str::from_utf8(&secret).ok()?.into())))
        }

        fn forget(&self, key: &StoreKey) {
            if let Some(key) = ring().and_then(|ring| ring.search(&name(key.as_str())).ok()) {
                let _ = key.invalidate();
            }
        }
    }
}
