use crate::error::{Error, ErrorKind, Result, Stage};

/// How much a document may ask of this machine. Checked before memory is spent.
///
/// The defaults are far above what STS takes (100,000 characters of base64), so that a document that is too large for
/// STS can still be read and explained.
///
/// ```
/// use tempaccess_core::{Limits, SamlResponse};
///
/// let strict = Limits { xml_bytes: 8, ..Limits::default() };
/// assert!(SamlResponse::detect(b"<samlp:Response/>", &strict).is_err());
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Limits {
    /// The text as it came: base64, an HTML page, a SOAP envelope. Bytes.
    pub input_bytes: usize,
    /// The XML document. Bytes.
    pub xml_bytes: usize,
    /// How many times larger than its DEFLATEd form a document may be.
    pub inflate_ratio: usize,
    /// Elements inside one another.
    pub depth: usize,
    /// Elements in all.
    pub elements: usize,
    /// Attributes of one element, namespace declarations included.
    pub attributes: usize,
    /// Namespace declarations on an element and those around it.
    pub namespaces: usize,
    /// The name of one namespace. Bytes.
    pub namespace_bytes: usize,
    /// One text or one attribute value. Bytes.
    pub text_bytes: usize,
    /// Values of the AWS attributes in all.
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
    pub(crate) fn check(&self, what: &'static str, found: usize, limit: usize) -> Result<()> {
        if found > limit { Err(exceeded(what, limit)) } else { Ok(()) }
    }
}

pub(crate) fn exceeded(what: &'static str, limit: usize) -> Error {
    Error::new(
        ErrorKind::LimitExceeded,
        Stage::Assertion,
        format!("the SAML response is over the limit of {} {what}", grouped(limit)),
    )
    .with_hint("no honest identity provider sends one like it; check where the document comes from")
}

/// A number with its thousands set apart, as a person reads it.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    #[test]
    fn thousands_are_set_apart() {
        assert_eq!(super::grouped(64), "64");
        assert_eq!(super::grouped(12_582_912), "12,582,912");
    }
}
