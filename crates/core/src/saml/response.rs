use std::fmt;

use sha2::{Digest, Sha256};

use super::{Assertion, Limits, reader, wrapping};
use crate::error::Result;
use crate::secret::SecretString;

/// A SAML response: the base64 text exactly as the identity provider gave it, and the XML in it.
///
/// For about five minutes it is as good as a password, so `Debug` shows only its size.
#[derive(Clone)]
pub struct SamlResponse {
    encoded: SecretString,
    xml: SecretString,
}

impl SamlResponse {
    /// Finds the SAML response in whatever holds it: base64 (standard or URL-safe, with or without white space and
    /// padding, percent-encoded or a whole form body), base64 of DEFLATE (RFC 1951), the XML itself, an HTML page
    /// whose form has a field `SAMLResponse`, or a SOAP envelope (SAML ECP).
    ///
    /// # Errors
    ///
    /// `no_saml_response`, `malformed_response` or `limit_exceeded`.
    ///
    /// ```
    /// use tempaccess_core::{Limits, SamlResponse};
    ///
    /// let page = br#"<form action="https://signin.aws.amazon.com/saml">
    ///     <input type="hidden" name="SAMLResponse" value="PHNhbWxwOlJlc3BvbnNlLz4&#x3d;"></form>"#;
    /// let response = SamlResponse::detect(page, &Limits::default())?;
    /// assert_eq!(response.encoded().expose(), "PHNhbWxwOlJlc3BvbnNlLz4=");
    /// assert_eq!(response.xml(), "<samlp:Response/>");
    /// # Ok::<(), tempaccess_core::Error>(())
    /// ```
    pub fn detect(input: &[u8], limits: &Limits) -> Result<Self> {
        let (encoded, xml) = wrapping::unwrap(input, limits)?.into_parts();
        Ok(Self { encoded, xml })
    }

    /// The base64 text for STS (`SAMLAssertion`): the original, never a re-encoding of what was read.
    pub fn encoded(&self) -> &SecretString {
        &self.encoded
    }

    /// The XML document.
    pub fn xml(&self) -> &str {
        self.xml.expose()
    }

    /// The SHA-256 of the original base64 text, in lower-case hex: what the audit record keeps of it.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(self.encoded.expose()))
    }

    /// Reads the facts in one pass over the XML, within the default [`Limits`].
    ///
    /// # Errors
    ///
    /// `malformed_response`, `forbidden_construct`, `multiple_assertions` or `limit_exceeded`.
    pub fn read(&self) -> Result<Assertion> {
        self.read_within(&Limits::default())
    }

    /// Reads the facts within limits of your own.
    ///
    /// # Errors
    ///
    /// As [`read`](Self::read).
    pub fn read_within(&self, limits: &Limits) -> Result<Assertion> {
        reader::read(self.xml(), self.encoded.expose().len(), limits)
    }
}

impl fmt::Debug for SamlResponse {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SamlResponse([redacted, {} bytes of XML])", self.xml().len())
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
