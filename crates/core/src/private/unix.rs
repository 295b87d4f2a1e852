//! By descriptors: a folder that is swapped for another one, or a link in it, makes no difference.

use std::fs::File;
use std::io;
use std::os::fd::AsFd;
use std::os::unix::fs::MetadataExt;
use std::path::Path;

use rustix::fs::{AtFlags, Dir, Mode, OFlags};
use rustix::io::Errno;

use super::walk::{self, SAFE, Through};
use super::{PrivateFolder, ReadError, untrusted};

const OWNER_ONLY: Mode = Mode::RUSR.union(Mode::WUSR);

impl PrivateFolder {
    /// Opens the folder. `None` if there is none.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` with the reason and the remedy if the folder is not private to this user.
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        // A link of the person's own that leads to the folder is fine: the folder itself is checked.
        match walk::folder(path, Through::OwnLinks) {
            Ok(folder) => Self::open_at(folder, Path::new("."), path, OFlags::empty()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
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
        Self::open_at(&self.fd, Path::new(name), &path, OFlags::NOFOLLOW)?.ok_or_else(|| io::ErrorKind::NotFound.into())
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
