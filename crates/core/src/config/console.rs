//! The browser that the console opens in.

use std::fmt;
use std::path::Path;
use std::process::Command;

use serde::de::value::SeqAccessDeserializer;
use serde::de::{self, SeqAccess, Unexpected, Visitor};
use serde::{Deserialize, Deserializer};

use super::paths::{self, Base};
use super::places::default_console_folder;
use crate::arn::RoleArn;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::executable;
use crate::private::PrivateFolder;
use crate::role::AccountNames;
use crate::source::browser::installed_browser;

/// Settings of the console: `[console]`.
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct ConsoleSettings {
    /// The browser that the console opens in. Default: that of the system.
    pub browser: Option<ConsoleBrowser>,
}

/// A browser in which the console of several accounts can be open at once.
///
/// ```
/// use tempaccess_core::config::{Config, ConsoleBrowser};
///
/// let config = Config::parse("[console]\nbrowser = \"separate\"").unwrap();
/// assert_eq!(config.console.browser, Some(ConsoleBrowser::Separate));
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum ConsoleBrowser {
    /// The installed Chromium, Chrome or Edge, with a profile for each account.
    Separate,
    /// A program and its arguments, in which `{url}`, `{account}`, `{account_name}` and `{role}` are replaced.
    Command(Vec<String>),
}

impl<'de> Deserialize<'de> for ConsoleBrowser {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(BrowserVisitor)
    }
}

struct BrowserVisitor;

impl<'de> Visitor<'de> for BrowserVisitor {
    type Value = ConsoleBrowser;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("\"separate\", or a list of a program and its arguments")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<ConsoleBrowser, E> {
        if text == "separate" {
            return Ok(ConsoleBrowser::Separate);
        }
        Err(E::invalid_value(Unexpected::Str(text), &self))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, words: A) -> Result<ConsoleBrowser, A::Error> {
        Vec::deserialize(SeqAccessDeserializer::new(words)).map(ConsoleBrowser::Command)
    }
}

impl ConsoleSettings {
    /// The keys of `[console]`.
    pub(super) const KEYS: [&str; 1] = ["browser"];

    /// Makes the path of a program in the configuration count from its folder.
    pub(super) fn resolve_paths(&mut self, base: Base<'_>) -> Result<()> {
        let Some(ConsoleBrowser::Command(words)) = &mut self.browser else { return Ok(()) };
        let Some(program) = words.first_mut() else {
            return Err(Error::new(
                ErrorKind::InvalidConfiguration,
                Stage::Configuration,
                "`console.browser` is empty",
            )
            .with_hint("write \"separate\", or a program and its arguments, one of them with `{url}`"));
        };
        if executable::is_path(Path::new(program)) || program.starts_with('~') {
            *program = paths::text(program, base)?;
        }
        if !words.iter().any(|word| word.contains("{url}")) {
            let message = "`console.browser` has no argument with `{url}`";
            return Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message));
        }
        Ok(())
    }
}

impl ConsoleBrowser {
    /// Returns the command that opens a page for a role.
    ///
    /// # Errors
    ///
    /// `io` if no browser is installed or the folder of its profile cannot be used.
    pub fn command(&self, url: &str, role: &RoleArn, names: &AccountNames) -> Result<Command> {
        match self {
            Self::Separate => {
                let browser = installed_browser().ok_or_else(|| {
                    Error::new(ErrorKind::Io, Stage::Output, "no Chromium, Chrome or Edge is installed").with_hint(
                        "install one, or name another program as `browser` of `[console]` in the configuration",
                    )
                })?;
                let mut command = Command::new(browser);
                let folder = default_console_folder().map(|folder| folder.join(role.account_id()));
                let folder = folder.ok_or_else(|| {
                    Error::new(ErrorKind::Io, Stage::Output, "there is no place for the profile of a browser")
                        .with_hint("name a folder with `TEMPACCESS_STORE_DIR`")
                })?;
                let checked = PrivateFolder::create(&folder);
                #[cfg(unix)]
                let checked = checked.and_then(|folder| folder.require_safe_path());
                checked.map_err(|error| {
                    let message = format!("cannot use the browser's profile folder `{}`: {error}", folder.display());
                    Error::new(ErrorKind::Io, Stage::Output, message).with_source(error)
                })?;
                command.arg(format!("--user-data-dir={}", folder.display()));
                command.args(["--no-first-run", "--no-default-browser-check", url]);
                Ok(command)
            }
            Self::Command(words) => {
                let name = names.get(role.account_id()).map_or(role.account_id(), String::as_str);
                // In one pass: a name with braces is not filled in again.
                let fill = |word: &String| fill(word, url, role, name);
                let mut words = words.iter().map(fill);
                let program = words.next().unwrap_or_default();
                let program = executable::trusted(program.as_ref()).map_err(|error| {
                    let message = format!("the browser `{program}` is not used: {error}");
                    Error::new(ErrorKind::Io, Stage::Output, message).with_source(error)
                })?;
                let mut command = Command::new(program);
                command.args(words);
                Ok(command)
            }
        }
    }
}

/// Replaces the names in braces.
fn fill(word: &str, url: &str, role: &RoleArn, account_name: &str) -> String {
    let values =
        [("{url}", url), ("{account}", role.account_id()), ("{account_name}", account_name), ("{role}", role.name())];
    let mut filled = String::with_capacity(word.len());
    let mut rest = word;
    while let Some(start) = rest.find('{') {
        let (before, from) = rest.split_at(start);
        filled.push_str(before);
        rest = match values.iter().find_map(|(name, value)| Some((value, from.strip_prefix(name)?))) {
            Some((value, after)) => {
                filled.push_str(value);
                after
            }
            None => {
                filled.push('{');
                from.get(1..).unwrap_or_default()
            }
        };
    }
    filled.push_str(rest);
    filled
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_filled_in_once() {
        let role: RoleArn = "arn:aws:iam::111122223333:role/team/ReadOnly".parse().unwrap();
        let fill = |word| fill(word, "http://127.0.0.1:1/x", &role, "{role}");
        assert_eq!(
            fill("ext+container:name={account_name}&url={url}"),
            "ext+container:name={role}&url=http://127.0.0.1:1/x"
        );
        assert_eq!(fill("{account}/{role}"), "111122223333/ReadOnly");
        assert_eq!(fill("{other} {"), "{other} {");
    }
}
