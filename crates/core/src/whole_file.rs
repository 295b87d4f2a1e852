//! Files that are there whole or not at all, even if the program is killed while it writes them.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::Path;

#[cfg(not(unix))]
use crate::open_elsewhere;
use crate::private::is_descriptor;

/// What happens if there is a file already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Existing {
    /// It is replaced.
    Replace,
    /// It stays, and writing fails. Not even a link that somebody put there meanwhile is followed.
    Keep,
}

/// Who can read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum Readers {
    /// This user alone.
    Owner,
    /// Everybody whom the user's umask allows. Nobody else can write it, whatever the umask.
    Everybody,
}

/// Writes a file. A device or a pipe, such as `/dev/stdout`, is written to and not replaced. A link is followed if it is this user's
/// or root's.
///
/// # Errors
///
/// `AlreadyExists`, `PermissionDenied` where another user has put something in the way, and what the system reports. Nothing is left
/// behind.
pub fn write(path: &Path, bytes: &[u8], existing: Existing, readers: Readers) -> io::Result<()> {
    match existing {
        Existing::Replace if is_descriptor(path) => OpenOptions::new().append(true).open(path)?.write_all(bytes),
        Existing::Replace => put(path, bytes, readers, None, Existing::Replace),
        Existing::Keep => put(path, bytes, readers, None, Existing::Keep),
    }
}

/// Replaces a file. The new one has these permissions, or is for its owner alone.
pub(crate) fn replace(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    put(path, bytes, Readers::Owner, permissions, Existing::Replace)
}

fn temporary_name(path: &Path) -> OsString {
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    format!(".{name}.{}.{:x}", std::process::id(), crate::private::unique()).into()
}

fn fill(mut file: File, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()
}

/// Writes a temporary file in the same folder, and puts it in its place. The folder is the one that the path led to first.
#[cfg(unix)]
fn put(
    path: &Path,
    bytes: &[u8],
    readers: Readers,
    permissions: Option<Permissions>,
    existing: Existing,
) -> io::Result<()> {
    use rustix::fs::{FileType, Mode};

    use crate::private::{Place, Through};

    let mode = if readers == Readers::Owner { Mode::RUSR | Mode::WUSR } else { Mode::from_raw_mode(0o644) };
    let place = match existing {
        Existing::Replace => Place::find(path, Through::OwnLinks)?,
        Existing::Keep => Place::find_name(path, Through::OwnLinks)?,
    };
    if let Some(stat) = place.stat()? {
        let kind = FileType::from_raw_mode(stat.st_mode);
        match existing {
            Existing::Keep => return Err(io::ErrorKind::AlreadyExists.into()),
            Existing::Replace if kind == FileType::Directory => {
                return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
            }
            Existing::Replace if kind != FileType::RegularFile => return write_to_device(&place, bytes),
            Existing::Replace => {}
        }
    }
    put_at(&place, bytes, mode, permissions, existing)
}

/// Writes a temporary file next to a place, and puts it there.
#[cfg(unix)]
pub(crate) fn put_at(
    place: &crate::private::Place,
    bytes: &[u8],
    mode: rustix::fs::Mode,
    permissions: Option<Permissions>,
    existing: Existing,
) -> io::Result<()> {
    let temporary = temporary_name(place.path());
    let file = place.create_beside(&temporary, mode)?;
    let placed = fill(file, bytes, permissions).and_then(|()| match existing {
        Existing::Replace => place.rename_from(&temporary),
        // Unlike a rename, a link replaces nothing.
        Existing::Keep => match place.link_from(&temporary) {
            // A memory stick has no links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                let flags = rustix::fs::OFlags::WRONLY | rustix::fs::OFlags::CREATE | rustix::fs::OFlags::EXCL;
                fill(place.open(flags, mode)?, bytes, None).inspect_err(|_| drop(place.remove()))
            }
            linked => linked,
        },
    });
    if placed.is_err() || existing == Existing::Keep {
        let _ = place.remove_beside(&temporary);
    }
    placed?;
    // The name reaches the disk too.
    place.sync_folder();
    Ok(())
}

/// Writes to a device or a pipe. Nothing is created or emptied, and a pipe that nobody reads is not waited for.
#[cfg(unix)]
fn write_to_device(place: &crate::private::Place, bytes: &[u8]) -> io::Result<()> {
    use rustix::fs::{Mode, OFlags};

    let mut file = place.open(OFlags::WRONLY, Mode::empty())?;
    let metadata = file.metadata()?;
    if metadata.is_file() {
        let reason = "it was replaced while it was opened";
        return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
    }
    crate::private::require_own(&metadata)?;
    let flags = rustix::fs::fcntl_getfl(&file)?;
    rustix::fs::fcntl_setfl(&file, flags - OFlags::NONBLOCK)?;
    file.write_all(bytes)
}

/// Writes a temporary file in the same folder, and puts it in its place.
#[cfg(not(unix))]
fn put(path: &Path, bytes: &[u8], _: Readers, permissions: Option<Permissions>, existing: Existing) -> io::Result<()> {
    use std::fs;

    let is_other = |metadata: fs::Metadata| !metadata.is_file() && !metadata.is_dir();
    if existing == Existing::Replace && fs::metadata(path).is_ok_and(is_other) {
        return OpenOptions::new().write(true).open(path)?.write_all(bytes);
    }
    let create = |path: &Path| OpenOptions::new().write(true).create_new(true).open(path);
    let temporary = path.with_file_name(temporary_name(path));
    let placed = fill(create(&temporary)?, bytes, permissions).and_then(|()| match existing {
        Existing::Replace => open_elsewhere::rename(&temporary, path),
        // Unlike a rename, a link replaces nothing.
        Existing::Keep => match fs::hard_link(&temporary, path) {
            // A memory stick has no links.
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                fill(create(path)?, bytes, None).inspect_err(|_| drop(fs::remove_file(path)))
            }
            linked => linked,
        },
    });
    if placed.is_err() || existing == Existing::Keep {
        let _ = fs::remove_file(&temporary);
    }
    placed
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn a_file_is_replaced_or_kept_and_nothing_is_left_behind() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("november.html");
        write(&path, b"one", Existing::Keep, Readers::Owner).unwrap();
        let error = write(&path, b"two", Existing::Keep, Readers::Owner).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::AlreadyExists);
        assert_eq!(fs::read_to_string(&path).unwrap(), "one");
        write(&path, b"three", Existing::Replace, Readers::Everybody).unwrap();
        assert_eq!(fs::read_to_string(&path).unwrap(), "three");
        assert_eq!(folder.path().read_dir().unwrap().count(), 1);
    }

    #[cfg(unix)]
    #[test]
    fn a_pipe_that_nobody_reads_is_not_waited_for() {
        let folder = tempfile::tempdir().unwrap();
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        assert!(write(&pipe, b"one", Existing::Replace, Readers::Owner).is_err());
        let reader = OpenOptions::new().read(true).write(true).open(&pipe).unwrap();
        write(&pipe, b"two", Existing::Replace, Readers::Owner).unwrap();
        let mut read = [0; 3];
        io::Read::read_exact(&mut &reader, &mut read).unwrap();
        assert_eq!(&read, b"two");
        write(Path::new("/dev/null"), b"three", Existing::Replace, Readers::Owner).unwrap();
    }
}
