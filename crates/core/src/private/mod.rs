//! Folders and files of this program: they belong to this user, nobody else can read or write them, and they are opened
//! without following links.
//!
//! A [`PrivateFolder`] is checked once, when it is opened. From then on every file is reached through its descriptor
//! (`openat(2)`), so that a folder that is swapped for another one afterwards makes no difference.
//!
//! On Windows, files and folders have the permissions of the folder that they are created in: in the user's profile, access for
//! this user, administrators and the system. Nothing is checked there.

#[cfg(unix)]
pub(crate) mod groups;
#[cfg(not(unix))]
mod portable;
#[cfg(test)]
#[cfg(unix)]
mod tests;
#[cfg(unix)]
mod unix;
#[cfg(unix)]
mod walk;

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

#[cfg(all(unix, feature = "grants"))]
pub(crate) use walk::folder;
#[cfg(unix)]
pub(crate) use walk::{Place, Through};

/// A folder that belongs to this user and is closed to all others.
pub(crate) struct PrivateFolder {
    #[cfg_attr(
        all(unix, not(feature = "browser")),
        allow(dead_code, reason = "only the browser's profile is a folder in the store")
    )]
    path: PathBuf,
    #[cfg(unix)]
    fd: std::os::fd::OwnedFd,
}

/// Tells a file from the one that replaces it: device and inode, where the system has them.
pub(crate) type FileId = Option<(u64, u64)>;

/// A file, as it was read.
pub(crate) struct FileContent {
    pub(crate) bytes: Zeroizing<Vec<u8>>,
    pub(crate) id: FileId,
}

/// Why a file was not read.
#[derive(Debug)]
pub(crate) enum ReadError {
    /// The file is not one that this program has written, or others can change it.
    Untrusted(String),
    /// The system refused.
    Io(io::Error),
}

impl fmt::Display for ReadError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Untrusted(reason) => f.write_str(reason),
            Self::Io(error) => write!(f, "it cannot be read: {error}"),
        }
    }
}

impl From<io::Error> for ReadError {
    fn from(error: io::Error) -> Self {
        Self::Io(error)
    }
}

/// Creates a folder and its parents, each of them for this user alone (0700).
#[cfg(any(not(unix), feature = "config"))]
pub(crate) fn create_all(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Refuses a folder whose files everybody, or the members of a group, can delete and replace, or that is reached by another user's link.
///
/// # Errors
///
/// `PermissionDenied` with the reason and the remedy.
#[cfg(feature = "grants")]
pub(crate) fn require_closed(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let opened = walk::folder(folder, Through::OwnLinks)?;
        let stat = rustix::fs::fstat(&opened)?;
        require_closed_to_others(&stat, folder)?;
        if groups::can_replace_in(&opened, &stat) {
            return Err(untrusted(format!(
                "the members of a group (gid {}) can remove and replace what others have put there; forbid it with `chmod +t '{}'`",
                stat.st_gid,
                folder.display()
            )));
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Refuses a folder that is reached by another user's link. Of a folder that does not exist yet, the one that it will be in counts.
///
/// # Errors
///
/// `PermissionDenied` with the reason.
#[cfg(feature = "config")]
pub fn require_own_path(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        let is_there = |path: &&Path| path.symlink_metadata().is_ok();
        let existing = folder.ancestors().find(is_there).unwrap_or(Path::new("."));
        walk::folder(existing, Through::OwnLinks)?;
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

#[cfg(unix)]
fn require_closed_to_others(folder: &rustix::fs::Stat, path: &Path) -> io::Result<()> {
    let (mode, owner) = (folder.st_mode, folder.st_uid);
    // One with the rules of `/tmp` protects the files of each user, except from its owner.
    if mode & 0o002 != 0 && mode & 0o1000 != 0 && is_foreign(owner) {
        return Err(untrusted(format!(
            "its folder belongs to another user (uid {owner}), who can replace files in it"
        )));
    }
    if mode & 0o002 != 0 && mode & 0o1000 == 0 {
        return Err(untrusted(format!(
            "all users can replace files in its folder (mode {:04o}); close it with `chmod o-w '{}'`",
            mode & 0o777,
            path.display()
        )));
    }
    Ok(())
}

/// Whether something belongs to neither this user nor root. For root, what belongs to the user of `sudo` is not of others.
#[cfg(unix)]
pub(crate) fn is_foreign(owner: u32) -> bool {
    let me = rustix::process::geteuid().as_raw();
    let is_of_sudo = || std::env::var("SUDO_UID").is_ok_and(|user| user.parse() == Ok(owner));
    owner != me && owner != 0 && !(me == 0 && is_of_sudo())
}

/// Refuses what belongs to another user.
#[cfg(unix)]
pub(crate) fn require_own(metadata: &std::fs::Metadata) -> io::Result<()> {
    let owner = std::os::unix::fs::MetadataExt::uid(metadata);
    if is_foreign(owner) { Err(untrusted(format!("it belongs to another user (uid {owner})"))) } else { Ok(()) }
}

/// Whether something that is read belongs to neither this user nor root. Root reads the files of others where they are: in a
/// container, they are those of the machine around it.
#[cfg(unix)]
#[cfg_attr(not(feature = "config"), allow(dead_code, reason = "files that a configuration names"))]
pub(crate) fn is_of_stranger(owner: u32) -> bool {
    is_foreign(owner) && !rustix::process::geteuid().is_root()
}

/// Whether a path is that of a stream or a descriptor of this process, such as `/dev/stdin`, and not that of a file.
pub(crate) fn is_descriptor(path: &Path) -> bool {
    let Some(path) = path.to_str() else { return false };
    let number = path.strip_prefix("/dev/fd/").or_else(|| path.strip_prefix("/proc/self/fd/"));
    ["/dev/stdin", "/dev/stdout", "/dev/stderr"].contains(&path)
        || number.is_some_and(|number| !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit()))
}

fn untrusted(reason: String) -> io::Error {
    io::Error::new(io::ErrorKind::PermissionDenied, reason)
}

impl PrivateFolder {
    /// Opens the folder, or creates it with its parents.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` with the reason and the remedy if the folder is not private to this user.
    pub(crate) fn create(path: &Path) -> io::Result<Self> {
        match Self::open(path)? {
            Some(folder) => Ok(folder),
            None => {
                #[cfg(unix)]
                drop(walk::create_folder(path, Through::OwnLinks)?);
                #[cfg(not(unix))]
                create_all(path)?;
                Self::open(path)?.ok_or_else(|| io::ErrorKind::NotFound.into())
            }
        }
    }

    /// The path that it was opened at.
    #[cfg(all(unix, any(test, feature = "browser")))]
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// Reads a file of this folder, up to `limit` bytes. `None` if there is none.
    ///
    /// # Errors
    ///
    /// See [`ReadError`].
    pub(crate) fn read(&self, name: &str, limit: u64) -> Result<Option<FileContent>, ReadError> {
        let Some(file) = self.open_existing(name)? else { return Ok(None) };
        let metadata = file.metadata()?;
        check_file(&metadata)?;
        if metadata.len() > limit {
            return Err(ReadError::Untrusted(format!("it is larger than {limit} bytes")));
        }
        let mut bytes = Zeroizing::new(Vec::with_capacity(usize::try_from(metadata.len()).unwrap_or_default() + 1));
        file.take(limit).read_to_end(&mut bytes)?;
        Ok(Some(FileContent { bytes, id: file_id(&metadata) }))
    }

    /// Replaces a file of this folder. Whenever the writer dies, the old or the new file is there, whole; after a power cut
    /// the file may be empty or cut short, since nothing is synchronised to the disk.
    ///
    /// # Errors
    ///
    /// As the system reports them; the old file is unchanged then.
    pub(crate) fn write(&self, name: &str, bytes: &[u8]) -> io::Result<()> {
        let temporary = format!(".{name}.{}.{:x}", std::process::id(), unique());
        let written = self
            .create_new(&temporary)
            .and_then(|mut file| file.write_all(bytes))
            .and_then(|()| self.rename(&temporary, name));
        if written.is_err() {
            let _ = self.remove(&temporary);
        }
        written
    }

    /// Opens a file to lock, or creates it. A file that another holder of the lock has removed is not returned.
    ///
    /// # Errors
    ///
    /// As the system reports them, or `PermissionDenied` if the file is a link, a pipe, or belongs to another user.
    pub(crate) fn lock_file(&self, name: &str) -> io::Result<File> {
        let file = self.open_or_create(name)?;
        check_file(&file.metadata()?).map_err(|error| untrusted(error.to_string()))?;
        Ok(file)
    }

    /// When the file was last changed.
    pub(crate) fn modified(&self, name: &str) -> Option<SystemTime> {
        self.open_existing(name).ok()??.metadata().ok()?.modified().ok()
    }

    /// Whether the file of this name is still the one that was read.
    pub(crate) fn is_same(&self, name: &str, id: FileId) -> bool {
        let file = self.open_existing(name).ok().flatten();
        file.and_then(|file| file.metadata().ok()).is_some_and(|metadata| file_id(&metadata) == id)
    }
}

/// Whether a file is a regular one that this user alone can change.
fn check_file(metadata: &std::fs::Metadata) -> Result<(), ReadError> {
    if !metadata.is_file() {
        return Err(ReadError::Untrusted("it is not a regular file".to_owned()));
    }
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        if metadata.uid() != rustix::process::geteuid().as_raw() {
            return Err(ReadError::Untrusted("it belongs to another user".to_owned()));
        }
        if metadata.mode() & 0o022 != 0 {
            return Err(ReadError::Untrusted("others can write to it".to_owned()));
        }
    }
    Ok(())
}

/// Whether an open lock file has been removed from its folder, so that another process may hold a lock on a new one.
pub(crate) fn is_removed(file: &File) -> bool {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        file.metadata().is_ok_and(|metadata| metadata.nlink() == 0)
    }
    #[cfg(not(unix))]
    {
        let _ = file;
        false
    }
}

fn file_id(metadata: &std::fs::Metadata) -> FileId {
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

/// Returns a number that no other writer of this process has.
pub(crate) fn unique() -> u64 {
    use std::sync::atomic::{AtomicU64, Ordering};
    use std::time::UNIX_EPOCH;
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let nanos = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.subsec_nanos());
    (u64::from(nanos) << 20) | (COUNT.fetch_add(1, Ordering::Relaxed) & 0xF_FFFF)
}
