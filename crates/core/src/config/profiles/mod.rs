//! Profiles for the AWS CLI and the SDKs, whose `credential_process` is tempaccess.

mod file;
mod grammar;
mod names;
mod section;
mod shlex;
mod text;

pub(super) use file::aws_file;
pub use file::{SkippedProfile, SyncOptions, Synced, sync_aws_profiles};
pub use names::names_for_roles;
pub use text::aws_config_with;
pub(super) use text::{unreadable, win_over_keys};

use crate::error::{Error, ErrorKind, Result, Stage};

/// A profile for the AWS CLI and the SDKs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsProfile {
    name: String,
    credential_process: String,
    region: Option<String>,
}

impl AwsProfile {
    /// Creates a profile of this name whose credentials this command prints. The words of the command are quoted as needed.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the name, the command or the region cannot be written so that every program reads it as meant.
    pub fn new(name: &str, command: &[&str], region: Option<&str>) -> Result<Self> {
        let refused = |what: String| Err(Error::new(ErrorKind::InvalidArgument, Stage::Output, what));
        if let Some(why) = unfit_name(name) {
            return refused(format!("`{name}` cannot be the name of an AWS profile: {why}"));
        }
        let Some(credential_process) = command_line(command) else {
            return refused(format!(
                "the command of the profile `{name}` cannot be quoted for every AWS tool: {command:?}"
            ));
        };
        if let Some(region) = region.filter(|region| !is_region(region)) {
            return refused(format!("`{region}` is not a valid region (profile `{name}`)"));
        }
        Ok(Self { name: name.to_owned(), credential_process, region: region.map(str::to_owned) })
    }
}

/// Profiles to write, and those that cannot be written.
///
/// ```
/// use tempaccess_core::config::AwsProfiles;
///
/// let mut profiles = AwsProfiles::default();
/// profiles.add("work", &["tempaccess", "credentials"], Some("eu-west-1"));
/// profiles.add("a]b", &["tempaccess", "credentials"], None);
/// assert_eq!(profiles.skipped()[0].name, "a]b");
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct AwsProfiles {
    profiles: Vec<AwsProfile>,
    skipped: Vec<SkippedProfile>,
}

impl AwsProfiles {
    /// Adds a profile, as [`AwsProfile::new`] makes it. One that cannot be written is reported by [`Synced::skipped`], and nothing that
    /// the file has under its name is removed.
    pub fn add(&mut self, name: &str, command: &[&str], region: Option<&str>) {
        match AwsProfile::new(name, command, region) {
            Ok(profile) => self.profiles.push(profile),
            Err(error) => self.skipped.push(SkippedProfile::new(name, error.message())),
        }
    }

    /// Those that cannot be written, and why.
    pub fn skipped(&self) -> &[SkippedProfile] {
        &self.skipped
    }

    /// Whether none was added.
    pub fn is_empty(&self) -> bool {
        self.profiles.is_empty() && self.skipped.is_empty()
    }
}

impl FromIterator<AwsProfile> for AwsProfiles {
    fn from_iter<I: IntoIterator<Item = AwsProfile>>(profiles: I) -> Self {
        Self { profiles: profiles.into_iter().collect(), skipped: Vec::new() }
    }
}

/// Returns why a name cannot be written into a section header that every AWS tool reads alike.
fn unfit_name(name: &str) -> Option<String> {
    let forbidden = |c: char| c.is_control() || "[]\"'\\#;".contains(c);
    if name.is_empty() {
        Some("it is empty".to_owned())
    } else if name != name.trim() {
        Some("it begins or ends with a space".to_owned())
    } else if name == "__proto__" {
        Some("the AWS SDK for JavaScript refuses a file with it".to_owned())
    } else {
        name.chars().find(|c| forbidden(*c)).map(|c| match c {
            c if c.is_control() => "it contains a control character".to_owned(),
            c => format!("it contains `{c}`"),
        })
    }
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// Joins words so that every reader splits them alike: the AWS CLI and boto3 do that themselves, as `shlex` does, and the
/// other SDKs give the line to the system's shell. Returns nothing where they would differ.
fn command_line(words: &[&str]) -> Option<String> {
    let mut quoted = words.iter().map(|word| quoted(word)).collect::<Option<Vec<_>>>()?;
    let is_quote = |c: &char| matches!(c, '"' | '\'');
    let opening = quoted.first().and_then(|word| word.chars().next()).filter(is_quote);
    let closing = quoted.last().and_then(|word| word.chars().last());
    // The SDK for Go takes the quotes away that enclose a whole value.
    if let (Some(quote), Some(first), Some(word)) =
        (opening.filter(|_| opening == closing), quoted.first_mut(), words.first())
    {
        let head = word.chars().next().filter(|c| is_plain(*c) && quote == '\'')?;
        *first = format!("{head}{quote}{}", first.strip_prefix(quote)?.strip_prefix(head)?);
    }
    let line = quoted.join(" ");
    let is_split_alike = cfg!(windows) || shlex::split(&line).is_some_and(|split| split == words);
    (is_split_alike && !line.is_empty()).then_some(line)
}

fn is_plain(c: char) -> bool {
    c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c)
}

fn quoted(word: &str) -> Option<String> {
    let is_control = word.chars().any(char::is_control);
    // Many readers take this for the beginning of a comment, in quotes too.
    let is_comment = word.chars().zip(word.chars().skip(1)).any(|(a, b)| a.is_whitespace() && matches!(b, '#' | ';'));
    if is_control || is_comment {
        None
    } else if !word.is_empty() && word.chars().all(|c| is_plain(c) || (cfg!(windows) && c == '\\')) {
        Some(word.to_owned())
    } else if cfg!(windows) {
        (!word.contains(['"', '%', '!', '^']) && !word.ends_with('\\')).then(|| format!("\"{word}\""))
    } else {
        // Within single quotes, nothing has a meaning, in a shell and elsewhere.
        Some(format!("'{}'", word.replace('\'', r#"'"'"'"#)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_commands_and_regions_that_break_the_file_are_refused() {
        for name in ["", "a]", "[a", "a\nb", " a", "a\"b", "it's", "a\\b", "a#b", "a ;b", "__proto__"] {
            assert!(AwsProfile::new(name, &["x"], None).is_err(), "{name:?}");
        }
        for word in ["x\ny", "a #b", "a ;b", "a\u{a0}#b", "\0"] {
            assert!(AwsProfile::new("a", &["x", word], None).is_err(), "{word:?}");
        }
        assert!(AwsProfile::new("a", &[], None).is_err());
        assert!(AwsProfile::new("a", &["x"], Some("eu-west-1\nx = 1")).is_err());
    }

    /// The SDK for Go takes the quotes away that enclose a whole value.
    #[cfg(unix)]
    #[test]
    fn a_command_is_never_enclosed_in_quotes() {
        for (words, expected) in [
            (&["/my tools/x", "a"][..], "'/my tools/x' a"),
            (&["/my tools/x", "a b"], "/'my tools/x' 'a b'"),
            (&["a b"], "a' b'"),
            (&["x", "it's"], r#"x 'it'"'"'s'"#),
        ] {
            assert_eq!(AwsProfile::new("a", words, None).unwrap().credential_process, expected);
        }
        assert!(AwsProfile::new("a", &[" a", "b c"], None).is_err());
    }

    #[cfg(unix)]
    #[test]
    fn a_shell_reads_the_words_that_were_meant() {
        let folder = tempfile::tempdir().unwrap();
        let harm = folder.path().join("harm");
        let words = [
            format!("$(touch {})", harm.display()),
            format!("`touch {}`", harm.display()),
            "a b\\\"c\" ${HOME} !x ~ * ; & | > <".replace(" ;", ";"),
            "arn:aws:iam::123456789012:role/$HOME/x".to_owned(),
            "it's '' \"quoted\"".to_owned(),
            "--profile=-x".to_owned(),
        ];
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let profile = AwsProfile::new("a", &[&["printf", "%s\\n"], words.as_slice()].concat(), None).unwrap();
        let output = std::process::Command::new("sh").args(["-c", &profile.credential_process]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), words);
        assert!(!harm.exists());
        assert_eq!(shell_words::split(&profile.credential_process).unwrap()[2..], words);
    }
}
