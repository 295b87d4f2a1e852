//! The SAML response inside a SOAP envelope (SAML ECP profile).

use std::fmt::Write as _;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{PrefixDeclaration, ResolveResult};

use crate::saml::Limits;
use crate::saml::document_error::DocumentError;
use crate::saml::names::PROTOCOL;

const SOAP_11: &str = "http://schemas.xmlsoap.org/soap/envelope/";
const SOAP_12: &str = "http://www.w3.org/2003/05/soap-envelope";

/// Returns the `Response` in the body of an envelope as a document of its own, or `None` if the root is not an envelope.
///
/// The namespaces that are in scope where the response is are declared on the response, so exclusive canonicalization, and
/// with it the signature, sees no difference.
pub(super) fn response_inside(xml: &str, limits: &Limits) -> Result<Option<String>, DocumentError> {
    let mut reader = NsReader::from_str(xml);
    let mut scopes = Scopes::default();
    // The namespace of the envelope, and of the body if it is open.
    let mut soap = "";
    let (mut in_body, mut in_artifact_response) = (false, false);
    let mut found = None;
    loop {
        let before = reader.buffer_position() as usize;
        let (resolved, event) =
            reader.read_resolved_event().map_err(|error| DocumentError::from_parser(&error.to_string(), before))?;
        let namespace = match resolved {
            ResolveResult::Bound(namespace) => namespace.into_inner(),
            _ => "",
        };
        let depth = scopes.depth();
        // The artifact binding puts the response into an `ArtifactResponse`.
        let is_place = in_body && (depth == 2 || depth == 3 && in_artifact_response);
        let is_response =
            |start: &BytesStart<'_>| is_place && start.local_name().into_inner() == "Response" && namespace == PROTOCOL;
        match event {
            Event::Start(start) | Event::Empty(start) if is_response(&start) => {
                let is_empty = xml.get(..reader.buffer_position() as usize).is_some_and(|read| read.ends_with("/>"));
                let start = start.into_owned();
                if !is_empty {
                    reader
                        .read_to_end(start.name())
                        .map_err(|error| DocumentError::from_parser(&error.to_string(), before))?;
                }
                let element = xml.get(before..reader.buffer_position() as usize).unwrap_or_default();
                if found.replace(with_namespaces(element, &start, &scopes)?).is_some() {
                    return Err(DocumentError::malformed("is a SOAP envelope with more than one response")
                        .with_hint("use only the one that is sent to AWS"));
                }
            }
            Event::Start(start) => {
                let local_name = start.local_name().into_inner();
                match depth {
                    0 if local_name == "Envelope" && namespace == SOAP_11 => soap = SOAP_11,
                    0 if local_name == "Envelope" && namespace == SOAP_12 => soap = SOAP_12,
                    0 => return Ok(None),
                    1 => in_body = local_name == "Body" && namespace == soap,
                    2 => in_artifact_response = local_name == "ArtifactResponse" && namespace == PROTOCOL,
                    _ => {}
                }
                limits.check("levels of nested elements", depth + 1, limits.depth)?;
                scopes.open(&start);
                limits.check("namespaces in one place", scopes.declarations.len(), limits.namespaces)?;
            }
            Event::End(_) => scopes.close(),
            Event::Empty(_) if depth == 0 => return Ok(None),
            // The reader of the document refuses it.
            Event::DocType(_) => return Ok(None),
            Event::Eof if depth > 0 => return Err(DocumentError::malformed("is a SOAP envelope that is cut off")),
            Event::Eof => {
                return found
                    .map(Some)
                    .ok_or_else(|| DocumentError::malformed("is a SOAP envelope without a response in its body"));
            }
            _ => {}
        }
    }
}

/// The namespace declarations of the open elements, innermost last, as they are written.
#[derive(Default)]
struct Scopes {
    declarations: Vec<(String, String)>,
    /// For each open element, the number of declarations outside it.
    marks: Vec<usize>,
}

impl Scopes {
    fn depth(&self) -> usize {
        self.marks.len()
    }

    fn open(&mut self, start: &BytesStart<'_>) {
        self.marks.push(self.declarations.len());
        self.declarations.extend(declarations(start));
    }

    fn close(&mut self) {
        if let Some(mark) = self.marks.pop() {
            self.declarations.truncate(mark);
        }
    }

    /// The declarations in scope, in document order. Those that are shadowed or undone are left out.
    fn in_scope(&self) -> impl Iterator<Item = &(String, String)> {
        self.declarations.iter().enumerate().filter_map(|(index, declaration)| {
            let inner = self.declarations.get(index + 1..).unwrap_or_default();
            let is_shadowed = inner.iter().any(|(prefix, _)| *prefix == declaration.0);
            (!is_shadowed && !declaration.1.is_empty()).then_some(declaration)
        })
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

/// The element as a document: `scopes` is declared on its start tag.
fn with_namespaces(element: &str, start: &BytesStart<'_>, scopes: &Scopes) -> Result<String, DocumentError> {
    let own: Vec<_> = declarations(start).map(|(prefix, _)| prefix).collect();
    let end_of_name = 1 + start.name().into_inner().len();
    let (head, tail) = element
        .split_at_checked(end_of_name)
        .ok_or_else(|| DocumentError::malformed("is a SOAP envelope that is cut off"))?;
    let mut added = String::new();
    for (prefix, uri) in scopes.in_scope().filter(|(prefix, _)| !own.contains(prefix)) {
        let colon = if prefix.is_empty() { "" } else { ":" };
        let quote = if uri.contains('"') { '\'' } else { '"' };
        let _ = write!(added, " xmlns{colon}{prefix}={quote}{uri}{quote}");
    }
    Ok([head, &added, tail].concat())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::Error;

    fn inside(xml: &str) -> Result<Option<String>, String> {
        response_inside(xml, &Limits::default()).map_err(|error| Error::from(error).to_string())
    }

    const HEAD: &str = r#"<S:Envelope xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol""#;

    #[test]
    fn namespaces_in_scope_are_declared_on_the_response() {
        let xml = format!(
            r#"<?xml version="1.0"?>{HEAD} xmlns:x="urn:x"><S:Body xmlns:x="urn:y"><p:Response ID="a" xmlns:q="urn:q"><x:inner/></p:Response></S:Body></S:Envelope>"#
        );
        assert_eq!(
            inside(&xml).unwrap().unwrap(),
            r#"<p:Response xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:x="urn:y" ID="a" xmlns:q="urn:q"><x:inner/></p:Response>"#
        );
    }

    #[test]
    fn namespaces_of_closed_elements_are_not_in_scope() {
        let xml = format!(
            r#"{HEAD} xmlns:x="urn:x" xmlns="urn:d"><S:Header><b xmlns:x="urn:b" xmlns:y="urn:y" xmlns="urn:e"><c xmlns:x="urn:c"/></b><d xmlns:z="urn:z"/></S:Header><S:Body xmlns=""><p:Response xmlns:q="urn:q"/></S:Body></S:Envelope>"#
        );
        assert_eq!(
            inside(&xml).unwrap().unwrap(),
            r#"<p:Response xmlns:S="http://schemas.xmlsoap.org/soap/envelope/" xmlns:p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:x="urn:x" xmlns:q="urn:q"/>"#
        );
    }

    #[test]
    fn only_the_body_counts() {
        let response = "<p:Response></p:Response>";
        let envelope = |header: &str, body: &str| {
            inside(&format!("{HEAD}><S:Header>{header}</S:Header><S:Body>{body}</S:Body></S:Envelope>"))
        };
        let missing = Err("the SAML response is a SOAP envelope without a response in its body".to_owned());
        assert_eq!(envelope(response, ""), missing);
        assert_eq!(envelope("", &format!("<x>{response}</x>")), missing);
        assert!(envelope(response, response).unwrap().is_some());
        assert!(envelope("", &format!("<p:ArtifactResponse>{response}</p:ArtifactResponse>")).unwrap().is_some());
        assert_eq!(
            envelope("", &response.repeat(2)),
            Err("the SAML response is a SOAP envelope with more than one response".to_owned())
        );
    }

    #[test]
    fn other_roots_and_damaged_envelopes() {
        assert_eq!(inside("<Envelope/>"), Ok(None));
        assert_eq!(inside("<Envelope></Envelope>"), Ok(None));
        assert_eq!(inside("<Response></Response>"), Ok(None));
        let cut_off = format!("{HEAD}><S:Body><p:Response></p:Response>");
        assert_eq!(inside(&cut_off), Err("the SAML response is a SOAP envelope that is cut off".to_owned()));
    }
}
