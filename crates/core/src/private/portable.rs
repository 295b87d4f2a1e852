//! By paths: what keeps others out are the permissions that the folder inherits. What another program may have open for a moment is
//! tried again.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

use super::{PrivateFolder, ReadError};
use crate::open_elsewhere;

impl PrivateFolder {
    pub(crate) fn open(path: &Path) -> io::Result<Option<Self>> {
        match fs::metadata(path) {
            Ok(metadata) if metadata.is_dir() => Ok(Some(Self { path: path.to_owned() })),
            Ok(_) => Err(io::ErrorKind::NotADirectory.into()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    pub(super) fn open_existing(&self, name: &str) -> Result<Option<File>, ReadError> {
        match open_elsewhere::retried(|| File::open(self.path.join(name))) {
            Ok(file) => Ok(Some(file)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(ReadError::Io(error)),
        }
    }

    pub(crate) fn create_new(&self, name: &str) -> io::Result<File> {
        OpenOptions::new().write(true).create_new(true).open(self.path.join(name))
    }

    pub(super) fn open_or_create(&self, name: &str) -> io::Result<File> {
        let path = self.path.join(name);
        open_elsewhere::retried(|| OpenOptions::new().read(true).write(true).create(true).truncate(false).open(&path))
    }

    pub(super) fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        open_elsewhere::rename(&self.path.join(from), &self.path.join(to))
    }

    pub(crate) fn remove(&self, name: &str) -> io::Result<()> {
        match open_elsewhere::retried(|| fs::remove_file(self.path.join(name))) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => Ok(()),
        }
    }

    pub(crate) fn names(&self) -> io::Result<Vec<String>> {
        let entries = fs::read_dir(&self.path)?;
        let mut names: Vec<_> = entries.filter_map(|entry| entry.ok()?.file_name().into_string().ok()).collect();
        names.sort();
        Ok(names)
    }
}
