//! Session tags.

use std::collections::{BTreeMap, BTreeSet};

use super::{Call, QueryError};
use crate::aws::credentials::Issued;

/// The tags of a session.
#[derive(Debug, Clone, Default)]
pub(super) struct SessionTags {
    pub(super) tags: BTreeMap<String, String>,
    /// The keys of those that chained sessions inherit.
    pub(super) transitive_keys: BTreeSet<String>,
}

impl SessionTags {
    /// Reads the tags of a call.
    pub(super) fn read(call: &Call<'_>) -> Result<Self, QueryError> {
        let mut tags = BTreeMap::new();
        for number in 1.. {
            let Some(key) = call.get(&format!("Tags.member.{number}.Key")) else { break };
            let value = call.get(&format!("Tags.member.{number}.Value")).unwrap_or_default();
            check(key, "key", 1, 128)?;
            check(value, "value", 0, 256)?;
            // Keys that differ in case only are the same key.
            if tags.keys().any(|known: &String| known.eq_ignore_ascii_case(key)) {
                return Err(invalid("Duplicate tag keys found. Please note that Tag keys are case insensitive."));
            }
            tags.insert(key.to_owned(), value.to_owned());
        }
        if tags.len() > 50 {
            return Err(QueryError::validation(
                "1 validation error detected: Value at 'tags' failed to satisfy constraint: Member must have length less than or equal to 50",
            ));
        }
        let transitive_keys: BTreeSet<_> = call.list("TransitiveTagKeys").map(str::to_owned).collect();
        if !transitive_keys.iter().all(|key| tags.contains_key(key)) {
            return Err(invalid("The specified transitive tag key must be included in the requested tags."));
        }
        Ok(Self { tags, transitive_keys })
    }

    /// Whether a session has any tag, its own or an inherited one. `sts:TagSession` is needed for both.
    pub(super) fn needs_permission(&self, caller: &Issued) -> bool {
        !self.tags.is_empty() || !caller.transitive_tag_keys.is_empty()
    }

    /// Adds the tags that the session inherits from its caller. It cannot change their values.
    pub(super) fn inherit(&mut self, caller: &Issued) -> Result<(), QueryError> {
        for key in &caller.transitive_tag_keys {
            if self.tags.keys().any(|own| own.eq_ignore_ascii_case(key)) {
                return Err(invalid(
                    "One of the specified transitive tag keys can't be set because it conflicts with a transitive tag key from the calling session.",
                ));
            }
            let value = caller.tags.get(key).cloned().unwrap_or_default();
            self.tags.insert(key.clone(), value);
            self.transitive_keys.insert(key.clone());
        }
        Ok(())
    }

    /// Returns how many characters the tags add to what is packed.
    pub(super) fn characters(&self) -> usize {
        self.tags.iter().map(|(key, value)| key.chars().count() + value.chars().count()).sum()
    }
}

fn check(text: &str, member: &str, shortest: usize, longest: usize) -> Result<(), QueryError> {
    let refused = |constraint: &str| {
        QueryError::validation(format!(
            "1 validation error detected: Value '{text}' at 'tags.1.member.{member}' failed to satisfy constraint: Member must {constraint}"
        ))
    };
    let length = text.chars().count();
    if length > longest {
        return Err(refused(&format!("have length less than or equal to {longest}")));
    }
    if length < shortest {
        return Err(refused(&format!("have length greater than or equal to {shortest}")));
    }
    let fits = |character: char| {
        character.is_alphabetic() || character.is_numeric() || character == ' ' || "_.:/=+-@".contains(character)
    };
    if text.chars().all(fits) {
        return Ok(());
    }
    Err(refused(r"satisfy regular expression pattern: [\p{L}\p{Z}\p{N}_.:/=+\-@]*"))
}

fn invalid(message: &str) -> QueryError {
    QueryError::new(400, "InvalidParameterValue", message)
}
