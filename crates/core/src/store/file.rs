use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::{Deserialize, Serialize};

use super::{About, Entry, Lookup, PlainVault, Store, StoreKey, Vault};
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
        let path = self.path(key);
        let text = match read_own(&path) {
            Ok(Some(text)) => text,
            Ok(None) => return Ok(None),
            Err(why) => return Err(why),
        };
        let text = SecretString::from(text);
        let written = parse(text.expose())?;
        if written.key != key.as_str() {
            return Err(Untrusted::Set("it is the entry of another key".to_owned()));
        }
        let secret = match self.vault.open(&written.vault, key, written.secret.expose()) {
            Ok(Some(secret)) => secret,
            Ok(None) => return Err(Untrusted::Set("its secret cannot be opened any more".to_owned())),
            // Not now: a locked keyring is no reason to forget anything.
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
        replace(&self.path(&entry.key), text.expose().as_bytes()).map_err(failed)
    }

    /// The keys of the entries that are there.
    fn keys(&self) -> io::Result<Vec<StoreKey>> {
        let entries = match fs::read_dir(&self.folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            entries => entries?,
        };
        let names = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok());
        let mut keys: Vec<_> = names.filter_map(|name| StoreKey::parse(name.strip_suffix(".json")?)).collect();
        keys.sort();
        Ok(keys)
    }
}

/// Why an entry is not used.
enum Untrusted {
    /// It is to be set aside.
    Set(String),
    /// It stays where it is.
    Left(String),
}

fn parse(text: &str) -> Result<Written, Untrusted> {
    #[derive(Deserialize)]
    struct Version {
        version: u64,
    }
    // The version first: what is newer may look like nothing known.
    match serde_json::from_str::<Version>(text) {
        Ok(Version { version }) if version > u64::from(VERSION) => {
            Err(Untrusted::Left(format!("it was written by a newer tempaccess (format {version})")))
        }
        Ok(_) => serde_json::from_str(text).map_err(|_| Untrusted::Set("it is damaged".to_owned())),
        Err(_) => Err(Untrusted::Set("it is damaged".to_owned())),
    }
}

/// The text of a file that is ours and nobody else's to write.
fn read_own(path: &Path) -> Result<Option<String>, Untrusted> {
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
        Err(error) => return Err(Untrusted::Set(format!("it cannot be opened: {error}"))),
        Ok(file) => file,
    };
    let metadata = file.metadata().map_err(|error| Untrusted::Set(error.to_string()))?;
    if !metadata.is_file() || metadata.len() > MOST {
        return Err(Untrusted::Set("it is no entry".to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(Untrusted::Set("it belongs to another user".to_owned()));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(Untrusted::Set("others can write to it".to_owned()));
        }
    }
    let mut text = String::new();
    match file.take(MOST).read_to_string(&mut text) {
        Ok(_) => Ok(Some(text)),
        Err(_) => Err(Untrusted::Set("it is damaged".to_owned())),
    }
}

/// Writes a file so that it is the old one or the new one, whatever happens.
pub(crate) fn replace(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let aside = folder.join(format!(".{name}.{}.{:x}", std::process::id(), unique()));
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let mut file = options.open(&aside)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all()).and_then(|()| fs::rename(&aside, path));
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
            Err(Untrusted::Set(why)) => {
                let path = self.path(key);
                let aside = path.with_extension("aside");
                let moved = fs::rename(&path, &aside).is_ok();
                let where_to = if moved { format!("; it is now `{}`", aside.display()) } else { String::new() };
                Lookup::SetAside(format!("the entry `{}` is not used: {why}{where_to}", path.display()))
            }
        }
    }

    fn put(&self, entry: &Entry) -> Result<()> {
        self.write(entry)
    }

    fn remove(&self, key: &StoreKey) -> Result<()> {
        self.vault.forget(key);
        match fs::remove_file(self.path(key)) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(Error::new(
                ErrorKind::Io,
                Stage::Store,
                format!("an entry in `{}` cannot be removed: {error}", self.folder.display()),
            )
            .with_source(error)),
            _ => Ok(()),
        }
    }

    fn list(&self) -> Result<Vec<(StoreKey, About)>> {
        let keys = self.keys().map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Store, format!("`{}` cannot be listed: {error}", self.folder.display()))
                .with_source(error)
        })?;
        let about = |key: StoreKey| {
            let text = SecretString::from(read_own(&self.path(&key)).ok()??);
            let written = parse(text.expose()).ok()?;
            Some((key, written.about))
        };
        Ok(keys.into_iter().filter_map(about).collect())
    }

    fn notice(&self) -> Option<String> {
        self.vault.notice()
    }

    fn flight_file(&self, key: &StoreKey) -> Option<PathBuf> {
        self.make_folder().ok()?;
        Some(self.folder.join(format!("{}.lock", key.as_str())))
    }
}
