//! Secrets in memory: strings that cannot be printed by accident, and buffers that leave no copies behind.

use std::fmt;
use std::io;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
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

/// The longest line that [`SecretString::read_line`] accepts, in bytes.
const MAX_LINE: usize = 64 << 10;

impl SecretString {
    /// Returns the secret itself, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// Whether it is empty.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Reads one line without its line break, and nothing beyond it; nothing at the end of the input.
    ///
    /// For passwords on standard input or a terminal: pass the file itself, since a buffered reader keeps a copy of what
    /// it has read.
    ///
    /// ```
    /// use tempaccess_core::SecretString;
    ///
    /// let mut input = "correct horse\r\nthe rest".as_bytes();
    /// let password = SecretString::read_line(&mut input)?;
    /// assert_eq!(password.unwrap().expose(), "correct horse");
    /// assert_eq!(input, b"the rest");
    /// # Ok::<(), std::io::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of the reader; `InvalidData` where the line is not UTF-8 or is longer than 64 KiB.
    pub fn read_line(reader: &mut impl io::Read) -> io::Result<Option<Self>> {
        let mut line = SecretBytes::with_capacity(256);
        let mut byte = [0];
        let mut is_at_end = true;
        loop {
            match reader.read(&mut byte) {
                Ok(0) => break,
                Ok(_) => is_at_end = false,
                Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(error),
            }
            if byte == *b"\n" {
                break;
            }
            if line.len() == MAX_LINE {
                return Err(io::Error::new(io::ErrorKind::InvalidData, "the line is too long"));
            }
            line.extend_from_slice(&byte);
        }
        byte.zeroize();
        if is_at_end {
            return Ok(None);
        }
        let text = std::str::from_utf8(line.as_slice())
            .map_err(|_| io::Error::new(io::ErrorKind::InvalidData, "the line is not valid UTF-8"))?;
        Ok(Some(text.trim_end_matches('\r').into()))
    }

    /// Serialises a value that holds secrets as JSON.
    ///
    /// Only for structures of strings, numbers and instants under string keys: there is nothing in them that JSON
    /// cannot hold.
    pub(crate) fn from_json(value: &impl Serialize) -> Self {
        let mut text = SecretBytes::with_capacity(4096);
        match serde_json::to_writer(&mut text, value) {
            Ok(()) => text.into_string().unwrap_or_else(|| Self(String::new())),
            Err(_) => Self(String::new()),
        }
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

impl Drop for SecretString {
    fn drop(&mut self) {
        wipe(std::mem::take(&mut self.0).into_bytes());
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

/// Serialises a secret as it is, for what a store seals.
#[cfg_attr(not(feature = "okta"), allow(dead_code, reason = "only sessions at Okta are stored as JSON"))]
pub(crate) fn exposed<S: Serializer>(secret: &SecretString, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_str(secret.expose())
}

/// Wipes a buffer in bulk. zeroize itself wipes the bytes of a `String` one by one, and a response has hundreds of
/// thousands of them.
fn wipe(mut bytes: Vec<u8>) {
    bytes.as_mut_slice().zeroize();
    bytes.spare_capacity_mut().zeroize();
}

/// A buffer for secrets that grows. A `Vec` that grows leaves what it held in the memory that it gives back; this wipes
/// it, then and on drop.
#[derive(Default)]
pub(crate) struct SecretBytes(Vec<u8>);

impl SecretBytes {
    pub(crate) fn with_capacity(capacity: usize) -> Self {
        Self(Vec::with_capacity(capacity))
    }

    pub(crate) fn as_slice(&self) -> &[u8] {
        &self.0
    }

    pub(crate) fn len(&self) -> usize {
        self.0.len()
    }

    pub(crate) fn extend_from_slice(&mut self, more: &[u8]) {
        let needed = self.0.len().saturating_add(more.len());
        if needed > self.0.capacity() {
            let mut larger = Vec::with_capacity(needed.max(self.0.capacity().saturating_mul(2)));
            larger.extend_from_slice(&self.0);
            wipe(std::mem::replace(&mut self.0, larger));
        }
        self.0.extend_from_slice(more);
    }

    pub(crate) fn push(&mut self, byte: u8) {
        self.extend_from_slice(&[byte]);
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

    pub(crate) fn into_bytes(mut self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new(std::mem::take(&mut self.0))
    }

    /// Returns the text; bytes that are not UTF-8 are replaced.
    pub(crate) fn into_string_lossy(mut self) -> SecretString {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => SecretString(text),
            Err(error) => {
                let bytes = Zeroizing::new(error.into_bytes());
                String::from_utf8_lossy(&bytes).into_owned().into()
            }
        }
    }

    /// Hands the bytes on; who takes them has to wipe them.
    #[cfg_attr(not(feature = "net"), allow(dead_code, reason = "only the transport hands bytes on"))]
    pub(crate) fn into_vec(mut self) -> Vec<u8> {
        std::mem::take(&mut self.0)
    }

    /// Returns the text; nothing where it is not UTF-8.
    pub(crate) fn into_string(mut self) -> Option<SecretString> {
        match String::from_utf8(std::mem::take(&mut self.0)) {
            Ok(text) => Some(SecretString(text)),
            Err(error) => {
                wipe(error.into_bytes());
                None
            }
        }
    }
}

impl io::Write for SecretBytes {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        wipe(std::mem::take(&mut self.0));
    }
}

/// A JSON document with secrets in it: every text is wiped on drop.
#[cfg(feature = "okta")]
pub(crate) struct SecretJson(pub(crate) serde_json::Value);

#[cfg(feature = "okta")]
impl Drop for SecretJson {
    fn drop(&mut self) {
        // A document that was parsed is at most 128 levels deep, and one that is built here a few.
        fn wipe_texts(value: &mut serde_json::Value) {
            match value {
                serde_json::Value::String(text) => wipe(std::mem::take(text).into_bytes()),
                serde_json::Value::Array(values) => values.iter_mut().for_each(wipe_texts),
                serde_json::Value::Object(fields) => fields.values_mut().for_each(wipe_texts),
                _ => {}
            }
        }
        wipe_texts(&mut self.0);
    }
}

/// Encodes fields as `application/x-www-form-urlencoded`, in a buffer that is large enough from the start.
#[cfg(feature = "net")]
pub(crate) fn form<'f>(fields: impl IntoIterator<Item = (&'f str, &'f str)> + Clone) -> Vec<u8> {
    // A byte becomes three at most.
    let capacity = fields.clone().into_iter().map(|(name, value)| 3 * (name.len() + value.len()) + 2).sum();
    let text = String::with_capacity(capacity);
    url::form_urlencoded::Serializer::new(text).extend_pairs(fields).finish().into_bytes()
}

/// A header value that `Debug` does not show, and that is wiped when the last copy of the request is dropped; nothing
/// where the text cannot be one.
#[cfg(feature = "okta")]
pub(crate) fn header(text: SecretString) -> Option<http::HeaderValue> {
    struct Wiped(SecretString);

    impl AsRef<[u8]> for Wiped {
        fn as_ref(&self) -> &[u8] {
            self.0.expose().as_bytes()
        }
    }

    let mut value = http::HeaderValue::from_maybe_shared(bytes::Bytes::from_owner(Wiped(text))).ok()?;
    value.set_sensitive(true);
    Some(value)
}

/// Returns a text that cannot be guessed: 256 bits, in base64.
#[cfg(any(feature = "endpoint", feature = "okta"))]
pub(crate) fn unguessable() -> crate::error::Result<SecretString> {
    use base64::Engine as _;
    use base64::engine::general_purpose::URL_SAFE_NO_PAD;
    use ring::rand::{SecureRandom, SystemRandom};

    use crate::error::{Error, ErrorKind, Stage};

    let mut bytes = zeroize::Zeroizing::new([0; 32]);
    SystemRandom::new()
        .fill(&mut *bytes)
        .map_err(|_| Error::new(ErrorKind::Io, Stage::Configuration, "the system returned no random numbers"))?;
    Ok(URL_SAFE_NO_PAD.encode(*bytes).into())
}

#[cfg(test)]
mod tests {
    use std::io::{self, Write as _};

    use super::*;

    #[cfg(feature = "endpoint")]
    #[test]
    fn two_unguessable_texts_differ() {
        assert_ne!(unguessable().unwrap().expose(), unguessable().unwrap().expose());
        assert_eq!(unguessable().unwrap().expose().len(), 43);
    }

    #[test]
    fn a_buffer_that_grows_keeps_what_was_written() {
        let mut buffer = SecretBytes::default();
        let text: String = ('a'..='z').cycle().take(10_000).collect();
        for chunk in text.as_bytes().chunks(7) {
            buffer.write_all(chunk).unwrap();
        }
        assert_eq!(buffer.into_string().unwrap().expose(), text);
        let mut invalid = SecretBytes::with_capacity(1);
        invalid.extend_from_slice(&[0xff]);
        assert!(invalid.into_string().is_none());
    }

    #[test]
    fn lines_are_read_to_their_end_and_no_further() {
        let read = |mut input: &[u8]| {
            let line = SecretString::read_line(&mut input)?;
            Ok::<_, io::Error>((line.map(|line| line.expose().to_owned()), input.len()))
        };
        assert_eq!(read(b"one\ntwo").unwrap(), (Some("one".to_owned()), 3));
        assert_eq!(read(b"no end").unwrap(), (Some("no end".to_owned()), 0));
        assert_eq!(read(b"\r\n").unwrap(), (Some(String::new()), 0));
        assert_eq!(read(b"").unwrap(), (None, 0));
        assert_eq!(read(&[0xff, b'\n']).unwrap_err().kind(), io::ErrorKind::InvalidData);
        assert_eq!(read(&vec![b'x'; MAX_LINE]).unwrap().0.map(|line| line.len()), Some(MAX_LINE));
        assert_eq!(read(&vec![b'x'; MAX_LINE + 1]).unwrap_err().kind(), io::ErrorKind::InvalidData);
    }

    #[cfg(feature = "okta")]
    #[test]
    fn forms_and_headers_hold_what_they_are_given() {
        assert_eq!(form([("a", "b c"), ("pass word", "ü&=")]), b"a=b+c&pass+word=%C3%BC%26%3D");
        let value = header("Bearer x".into()).unwrap();
        assert!(value.is_sensitive() && value == "Bearer x");
        assert!(header("a\nb".into()).is_none());
    }
}
