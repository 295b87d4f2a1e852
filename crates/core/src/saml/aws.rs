//! The attributes that AWS defines ("Configure SAML assertions for the authentication response", IAM user guide).

use super::assertion::{Skipped, SkippedWhat};
use crate::role::RoleOffer;

/// The namespace of the attributes' names. Case-sensitive.
pub(super) const PREFIX: &str = "https://aws.amazon.com/SAML/Attributes/";

/// What stands under `https://aws.amazon.com/SAML/Attributes/` in an assertion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct AwsAttributes {
    /// `Role`: the pairs of role and provider, in document order, each once.
    pub roles: Vec<RoleOffer>,
    /// `RoleSessionName`.
    pub session_name: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// `SessionDuration`, seconds.
    pub session_duration: Option<u32>,
    /// `PrincipalTag:{key}`, in document order, each key once.
    pub tags: Vec<(String, String)>,
    /// `TransitiveTagKeys`, in document order.
    pub transitive_tag_keys: Vec<String>,
    /// The attributes of which more values came than AWS takes; the first one was read.
    pub repeated: Vec<String>,
}

/// Takes in one `AttributeValue` of the attribute `name` (its full name, with the prefix).
pub(super) fn take(name: &str, value: &str, has_markup: bool, aws: &mut AwsAttributes, skipped: &mut Vec<Skipped>) {
    let Some(name) = name.strip_prefix(PREFIX) else { return };
    let value = value.trim();
    if has_markup {
        let what = if name == "Role" { SkippedWhat::Role } else { SkippedWhat::Fact };
        skipped.push(Skipped::new(what, value, format!("holds elements where the text of `{name}` should be")));
        return;
    }
    match name {
        "Role" => match RoleOffer::from_attribute_value(value) {
            Ok(offer) if aws.roles.contains(&offer) => {
                skipped.push(Skipped::new(SkippedWhat::Surplus, value, "is offered twice"))
            }
            Ok(offer) => aws.roles.push(offer),
            Err(reason) => skipped.push(Skipped::new(SkippedWhat::Role, value, reason.to_string())),
        },
        "RoleSessionName" => once(name, &mut aws.session_name, value.to_owned(), &mut aws.repeated),
        "SourceIdentity" => once(name, &mut aws.source_identity, value.to_owned(), &mut aws.repeated),
        "SessionDuration" => match value.parse() {
            Ok(seconds) => once(name, &mut aws.session_duration, seconds, &mut aws.repeated),
            Err(_) => {
                skipped.push(Skipped::new(SkippedWhat::Fact, value, "is no number of seconds for `SessionDuration`"))
            }
        },
        "TransitiveTagKeys" => aws.transitive_tag_keys.push(value.to_owned()),
        _ => match name.strip_prefix("PrincipalTag:") {
            Some(key) if aws.tags.iter().any(|(known, _)| known == key) => repeat(name, &mut aws.repeated),
            Some(key) => aws.tags.push((key.to_owned(), value.to_owned())),
            None => skipped.push(Skipped::new(SkippedWhat::Surplus, name, "is no attribute that AWS defines")),
        },
    }
}

fn once<T: PartialEq>(name: &str, place: &mut Option<T>, value: T, repeated: &mut Vec<String>) {
    match place {
        None => *place = Some(value),
        Some(_) => repeat(name, repeated),
    }
}

fn repeat(name: &str, repeated: &mut Vec<String>) {
    if !repeated.iter().any(|known| known == name) {
        repeated.push(name.to_owned());
    }
}
