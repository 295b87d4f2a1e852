//! Where reading starts: from bytes to a SAML response, and from there to its facts.

use std::fmt;

use sha2::{Digest, Sha256};

use super::{Assertion, Limits, reader, wrapping};
use crate::error::Result;
use crate::secret::SecretString;

/// A SAML response: its base64 text exactly as the identity provider sent it, and the XML in it.
///
/// It is as good as a password for about five minutes, so `Debug` shows only its size.
#[derive(Clone)]
pub struct SamlResponse {
    encoded: SecretString,
    xml: SecretString,
}

impl SamlResponse {
    /// Finds the SAML response in any of these:
    ///
    /// - base64 (standard or URL-safe, with or without padding and line breaks, percent-encoded or quoted), also of DEFLATEd
    ///   XML (RFC 1951)
    /// - the XML document itself, or a SOAP envelope around it (SAML ECP)
    /// - an HTML page with a form field `SAMLResponse`
    /// - what developer tools copy: a form body, JSON, a HAR file, a request as a cURL, PowerShell or `fetch` command, headers
    ///   and body of an HTTP message
    ///
    /// # Errors
    ///
    /// `no_saml_response`, `malformed_response` or `limit_exceeded`. Two different responses are an error, unless a
    /// form or request tells which one is sent to AWS.
    ///
    /// ```
    /// use tempaccess_core::{saml::Limits, SamlResponse};
    ///
    /// let page = br#"<form action="https://signin.aws.amazon.com/saml">
    ///     <input type="hidden" name="SAMLResponse" value="PHNhbWxwOlJlc3BvbnNlLz4&#x3d;"></form>"#;
    /// let response = SamlResponse::detect(page, &Limits::default())?;
    /// assert_eq!(response.encoded().expose(), "PHNhbWxwOlJlc3BvbnNlLz4=");
    /// assert_eq!(response.xml(), "<samlp:Response/>");
    /// # Ok::<(), tempaccess_core::Error>(())
    /// ```
    pub fn detect(input: &[u8], limits: &Limits) -> Result<Self> {
        Self::detect_http(input, None, limits)
    }

    /// The same for the body of an HTTP message with this `Content-Type`, whose `charset` decides how a page is decoded.
    ///
    /// # Errors
    ///
    /// As [`detect`](Self::detect).
    pub fn detect_http(body: &[u8], content_type: Option<&str>, limits: &Limits) -> Result<Self> {
        let (encoded, xml) = wrapping::unwrap(body, content_type, limits)?.into_parts();
        Ok(Self { encoded, xml })
    }

    /// The base64 text for STS (`SAMLAssertion`). It is the original text and not a re-encoding of what was read.
    pub fn encoded(&self) -> &SecretString {
        &self.encoded
    }

    /// The XML document.
    pub fn xml(&self) -> &str {
        self.xml.expose()
    }

    /// The SHA-256 of the original base64 text, in lower-case hex, as the audit record has it.
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

    /// Reads the facts within other limits.
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

impl Assertion {
    /// Reads the facts of a SAML response in any form that [`SamlResponse::detect`] accepts, and drops the response. Use
    /// [`SamlResponse`] if it is to be exchanged or verified.
    ///
    /// # Errors
    ///
    /// As [`SamlResponse::detect`] and [`SamlResponse::read`].
    ///
    /// ```
    /// use tempaccess_core::{Assertion, ErrorKind, saml::Limits};
    ///
    /// let refusal = br#"<p:Response xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol"><p:Status>
    ///     <p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:Responder"/></p:Status></p:Response>"#;
    /// let assertion = Assertion::read(refusal, &Limits::default())?;
    /// assert_eq!(assertion.offers().unwrap_err().kind(), ErrorKind::IdentityProviderRefused);
    /// # Ok::<(), tempaccess_core::Error>(())
    /// ```
    pub fn read(input: &[u8], limits: &Limits) -> Result<Self> {
        let response = wrapping::unwrap(input, None, limits)?;
        reader::read(response.xml.expose(), response.encoded_characters(), limits)
    }
}

pub(crate) fn hex(bytes: &[u8]) -> String {
    use fmt::Write as _;
    bytes.iter().fold(String::with_capacity(bytes.len() * 2), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}
