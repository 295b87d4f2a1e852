//! Follows a path step by step. Each folder is reached through the descriptor of the one before, and each link is judged before it is
//! followed, so that nobody can put something else in the place of a part between the check and the use.

#![cfg_attr(not(feature = "config"), allow(dead_code, reason = "files that a configuration names"))]

use std::collections::VecDeque;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::io;
use std::os::fd::{AsFd, BorrowedFd, OwnedFd};
use std::os::unix::ffi::OsStringExt;
use std::path::{Component, Path, PathBuf};

use rustix::fs::{AtFlags, CWD, FileType, Mode, OFlags, Stat};
use rustix::io::Errno;

use super::{groups, is_foreign, is_of_stranger, require_closed_to_others, untrusted};

/// Opening must neither follow a link nor wait for the other end of a pipe.
pub(super) const SAFE: OFlags = OFlags::NOFOLLOW.union(OFlags::NONBLOCK).union(OFlags::CLOEXEC).union(OFlags::NOCTTY);
/// As many links as Linux follows.
const MAX_LINKS: usize = 40;
/// To reach what is in a folder, and not to list it.
#[cfg(target_os = "linux")]
const FOLDER: OFlags = OFlags::PATH.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);
#[cfg(not(target_os = "linux"))]
const FOLDER: OFlags = OFlags::RDONLY.union(OFlags::DIRECTORY).union(OFlags::NOFOLLOW).union(OFlags::CLOEXEC);

/// What a path may lead through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Through {
    /// Any folder, and links of this user and of root.
    OwnLinks,
    /// Besides that, only folders in which nobody else can put another file in the place of one.
    TrustedFolders,
}

/// A name in a folder, where a path leads.
pub(crate) struct Place {
    folder: OwnedFd,
    name: OsString,
    path: PathBuf,
}

/// What a name is.
enum Named {
    Link(PathBuf),
    Other,
    Nothing,
}

impl Place {
    /// Follows a path to its end. What is there is no link, or nothing is there.
    ///
    /// # Errors
    ///
    /// `PermissionDenied` with the reason for what another user has put in the way, `NotFound` if a folder is missing.
    pub(crate) fn find(path: &Path, through: Through) -> io::Result<Self> {
        Walk::new(through).end(path)
    }

    /// As [`find`](Self::find), without following a link at the end.
    pub(crate) fn find_name(path: &Path, through: Through) -> io::Result<Self> {
        Walk { follows_last: false, ..Walk::new(through) }.end(path)
    }

    /// As [`find`](Self::find), and creates the folders that are missing, for this user alone (0700).
    pub(crate) fn find_or_create(path: &Path, through: Through) -> io::Result<Self> {
        Walk { creates: true, ..Walk::new(through) }.end(path)
    }

    /// Refuses a folder whose files everybody can delete and replace.
    pub(crate) fn require_closed(&self) -> io::Result<()> {
        let folder = self.path.parent().unwrap_or(Path::new("/"));
        require_closed_to_others(&rustix::fs::fstat(&self.folder)?, folder)
    }

    /// Where the path leads, without links.
    pub(crate) fn path(&self) -> &Path {
        &self.path
    }

    /// A name in a folder that is open, and has this path.
    #[cfg(feature = "grants")]
    pub(crate) fn within(folder: OwnedFd, path: &Path, name: &str) -> Self {
        Self { folder, name: name.into(), path: path.join(name) }
    }

    /// What is there, if anything.
    pub(crate) fn stat(&self) -> io::Result<Option<Stat>> {
        match rustix::fs::statat(&self.folder, &self.name, AtFlags::SYMLINK_NOFOLLOW) {
            Ok(stat) => Ok(Some(stat)),
            Err(Errno::NOENT) => Ok(None),
            Err(error) => Err(error.into()),
        }
    }

    /// Opens what is there. A link is not followed, and nothing is waited for.
    pub(crate) fn open(&self, flags: OFlags, mode: Mode) -> io::Result<File> {
        self.open_name(&self.name, flags, mode)
    }

    /// Creates a file with another name in the folder.
    pub(crate) fn create_beside(&self, name: &OsStr, mode: Mode) -> io::Result<File> {
        self.open_name(name, OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)
    }

    /// Gives a file of the folder this name, in the place of what has it.
    pub(crate) fn rename_from(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::renameat(&self.folder, name, &self.folder, &self.name)?)
    }

    /// Gives a file of the folder this name as well, which nothing may have.
    pub(crate) fn link_from(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::linkat(&self.folder, name, &self.folder, &self.name, AtFlags::empty())?)
    }

    /// Removes a file of the folder.
    pub(crate) fn remove_beside(&self, name: &OsStr) -> io::Result<()> {
        Ok(rustix::fs::unlinkat(&self.folder, name, AtFlags::empty())?)
    }

    /// Removes what has this name.
    pub(crate) fn remove(&self) -> io::Result<()> {
        self.remove_beside(&self.name)
    }

    /// Brings the names of the folder to the disk. Some systems cannot.
    pub(crate) fn sync_folder(&self) {
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::CLOEXEC;
        if let Ok(folder) = rustix::fs::openat(&self.folder, ".", flags, Mode::empty()) {
            let _ = rustix::fs::fsync(folder);
        }
    }

    fn open_name(&self, name: &OsStr, flags: OFlags, mode: Mode) -> io::Result<File> {
        Ok(rustix::fs::openat(&self.folder, name, flags | SAFE, mode)?.into())
    }
}

/// Follows a path to a folder.
///
/// # Errors
///
/// As [`Place::find`].
pub(crate) fn folder(path: &Path, through: Through) -> io::Result<OwnedFd> {
    Walk::new(through).follow(path)
}

/// As [`folder`], and creates the folders that are missing, for this user alone (0700).
pub(crate) fn create_folder(path: &Path, through: Through) -> io::Result<OwnedFd> {
    Walk { creates: true, ..Walk::new(through) }.follow(path)
}

/// A path that is being followed.
struct Walk {
    through: Through,
    follows_last: bool,
    creates: bool,
    links: usize,
    /// What is left of the path.
    rest: VecDeque<OsString>,
    folder: Option<OwnedFd>,
    /// Where the walk is.
    at: PathBuf,
}

impl Walk {
    fn new(through: Through) -> Self {
        Self {
            through,
            follows_last: true,
            creates: false,
            links: 0,
            rest: VecDeque::new(),
            folder: None,
            at: PathBuf::new(),
        }
    }

    fn follow(mut self, path: &Path) -> io::Result<OwnedFd> {
        self.push(path);
        while self.step()?.is_none() {}
        self.folder.ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    fn end(mut self, path: &Path) -> io::Result<Place> {
        if path.as_os_str().as_encoded_bytes().ends_with(b"/") {
            return Err(io::Error::new(
                io::ErrorKind::NotADirectory,
                "a name that ends with `/` is that of a directory",
            ));
        }
        self.push(path);
        loop {
            if self.rest.len() == 1
                && let Some(name) = self.rest.front().cloned().filter(|name| !matches!(name.to_str(), Some("/" | "..")))
            {
                let follows_last = self.follows_last;
                let folder = self.folder()?;
                let is_end = !follows_last || !matches!(named(folder, &name)?, Named::Link(_));
                if is_end {
                    let path = self.at.join(&name);
                    let folder = self.folder.ok_or(io::ErrorKind::NotFound)?;
                    return Ok(Place { folder, name, path });
                }
            }
            if self.step()?.is_some() {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
            }
        }
    }

    /// Puts a path before what is left.
    fn push(&mut self, path: &Path) {
        let parts = path.components().filter_map(|component| match component {
            Component::RootDir => Some(OsString::from("/")),
            Component::ParentDir => Some(OsString::from("..")),
            Component::Normal(name) => Some(name.to_owned()),
            Component::CurDir | Component::Prefix(_) => None,
        });
        for part in parts.collect::<Vec<_>>().into_iter().rev() {
            self.rest.push_front(part);
        }
    }

    fn folder(&mut self) -> io::Result<BorrowedFd<'_>> {
        if self.folder.is_none() {
            self.enter(CWD, OsStr::new("."), PathBuf::new())?;
        }
        self.folder.as_ref().map(AsFd::as_fd).ok_or_else(|| io::ErrorKind::NotFound.into())
    }

    /// Follows one part of the path. Returns that there is none.
    fn step(&mut self) -> io::Result<Option<()>> {
        let Some(part) = self.rest.pop_front() else {
            self.folder()?;
            return Ok(Some(()));
        };
        match part.to_str() {
            Some("/") => return self.enter(CWD, OsStr::new("/"), PathBuf::from("/")).map(|()| None),
            Some("..") => {
                let at = self.at.join("..");
                let folder = self.folder()?.try_clone_to_owned()?;
                return self.enter(folder.as_fd(), OsStr::new(".."), at).map(|()| None);
            }
            _ => {}
        }
        let creates = self.creates;
        let folder = self.folder()?;
        match named(folder, &part)? {
            Named::Link(target) => {
                self.links += 1;
                if self.links > MAX_LINKS {
                    return Err(io::Error::new(io::ErrorKind::InvalidInput, "its links lead in a circle"));
                }
                self.push(&target);
                return Ok(None);
            }
            Named::Nothing if creates => match rustix::fs::mkdirat(folder, &part, Mode::RWXU) {
                Ok(()) | Err(Errno::EXIST) => {}
                Err(error) => return Err(error.into()),
            },
            Named::Nothing | Named::Other => {}
        }
        let folder = folder.try_clone_to_owned()?;
        let at = self.at.join(&part);
        self.enter(folder.as_fd(), &part, at).map(|()| None)
    }

    fn enter(&mut self, from: BorrowedFd<'_>, name: &OsStr, at: PathBuf) -> io::Result<()> {
        let folder = rustix::fs::openat(from, name, FOLDER, Mode::empty())?;
        if self.through == Through::TrustedFolders {
            require_trusted(&folder, &at)?;
        }
        (self.folder, self.at) = (Some(folder), at);
        Ok(())
    }
}

/// Looks at a name in a folder. The owner of a link is that of the link that is read.
#[cfg(target_os = "linux")]
fn named(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<Named> {
    let found = match rustix::fs::openat(folder, name, OFlags::PATH | OFlags::NOFOLLOW | OFlags::CLOEXEC, Mode::empty())
    {
        Ok(found) => found,
        Err(Errno::NOENT) => return Ok(Named::Nothing),
        Err(error) => return Err(error.into()),
    };
    let stat = rustix::fs::fstat(&found)?;
    if !is_link(&stat) {
        return Ok(Named::Other);
    }
    require_own_link(&stat)?;
    Ok(Named::Link(target(rustix::fs::readlinkat(&found, "", Vec::new())?)))
}

/// Looks at a name in a folder. A link that was replaced meanwhile is not followed.
#[cfg(not(target_os = "linux"))]
fn named(folder: BorrowedFd<'_>, name: &OsStr) -> io::Result<Named> {
    let stat = || rustix::fs::statat(folder, name, AtFlags::SYMLINK_NOFOLLOW);
    let before = match stat() {
        Ok(before) => before,
        Err(Errno::NOENT) => return Ok(Named::Nothing),
        Err(error) => return Err(error.into()),
    };
    if !is_link(&before) {
        return Ok(Named::Other);
    }
    require_own_link(&before)?;
    let link = rustix::fs::readlinkat(folder, name, Vec::new())?;
    let after = stat()?;
    if (before.st_dev, before.st_ino, before.st_ctime) != (after.st_dev, after.st_ino, after.st_ctime) {
        return Err(untrusted("a link was replaced while it was followed".to_owned()));
    }
    Ok(Named::Link(target(link)))
}

fn target(link: std::ffi::CString) -> PathBuf {
    OsString::from_vec(link.into_bytes()).into()
}

fn is_link(stat: &Stat) -> bool {
    FileType::from_raw_mode(stat.st_mode) == FileType::Symlink
}

fn require_own_link(stat: &Stat) -> io::Result<()> {
    if is_foreign(stat.st_uid) {
        return Err(untrusted(format!("it is a link of another user (uid {}), or leads through one", stat.st_uid)));
    }
    Ok(())
}

/// Refuses a folder whose owner, or whose group, could put another file in the place of one.
fn require_trusted(folder: &OwnedFd, path: &Path) -> io::Result<()> {
    let stat = rustix::fs::fstat(folder)?;
    if is_of_stranger(stat.st_uid) {
        let reason = format!("its folder `{}` belongs to another user (uid {})", path.display(), stat.st_uid);
        return Err(untrusted(format!("{reason}, who can replace what is in it")));
    }
    require_closed_to_others(&stat, path)?;
    if groups::can_replace_in(folder, &stat) {
        return Err(untrusted(format!(
            "the members of a group (gid {}), or those of its access control list, can replace what is in the folder `{}`; close it with `chmod g-w` or `chmod +t`",
            stat.st_gid,
            path.display()
        )));
    }
    Ok(())
}
