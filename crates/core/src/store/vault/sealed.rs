//! Secrets that are encrypted in their entries (AES-256-GCM), with a key that is kept elsewhere.

use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use ring::aead::{AES_256_GCM, Aad, LessSafeKey, NONCE_LEN, Nonce, UnboundKey};
use ring::rand::{SecureRandom, SystemRandom};
use zeroize::Zeroizing;

#[cfg(target_os = "linux")]
use super::kernel::{self, Lifetime};
use super::{PLAIN, SecretString, StoreKey, UNENCRYPTED, Vault, keyring, unknown_form};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::private::PrivateFolder;

/// The name of the key in the system's keyring.
const KEYRING_KEY: &str = "store key 1";
const KEY_LEN: usize = 32;
/// The file that says when the keyring did not answer, and how long it is then left alone.
const SILENT: &str = ".keyring-silent";
const LEFT_ALONE: Duration = Duration::from_mins(10);
/// The form of a secret that is encrypted with a key of the system's keyring.
const SEALED: &str = "sealed";
/// The form of a secret that is encrypted with a key of the kernel's keyring.
#[cfg(target_os = "linux")]
const SEALED_BY_KERNEL: &str = "sealed-kernel";

type SealingKey = Zeroizing<Vec<u8>>;

/// Where the key is, and what happens without it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum KeyHolder {
    /// The system's keyring; without one, secrets are not encrypted, and a notice says so.
    KeyringIfAny,
    /// The system's keyring, each time, so that locking it takes effect at once; without one, nothing is stored.
    Keyring,
    /// The kernel's keyring, until the machine restarts.
    #[cfg(target_os = "linux")]
    Kernel,
}

/// Encrypts secrets with a key in the system's keyring or in the kernel's.
#[derive(Debug)]
pub struct SealedVault {
    holder: KeyHolder,
    /// The folder of the store, which remembers that the keyring does not answer.
    folder: PathBuf,
    /// The name of the key, or of its copy, in the kernel's keyring.
    #[cfg_attr(not(target_os = "linux"), allow(dead_code, reason = "only Linux has one"))]
    kernel_name: String,
    notice: Mutex<Option<String>>,
}

impl SealedVault {
    fn new(folder: &Path, holder: KeyHolder) -> Self {
        Self { holder, folder: folder.to_owned(), kernel_name: kernel_name(folder, holder), notice: Mutex::default() }
    }

    /// Encrypts the secrets of the store in this folder with a key in the system's keyring. Without a keyring, secrets are
    /// not encrypted, and [`notice`](Vault::notice) says so.
    pub fn with_keyring_if_any(folder: &Path) -> Self {
        Self::new(folder, KeyHolder::KeyringIfAny)
    }

    /// Encrypts the secrets of the store in this folder with a key in the system's keyring. Without a keyring, nothing is
    /// stored.
    pub fn with_keyring(folder: &Path) -> Self {
        Self::new(folder, KeyHolder::Keyring)
    }

    /// Encrypts the secrets of the store in this folder with a key in the kernel's keyring of the user. They are lost when
    /// the machine restarts.
    #[cfg(target_os = "linux")]
    pub fn with_kernel_key(folder: &Path) -> Self {
        Self::new(folder, KeyHolder::Kernel)
    }

    fn form(&self) -> &'static str {
        match self.holder {
            KeyHolder::KeyringIfAny | KeyHolder::Keyring => SEALED,
            #[cfg(target_os = "linux")]
            KeyHolder::Kernel => SEALED_BY_KERNEL,
        }
    }

    /// Asks the system's keyring. One that did not answer is left alone for a while, by other processes too: each would wait as
    /// long again.
    fn ask_keyring<T>(&self, ask: impl FnOnce() -> Result<T>) -> Result<T> {
        if self.holder != KeyHolder::KeyringIfAny {
            return ask();
        }
        let folder = PrivateFolder::open(&self.folder).ok().flatten();
        let is_recent = |since: SystemTime| since.elapsed().is_ok_and(|elapsed| elapsed < LEFT_ALONE);
        if folder.as_ref().and_then(|folder| folder.modified(SILENT)).is_some_and(is_recent) {
            return Err(keyring::silent());
        }
        let answer = ask();
        if answer.is_err() && keyring::is_silent() {
            let folder = folder.or_else(|| PrivateFolder::create(&self.folder).ok());
            let _ = folder.map(|folder| folder.write(SILENT, b""));
        }
        answer
    }

    /// Returns the key if there is one.
    fn existing_key(&self) -> Result<Option<SealingKey>> {
        #[cfg(target_os = "linux")]
        if self.holder != KeyHolder::Keyring
            && let Some(key) = kernel::get(&self.kernel_name).filter(|key| key.len() == KEY_LEN)
        {
            return Ok(Some(key));
        }
        #[cfg(target_os = "linux")]
        if self.holder == KeyHolder::Kernel {
            return Ok(None);
        }
        let key = self.ask_keyring(|| keyring::get(KEYRING_KEY))?.filter(|key| key.len() == KEY_LEN);
        // The copy saves the next process from waking the keyring's daemon.
        #[cfg(target_os = "linux")]
        if let (KeyHolder::KeyringIfAny, Some(key)) = (self.holder, &key) {
            kernel::set(&self.kernel_name, key, Lifetime::HalfDay);
        }
        Ok(key)
    }

    /// Returns the key, which is created if there is none.
    fn key(&self) -> Result<SealingKey> {
        if let Some(key) = self.existing_key()? {
            return Ok(key);
        }
        let mut key = Zeroizing::new(vec![0; KEY_LEN]);
        SystemRandom::new().fill(&mut key).map_err(|_| cannot_seal())?;
        match self.holder {
            KeyHolder::KeyringIfAny | KeyHolder::Keyring => self.ask_keyring(|| keyring::set(KEYRING_KEY, &key))?,
            #[cfg(target_os = "linux")]
            KeyHolder::Kernel => {
                if !kernel::set(&self.kernel_name, &key, Lifetime::UntilRestart) {
                    return Err(Error::new(ErrorKind::Io, Stage::Store, "the kernel's keyring cannot be used here")
                        .with_hint("containers often lack it; choose `--store file`"));
                }
            }
        }
        // If two processes created one at once, the one that is stored counts.
        Ok(self.existing_key()?.unwrap_or(key))
    }
}

impl Vault for SealedVault {
    fn describe(&self) -> String {
        match (self.holder, self.existing_key()) {
            (KeyHolder::KeyringIfAny | KeyHolder::Keyring, Ok(_)) => {
                "encrypted with a key in the system keyring".to_owned()
            }
            (KeyHolder::KeyringIfAny, Err(error)) => format!("{UNENCRYPTED}: {}", error.message()),
            (KeyHolder::Keyring, Err(error)) => format!("unusable: {}", error.message()),
            #[cfg(target_os = "linux")]
            (KeyHolder::Kernel, _) => "encrypted with a key in the kernel's keyring, until a restart".to_owned(),
        }
    }

    fn seal(&self, key: &StoreKey, secret: &SecretString) -> Result<(&'static str, SecretString)> {
        match self.key() {
            Ok(sealing) => Ok((self.form(), encrypt(&sealing, key, secret)?)),
            Err(error) if self.holder == KeyHolder::KeyringIfAny => {
                let notice = format!("{}; cached credentials are stored {UNENCRYPTED}", error.message());
                *self.notice.lock().unwrap_or_else(PoisonError::into_inner) = Some(notice);
                Ok((PLAIN, secret.clone()))
            }
            Err(error) => Err(error),
        }
    }

    fn open(&self, name: &str, key: &StoreKey, sealed: &str) -> Result<Option<SecretString>> {
        if name == PLAIN {
            return Ok(Some(sealed.into()));
        }
        if name != self.form() {
            return Err(unknown_form(name));
        }
        match self.existing_key()? {
            Some(sealing) => decrypt(&sealing, key, sealed),
            None => Ok(None),
        }
    }

    fn notice(&self) -> Option<String> {
        self.notice.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Reads what a [`SealedVault`] has written, as long as the kernel has a copy of its key: no daemon is woken.
#[cfg(target_os = "linux")]
#[derive(Debug)]
pub struct CachedKeyVault(String);

#[cfg(target_os = "linux")]
impl CachedKeyVault {
    /// Reads the store in this folder.
    pub fn new(folder: &Path) -> Self {
        Self(kernel_name(folder, KeyHolder::Keyring))
    }
}

#[cfg(target_os = "linux")]
impl Vault for CachedKeyVault {
    fn describe(&self) -> String {
        "read-only".to_owned()
    }

    fn seal(&self, _: &StoreKey, _: &SecretString) -> Result<(&'static str, SecretString)> {
        Err(cannot_seal())
    }

    fn open(&self, name: &str, key: &StoreKey, sealed: &str) -> Result<Option<SecretString>> {
        match name {
            PLAIN => Ok(Some(sealed.into())),
            SEALED => decrypt(&kernel::get(&self.0).ok_or_else(cannot_seal)?, key, sealed),
            name => Err(unknown_form(name)),
        }
    }
}

fn cannot_seal() -> Error {
    Error::new(ErrorKind::Io, Stage::Store, "the secret cannot be encrypted")
}

/// The name, in the kernel's keyring, of the key for the store in this folder.
fn kernel_name(folder: &Path, holder: KeyHolder) -> String {
    let digest = StoreKey::new(&[&folder.to_string_lossy()]);
    match holder {
        KeyHolder::KeyringIfAny | KeyHolder::Keyring => format!("{KEYRING_KEY} {}", digest.as_str()),
        #[cfg(target_os = "linux")]
        KeyHolder::Kernel => format!("kernel store key {}", digest.as_str()),
    }
}

fn cipher(key: &[u8]) -> Result<LessSafeKey> {
    UnboundKey::new(&AES_256_GCM, key).map(LessSafeKey::new).map_err(|_| cannot_seal())
}

fn encrypt(sealing: &[u8], key: &StoreKey, secret: &SecretString) -> Result<SecretString> {
    let mut nonce = [0; NONCE_LEN];
    SystemRandom::new().fill(&mut nonce).map_err(|_| cannot_seal())?;
    let text = secret.expose().as_bytes();
    // With room for the tag: growing would leave a copy of the secret behind.
    let mut sealed = Zeroizing::new(Vec::with_capacity(text.len() + AES_256_GCM.tag_len()));
    sealed.extend_from_slice(text);
    cipher(sealing)?
        .seal_in_place_append_tag(Nonce::assume_unique_for_key(nonce), Aad::from(key.as_str().as_bytes()), &mut *sealed)
        .map_err(|_| cannot_seal())?;
    let mut written = nonce.to_vec();
    written.extend_from_slice(&sealed);
    Ok(STANDARD.encode(written).into())
}

/// Returns the secret. `None` if it was not encrypted with this key for this entry.
fn decrypt(sealing: &[u8], key: &StoreKey, sealed: &str) -> Result<Option<SecretString>> {
    let Ok(bytes) = STANDARD.decode(sealed) else { return Ok(None) };
    let Some((nonce, sealed)) = bytes.split_at_checked(NONCE_LEN) else { return Ok(None) };
    let mut sealed = Zeroizing::new(sealed.to_vec());
    let Ok(nonce) = Nonce::try_assume_unique_for_key(nonce) else { return Ok(None) };
    let opened = cipher(sealing)?.open_in_place(nonce, Aad::from(key.as_str().as_bytes()), &mut sealed);
    Ok(opened.ok().and_then(|secret| Some(std::str::from_utf8(secret).ok()?.into())))
}
