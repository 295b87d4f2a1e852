//! The AWS config file on the disk.

use std::path::{Path, PathBuf};

use serde::Serialize;

use super::AwsProfiles;
use super::text::{aws_config_with, hidden_by, unreadable};
use crate::config::edit::{Content, EditedFile, edit};
use crate::config::paths::home;
use crate::error::{Error, ErrorKind, Result, Stage};

/// How profiles are written into the AWS config file.
///
/// ```
/// use tempaccess_core::config::SyncOptions;
///
/// let options = SyncOptions::default().prune(true);
/// assert_ne!(options, SyncOptions::default());
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SyncOptions {
    pub(super) prune: bool,
    pub(super) adopt: bool,
}

impl SyncOptions {
    /// Whether managed profiles that are not written now are removed.
    #[must_use]
    pub fn prune(mut self, prune: bool) -> Self {
        self.prune = prune;
        self
    }

    /// Whether `credential_process` is added to sections that the person wrote and that say nothing about credentials, such as
    /// `[default]` with only a region.
    #[must_use]
    pub fn adopt(mut self, adopt: bool) -> Self {
        self.adopt = adopt;
        self
    }
}

/// What was changed in the AWS config file. Profiles are given by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Synced {
    /// Profiles that now get their credentials from tempaccess, whether they were there before or not.
    pub written: Vec<String>,
    /// Managed profiles that were removed.
    pub removed: Vec<String>,
    /// Profiles that the person wrote, which were not changed.
    pub left_alone: Vec<String>,
    /// Those of them that say nothing about credentials: [`SyncOptions::adopt`] adds them.
    pub adoptable: Vec<String>,
    /// Profiles that could not be written, and why.
    pub skipped: Vec<SkippedProfile>,
    /// Profiles that were written and that have credentials in the credentials file: these win.
    pub hidden_by_keys: Vec<String>,
    /// Profiles that were written and whose section has other settings for credentials: these win in some programs.
    pub hidden_by_settings: Vec<String>,
    /// Profiles that were written and whose section has another region than the configuration: it stays.
    pub region_kept: Vec<String>,
    /// Why the AWS CLI and the SDKs cannot read the credentials file, if they cannot: no profile works then.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub credentials_problem: Option<String>,
}

/// A profile that could not be written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SkippedProfile {
    /// Its name.
    pub name: String,
    /// Why, in words.
    pub reason: String,
}

impl SkippedProfile {
    /// Creates the note that a profile was skipped for this reason.
    pub fn new(name: impl Into<String>, reason: impl Into<String>) -> Self {
        Self { name: name.into(), reason: reason.into() }
    }
}

/// Writes profiles into the AWS config file, `AWS_CONFIG_FILE` or `~/.aws/config`, as [`aws_config_with`] does.
///
/// The file is locked and replaced as a whole. Links are followed; a file that cannot be replaced, such as a mounted one, is
/// written in place. A new file is for its owner alone.
///
/// This waits for a lock, up to ten seconds: run it on a thread that may block.
///
/// # Errors
///
/// `invalid_configuration` where botocore cannot read the file, `io` where it cannot be written, `deadline_exceeded` where
/// another process keeps it locked. The file is then as it was.
pub fn sync_aws_profiles(profiles: &AwsProfiles, options: SyncOptions) -> Result<Synced> {
    const REMEDY: &str = "name another file with `AWS_CONFIG_FILE`";
    let file = EditedFile {
        content: Content::Settings,
        path: aws_file("AWS_CONFIG_FILE", "config")?,
        stage: Stage::Output,
        remedy: REMEDY,
    };
    let mut synced = edit(&file, |text| aws_config_with(text, profiles, options))?;
    let keys = aws_file("AWS_SHARED_CREDENTIALS_FILE", "credentials")?;
    match crate::input::read_text(&keys) {
        Ok(text) => {
            synced.hidden_by_keys = hidden_by(&text, &synced.written);
            synced.credentials_problem = unreadable(&text).map(|problem| format!("`{}`: {problem}", keys.display()));
        }
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => synced.credentials_problem = Some(format!("`{}`: {error}", keys.display())),
    }
    Ok(synced)
}

/// The file that `variable` names, as botocore expands it, or the one of this name in `~/.aws`.
pub(in crate::config) fn aws_file(variable: &str, name: &str) -> Result<PathBuf> {
    let no_home = || {
        Error::new(ErrorKind::Io, Stage::Output, "there is no home directory to find the AWS files in")
            .with_hint(format!("name the file with `{variable}`"))
    };
    match std::env::var_os(variable).filter(|file| !file.is_empty()) {
        None => Ok(home().ok_or_else(no_home)?.join(".aws").join(name)),
        Some(file) => match file.into_string() {
            Ok(path) => {
                let path = expand_variables(&path, |name| std::env::var(name).ok());
                expand_user(&path).ok_or_else(|| {
                    Error::new(
                        ErrorKind::Io,
                        Stage::Output,
                        format!("the user in `{path}` is not known (`{variable}`)"),
                    )
                    .with_hint("write the path in full")
                })
            }
            // Not text, so there is nothing to expand.
            Err(path) => Ok(path.into()),
        },
    }
}

/// Replaces `$NAME` and `${NAME}`, and `%NAME%` on Windows, by what `value` knows. What it does not know stays.
fn expand_variables(text: &str, value: impl Fn(&str) -> Option<String>) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find(|c| c == '$' || (cfg!(windows) && c == '%')) {
        let (before, found) = rest.split_at(at);
        out.push_str(before);
        let (name, length) = match found.strip_prefix("${").and_then(|rest| rest.split_once('}')) {
            Some((name, _)) => (name, name.len() + 3),
            None if found.starts_with('%') => match found.get(1..).and_then(|rest| rest.split_once('%')) {
                Some((name, _)) => (name, name.len() + 2),
                None => ("", 1),
            },
            None => {
                let name = found.get(1..).unwrap_or_default();
                let length = name.find(|c: char| !c.is_ascii_alphanumeric() && c != '_').unwrap_or(name.len());
                (name.get(..length).unwrap_or_default(), length + 1)
            }
        };
        let (whole, after) = found.split_at(length);
        out.push_str(value(name).as_deref().unwrap_or(whole));
        rest = after;
    }
    out + rest
}

/// Replaces `~` and `~user` at the beginning of a path. Returns nothing where there is no such home directory.
fn expand_user(path: &str) -> Option<PathBuf> {
    let is_separator = |c: char| c == '/' || (cfg!(windows) && c == '\\');
    let Some(rest) = path.strip_prefix('~') else { return Some(path.into()) };
    let (user, rest) = rest.split_at(rest.find(is_separator).unwrap_or(rest.len()));
    let home = if user.is_empty() { home()? } else { home_of(user, &std::fs::read_to_string("/etc/passwd").ok()?)? };
    Some(match rest.trim_start_matches(is_separator) {
        "" => home,
        rest => home.join(Path::new(rest)),
    })
}

fn home_of(user: &str, passwd: &str) -> Option<PathBuf> {
    let line = passwd.lines().find(|line| line.split(':').next() == Some(user))?;
    Some(line.split(':').nth(5)?.into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn variables_are_expanded_as_python_does() {
        let value = |name: &str| ["A", "A_1"].contains(&name).then(|| format!("<{name}>"));
        for (text, expected) in [
            ("plain", "plain"),
            ("$A/x", "<A>/x"),
            ("${A}x$A_1", "<A>x<A_1>"),
            ("$B/${B}/$", "$B/${B}/$"),
            ("${A", "${A"),
            ("ä$A-é", "ä<A>-é"),
        ] {
            assert_eq!(expand_variables(text, value), expected, "{text}");
        }
    }

    #[test]
    fn home_directories_are_found() {
        let passwd = "root:x:0:0:root:/root:/bin/sh\nada:x:1000:1000::/home/ada:/bin/sh\n";
        assert_eq!(home_of("ada", passwd), Some("/home/ada".into()));
        assert_eq!(home_of("ad", passwd), None);
        assert_eq!(expand_user("/a/~"), Some("/a/~".into()));
        assert_eq!(expand_user("~//x"), Some(home().unwrap().join("x")));
        assert_eq!(expand_user("~no-such-user/x"), None);
    }
}
