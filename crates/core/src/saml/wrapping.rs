//! What a SAML response comes wrapped in.

use std::borrow::Cow;
use std::io::Read;

use ::base64::engine::general_purpose::STANDARD;
use ::base64::{DecodeError, Engine as _};
use flate2::bufread::DeflateDecoder;
use zeroize::Zeroizing;

use super::limits::exceeded;
use super::{Limits, base64, charset, html, soap};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;

/// A SAML response without its wrapping.
pub(super) struct Unwrapped<'i> {
    pub(super) encoded: Encoded<'i>,
    pub(super) xml: SecretString,
}

/// The base64 text for STS.
pub(super) enum Encoded<'i> {
    /// The input itself.
    Input(&'i str),
    /// What the input was wrapped around.
    Inside(SecretString),
    /// None: the XML never was base64, and STS is the first to need it so.
    Never,
}

impl Unwrapped<'_> {
    /// The length of the base64 text, in characters.
    pub(super) fn encoded_characters(&self) -> usize {
        match &self.encoded {
            Encoded::Input(encoded) => encoded.len(),
            Encoded::Inside(encoded) => encoded.expose().len(),
            Encoded::Never => self.xml.expose().len().div_ceil(3) * 4,
        }
    }

    /// The base64 text and the XML, to be kept.
    pub(super) fn into_parts(self) -> (SecretString, SecretString) {
        let encoded = match self.encoded {
            Encoded::Input(encoded) => encoded.into(),
            Encoded::Inside(encoded) => encoded,
            Encoded::Never => STANDARD.encode(self.xml.expose()).into(),
        };
        (encoded, self.xml)
    }
}

pub(super) fn unwrap<'i>(input: &'i [u8], limits: &Limits) -> Result<Unwrapped<'i>> {
    limits.check("bytes of input", input.len(), limits.input_bytes)?;
    // What decodes as it stands is wrapped in nothing else: no need to look for that, time and again over the whole text.
    let bare = input.trim_ascii();
    if bare.first() != Some(&b'<')
        && let Ok(bytes) = base64::standard(bare)
        && looks_like_xml(&bytes)
        && let Ok(encoded) = std::str::from_utf8(bare)
    {
        return Ok(Unwrapped { encoded: Encoded::Input(encoded), xml: document(bytes, limits)? });
    }
    let text = charset::decode(input)?;
    let trimmed = text.trim();
    if trimmed.is_empty() {
        return Err(Error::new(
            ErrorKind::NoSamlResponse,
            Stage::Assertion,
            "there is nothing to read: the input is empty",
        ));
    }
    if !trimmed.starts_with('<') {
        return from_base64(&form_value(trimmed), limits);
    }
    if is_html(trimmed) {
        return from_page(trimmed, limits);
    }
    limits.check("bytes of XML", trimmed.len(), limits.xml_bytes)?;
    let inside = soap::response_inside(trimmed, limits)?;
    let xml = inside.map_or_else(|| trimmed.into(), SecretString::from);
    limits.check("bytes of XML", xml.expose().len(), limits.xml_bytes)?;
    Ok(Unwrapped { encoded: Encoded::Never, xml })
}

/// The value of `SAMLResponse` in a form body, or the text itself; percent-encoding undone.
fn form_value(text: &str) -> Cow<'_, str> {
    let value = text.split('&').find_map(|field| field.strip_prefix("SAMLResponse=")).unwrap_or(text);
    if !value.contains('%') {
        return Cow::Borrowed(value);
    }
    let mut decoded = Vec::with_capacity(value.len());
    let mut bytes = value.bytes();
    while let Some(byte) = bytes.next() {
        let mut ahead = bytes.clone();
        let digit = |digit: Option<u8>| digit.and_then(|digit| char::from(digit).to_digit(16));
        match (byte, digit(ahead.next()), digit(ahead.next())) {
            (b'%', Some(high), Some(low)) => {
                decoded.push((high * 16 + low) as u8);
                bytes = ahead;
            }
            _ => decoded.push(byte),
        }
    }
    String::from_utf8(decoded).map_or(Cow::Borrowed(value), Cow::Owned)
}

fn from_base64(encoded: &str, limits: &Limits) -> Result<Unwrapped<'static>> {
    let encoded = encoded.trim();
    let bytes = encoded.as_bytes();
    let wrapped = memchr::memchr3(b'\n', b'\r', b' ', bytes).or_else(|| memchr::memchr2(b'\t', 0x0C, bytes)).is_some();
    let compact: Cow<'_, str> =
        if wrapped { encoded.split_ascii_whitespace().collect::<String>().into() } else { encoded.into() };
    let bytes = base64::either(compact.as_bytes()).map_err(|error| {
        let message = match error {
            DecodeError::InvalidByte(at, _) => {
                format!("the input is neither XML, nor HTML, nor base64: it breaks off at character {}", at + 1)
            }
            _ => "the SAML response is base64 that is cut off".to_owned(),
        };
        Error::new(ErrorKind::MalformedResponse, Stage::Assertion, message)
            .with_hint("give the whole value of the form field `SAMLResponse`, or the page that holds it")
    })?;
    let bytes = if looks_like_xml(&bytes) { bytes } else { Zeroizing::new(inflate(&bytes, limits)?) };
    Ok(Unwrapped { encoded: Encoded::Inside(encoded.into()), xml: document(bytes, limits)? })
}

fn document(mut bytes: Zeroizing<Vec<u8>>, limits: &Limits) -> Result<SecretString> {
    limits.check("bytes of XML", bytes.len(), limits.xml_bytes)?;
    into_text(std::mem::take(&mut *bytes)).map(SecretString::from)
}

/// The text of a document: these very bytes where that can be, since each copy of a large one is paid for, and is one more of
/// what is as good as a password.
fn into_text(bytes: Vec<u8>) -> Result<String> {
    let bytes = match (bytes.first(), charset::is_utf8(&bytes)) {
        (Some(b'<'), true) => match String::from_utf8(bytes) {
            Ok(text) => return Ok(text),
            Err(error) => error.into_bytes(),
        },
        _ => bytes,
    };
    let bytes = Zeroizing::new(bytes);
    Ok(match charset::decode(&bytes)? {
        Cow::Owned(text) => text,
        Cow::Borrowed(text) => text.trim_start().to_owned(),
    })
}

fn looks_like_xml(bytes: &[u8]) -> bool {
    matches!(bytes, [0xEF, 0xBB, 0xBF, ..] | [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..])
        || bytes.trim_ascii_start().first() == Some(&b'<')
}

/// RFC 1951, as the HTTP redirect binding uses it and some providers send it in a POST.
fn inflate(bytes: &[u8], limits: &Limits) -> Result<Vec<u8>> {
    let ratio = bytes.len().saturating_mul(limits.inflate_ratio);
    let most = ratio.min(limits.xml_bytes);
    let mut inflated = Vec::new();
    let read = DeflateDecoder::new(bytes).take(most as u64 + 1).read_to_end(&mut inflated);
    if inflated.len() > most {
        return Err(if ratio < limits.xml_bytes {
            exceeded("times its DEFLATEd size", limits.inflate_ratio)
        } else {
            exceeded("bytes of XML", limits.xml_bytes)
        });
    }
    if read.is_err() || !looks_like_xml(&inflated) {
        return Err(not_saml());
    }
    Ok(inflated)
}

fn not_saml() -> Error {
    Error::new(ErrorKind::NoSamlResponse, Stage::Assertion, "the input is base64, but there is no XML in it")
        .with_hint("give the value of the form field `SAMLResponse`, or the page that holds it")
}

fn is_html(text: &str) -> bool {
    // An XML declaration and comments may stand before either root.
    let mut rest = text;
    loop {
        rest = rest.trim_start();
        let end = if rest.starts_with("<?") {
            rest.find("?>").map(|at| at + 2)
        } else if rest.starts_with("<!--") {
            rest.find("-->").map(|at| at + 3)
        } else {
            None
        };
        match end.and_then(|end| rest.get(end..)) {
            Some(after) => rest = after,
            None => break,
        }
    }
    let starts = |name: &str| rest.get(..name.len()).is_some_and(|head| head.eq_ignore_ascii_case(name));
    let tag = |name: &str| {
        starts(name)
            && rest
                .as_bytes()
                .get(name.len())
                .is_some_and(|byte| matches!(byte, b'>' | b'/') || byte.is_ascii_whitespace())
    };
    starts("<!doctype html")
        || ["<html", "<head", "<body", "<form", "<input", "<script", "<meta", "<title", "<div", "<noscript"]
            .iter()
            .any(|name| tag(name))
}

fn from_page(page: &str, limits: &Limits) -> Result<Unwrapped<'static>> {
    let mut values = html::saml_responses(page);
    values.sort_unstable();
    values.dedup();
    match values.as_slice() {
        [value] => from_base64(value, limits),
        [] => {
            let error = Error::new(
                ErrorKind::NoSamlResponse,
                Stage::Assertion,
                "the page holds no form with a field `SAMLResponse`",
            );
            Err(if html::asks_for_password(page) {
                error.with_hint("it is a sign-in page: the sign-in did not finish")
            } else {
                error
            })
        }
        several => Err(Error::new(
            ErrorKind::MalformedResponse,
            Stage::Assertion,
            format!("the page holds {} different SAML responses", several.len()),
        )
        .with_hint("give only the one that is meant for AWS")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ::base64::engine::general_purpose::URL_SAFE;
    use flate2::Compression;
    use flate2::write::DeflateEncoder;

    use super::*;
    use crate::saml::SamlResponse;

    const XML: &str = "<samlp:Response>é??>></samlp:Response>";

    fn detect(input: impl AsRef<[u8]>) -> Result<SamlResponse> {
        SamlResponse::detect(input.as_ref(), &Limits::default())
    }

    fn deflated(bytes: &[u8]) -> String {
        let mut encoder = DeflateEncoder::new(Vec::new(), Compression::best());
        encoder.write_all(bytes).unwrap();
        STANDARD.encode(encoder.finish().unwrap())
    }

    #[test]
    fn the_original_base64_is_kept() {
        let standard = STANDARD.encode(XML);
        let wrapped = format!("{}\r\n{}", &standard[..20], &standard[20..]);
        for original in [
            standard.as_str(),
            &wrapped,
            &URL_SAFE.encode(XML),
            standard.trim_end_matches('='),
            &deflated(XML.as_bytes()),
        ] {
            let response = detect(format!("\n{original}\n")).unwrap();
            assert_eq!(response.encoded().expose(), original);
            assert_eq!(response.xml(), XML);
        }
    }

    #[test]
    fn a_form_body_and_its_percent_encoding() {
        let standard = STANDARD.encode(XML);
        let body = format!(
            "RelayState=x&SAMLResponse={}",
            standard.replace('+', "%2B").replace('/', "%2f").replace('=', "%3D")
        );
        assert_eq!(detect(body).unwrap().encoded().expose(), standard);
    }

    #[test]
    fn two_documents_in_one_page_and_two_responses_in_one_page() {
        let one = STANDARD.encode(XML);
        let form = format!("<html><form><input name=SAMLResponse value='{one}'></form></html>");
        let page = format!("<!-- hi --><html><body>please wait</body></html>{form}{form}");
        assert_eq!(detect(&page).unwrap().xml(), XML);
        let other = page.replacen(&one, &STANDARD.encode("<other/>"), 1);
        assert_eq!(detect(other).unwrap_err().to_string(), "the page holds 2 different SAML responses");
    }

    #[test]
    fn a_sign_in_page_is_recognised() {
        let error = detect("<!DOCTYPE HTML><form><input type=PassWord></form>").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NoSamlResponse);
        assert_eq!(error.hint(), Some("it is a sign-in page: the sign-in did not finish"));
    }

    #[test]
    fn a_deflate_bomb_is_refused_by_its_ratio() {
        let error = detect(deflated(&vec![b'<'; 8 << 20])).unwrap_err();
        assert_eq!(error.to_string(), "the SAML response is over the limit of 200 times its DEFLATEd size");
    }

    #[test]
    fn what_is_nothing_of_the_kind() {
        let message = |input: &str| detect(input).unwrap_err().to_string();
        assert_eq!(message(" \n"), "there is nothing to read: the input is empty");
        assert_eq!(
            message("hello, world"),
            "the input is neither XML, nor HTML, nor base64: it breaks off at character 6"
        );
        assert_eq!(message("PHNhb"), "the SAML response is base64 that is cut off");
        assert_eq!(message("aGVsbG8="), "the input is base64, but there is no XML in it");
    }
}
