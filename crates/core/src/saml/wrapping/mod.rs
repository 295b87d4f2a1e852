//! Unwraps SAML responses: from whatever contains one to its base64 text and its XML.

mod base64;
mod encoding;
mod found;
mod html;
mod json;
mod shape;
mod soap;
mod text;

use std::borrow::Cow;
use std::io::Read as _;

use ::base64::engine::general_purpose::STANDARD;
use ::base64::{DecodeError, Engine as _};
use flate2::bufread::DeflateDecoder;
use zeroize::Zeroizing;

#[cfg(feature = "verify")]
pub(crate) use self::encoding::decode_xml;
use self::found::{Found, MAX_FOUND};
use super::Limits;
use super::declaration;
use super::document_error::DocumentError;
use super::names::PROTOCOL;
use super::sign_in::partition_of_recipient;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::{SecretBytes, SecretString};

/// A SAML response without its wrapping.
pub(super) struct Unwrapped<'i> {
    pub(super) encoded: Encoded<'i>,
    pub(super) xml: SecretString,
}

/// The base64 text for STS.
pub(super) enum Encoded<'i> {
    /// The input itself.
    Input(&'i str),
    /// A text inside the input.
    Inside(SecretString),
    /// The base64 of these bytes of the input: the XML, in its own encoding.
    Bytes(&'i [u8]),
    /// The base64 of the XML in UTF-8: it was taken out of something else.
    Xml,
}

impl Unwrapped<'_> {
    /// The length of the base64 text, in characters.
    pub(super) fn encoded_characters(&self) -> usize {
        match &self.encoded {
            Encoded::Input(encoded) => encoded.len(),
            Encoded::Inside(encoded) => encoded.expose().len(),
            Encoded::Bytes(bytes) => bytes.len().div_ceil(3) * 4,
            Encoded::Xml => self.xml.expose().len().div_ceil(3) * 4,
        }
    }

    /// The base64 text and the XML.
    pub(super) fn into_parts(self) -> (SecretString, SecretString) {
        let encoded = match self.encoded {
            Encoded::Input(encoded) => encoded.into(),
            Encoded::Inside(encoded) => encoded,
            Encoded::Bytes(bytes) => STANDARD.encode(bytes).into(),
            Encoded::Xml => STANDARD.encode(self.xml.expose()).into(),
        };
        (encoded, self.xml)
    }
}

/// Finds the SAML response in the input. `content_type` is that of the HTTP message whose body the input is.
pub(super) fn unwrap<'i>(input: &'i [u8], content_type: Option<&str>, limits: &Limits) -> Result<Unwrapped<'i>> {
    limits.check("bytes of input", input.len(), limits.input_bytes)?;
    // The usual case: base64 and nothing else.
    let bare = input.trim_ascii();
    if bare.first() != Some(&b'<')
        && let Ok(bytes) = base64::standard(bare)
        && looks_like_xml(&bytes)
        && let Ok(encoded) = std::str::from_utf8(bare)
    {
        let xml = document(bytes, limits)?;
        if is_whole(xml.expose()) {
            return Ok(Unwrapped { encoded: Encoded::Input(encoded), xml });
        }
    }
    if let Some(unwrapped) = from_markup(input, content_type, limits)? {
        return Ok(unwrapped);
    }
    let text = Secret(encoding::decode_text(input));
    let text = text.trim_matches(|c: char| c.is_whitespace() || c == '\u{FEFF}');
    if text.is_empty() {
        return Err(Error::new(ErrorKind::NoSamlResponse, Stage::Assertion, "the input is empty"));
    }
    let is_bare = text.bytes().all(|byte| is_base64(byte) || byte.is_ascii_whitespace());
    let bare = is_bare.then(|| from_base64(text, limits)).transpose();
    if let Ok(Some(unwrapped)) = bare {
        return Ok(unwrapped);
    }
    if let Some(unwrapped) = from_text(text, limits)? {
        return Ok(unwrapped);
    }
    if let Some(found) = xml_inside(text) {
        return from_found(&found, limits);
    }
    if let Some((body, content_type)) = shape::http_body(input)
        && let Some(unwrapped) = from_markup(body, content_type, limits)?
    {
        return Ok(unwrapped);
    }
    match (bare, shape::shape(text)) {
        (Err(error), None) => Err(error),
        (_, Some(_)) => Err(shape::no_response_in(text)),
        (_, None) => match text::bare_value(text) {
            Some(found) => from_found(&found, limits),
            // A damaged value rather than something else.
            None if text.bytes().take(20).all(is_base64) => Err(not_base64(text)),
            None => Err(shape::no_response_in(text)),
        },
    }
}

/// Unwraps XML or HTML; `None` for other content.
fn from_markup<'i>(content: &'i [u8], content_type: Option<&str>, limits: &Limits) -> Result<Option<Unwrapped<'i>>> {
    let utf16 = encoding::decode_utf16(content).map(Secret);
    let ascii = utf16.as_ref().map_or_else(|| encoding::without_mark(content), |text| text.as_bytes());
    let start = ascii.trim_ascii_start();
    // What curl prints as `< HTTP/1.1 200 OK` is not markup.
    if start.first() != Some(&b'<') || start.get(1).is_none_or(u8::is_ascii_whitespace) {
        return Ok(None);
    }
    if html::is_page(start) {
        return from_page(&Secret(encoding::decode_html(content, content_type)), limits).map(Some);
    }
    from_xml(content, limits).map(Some)
}

fn from_xml<'i>(content: &'i [u8], limits: &Limits) -> Result<Unwrapped<'i>> {
    // White space around a file is not a part of the document.
    let content = if encoding::utf16(content).is_some() { content } else { content.trim_ascii() };
    let xml = Secret(encoding::decode_xml(content)?);
    limits.check("bytes of XML", xml.len(), limits.xml_bytes)?;
    Ok(match soap::response_inside(&xml, limits)? {
        Some(response) => in_utf8(response.into())?,
        None => Unwrapped { encoded: Encoded::Bytes(content), xml: xml.into_secret() },
    })
}

fn from_page(page: &str, limits: &Limits) -> Result<Unwrapped<'static>> {
    let found = html::saml_responses(page);
    let has_field = !found.is_empty();
    if let Some(unwrapped) = choose(found, "the page", limits)? {
        return Ok(unwrapped);
    }
    let error = |message| Error::new(ErrorKind::NoSamlResponse, Stage::Assertion, message);
    Err(if has_field {
        error("the form field `SAMLResponse` of the page is empty")
    } else if html::asks_for_password(page) {
        error("the page contains no form with a field `SAMLResponse`")
            .with_hint("it is a sign-in page: the sign-in did not finish")
    } else {
        error("the page contains no form with a field `SAMLResponse`")
    })
}

/// Unwraps a text that contains a SAML response somewhere; `None` if it does not.
fn from_text(text: &str, limits: &Limits) -> Result<Option<Unwrapped<'static>>> {
    let container = shape::shape(text).unwrap_or("the input");
    if text.starts_with(['{', '[', '"'])
        && let Some(found) = json::saml_responses(text)
    {
        return match choose(found, container, limits)? {
            Some(unwrapped) => Ok(Some(unwrapped)),
            None => Err(shape::no_response_in(text)),
        };
    }
    if html::has_fields(text)
        && let Some(unwrapped) = choose(html::saml_responses(text), container, limits)?
    {
        return Ok(Some(unwrapped));
    }
    choose(text::saml_responses(text), container, limits)
}

/// The XML of a SAML response with other text around it, or with its markup escaped for HTML.
fn xml_inside(text: &str) -> Option<Found> {
    memchr::memmem::find(text.as_bytes(), PROTOCOL.as_bytes())?;
    let unescaped = text.starts_with("&lt;").then(|| html::text(text));
    let text = unescaped.as_ref().map_or(text, SecretString::expose);
    let xml = text.get(text.find('<')?..=text.rfind('>')?)?;
    Some(Found::xml(xml))
}

/// Unwraps the one SAML response among what was found in `container`. Of several different ones, it is the one that is
/// sent to AWS.
fn choose(mut found: Vec<Found>, container: &str, limits: &Limits) -> Result<Option<Unwrapped<'static>>> {
    found.retain(|found| !found.content().trim().is_empty());
    if found.len() > MAX_FOUND {
        return Err(DocumentError::exceeded("responses in one input", MAX_FOUND).into());
    }
    let mut unwrapped: Vec<(Unwrapped<'static>, bool)> = Vec::new();
    let mut first_error = None;
    for found in &found {
        match from_found(found, limits) {
            Ok(one) => {
                let is_for_aws = found.target().is_some_and(|target| partition_of_recipient(target).is_some());
                match unwrapped.iter_mut().find(|(known, _)| known.xml.expose() == one.xml.expose()) {
                    Some((_, known)) => *known |= is_for_aws,
                    None => unwrapped.push((one, is_for_aws)),
                }
            }
            Err(error) => first_error = first_error.or(Some(error)),
        }
    }
    let count = unwrapped.len();
    if count > 1 && unwrapped.iter().filter(|(_, is_for_aws)| *is_for_aws).count() == 1 {
        unwrapped.retain(|(_, is_for_aws)| *is_for_aws);
    }
    match (unwrapped.pop(), unwrapped.is_empty(), first_error) {
        (Some((one, _)), true, _) => Ok(Some(one)),
        (Some(_), false, _) => Err(Error::new(
            ErrorKind::MalformedResponse,
            Stage::Assertion,
            format!("{container} contains {count} different SAML responses"),
        )
        .with_hint("use only the one that is sent to AWS")),
        (None, _, Some(error)) => Err(error),
        (None, _, None) => Ok(None),
    }
}

fn from_found(found: &Found, limits: &Limits) -> Result<Unwrapped<'static>> {
    if found.is_abbreviated() {
        return Err(DocumentError::malformed("is abbreviated (`…`)")
            .with_hint("copy the whole value: developer tools shorten long values where they show them")
            .into());
    }
    if found.is_xml() {
        // It is sent in UTF-8, whatever encoding it declares.
        let xml = declaration::without(found.content());
        if !xml.starts_with('<') {
            return Err(DocumentError::malformed("contains no element").into());
        }
        limits.check("bytes of XML", xml.len(), limits.xml_bytes)?;
        return Ok(in_utf8(xml.into())?);
    }
    let unwrapped = from_base64(found.content(), limits);
    match (unwrapped, found.shorter()) {
        (Ok(unwrapped), Some(_)) if is_whole(unwrapped.xml.expose()) => Ok(unwrapped),
        (unwrapped, Some(shorter)) => from_base64(shorter, limits).or(unwrapped),
        (unwrapped, None) => unwrapped,
    }
}

/// A document that is sent in UTF-8: one that AWS would decode in another encoding is refused, since that would not be what
/// was read here.
fn in_utf8(xml: SecretString) -> Result<Unwrapped<'static>, DocumentError> {
    match encoding::decode_xml(xml.expose().as_bytes()) {
        Ok(Cow::Borrowed(same)) if same == xml.expose() => Ok(Unwrapped { encoded: Encoded::Xml, xml }),
        _ => Err(DocumentError::malformed("contains a zero character, or a second XML declaration")),
    }
}

/// Whether a document ends as XML does.
fn is_whole(xml: &str) -> bool {
    xml.trim_ascii_end().ends_with('>')
}

fn is_base64(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=' | b'-' | b'_')
}

/// Decodes base64 in either alphabet, with or without padding and white space.
fn from_base64(encoded: &str, limits: &Limits) -> Result<Unwrapped<'static>> {
    let encoded = encoded.trim();
    let bytes = encoded.as_bytes();
    let has_spaces = memchr::memchr(b' ', bytes).is_some();
    let has_breaks = memchr::memchr3(b'\n', b'\r', b'\t', bytes).or_else(|| memchr::memchr(0x0C, bytes)).is_some();
    let outcome = if has_spaces || has_breaks {
        let mut compact = SecretBytes::with_capacity(encoded.len());
        encoded.split_ascii_whitespace().for_each(|line| compact.extend_from_slice(line.as_bytes()));
        decoded(compact.into_string_lossy().expose(), limits)
    } else {
        decoded(encoded, limits)
    };
    match outcome {
        Ok(xml) if is_whole(xml.expose()) => Ok(Unwrapped { encoded: Encoded::Inside(encoded.into()), xml }),
        outcome => match with_plus_signs(encoded, has_spaces, limits) {
            Some(unwrapped) => Ok(unwrapped),
            None => Ok(Unwrapped { encoded: Encoded::Inside(encoded.into()), xml: outcome? }),
        },
    }
}

/// Decodes base64 in which each `+` has become a space, as form decoders do it; `None` if that gives no whole document.
fn with_plus_signs(encoded: &str, has_spaces: bool, limits: &Limits) -> Option<Unwrapped<'static>> {
    let mut restored = SecretBytes::with_capacity(encoded.len() + 1);
    for line in encoded.split(['\r', '\n', '\t', '\u{C}']) {
        line.trim().bytes().for_each(|byte| restored.push(if byte == b' ' { b'+' } else { byte }));
    }
    // The base64 of a third of all documents ends in `+`, and white space at the end is lost easily.
    let is_short = restored.as_slice().len() % 4 == 3;
    if is_short {
        restored.push(b'+');
    } else if !has_spaces {
        return None;
    }
    let restored = restored.into_string_lossy();
    let attempts = [Some(restored.expose()), restored.expose().strip_suffix('+').filter(|_| is_short)];
    attempts.into_iter().flatten().find_map(|encoded| {
        let xml = decoded(encoded, limits).ok().filter(|xml| is_whole(xml.expose()))?;
        Some(Unwrapped { encoded: Encoded::Inside(encoded.into()), xml })
    })
}

/// The document in a base64 text without white space.
fn decoded(compact: &str, limits: &Limits) -> Result<SecretString> {
    let bytes = base64::either(compact.as_bytes()).map_err(|error| match error {
        DecodeError::InvalidByte(..) => not_base64(compact),
        _ => Error::from(DocumentError::malformed("is base64 that is cut off").with_hint(WHOLE_VALUE)),
    })?;
    let bytes = if looks_like_xml(&bytes) { bytes } else { inflate(&bytes, limits)? };
    document(bytes, limits)
}

const WHOLE_VALUE: &str = "use the whole value of the form field `SAMLResponse`, or the page that contains it";

fn not_base64(text: &str) -> Error {
    // Nothing follows the padding.
    let after_padding = || {
        let padding = text.find('=')?;
        text.get(padding..)?.find(|c| c != '=').map(|length| padding + length)
    };
    let other = text.chars().position(|c| !u8::try_from(c).is_ok_and(is_base64));
    let position = other.or_else(after_padding).unwrap_or_default() + 1;
    Error::new(
        ErrorKind::MalformedResponse,
        Stage::Assertion,
        format!("the input is neither XML, nor HTML, nor base64, which ends at character {position}"),
    )
    .with_hint(WHOLE_VALUE)
}

fn document(mut bytes: Zeroizing<Vec<u8>>, limits: &Limits) -> Result<SecretString> {
    limits.check("bytes of XML", bytes.len(), limits.xml_bytes)?;
    // UTF-8 becomes a string in place: a copy of a large document costs time, and is one more secret in memory.
    if !encoding::is_utf8_xml(&bytes) {
        let text = encoding::decode_xml(&bytes)?;
        return Ok(text.into_owned().into());
    }
    match String::from_utf8(std::mem::take(&mut *bytes)) {
        Ok(text) => Ok(text.into()),
        Err(error) => {
            let bytes = Zeroizing::new(error.into_bytes());
            Ok(encoding::decode_xml(&bytes)?.into_owned().into())
        }
    }
}

/// Whether bytes may be an XML document, in any encoding.
pub(crate) fn looks_like_xml(bytes: &[u8]) -> bool {
    let bytes = bytes.strip_prefix(b"\xEF\xBB\xBF").unwrap_or(bytes);
    matches!(bytes, [0xFF, 0xFE, ..] | [0xFE, 0xFF, ..] | [0, b'<', ..])
        || bytes.trim_ascii_start().first() == Some(&b'<')
}

/// Inflates RFC 1951, which the HTTP redirect binding uses and some identity providers send in a POST.
fn inflate(bytes: &[u8], limits: &Limits) -> Result<Zeroizing<Vec<u8>>> {
    let by_ratio = bytes.len().saturating_mul(limits.inflate_ratio);
    let most = by_ratio.min(limits.xml_bytes);
    let mut inflated = SecretBytes::default();
    let outcome = inflated.read_to_end(DeflateDecoder::new(bytes).take(most as u64 + 1));
    let inflated = inflated.into_bytes();
    if inflated.len() > most {
        return Err(if by_ratio < limits.xml_bytes {
            DocumentError::exceeded("times its DEFLATEd size", limits.inflate_ratio).into()
        } else {
            DocumentError::exceeded("bytes of XML", limits.xml_bytes).into()
        });
    }
    if outcome.is_err() || !looks_like_xml(&inflated) {
        return Err(Error::new(
            ErrorKind::NoSamlResponse,
            Stage::Assertion,
            "the input is base64, but it does not contain XML",
        )
        .with_hint(WHOLE_VALUE));
    }
    Ok(inflated)
}

/// Decoded text that is wiped, if it is a copy.
struct Secret<'t>(Cow<'t, str>);

impl Secret<'_> {
    fn into_secret(mut self) -> SecretString {
        std::mem::take(&mut self.0).into_owned().into()
    }
}

impl std::ops::Deref for Secret<'_> {
    type Target = str;

    fn deref(&self) -> &str {
        &self.0
    }
}

impl Drop for Secret<'_> {
    fn drop(&mut self) {
        if let Cow::Owned(text) = std::mem::take(&mut self.0) {
            drop(SecretString::from(text));
        }
    }
}

#[cfg(test)]
mod tests;
