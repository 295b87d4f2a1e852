//! The names that SAML, XML Signature and AWS define.

/// The audience that AWS expects in an assertion. China and GovCloud accept others, too.
pub const AWS_AUDIENCE: &str = "urn:amazon:webservices";

/// The namespace of the SAML 2.0 protocol (`Response`, `Status`).
pub(crate) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";

/// The namespace of SAML 2.0 assertions.
pub(crate) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";

/// The namespace of XML Signature.
pub(crate) const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// The status code of a successful response.
pub(super) const SUCCESS: &str = "urn:oasis:names:tc:SAML:2.0:status:Success";

/// The confirmation method of bearer assertions.
pub(super) const BEARER: &str = "urn:oasis:names:tc:SAML:2.0:cm:bearer";

/// The common prefix of the attribute names that AWS defines. Case-sensitive.
pub(super) const AWS_ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";
