use std::fs::{File, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{AuditLog, AuditRecord};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::file_lock::FileLock;

/// An [`AuditLog`] in a file: one JSON object a line, append-only, readable and writable by its owner alone (0600).
///
/// Any number of processes may write to it. A record is written whole or not at all, and is on the disk when
/// [`append`](AuditLog::append) returns. The file must belong to this user or to root, as must a link that leads to it.
#[derive(Debug, Clone)]
pub struct AuditFile {
    path: PathBuf,
}

/// How long another writer may hold the lock.
const LOCK_TIMEOUT: Duration = Duration::from_secs(10);
const POLL_INTERVAL: Duration = Duration::from_millis(5);

impl AuditFile {
    /// Logs to this file. It is created with its folder when it is first needed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> io::Result<File> {
        #[cfg(unix)]
        let file = unix::open(&self.path)?;
        #[cfg(not(unix))]
        let file = {
            if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
                crate::private::create_all(folder)?;
            }
            std::fs::OpenOptions::new().create(true).read(true).append(true).open(&self.path)?
        };
        Ok(file)
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut file = lock(self.open()?)?;
        let metadata = file.metadata()?;
        let length = metadata.len();
        let mut bytes = Vec::with_capacity(line.len() + 2);
        // A writer that was killed in the middle of a line must not damage the next one.
        if length > 0 && metadata.is_file() {
            let mut last = [0];
            file.seek(SeekFrom::End(-1))?;
            file.read_exact(&mut last)?;
            if last != *b"\n" {
                bytes.push(b'\n');
            }
        }
        bytes.extend_from_slice(line);
        bytes.push(b'\n');
        let written = file.write_all(&bytes).and_then(|()| file.sync_data());
        if written.is_err() {
            let _ = file.set_len(length);
        }
        written
    }

    fn failed(&self, error: io::Error) -> Error {
        Error::new(
            ErrorKind::AuditFailed,
            Stage::Audit,
            format!("cannot write the audit record to `{}`: {error}", self.path.display()),
        )
        .with_hint("nothing was handed out; make the file writable, or choose another with `--audit-log` or `TEMPACCESS_AUDIT_LOG`")
        .with_source(error)
    }
}

fn lock(file: File) -> io::Result<FileLock> {
    let end = Instant::now() + LOCK_TIMEOUT;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(FileLock::new(file)),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(POLL_INTERVAL),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds its lock"));
            }
        }
    }
}

#[cfg(unix)]
mod unix {
    use std::fs::{Metadata, Permissions};
    use std::os::unix::fs::PermissionsExt;

    use rustix::fs::{Mode, OFlags};

    use super::*;
    use crate::private::{Place, Through, is_descriptor, require_own};

    /// Opens the log. Links are followed as long as they belong to this user or to root.
    pub(super) fn open(path: &Path) -> io::Result<File> {
        let flags = OFlags::CREATE | OFlags::RDWR | OFlags::APPEND;
        let file = if is_descriptor(path) {
            File::options().read(true).append(true).open(path)?
        } else {
            let place = Place::find_or_create(path, Through::OwnLinks)?;
            place.require_closed()?;
            place.open(flags, Mode::RUSR | Mode::WUSR)?
        };
        let metadata = file.metadata()?;
        require_own(&metadata)?;
        close_to_others(&file, &metadata)?;
        Ok(file)
    }

    /// Takes away the permissions of others. A log of several writers belongs to root, and stays as it is.
    fn close_to_others(file: &File, metadata: &Metadata) -> io::Result<()> {
        if !metadata.is_file() || metadata.permissions().mode() & 0o077 == 0 {
            return Ok(());
        }
        match file.set_permissions(Permissions::from_mode(0o600)) {
            Err(error) if error.kind() != io::ErrorKind::PermissionDenied => Err(error),
            _ => Ok(()),
        }
    }
}

impl AuditLog for AuditFile {
    fn check(&self) -> Result<()> {
        self.open().map(drop).map_err(|error| self.failed(error))
    }

    fn append(&self, record: &AuditRecord) -> Result<()> {
        let line = serde_json::to_vec(record).map_err(|error| self.failed(error.into()))?;
        self.write(&line).map_err(|error| self.failed(error))
    }
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;
    use crate::audit::Attempt;

    fn record() -> AuditRecord {
        let error: &'static Error =
            Box::leak(Box::new(Error::new(ErrorKind::NoRoles, Stage::Assertion, "the assertion offers no role")));
        Attempt { source: "file".to_owned(), ..Attempt::default() }.record(jiff::Timestamp::UNIX_EPOCH, Err(error))
    }

    #[test]
    fn lines_of_several_writers_stay_whole() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditFile::new(folder.path().join("state/audit.jsonl"));
        log.check().unwrap();
        std::thread::scope(|scope| {
            for _ in 0..8 {
                scope.spawn(|| (0..10).for_each(|_| log.append(&record()).unwrap()));
            }
        });
        let text = fs::read_to_string(log.path()).unwrap();
        assert_eq!(text.lines().count(), 80);
        assert!(text.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));
    }

    #[test]
    fn a_torn_line_does_not_damage_the_next_one() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditFile::new(folder.path().join("audit.jsonl"));
        fs::write(log.path(), "{\"version\":1,\"at").unwrap();
        log.append(&record()).unwrap();
        let text = fs::read_to_string(log.path()).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(text.lines().nth(1).unwrap()).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn the_file_is_closed_to_others() {
        use std::os::unix::fs::PermissionsExt;
        let folder = tempfile::tempdir().unwrap();
        let log = AuditFile::new(folder.path().join("state/audit.jsonl"));
        log.append(&record()).unwrap();
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
        assert_eq!((mode(log.path()), mode(log.path().parent().unwrap())), (0o600, 0o700));
        fs::set_permissions(log.path(), fs::Permissions::from_mode(0o644)).unwrap();
        log.append(&record()).unwrap();
        assert_eq!(mode(log.path()), 0o600);
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_full_disk_is_an_error() {
        let error = AuditFile::new("/dev/full").append(&record()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AuditFailed);
    }
    #[cfg(unix)]
    #[test]
    fn links_of_this_user_are_followed_and_pipes_do_not_block() {
        let folder = tempfile::tempdir().unwrap();
        let real = folder.path().join("real.jsonl");
        std::os::unix::fs::symlink("real.jsonl", folder.path().join("audit.jsonl")).unwrap();
        AuditFile::new(folder.path().join("audit.jsonl")).append(&record()).unwrap();
        assert_eq!(fs::read_to_string(real).unwrap().lines().count(), 1);
        std::os::unix::fs::symlink("around", folder.path().join("around")).unwrap();
        assert!(AuditFile::new(folder.path().join("around")).check().is_err());
        let pipe = folder.path().join("pipe");
        assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
        // Nobody reads. What fits into the pipe is written, and then an error follows.
        let log = AuditFile::new(pipe);
        assert!((0..1000).any(|_| log.append(&record()).is_err()));
    }
}
