//! The SAML response inside a SOAP envelope (SAML ECP profile).

use std::fmt::Write as _;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{PrefixDeclaration, ResolveResult};

use super::Limits;
use super::limits::exceeded;
use super::reader::PROTOCOL;
use super::xml::{malformed, unwell};
use crate::error::Result;

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// The document of the `Response` inside an envelope, or nothing where the root is no envelope.
///
/// The namespaces that the envelope declares are declared again on the response: exclusive canonicalization, and so
/// the signature, sees no difference.
pub(super) fn response_inside(xml: &str, limits: &Limits) -> Result<Option<String>> {
    let mut reader = NsReader::from_str(xml);
    let mut inherited: Vec<(String, String)> = Vec::new();
    let mut depth = 0_usize;
    loop {
        let before = reader.buffer_position() as usize;
        let (resolved, event) = reader.read_resolved_event().map_err(|error| unwell(&error, before))?;
        let namespace = match resolved {
            ResolveResult::Bound(namespace) => namespace.into_inner(),
            _ => "",
        };
        match event {
            Event::Start(start) => {
                depth += 1;
                if depth > limits.depth {
                    return Err(exceeded("elements inside one another", limits.depth));
                }
                let local = start.local_name().into_inner();
                if depth == 1 && !(local == "Envelope" && matches!(namespace, SOAP_11 | SOAP_12)) {
                    return Ok(None);
                }
                if local == "Response" && namespace == PROTOCOL {
                    let start = start.into_owned();
                    reader.read_to_end(start.name()).map_err(|error| unwell(&error, before))?;
                    let element = xml.get(before..reader.buffer_position() as usize).unwrap_or_default();
                    return with_namespaces(element, &start, &inherited).map(Some);
                }
                remember(&start, &mut inherited, limits)?;
            }
            Event::End(_) => depth = depth.saturating_sub(1),
            Event::Empty(_) if depth == 0 => return Ok(None),
            Event::DocType(_) => return Ok(None),
            Event::Eof if depth == 0 => return Err(malformed("the SOAP envelope holds no SAML response")),
            Event::Eof => return Err(malformed("the SOAP envelope is cut off")),
            _ => {}
        }
    }
}

fn declarations(start: &BytesStart<'_>) -> impl Iterator<Item = (String, String)> {
    let mut attributes = start.attributes();
    attributes.with_checks(false);
    attributes.flatten().filter_map(|attribute| {
        let prefix = match attribute.key.as_namespace_binding()? {
            PrefixDeclaration::Default => "",
            PrefixDeclaration::Named(prefix) => prefix,
        };
        Some((prefix.to_owned(), attribute.value.to_string()))
    })
}

fn remember(start: &BytesStart<'_>, inherited: &mut Vec<(String, String)>, limits: &Limits) -> Result<()> {
    for (prefix, uri) in declarations(start) {
        match inherited.iter_mut().find(|(known, _)| *known == prefix) {
            Some(known) => known.1 = uri,
            None => inherited.push((prefix, uri)),
        }
    }
    limits.check("attributes", inherited.len(), limits.attributes)
}

fn with_namespaces(element: &str, start: &BytesStart<'_>, inherited: &[(String, String)]) -> Result<String> {
    let own: Vec<_> = declarations(start).map(|(prefix, _)| prefix).collect();
    let name_ends = 1 + start.name().into_inner().len();
    let (head, tail) = element.split_at_checked(name_ends).ok_or_else(|| malformed("the SOAP envelope is cut off"))?;
    let mut document = String::with_capacity(element.len() + 128);
    document.push_str(head);
    for (prefix, uri) in inherited.iter().filter(|(prefix, _)| !own.contains(prefix)) {
        let colon = if prefix.is_empty() { "" } else { ":" };
        let quote = if uri.contains('"') { '\'' } else { '"' };
        let _ = write!(document, " xmlns{colon}{prefix}={quote}{uri}{quote}");
    }
    document.push_str(tail);
    Ok(document)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inherited_namespaces_come_along() {
        let xml = r#"<?xml version="1.0"?><S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:x="urn:x">
            <S:Body xmlns:x="urn:y"><p:Response ID="a" xmlns:q="urn:q"><x:inner/></p:Response></S:Body></S:Envelope>"#;
        let document = response_inside(xml, &Limits::default()).unwrap().unwrap();
        assert_eq!(
            document,
            r#"<p:Response xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:x="urn:y" ID="a" xmlns:q="urn:q"><x:inner/></p:Response>"#
        );
    }

    #[test]
    fn an_envelope_without_a_response_says_so() {
        let xml = r#"<S:Envelope xmlns:S="http://www.w3.org/2003/05/soap-envelope"><S:Body/></S:Envelope>"#;
        let error = response_inside(xml, &Limits::default()).unwrap_err();
        assert_eq!(error.to_string(), "the SOAP envelope holds no SAML response");
        assert!(response_inside("<Envelope/>", &Limits::default()).unwrap().is_none());
    }
}
