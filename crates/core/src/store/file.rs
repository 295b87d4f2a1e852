use std::fs::File;
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{Entry, EntryInfo, EntryKind, Lookup, PlainVault, Store, StoreKey, Vault};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::private::{PrivateFolder, is_removed};
use crate::secret::SecretString;

/// The version of the format of an entry's file.
const VERSION: u8 = 1;
/// The size limit of an entry's file.
const MAX_BYTES: u64 = 1 << 20;

/// A store in a folder: one file for each entry, readable and writable by its owner alone (0600 in 0700).
///
/// The folder must belong to this user and be closed to others; otherwise nothing is read or written there. A file is written
/// under a temporary name and renamed, so that the old or the new one is there, whenever its writer dies. After a power cut a
/// file can be cut short: then the entry counts as missing. How the secret in a file is protected is up to the [`Vault`].
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: PathBuf,
    vault: Arc<dyn Vault>,
}

/// The file of an entry, to be written.
#[derive(Serialize)]
struct EntryFileRef<'e> {
    version: u8,
    /// Repeated so that a renamed file is detected.
    key: &'e str,
    /// The vault that holds the secret.
    vault: &'e str,
    info: &'e EntryInfo,
    secret: &'e str,
}

/// The file of an entry, as read.
#[derive(Deserialize)]
struct EntryFile {
    key: String,
    vault: String,
    info: EntryInfo,
    secret: SecretString,
}

impl FileStore {
    /// Opens the store in this folder, which is created when something is first written. Secrets are not encrypted.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), vault: Arc::new(PlainVault) }
    }

    /// Protects secrets with this vault.
    #[must_use]
    pub fn vault(mut self, vault: Arc<dyn Vault>) -> Self {
        self.vault = vault;
        self
    }

    /// The path of the folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// Returns the entry if it can be read without a keyring and without a notice.
    pub fn peek(&self, key: &StoreKey) -> Option<Entry> {
        self.read(key).ok().flatten()
    }

    fn open(&self) -> Result<Option<PrivateFolder>> {
        PrivateFolder::open(&self.folder).map_err(|error| self.failed("use", error))
    }

    /// Reads an entry. The error is the reason why it cannot be used.
    fn read(&self, key: &StoreKey) -> Result<Option<Entry>, String> {
        let Some(folder) = self.open().map_err(|error| error.message().to_owned())? else { return Ok(None) };
        let named = |reason: String| format!("the cached entry `{}` is ignored: {reason}", self.path(key).display());
        let Some(file) = read_entry(&folder, key).map_err(named)? else { return Ok(None) };
        match self.vault.open(&file.vault, key, file.secret.expose()) {
            Ok(Some(secret)) => Ok(Some(Entry::new(key.clone(), file.info, secret))),
            Ok(None) => Err(named("its secret can no longer be decrypted".to_owned())),
            Err(error) => Err(named(error.message().to_owned())),
        }
    }

    fn path(&self, key: &StoreKey) -> PathBuf {
        self.folder.join(entry_name(key))
    }

    fn failed(&self, verb: &str, error: io::Error) -> Error {
        let message = format!("cannot {verb} the store folder `{}`: {error}", self.folder.display());
        Error::new(ErrorKind::Io, Stage::Store, message)
            .with_hint("choose another folder with `TEMPACCESS_STORE_DIR`; signing in works without a store")
            .with_source(error)
    }

    /// The files of the store.
    fn files(&self, folder: &PrivateFolder) -> Result<Vec<(String, FileKind)>> {
        let names = folder.names().map_err(|error| self.failed("list", error))?;
        Ok(names.into_iter().filter_map(|name| FileKind::new(&name).map(|kind| (name, kind))).collect())
    }
}

fn entry_name(key: &StoreKey) -> String {
    format!("{}.json", key.as_str())
}

fn lock_name(key: &StoreKey) -> String {
    format!("{}.lock", key.as_str())
}

/// Reads the file of an entry. `None` if there is none, or if it was damaged by a power cut.
fn read_entry(folder: &PrivateFolder, key: &StoreKey) -> Result<Option<EntryFile>, String> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    let bytes = match folder.read(&entry_name(key), MAX_BYTES) {
        Ok(Some(file)) => file.bytes,
        Ok(None) => return Ok(None),
        Err(error) => return Err(error.to_string()),
    };
    // The version first: the rest of a newer format is unknown.
    match serde_json::from_slice::<Version>(&bytes) {
        Ok(Version { version }) if version > u64::from(VERSION) => {
            Err(format!("it was written by a newer version of tempaccess (format {version})"))
        }
        Ok(_) => match serde_json::from_slice::<EntryFile>(&bytes) {
            Ok(file) if file.key == key.as_str() => Ok(Some(file)),
            Ok(_) => Err("it is the entry of another key".to_owned()),
            Err(_) => Ok(None),
        },
        Err(_) => Ok(None),
    }
}

/// How long after they have expired credentials are kept.
const EXPIRED: SignedDuration = SignedDuration::from_hours(1);
/// How old a session at an identity provider can be: none lasts longer.
const MAX_SESSION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How old a temporary file can be before it counts as abandoned.
const ABANDONED: Duration = Duration::from_secs(3600);
/// How long an unused lock file stays.
const UNUSED_LOCK: Duration = Duration::from_secs(24 * 3600);

/// The file that says when the last notice was shown, and how long there is no other one.
const NOTICED: &str = ".noticed";
const NOTICE_INTERVAL: Duration = Duration::from_secs(24 * 3600);

enum FileKind {
    Entry(StoreKey),
    Lock,
    /// A file that its writer has not renamed.
    Temporary,
}

impl FileKind {
    fn new(name: &str) -> Option<Self> {
        if name.starts_with('.') {
            return name.contains(".json.").then_some(Self::Temporary);
        }
        match name.split_once('.')? {
            (key, "json") => StoreKey::parse(key).map(Self::Entry),
            (key, "lock") => StoreKey::parse(key).map(|_| Self::Lock),
            _ => None,
        }
    }
}

fn is_older(folder: &PrivateFolder, name: &str, age: Duration) -> bool {
    folder.modified(name).is_some_and(|time| time.elapsed().is_ok_and(|elapsed| elapsed > age))
}

/// Removes a lock file that nobody holds. It is removed while locked, so that a process which has just opened it notices. Elsewhere
/// than on Unix it could not notice, and the file stays.
fn sweep_lock(folder: &PrivateFolder, name: &str) {
    if cfg!(not(unix)) {
        return;
    }
    if let Ok(file) = folder.lock_file(name)
        && file.try_lock().is_ok()
        && !is_removed(&file)
    {
        let _ = folder.remove(name);
    }
}

impl Store for FileStore {
    fn describe(&self) -> String {
        format!("`{}`, {}", self.folder.display(), self.vault.describe())
    }

    fn get(&self, key: &StoreKey) -> Lookup {
        match self.read(key) {
            Ok(Some(entry)) => Lookup::Found(entry),
            Ok(None) => Lookup::Missing,
            Err(reason) => Lookup::Unusable(reason),
        }
    }

    fn put(&self, entry: &Entry) -> Result<()> {
        let failed = |error: io::Error| self.failed("write to", error);
        let folder = PrivateFolder::create(&self.folder).map_err(failed)?;
        let (vault, secret) = self.vault.seal(&entry.key, &entry.secret)?;
        let file = EntryFileRef {
            version: VERSION,
            key: entry.key.as_str(),
            vault,
            info: &entry.info,
            secret: secret.expose(),
        };
        let text = SecretString::from(serde_json::to_string(&file).map_err(|error| failed(error.into()))?);
        folder.write(&entry_name(&entry.key), text.expose().as_bytes()).map_err(failed)
    }

    fn remove(&self, key: &StoreKey) -> Result<()> {
        let Some(folder) = self.open()? else { return Ok(()) };
        folder.remove(&entry_name(key)).map_err(|error| self.failed("remove a file from", error))
    }

    fn list(&self) -> Result<Vec<(StoreKey, EntryInfo)>> {
        let Some(folder) = self.open()? else { return Ok(Vec::new()) };
        let info = |(_, kind)| match kind {
            FileKind::Entry(key) => {
                let file = read_entry(&folder, &key).ok()??;
                Some((key, file.info))
            }
            _ => None,
        };
        Ok(self.files(&folder)?.into_iter().filter_map(info).collect())
    }

    fn sweep(&self, now: Timestamp) {
        let is_over = |info: &EntryInfo| match info.kind {
            EntryKind::Credentials => info.expiration.is_some_and(|end| now.duration_since(end) > EXPIRED),
            EntryKind::Grant => info.expiration.is_some_and(|end| now > end),
            EntryKind::Session | EntryKind::Tokens | EntryKind::Org => now.duration_since(info.issued_at) > MAX_SESSION,
        };
        let Ok(Some(folder)) = self.open() else { return };
        for (name, kind) in self.files(&folder).unwrap_or_default() {
            match kind {
                FileKind::Entry(_) => {
                    let read = folder.read(&name, MAX_BYTES).ok().flatten();
                    let over = read.filter(|read| {
                        serde_json::from_slice::<EntryFile>(&read.bytes).is_ok_and(|file| is_over(&file.info))
                    });
                    // Another process may have written a new one meanwhile.
                    if over.is_some_and(|read| folder.is_same(&name, read.id)) {
                        let _ = folder.remove(&name);
                    }
                }
                FileKind::Lock if is_older(&folder, &name, UNUSED_LOCK) => sweep_lock(&folder, &name),
                FileKind::Temporary if is_older(&folder, &name, ABANDONED) => {
                    let _ = folder.remove(&name);
                }
                FileKind::Lock | FileKind::Temporary => {}
            }
        }
    }

    fn clear(&self) -> Result<usize> {
        let Some(folder) = self.open()? else { return Ok(0) };
        let (mut count, mut result) = (0, Ok(()));
        for (name, kind) in self.files(&folder)? {
            match kind {
                FileKind::Entry(_) => count += 1,
                FileKind::Temporary => {}
                // Another process may be waiting for it.
                FileKind::Lock => continue,
            }
            let removed = folder.remove(&name).map_err(|error| self.failed("remove a file from", error));
            result = result.and(removed);
        }
        result.map(|()| count)
    }

    fn notice(&self) -> Option<String> {
        let text = self.vault.notice()?;
        // Once a day is enough to know.
        let folder = self.open().ok()??;
        if folder.modified(NOTICED).is_some() && !is_older(&folder, NOTICED, NOTICE_INTERVAL) {
            return None;
        }
        let _ = folder.write(NOTICED, b"");
        Some(text)
    }

    fn lock_file(&self, key: &StoreKey) -> Result<Option<File>> {
        let file = PrivateFolder::create(&self.folder).and_then(|folder| folder.lock_file(&lock_name(key)));
        file.map(Some).map_err(|error| self.failed("lock an entry in", error))
    }
}
