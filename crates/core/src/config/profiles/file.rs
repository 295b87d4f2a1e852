//! The AWS config file on the disk: locked, written aside, renamed.

use std::fs::{self, File, OpenOptions, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use super::AwsProfile;
use super::text::{synced, with_keys};
use crate::error::{Error, ErrorKind, Result, Stage};

/// How long another writer may hold the file.
const PATIENCE: Duration = Duration::from_secs(10);

/// What syncing changed.
#[derive(Debug, Clone, Default, PartialEq, Eq, serde::Serialize)]
#[non_exhaustive]
pub struct Synced {
    /// Profiles that were written, whether they were there before or not.
    pub written: Vec<String>,
    /// Profiles of ours that were taken away.
    pub removed: Vec<String>,
    /// Profiles that are somebody else's, and were left alone.
    pub left_alone: Vec<String>,
    /// Profiles whose keys in the credentials file win over what was written.
    pub hidden_by_keys: Vec<String>,
}

/// Writes these profiles into the AWS config file, and nothing else: `AWS_CONFIG_FILE`, or `~/.aws/config`. With `prune`,
/// profiles that were written before and are not among these are taken away.
///
/// The file is locked, written aside and renamed; a link to it is followed; comments and order stay; a new one is for its
/// owner alone. Keys in `AWS_SHARED_CREDENTIALS_FILE`, or `~/.aws/credentials`, under the same name are reported: they win.
///
/// # Errors
///
/// `io`; then the file is as it was.
pub fn sync_aws_profiles(profiles: &[AwsProfile], prune: bool) -> Result<Synced> {
    let file = aws_file("AWS_CONFIG_FILE", "config")?;
    let mut done = sync_file(&file, profiles, prune).map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Output, format!("`{}` cannot be written: {error}", file.display()))
            .with_source(error)
    })?;
    let keys = aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    let keys = fs::read_to_string(keys).unwrap_or_default();
    let hidden = with_keys(&keys);
    done.hidden_by_keys = done.written.iter().filter(|name| hidden.contains(&name.as_str())).cloned().collect();
    Ok(done)
}

fn aws_file(variable: &str, name: &str) -> Result<PathBuf> {
    if let Some(file) = std::env::var_os(variable).filter(|file| !file.is_empty()) {
        return Ok(file.into());
    }
    let home = etcetera::home_dir().map_err(|error| {
        Error::new(ErrorKind::Io, Stage::Output, "there is no home directory to find the AWS files in")
            .with_hint(format!("name the file with `{variable}`"))
            .with_source(error)
    })?;
    Ok(home.join(".aws").join(name))
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

fn sync_file(file: &Path, profiles: &[AwsProfile], prune: bool) -> io::Result<Synced> {
    // A link stays a link: what it leads to is what is written.
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
    let (new, done) = synced(&text, profiles, prune);
    if new != text {
        let permissions = fs::metadata(&file).map(|metadata| metadata.permissions()).ok();
        crate::store::replace(&file, new.as_bytes(), permissions)?;
    }
    Ok(done)
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
        let work = [AwsProfile::new("work", &["x"], None).unwrap()];
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let real = folder.path().join("dotfiles/config");
        fs::create_dir(real.parent().unwrap()).unwrap();
        let link = folder.path().join("config");
        symlink("dotfiles/config", &link).unwrap();
        // A link that leads nowhere yet is followed too.
        sync_file(&link, &work, false).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&real), 0o600);
        fs::write(&real, "# mine\n").unwrap();
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        sync_file(&link, &work, false).unwrap();
        assert_eq!(mode(&real), 0o640);
        let text = fs::read_to_string(&real).unwrap();
        assert!(text.starts_with("# mine\n") && text.contains("[profile work]"), "{text}");
        let around = folder.path().join("around");
        symlink("around", &around).unwrap();
        assert!(sync_file(&around, &work, false).is_err());
    }
}
