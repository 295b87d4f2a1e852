//! Keys that credentials are sealed to.

use std::fmt;
use std::str::FromStr;

use ssh_key::{Algorithm, HashAlg, PublicKey};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// The public key of a person: an OpenSSH key (`ssh-ed25519 …`, `ssh-rsa …`) or a native key of age (`age1…`).
///
/// Two are equal if their keys are; comments do not count.
///
/// ```
/// use tempaccess_core::seal::Recipient;
///
/// let key = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN grace@laptop";
/// let recipient: Recipient = key.parse()?;
/// assert!(recipient.fingerprint().starts_with("SHA256:"));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Clone)]
pub struct Recipient {
    key: Key,
    fingerprint: String,
    /// The type of an OpenSSH key.
    kind: Option<String>,
}

#[derive(Clone)]
enum Key {
    X25519(age::x25519::Recipient),
    Ssh(age::ssh::Recipient),
}

impl Recipient {
    /// Identifies the key: `SHA256:…` of an OpenSSH key as `ssh-keygen -l` shows it, or the `age1…` key itself.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Describes the key for people: its type and its fingerprint.
    pub fn describe(&self) -> String {
        match &self.kind {
            Some(kind) => format!("{kind} {}", self.fingerprint),
            None => self.fingerprint.clone(),
        }
    }

    /// Parses every key of a text, one per line, as `.pub` files and files of age recipients have them. Empty lines and
    /// lines that begin with `#` are skipped.
    ///
    /// # Errors
    ///
    /// `invalid_recipient` for the first line that is not a key, and if there is none.
    pub fn parse_all(text: &str) -> Result<Vec<Self>> {
        let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let keys: Vec<_> = lines.map(str::parse).collect::<Result<_>>()?;
        if keys.is_empty() { Err(invalid("there is no key to seal to".to_owned())) } else { Ok(keys) }
    }

    pub(super) fn as_age(&self) -> &dyn age::Recipient {
        match &self.key {
            Key::X25519(recipient) => recipient,
            Key::Ssh(recipient) => recipient,
        }
    }
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidRecipient, Stage::Grant, message)
        .with_hint("give an `ssh-ed25519`, `ssh-rsa` or `age1…` public key; `tempaccess grant key --new` makes one")
}

impl FromStr for Recipient {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        if text.contains("PRIVATE KEY") || text.starts_with("AGE-SECRET-KEY-") {
            return Err(invalid("this is a private key, which must not leave its owner's machine".to_owned())
                .with_hint("give the public key: the file that ends in `.pub`, or the key that begins with `age1`"));
        }
        if text.starts_with("age1") {
            let recipient = age::x25519::Recipient::from_str(text)
                .map_err(|reason| invalid(format!("`{}` is not a valid age public key: {reason}", excerpt(text))))?;
            let fingerprint = recipient.to_string();
            return Ok(Self { key: Key::X25519(recipient), fingerprint, kind: None });
        }
        let public = PublicKey::from_openssh(text)
            .map_err(|_| invalid(format!("`{}` is not a valid public key", excerpt(text))))?;
        let kind = public.algorithm();
        // age seals to neither ECDSA nor security keys; its own error does not say which.
        let recipient = age::ssh::Recipient::from_str(text).map_err(|_| match kind {
            Algorithm::Rsa { .. } => invalid("nothing can be sealed to an RSA key of less than 2,048 bits".to_owned()),
            _ => invalid(format!("nothing can be sealed to a key of the type `{kind}`")),
        })?;
        let fingerprint = public.fingerprint(HashAlg::Sha256).to_string();
        Ok(Self { key: Key::Ssh(recipient), fingerprint, kind: Some(kind.to_string()) })
    }
}

/// The public key, without a comment.
impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.key {
            Key::X25519(recipient) => recipient.fmt(f),
            Key::Ssh(recipient) => recipient.fmt(f),
        }
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({})", self.describe())
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.fingerprint == other.fingerprint
    }
}

impl Eq for Recipient {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_that_cannot_be_used_say_why() {
        let message = |text: &str| text.parse::<Recipient>().unwrap_err().message().to_owned();
        assert_eq!(message("hello"), "`hello` is not a valid public key");
        assert_eq!(
            message("-----BEGIN OPENSSH PRIVATE KEY-----"),
            "this is a private key, which must not leave its owner's machine"
        );
        let ecdsa = "ecdsa-sha2-nistp256 AAAAE2VjZHNhLXNoYTItbmlzdHAyNTYAAAAIbmlzdHAyNTYAAABBBHwf2HMM5TRXvo2SQJjsNkiDD5KqiiNjrGVv3UUh+mMT5RHxiRtOnlqvjhQtBq0VpmpCV/PwUdhOig4vkbqAcEc=";
        assert_eq!(message(ecdsa), "nothing can be sealed to a key of the type `ecdsa-sha2-nistp256`");
        assert!(message("age1qqq").starts_with("`age1qqq` is not a valid age public key"));
    }

    #[test]
    fn files_of_keys_are_read() {
        let text = "# grace\n\nssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN a@b\n";
        let keys = Recipient::parse_all(text).unwrap();
        assert_eq!(keys.len(), 1);
        assert!(keys[0].describe().starts_with("ssh-ed25519 SHA256:"));
        assert!(Recipient::parse_all("# nobody\n").is_err());
    }
}
