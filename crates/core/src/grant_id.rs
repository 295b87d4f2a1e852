//! The id of a grant, which its session name, its session tag, its policies and its records have.

use std::fmt;
use std::str::FromStr;

use jiff::Timestamp;
use ring::rand::{SecureRandom, SystemRandom};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// The characters of an id: no `i`, `l`, `o`, `0`, `1`, which people confuse.
const ALPHABET: &[u8] = b"abcdefghjkmnpqrstuvwxyz23456789";
/// The session tag that has the id.
pub(crate) const GRANT_TAG: &str = "TempaccessGrant";
/// The length of an id.
const LENGTH: usize = 12;

/// The id of a grant: 12 characters of `abcdefghjkmnpqrstuvwxyz23456789`, about 59 random bits.
///
/// It is part of the session name, of a session tag and of the names of policies, so that CloudTrail and IAM name the
/// grant without any record of ours.
///
/// ```
/// use tempaccess_core::grants::GrantId;
///
/// let id: GrantId = "k7q3m5xw2p4a".parse()?;
/// assert_eq!(id.as_str(), "k7q3m5xw2p4a");
/// assert!("K7Q3".parse::<GrantId>().is_err());
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct GrantId(String);

impl GrantId {
    /// Returns a new random id.
    ///
    /// # Errors
    ///
    /// `io` if the system has no random bytes.
    pub fn random() -> Result<Self> {
        let source = SystemRandom::new();
        let mut text = String::with_capacity(LENGTH);
        while text.len() < LENGTH {
            let mut bytes = [0; 32];
            source.fill(&mut bytes).map_err(|_| {
                Error::new(ErrorKind::Io, Stage::Grant, "the operating system provides no random bytes")
            })?;
            text.extend(Self::characters(&bytes).take(LENGTH - text.len()));
        }
        Ok(Self(text))
    }

    /// Returns the id that a text determines.
    pub(crate) fn derived(text: &[u8]) -> Self {
        let mut id = String::with_capacity(LENGTH);
        // A digest gives 12 characters but for one in 10^20; another one goes on from it.
        let mut digest = Sha256::digest(text);
        while id.len() < LENGTH {
            id.extend(Self::characters(&digest).take(LENGTH - id.len()));
            digest = Sha256::digest(digest);
        }
        Self(id)
    }

    /// Maps bytes to characters. Bytes beyond the last multiple of the alphabet are left out, so that every character is
    /// equally likely.
    fn characters(bytes: &[u8]) -> impl Iterator<Item = char> {
        let fair = ALPHABET.len() * (256 / ALPHABET.len());
        let fitting = bytes.iter().map(|byte| usize::from(*byte)).filter(move |byte| *byte < fair);
        fitting.filter_map(|byte| ALPHABET.get(byte % ALPHABET.len()).map(|byte| char::from(*byte)))
    }

    /// The text of the id.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for GrantId {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        if text.len() == LENGTH && text.bytes().all(|byte| ALPHABET.contains(&byte)) {
            return Ok(Self(text.to_owned()));
        }
        Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, format!("invalid grant id `{text}`"))
            .with_hint("an id looks like `k7q3m5xw2p4a`; `tempaccess grant list` shows the ids"))
    }
}

impl fmt::Display for GrantId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl Serialize for GrantId {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0)
    }
}

impl<'de> Deserialize<'de> for GrantId {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let text = String::deserialize(deserializer)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

impl GrantId {
    /// The error for a grant that has ended: `by` could extend it.
    pub(crate) fn ended(&self, by: &str, until: Timestamp) -> Error {
        Error::new(ErrorKind::GrantEnded, Stage::Grant, format!("the grant {self} ended at {until}"))
            .with_hint(format!("ask `{}` for a new grant, or for the newest copy if it was extended", excerpt(by)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn random_ids_can_be_parsed_and_differ() {
        let (first, second) = (GrantId::random().unwrap(), GrantId::random().unwrap());
        assert_eq!(first.as_str().parse::<GrantId>().unwrap(), first);
        assert_ne!(first, second);
    }

    #[test]
    fn derived_ids_depend_on_the_text() {
        assert_eq!(GrantId::derived(b"a"), GrantId::derived(b"a"));
        assert_ne!(GrantId::derived(b"a"), GrantId::derived(b"b"));
        assert!(GrantId::derived(b"").as_str().parse::<GrantId>().is_ok());
    }

    #[test]
    fn every_character_is_equally_likely() {
        let all: Vec<u8> = (0..=255).collect();
        let mut counts = std::collections::BTreeMap::new();
        GrantId::characters(&all).for_each(|character| *counts.entry(character).or_insert(0) += 1);
        assert_eq!(counts.len(), ALPHABET.len());
        assert!(counts.values().all(|count| *count == 8));
    }
}
