use super::document_error::DocumentError;

/// Bounds on what a document may cost to read. Each is checked before memory is spent.
///
/// The defaults are far above what STS accepts (100,000 characters of base64), so that a document that is too large for
/// STS can still be read and explained.
///
/// ```
/// use tempaccess_core::{saml::Limits, SamlResponse};
///
/// let mut strict = Limits::default();
/// strict.xml_bytes = 8;
/// assert!(SamlResponse::detect(b"<samlp:Response/>", &strict).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub struct Limits {
    /// The size of the input (base64, an HTML page, a SOAP envelope), in bytes.
    pub input_bytes: usize,
    /// The size of the XML document, in bytes.
    pub xml_bytes: usize,
    /// The ratio of a document's size to its DEFLATEd size.
    pub inflate_ratio: usize,
    /// The nesting depth of elements.
    pub depth: usize,
    /// The total number of elements.
    pub elements: usize,
    /// The number of attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// The number of namespace declarations in scope of one element.
    pub namespaces: usize,
    /// The length of one namespace name, in bytes.
    pub namespace_bytes: usize,
    /// The length of one text or attribute value, in bytes.
    pub text_bytes: usize,
    /// The total number of attribute values (`AttributeValue`).
    pub values: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            input_bytes: 16 << 20,
            xml_bytes: 12 << 20,
            inflate_ratio: 200,
            depth: 64,
            elements: 200_000,
            attributes: 64,
            namespaces: 128,
            namespace_bytes: 512,
            text_bytes: 1 << 20,
            values: 100_000,
        }
    }
}

impl Limits {
    /// Fails if `found` exceeds `limit`. `unit` completes "is over the limit of 64 …".
    pub(super) fn check(&self, unit: &'static str, found: usize, limit: usize) -> Result<(), DocumentError> {
        if found > limit { Err(DocumentError::exceeded(unit, limit)) } else { Ok(()) }
    }
}
