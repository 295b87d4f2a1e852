//! The SAML side of an identity provider: its key, and responses signed with it.

mod claims;
mod key;

pub use claims::{Claims, SignedParts};
pub(crate) use key::SigningKey;

/// Escapes a text for an XML document, in text and in attribute values.
pub(crate) fn escape(text: &str) -> String {
    let mut escaped = String::with_capacity(text.len());
    for character in text.chars() {
        match character {
            '&' => escaped.push_str("&amp;"),
            '<' => escaped.push_str("&lt;"),
            '>' => escaped.push_str("&gt;"),
            '"' => escaped.push_str("&quot;"),
            other => escaped.push(other),
        }
    }
    escaped
}
