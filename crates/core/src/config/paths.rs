//! Paths and programs in settings: what they count from, and `~`.

use std::path::{Path, PathBuf};

use super::words;
use crate::error::{Error, ErrorKind, Result, Stage};

/// The home directory of the person.
pub(super) fn home() -> Option<PathBuf> {
    etcetera::home_dir().ok()
}

/// What relative paths count from.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Base<'a> {
    /// The current folder, wherever that is when the path is used. They stay relative.
    Current,
    /// This folder, which is absolute. They become absolute.
    Folder(&'a Path),
}

/// Returns the path as an absolute one: `~` is the home directory, and a relative path counts from the current folder.
///
/// ```
/// use tempaccess_core::config::absolute_path;
///
/// assert!(absolute_path("config.toml".as_ref())?.is_absolute());
/// assert!(!absolute_path("~/config.toml".as_ref())?.to_string_lossy().contains('~'));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
///
/// # Errors
///
/// `invalid_configuration` where there is no home directory; `io` where there is no current folder.
pub fn absolute_path(path: &Path) -> Result<PathBuf> {
    self::path(path, Base::Folder(&current_folder()?))
}

pub(super) fn current_folder() -> Result<PathBuf> {
    std::env::current_dir().map_err(|error| {
        let message = format!("the current folder cannot be found: {error}");
        Error::new(ErrorKind::Io, Stage::Configuration, message).with_source(error)
    })
}

/// Returns a path with `~` expanded, counted from `base`.
pub(crate) fn path(path: &Path, base: Base<'_>) -> Result<PathBuf> {
    let expanded = match path.strip_prefix("~") {
        Ok(rest) => home().ok_or_else(|| no_home(path))?.join(rest),
        Err(_) => path.to_owned(),
    };
    Ok(match base {
        Base::Folder(folder) if expanded.is_relative() => without_dots(&folder.join(expanded)),
        _ => expanded,
    })
}

/// Leaves `.` out, so that messages show paths as people write them. `..` stays: it may lead out of a link.
fn without_dots(path: &Path) -> PathBuf {
    path.components().collect()
}

pub(super) fn text(text: &str, base: Base<'_>) -> Result<String> {
    into_text(path(Path::new(text), base)?)
}

fn into_text(path: PathBuf) -> Result<String> {
    path.into_os_string().into_string().map_err(|path| {
        let message = format!("the path `{}` is not valid Unicode", path.display());
        Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
            .with_hint("move the configuration into a folder whose name is")
    })
}

fn no_home(path: &Path) -> Error {
    let message = format!("there is no home directory for the `~` of `{}`", path.display());
    Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
        .with_hint("set `HOME`, or write the path in full")
}

/// A setting that is not a path.
#[allow(clippy::unnecessary_wraps, reason = "the signature that all of these have")]
pub(super) fn none<T>(_: &mut T, _: Base<'_>) -> Result<()> {
    Ok(())
}

/// A setting that is a path.
pub(super) fn file(value: &mut PathBuf, base: Base<'_>) -> Result<()> {
    *value = path(value, base)?;
    Ok(())
}

/// A setting that is a policy in JSON, or the path of one.
pub(super) fn policy(value: &mut String, base: Base<'_>) -> Result<()> {
    if !value.trim_start().starts_with('{') {
        *value = text(value, base)?;
    }
    Ok(())
}

/// A setting that is a source: `file:PATH`, `saml:PATH`, `command:PROGRAM ARGUMENTS`, or none with a path.
pub(super) fn source(value: &mut String, base: Base<'_>) -> Result<()> {
    match value.split_once(':') {
        Some((kind @ ("file" | "saml"), path)) if !path.is_empty() => *value = format!("{kind}:{}", text(path, base)?),
        Some(("command", line)) => {
            let mut line = line.to_owned();
            command_line(&mut line, base)?;
            *value = format!("command:{line}");
        }
        _ => {}
    }
    Ok(())
}

/// A setting that is a program with its arguments. A program without a separator in it is looked for in `PATH`. `~` is expanded
/// where a shell would: at the beginning of any word, outside quotes.
pub(super) fn command_line(value: &mut String, base: Base<'_>) -> Result<()> {
    let line = expand_words(value)?;
    // What is not a command line is refused where it is used.
    let Some((program, arguments)) = words::split(&line).and_then(|words| {
        let (program, arguments) = words.split_first()?;
        Some((program.clone(), arguments.to_vec()))
    }) else {
        return Ok(());
    };
    let is_path = crate::executable::is_path(Path::new(&program));
    let absolute = if is_path { text(&program, base)? } else { program.clone() };
    if absolute != program {
        *value = words::join(&[vec![absolute], arguments].concat());
    } else if line != *value {
        *value = line;
    }
    Ok(())
}

/// Replaces `~` at the beginning of unquoted words by the home directory.
fn expand_words(line: &str) -> Result<String> {
    words::expand_home(line, || into_text(home().ok_or_else(|| no_home(Path::new("~")))?))
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use super::*;

    type Setting = fn(&mut String, Base<'_>) -> Result<()>;

    fn resolved(setting: Setting, value: &str, base: Base<'_>) -> String {
        let mut value = value.to_owned();
        setting(&mut value, base).unwrap();
        value
    }

    #[test]
    fn paths_count_from_the_folder_and_tilde_is_home() {
        let home = home().unwrap().display().to_string();
        let folder = Base::Folder(Path::new("/etc/tempaccess"));
        let cases: [(Setting, &str, &str, &str); 20] = [
            (policy, "p.json", "/etc/tempaccess/p.json", "p.json"),
            (policy, "./p.json", "/etc/tempaccess/p.json", "./p.json"),
            (policy, "../p.json", "/etc/tempaccess/../p.json", "../p.json"),
            (policy, "/p.json", "/p.json", "/p.json"),
            (policy, "~/p.json", "HOME/p.json", "HOME/p.json"),
            (policy, "~x/p.json", "/etc/tempaccess/~x/p.json", "~x/p.json"),
            (policy, " { \"Statement\": [] }", " { \"Statement\": [] }", " { \"Statement\": [] }"),
            (source, "file:response", "file:/etc/tempaccess/response", "file:response"),
            (source, "saml:~/m.xml", "saml:HOME/m.xml", "saml:HOME/m.xml"),
            (source, "https://a.okta.com/x", "https://a.okta.com/x", "https://a.okta.com/x"),
            (source, "-", "-", "-"),
            (source, "command:idp 'a b'", "command:idp 'a b'", "command:idp 'a b'"),
            (source, "command:./idp 'a b'", "command:/etc/tempaccess/idp 'a b'", "command:./idp 'a b'"),
            (source, "command:~/idp ~ b", "command:HOME/idp HOME b", "command:HOME/idp HOME b"),
            (source, "command:'unclosed", "command:'unclosed", "command:'unclosed"),
            (
                command_line,
                "cat ~/pw '~/x' \"~/y\" \\~/z a~/",
                "cat HOME/pw '~/x' \"~/y\" \\~/z a~/",
                "cat HOME/pw '~/x' \"~/y\" \\~/z a~/",
            ),
            (command_line, "bin/pw ~user", "/etc/tempaccess/bin/pw '~user'", "bin/pw ~user"),
            (command_line, "'my tools/pw' a\\ b", "'/etc/tempaccess/my tools/pw' 'a b'", "'my tools/pw' a\\ b"),
            (command_line, "pass show okta", "pass show okta", "pass show okta"),
            (command_line, "", "", ""),
        ];
        for (setting, value, in_folder, here) in cases {
            assert_eq!(resolved(setting, value, folder), in_folder.replace("HOME", &home), "{value}");
            assert_eq!(resolved(setting, value, Base::Current), here.replace("HOME", &home), "{value}");
        }
    }
}
