use std::collections::HashSet;
use std::fmt;
use std::str::FromStr;

use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};
use sha2::{Digest, Sha256};

use super::invalid;
use crate::error::{Error, Result};
use crate::saml::hex;
use crate::text::excerpt;

/// An inline session policy: a JSON policy document without white space, which STS would count.
///
/// It is a JSON object with a `Statement`, in characters that STS accepts (`[\u0009\u000A\u000D\u0020-\u00FF]`). Its actions and
/// resources are not checked: that is up to IAM.
///
/// ```
/// use tempaccess_core::SessionPolicy;
///
/// let policy: SessionPolicy = r#"{ "Statement": [ ] }"#.parse()?;
/// assert_eq!(policy.as_str(), r#"{"Statement":[]}"#);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SessionPolicy(String);

impl SessionPolicy {
    /// The document as sent to STS.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The SHA-256 of the document as sent to STS, in lower-case hex, for the audit record.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.0))
    }
}

impl FromStr for SessionPolicy {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let document: serde_json::Value = serde_json::from_str(text).map_err(|error| {
            invalid(format!("the policy is not JSON: {error}")).with_hint("check its commas, quotes and brackets")
        })?;
        // Of two values for one name, some readers take the first and others the last.
        if let Err(error) = serde_json::from_str::<UniqueNames>(text) {
            return Err(invalid(format!("the session policy is ambiguous: {error}")).with_hint("write each name once"));
        }
        if document.get("Statement").is_none() {
            return Err(invalid("the policy is not a policy document: it has no `Statement`")
                .with_hint("a policy document looks like `{\"Version\":\"2012-10-17\",\"Statement\":[…]}`"));
        }
        let compact = without_white_space(text);
        if let Some(character) = compact.chars().find(|character| !matches!(character, '\u{20}'..='\u{FF}')) {
            return Err(invalid(format!(
                "the session policy has the character {character:?}, which STS does not accept"
            ))
            .with_hint("STS accepts characters up to U+00FF; write others as `\\u` escapes"));
        }
        Ok(Self(compact))
    }
}

/// Any JSON value in whose objects no name occurs twice.
struct UniqueNames;

impl<'de> Deserialize<'de> for UniqueNames {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(Self)
    }
}

impl<'de> Visitor<'de> for UniqueNames {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_i64<E>(self, _: i64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_u64<E>(self, _: u64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_f64<E>(self, _: f64) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_str<E>(self, _: &str) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Self, A::Error> {
        while items.next_element::<Self>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut fields: A) -> Result<Self, A::Error> {
        let mut names = HashSet::new();
        while let Some(name) = fields.next_key::<String>()? {
            if names.contains(&name) {
                return Err(serde::de::Error::custom(format!("`{}` occurs twice in an object", excerpt(&name))));
            }
            names.insert(name);
            fields.next_value::<Self>()?;
        }
        Ok(self)
    }
}

/// Removes the white space between the tokens of a JSON text.
fn without_white_space(json: &str) -> String {
    let (mut in_string, mut escaped) = (false, false);
    json.chars()
        .filter(|character| {
            match (in_string, *character) {
                (true, _) if escaped => escaped = false,
                (true, '\\') => escaped = true,
                (_, '"') => in_string = !in_string,
                (false, ' ' | '\t' | '\n' | '\r') => return false,
                _ => {}
            }
            true
        })
        .collect()
}

impl fmt::Display for SessionPolicy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_occurs_once() {
        for text in [
            r#"{"Statement":[{"Action":"iam:*","Action":"s3:*"}]}"#,
            r#"{"Statement":[],"Version":"x","Statement":[]}"#,
            r#"{"Statement":[{"Condition":{"Bool":{"a":"b","\u0061":"c"}}}]}"#,
        ] {
            let error = text.parse::<SessionPolicy>().unwrap_err();
            assert!(error.message().contains("occurs twice"), "{error}");
        }
        assert!(r#"{"Statement":[{"a":1,"b":{"a":[null,-1,1.5,true]}}]}"#.parse::<SessionPolicy>().is_ok());
    }

    #[test]
    fn strings_keep_their_white_space() {
        let policy: SessionPolicy =
            "{\n\t\"Statement\" : [ { \"Sid\" : \"a \\\" b\\\\\" , \"n\": 1 } ] }".parse().unwrap();
        assert_eq!(policy.as_str(), r#"{"Statement":[{"Sid":"a \" b\\","n":1}]}"#);
        assert_eq!(policy.digest().len(), 64);
    }

    #[test]
    fn what_is_no_policy_says_why() {
        let message = |text: &str| text.parse::<SessionPolicy>().unwrap_err().message().to_owned();
        assert_eq!(message("{"), "the policy is not JSON: EOF while parsing an object at line 1 column 1");
        assert_eq!(message("[]"), "the policy is not a policy document: it has no `Statement`");
        assert_eq!(
            message(r#"{"Statement":[],"Id":"☂"}"#),
            "the session policy has the character '☂', which STS does not accept"
        );
    }
}
