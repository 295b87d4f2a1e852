//! The AWS config file on the disk.

use std::fs;
use std::path::PathBuf;

use super::super::edit::edit;
use super::AwsProfile;
use super::text::{aws_config_with, with_keys};
use crate::error::{Error, ErrorKind, Result, Stage};

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
    let mut done = edit(&file, |text| Ok(aws_config_with(text, profiles, prune))).map_err(|error| {
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
