//! One pass over the XML, namespace-aware and bounded, that takes down the facts.

use std::collections::HashSet;

use quick_xml::NsReader;
use quick_xml::events::{BytesStart, Event};
use quick_xml::name::{NamespaceResolver, ResolveResult};

use super::assertion::SkippedWhat;
use super::aws::AwsReader;
use super::limits::exceeded;
use super::xml::{Attributes, character, check_characters, malformed, malformed_at, outside, undeclared, unwell};
use super::{Assertion, Content, Limits, ResponseFacts, Skipped, Subject, SubjectConfirmation, aws, time};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

pub(super) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// What an open element means. `Other` is everything that no fact stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum At {
    Other,
    Response,
    ResponseIssuer,
    Status,
    StatusCode,
    StatusMessage,
    Assertion,
    Encrypted,
    Issuer,
    Subject,
    NameId,
    Confirmation,
    Conditions,
    AudienceRestriction,
    Audience,
    AuthnStatement,
    AttributeStatement,
    Attribute,
    AttributeValue,
}

impl At {
    /// Whether SAML allows one of them in a whole response that holds one assertion.
    fn is_single(self) -> bool {
        matches!(
            self,
            Self::ResponseIssuer
                | Self::Status
                | Self::StatusMessage
                | Self::Issuer
                | Self::Subject
                | Self::NameId
                | Self::Conditions
        )
    }

    fn has_text(self) -> bool {
        matches!(
            self,
            Self::ResponseIssuer
                | Self::StatusMessage
                | Self::Issuer
                | Self::NameId
                | Self::Audience
                | Self::AttributeValue
        )
    }
}

pub(super) fn read(xml: &str, limits: &Limits) -> Result<Assertion> {
    limits.check("bytes of XML", xml.len(), limits.xml_bytes)?;
    check_characters(xml)?;
    let mut reader = NsReader::from_str(xml);
    reader.config_mut().check_comments = true;
    let mut facts = Facts {
        limits,
        found: Assertion::default(),
        aws: AwsReader::default(),
        open: Vec::new(),
        seen: HashSet::new(),
        elements: 0,
        values: 0,
        text: String::new(),
        markup: false,
        attribute: String::new(),
    };
    loop {
        let position = reader.buffer_position() as usize;
        match reader.read_event().map_err(|error| unwell(&error, position))? {
            Event::Start(start) => facts.open(reader.resolver(), &start, position)?,
            Event::Empty(start) => {
                facts.open(reader.resolver(), &start, position)?;
                facts.close()?;
            }
            Event::End(_) => facts.close()?,
            Event::Text(text) => facts.text(&text.xml10_content(), position)?,
            Event::CData(text) => facts.cdata(&text.xml10_content(), position)?,
            Event::GeneralRef(reference) => match character(&reference, position)? {
                character if facts.open.is_empty() => return Err(outside(character, position)),
                character => facts.text(character.encode_utf8(&mut [0; 4]), position)?,
            },
            Event::DocType(_) => {
                return Err(Error::new(
                    ErrorKind::ForbiddenConstruct,
                    Stage::Assertion,
                    "the SAML response holds a DTD, which SAML never needs and attackers do",
                )
                .with_hint("do not use it; find out where it comes from"));
            }
            Event::Decl(_) if position == 0 => {}
            Event::Decl(_) => return Err(malformed_at("an XML declaration is not at the beginning", position)),
            Event::Comment(_) | Event::PI(_) => {}
            Event::Eof => break,
        }
    }
    facts.finish()
}

struct Facts<'l> {
    limits: &'l Limits,
    found: Assertion,
    aws: AwsReader,
    open: Vec<At>,
    /// What there may be only one of, and is there.
    seen: HashSet<At>,
    elements: usize,
    values: usize,
    /// The text of the innermost open element that has one.
    text: String,
    /// Whether that element holds elements beside its text.
    markup: bool,
    /// The name of the open attribute.
    attribute: String,
}

impl Facts<'_> {
    fn open(&mut self, resolver: &NamespaceResolver, start: &BytesStart<'_>, position: usize) -> Result<()> {
        self.elements += 1;
        self.limits.check("elements", self.elements, self.limits.elements)?;
        if self.open.len() >= self.limits.depth {
            return Err(exceeded("elements inside one another", self.limits.depth));
        }
        let namespace = match resolver.resolve_element(start.name()).0 {
            ResolveResult::Bound(namespace) => namespace.into_inner(),
            ResolveResult::Unbound => "",
            ResolveResult::Unknown(prefix) => return Err(undeclared(&prefix, position)),
        };
        let attributes = Attributes { start, limits: self.limits, position };
        attributes.check(resolver)?;
        if self.found.content != Content::Missing && namespace == ASSERTION && is_assertion(start) {
            return Err(Error::new(
                ErrorKind::MultipleAssertions,
                Stage::Assertion,
                "the SAML response holds more than one assertion, and it cannot be told which one counts",
            )
            .with_hint("do not use it: this is the shape of a signature-wrapping attack"));
        }
        let at = match self.open.last() {
            None => self.root(namespace, start, &attributes, position)?,
            Some(parent) => self.child(*parent, namespace, start, &attributes)?,
        };
        if at == At::Other && namespace == ASSERTION && is_assertion(start) {
            return Err(malformed("the SAML response holds an assertion in a place where none belongs")
                .with_hint("do not use it: this is the shape of a signature-wrapping attack"));
        }
        if at.is_single() && !self.seen.insert(at) {
            return Err(malformed(format!(
                "the SAML response holds a second `{}` where SAML allows one",
                excerpt(start.local_name().into_inner())
            )));
        }
        if at.has_text() {
            self.text.clear();
            self.markup = false;
        } else if self.open.iter().any(|open| open.has_text()) {
            self.markup = true;
        }
        self.open.push(at);
        Ok(())
    }

    fn root(
        &mut self,
        namespace: &str,
        start: &BytesStart<'_>,
        attributes: &Attributes<'_>,
        position: usize,
    ) -> Result<At> {
        if self.elements > 1 {
            return Err(malformed_at("there is a second document behind the first", position));
        }
        match (namespace, start.local_name().into_inner()) {
            (PROTOCOL, "Response") => {
                self.found.response = Some(ResponseFacts {
                    id: attributes.get("ID")?,
                    in_response_to: attributes.get("InResponseTo")?,
                    destination: attributes.get("Destination")?,
                    issued_at: self.instant(attributes, "IssueInstant")?,
                    ..ResponseFacts::default()
                });
                Ok(At::Response)
            }
            (ASSERTION, "Assertion") => self.assertion(attributes),
            (ASSERTION, "EncryptedAssertion") => Ok(self.encrypted()),
            (other, "Response" | "Assertion") if other.contains("SAML:1.") => {
                Err(malformed("the document is SAML 1; AWS and this program speak SAML 2.0"))
            }
            ("", name @ ("Response" | "Assertion")) => {
                Err(malformed(format!("the document's root `{name}` is not in the namespace of SAML 2.0")))
            }
            (_, name) => {
                Err(malformed(format!("the document's root is `{}`, not a SAML 2.0 `Response`", excerpt(name))))
            }
        }
    }

    fn child(
        &mut self,
        parent: At,
        namespace: &str,
        start: &BytesStart<'_>,
        attributes: &Attributes<'_>,
    ) -> Result<At> {
        Ok(match (parent, namespace, start.local_name().into_inner()) {
            (At::Response, ASSERTION, "Issuer") => At::ResponseIssuer,
            (At::Response, PROTOCOL, "Status") => At::Status,
            (At::Status | At::StatusCode, PROTOCOL, "StatusCode") => {
                let code = attributes.get("Value")?.unwrap_or_default();
                self.response(|response| response.status.codes.push(code));
                At::StatusCode
            }
            (At::Status, PROTOCOL, "StatusMessage") => At::StatusMessage,
            (At::Response, SIGNATURE, "Signature") => {
                self.response(|response| response.signed = true);
                At::Other
            }
            (At::Response, ASSERTION, "Assertion") => self.assertion(attributes)?,
            (At::Response, ASSERTION, "EncryptedAssertion") => self.encrypted(),
            (At::Assertion, ASSERTION, "Issuer") => At::Issuer,
            (At::Assertion, SIGNATURE, "Signature") => {
                self.found.signed = true;
                At::Other
            }
            (At::Assertion, ASSERTION, "Subject") => At::Subject,
            (At::Subject, ASSERTION, "NameID") => {
                self.found.subject = Some(Subject { name: String::new(), format: attributes.get("Format")? });
                At::NameId
            }
            (At::Subject, ASSERTION, "EncryptedID") | (At::AttributeStatement, ASSERTION, "EncryptedAttribute") => {
                let name = start.local_name().into_inner();
                self.found.skipped.push(Skipped::new(SkippedWhat::Fact, name, "is encrypted, and cannot be read here"));
                At::Other
            }
            (At::Subject, ASSERTION, "SubjectConfirmation") => {
                let method = attributes.get("Method")?.unwrap_or_default();
                self.found.confirmations.push(SubjectConfirmation { method, ..SubjectConfirmation::default() });
                At::Confirmation
            }
            (At::Confirmation, ASSERTION, "SubjectConfirmationData") => {
                let recipient = attributes.get("Recipient")?;
                let in_response_to = attributes.get("InResponseTo")?;
                let not_before = self.instant(attributes, "NotBefore")?;
                let not_on_or_after = self.instant(attributes, "NotOnOrAfter")?;
                if let Some(confirmation) = self.found.confirmations.last_mut() {
                    let method = std::mem::take(&mut confirmation.method);
                    *confirmation =
                        SubjectConfirmation { method, recipient, not_before, not_on_or_after, in_response_to };
                }
                At::Other
            }
            (At::Assertion, ASSERTION, "Conditions") => {
                self.found.not_before = self.instant(attributes, "NotBefore")?;
                self.found.not_on_or_after = self.instant(attributes, "NotOnOrAfter")?;
                At::Conditions
            }
            (At::Conditions, ASSERTION, "AudienceRestriction") => At::AudienceRestriction,
            (At::AudienceRestriction, ASSERTION, "Audience") => At::Audience,
            (At::Assertion, ASSERTION, "AuthnStatement") => {
                // Of several statements, the one that ends first binds.
                let end = self.instant(attributes, "SessionNotOnOrAfter")?;
                let known = self.found.session_not_on_or_after;
                self.found.session_not_on_or_after = [known, end].into_iter().flatten().min();
                At::AuthnStatement
            }
            (At::Assertion, ASSERTION, "AttributeStatement") => At::AttributeStatement,
            (At::AttributeStatement, ASSERTION, "Attribute") => {
                self.attribute = attributes.get("Name")?.unwrap_or_default();
                if !self.attribute.starts_with(aws::PREFIX) {
                    self.found.other_attributes.push(self.attribute.clone());
                }
                At::Attribute
            }
            (At::Attribute, ASSERTION, "AttributeValue") => {
                self.values += 1;
                self.limits.check("attribute values", self.values, self.limits.values)?;
                At::AttributeValue
            }
            _ => At::Other,
        })
    }

    fn assertion(&mut self, attributes: &Attributes<'_>) -> Result<At> {
        self.found.content = Content::Plain;
        self.found.id = attributes.get("ID")?;
        self.found.issued_at = self.instant(attributes, "IssueInstant")?;
        Ok(At::Assertion)
    }

    fn encrypted(&mut self) -> At {
        self.found.content = Content::Encrypted;
        At::Encrypted
    }

    fn response(&mut self, change: impl FnOnce(&mut ResponseFacts)) {
        if let Some(response) = &mut self.found.response {
            change(response);
        }
    }

    fn instant(&mut self, attributes: &Attributes<'_>, name: &str) -> Result<Option<jiff::Timestamp>> {
        let Some(text) = attributes.get(name)? else { return Ok(None) };
        let instant = time::parse(&text);
        if instant.is_none() {
            self.found.skipped.push(Skipped::new(SkippedWhat::Fact, &text, format!("is no instant for `{name}`")));
        }
        Ok(instant)
    }

    fn text(&mut self, text: &str, position: usize) -> Result<()> {
        let Some(at) = self.open.last() else {
            return match text.trim_ascii_start().chars().next() {
                Some(character) => Err(outside(character, position)),
                None => Ok(()),
            };
        };
        if text.as_bytes().contains(&b']') && text.contains("]]>") {
            return Err(malformed_at("there is a `]]>` that ends nothing", position));
        }
        if at.has_text() {
            self.limits.check("bytes of one text", self.text.len() + text.len(), self.limits.text_bytes)?;
            self.text.push_str(text);
        }
        Ok(())
    }

    fn cdata(&mut self, text: &str, position: usize) -> Result<()> {
        match self.open.last() {
            None => Err(outside('<', position)),
            Some(at) if at.has_text() => {
                self.limits.check("bytes of one text", self.text.len() + text.len(), self.limits.text_bytes)?;
                self.text.push_str(text);
                Ok(())
            }
            Some(_) => Ok(()),
        }
    }

    fn close(&mut self) -> Result<()> {
        let Some(at) = self.open.pop() else { return Ok(()) };
        let text = self.text.trim();
        if self.markup && at.has_text() && at != At::AttributeValue {
            self.found.skipped.push(Skipped::new(SkippedWhat::Fact, text, "holds elements where there should be text"));
            if at == At::NameId {
                self.found.subject = None;
            }
            return Ok(());
        }
        match at {
            At::ResponseIssuer => {
                let issuer = text.to_owned();
                self.response(|response| response.issuer = Some(issuer));
            }
            At::StatusMessage => {
                let message = text.to_owned();
                self.response(|response| response.status.message = Some(message));
            }
            At::Issuer => self.found.issuer = Some(text.to_owned()),
            At::NameId => {
                if let Some(subject) = &mut self.found.subject {
                    text.clone_into(&mut subject.name);
                }
            }
            At::Audience => self.found.audiences.push(text.to_owned()),
            At::AttributeValue => {
                self.aws.take(&self.attribute, text, self.markup, &mut self.found.skipped);
            }
            _ => {}
        }
        Ok(())
    }

    fn finish(self) -> Result<Assertion> {
        if self.elements == 0 {
            return Err(malformed("the document is empty"));
        }
        if !self.open.is_empty() {
            return Err(malformed("the SAML response is cut off: an element is not closed at its end").with_hint(
                "give all of it; some terminals cut a pasted line at 4,096 characters, so use a file or a pipe",
            ));
        }
        let mut found = self.found;
        found.aws = self.aws.found;
        // Some providers name themselves in the response alone.
        if found.issuer.is_none() {
            found.issuer = found.response.as_ref().and_then(|response| response.issuer.clone());
        }
        Ok(found)
    }
}

fn is_assertion(start: &BytesStart<'_>) -> bool {
    matches!(start.local_name().into_inner(), "Assertion" | "EncryptedAssertion")
}
