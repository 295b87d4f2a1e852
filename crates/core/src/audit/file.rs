use std::fs::{self, File, OpenOptions, TryLockError};
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::{AuditLog, AuditRecord};
use crate::error::{Error, ErrorKind, Result, Stage};

/// An [`AuditLog`] in a file: one JSON object a line, append-only, for the owner's eyes alone (0600).
///
/// Any number of processes may write to it. A record is written whole or not at all, and is on the disk when
/// [`append`](AuditLog::append) returns.
#[derive(Debug, Clone)]
pub struct AuditFile {
    path: PathBuf,
}

/// How long another writer may hold the file.
const LOCK_DEADLINE: Duration = Duration::from_secs(10);

impl AuditFile {
    /// The log at this path. The file and its folder are made when they are first needed.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    fn open(&self) -> io::Result<File> {
        if let Some(folder) = self.path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            private_folder(folder)?;
        }
        let mut options = OpenOptions::new();
        options.create(true).read(true).append(true);
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let file = options.open(&self.path)?;
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            let metadata = file.metadata()?;
            // A log that an administrator made for several writers belongs to somebody else, and stays as it is.
            if metadata.is_file() && metadata.permissions().mode() & 0o077 != 0 {
                match file.set_permissions(fs::Permissions::from_mode(0o600)) {
                    Err(error) if error.kind() != io::ErrorKind::PermissionDenied => return Err(error),
                    _ => {}
                }
            }
        }
        Ok(file)
    }

    fn write(&self, line: &[u8]) -> io::Result<()> {
        let mut file = self.open()?;
        lock(&file)?;
        let length = file.metadata()?.len();
        // A writer that was killed in the middle of a line must not spoil the next one.
        let mut bytes = Vec::with_capacity(line.len() + 2);
        if length > 0 && file.metadata()?.is_file() {
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
            format!("the audit record cannot be written to `{}`: {error}", self.path.display()),
        )
        .with_hint("nothing was handed out; make the file writable, or name another with `--audit-log` or `TEMPACCESS_AUDIT_LOG`")
        .with_source(error)
    }
}

fn private_folder(folder: &Path) -> io::Result<()> {
    let mut builder = fs::DirBuilder::new();
    builder.recursive(true);
    #[cfg(unix)]
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
    builder.create(folder)
}

fn lock(file: &File) -> io::Result<()> {
    let end = Instant::now() + LOCK_DEADLINE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(error)) => return Err(error),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(5)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds it"));
            }
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
    use super::*;
    use crate::audit::Attempt;

    fn record() -> AuditRecord {
        let error: &'static Error =
            Box::leak(Box::new(Error::new(ErrorKind::NoRoles, Stage::Assertion, "the assertion offers no role")));
        Attempt { source: "file".to_owned(), ..Attempt::default() }.record(jiff::Timestamp::UNIX_EPOCH, Err(error))
    }

    #[test]
    fn lines_stay_whole_whoever_writes() {
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
    fn a_line_that_was_cut_off_spoils_no_other() {
        let folder = tempfile::tempdir().unwrap();
        let log = AuditFile::new(folder.path().join("audit.jsonl"));
        fs::write(log.path(), "{\"version\":1,\"at").unwrap();
        log.append(&record()).unwrap();
        let text = fs::read_to_string(log.path()).unwrap();
        assert!(serde_json::from_str::<serde_json::Value>(text.lines().nth(1).unwrap()).is_ok());
    }

    #[cfg(unix)]
    #[test]
    fn it_is_for_the_owner_alone() {
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
}
