//! How each front end writes settings. Messages, hints and notices are written as for the command line: `--auth browser`.

use std::borrow::Cow;

use crate::error::{Error, ErrorReport, Stage};
use crate::source::NO_PERSON_HINT;

/// The syntax in which a front end writes settings.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum SettingNames {
    /// Options: `--auth browser`, `--headless`.
    CommandLine,
    /// A profile, and the fields of `Settings`: `auth = "browser"`, `headless = true`.
    Profile,
    /// Keyword arguments: `auth="browser"`, `headless=True`.
    Python,
    /// Properties: `auth: "browser"`, `headless: true`.
    Node,
}

/// The option of each setting, its key in a profile, and whether it is a flag.
const OPTIONS: &[(&str, &str, bool)] = &[
    ("--source", "source", false),
    ("--auth", "auth", false),
    ("--client-id", "client_id", false),
    ("--username", "username", false),
    ("--factor", "factor", false),
    ("--remember-device", "remember_device", true),
    ("--browser", "browser", false),
    ("--headless", "headless", true),
    ("--acs-url", "acs_url", false),
    ("--role", "role", false),
    ("--account", "account", false),
    ("--provider", "provider", false),
    ("--chain", "chain", false),
    ("--duration", "duration", false),
    ("--policy", "policy", false),
    ("--policy-arn", "policy_arns", false),
    ("--region", "region", false),
    ("--sts-endpoint-url", "sts_endpoint_url", false),
    ("--store", "store", false),
    ("--reason", "reason", false),
    ("--audit-log", "audit_log", false),
];

/// The options of grants that are not settings, or that are called otherwise there, as [`OPTIONS`] has them.
const GRANT_OPTIONS: &[(&str, &str, bool)] = &[
    ("--profile", "profile", false),
    ("--to", "to", false),
    ("--on", "role", false),
    ("--for", "duration", false),
    ("--from", "from", false),
    ("--until", "until", false),
    ("--from-ip", "from_ip", false),
    ("--seal-to", "seal_to", false),
    ("--preset", "preset", false),
    ("--allow-escape", "allow_escape", true),
    ("--no-ceiling", "no_ceiling", true),
    ("--identity", "identity", false),
    ("--account", "accounts", false),
    ("--by", "by", false),
    ("--older", "older_role", false),
];

impl SettingNames {
    /// Rewrites the options in the code spans of a text. Spans that are not only options of settings are not changed.
    ///
    /// ```
    /// use tempaccess_core::front_end::SettingNames;
    ///
    /// let text = "sign in with `--auth browser`, or run `tempaccess login --auth device`";
    /// assert_eq!(
    ///     SettingNames::Python.apply(text),
    ///     "sign in with `auth=\"browser\"`, or run `tempaccess login --auth device`",
    /// );
    /// ```
    pub fn apply(self, text: &str) -> Cow<'_, str> {
        self.apply_from(&[], text)
    }

    /// Rewrites the options of these and of the settings. The former count where both have an option.
    fn apply_from<'a>(self, more: &[(&str, &str, bool)], text: &'a str) -> Cow<'a, str> {
        if self == Self::CommandLine || !text.contains("`--") {
            return Cow::Borrowed(text);
        }
        let mut written = String::with_capacity(text.len() + 16);
        // Every second part is a code span.
        for (number, part) in text.split('`').enumerate() {
            if number > 0 {
                written.push('`');
            }
            match self.settings(more, part).filter(|_| number % 2 == 1) {
                Some(settings) => written.push_str(&settings),
                None => written.push_str(part),
            }
        }
        Cow::Owned(written)
    }

    /// Returns the name of a setting, of which this is the key in a profile.
    pub fn name(self, key: &str) -> String {
        match self {
            Self::CommandLine => {
                let option = OPTIONS.iter().find(|(_, known, _)| *known == key).map(|(option, ..)| *option);
                option.unwrap_or(key).to_owned()
            }
            // A word of the language.
            Self::Python if key == "from" => "from_".to_owned(),
            Self::Profile | Self::Python => key.to_owned(),
            Self::Node => camel_case(key),
        }
    }

    /// Returns the report of an error, with the settings in its message and its hint as this front end writes them.
    pub fn report(self, error: &Error) -> ErrorReport<'_> {
        let report = error.report();
        let more = if error.stage() == Stage::Grant { GRANT_OPTIONS } else { &[] };
        let written = |text| self.apply_from(more, text);
        let hint = error.hint().map(written);
        let hint = match self.prompter().filter(|_| error.hint() == Some(NO_PERSON_HINT)) {
            Some(prompter) => Some(Cow::Owned(format!("{NO_PERSON_HINT}, or pass {prompter}"))),
            None => hint,
        };
        ErrorReport { message: written(error.message()), hint, ..report }
    }

    /// How a program passes a prompter, where programs can.
    fn prompter(self) -> Option<&'static str> {
        match self {
            Self::CommandLine | Self::Profile => None,
            Self::Python => Some("a `prompter=` such as `tempaccess.Terminal()`"),
            Self::Node => Some("a `prompter` such as `terminal()`"),
        }
    }

    /// Rewrites `--name value --name value`.
    fn settings(self, more: &[(&str, &str, bool)], span: &str) -> Option<String> {
        let mut settings = Vec::new();
        for words in span.strip_prefix("--")?.split(" --") {
            let (name, value) = words.split_once(' ').map_or((words, None), |(name, value)| (name, Some(value)));
            let (_, key, is_flag) =
                more.iter().chain(OPTIONS).find(|(option, ..)| option.strip_prefix("--") == Some(name))?;
            settings.push(self.setting(key, value, *is_flag));
        }
        Some(settings.join(", "))
    }

    fn setting(self, key: &str, value: Option<&str>, is_flag: bool) -> String {
        let value = match value {
            Some(value) => format!("\"{value}\""),
            None if is_flag => if self == Self::Python { "True" } else { "true" }.to_owned(),
            None => String::new(),
        };
        match self {
            Self::Python => format!("{}={value}", self.name(key)),
            Self::Node => format!("{}: {value}", self.name(key)).trim_end().to_owned(),
            Self::Profile if value.is_empty() => key.to_owned(),
            Self::CommandLine | Self::Profile => format!("{key} = {value}"),
        }
    }
}

/// Writes `policy_arns` as `policyArns`.
fn camel_case(key: &str) -> String {
    let mut name = String::with_capacity(key.len());
    let mut after_underscore = false;
    for letter in key.chars() {
        match letter {
            '_' => after_underscore = true,
            letter if after_underscore => {
                name.push(letter.to_ascii_uppercase());
                after_underscore = false;
            }
            letter => name.push(letter),
        }
    }
    name
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_front_end_writes_settings_in_its_own_syntax() {
        let text = "choose `--role`, `--auth browser`, `--policy-arn ARN --account ID`, `--headless`; not `--overwrite` or `x`";
        for (names, expected) in [
            (SettingNames::CommandLine, text),
            (
                SettingNames::Profile,
                "choose `role`, `auth = \"browser\"`, `policy_arns = \"ARN\", account = \"ID\"`, `headless = true`; not \
                 `--overwrite` or `x`",
            ),
            (
                SettingNames::Python,
                "choose `role=`, `auth=\"browser\"`, `policy_arns=\"ARN\", account=\"ID\"`, `headless=True`; not `--overwrite` \
                 or `x`",
            ),
            (
                SettingNames::Node,
                "choose `role:`, `auth: \"browser\"`, `policyArns: \"ARN\", account: \"ID\"`, `headless: true`; not \
                 `--overwrite` or `x`",
            ),
        ] {
            assert_eq!(names.apply(text), expected);
        }
    }

    #[test]
    fn errors_of_grants_have_the_arguments_of_grants() {
        let error = Error::new(crate::ErrorKind::InvalidArgument, Stage::Grant, "give `--for` or `--from`")
            .with_hint("`--no-ceiling`, `--account 111122223333`, `--role`, `tempaccess grant key --new`");
        let report = SettingNames::Python.report(&error);
        assert_eq!(report.message, "give `duration=` or `from_=`");
        let hint = "`no_ceiling=True`, `accounts=\"111122223333\"`, `role=`, `tempaccess grant key --new`";
        assert_eq!(report.hint.as_deref(), Some(hint));
        assert_eq!(SettingNames::Node.report(&error).message, "give `duration:` or `from:`");
        assert_eq!(SettingNames::CommandLine.report(&error).message, error.message());
    }

    #[test]
    fn programs_read_how_to_pass_a_prompter() {
        let error = Error::new(crate::ErrorKind::InteractionRequired, Stage::SignIn, "nobody can be asked: Password")
            .with_hint(NO_PERSON_HINT);
        let hint = |names: SettingNames| names.report(&error).hint.unwrap().into_owned();
        assert_eq!(hint(SettingNames::CommandLine), NO_PERSON_HINT);
        assert_eq!(
            hint(SettingNames::Python),
            format!("{NO_PERSON_HINT}, or pass a `prompter=` such as `tempaccess.Terminal()`")
        );
        assert_eq!(hint(SettingNames::Node), format!("{NO_PERSON_HINT}, or pass a `prompter` such as `terminal()`"));
    }

    #[test]
    fn text_outside_code_spans_is_not_changed() {
        for text in ["--role", "`a` --role `b`", "`--role", "` `--role` `", "``"] {
            let backticks = text.matches('`').count();
            assert_eq!(SettingNames::Python.apply(text).matches('`').count(), backticks);
        }
        assert_eq!(SettingNames::Python.apply("`a` --role `b`"), "`a` --role `b`");
    }

    #[test]
    #[cfg(feature = "config")]
    fn every_setting_with_an_option_is_in_the_table() {
        let table: Vec<_> = OPTIONS.iter().map(|(option, key, _)| (*key, Some(*option))).collect();
        let settings: Vec<_> =
            crate::config::Settings::OPTIONS.iter().filter(|(_, option)| option.is_some()).copied().collect();
        assert_eq!(table, settings);
    }
}
