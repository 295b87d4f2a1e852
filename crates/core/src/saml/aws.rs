//! The attributes that AWS defines ("Configure SAML assertions for the authentication response", IAM user guide).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::names::AWS_ATTRIBUTES;
use super::skipped::{Skipped, SkippedKind};
use crate::role::RoleOffer;
use crate::text::trim;

/// The attributes that AWS defines, without their common prefix. Session tags are `PrincipalTag:{key}`.
const DEFINED: [&str; 6] =
    ["Role", "RoleSessionName", "SessionDuration", "SourceIdentity", "TransitiveTagKeys", PRINCIPAL_TAG];

const PRINCIPAL_TAG: &str = "PrincipalTag";

/// The attributes of an assertion whose names begin with `https://aws.amazon.com/SAML/Attributes/`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AwsAttributes {
    /// `Role`: the pairs of role and provider, in document order, without duplicates.
    pub roles: Vec<RoleOffer>,
    /// `RoleSessionName`.
    pub session_name: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// `SessionDuration`, in seconds.
    pub session_duration: Option<u32>,
    /// `PrincipalTag:{key}`: key and value, in document order, without duplicate keys.
    pub tags: Vec<(String, String)>,
    /// `TransitiveTagKeys`, in document order.
    pub transitive_tag_keys: Vec<String>,
    /// The names of attributes with more values than AWS accepts, without the common prefix. Only the first value is read.
    pub repeated: Vec<String>,
    /// The names of attributes that AWS does not define, without the common prefix.
    pub undefined: Vec<String>,
}

/// Collects the attributes of AWS, value by value, in constant time each.
#[derive(Debug, Default)]
pub(super) struct AwsReader {
    pub(super) found: AwsAttributes,
    /// The index of an offer in `found.roles`, by its hash.
    roles: HashMap<u64, usize, RandomState>,
    tags: HashSet<String>,
    repeated: HashSet<String>,
}

impl AwsReader {
    /// Takes one `AttributeValue` of the attribute with this name. `has_markup` tells whether it contains elements.
    pub(super) fn take(&mut self, name: &str, value: &str, has_markup: bool, skipped: &mut Vec<Skipped>) {
        let Some(name) = name.strip_prefix(AWS_ATTRIBUTES) else { return };
        let value = trim(value);
        if has_markup {
            let kind = if name == "Role" { SkippedKind::Role } else { SkippedKind::Other };
            skipped.push(Skipped::new(kind, value, format!("contains elements instead of the text of `{name}`")));
            return;
        }
        match name {
            "Role" => match RoleOffer::from_attribute_value(value) {
                Ok(offer) if self.is_known(&offer) => {
                    skipped.push(Skipped::new(SkippedKind::Irrelevant, value, "is offered twice"));
                }
                Ok(offer) => self.found.roles.push(offer),
                Err(reason) => skipped.push(Skipped::new(SkippedKind::Role, value, reason.to_string())),
            },
            "RoleSessionName" if self.found.session_name.is_none() => self.found.session_name = Some(value.to_owned()),
            "SourceIdentity" if self.found.source_identity.is_none() => {
                self.found.source_identity = Some(value.to_owned());
            }
            "SessionDuration" if self.found.session_duration.is_none() => match value.parse() {
                Ok(seconds) => self.found.session_duration = Some(seconds),
                Err(_) => {
                    let reason = "is not a number of seconds for `SessionDuration`";
                    skipped.push(Skipped::new(SkippedKind::Other, value, reason));
                }
            },
            "RoleSessionName" | "SourceIdentity" | "SessionDuration" => self.repeat(name),
            "TransitiveTagKeys" => self.found.transitive_tag_keys.push(value.to_owned()),
            _ => match name.strip_prefix("PrincipalTag:") {
                Some(key) if self.tags.contains(key) => self.repeat(name),
                Some(key) => {
                    self.tags.insert(key.to_owned());
                    self.found.tags.push((key.to_owned(), value.to_owned()));
                }
                None => {
                    skipped.push(Skipped::new(SkippedKind::Irrelevant, name, "is not an attribute that AWS defines"));
                    if self.found.undefined.last().is_none_or(|last| last != name) {
                        self.found.undefined.push(name.to_owned());
                    }
                }
            },
        }
    }

    /// Whether the offer was found before. If not, it is remembered as the next one in `found.roles`.
    fn is_known(&mut self, offer: &RoleOffer) -> bool {
        match self.roles.entry(self.roles.hasher().hash_one(offer)) {
            Entry::Occupied(entry) => self.found.roles.get(*entry.get()) == Some(offer),
            Entry::Vacant(entry) => {
                entry.insert(self.found.roles.len());
                false
            }
        }
    }

    fn repeat(&mut self, name: &str) {
        if self.repeated.insert(name.to_owned()) {
            self.found.repeated.push(name.to_owned());
        }
    }
}

/// What a mistaken attribute name was probably meant to be.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Intended {
    /// This attribute of AWS (its full name).
    Attribute(String),
    /// Some attribute of AWS: the prefix is almost right.
    Unclear,
}

/// What the name of an attribute was probably meant to be, if it is almost, but not quite, the name of one that AWS defines:
/// in other case, with spaces around it, under `http://`, or with a typo. Names are compared exactly by AWS.
pub(super) fn intended(name: &str) -> Option<Intended> {
    let is_noise = |c: char| c.is_whitespace() || is_invisible(c);
    let trimmed = name.trim_matches(is_noise);
    let (_, address) = trimmed.split_once("://").unwrap_or(("", trimmed));
    let (path, key) = match address.split_once(':') {
        Some((path, key)) => (path, Some(key)),
        None => (address, None),
    };
    let path: String = path.chars().filter(|c| !is_noise(*c)).take(200).collect();
    let lower = path.to_ascii_lowercase();
    if !lower.trim_start_matches("www.").starts_with("aws.amazon.com/saml") {
        return None;
    }
    let last = path.trim_end_matches(['/', '#']).rsplit(['/', '#']).next().unwrap_or_default();
    let found =
        DEFINED.into_iter().find(|defined| (*defined == PRINCIPAL_TAG) == key.is_some() && is_like(last, defined));
    match found {
        Some(defined) => {
            let full = match key {
                Some(key) => format!("{AWS_ATTRIBUTES}{defined}:{key}"),
                None => format!("{AWS_ATTRIBUTES}{defined}"),
            };
            (full != name).then_some(Intended::Attribute(full))
        }
        // Under the right prefix, AWS ignores a name that it does not define.
        None => (!name.starts_with(AWS_ATTRIBUTES)).then_some(Intended::Unclear),
    }
}

fn is_invisible(c: char) -> bool {
    matches!(c, '\u{AD}' | '\u{200B}'..='\u{200F}' | '\u{2060}'..='\u{2064}' | '\u{FEFF}')
}

/// Whether a name differs from a defined one in case, or in a letter or two.
fn is_like(name: &str, defined: &str) -> bool {
    let typos = if defined.len() < 8 { 1 } else { 2 };
    name.len() <= 2 * defined.len()
        && strsim::damerau_levenshtein(&name.to_ascii_lowercase(), &defined.to_ascii_lowercase()) <= typos
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_that_are_almost_right() {
        let full = |defined: &str| Some(Intended::Attribute(format!("{AWS_ATTRIBUTES}{defined}")));
        for (name, expected) in [
            ("https://aws.amazon.com/SAML/Attributes/Role ", full("Role")),
            (" https://aws.amazon.com/SAML/Attributes/Role", full("Role")),
            ("https://aws.amazon.com/SAML/Attributes/Role\u{a0}\n", full("Role")),
            ("https://aws.amazon.com/SAML/Attributes/\u{200b}Role", full("Role")),
            ("https://aws.amazon.com/SAML/Attributes/role", full("Role")),
            ("https://aws.amazon.com/SAML/Attributes/Roles", full("Role")),
            ("https://aws.amazon.com/SAML/Attributes/Role/", full("Role")),
            ("https://aws.amazon.com/SAML/Attributes//Role", full("Role")),
            ("https://aws.amazon.com/SAML/Attribute/Role", full("Role")),
            ("http://aws.amazon.com/SAML/Attributes/RoleSessionName", full("RoleSessionName")),
            ("HTTPS://AWS.AMAZON.COM/SAML/ATTRIBUTES/SESSIONDURATION", full("SessionDuration")),
            ("https://www.aws.amazon.com/SAML/Attributes/RoleSesionName", full("RoleSessionName")),
            ("https://aws.amazon.com/SAML/Attributes/principalTag:Team", full("PrincipalTag:Team")),
            ("https://aws.amazon.com/SAML/Attributes/PrincipalTags:Team", full("PrincipalTag:Team")),
            ("https://aws.amazon.com/SAML/Attributes/principalTag:Cost Centre/A", full("PrincipalTag:Cost Centre/A")),
            ("https://aws.amazon.com/SAML/Role", full("Role")),
            ("https://aws.amazon.com/SAML/attributes/Email", Some(Intended::Unclear)),
            ("https://aws.amazon.com/SAML/Attributes/Email", None),
            ("https://aws.amazon.com/SAML/Attributes/Role", None),
            ("https://aws.amazon.com/SAML/Attributes/PrincipalTag:Role", None),
            ("https://example.com/SAML/Attributes/Role", None),
            ("Role", None),
            ("", None),
        ] {
            assert_eq!(intended(name), expected, "{name:?}");
        }
    }
}
