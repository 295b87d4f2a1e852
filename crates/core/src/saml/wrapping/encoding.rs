//! Decodes bytes into text: strictly for XML, as HTML says for pages, leniently for everything else.

use std::borrow::Cow;

use encoding_rs::{Encoding, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252, X_USER_DEFINED};

use super::html;
use crate::saml::declaration;
use crate::saml::document_error::DocumentError;

const UTF_8_BOM: &[u8] = b"\xEF\xBB\xBF";

/// The labels of ISO-8859-1 itself. As labels of a page they mean windows-1252, but in XML they mean what they say: the bytes
/// 80 to 9F are control characters.
const LATIN_1: [&str; 9] =
    ["iso-8859-1", "iso8859-1", "iso_8859-1", "iso_8859-1:1987", "iso-ir-100", "latin1", "l1", "ibm819", "cp819"];

/// The labels of US-ASCII, of which UTF-8 is a superset.
const ASCII: [&str; 4] = ["us-ascii", "ascii", "ansi_x3.4-1968", "iso-ir-6"];

/// Decodes an XML document by its byte order mark or its XML declaration: UTF-8, UTF-16, or an encoding of the WHATWG.
pub(crate) fn decode_xml(bytes: &[u8]) -> Result<Cow<'_, str>, DocumentError> {
    if let Some(rest) = bytes.strip_prefix(UTF_8_BOM) {
        return utf8(rest);
    }
    if let Some((encoding, rest)) = utf16(bytes) {
        return strict(encoding, rest);
    }
    let Some(label) = declaration::encoding(bytes) else { return utf8(bytes) };
    let lower = label.to_ascii_lowercase();
    if ASCII.contains(&lower.as_str()) {
        return utf8(bytes);
    }
    if LATIN_1.contains(&lower.as_str()) {
        return Ok(encoding_rs::mem::decode_latin1(bytes));
    }
    match Encoding::for_label_no_replacement(label.as_bytes()) {
        // A declaration that can be read byte by byte is not in UTF-16, whatever it says. .NET writes such documents.
        Some(encoding) if encoding == UTF_8 || encoding == UTF_16LE || encoding == UTF_16BE => utf8(bytes),
        Some(encoding) => strict(encoding, bytes),
        None => Err(DocumentError::malformed(format!("has an encoding that is not supported: `{label}`"))),
    }
}

/// Whether [`decode_xml`] decodes the document as UTF-8 without changing it.
pub(super) fn is_utf8_xml(bytes: &[u8]) -> bool {
    bytes.first() == Some(&b'<')
        && utf16(bytes).is_none()
        && declaration::encoding(bytes).is_none_or(|label| label.eq_ignore_ascii_case("utf-8"))
}

/// Decodes a page as HTML says: by its byte order mark, by the `charset` of its `Content-Type`, by a `meta` element. What
/// cannot be decoded is replaced, since form fields with SAML responses are ASCII.
pub(super) fn decode_html<'b>(bytes: &'b [u8], content_type: Option<&str>) -> Cow<'b, str> {
    if let Some((encoding, length)) = Encoding::for_bom(bytes) {
        return lenient(encoding, bytes.get(length..).unwrap_or_default());
    }
    if let Some((encoding, rest)) = utf16(bytes) {
        return lenient(encoding, rest);
    }
    let from_http =
        content_type.and_then(charset_of).and_then(|label| Encoding::for_label_no_replacement(label.as_bytes()));
    let encoding = from_http
        .or_else(|| declared_by_page(bytes))
        .or_else(|| std::str::from_utf8(bytes).is_ok().then_some(UTF_8))
        .unwrap_or(WINDOWS_1252);
    // It has no zero bytes, so it is not UTF-16.
    let encoding = if encoding == UTF_16LE || encoding == UTF_16BE { UTF_8 } else { encoding };
    lenient(encoding, bytes)
}

/// Decodes what is neither XML nor HTML. Everything that matters in it is ASCII.
pub(super) fn decode_text(bytes: &[u8]) -> Cow<'_, str> {
    if let Some(rest) = bytes.strip_prefix(UTF_8_BOM) {
        return lenient(UTF_8, rest);
    }
    if let Some((encoding, rest)) = utf16(bytes) {
        return lenient(encoding, rest);
    }
    match std::str::from_utf8(bytes) {
        Ok(text) => Cow::Borrowed(text),
        Err(_) => lenient(WINDOWS_1252, bytes),
    }
}

/// Decodes UTF-16; `None` for other content.
pub(super) fn decode_utf16(bytes: &[u8]) -> Option<Cow<'_, str>> {
    utf16(bytes).map(|(encoding, rest)| lenient(encoding, rest))
}

/// The content without the byte order mark of UTF-8.
pub(super) fn without_mark(bytes: &[u8]) -> &[u8] {
    bytes.strip_prefix(UTF_8_BOM).unwrap_or(bytes)
}

/// Whether the content is UTF-16, by its byte order mark or because it starts with an ASCII character; and what follows the
/// byte order mark.
pub(super) fn utf16(bytes: &[u8]) -> Option<(&'static Encoding, &[u8])> {
    match bytes {
        [0xFF, 0xFE, rest @ ..] => Some((UTF_16LE, rest)),
        [0xFE, 0xFF, rest @ ..] => Some((UTF_16BE, rest)),
        [1..0x80, 0, ..] => Some((UTF_16LE, bytes)),
        [0, 1..0x80, ..] => Some((UTF_16BE, bytes)),
        _ => None,
    }
}

fn utf8(bytes: &[u8]) -> Result<Cow<'_, str>, DocumentError> {
    std::str::from_utf8(bytes)
        .map(Cow::Borrowed)
        .map_err(|error| DocumentError::malformed(format!("is not valid UTF-8 from byte {} on", error.valid_up_to())))
}

fn strict<'b>(encoding: &'static Encoding, bytes: &'b [u8]) -> Result<Cow<'b, str>, DocumentError> {
    encoding
        .decode_without_bom_handling_and_without_replacement(bytes)
        .ok_or_else(|| DocumentError::malformed(format!("is not valid {}", encoding.name())))
}

fn lenient<'b>(encoding: &'static Encoding, bytes: &'b [u8]) -> Cow<'b, str> {
    encoding.decode_without_bom_handling(bytes).0
}

/// The encoding that the page itself declares in its first 1,024 bytes (HTML, "prescan a byte stream to determine its
/// encoding").
fn declared_by_page(bytes: &[u8]) -> Option<&'static Encoding> {
    let start = bytes.get(..bytes.len().min(1024)).unwrap_or_default();
    let label = html::meta_charset(&encoding_rs::mem::decode_latin1(start), charset_of)
        .or_else(|| declaration::encoding(bytes).map(str::to_owned))?;
    let encoding = Encoding::for_label_no_replacement(label.as_bytes())?;
    Some(if encoding == X_USER_DEFINED { WINDOWS_1252 } else { encoding })
}

/// The value of `charset=` in a `Content-Type`.
fn charset_of(content_type: &str) -> Option<&str> {
    let lower = content_type.to_ascii_lowercase();
    let (start, _) = lower.match_indices("charset").find(|(start, name)| {
        lower.get(start + name.len()..).is_some_and(|rest| rest.trim_ascii_start().starts_with('='))
    })?;
    let (_, value) = content_type.get(start..)?.split_once('=')?;
    let value = value.trim_ascii_start();
    let value = match value.chars().next().filter(|quote| matches!(quote, '"' | '\'')) {
        Some(quote) => value.get(1..)?.split_once(quote)?.0,
        None => value.split(|c: char| c == ';' || c.is_ascii_whitespace()).next()?,
    };
    Some(value.trim_ascii())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn xml(bytes: &[u8]) -> String {
        decode_xml(bytes).unwrap().into_owned()
    }

    fn refused(bytes: &[u8]) -> String {
        Error::from(decode_xml(bytes).unwrap_err()).to_string()
    }

    fn utf16le(text: &str) -> Vec<u8> {
        text.encode_utf16().flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn encodings_of_xml() {
        assert_eq!(xml("<a>é</a>".as_bytes()), "<a>é</a>");
        assert_eq!(xml(b"\xEF\xBB\xBF<a/>"), "<a/>");
        assert_eq!(xml(&utf16le("\u{FEFF}<a>é</a>")), "<a>é</a>");
        assert_eq!(xml(&utf16le("<a>é</a>")), "<a>é</a>");
        let big_endian: Vec<u8> = "<?xml version='1.0'?>".encode_utf16().flat_map(u16::to_be_bytes).collect();
        assert_eq!(xml(&big_endian), "<?xml version='1.0'?>");
        let declared = |label: &str, bytes: &[u8]| {
            let document = [format!("<?xml version='1.0' encoding='{label}'?>").as_bytes(), bytes].concat();
            xml(&document).split_once("?>").unwrap().1.to_owned()
        };
        for (label, bytes, text) in [
            ("ISO-8859-1", &b"\xE9\x80"[..], "é\u{80}"),
            ("windows-1252", b"\xE9\x80", "é€"),
            ("Windows-1252", b"\xE9\x80", "é€"),
            ("ISO-8859-15", b"\xA4", "€"),
            ("ISO-8859-2", b"\xB1", "ą"),
            ("windows-1251", b"\xCF", "П"),
            ("KOI8-R", b"\xF0", "П"),
            ("Shift_JIS", b"\x82\xA0", "あ"),
            ("EUC-JP", b"\xA4\xA2", "あ"),
            ("ISO-2022-JP", b"\x1B$B$\"\x1B(B", "あ"),
            ("GB2312", b"\xC4\xE3", "你"),
            ("gb18030", b"\xC4\xE3", "你"),
            ("Big5", b"\xA7A", "你"),
            ("EUC-KR", b"\xB0\xA1", "가"),
            ("US-ASCII", b"a", "a"),
            ("utf8", "é".as_bytes(), "é"),
            // .NET's `StringWriter` declares UTF-16, whatever the text becomes later.
            ("utf-16", "é".as_bytes(), "é"),
        ] {
            assert_eq!(declared(label, bytes), text, "{label}");
        }
    }

    #[test]
    fn xml_in_no_valid_encoding() {
        assert_eq!(refused(b"<a>\xE9</a>"), "the SAML response is not valid UTF-8 from byte 3 on");
        assert_eq!(refused(b"\xFF\xFE<"), "the SAML response is not valid UTF-16LE");
        assert_eq!(refused(b"\xFF\xFE\x00\xDC"), "the SAML response is not valid UTF-16LE");
        for (label, bytes) in [("Shift_JIS", &b"\x82"[..]), ("windows-1253", b"\xD2"), ("EUC-KR", b"\xFF")] {
            let document = [format!("<?xml version='1.0' encoding='{label}'?>").as_bytes(), bytes].concat();
            assert_eq!(refused(&document), format!("the SAML response is not valid {label}"));
        }
        for label in ["UTF-7", "UTF-32", "cp037", "iso-2022-kr", "hz-gb-2312", "nonsense"] {
            let document = format!("<?xml version='1.0' encoding='{label}'?><a/>");
            assert_eq!(
                refused(document.as_bytes()),
                format!("the SAML response has an encoding that is not supported: `{label}`")
            );
        }
    }

    #[test]
    fn encodings_of_pages() {
        let page = |bytes: &[u8], content_type: Option<&str>| decode_html(bytes, content_type).into_owned();
        assert_eq!(page(b"<p>\xE9", None), "<p>é");
        assert_eq!(page("<p>é".as_bytes(), None), "<p>é");
        assert_eq!(page(b"<p>\xCA", Some("text/html; charset=\"koi8-r\"")), "<p>й");
        assert_eq!(page(&utf16le("<p>é"), None), "<p>é");
        assert_eq!(page(b"\xEF\xBB\xBF<p>\xC3\xA9", Some("text/html; charset=koi8-r")), "<p>é");
        for meta in [
            "<meta charset=koi8-r>",
            "<!-- x --><META CharSet=' KOI8-R '/>",
            "<meta http-equiv='Content-Type' content='text/html; charset=koi8-r'>",
            "<?xml version='1.0' encoding='koi8-r'?>",
        ] {
            let document = [meta.as_bytes(), b"<p>\xCA"].concat();
            assert!(page(&document, None).ends_with("<p>й"), "{meta}");
            // HTTP wins over the page.
            assert!(page(&document, Some("text/html;charset=windows-1252")).ends_with("<p>Ê"), "{meta}");
        }
        for meta in [
            "<!-- <meta charset=koi8-r> -->",
            "<meta charset=nonsense>",
            "<meta charset=utf-16>",
            "<meta charset=iso-2022-kr>",
        ] {
            let document = [meta.as_bytes(), "<p>é".as_bytes()].concat();
            assert!(page(&document, None).ends_with("<p>é"), "{meta}");
        }
        // What cannot be decoded does not matter.
        assert_eq!(page(b"<meta charset=utf-8><p>\xE9<p>", None), "<meta charset=utf-8><p>\u{FFFD}<p>");
        assert_eq!(page(b"<meta charset=Shift_JIS>\x82<p>", None).split_once('>').unwrap().1, "\u{FFFD}<p>");
    }

    #[test]
    fn encodings_of_texts() {
        assert_eq!(decode_text(b"PHN\xE9"), "PHNé");
        assert_eq!(decode_text(&utf16le("\u{FEFF}PHN")), "PHN");
        assert_eq!(decode_text(&utf16le("PHN")), "PHN");
        assert_eq!(decode_text(b"\xEF\xBB\xBFPHN"), "PHN");
    }
}
