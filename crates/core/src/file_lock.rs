//! A file lock that ends when it is dropped.

use std::fs::File;
use std::ops::{Deref, DerefMut};

/// A locked file. It is unlocked explicitly: closing it is not enough if a fork of this process has a copy of the descriptor.
#[derive(Debug)]
pub(crate) struct FileLock(File);

impl FileLock {
    /// Takes a file that was locked.
    pub(crate) fn new(locked: File) -> Self {
        Self(locked)
    }
}

impl Deref for FileLock {
    type Target = File;

    fn deref(&self) -> &File {
        &self.0
    }
}

impl DerefMut for FileLock {
    fn deref_mut(&mut self) -> &mut File {
        &mut self.0
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        let _ = self.0.unlock();
    }
}
