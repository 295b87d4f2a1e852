//! Writes into a file that cannot be replaced, such as one that is mounted by itself.

use std::fs::{File, OpenOptions};
use std::io::{self, Seek, Write};
use std::path::Path;

use serde::{Deserialize, Serialize};

use crate::private::{PrivateFolder, ReadError};

/// What a file is before and after a change, kept while the change is made: a process that dies leaves it behind, and the next one
/// restores the file.
pub(super) struct Backup {
    /// Its folder, which nobody else can write to, and its name there.
    place: Option<(PrivateFolder, String)>,
}

/// The size limit of a backup: a file that was read, before and after, as JSON.
const MAX_BYTES: u64 = 8 * crate::input::MAX_BYTES as u64;

#[derive(Serialize, Deserialize)]
struct Content {
    before: String,
    after: String,
}

impl Backup {
    pub(super) fn new(place: Option<(PrivateFolder, String)>) -> Self {
        Self { place }
    }

    /// Restores a file that another process left half written. A file that was changed since stays as it is.
    pub(super) fn recover(&self, file: &Path) -> io::Result<()> {
        let Some((folder, name)) = &self.place else { return Ok(()) };
        let backup = match folder.read(name, MAX_BYTES) {
            Ok(None) => return Ok(()),
            Ok(Some(backup)) => backup.bytes,
            Err(ReadError::Io(error)) => return Err(error),
            // Not one that this program has written.
            Err(ReadError::Untrusted(_)) => {
                self.remove();
                return Ok(());
            }
        };
        // The backup itself is written as a whole or not at all.
        if let Ok(Content { before, after }) = serde_json::from_slice(&backup) {
            let current = crate::input::read(file, crate::input::MAX_BYTES, crate::input::PIPE_TIMEOUT)?;
            if is_half_written(&current, before.as_bytes(), after.as_bytes()) {
                overwrite(file, before.as_bytes())?;
            }
        }
        self.remove();
        Ok(())
    }

    /// Writes `after` into a file that holds `before`. Where that fails, the file is restored.
    pub(super) fn write_in_place(&self, file: &Path, before: &[u8], after: &[u8]) -> io::Result<()> {
        self.save(before, after)?;
        let written = overwrite(file, after);
        let restored = if written.is_err() { overwrite(file, before) } else { Ok(()) };
        if restored.is_ok() {
            self.remove();
        }
        written
    }

    fn save(&self, before: &[u8], after: &[u8]) -> io::Result<()> {
        let Some((folder, name)) = &self.place else { return Ok(()) };
        let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
        let content = serde_json::to_vec(&Content { before: text(before), after: text(after) })?;
        let written = folder.write(name, &content).and_then(|()| folder.lock_file(name)?.sync_all());
        written.map_err(|error| io::Error::new(error.kind(), format!("no backup can be written: {error}")))
    }

    fn remove(&self) {
        if let Some((folder, name)) = &self.place {
            let _ = folder.remove(name);
        }
    }
}

/// Overwrites the content of a file. Content that is shorter than before is first filled up with line ends, which have no meaning:
/// so the file is readable in between.
fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut options = OpenOptions::new();
    options.write(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK).bits().cast_signed(),
    );
    let mut file: File = options.open(path)?;
    let length = usize::try_from(file.metadata()?.len()).unwrap_or(usize::MAX);
    file.rewind()?;
    file.write_all(&filled(content, length))?;
    file.set_len(content.len() as u64)?;
    file.sync_all()
}

fn filled(content: &[u8], length: usize) -> Vec<u8> {
    let mut filled = content.to_vec();
    filled.resize(content.len().max(length), b'\n');
    filled
}

/// Whether a file is neither as before nor as after a change, but began to become the latter.
fn is_half_written(current: &[u8], before: &[u8], after: &[u8]) -> bool {
    if current == before || current == after || current.len() < before.len() {
        return false;
    }
    let target = filled(after, before.len());
    // It begins as after the change, up to somewhere, and goes on as before.
    let written = current.iter().zip(&target).take_while(|(a, b)| a == b).count();
    current.len() <= target.len() && (current.get(written..) == before.get(written..) || written == current.len())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_half_written_file_is_told_from_a_changed_one() {
        for (before, after) in
            [("a = 1\nb = 2\n", "a = 3\nb = 4\nc = 5\n"), ("a = 1\nb = 2\n", "a\n"), ("", "x"), ("x", "")]
        {
            let (before, after) = (before.as_bytes(), after.as_bytes());
            let target = filled(after, before.len());
            for written in 0..=target.len() {
                let mut current = before.to_vec();
                current.resize(before.len().max(written), 0);
                current[..written].copy_from_slice(&target[..written]);
                let is_done = current == before || current == after;
                assert_eq!(is_half_written(&current, before, after), !is_done, "{current:?}");
            }
        }
        assert!(!is_half_written(b"a = 9\nb = 9\n", b"a = 1\nb = 2\n", b"a = 3\nb = 4\n"));
        assert!(!is_half_written(b"", b"a = 1\n", b"a = 2\n"));
        assert!(!is_half_written(b"a = 2\nmore", b"a = 1\n", b"a = 2\n"));
    }

    #[test]
    fn a_file_is_written_in_place_and_restored_where_its_writer_died() {
        let folder = tempfile::tempdir().unwrap();
        let [file, state, backup_file] = ["config", "state", "state/backup"].map(|name| folder.path().join(name));
        let backup = Backup::new(Some((PrivateFolder::create(&state).unwrap(), "backup".to_owned())));
        for (before, after) in [("long before\n", "after\n"), ("a\n", "much longer\n")] {
            std::fs::write(&file, before).unwrap();
            backup.write_in_place(&file, before.as_bytes(), after.as_bytes()).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), after);
            assert!(!backup_file.exists());
        }
        let (before, after) = (b"a = 1\nb = 1\n", b"a = 2\nb = 2\n");
        for (current, expected) in
            [("a = 2\nb = 1\n", "a = 1\nb = 1\n"), ("mine\n", "mine\n"), ("a = 2\nb = 2\n", "a = 2\nb = 2\n")]
        {
            backup.save(before, after).unwrap();
            std::fs::write(&file, current).unwrap();
            backup.recover(&file).unwrap();
            assert_eq!(std::fs::read_to_string(&file).unwrap(), expected);
            assert!(!backup_file.exists());
        }
    }

    #[cfg(target_os = "linux")]
    #[test]
    fn a_write_that_fails_is_an_error() {
        let backup = Backup::new(None);
        let error = backup.write_in_place(Path::new("/dev/full"), b"", b"x").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::StorageFull);
    }
}
