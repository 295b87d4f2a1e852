//! From bytes to text, for the encodings that SAML responses come in.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, Result, Stage};

/// What UTF-8 and the part of it that is ASCII are called in an XML declaration.
const UTF_8: [&str; 4] = ["utf-8", "utf8", "us-ascii", "ascii"];

/// Decodes a document by its byte order mark or XML declaration: UTF-8, UTF-16, US-ASCII, ISO-8859-1.
pub(super) fn decode(bytes: &[u8]) -> Result<Cow<'_, str>> {
    match bytes {
        [0xEF, 0xBB, 0xBF, rest @ ..] => utf8(rest),
        [0xFF, 0xFE, rest @ ..] => utf16(rest, u16::from_le_bytes),
        [0xFE, 0xFF, rest @ ..] => utf16(rest, u16::from_be_bytes),
        _ => match declared(bytes).as_deref() {
            None => utf8(bytes),
            Some(name) if UTF_8.contains(&name) => utf8(bytes),
            // Latin-1's bytes are the first 256 characters of Unicode.
            Some("iso-8859-1" | "latin1" | "iso_8859-1") => Ok(bytes.iter().copied().map(char::from).collect()),
            Some(other) => {
                Err(malformed(format!("the SAML response is in an encoding that is not supported: `{other}`")))
            }
        },
    }
}

/// Whether a document without a byte order mark is UTF-8 as far as it says itself.
pub(super) fn is_utf8(bytes: &[u8]) -> bool {
    declared(bytes).is_none_or(|name| UTF_8.contains(&name.as_str()))
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>> {
    std::str::from_utf8(bytes).map(Cow::Borrowed).map_err(|error| {
        malformed(format!("the SAML response is not UTF-8 text, from byte {} on", error.valid_up_to()))
    })
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Result<Cow<'_, str>> {
    let (pairs, rest) = bytes.as_chunks::<2>();
    if !rest.is_empty() {
        return Err(malformed("the SAML response is UTF-16 text that is cut off"));
    }
    char::decode_utf16(pairs.iter().map(|pair| unit(*pair)))
        .collect::<Result<String, _>>()
        .map(Cow::Owned)
        .map_err(|_| malformed("the SAML response is not UTF-16 text, though it begins as such"))
}

/// The encoding that the XML declaration names, in lower case.
fn declared(bytes: &[u8]) -> Option<String> {
    let head = bytes.get(..bytes.len().min(200))?;
    let declaration = head.strip_prefix(b"<?xml")?;
    let end = declaration.windows(2).position(|window| window == b"?>")?;
    let declaration = std::str::from_utf8(declaration.get(..end)?).ok()?;
    let value = declaration.split_once("encoding")?.1.trim_start().strip_prefix('=')?.trim_start();
    let quote = value.chars().next().filter(|quote| matches!(quote, '"' | '\''))?;
    let (name, _) = value.get(1..)?.split_once(quote)?;
    Some(name.to_ascii_lowercase())
}

fn malformed(message: impl Into<Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::MalformedResponse, Stage::Assertion, message)
}

#[cfg(test)]
mod tests {
    use super::decode;

    #[test]
    fn the_encodings_that_occur() {
        assert_eq!(decode("<a>é</a>".as_bytes()).unwrap(), "<a>é</a>");
        assert_eq!(decode(b"\xEF\xBB\xBF<a/>").unwrap(), "<a/>");
        let latin = b"<?xml version='1.0' encoding='ISO-8859-1'?><a>\xE9</a>";
        assert!(decode(latin).unwrap().ends_with("<a>é</a>"));
        let utf16: Vec<u8> = "\u{FEFF}<a>é</a>".encode_utf16().flat_map(u16::to_le_bytes).collect();
        assert_eq!(decode(&utf16).unwrap(), "<a>é</a>");
    }

    #[test]
    fn what_is_no_text_says_so() {
        let message = |bytes: &[u8]| decode(bytes).unwrap_err().to_string();
        assert_eq!(message(b"<a>\xE9</a>"), "the SAML response is not UTF-8 text, from byte 3 on");
        assert_eq!(message(b"\xFF\xFE<"), "the SAML response is UTF-16 text that is cut off");
        assert_eq!(message(b"\xFF\xFE\x00\xDC"), "the SAML response is not UTF-16 text, though it begins as such");
        let koi = b"<?xml version=\"1.0\" encoding=\"KOI8-R\"?><a/>";
        assert_eq!(message(koi), "the SAML response is in an encoding that is not supported: `koi8-r`");
    }
}
