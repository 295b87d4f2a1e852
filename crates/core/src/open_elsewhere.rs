//! Files that another program has open for a moment, as virus scanners and indexers do with every new file: Windows refuses to
//! replace, open or remove them.

use std::fs;
use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

/// Renames a file, and replaces one of the new name.
///
/// # Errors
///
/// As the system reports them.
pub(crate) fn rename(from: &Path, to: &Path) -> io::Result<()> {
    retried(|| fs::rename(from, to))
}

/// Repeats for a second what fails because another program has a file open.
pub(crate) fn retried<T>(mut attempt: impl FnMut() -> io::Result<T>) -> io::Result<T> {
    const TIMEOUT: Duration = Duration::from_secs(1);
    const POLL_INTERVAL: Duration = Duration::from_millis(10);
    let end = Instant::now() + TIMEOUT;
    loop {
        match attempt() {
            Err(error) if is_open_elsewhere(&error) && Instant::now() < end => std::thread::sleep(POLL_INTERVAL),
            result => return result,
        }
    }
}

/// Whether the error is one that Windows reports for files which another program has open: `ERROR_ACCESS_DENIED`,
/// `ERROR_SHARING_VIOLATION` and `ERROR_LOCK_VIOLATION`.
fn is_open_elsewhere(error: &io::Error) -> bool {
    cfg!(windows) && matches!(error.raw_os_error(), Some(5 | 32 | 33))
}
