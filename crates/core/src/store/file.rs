use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::vault::forget_in;
use super::{About, Entry, EntryKind, Lookup, PlainVault, Store, StoreKey, Vault};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;

/// The version of the format of an entry's file.
const VERSION: u8 = 1;
/// No honest entry is larger.
const MOST: u64 = 1 << 20;

/// A store in a folder, one file an entry, for the owner's eyes alone (0600 in 0700).
///
/// A file is written aside, synchronised and renamed, so that it is whole or not there, whenever its writer dies. How the
/// secret is held is the [`Vault`]'s business: in the file as it is, sealed, or elsewhere.
#[derive(Debug, Clone)]
pub struct FileStore {
    folder: PathBuf,
    vault: Arc<dyn Vault>,
}

/// The file of an entry.
#[derive(Serialize)]
struct ToWrite<'e> {
    version: u8,
    /// The key once more: a file that was moved is not what it says.
    key: &'e str,
    /// Which vault holds the secret.
    vault: &'e str,
    about: &'e About,
    secret: &'e str,
}

/// The same, read again.
#[derive(Deserialize)]
struct Written {
    key: String,
    vault: String,
    about: About,
    secret: SecretString,
}

impl FileStore {
    /// The store in this folder, which is made when it is first needed. Secrets stand in the files as they are.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), vault: Arc::new(PlainVault) }
    }

    /// Holds secrets in this vault from now on. What stands there in another one stays readable where the vault knows how.
    #[must_use]
    pub fn vault(mut self, vault: Arc<dyn Vault>) -> Self {
        self.vault = vault;
        self
    }

    /// Where it is.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    fn path(&self, key: &StoreKey) -> PathBuf {
        self.folder.join(format!("{}.json", key.as_str()))
    }

    fn make_folder(&self) -> io::Result<()> {
        if self.folder.is_dir() {
            return Ok(());
        }
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(&self.folder)
    }

    fn read(&self, key: &StoreKey) -> Result<Option<Entry>, Untrusted> {
        let Some((text, id)) = read_own(&self.path(key))? else { return Ok(None) };
        let bad = |why: &str| Untrusted::Set(why.to_owned(), id);
        let written = parse(text.expose(), id)?;
        if written.key != key.as_str() {
            return Err(bad("it is the entry of another key"));
        }
        let secret = match self.vault.open(&written.vault, key, written.secret.expose()) {
            Ok(Some(secret)) => secret,
            Ok(None) => return Err(bad("its secret cannot be opened any more")),
            // Not now, or not by us: a locked keyring is no reason to forget anything.
            Err(error) => return Err(Untrusted::Left(error.message().to_owned())),
        };
        Ok(Some(Entry::new(key.clone(), written.about, secret)))
    }

    fn write(&self, entry: &Entry) -> Result<()> {
        let failed = |error: io::Error| {
            Error::new(
                ErrorKind::Io,
                Stage::Store,
                format!("nothing can be kept in `{}`: {error}", self.folder.display()),
            )
            .with_hint(
                "make the folder writable, or name another with `TEMPACCESS_STORE_DIR`; signing in works without",
            )
            .with_source(error)
        };
        self.make_folder().map_err(failed)?;
        let (vault, secret) = self.vault.seal(&entry.key, &entry.secret)?;
        let written =
            ToWrite { version: VERSION, key: entry.key.as_str(), vault, about: &entry.about, secret: secret.expose() };
        let text = SecretString::from(serde_json::to_string(&written).map_err(|error| failed(error.into()))?);
        let before = self.vault_of(&entry.key).filter(|before| before != vault);
        replace(&self.path(&entry.key), text.expose().as_bytes(), None).map_err(failed)?;
        // What stood there may have been held elsewhere.
        if let Some(before) = before {
            forget_in(&before, &entry.key);
        }
        Ok(())
    }

    /// What stands under this key, where it can be had without asking anybody: nothing is set aside, and nothing is
    /// said of what cannot be used.
    pub fn peek(&self, key: &StoreKey) -> Option<Entry> {
        self.read(key).ok().flatten()
    }

    /// The files of the store, by name.
    fn files(&self) -> Result<Vec<(PathBuf, Kind)>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries.map_err(|error| {
                let message = format!("`{}` cannot be listed: {error}", self.folder.display());
                Error::new(ErrorKind::Io, Stage::Store, message).with_source(error)
            })?,
        };
        let kind = |entry: io::Result<fs::DirEntry>| {
            let path = entry.ok()?.path();
            Kind::of(path.file_name()?.to_str()?).map(|kind| (path, kind))
        };
        let mut files: Vec<_> = entries.filter_map(kind).collect();
        files.sort();
        Ok(files)
    }

    /// The vault that holds the secret of what stands under this key.
    fn vault_of(&self, key: &StoreKey) -> Option<String> {
        let (text, id) = read_own(&self.path(key)).ok()??;
        Some(parse(text.expose(), id).ok()?.vault)
    }

    fn about(&self, key: &StoreKey) -> Option<(About, FileId)> {
        let (text, id) = read_own(&self.path(key)).ok()??;
        Some((parse(text.expose(), id).ok()?.about, id))
    }

    fn delete(&self, path: &Path) -> Result<()> {
        match fs::remove_file(path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => {
                let message = format!("a file in `{}` cannot be removed: {error}", self.folder.display());
                Err(Error::new(ErrorKind::Io, Stage::Store, message).with_source(error))
            }
            _ => Ok(()),
        }
    }
}

/// How long after their end credentials are still not swept: nobody renews them by then.
const ENDED: SignedDuration = SignedDuration::from_hours(1);
/// How old a session at an identity provider may get here: none is good for longer.
const SESSION: SignedDuration = SignedDuration::from_hours(90 * 24);
/// How old a file may get that a writer has not finished.
const UNFINISHED: Duration = Duration::from_secs(3600);
/// How long what was set aside can be looked at.
const ASIDE: Duration = Duration::from_secs(7 * 24 * 3600);

/// What a file of the store is.
#[derive(PartialEq, Eq, PartialOrd, Ord)]
enum Kind {
    Entry(StoreKey),
    /// What was set aside.
    Aside,
    /// What a writer has not renamed yet.
    Unfinished,
}

impl Kind {
    fn of(name: &str) -> Option<Self> {
        if name.starts_with('.') {
            return name.contains(".json.").then_some(Self::Unfinished);
        }
        match name.split_once('.')? {
            (key, "json") => StoreKey::parse(key).map(Self::Entry),
            (key, "aside") => StoreKey::parse(key).map(|_| Self::Aside),
            _ => None,
        }
    }
}

/// What tells a file from the one that is put in its place: device and number, where the system has them.
type FileId = Option<(u64, u64)>;

fn id_of(metadata: &fs::Metadata) -> FileId {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        Some((metadata.dev(), metadata.ino()))
    }
    #[cfg(not(unix))]
    {
        let _ = metadata;
        None
    }
}

/// Whether the file at this path is still the one that was read.
fn is_still(path: &Path, id: FileId) -> bool {
    fs::symlink_metadata(path).is_ok_and(|metadata| id_of(&metadata) == id)
}

/// Why an entry is not used.
enum Untrusted {
    /// It is to be set aside, if it is still this file.
    Set(String, FileId),
    /// It stays where it is.
    Left(String),
}

fn parse(text: &str, id: FileId) -> Result<Written, Untrusted> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    // The version first: what is newer may look like nothing known.
    match serde_json::from_str::<Version>(text) {
        Ok(Version { version }) if version > u64::from(VERSION) => {
            Err(Untrusted::Left(format!("it was written by a newer tempaccess (format {version})")))
        }
        Ok(_) => serde_json::from_str(text).map_err(|_| Untrusted::Set("it is damaged".to_owned(), id)),
        Err(_) => Err(Untrusted::Set("it is damaged".to_owned(), id)),
    }
}

/// The text of a file that is ours and nobody else's to write.
fn read_own(path: &Path) -> Result<Option<(SecretString, FileId)>, Untrusted> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        // A link could lead to a file of somebody else's making.
        rustix::fs::OFlags::NOFOLLOW.bits() as i32,
    );
    let file = match options.open(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        Err(error) => {
            // A link is no entry; any other failure may pass.
            return Err(match fs::symlink_metadata(path) {
                Ok(metadata) if metadata.is_symlink() => Untrusted::Set("it is a link".to_owned(), id_of(&metadata)),
                _ => Untrusted::Left(format!("it cannot be opened: {error}")),
            });
        }
        Ok(file) => file,
    };
    let metadata = file.metadata().map_err(|error| Untrusted::Left(error.to_string()))?;
    let id = id_of(&metadata);
    let bad = |why: &str| Untrusted::Set(why.to_owned(), id);
    if !metadata.is_file() || metadata.len() > MOST {
        return Err(bad("it is no entry"));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(bad("it belongs to another user"));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(bad("others can write to it"));
        }
    }
    let mut bytes = Zeroizing::new(Vec::new());
    file.take(MOST).read_to_end(&mut bytes).map_err(|error| Untrusted::Left(format!("it cannot be read: {error}")))?;
    let text = std::str::from_utf8(&bytes).map_err(|_| bad("it is damaged"))?;
    Ok(Some((text.into(), id)))
}

/// Writes a file so that it is the old one or the new one, whatever happens: with these permissions, or for its owner alone.
pub(crate) fn replace(path: &Path, bytes: &[u8], permissions: Option<fs::Permissions>) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder.join(format!(".{name}.{}.{:x}", std::process::id(), unique()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&aside)?;
    let written = file
        .write_all(bytes)
        .and_then(|()| permissions.map_or(Ok(()), |permissions| file.set_permissions(permissions)))
        .and_then(|()| file.sync_all())
        .and_then(|()| fs::rename(&aside, path));
    if written.is_err() {
        let _ = fs::remove_file(&aside);
        return written;
    }
    // The name is on the disk too. Where a folder cannot be synchronised, the system does without.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

/// A number that no other writer of this process uses.
fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::{SystemTime, UNIX_EPOCH};
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    (u64::from(nanos) << 20) | (COUNT.fetch_add(1, Ordering::Relaxed) & 0xF_FFFF)
}

impl Store for FileStore {
    fn describe(&self) -> String {
        format!("`{}`, {}", self.folder.display(), self.vault.describe())
    }

    fn get(&self, key: &StoreKey) -> Lookup {
        match self.read(key) {
            Ok(Some(entry)) => Lookup::Found(entry),
            Ok(None) => Lookup::Nothing,
            Err(Untrusted::Left(why)) => {
                Lookup::SetAside(format!("an entry in `{}` is not used: {why}", self.folder.display()))
            }
            Err(Untrusted::Set(why, id)) => {
                let path = self.path(key);
                let aside = path.with_extension("aside");
                // Somebody may have put a good one in its place meanwhile.
                let moved = is_still(&path, id) && fs::rename(&path, &aside).is_ok();
                let where_to = if moved { format!("; it is now `{}`", aside.display()) } else { String::new() };
                Lookup::SetAside(format!("the entry `{}` is not used: {why}{where_to}", path.display()))
            }
        }
    }

    fn put(&self, entry: &Entry) -> Result<()> {
        self.write(entry)
    }

    fn remove(&self, key: &StoreKey) -> Result<()> {
        match self.vault_of(key) {
            Some(vault) => forget_in(&vault, key),
            None => self.vault.forget(key),
        }
        let path = self.path(key);
        self.delete(&path.with_extension("aside")).and(self.delete(&path))
    }

    fn list(&self) -> Result<Vec<(StoreKey, About)>> {
        let about = |(_, kind)| match kind {
            Kind::Entry(key) => self.about(&key).map(|(about, _)| (key, about)),
            _ => None,
        };
        Ok(self.files()?.into_iter().filter_map(about).collect())
    }

    fn sweep(&self, now: Timestamp) {
        let is_over = |about: &About| match about.kind {
            EntryKind::Credentials => about.expiration.is_some_and(|end| now.duration_since(end) > ENDED),
            EntryKind::Session | EntryKind::Tokens | EntryKind::Org => now.duration_since(about.issued_at) > SESSION,
        };
        let is_older = |path: &Path, than: Duration| {
            let modified = fs::symlink_metadata(path).and_then(|metadata| metadata.modified());
            modified.is_ok_and(|at| at.elapsed().is_ok_and(|age| age > than))
        };
        // What cannot be swept now is swept another time.
        for (path, kind) in self.files().unwrap_or_default() {
            let _ = match kind {
                Kind::Entry(key) => match self.about(&key) {
                    Some((about, id)) if is_over(&about) && is_still(&path, id) => self.remove(&key),
                    _ => Ok(()),
                },
                Kind::Aside if is_older(&path, ASIDE) => self.delete(&path),
                Kind::Unfinished if is_older(&path, UNFINISHED) => self.delete(&path),
                Kind::Aside | Kind::Unfinished => Ok(()),
            };
        }
    }

    fn clear(&self) -> Result<usize> {
        let (mut count, mut result) = (0, Ok(()));
        for (path, kind) in self.files()? {
            let removed = match kind {
                Kind::Entry(key) => {
                    count += 1;
                    self.remove(&key)
                }
                Kind::Aside | Kind::Unfinished => self.delete(&path),
            };
            result = result.and(removed);
        }
        result.map(|()| count)
    }

    fn notice(&self) -> Option<String> {
        self.vault.notice()
    }

    fn flight_file(&self, key: &StoreKey) -> Option<PathBuf> {
        self.make_folder().ok()?;
        Some(self.folder.join(format!("{}.lock", key.as_str())))
    }
}
