//! The lock under which a file is changed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another process may keep the lock.
const TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(10);

/// A locked file, which is removed when this is dropped. The system releases the lock of a process that dies.
#[derive(Debug)]
pub(super) struct Lock {
    /// Closing it releases the lock.
    _file: File,
    path: PathBuf,
}

impl Lock {
    /// Takes the first of these locks whose file can be created. Blocks.
    ///
    /// # Errors
    ///
    /// `TimedOut` where another process keeps it, and whatever the system reports of the last one.
    pub(super) fn acquire(paths: &[PathBuf]) -> io::Result<Self> {
        Self::acquire_within(paths, TIMEOUT)
    }

    fn acquire_within(paths: &[PathBuf], timeout: Duration) -> io::Result<Self> {
        let end = Instant::now() + timeout;
        let mut result = Err(io::Error::new(io::ErrorKind::NotFound, "there is no place for its lock"));
        for path in paths {
            result = Self::acquire_at(path, end);
            if !result.as_ref().is_err_and(|error| error.kind() != io::ErrorKind::TimedOut) {
                break;
            }
        }
        result
    }

    fn acquire_at(path: &Path, end: Instant) -> io::Result<Self> {
        if let Some(folder) = path.parent() {
            crate::private::create_all(folder)?;
        }
        loop {
            let file = open(path)?;
            match file.try_lock() {
                // Its last holder may have removed it: then the next one locks another file of this name.
                Ok(()) if is_at(&file, path) => return Ok(Self { _file: file, path: path.to_owned() }),
                Ok(()) => {}
                Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(POLL_INTERVAL),
                Err(TryLockError::WouldBlock) => {
                    return Err(io::Error::new(
                        io::ErrorKind::TimedOut,
                        "timed out waiting for another process that changes it",
                    ));
                }
                Err(TryLockError::Error(error)) => return Err(error),
            }
        }
    }
}

impl Drop for Lock {
    fn drop(&mut self) {
        // While it is locked, so that only its holder removes it. Elsewhere, a process could not tell that it is gone.
        if cfg!(unix) {
            let _ = fs::remove_file(&self.path);
        }
    }
}

fn open(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        // Neither a link to another file nor a pipe that waits for its reader.
        let flags = rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK;
        options.mode(0o600).custom_flags(flags.bits().cast_signed());
    }
    let file = options.open(path)?;
    if !file.metadata()?.is_file() {
        let message = format!("its lock `{}` is not a regular file", path.display());
        return Err(io::Error::new(io::ErrorKind::InvalidInput, message));
    }
    Ok(file)
}

/// Whether the file is still the one at this path.
#[cfg(unix)]
fn is_at(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    let id = |metadata: fs::Metadata| (metadata.dev(), metadata.ino());
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(file), Ok(there)) => id(file) == id(there),
        _ => false,
    }
}

#[cfg(not(unix))]
fn is_at(_: &File, _: &Path) -> bool {
    true
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::sync::atomic::{AtomicUsize, Ordering};

    use super::*;

    #[test]
    fn one_holder_at_a_time_and_no_file_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let path = vec![folder.path().join("new/lock")];
        let (holders, rounds) = (AtomicUsize::new(0), AtomicUsize::new(0));
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| {
                    for _ in 0..50 {
                        let _lock = Lock::acquire(&path).unwrap();
                        assert_eq!(holders.fetch_add(1, Ordering::SeqCst), 0);
                        rounds.fetch_add(1, Ordering::SeqCst);
                        holders.fetch_sub(1, Ordering::SeqCst);
                    }
                });
            }
        });
        assert_eq!(rounds.into_inner(), 200);
        assert!(!path[0].exists());
    }

    #[test]
    fn a_lock_that_is_kept_is_waited_for_and_not_forever() {
        let folder = tempfile::tempdir().unwrap();
        let paths = [folder.path().join("lock"), folder.path().join("other")];
        let _lock = Lock::acquire(&paths).unwrap();
        let error = Lock::acquire_within(&paths, Duration::from_millis(1)).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
    }

    #[test]
    fn links_and_pipes_are_refused_and_the_next_place_is_taken() {
        let folder = tempfile::tempdir().unwrap();
        let [victim, link, fifo, other] = ["victim", "link", "fifo", "other"].map(|name| folder.path().join(name));
        fs::write(&victim, "x").unwrap();
        std::os::unix::fs::symlink(&victim, &link).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        assert!(Lock::acquire(std::slice::from_ref(&link)).is_err());
        assert!(Lock::acquire(&[fifo]).is_err());
        let lock = Lock::acquire(&[link, other.clone()]).unwrap();
        assert!(other.exists());
        drop(lock);
        assert_eq!(fs::read_to_string(victim).unwrap(), "x");
    }
}
