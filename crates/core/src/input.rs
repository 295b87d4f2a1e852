//! Reads files that a person, or another program's configuration, names: with a bound on their size, and with a deadline
//! where they are pipes or devices.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::path::Path;
use std::time::Duration;

use crate::secret::SecretBytes;

/// The size limit of a configuration, a policy, or a file of keys and metadata: 16 MiB.
#[cfg(any(test, feature = "net", feature = "verify"))]
pub(crate) const MAX_BYTES: usize = 16 << 20;

/// How long a pipe or a device may take to deliver its content.
#[cfg(any(test, feature = "net", feature = "verify"))]
pub(crate) const PIPE_TIMEOUT: Duration = Duration::from_secs(10);

/// Returns the content of the file at `path`, which may be a pipe (`<(command)` in a shell).
///
/// # Errors
///
/// `FileTooLarge` above `limit` bytes, `TimedOut` where a pipe or a device is silent for longer than `timeout`, and whatever
/// the system reports.
pub(crate) fn read(path: &Path, limit: usize, timeout: Duration) -> io::Result<Vec<u8>> {
    let (file, metadata) = open(path)?;
    read_opened(&file, &metadata, limit, timeout)
}

/// As [`read`], within [`MAX_BYTES`] and [`PIPE_TIMEOUT`], for a file that can name programs to run.
///
/// # Errors
///
/// As [`read`], and `PermissionDenied` where another user can change the file.
#[cfg(any(test, feature = "config", feature = "net"))]
pub(crate) fn read_trusted(path: &Path) -> io::Result<Vec<u8>> {
    read_trusted_up_to(path, MAX_BYTES)
}

/// As [`read_trusted`], with another limit.
///
/// # Errors
///
/// As [`read_trusted`].
#[cfg(any(test, feature = "config", feature = "net"))]
pub(crate) fn read_trusted_up_to(path: &Path, limit: usize) -> io::Result<Vec<u8>> {
    let (file, metadata) = open_trusted(path)?;
    read_opened(&file, &metadata, limit, PIPE_TIMEOUT)
}

/// Opens a file that no other user can have changed or replaced, nor the folders and links that lead to it.
#[cfg(all(unix, any(test, feature = "config", feature = "net")))]
fn open_trusted(path: &Path) -> io::Result<(File, std::fs::Metadata)> {
    use std::os::unix::fs::MetadataExt;

    use crate::private::{Place, Through, is_descriptor};

    let (file, metadata) = if is_descriptor(path) {
        open(path)?
    } else {
        let place = Place::find(path, Through::TrustedFolders)?;
        let file = place.open(rustix::fs::OFlags::RDONLY, rustix::fs::Mode::empty())?;
        let metadata = file.metadata()?;
        (file, metadata)
    };
    if metadata.is_dir() {
        return Err(io::Error::new(io::ErrorKind::IsADirectory, "it is a directory"));
    }
    require_trusted(path, (metadata.uid(), metadata.gid()), metadata.mode(), || {
        crate::private::groups::has_acl(&file)
    })?;
    Ok((file, metadata))
}

#[cfg(all(not(unix), any(test, feature = "config", feature = "net")))]
fn open_trusted(path: &Path) -> io::Result<(File, std::fs::Metadata)> {
    open(path)
}

/// As [`read_trusted`], for text in UTF-8.
#[cfg(any(test, feature = "config"))]
pub(crate) fn read_trusted_text(path: &Path) -> io::Result<String> {
    text(read_trusted(path)?)
}

/// Refuses a program that another user can change or replace.
///
/// # Errors
///
/// `PermissionDenied`.
#[cfg(any(feature = "command", feature = "browser"))]
pub(crate) fn require_trusted_program(path: &Path) -> io::Result<()> {
    #[cfg(unix)]
    {
        use rustix::fs::{Mode, OFlags};

        use crate::private::{Place, Through, groups};
        // What is not there says so when it is started. What is there may be run and not read.
        let place = match Place::find(path, Through::TrustedFolders) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            found => found?,
        };
        let Some(stat) = place.stat()? else { return Ok(()) };
        // Without the right to read it, nobody knows.
        let has_acl = || place.open(OFlags::RDONLY, Mode::empty()).is_ok_and(|file| groups::has_acl(&file));
        #[allow(clippy::useless_conversion, reason = "modes have 16 bits on macOS")]
        require_trusted(path, (stat.st_uid, stat.st_gid), u32::from(stat.st_mode), has_acl)
    }
    #[cfg(not(unix))]
    {
        let _ = path;
        Ok(())
    }
}

/// A file can be changed by its owner, and by its group or everybody if its mode says so.
#[cfg(all(unix, any(test, feature = "config", feature = "net", feature = "command")))]
fn require_trusted(
    path: &Path,
    (owner, group): (u32, u32),
    mode: u32,
    has_acl: impl FnOnce() -> bool,
) -> io::Result<()> {
    const KIND: u32 = 0o170_000;
    const CHARACTER_DEVICE: u32 = 0o020_000;
    // Everybody may write to `/dev/null`, which nobody can replace.
    let is_device = mode & KIND == CHARACTER_DEVICE && owner == 0;
    let why = if mode & 0o002 != 0 && !is_device {
        let mode = mode & 0o7777;
        format!("all users can change it (mode {mode:04o}); close it with `chmod o-w '{}'`", path.display())
    } else if crate::private::is_of_stranger(owner) {
        format!("it belongs to another user (uid {owner}); copy it")
    } else if mode & 0o020 != 0 && !is_device && !crate::private::groups::is_trusted(group, has_acl) {
        format!(
            "the members of a group (gid {group}), or those of its access control list, can change it; close it with `chmod g-w '{}'`",
            path.display()
        )
    } else {
        return Ok(());
    };
    Err(io::Error::new(io::ErrorKind::PermissionDenied, why))
}

/// Opens a regular file, however large.
///
/// # Errors
///
/// `InvalidInput` for anything else, and whatever the system reports.
#[cfg(feature = "grants")]
pub(crate) fn open_file(path: &Path) -> io::Result<File> {
    let (file, metadata) = open(path)?;
    if metadata.is_file() {
        Ok(file)
    } else {
        Err(io::Error::new(io::ErrorKind::InvalidInput, "it is not a regular file"))
    }
}

fn open(path: &Path) -> io::Result<(File, std::fs::Metadata)> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Opening a FIFO must not wait for its writer.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed() | rustix::fs::OFlags::NOCTTY.bits().cast_signed(),
    );
    let is_directory = || io::Error::new(io::ErrorKind::IsADirectory, "it is a directory");
    // Windows does not open one, and says that access is denied.
    let file = options.open(path).map_err(|error| if path.is_dir() { is_directory() } else { error })?;
    let metadata = file.metadata()?;
    if metadata.is_dir() {
        return Err(is_directory());
    }
    Ok((file, metadata))
}

fn read_opened(file: &File, metadata: &std::fs::Metadata, limit: usize, timeout: Duration) -> io::Result<Vec<u8>> {
    if metadata.is_file() && metadata.len() > limit as u64 {
        return Err(too_large(limit));
    }
    let mut content = SecretBytes::default();
    read_ready(file, limit, timeout, &mut content)?;
    let mut content = content.into_bytes();
    if content.len() > limit { Err(too_large(limit)) } else { Ok(std::mem::take(&mut *content)) }
}

/// As [`read`], for text in UTF-8, within [`MAX_BYTES`] and [`PIPE_TIMEOUT`].
#[cfg(any(test, feature = "config"))]
pub(crate) fn read_text(path: &Path) -> io::Result<String> {
    text(read(path, MAX_BYTES, PIPE_TIMEOUT)?)
}

/// The size limit of a public key, or of a ticket with a request or a sealed grant in it.
#[cfg(feature = "config")]
const MAX_SHORT_TEXT: usize = 1 << 20;

/// Reads a text of up to 1 MiB, from standard input if `path` is `-`.
///
/// # Errors
///
/// `FileTooLarge`, `TimedOut` where a pipe is silent, `InvalidData` where it is not text in UTF-8, and whatever the system reports.
#[cfg(feature = "config")]
pub fn read_short_text(path: &Path) -> io::Result<String> {
    let content = if path == Path::new("-") {
        let mut content = Vec::new();
        io::stdin().take(MAX_SHORT_TEXT as u64 + 1).read_to_end(&mut content)?;
        if content.len() > MAX_SHORT_TEXT {
            return Err(too_large(MAX_SHORT_TEXT));
        }
        content
    } else {
        read(path, MAX_SHORT_TEXT, PIPE_TIMEOUT)?
    };
    text(content)
}

#[cfg(any(test, feature = "config"))]
fn text(content: Vec<u8>) -> io::Result<String> {
    String::from_utf8(content).map_err(|error| io::Error::new(io::ErrorKind::InvalidData, not_utf8(error.as_bytes())))
}

/// Why a file is not text in UTF-8. Windows PowerShell writes UTF-16 with `>`.
#[cfg(any(test, feature = "config"))]
fn not_utf8(content: &[u8]) -> &'static str {
    if content.starts_with(&[0xff, 0xfe]) || content.starts_with(&[0xfe, 0xff]) {
        "it is text in UTF-16, not in UTF-8"
    } else {
        "it is not text in UTF-8"
    }
}

fn too_large(limit: usize) -> io::Error {
    io::Error::new(io::ErrorKind::FileTooLarge, format!("it is larger than {limit} bytes"))
}

/// Reads up to one byte more than `limit`, so that the caller can tell.
fn read_ready(file: &File, limit: usize, timeout: Duration, content: &mut SecretBytes) -> io::Result<()> {
    let mut file = file;
    let end = std::time::Instant::now() + timeout;
    loop {
        let rest = (limit + 1).saturating_sub(content.as_slice().len());
        match content.read_to_end(Read::take(&mut file, rest as u64)) {
            Ok(()) => return Ok(()),
            Err(error) if error.kind() == io::ErrorKind::WouldBlock => {
                let left = end.saturating_duration_since(std::time::Instant::now());
                if left.is_zero() {
                    return Err(io::Error::new(io::ErrorKind::TimedOut, format!("no content after {timeout:?}")));
                }
                wait_readable(file, left)?;
            }
            Err(error) => return Err(error),
        }
    }
}

#[cfg(unix)]
fn wait_readable(file: &File, timeout: Duration) -> io::Result<()> {
    use rustix::event::{PollFd, PollFlags, Timespec, poll};
    let timeout = Timespec { tv_sec: timeout.as_secs().cast_signed(), tv_nsec: timeout.subsec_nanos().into() };
    match poll(&mut [PollFd::new(file, PollFlags::IN)], Some(&timeout)) {
        Ok(_) | Err(rustix::io::Errno::INTR) => Ok(()),
        Err(error) => Err(error.into()),
    }
}

#[cfg(not(unix))]
fn wait_readable(_: &File, _: Duration) -> io::Result<()> {
    std::thread::sleep(Duration::from_millis(10));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_are_read_up_to_the_limit() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("policy.json");
        std::fs::write(&file, "12345").unwrap();
        assert_eq!(read(&file, 5, PIPE_TIMEOUT).unwrap(), b"12345");
        assert_eq!(read(&file, 4, PIPE_TIMEOUT).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        assert_eq!(read(folder.path(), 5, PIPE_TIMEOUT).unwrap_err().kind(), io::ErrorKind::IsADirectory);
        std::fs::write(&file, b"\xff").unwrap();
        assert_eq!(read_text(&file).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[cfg(unix)]
    #[test]
    fn what_others_can_change_is_not_trusted() {
        use std::os::unix::fs::PermissionsExt;

        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        std::fs::write(&file, "").unwrap();
        for (mode, is_trusted) in [(0o600, true), (0o644, true), (0o664, true), (0o666, false), (0o602, false)] {
            std::fs::set_permissions(&file, std::fs::Permissions::from_mode(mode)).unwrap();
            assert_eq!(read_trusted(&file).is_ok(), is_trusted, "{mode:o}");
        }
        assert!(read_trusted(Path::new("/dev/null")).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn devices_and_pipes_end() {
        assert_eq!(read(Path::new("/dev/zero"), 1000, PIPE_TIMEOUT).unwrap_err().kind(), io::ErrorKind::FileTooLarge);
        let folder = tempfile::tempdir().unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        // Nobody writes: it is empty, and opening it does not wait.
        assert_eq!(read(&fifo, 1000, PIPE_TIMEOUT).unwrap(), b"");
        // Both ends are held open, and nothing comes.
        let writer = OpenOptions::new().read(true).write(true).open(&fifo).unwrap();
        let silent = read(&fifo, 1000, Duration::from_millis(1)).unwrap_err();
        assert_eq!(silent.kind(), io::ErrorKind::TimedOut);
        std::io::Write::write_all(&mut &writer, b"{}").unwrap();
        drop(writer);
    }
}
