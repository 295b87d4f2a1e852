//! The profile folder of a browser: cookies of the identity provider are in it, so it is private to this user.

use std::fs::{TryLockError, remove_dir_all};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::file_lock::FileLock;
use crate::private::PrivateFolder;
use crate::secret::unguessable;
use crate::store::StoreKey;

const POLL_INTERVAL: Duration = Duration::from_millis(100);

/// The settings of a new profile: no connection before it is needed, no offer to save passwords, and session cookies survive
/// the window, since most identity providers set no others.
const PREFERENCES: &str =
    r#"{"net":{"network_prediction_options":2},"credentials_enable_service":false,"session":{"restore_on_startup":1}}"#;

/// A profile folder that one sign-in uses at a time.
pub(super) struct Profile {
    path: PathBuf,
    /// Held while the folder is in use. A temporary folder has none, and is removed after the sign-in.
    lock: Option<FileLock>,
}

fn unusable(path: &Path, error: io::Error) -> Error {
    let message = format!("cannot use the browser's profile folder `{}`: {error}", path.display());
    Error::new(ErrorKind::Io, Stage::SignIn, message).with_source(error)
}

fn not_removed(error: io::Error) -> Error {
    Error::new(ErrorKind::Io, Stage::SignIn, format!("cannot remove the browser's profile: {error}")).with_source(error)
}

fn key(session: &str) -> String {
    StoreKey::new(&["profile", session]).as_str().to_owned()
}

impl Profile {
    /// Opens the profile of this session in the folder of profiles, or a temporary one, and waits until no other sign-in
    /// uses it.
    pub(super) async fn open(profiles: Option<&Path>, session: &str) -> Result<Self> {
        let Some(profiles) = profiles else {
            let path = std::env::temp_dir().join(format!("tempaccess-{}", unguessable()?.expose()));
            let profile = PrivateFolder::create(&path).and_then(|folder| prepare(&folder));
            return profile.map(|()| Self { path: path.clone(), lock: None }).map_err(|error| unusable(&path, error));
        };
        let failed = |error: io::Error| unusable(profiles, error);
        let name = key(session);
        let folder = PrivateFolder::create(profiles).map_err(failed)?;
        let lock = folder.lock_file(&format!("{name}.lock")).map_err(failed)?;
        loop {
            match lock.try_lock() {
                Ok(()) => break,
                Err(TryLockError::WouldBlock) => tokio::time::sleep(POLL_INTERVAL).await,
                Err(TryLockError::Error(error)) => return Err(failed(error)),
            }
        }
        folder.subfolder(&name).and_then(|profile| prepare(&profile)).map_err(failed)?;
        Ok(Self { path: profiles.join(name), lock: Some(FileLock::new(lock)) })
    }

    /// Whether there is a profile for this session.
    pub(super) fn exists(profiles: &Path, session: &str) -> bool {
        profiles.join(key(session)).exists()
    }

    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// Replaces the profile by a new one, without the session.
    pub(super) fn reset(&self) -> Result<()> {
        remove_dir_all(&self.path).map_err(not_removed)?;
        let profile = PrivateFolder::create(&self.path).and_then(|folder| prepare(&folder));
        profile.map_err(|error| unusable(&self.path, error))
    }

    /// Removes the profile, and with it the session.
    pub(super) fn remove(self) -> Result<()> {
        remove_dir_all(&self.path).map_err(not_removed)
    }
}

impl Drop for Profile {
    fn drop(&mut self) {
        if self.lock.is_none() {
            let _ = remove_dir_all(&self.path);
        }
    }
}

/// Writes the settings of a new profile. The browser opens the folder by its path, so no other user may be able to swap it.
fn prepare(folder: &PrivateFolder) -> io::Result<()> {
    folder.require_safe_path()?;
    let settings = folder.subfolder("Default")?;
    // Pages are not restored with the cookies: the last one was a form on its way to AWS.
    match remove_dir_all(settings.path().join("Sessions")) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    match settings.create_new("Preferences") {
        Ok(mut file) => file.write_all(PREFERENCES.as_bytes()),
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        Err(error) => Err(error),
    }
}
