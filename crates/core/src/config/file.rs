//! The configuration file.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use toml::Spanned;
use toml::de::{DeTable, DeValue};

use super::accounts::with_accounts;
use super::console::ConsoleSettings;
use super::edit::{Content, EditedFile, edit};
use super::paths::{self, Base};
use super::places::default_config_file;
#[cfg(feature = "grants")]
use super::{GrantPreset, GrantSettings};
use super::{Settings, env};
use crate::arn::is_account_id;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::AccountNames;

/// A configuration file.
///
/// ```
/// use tempaccess_core::config::Config;
///
/// let config = Config::parse(r#"
///     [accounts]
///     123456789012 = "billing"
///
///     [profiles.default]
///     source = "https://acme.okta.com/home/amazon_aws/0oa1b2c3d4E5f6G7h8i9/272"
///     username = "ada@example.com"
///     role = "billing/ReadOnly"
///     duration = "8h"
///
///     [profiles.night]
///     base = "default"
///     duration = "40m"
/// "#)?;
/// assert_eq!(config.profile("night")?.role.as_deref(), Some("billing/ReadOnly"));
/// assert_eq!(config.profile("default")?.duration.as_deref(), Some("8h"));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct Config {
    /// Names of accounts, by their ids.
    #[serde(default)]
    pub accounts: AccountNames,
    /// Where the console opens.
    #[serde(default)]
    pub console: ConsoleSettings,
    /// Settings under a name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Settings>,
    /// How grants are given.
    #[cfg(feature = "grants")]
    #[serde(default)]
    pub grants: GrantSettings,
    /// Checked by programs that give grants.
    #[cfg(not(feature = "grants"))]
    #[serde(default, rename = "grants")]
    _grants: serde::de::IgnoredAny,
}

/// The top-level keys of a configuration file.
const KEYS: [&str; 4] = ["accounts", "console", "grants", "profiles"];

impl Config {
    /// Parses a configuration. Relative paths in it stay as they are: only [`load`](Self::load) knows what they count from.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, with the line; an unknown key says which one was probably meant.
    pub fn parse(text: &str) -> Result<Self> {
        // An editor may have put a byte order mark there.
        let text = text.strip_prefix('\u{feff}').unwrap_or(text);
        let invalid = |error: toml::de::Error| {
            let start = error.span().map_or(0, |span| span.start);
            invalid_line(text, start, error.message())
        };
        let table = DeTable::parse(text).map_err(invalid)?;
        check_keys(text, "", table.get_ref(), &KEYS)?;
        for (name, profile) in tables(table.get_ref(), "profiles") {
            let Some(profile) = profile.as_table() else { continue };
            check_keys(text, &format!("profiles.{}.", name.get_ref()), profile, Settings::KEYS)?;
        }
        if let Some(console) = table.get_ref().get("console").and_then(|console| console.get_ref().as_table()) {
            check_keys(text, "console.", console, &ConsoleSettings::KEYS)?;
        }
        #[cfg(feature = "grants")]
        if let Some(grants) = table.get_ref().get("grants").and_then(|grants| grants.get_ref().as_table()) {
            check_keys(text, "grants.", grants, &GrantSettings::KEYS)?;
            for (name, preset) in tables(grants, "presets") {
                let Some(preset) = preset.as_table() else { continue };
                check_keys(text, &format!("grants.presets.{}.", name.get_ref()), preset, &GrantPreset::KEYS)?;
            }
        }
        if let Some((id, _)) = tables(table.get_ref(), "accounts").find(|(id, _)| !is_account_id(id.get_ref())) {
            let what = format!("`accounts.{}` is not an account id of 12 digits", id.get_ref());
            return Err(invalid_line(text, id.span().start, &what));
        }
        toml::from_str(text).map_err(invalid)
    }

    /// Reads the file at `path`. Relative paths and programs in it count from its folder, and `~` is the home directory, in
    /// `path` too.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, also where the file cannot be read, or other users can change it: it can name programs to run.
    pub fn load(path: &Path) -> Result<Self> {
        let in_file = |error: Error| error.in_file(path);
        let file = paths::path(path, Base::Current)?;
        let mut config = read(&file).and_then(|text| Self::parse(&text)).map_err(in_file)?;
        // What comes through a pipe (`<(command)`) has no folder.
        let folder = std::path::absolute(&file).ok().filter(|file| file.is_file());
        let base = folder.as_deref().and_then(Path::parent).map_or(Base::Current, Base::Folder);
        for settings in config.profiles.values_mut() {
            settings.resolve_paths(base).map_err(in_file)?;
        }
        config.console.resolve_paths(base).map_err(in_file)?;
        #[cfg(feature = "grants")]
        config.grants.resolve_paths(base).map_err(in_file)?;
        Ok(config)
    }

    /// Returns where the configuration is written: what `TEMPACCESS_CONFIG` names, or its usual place.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where there is no home directory.
    pub fn file() -> Result<PathBuf> {
        let named = env::path(env::CONFIG)?;
        named.or_else(default_config_file).ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, "there is no place for the configuration")
                .with_hint("name a file with `TEMPACCESS_CONFIG`")
        })
    }

    /// Reads the file that `TEMPACCESS_CONFIG` names, or the one at its usual place. Where that is missing, nothing is set.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn find() -> Result<Self> {
        match env::path(env::CONFIG)? {
            Some(path) => Self::load(&path),
            None => match default_config_file().filter(|path| path.try_exists().unwrap_or(true)) {
                Some(path) => Self::load(&path),
                None => Ok(Self::default()),
            },
        }
    }

    /// Returns the settings of a profile, over those of its base, if it has one.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where there is no profile of that name, or it inherits from itself.
    pub fn profile(&self, name: &str) -> Result<Settings> {
        let mut settings = self.named(name)?.clone();
        let mut names = vec![name.to_owned()];
        while let Some(base) = settings.base.take() {
            if names.contains(&base) {
                let message = format!("profile `{name}` inherits from itself through `base`: `{}`", names.join("`, `"));
                return Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
                    .with_hint("`base` names another profile, whose settings are inherited: remove one of them"));
            }
            settings = settings.over(self.named(&base)?.clone());
            names.push(base);
        }
        Ok(settings)
    }

    fn named(&self, name: &str) -> Result<&Settings> {
        self.profiles.get(name).ok_or_else(|| {
            let names: Vec<_> = self.profiles.keys().map(String::as_str).collect();
            let error = Error::new(
                ErrorKind::InvalidConfiguration,
                Stage::Configuration,
                format!("there is no profile `{name}` in the configuration"),
            );
            match nearest(name, &names) {
                Some(near) => error.with_hint(format!("did you mean `{near}`?")),
                None if names.is_empty() => {
                    error.with_hint("the configuration has no profiles; add one with `tempaccess configure`")
                }
                None => error.with_hint(format!("known profiles: `{}`", names.join("`, `"))),
            }
        })
    }

    /// Adds profiles to the end of a configuration file. Comments and order stay, and so does a profile whose name exists.
    ///
    /// This waits for a lock, up to ten seconds: run it on a thread that may block.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where the file is invalid, `deadline_exceeded` where another process keeps it locked, `io`. The file
    /// is then as it was.
    pub fn add_profiles(file: &Path, profiles: &BTreeMap<String, Settings>) -> Result<Added> {
        Self::add(file, &AccountNames::new(), profiles)
    }

    /// As [`add_profiles`](Self::add_profiles), and adds names of accounts to the table `accounts`. An account that has a name
    /// keeps it.
    ///
    /// # Errors
    ///
    /// See [`add_profiles`](Self::add_profiles).
    pub fn add(file: &Path, accounts: &AccountNames, profiles: &BTreeMap<String, Settings>) -> Result<Added> {
        const REMEDY: &str = "choose another file with `TEMPACCESS_CONFIG`";
        let path = paths::path(file, Base::Current)?;
        let file = EditedFile { content: Content::Settings, path, stage: Stage::Configuration, remedy: REMEDY };
        edit(&file, |text| {
            let (text, named) = with_accounts(text, accounts)?;
            let (text, added) = with_profiles(&text, profiles)?;
            Ok((text, Added { accounts: named.written, accounts_left_alone: named.left_alone, ..added }))
        })
    }

    /// Returns the name of the profile to use: the given one, the one in `TEMPACCESS_PROFILE`, or `default` where it exists.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the variable is not valid Unicode.
    pub fn chosen_name(&self, asked: Option<&str>) -> Result<Option<String>> {
        let named = asked.map(str::to_owned).map_or_else(|| env::get(env::PROFILE), |name| Ok(Some(name)))?;
        Ok(named.or_else(|| self.profiles.contains_key("default").then(|| "default".to_owned())))
    }

    /// Returns the settings of the profile that [`chosen_name`](Self::chosen_name) names, or none where it names none.
    ///
    /// # Errors
    ///
    /// Those of [`profile`](Self::profile) and [`chosen_name`](Self::chosen_name).
    pub fn chosen_profile(&self, asked: Option<&str>) -> Result<Settings> {
        self.chosen_name(asked)?.map_or_else(|| Ok(Settings::default()), |name| self.profile(&name))
    }
}

/// What was written into the configuration file. Profiles are given by name.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Added {
    /// Profiles that were added.
    pub written: Vec<String>,
    /// Profiles whose names existed already, which were not changed.
    pub left_alone: Vec<String>,
    /// The ids of the accounts that got a name.
    pub accounts: Vec<String>,
    /// The ids of the accounts that have another name, or whose table cannot be added to.
    pub accounts_left_alone: Vec<String>,
}

fn with_profiles(text: &str, profiles: &BTreeMap<String, Settings>) -> Result<(String, Added)> {
    #[derive(Serialize)]
    struct Written<'p> {
        profiles: BTreeMap<&'p str, &'p Settings>,
    }
    let known = Config::parse(text)?;
    let (mut added, mut new) = (Added::default(), BTreeMap::new());
    for (name, settings) in profiles {
        if known.profiles.contains_key(name) {
            added.left_alone.push(name.clone());
        } else {
            added.written.push(name.clone());
            new.insert(name.as_str(), settings);
        }
    }
    if new.is_empty() {
        return Ok((text.to_owned(), added));
    }
    let invalid = |error: toml::ser::Error| {
        let message = format!("a setting cannot be written as TOML: {error}");
        Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
    };
    let lines = toml::to_string(&Written { profiles: new }).map_err(invalid)?;
    let apart = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let text = format!("{text}{apart}{lines}");
    // The file was valid before, but one whose profiles are an inline table cannot be added to.
    Config::parse(&text).map_err(|error| {
        let message = format!("the profiles cannot be added at the end of the file: {}", error.message());
        Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
            .with_hint("give each profile a table of its own: `[profiles.NAME]`")
    })?;
    Ok((text, added))
}

/// Returns the entries of a table within a table.
fn tables<'t, 'i>(
    table: &'t DeTable<'i>,
    key: &str,
) -> impl Iterator<Item = (&'t Spanned<std::borrow::Cow<'i, str>>, &'t DeValue<'i>)> {
    let entries = table.get(key).and_then(|value| value.get_ref().as_table());
    entries.into_iter().flatten().map(|(key, value)| (key, value.get_ref()))
}

fn check_keys(text: &str, prefix: &str, table: &DeTable<'_>, known: &[&str]) -> Result<()> {
    let unknown = table.keys().filter(|key| !known.contains(&key.get_ref().as_ref()));
    let Some(key) = unknown.min_by_key(|key| key.span().start) else { return Ok(()) };
    let name = key.get_ref();
    let error = invalid_line(text, key.span().start, &format!("unknown key `{prefix}{name}`"));
    Err(match nearest(name, known) {
        Some(near) => error.with_hint(format!("did you mean `{prefix}{near}`?")),
        None => error.with_hint(format!("known keys: `{}`", known.join("`, `"))),
    })
}

/// The error of what begins at this byte of the text.
fn invalid_line(text: &str, start: usize, what: &str) -> Error {
    let before = text.as_bytes().get(..start).unwrap_or(text.as_bytes());
    let line = 1 + before.iter().filter(|byte| **byte == b'\n').count();
    let message = format!("the configuration is invalid in line {line}: {what}");
    Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
}

fn read(file: &Path) -> Result<String> {
    let failed = |what: String| {
        Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, format!("it cannot be read: {what}"))
    };
    let content = crate::input::read_trusted(file).map_err(|error| failed(error.to_string()))?;
    // Windows PowerShell writes this unless told otherwise; text in it that has no mark is full of zeros.
    let is_utf16 = content.starts_with(b"\xff\xfe") || content.starts_with(b"\xfe\xff") || content.contains(&0);
    match String::from_utf8(content) {
        Ok(text) if !is_utf16 => Ok(text),
        _ if is_utf16 => Err(failed("it is in UTF-16".to_owned()).with_hint(
            "save it as UTF-8: in Windows PowerShell with `Set-Content -Encoding utf8`, in an editor by its encoding",
        )),
        _ => Err(failed("it is not valid UTF-8".to_owned()).with_hint("save it as UTF-8")),
    }
}

/// Returns the known word that an unknown one is likely to mean.
pub fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |candidate: &&&str| strsim::damerau_levenshtein(text, candidate) <= 2.min(text.len() / 2);
    known.iter().filter(near).min_by_key(|candidate| strsim::damerau_levenshtein(text, candidate)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_come_with_a_suggestion() {
        let error = Config::parse("[profiles.default]\nusernam = 'ada'").unwrap_err();
        assert_eq!(error.message(), "the configuration is invalid in line 2: unknown key `profiles.default.usernam`");
        assert_eq!(error.hint(), Some("did you mean `profiles.default.username`?"));
        let error = Config::parse("x = 1").unwrap_err();
        assert_eq!(error.hint(), Some("known keys: `accounts`, `console`, `grants`, `profiles`"));
    }

    #[test]
    fn errors_have_the_right_line() {
        for (text, line, what) in [
            ("a = 1\nb =", 2, "string values must be quoted"),
            ("\n\n=", 3, "unquoted keys cannot be empty"),
            ("[profiles.a]\n[profiles.a]\n", 2, "duplicate key"),
            ("[profiles.a]\nrole = 'x'\nrole = 'y'\n", 3, "duplicate key"),
            ("[profiles.a]\nrole = 'x\n", 2, "invalid literal string, expected `'`"),
            ("[profiles.a]\n\nrole = 1", 3, "invalid type: integer `1`, expected a string"),
            ("[profiles.a]\r\n# \u{e4}\r\nrole = 1\r\n", 3, "invalid type: integer `1`, expected a string"),
            ("\u{feff}[profiles.a]\nrole = 1", 2, "invalid type: integer `1`, expected a string"),
            (
                "[profiles.a]\nrole = 'x'\nchain = [\n  { role_arn = 'x' },\n  { external_id = 'x' },\n]",
                5,
                "missing field `role_arn`",
            ),
            ("[profiles.a]\nheadless = 'yes'", 2, "invalid type: string \"yes\", expected a boolean"),
            ("[profiles.a]\nduration = 1.5", 2, "invalid type: floating point `1.5`, expected a duration"),
            ("[profiles.a]\nduration = -1", 2, "invalid value: integer `-1`, expected a duration"),
            ("# x\n[profiles]\na = 1", 3, "invalid type: integer `1`, expected struct Settings"),
            ("[profiles.a]\nregion = 'x'\nz = 1\ny = 1", 3, "unknown key `profiles.a.z`"),
            ("[accounts]\n123456789012 = 'x'\n12 = 'x'", 3, "`accounts.12` is not an account id of 12 digits"),
            ("[accounts]\n\n123456789012 = 1", 3, "invalid type: integer `1`, expected a string"),
        ] {
            let error = Config::parse(text).unwrap_err();
            let expected = format!("the configuration is invalid in line {line}: {what}");
            assert!(error.message().starts_with(&expected), "{text:?}: {error}");
        }
    }

    #[test]
    fn durations_are_text_or_seconds() {
        let config = Config::parse("[profiles.a]\nduration = 3600\n[profiles.b]\nduration = '1h'").unwrap();
        let seconds = |name: &str| config.profile(name).unwrap().scope().unwrap().duration().seconds();
        assert_eq!((seconds("a"), seconds("b")), (3600, 3600));
        let json = |text: &str| serde_json::from_str::<Settings>(text).unwrap().duration;
        assert_eq!(json("{\"duration\": 900}").as_deref(), Some("900"));
        assert_eq!((json("{\"duration\": null}"), json("{}")), (None, None));
    }

    #[test]
    fn encodings_are_read_or_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let load = |content: &[u8]| {
            std::fs::write(&file, content).unwrap();
            Config::load(&file)
        };
        assert!(load(b"\xef\xbb\xbf[profiles.a]\n").unwrap().profiles.contains_key("a"));
        for utf16 in [b"\xff\xfe[\0a\0]\0", &b"\xfe\xff\0[\0a\0]"[..], b"[\0a\0]\0"] {
            let error = load(utf16).unwrap_err();
            assert!(error.message().ends_with("it cannot be read: it is in UTF-16"), "{error}");
            assert!(error.hint().unwrap().starts_with("save it as UTF-8"));
        }
        assert!(load(b"# \xe4").unwrap_err().message().ends_with("it is not valid UTF-8"));
        // New profiles are written even if the file begins with a byte order mark.
        let new = BTreeMap::from([("b".to_owned(), Settings::default())]);
        let (text, _) = with_profiles("\u{feff}[profiles.a]\n", &new).unwrap();
        assert!(text.starts_with("\u{feff}[profiles.a]\n\n[profiles.b]"), "{text:?}");
    }

    #[cfg(unix)]
    #[test]
    fn paths_count_from_the_folder_of_the_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config.toml");
        let text = "[profiles.a]\nsource = 'command:bin/idp x'\npolicy = 'p.json'\npassword_command = './pw'\nbrowser = '~/b --x'\naudit_log = 'a.jsonl'\n[profiles.b]\nbase = 'a'\npolicy = '{}'\nsource = 'file:r'";
        std::fs::write(&file, text).unwrap();
        let config = Config::load(&file).unwrap();
        let here = folder.path().display().to_string();
        let a = config.profile("a").unwrap();
        assert_eq!(a.source.unwrap(), format!("command:{here}/bin/idp x"));
        assert_eq!((a.policy.unwrap(), a.password_command.unwrap()), (format!("{here}/p.json"), format!("{here}/pw")));
        assert_eq!(a.browser.unwrap(), format!("{}/b --x", paths::home().unwrap().display()));
        assert_eq!(a.audit_log.unwrap(), folder.path().join("a.jsonl"));
        let b = config.profile("b").unwrap();
        assert_eq!((b.policy.as_deref(), b.source.unwrap()), (Some("{}"), format!("file:{here}/r")));
        assert_eq!(b.password_command.unwrap(), format!("{here}/pw"));
    }

    #[test]
    fn profiles_inherit_from_their_base_and_never_in_a_circle() {
        let text = "[profiles.a]\nbase = 'b'\nrole = 'x'\n[profiles.b]\nbase = 'c'\nrole = 'y'\nregion = 'r'\n[profiles.c]\nusername = 'u'";
        let settings = Config::parse(text).unwrap().profile("a").unwrap();
        assert_eq!((settings.role.as_deref(), settings.region.as_deref()), (Some("x"), Some("r")));
        assert_eq!((settings.username.as_deref(), settings.base), (Some("u"), None));
        let message = |text: &str| Config::parse(text).unwrap().profile("a").unwrap_err().message().to_owned();
        assert_eq!(
            message("[profiles.a]\nbase = 'b'\n[profiles.b]\nbase = 'a'"),
            "profile `a` inherits from itself through `base`: `a`, `b`"
        );
        assert_eq!(message("[profiles.a]\nbase = 'a'"), "profile `a` inherits from itself through `base`: `a`");
        assert_eq!(message("[profiles.a]\nbase = 'z'"), "there is no profile `z` in the configuration");
    }

    #[test]
    fn profiles_are_added_at_the_end() {
        let text = "# mine\n[profiles.work]\nrole = 'x' # why";
        let settings = |role: &str| Settings {
            role: Some(role.into()),
            policy_arns: Some(vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()]),
            chain: Some(vec![super::super::NextRole::new("arn:aws:iam::444455556666:role/Deploy")]),
            ..Settings::default()
        };
        let new = BTreeMap::from([("work".to_owned(), settings("y")), ("a \"b\"".to_owned(), settings("it's"))]);
        let (after, added) = with_profiles(text, &new).unwrap();
        assert_eq!((added.written.len(), added.left_alone.as_slice()), (1, &["work".to_owned()][..]));
        assert!(after.starts_with(&format!("{text}\n\n[profiles.")), "{after}");
        let config = Config::parse(&after).unwrap();
        assert_eq!(config.profile("a \"b\"").unwrap(), settings("it's"));
        assert_eq!(with_profiles(&after, &new).unwrap().0, after);
        assert!(with_profiles("x = 1", &new).is_err());
    }

    #[test]
    fn an_unknown_profile_comes_with_a_suggestion() {
        let config = Config::parse("[profiles.work]\n[profiles.home]").unwrap();
        let hint = |name: &str| config.profile(name).unwrap_err().hint().unwrap().to_owned();
        assert_eq!(hint("wrok"), "did you mean `work`?");
        assert_eq!(hint("elsewhere"), "known profiles: `home`, `work`");
        assert_eq!(config.chosen_profile(None).unwrap(), Settings::default());
    }
}
