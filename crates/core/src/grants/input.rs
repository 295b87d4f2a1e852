//! A grant as a front end takes it: texts, which are read here in one way for all of them.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::{GrantSpec, RevocationTarget, parse_duration};
use crate::arn::PolicyArn;
use crate::config::{WrongArgument, read_arguments, read_policy};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::seal::{Recipient, Signers};
use crate::text::excerpt;

/// The values of a grant as texts: arguments of the command line, keyword arguments, properties of an object.
///
/// ```
/// use tempaccess_core::{grants::GrantInput, seal::Signers};
///
/// let input: GrantInput = serde_json::from_str(
///     r#"{"to": "grace@example.com", "role": "ledger/Granted", "duration": "40m", "reason": "OPS-123"}"#,
/// ).unwrap();
/// let spec = input.into_spec(&Signers::default())?;
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct GrantInput {
    /// The person.
    pub to: String,
    /// The role: its ARN, `ACCOUNT/NAME`, or a name in the administrator's account.
    pub role: Option<String>,
    /// The policy: JSON, or the path of a file that has it.
    pub policy: Option<String>,
    /// Managed session policies, by ARN.
    pub policy_arns: Vec<String>,
    /// The duration: `40m`, or seconds.
    pub duration: Option<String>,
    /// When a policy grant begins: `2026-11-25T14:00:00Z`.
    pub from: Option<String>,
    /// When a policy grant ends.
    pub until: Option<String>,
    /// Networks, as CIDR blocks.
    pub from_ip: Vec<String>,
    /// Why.
    pub reason: String,
    /// The preset.
    pub preset: Option<String>,
    /// What credentials are sealed to: keys, files of keys, or names in the signers file.
    pub seal_to: Vec<String>,
    /// Whether a scope is allowed that could keep access after its end.
    pub allow_escape: bool,
    /// Whether a role without a permissions boundary is allowed.
    pub no_ceiling: bool,
}

impl GrantInput {
    /// The names of the values.
    pub const KEYS: &[&str] = &[
        "to",
        "role",
        "policy",
        "policy_arns",
        "duration",
        "from",
        "until",
        "from_ip",
        "reason",
        "preset",
        "seal_to",
        "allow_escape",
        "no_ceiling",
    ];

    /// Reads the values that a program passes as a JSON object. `others` are the names of further arguments, which are
    /// suggested as well.
    ///
    /// # Errors
    ///
    /// The first argument that is unknown or has the wrong type.
    pub fn from_arguments(json: &str, others: &[&'static str]) -> Result<Self, WrongArgument> {
        read_arguments(json, Self::KEYS, others)
    }

    /// Reads the values.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, `invalid_recipient`, `invalid_scope`, or `io` if a file cannot be read.
    pub fn into_spec(self, signers: &Signers) -> Result<GrantSpec> {
        let mut spec = GrantSpec::to(self.to).reason(self.reason).from_ip(self.from_ip);
        if let Some(role) = self.role {
            spec = spec.role(role);
        }
        if let Some(policy) = &self.policy {
            spec = spec.policy(read_policy(policy)?);
        }
        for arn in &self.policy_arns {
            spec = spec.policy_arns([policy_arn(arn)?]);
        }
        if let Some(duration) = &self.duration {
            spec = spec.duration(parse_duration(duration)?);
        }
        if let Some(from) = &self.from {
            spec = spec.from(time(from)?);
        }
        if let Some(until) = &self.until {
            spec = spec.until(time(until)?);
        }
        if let Some(preset) = self.preset {
            spec = spec.preset(preset);
        }
        for key in &self.seal_to {
            for recipient in recipients(key, signers)? {
                spec = spec.seal_to(recipient);
            }
        }
        if self.allow_escape {
            spec = spec.allow_escape();
        }
        if self.no_ceiling {
            spec = spec.without_ceiling();
        }
        Ok(spec)
    }
}

impl RevocationTarget {
    /// Returns what to revoke: exactly one of some ids, a person, an administrator and a role.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if none or several are given, or an id is not valid.
    pub fn from_parts(
        ids: &[String],
        to: Option<String>,
        by: Option<String>,
        older_role: Option<String>,
    ) -> Result<Self> {
        let invalid = |message: &'static str| {
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                .with_hint("give ids, `--to`, `--by` or `--older`")
        };
        match (ids, to, by, older_role) {
            ([], None, None, None) => Err(invalid("no grant, person, administrator or role is named")),
            ([], Some(name), None, None) => Ok(Self::Person(name)),
            ([], None, Some(name), None) => Ok(Self::Administrator(name)),
            ([], None, None, Some(role)) => Ok(Self::OlderSessions { role }),
            (ids, None, None, None) => ids.iter().map(|id| id.parse()).collect::<Result<_>>().map(Self::Grants),
            _ => Err(invalid("only one of these says what to revoke")),
        }
    }
}

/// Returns the keys that a text stands for: a key, a file of keys, or a name in the signers file.
///
/// # Errors
///
/// `invalid_recipient` if it is none of them, `io` if the file cannot be read.
pub fn recipients(text: &str, signers: &Signers) -> Result<Vec<Recipient>> {
    if text.starts_with("age1") || text.contains(' ') {
        return Ok(vec![text.parse()?]);
    }
    let path = Path::new(text);
    if path.is_file() {
        let content = crate::input::read_text(path).map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Grant, format!("cannot read the key `{}`: {error}", excerpt(text)))
                .with_source(error)
        })?;
        return Recipient::parse_all(&content);
    }
    let named = signers.lines().iter().filter(|line| line.principals().iter().any(|name| name == text));
    let keys: Vec<_> = named.map(|line| line.public_key().parse()).collect::<Result<_>>()?;
    if keys.is_empty() {
        let text = excerpt(text);
        let message = format!("`{text}` is neither a key, nor a file of keys, nor a name in the signers file");
        return Err(Error::new(ErrorKind::InvalidRecipient, Stage::Grant, message)
            .with_hint("ask the person for the output of `tempaccess grant key`"));
    }
    Ok(keys)
}

fn policy_arn(text: &str) -> Result<PolicyArn> {
    text.parse().map_err(|error| {
        let message = format!("`{}` is not the ARN of a managed policy: it {error}", excerpt(text));
        Error::new(ErrorKind::InvalidScope, Stage::Grant, message)
            .with_hint("such an ARN looks like `arn:aws:iam::aws:policy/ReadOnlyAccess`")
    })
}

fn time(text: &str) -> Result<Timestamp> {
    text.parse().map_err(|error: jiff::Error| {
        let reason = match text.parse::<jiff::civil::Date>() {
            Ok(_) => "it has no time of day".to_owned(),
            Err(_) => error.to_string(),
        };
        Error::new(ErrorKind::InvalidArgument, Stage::Grant, format!("invalid time `{}`: {reason}", excerpt(text)))
            .with_hint("write it as `2026-11-25T18:00:00Z`, or with an offset as `2026-11-25T18:00:00+01:00`")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_values() {
        let value = serde_json::to_value(GrantInput::default()).unwrap();
        let names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut keys = GrantInput::KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(names, keys);
        let wrong = GrantInput::from_arguments(r#"{"rol": "x"}"#, &[]).unwrap_err();
        assert_eq!(wrong, WrongArgument::Unknown { name: "rol".to_owned(), suggestion: Some("role") });
    }

    #[test]
    fn one_thing_is_revoked() {
        let id = || vec!["k7q3m5xw2p4a".to_owned()];
        let name = || Some("grace@example.com".to_owned());
        assert!(
            matches!(RevocationTarget::from_parts(&id(), None, None, None), Ok(RevocationTarget::Grants(ids)) if ids.len() == 1)
        );
        assert!(matches!(RevocationTarget::from_parts(&[], name(), None, None), Ok(RevocationTarget::Person(_))));
        assert!(matches!(
            RevocationTarget::from_parts(&[], None, name(), None),
            Ok(RevocationTarget::Administrator(_))
        ));
        assert!(matches!(
            RevocationTarget::from_parts(&[], None, None, name()),
            Ok(RevocationTarget::OlderSessions { .. })
        ));
        for (ids, to, by) in [(vec![], None, None), (id(), name(), None), (vec![], name(), name())] {
            assert_eq!(
                RevocationTarget::from_parts(&ids, to, by, None).unwrap_err().kind(),
                ErrorKind::InvalidArgument
            );
        }
    }
}
