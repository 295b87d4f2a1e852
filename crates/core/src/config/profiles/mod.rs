//! Profiles for the AWS CLI and the SDKs, whose `credential_process` is tempaccess.

mod file;
mod text;

pub use file::{Synced, sync_aws_profiles};
pub use text::aws_config_with;

use std::collections::{HashMap, HashSet};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::{AccountNames, RoleOffer};

/// A profile for the AWS CLI and the SDKs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AwsProfile {
    name: String,
    credential_process: String,
    region: Option<String>,
}

impl AwsProfile {
    /// A profile of this name, whose credentials this command prints.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the name or the command cannot stand in the file, or would not mean the same to every
    /// program that reads it.
    pub fn new(name: &str, command: &[&str], region: Option<&str>) -> Result<Self> {
        let refused = |what: String| Error::new(ErrorKind::InvalidArgument, Stage::Output, what);
        let fits = |text: &str| !text.is_empty() && !text.chars().any(char::is_control);
        if !fits(name) || name.contains(['[', ']', '"', '\'', '\\']) || name != name.trim() {
            return Err(refused(format!("`{name}` cannot be the name of a profile")));
        }
        let words: Option<Vec<_>> = command.iter().map(|word| quoted(word).filter(|_| fits(word))).collect();
        let Some(words) = words.filter(|_| region.is_none_or(is_region)) else {
            return Err(refused(format!("the command of the profile `{name}` cannot be written down")));
        };
        Ok(Self { name: name.to_owned(), credential_process: words.join(" "), region: region.map(str::to_owned) })
    }
}

fn is_region(text: &str) -> bool {
    !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// A word as every reader takes it: the AWS CLI and boto3 split the line themselves, as `shlex` does, and the other SDKs
/// hand it to the system's shell. Nothing where they would differ.
fn quoted(word: &str) -> Option<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "-_./:=@+,".contains(c);
    // Some take this for the beginning of a comment.
    let is_comment = word.contains(" #") || word.contains(" ;");
    if word.chars().all(|c| plain(c) || (cfg!(windows) && c == '\\')) {
        Some(word.to_owned())
    } else if is_comment {
        None
    } else if cfg!(windows) {
        (!word.contains(['"', '%', '!', '^']) && !word.ends_with('\\')).then(|| format!("\"{word}\""))
    } else {
        // Within these, nothing has a meaning, in a shell and elsewhere.
        (!word.contains('\'')).then(|| format!("'{word}'"))
    }
}

/// A name for each role: `ACCOUNT-ROLE`, by the account's name where one is known; with the path, the account's id and the
/// provider where less would name two. What the file has no place for is a `-` in it.
pub fn names_for_roles(offers: &[RoleOffer], accounts: &AccountNames) -> Vec<String> {
    let fitting = |c: char| if c.is_alphanumeric() || "-_.@+=,: ".contains(c) { c } else { '-' };
    let fit = |name: String| name.chars().map(fitting).collect::<String>().trim().to_owned();
    let name = |offer: &RoleOffer, length: usize| {
        let (role, provider) = (offer.role(), offer.provider().name());
        let id = role.account_id();
        let account = accounts.get(id).map_or(id, String::as_str);
        fit(match length {
            0 => format!("{account}-{}", role.name()),
            1 => format!("{account}-{}", role.path_and_name()),
            2 => format!("{account}-{}-{provider}", role.path_and_name()),
            _ => format!("{id}-{}-{provider}", role.path_and_name()),
        })
    };
    let mut counts = HashMap::new();
    for offer in offers {
        // Each name once, however many lengths give it.
        let names: HashSet<_> = (0..4).map(|length| name(offer, length)).collect();
        names.into_iter().for_each(|name| *counts.entry(name).or_insert(0_usize) += 1);
    }
    let mut taken = HashSet::new();
    let mut unique = |offer: &RoleOffer| {
        let shortest = (0..4).map(|length| name(offer, length)).find(|name| counts.get(name) == Some(&1));
        let longest = name(offer, 3);
        let numbered = (2..).map(|number| format!("{longest}-{number}"));
        let mut names = shortest.into_iter().chain([longest.clone()]).chain(numbered);
        let found = names.find(|name| !taken.contains(name)).unwrap_or_default();
        taken.insert(found.clone());
        found
    };
    offers.iter().map(&mut unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_get_names_that_tell_them_apart() {
        let offer = |role: &str, provider: &str| {
            let value =
                format!("arn:aws:iam::123456789012:role/{role},arn:aws:iam::123456789012:saml-provider/{provider}");
            RoleOffer::from_attribute_value(&value).unwrap()
        };
        let offers = [offer("Admin", "Okta"), offer("a/Read", "Okta"), offer("b/Read", "Okta"), offer("b/Read", "Old")];
        let names = AccountNames::from([("123456789012".into(), "ledger".into())]);
        assert_eq!(
            names_for_roles(&offers, &names),
            ["ledger-Admin", "ledger-a-Read", "ledger-b-Read-Okta", "ledger-b-Read-Old"]
        );
        assert_eq!(names_for_roles(&offers[..1], &AccountNames::new()), ["123456789012-Admin"]);
        let names = AccountNames::from([("123456789012".into(), " [prod]'s\n\"".into())]);
        assert_eq!(names_for_roles(&offers[..1], &names), ["-prod--s---Admin"]);
        // However they are put together, no two are the same.
        let offer = |account: &str, role: &str| {
            let value = format!("arn:aws:iam::{account}:role/{role},arn:aws:iam::{account}:saml-provider/Okta");
            RoleOffer::from_attribute_value(&value).unwrap()
        };
        let (one, two) = ("111111111111", "222222222222");
        let offers = [
            offer(one, "eu-Admin"),
            offer(two, "Admin"),
            offer(one, "x/Read"),
            offer(one, "y/Read"),
            offer(one, "x-Read"),
        ];
        let names = AccountNames::from([(one.into(), "prod".into()), (two.into(), "prod-eu".into())]);
        let found = names_for_roles(&offers, &names);
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), 5, "{found:?}");
        let alike = AccountNames::from([(one.into(), "same".into()), (two.into(), "same".into())]);
        let found = names_for_roles(&[offer(one, "A"), offer(two, "A")], &alike);
        assert_eq!(found, ["111111111111-A-Okta", "222222222222-A-Okta"]);
    }

    #[test]
    fn names_and_commands_that_break_the_file_are_refused() {
        for name in ["", "a]", "a\nb", " a", "a\"b"] {
            assert!(AwsProfile::new(name, &["x"], None).is_err(), "{name:?}");
        }
        for word in ["x\ny", "", "it's", "a #b", "a ;b"] {
            assert!(AwsProfile::new("a", &[word], None).is_err(), "{word:?}");
        }
        assert!(AwsProfile::new("a", &["x"], Some("eu-west-1\nx = 1")).is_err());
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
        ];
        let words: Vec<_> = words.iter().map(String::as_str).collect();
        let profile = AwsProfile::new("a", &[&["printf", "%s\\n"], words.as_slice()].concat(), None).unwrap();
        let output = std::process::Command::new("sh").args(["-c", &profile.credential_process]).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap().lines().collect::<Vec<_>>(), words);
        assert!(!harm.exists());
        assert_eq!(shell_words::split(&profile.credential_process).unwrap()[2..], words);
    }
}
