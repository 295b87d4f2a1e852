use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use etcetera::app_strategy::choose_native_strategy;
use etcetera::{AppStrategy, AppStrategyArgs};
use serde::{Deserialize, Serialize};

use super::accounts::with_accounts;
use super::edit::edit;
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
    /// Settings under a name.
    #[serde(default)]
    pub profiles: BTreeMap<String, Settings>,
}

/// The keys of a configuration file, beside those of a profile.
const KEYS: [&str; 2] = ["accounts", "profiles"];

impl Config {
    /// Reads a configuration.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`; an unknown key says which one was probably meant.
    pub fn parse(text: &str) -> Result<Self> {
        let invalid = |error: toml::de::Error| {
            let line = error.span().map_or(1, |span| text.get(..span.start).unwrap_or_default().lines().count().max(1));
            Error::new(
                ErrorKind::InvalidConfiguration,
                Stage::Configuration,
                format!("the configuration is not right in line {line}: {}", error.message()),
            )
        };
        let table: toml::Table = toml::from_str(text).map_err(invalid)?;
        check_keys("", &table, &KEYS)?;
        let profiles = table.get("profiles").and_then(toml::Value::as_table);
        for (name, profile) in profiles.into_iter().flatten() {
            if let Some(profile) = profile.as_table() {
                check_keys(&format!("profiles.{name}."), profile, Settings::KEYS)?;
            }
        }
        let config: Self = toml::from_str(text).map_err(invalid)?;
        match config.accounts.keys().find(|id| !is_account_id(id)) {
            Some(id) => Err(Error::new(
                ErrorKind::InvalidConfiguration,
                Stage::Configuration,
                format!("`accounts.{id}` is no account id of 12 digits"),
            )),
            None => Ok(config),
        }
    }

    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, also where the file cannot be read.
    pub fn load(path: &Path) -> Result<Self> {
        let in_file = |error: Error| {
            let message = format!("`{}`: {}", path.display(), error.message());
            let hint = error.hint().map(str::to_owned);
            let error = Error::new(error.kind(), error.stage(), message);
            match hint {
                Some(hint) => error.with_hint(hint),
                None => error,
            }
        };
        let text = crate::input::read_text(path).map_err(|error| {
            in_file(Error::new(
                ErrorKind::InvalidConfiguration,
                Stage::Configuration,
                format!("it cannot be read: {error}"),
            ))
        })?;
        Self::parse(&text).map_err(in_file)
    }

    /// Where the configuration is to be written: what `TEMPACCESS_CONFIG` names, or its usual place.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where there is no home directory.
    pub fn file() -> Result<PathBuf> {
        let named = env::get(env::CONFIG)?.map(PathBuf::from);
        named.or_else(default_config_file).ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, "there is no place for the configuration")
                .with_hint("name a file with `TEMPACCESS_CONFIG`")
        })
    }

    /// Reads the file that `TEMPACCESS_CONFIG` names, or the one at its usual place; without either, nothing is set.
    ///
    /// # Errors
    ///
    /// As [`load`](Self::load).
    pub fn find() -> Result<Self> {
        match env::get(env::CONFIG)? {
            Some(path) => Self::load(Path::new(&path)),
            None => match default_config_file().filter(|path| path.try_exists().unwrap_or(true)) {
                Some(path) => Self::load(&path),
                None => Ok(Self::default()),
            },
        }
    }

    /// The settings of a profile, over those of its base, if it has one.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where there is none of that name, or profiles are based on one another.
    pub fn profile(&self, name: &str) -> Result<Settings> {
        let mut settings = self.named(name)?.clone();
        let mut names = vec![name.to_owned()];
        while let Some(base) = settings.base.take() {
            if names.contains(&base) {
                let message = format!("the profiles `{}` are based on one another", names.join("`, `"));
                return Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
                    .with_hint("a profile's `base` is another one, whose settings count where it is silent"));
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
                None if names.is_empty() => error.with_hint("there is no profile at all"),
                None => error.with_hint(format!("there is: `{}`", names.join("`, `"))),
            }
        })
    }

    /// Writes profiles below what stands in the file, comments and order kept. One whose name is there already is left as
    /// it is.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` where the file is not right as it is; `io`, and then it is as it was.
    pub fn add_profiles(file: &Path, profiles: &BTreeMap<String, Settings>) -> Result<Added> {
        Self::add(file, &AccountNames::new(), profiles)
    }

    /// As [`add_profiles`](Self::add_profiles), and writes names of accounts into the table `accounts`. An account that has
    /// a name keeps it.
    ///
    /// # Errors
    ///
    /// As [`add_profiles`](Self::add_profiles).
    pub fn add(file: &Path, accounts: &AccountNames, profiles: &BTreeMap<String, Settings>) -> Result<Added> {
        let mut refused = None;
        let added = edit(file, |text| {
            let change = || {
                let (text, named) = with_accounts(text, accounts)?;
                let (text, added) = with_profiles(&text, profiles)?;
                Ok((text, Added { accounts: named.written, accounts_left_alone: named.left_alone, ..added }))
            };
            change().map_err(|error: Error| {
                let message = error.message().to_owned();
                refused = Some(error);
                std::io::Error::other(message)
            })
        });
        added.map_err(|error| {
            refused.unwrap_or_else(|| {
                let message = format!("`{}` cannot be written: {error}", file.display());
                Error::new(ErrorKind::Io, Stage::Configuration, message).with_source(error)
            })
        })
    }

    /// The name of the profile that is asked for, that `TEMPACCESS_PROFILE` names, or `default` where there is one.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the variable is not text.
    pub fn chosen_name(&self, asked: Option<&str>) -> Result<Option<String>> {
        let named = asked.map(str::to_owned).map_or_else(|| env::get(env::PROFILE), |name| Ok(Some(name)))?;
        Ok(named.or_else(|| self.profiles.contains_key("default").then(|| "default".to_owned())))
    }

    /// The settings of the profile that is asked for, that `TEMPACCESS_PROFILE` names, or that is called `default`.
    ///
    /// # Errors
    ///
    /// As [`profile`](Self::profile); but no profile `default` is no error.
    pub fn chosen_profile(&self, asked: Option<&str>) -> Result<Settings> {
        self.chosen_name(asked)?.map_or_else(|| Ok(Settings::default()), |name| self.profile(&name))
    }
}

/// What became of profiles that were to be written.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Added {
    /// Those that were written.
    pub written: Vec<String>,
    /// Those whose names were taken.
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
        let message = format!("a setting cannot be written down: {error}");
        Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message)
    };
    let lines = toml::to_string(&Written { profiles: new }).map_err(invalid)?;
    let apart = match text {
        "" => "",
        text if text.ends_with('\n') => "\n",
        _ => "\n\n",
    };
    let text = format!("{text}{apart}{lines}");
    // The file was right before; one that holds its profiles in an inline table cannot be added to.
    Config::parse(&text).map_err(|error| {
        let message = format!("the profiles cannot be written below what stands there: {}", error.message());
        Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
            .with_hint("give each profile a table of its own: `[profiles.NAME]`")
    })?;
    Ok((text, added))
}

fn check_keys(prefix: &str, table: &toml::Table, known: &[&str]) -> Result<()> {
    let Some(key) = table.keys().find(|key| !known.contains(&key.as_str())) else { return Ok(()) };
    let error = Error::new(
        ErrorKind::InvalidConfiguration,
        Stage::Configuration,
        format!("the configuration has an unknown key `{prefix}{key}`"),
    );
    Err(match nearest(key, known) {
        Some(near) => error.with_hint(format!("did you mean `{prefix}{near}`?")),
        None => error.with_hint(format!("known here are: `{}`", known.join("`, `"))),
    })
}

fn nearest<'a>(text: &str, known: &[&'a str]) -> Option<&'a str> {
    let near = |candidate: &&&str| strsim::damerau_levenshtein(text, candidate) <= 2.min(text.len() / 2);
    known.iter().filter(near).min_by_key(|candidate| strsim::damerau_levenshtein(text, candidate)).copied()
}

fn places() -> Option<impl AppStrategy> {
    choose_native_strategy(AppStrategyArgs {
        top_level_domain: "dev".to_owned(),
        author: "tempaccess".to_owned(),
        app_name: "tempaccess".to_owned(),
    })
    .ok()
}

/// Where the configuration file is on this platform: `~/.config/tempaccess/config.toml` on Linux.
pub fn default_config_file() -> Option<PathBuf> {
    Some(places()?.in_config_dir("config.toml"))
}

/// Where audit records go on this platform unless said otherwise: `~/.local/state/tempaccess/audit.jsonl` on Linux.
pub fn default_audit_log() -> Option<PathBuf> {
    let places = places()?;
    Some(places.in_state_dir("audit.jsonl").unwrap_or_else(|| places.in_data_dir("audit.jsonl")))
}

/// Where credentials and sessions are kept: what `TEMPACCESS_STORE_DIR` says, or
/// `~/.local/state/tempaccess/store` on Linux.
pub fn default_store_folder() -> Option<PathBuf> {
    if let Ok(Some(folder)) = env::get(env::STORE_DIR) {
        return Some(folder.into());
    }
    let places = places()?;
    Some(places.in_state_dir("store").unwrap_or_else(|| places.in_data_dir("store")))
}

/// Where the profiles of browsers that are driven lie: beside the store.
pub(super) fn default_browser_folder() -> Option<PathBuf> {
    let store = default_store_folder()?;
    Some(store.with_file_name("browser"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn unknown_keys_say_what_was_meant() {
        let error = Config::parse("[profiles.default]\nusernam = 'ada'").unwrap_err();
        assert_eq!(error.message(), "the configuration has an unknown key `profiles.default.usernam`");
        assert_eq!(error.hint(), Some("did you mean `profiles.default.username`?"));
        let error = Config::parse("x = 1").unwrap_err();
        assert_eq!(error.hint(), Some("known here are: `accounts`, `profiles`"));
    }

    #[test]
    fn what_is_not_right_says_where() {
        let message = |text: &str| Config::parse(text).unwrap_err().message().to_owned();
        assert!(
            message("[profiles.default]\nrole = 1")
                .starts_with("the configuration is not right in line 2: invalid type")
        );
        assert!(message("a = 1\nb =").starts_with("the configuration is not right in line 2:"));
        assert_eq!(message("[accounts]\n12 = 'x'"), "`accounts.12` is no account id of 12 digits");
    }

    #[test]
    fn profiles_are_based_on_others_and_never_on_themselves() {
        let text = "[profiles.a]\nbase = 'b'\nrole = 'x'\n[profiles.b]\nbase = 'c'\nrole = 'y'\nregion = 'r'\n[profiles.c]\nusername = 'u'";
        let settings = Config::parse(text).unwrap().profile("a").unwrap();
        assert_eq!((settings.role.as_deref(), settings.region.as_deref()), (Some("x"), Some("r")));
        assert_eq!((settings.username.as_deref(), settings.base), (Some("u"), None));
        let message = |text: &str| Config::parse(text).unwrap().profile("a").unwrap_err().message().to_owned();
        assert_eq!(
            message("[profiles.a]\nbase = 'b'\n[profiles.b]\nbase = 'a'"),
            "the profiles `a`, `b` are based on one another"
        );
        assert_eq!(message("[profiles.a]\nbase = 'a'"), "the profiles `a` are based on one another");
        assert_eq!(message("[profiles.a]\nbase = 'z'"), "there is no profile `z` in the configuration");
    }

    #[test]
    fn profiles_are_added_below_what_stands_there() {
        let text = "# mine\n[profiles.work]\nrole = 'x' # why";
        let settings = |role: &str| Settings {
            role: Some(role.into()),
            policy_arns: Some(vec!["arn:aws:iam::aws:policy/ReadOnlyAccess".into()]),
            then: Some(vec![super::super::NextRole::new("arn:aws:iam::444455556666:role/Deploy")]),
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
    fn a_profile_that_is_not_there() {
        let config = Config::parse("[profiles.work]\n[profiles.home]").unwrap();
        let hint = |name: &str| config.profile(name).unwrap_err().hint().unwrap().to_owned();
        assert_eq!(hint("wrok"), "did you mean `work`?");
        assert_eq!(hint("elsewhere"), "there is: `home`, `work`");
        assert_eq!(config.chosen_profile(None).unwrap(), Settings::default());
    }
}
