//! Folders and files of this program: they belong to this user, nobody else can read or write them, and they are opened
//! without following links.
//!
//! A [`PrivateFolder`] is checked once, when it is opened. From then on every file is reached through its descriptor
//! (`openat(2)`), so that a folder that is swapped for another one afterwards makes no difference.
//!
//! On Windows, files and folders have the permissions of the folder that they are created in: in the user's profile, access for
//! this user, administrators and the system. Nothing is checked there.

use std::fmt;
use std::fs::File;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use zeroize::Zeroizing;

#[cfg(not(unix))]
use crate::open_elsewhere;

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
pub(crate) fn create_all(path: &Path) -> io::Result<()> {
    let mut builder = std::fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(path)
}

/// Refuses a folder whose files everybody can delete and replace.
///
/// # Errors
///
/// `PermissionDenied` with the reason and the remedy.
pub(crate) fn require_closed(folder: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use std::os::unix::fs::MetadataExt;
        require_own_link(folder)?;
        let metadata = std::fs::metadata(folder)?;
        let (mode, owner) = (metadata.mode(), metadata.uid());
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
                folder.display()
            )));
        }
    }
    #[cfg(not(unix))]
    let _ = folder;
    Ok(())
}

/// Whether something belongs to neither this user nor root.
#[cfg(unix)]
pub(crate) fn is_foreign(owner: u32) -> bool {
    ![0, rustix::process::geteuid().as_raw()].contains(&owner)
}

/// Refuses a path that is another user's link, wherever it leads.
#[cfg(unix)]
fn require_own_link(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::MetadataExt;
    match std::fs::symlink_metadata(path) {
        Ok(link) if link.is_symlink() && is_foreign(link.uid()) => {
            Err(untrusted(format!("it is a link of another user (uid {})", link.uid())))
        }
        _ => Ok(()),
    }
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

#[cfg(unix)]
mod unix {
    use std::os::fd::AsFd;
    use std::os::unix::fs::MetadataExt;

    use rustix::fs::{AtFlags, CWD, Dir, Mode, OFlags};
    use rustix::io::Errno;

    use super::*;

    /// Opening must neither follow a link nor wait for the other end of a pipe.
    const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);
    const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

    impl PrivateFolder {
        /// Opens the folder. `None` if there is none.
        ///
        /// # Errors
        ///
        /// `PermissionDenied` with the reason and the remedy if the folder is not private to this user.
        pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
            // A link of the person's own that leads to the folder is fine: the folder itself is checked.
            require_own_link(path)?;
            Self::open_at(CWD, path, path, OFlags::empty())
        }

        /// Opens a folder in this one, or creates it.
        ///
        /// # Errors
        ///
        /// As [`open`](Self::open).
        #[cfg(any(test, feature = "browser"))]
        pub(crate) fn subfolder(&self, name: &str) -> io::Result<Self> {
            match rustix::fs::mkdirat(&self.fd, name, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            }
            let path = self.path.join(name);
            Self::open_at(&self.fd, Path::new(name), &path, OFlags::NOFOLLOW)?
                .ok_or_else(|| io::ErrorKind::NotFound.into())
        }

        /// Checks that no other user can put another folder in the place of this one: each parent belongs to this user or to
        /// root, and others cannot write to it, or only under the rules of `/tmp`.
        ///
        /// # Errors
        ///
        /// `PermissionDenied` with the parent that others can write to.
        #[cfg(any(test, feature = "browser"))]
        pub(crate) fn require_safe_path(&self) -> io::Result<()> {
            let user = rustix::process::geteuid().as_raw();
            for parent in std::fs::canonicalize(&self.path)?.ancestors().skip(1) {
                let metadata = std::fs::metadata(parent)?;
                let is_trusted = metadata.uid() == user || metadata.uid() == 0;
                let is_closed = metadata.mode() & 0o022 == 0 || metadata.mode() & 0o1000 != 0;
                if !is_trusted || !is_closed {
                    return Err(untrusted(format!("other users can replace folders in `{}`", parent.display())));
                }
            }
            Ok(())
        }

        fn open_at(parent: impl AsFd, name: &Path, path: &Path, flags: OFlags) -> io::Result<Option<Self>> {
            let fd = match rustix::fs::openat(
                parent,
                name,
                OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC | flags,
                Mode::empty(),
            ) {
                Ok(fd) => fd,
                Err(Errno::NOENT) => return Ok(None),
                Err(error) => return Err(error.into()),
            };
            let metadata = File::from(fd.try_clone()?).metadata()?;
            let user = rustix::process::geteuid().as_raw();
            if metadata.uid() != user {
                return Err(untrusted(format!("it belongs to another user (uid {})", metadata.uid())));
            }
            let mode = metadata.mode() & 0o777;
            if mode & 0o077 != 0 {
                return Err(untrusted(format!(
                    "it is open to other users (mode {mode:04o}); close it with `chmod 700 '{}'`",
                    path.display()
                )));
            }
            Ok(Some(Self { path: path.to_owned(), fd }))
        }

        pub(super) fn open_existing(&self, name: &str) -> Result<Option<File>, ReadError> {
            match rustix::fs::openat(&self.fd, name, OFlags::RDONLY | SAFE, Mode::empty()) {
                Ok(fd) => Ok(Some(fd.into())),
                Err(Errno::NOENT) => Ok(None),
                Err(Errno::LOOP) => Err(ReadError::Untrusted("it is a link".to_owned())),
                Err(Errno::NXIO) => Err(ReadError::Untrusted("it is not a regular file".to_owned())),
                Err(error) => Err(ReadError::Io(error.into())),
            }
        }

        /// Creates a file that does not exist yet.
        ///
        /// # Errors
        ///
        /// `AlreadyExists`, or as the system reports them.
        pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
            let flags = OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL | SAFE;
            Ok(rustix::fs::openat(&self.fd, name, flags, OWNER_ONLY)?.into())
        }

        pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
            let flags = OFlags::RDWR | OFlags::CREATE | SAFE;
            Ok(rustix::fs::openat(&self.fd, name, flags, OWNER_ONLY)?.into())
        }

        pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            Ok(rustix::fs::renameat(&self.fd, from, &self.fd, to)?)
        }

        /// Removes a file of this folder, if there is one.
        ///
        /// # Errors
        ///
        /// As the system reports them.
        pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
            match rustix::fs::unlinkat(&self.fd, name, AtFlags::empty()) {
                Ok(()) | Err(Errno::NOENT) => Ok(()),
                Err(error) => Err(error.into()),
            }
        }

        /// The names of its files, sorted; those that are not UTF-8 are left out.
        ///
        /// # Errors
        ///
        /// As the system reports them.
        pub(crate) fn names(&self) -> io::Result<Vec<String>> {
            let mut names = Vec::new();
            for entry in Dir::read_from(&self.fd)? {
                let entry = entry?;
                let name = entry.file_name().to_str().ok().filter(|name| !matches!(*name, "." | ".."));
                names.extend(name.map(str::to_owned));
            }
            names.sort();
            Ok(names)
        }
    }
}

/// By paths: what keeps others out are the permissions that the folder inherits. What another program may have open for a moment is
/// tried again.
#[cfg(not(unix))]
mod portable {
    use std::fs::{self, OpenOptions};

    use super::*;

    impl PrivateFolder {
        pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
            match fs::metadata(path) {
                Ok(metadata) if metadata.is_dir() => Ok(Some(Self { path: path.to_owned() })),
                Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(error),
            }
        }

        pub(super) fn open_existing(&self, name: &str) -> Result<Option<File>, ReadError> {
            match open_elsewhere::retried(|| File::open(self.path.join(name))) {
                Ok(file) => Ok(Some(file)),
                Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
                Err(error) => Err(ReadError::Io(error)),
            }
        }

        pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
            OpenOptions::new().write(true).create_new(true).open(self.path.join(name))
        }

        pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
            let path = self.path.join(name);
            open_elsewhere::retried(|| {
                OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path)
            })
        }

        pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
            open_elsewhere::rename(&self.path.join(from), &self.path.join(to))
        }

        pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
            match open_elsewhere::retried(|| fs::remove_file(self.path.join(name))) {
                Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
                _ => Ok(()),
            }
        }

        pub(crate) fn names(&self) -> io::Result<Vec<String>> {
            let entries = fs::read_dir(&self.path)?;
            let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
            names.sort();
            Ok(names)
        }
    }
}

#[cfg(test)]
#[cfg(unix)]
mod tests {
    use std::fs;
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn private() -> (tempfile::TempDir, PrivateFolder) {
        let parent = tempfile::tempdir().unwrap();
        let folder = PrivateFolder::create(&parent.path().join("a/b")).unwrap();
        (parent, folder)
    }

    #[test]
    fn files_are_written_read_and_removed() {
        let (_parent, folder) = private();
        assert!(folder.read("entry", 10).unwrap().is_none());
        folder.write("entry", b"one").unwrap();
        folder.write("entry", b"two").unwrap();
        let FileContent { bytes, id } = folder.read("entry", 10).unwrap().unwrap();
        assert_eq!(&**bytes, b"two");
        assert!(folder.is_same("entry", id) && folder.modified("entry").is_some());
        folder.write("entry", b"three").unwrap();
        assert!(!folder.is_same("entry", id));
        assert_eq!(folder.names().unwrap(), ["entry"]);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(folder.path()), mode(&folder.path().join("entry"))), (0o700, 0o600));
        assert!(folder.read("entry", 2).is_err());
        folder.remove("entry").unwrap();
        folder.remove("entry").unwrap();
    }

    #[test]
    fn folders_that_are_open_to_others_are_refused() {
        let (_parent, folder) = private();
        for mode in [0o701, 0o750, 0o777, 0o1777] {
            fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
            let error = PrivateFolder::open(folder.path()).map(drop).unwrap_err();
            assert!(error.to_string().contains("chmod 700"), "{error}");
        }
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let link = folder.path().with_extension("link");
        symlink(folder.path(), &link).unwrap();
        assert!(PrivateFolder::open(&link).unwrap().is_some());
        symlink("/tmp", folder.path().join("browser")).unwrap();
        assert!(folder.subfolder("browser").is_err());
    }

    #[test]
    fn parents_that_others_can_write_to_are_refused() {
        let (parent, folder) = private();
        folder.require_safe_path().unwrap();
        for (mode, is_safe) in [(0o777, false), (0o1777, true), (0o720, false), (0o755, true)] {
            fs::set_permissions(parent.path(), fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(folder.require_safe_path().is_ok(), is_safe, "{mode:o}");
        }
    }

    #[test]
    fn links_and_pipes_are_not_opened() {
        let (parent, folder) = private();
        let victim = parent.path().join("victim");
        fs::write(&victim, "text").unwrap();
        symlink(&victim, folder.path().join("link")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
        for name in ["link", "pipe"] {
            assert!(matches!(folder.read(name, 10), Err(ReadError::Untrusted(_))), "{name}");
            assert!(folder.lock_file(name).is_err(), "{name}");
        }
        folder.write("link", b"ours").unwrap();
        assert_eq!(fs::read_to_string(&victim).unwrap(), "text");
    }

    #[test]
    fn a_removed_lock_file_is_noticed() {
        let (_parent, folder) = private();
        let lock = folder.lock_file("lock").unwrap();
        assert!(!is_removed(&lock));
        folder.remove("lock").unwrap();
        assert!(is_removed(&lock));
    }
}
