//! Files that are there whole or not at all, even if the program is killed while it writes them.

use std::fs::{self, File, OpenOptions, Permissions};
use std::io::{self, Write};
use std::path::Path;

use crate::open_elsewhere;

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

/// Writes a file. A device or a pipe, such as `/dev/stdout`, is written to and not replaced.
///
/// # Errors
///
/// `AlreadyExists`, and what the system reports. Nothing is left behind.
pub fn write(path: &Path, bytes: &[u8], existing: Existing, readers: Readers) -> io::Result<()> {
    match existing {
        Existing::Replace if is_device(path) => write_to_device(path, bytes),
        Existing::Replace => place(path, bytes, readers, None, |temporary| open_elsewhere::rename(temporary, path)),
        Existing::Keep => place(path, bytes, readers, None, |temporary| {
            // Unlike a rename, a link replaces nothing.
            let linked = match fs::hard_link(temporary, path) {
                // A memory stick has no links.
                Err(error) if error.kind() != io::ErrorKind::AlreadyExists => {
                    let written = create(path, readers)?;
                    fill(written, bytes, None).inspect_err(|_| drop(fs::remove_file(path)))
                }
                linked => linked,
            };
            let _ = fs::remove_file(temporary);
            linked
        }),
    }
}

/// Replaces a file. The new one has these permissions, or is for its owner alone.
pub(crate) fn replace(path: &Path, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    place(path, bytes, Readers::Owner, permissions, |temporary| open_elsewhere::rename(temporary, path))
}

fn is_device(path: &Path) -> bool {
    let is_other = |metadata: fs::Metadata| !metadata.is_file() && !metadata.is_dir();
    // What these lead to can be a file, which another program has opened.
    let is_descriptor = path.starts_with("/dev/fd") || path.starts_with("/proc/self/fd");
    let is_stream = ["/dev/stdout", "/dev/stderr"].iter().any(|stream| path == Path::new(stream));
    is_descriptor || is_stream || fs::metadata(path).is_ok_and(is_other)
}

/// Writes to a device, a pipe, or what a stream leads to. Nothing is created, and a pipe that nobody reads is not waited for.
fn write_to_device(path: &Path, bytes: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true).truncate(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed(),
    );
    let mut file = options.open(path)?;
    #[cfg(unix)]
    {
        let owner = std::os::unix::fs::MetadataExt::uid(&file.metadata()?);
        if crate::private::is_foreign(owner) {
            let reason = format!("it belongs to another user (uid {owner})");
            return Err(io::Error::new(io::ErrorKind::PermissionDenied, reason));
        }
        let flags = rustix::fs::fcntl_getfl(&file)?;
        rustix::fs::fcntl_setfl(&file, flags - rustix::fs::OFlags::NONBLOCK)?;
    }
    file.write_all(bytes)
}

/// Writes a temporary file in the same folder, and has it put in its place.
fn place(
    path: &Path,
    bytes: &[u8],
    readers: Readers,
    permissions: Option<Permissions>,
    put: impl FnOnce(&Path) -> io::Result<()>,
) -> io::Result<()> {
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    let temporary = folder.join(format!(".{name}.{}.{:x}", std::process::id(), crate::private::unique()));
    let file = create(&temporary, readers)?;
    let written = fill(file, bytes, permissions).and_then(|()| put(&temporary));
    if written.is_err() {
        let _ = fs::remove_file(&temporary);
        return written;
    }
    // The name reaches the disk too. Some systems cannot synchronise a folder.
    if let Ok(folder) = File::open(folder) {
        let _ = folder.sync_all();
    }
    Ok(())
}

fn create(path: &Path, readers: Readers) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create_new(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, if readers == Readers::Owner { 0o600 } else { 0o644 });
    #[cfg(not(unix))]
    let _ = readers;
    options.open(path)
}

fn fill(mut file: File, bytes: &[u8], permissions: Option<Permissions>) -> io::Result<()> {
    file.write_all(bytes)?;
    if let Some(permissions) = permissions {
        file.set_permissions(permissions)?;
    }
    file.sync_all()
}

#[cfg(test)]
mod tests {
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
