use std::ops::RangeInclusive;

use jiff::Timestamp;

use crate::arn::RoleArn;
use crate::secret::SecretString;

/// Temporary credentials of AWS: the keys, when they expire, and the role that they belong to.
///
/// `Debug` shows the access key id, which is not secret, and neither of the secrets.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionCredentials {
    /// The access key id, `ASIA…`. Not secret: CloudTrail records it with every call.
    pub access_key_id: String,
    /// The key that signs requests.
    pub secret_access_key: SecretString,
    /// The token that goes with every request.
    pub session_token: SecretString,
    /// When AWS stops accepting them.
    pub expiration: Timestamp,
    /// The role whose session this is.
    pub role: RoleArn,
    /// The region whose STS issued them, and the one to work in unless told otherwise.
    pub region: Option<String>,
}

/// How long each part may be, in bytes. The API reference bounds the access key id alone ("Credentials", STS API
/// reference). Secret keys of AWS have 40 characters, and session tokens up to a few thousand.
const ID_LENGTH: RangeInclusive<usize> = 16..=128;
const SECRET_LENGTH: RangeInclusive<usize> = 1..=256;
const TOKEN_LENGTH: RangeInclusive<usize> = 1..=16_384;

impl SessionCredentials {
    /// Assembles the credentials that a [`TokenExchange`](crate::TokenExchange) of your own answers with.
    ///
    /// Nothing is checked here. [`issue_session`](crate::sts::issue_session()) checks them before they are stored or handed out: each part
    /// consists of ASCII letters, digits and `+/=_-`, an access key id has 16 to 128 of them, a secret up to 256, a
    /// token up to 16,384.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: SecretString,
        session_token: SecretString,
        expiration: Timestamp,
        role: RoleArn,
    ) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key, session_token, expiration, role, region: None }
    }

    /// Returns the 12 digits of the account that they belong to.
    pub fn account_id(&self) -> &str {
        self.role.account_id()
    }

    /// Returns why these cannot be credentials of AWS, without any part of them; nothing where they can.
    ///
    /// They are written into shells, environments and files of other programs, where a quote, a line break or a NUL
    /// would be read as something else.
    pub(crate) fn defect(&self) -> Option<&'static str> {
        let is_sound = |text: &str, length: RangeInclusive<usize>| length.contains(&text.len()) && is_base64_like(text);
        if !is_sound(&self.access_key_id, ID_LENGTH) {
            return Some("its access key id has another length or other characters than AWS's have");
        }
        if !is_sound(self.secret_access_key.expose(), SECRET_LENGTH) {
            return Some("its secret access key has another length or other characters than AWS's have");
        }
        if !is_sound(self.session_token.expose(), TOKEN_LENGTH) {
            return Some("its session token has another length or other characters than AWS's have");
        }
        None
    }
}

/// Whether a text consists of the characters of base64 in either alphabet.
fn is_base64_like(text: &str) -> bool {
    text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn defect(id: &str, secret: &str, token: &str) -> Option<&'static str> {
        let role = "arn:aws:iam::111122223333:role/ReadOnly".parse().unwrap();
        SessionCredentials::new(id, secret.into(), token.into(), Timestamp::MAX, role).defect()
    }

    #[test]
    fn credentials_consist_of_base64_characters() {
        let (id, secret) = ("ASIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY");
        assert_eq!(defect(id, secret, "IQoJb3JpZ2luX2VjE+/=_-"), None);
        assert_eq!(defect(id, secret, &"t".repeat(16_384)), None);
        for hostile in ["'", "\u{2019}", "\n", "\0", "$(id)", "`id`", " ", "\"", "\\", ";", "%", "é", "\u{1b}[2J", ""]
        {
            for (id, secret, token) in [
                (format!("ASIAIOSFODNN7EXA{hostile}"), secret.to_owned(), "token".to_owned()),
                (id.to_owned(), format!("{hostile}{secret}"), "token".to_owned()),
                (id.to_owned(), secret.to_owned(), format!("to{hostile}ken")),
            ] {
                assert_eq!(defect(&id, &secret, &token).is_some(), !hostile.is_empty(), "{hostile:?}");
            }
        }
        for (id, secret, token) in [
            ("", secret, "token"),
            ("ASIA", secret, "token"),
            (&*"A".repeat(129), secret, "token"),
            (id, "", "token"),
            (id, &*"s".repeat(257), "token"),
            (id, secret, ""),
            (id, secret, &*"t".repeat(16_385)),
        ] {
            assert!(defect(id, secret, token).is_some(), "{id} {secret} {token}");
        }
    }
}
