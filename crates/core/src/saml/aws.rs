//! The attributes that AWS defines ("Configure SAML assertions for the authentication response", IAM user guide).

use std::collections::hash_map::Entry;
use std::collections::{HashMap, HashSet};
use std::hash::BuildHasher;

use foldhash::fast::RandomState;

use super::assertion::{Skipped, SkippedWhat};
use crate::role::RoleOffer;
use crate::text::trim;

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

/// Takes down the attributes of AWS, value by value. Linear: whoever sends a hundred thousand values waits no longer
/// for the last one than for the first.
#[derive(Debug, Default)]
pub(super) struct AwsReader {
    pub(super) found: AwsAttributes,
    /// Where in `found.roles` an offer with this hash is.
    roles: HashMap<u64, usize, RandomState>,
    tags: HashSet<String>,
    repeated: HashSet<String>,
}

impl AwsReader {
    /// Takes in one `AttributeValue` of the attribute `name` (its full name, with the prefix).
    pub(super) fn take(&mut self, name: &str, value: &str, has_markup: bool, skipped: &mut Vec<Skipped>) {
        let Some(name) = name.strip_prefix(PREFIX) else { return };
        let value = trim(value);
        if has_markup {
            let what = if name == "Role" { SkippedWhat::Role } else { SkippedWhat::Fact };
            skipped.push(Skipped::new(what, value, format!("holds elements where the text of `{name}` should be")));
            return;
        }
        match name {
            "Role" => match RoleOffer::from_attribute_value(value) {
                Ok(offer) if self.is_known(&offer) => {
                    skipped.push(Skipped::new(SkippedWhat::Surplus, value, "is offered twice"));
                }
                Ok(offer) => self.found.roles.push(offer),
                Err(reason) => skipped.push(Skipped::new(SkippedWhat::Role, value, reason.to_string())),
            },
            "RoleSessionName" if self.found.session_name.is_none() => self.found.session_name = Some(value.to_owned()),
            "SourceIdentity" if self.found.source_identity.is_none() => {
                self.found.source_identity = Some(value.to_owned());
            }
            "SessionDuration" if self.found.session_duration.is_none() => match value.parse() {
                Ok(seconds) => self.found.session_duration = Some(seconds),
                Err(_) => {
                    let reason = "is no number of seconds for `SessionDuration`";
                    skipped.push(Skipped::new(SkippedWhat::Fact, value, reason));
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
                None => skipped.push(Skipped::new(SkippedWhat::Surplus, name, "is no attribute that AWS defines")),
            },
        }
    }

    /// Whether the offer is there already; if not, it is about to be.
    fn is_known(&mut self, offer: &RoleOffer) -> bool {
        match self.roles.entry(self.roles.hasher().hash_one(offer)) {
            Entry::Occupied(place) => self.found.roles.get(*place.get()) == Some(offer),
            Entry::Vacant(place) => {
                place.insert(self.found.roles.len());
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
