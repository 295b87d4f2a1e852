//! A string that cannot be printed by accident.

use std::{fmt, io};

#[cfg(feature = "okta")]
use serde::Serializer;
use serde::{Deserialize, Deserializer};
use zeroize::{Zeroize as _, Zeroizing};

/// A password, a one-time code, a session token, a secret key.
///
/// `Debug` prints `[redacted]`, there is no `Display` and no `Serialize`, and the memory is wiped on drop.
///
/// ```
/// use tempaccess_core::SecretString;
///
/// let password = SecretString::from("correct horse");
/// assert_eq!(format!("{password:?}"), "[redacted]");
/// assert_eq!(password.expose(), "correct horse");
/// ```
#[derive(Clone)]
pub struct SecretString(String);

impl SecretString {
    /// The secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether there is nothing in it.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl From<String> for SecretString {
    fn from(secret: String) -> Self {
        Self(secret)
    }
}

impl From<&str> for SecretString {
    fn from(secret: &str) -> Self {
        Self::from(secret.to_owned())
    }
}

/// In bulk: `String` itself would be wiped byte by byte, and a response has hundreds of thousands of them.
impl Drop for SecretString {
    fn drop(&mut self) {
        let mut bytes = std::mem::take(&mut self.0).into_bytes();
        bytes.as_mut_slice().zeroize();
        bytes.spare_capacity_mut().zeroize();
    }
}

impl fmt::Debug for SecretString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("[redacted]")
    }
}

impl<'de> Deserialize<'de> for SecretString {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        String::deserialize(deserializer).map(Self::from)
    }
}

/// Bytes that are wiped when they are dropped, and when they outgrow their allocation.
#[derive(Default)]
pub(crate) struct SecretBuffer(Zeroizing<Vec<u8>>);

impl SecretBuffer {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Zeroizing::new(Vec::with_capacity(capacity)))
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
    }

    pub(crate) fn extend_from_slice(&mut self, bytes: &[u8]) {
        let length = self.0.len().saturating_add(bytes.len());
        if length > self.0.capacity() {
            let mut larger = Zeroizing::new(Vec::with_capacity(length.max(2 * self.0.capacity()).max(64)));
            larger.extend_from_slice(&self.0);
            self.0 = larger;
        }
        self.0.extend_from_slice(bytes);
    }

    /// Appends what the reader has left. What was read before an error is kept.
    pub(crate) fn read_to_end(&mut self, mut reader: impl io::Read) -> io::Result<()> {
        let mut block = Zeroizing::new([0; 8 << 10]);
        loop {
            match reader.read(&mut *block) {
                Ok(0) => return Ok(()),
                Ok(length) => self.extend_from_slice(block.get(..length).unwrap_or_default()),
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(error),
            }
        }
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn into_bytes(self) -> Zeroizing<Vec<u8>> {
        self.0
    }

    /// The bytes as text; bytes that are not UTF-8 are replaced.
    pub(crate) fn into_string(mut self) -> SecretString {
        match String::from_utf8(std::mem::take(&mut *self.0)) {
            Ok(text) => text.into(),
            Err(error) => {
                let bytes = Zeroizing::new(error.into_bytes());
                String::from_utf8_lossy(&bytes).into_owned().into()
            }
        }
    }
}

/// A secret as it is, for what a store seals.
#[cfg(feature = "okta")]
pub(crate) fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// A text that nobody guesses: 256 bits, in base64.
#[cfg(any(feature = "endpoint", feature = "okta"))]
pub(crate) fn unguessable() -> crate::error::Result<SecretString> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::{SecureRandom, SystemRandom};

    use crate::error::{Error, ErrorKind, Stage};

    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(&mut *bytes)
        .map_err(|_| Error::new(ErrorKind::Io, Stage::Configuration, "the system gives no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(*bytes).into())
}

#[cfg(all(test, feature = "endpoint"))]
mod tests {
    use super::unguessable;

    #[test]
    fn two_of_them_differ() {
        assert_ne!(unguessable().unwrap().expose(), unguessable().unwrap().expose());
        assert_eq!(unguessable().unwrap().expose().len(), 43);
    }
}
