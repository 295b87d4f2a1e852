//! Changing a person's file: locked, written aside, renamed, through its links, with its permissions.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// How long another writer may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// Puts what `change` makes of the text in its place. A link stays a link: what it leads to is what is written. A new
/// file is for its owner alone.
pub(super) fn edit<T>(file: &Path, change: impl FnOnce(&str) -> io::Result<(String, T)>) -> io::Result<T> {
    let file = behind_links(file)?;
    if let Some(folder) = file.parent().filter(|folder| !folder.as_os_str().is_empty()) {
        let mut builder = fs::DirBuilder::new();
        builder.recursive(true);
        #[cfg(unix)]
        std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o700);
        builder.create(folder)?;
    }
    let _lock = lock(&file.with_extension("tempaccess-lock"))?;
    let text = match fs::read_to_string(&file) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
        text => text?,
    };
    let (new, done) = change(&text)?;
    if new != text {
        let permissions = fs::metadata(&file).map(|metadata| metadata.permissions()).ok();
        crate::store::replace(&file, new.as_bytes(), permissions)?;
    }
    Ok(done)
}

/// What a chain of links leads to, whether it is there or not.
fn behind_links(file: &Path) -> io::Result<PathBuf> {
    let mut file = file.to_owned();
    // As many as Linux follows.
    for _ in 0..40 {
        match fs::read_link(&file) {
            Ok(target) => file = file.parent().unwrap_or(Path::new("")).join(target),
            // No link, or nothing at all.
            Err(_) => return Ok(file),
        }
    }
    Err(io::Error::new(io::ErrorKind::InvalidInput, "too many links lead to one another"))
}

fn lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.write(true).create(true).truncate(false);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    let file = options.open(path)?;
    let end = Instant::now() + PATIENCE;
    loop {
        match file.try_lock() {
            Ok(()) => return Ok(file),
            Err(TryLockError::WouldBlock) if Instant::now() < end => std::thread::sleep(Duration::from_millis(10)),
            Err(TryLockError::WouldBlock) => {
                return Err(io::Error::new(io::ErrorKind::TimedOut, "another process holds it"));
            }
            Err(TryLockError::Error(error)) => return Err(error),
        }
    }
}

#[cfg(all(test, unix))]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    #[test]
    fn a_file_is_replaced_through_its_links_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let append = |file: &Path| edit(file, |text| Ok((format!("{text}more\n"), ())));
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let real = folder.path().join("dotfiles/config");
        fs::create_dir(real.parent().unwrap()).unwrap();
        let link = folder.path().join("config");
        symlink("dotfiles/config", &link).unwrap();
        // A link that leads nowhere yet is followed too.
        append(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&real), 0o600);
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        append(&link).unwrap();
        assert_eq!(mode(&real), 0o640);
        assert_eq!(fs::read_to_string(&real).unwrap(), "more\nmore\n");
        let around = folder.path().join("around");
        symlink("around", &around).unwrap();
        assert!(append(&around).is_err());
    }
}
