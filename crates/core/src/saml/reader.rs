//! The facts, taken down from the elements that they stand in.

use super::assertion::SkippedWhat;
use super::aws::AwsReader;
use super::tag::Tag;
use super::xml::{Element, Visitor, malformed, walk};
use super::{Assertion, Content, Limits, ResponseFacts, Skipped, Subject, SubjectConfirmation, aws, time};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::{excerpt, trim};

pub(crate) const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
pub(crate) const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";

/// What an open element means. `Other` is everything that no fact stands in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
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

pub(super) fn read(xml: &str, encoded_characters: usize, limits: &Limits) -> Result<Assertion> {
    let mut facts = Facts::new(limits);
    walk(xml, limits, &mut facts)?;
    Ok(Assertion { encoded_characters, ..facts.finish() })
}

/// Reads a document as it is walked over: a whole `Response`, or an `Assertion` by itself.
pub(super) struct Facts<'l> {
    limits: &'l Limits,
    found: Assertion,
    aws: AwsReader,
    open: Vec<At>,
    /// What there may be only one of, and is there: a bit for each.
    seen: u32,
    values: usize,
    /// The text of the innermost open element that has one.
    text: String,
    /// Whether that element holds elements beside its text.
    markup: bool,
    /// The name of the open attribute.
    attribute: String,
}

impl<'l> Facts<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            found: Assertion::default(),
            aws: AwsReader::default(),
            open: Vec::new(),
            seen: 0,
            values: 0,
            text: String::new(),
            markup: false,
            attribute: String::new(),
        }
    }
}

impl Visitor for Facts<'_> {
    fn open(&mut self, tag: &Tag<'_>) -> Result<()> {
        self.open_element(tag)
    }

    fn text(&mut self, text: &str) -> Result<()> {
        self.add_text(text)
    }

    fn close(&mut self) -> Result<()> {
        self.close_element();
        Ok(())
    }
}

impl Facts<'_> {
    pub(super) fn open_element(&mut self, element: &impl Element) -> Result<()> {
        let namespace = element.namespace();
        if self.found.content != Content::Missing && is_assertion(element) {
            return Err(Error::new(
                ErrorKind::MultipleAssertions,
                Stage::Assertion,
                "the SAML response holds more than one assertion, and it cannot be told which one counts",
            )
            .with_hint("do not use it: this is the shape of a signature-wrapping attack"));
        }
        let at = match self.open.last() {
            None => self.root(namespace, element)?,
            Some(parent) => self.child(*parent, namespace, element)?,
        };
        if at == At::Other && is_assertion(element) {
            return Err(malformed("the SAML response holds an assertion in a place where none belongs")
                .with_hint("do not use it: this is the shape of a signature-wrapping attack"));
        }
        let seen = if at.is_single() { 1 << at as u32 } else { 0 };
        if self.seen & seen != 0 {
            return Err(malformed(format!(
                "the SAML response holds a second `{}` where SAML allows one",
                excerpt(element.local_name())
            )));
        }
        self.seen |= seen;
        if at.has_text() {
            self.text.clear();
            self.markup = false;
        } else if !self.markup && self.open.iter().any(|open| open.has_text()) {
            self.markup = true;
        }
        self.open.push(at);
        Ok(())
    }

    fn root(&mut self, namespace: &str, element: &impl Element) -> Result<At> {
        match (namespace, element.local_name()) {
            (PROTOCOL, "Response") => {
                self.found.response = Some(ResponseFacts {
                    id: owned(element, "ID"),
                    in_response_to: owned(element, "InResponseTo"),
                    destination: owned(element, "Destination"),
                    issued_at: self.instant(element, "IssueInstant")?,
                    ..ResponseFacts::default()
                });
                Ok(At::Response)
            }
            (ASSERTION, "Assertion") => self.assertion(element),
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

    fn child(&mut self, parent: At, namespace: &str, element: &impl Element) -> Result<At> {
        Ok(match (parent, namespace, element.local_name()) {
            (At::Response, ASSERTION, "Issuer") => At::ResponseIssuer,
            (At::Response, PROTOCOL, "Status") => At::Status,
            (At::Status | At::StatusCode, PROTOCOL, "StatusCode") => {
                let code = owned(element, "Value").unwrap_or_default();
                self.response(|response| response.status.codes.push(code));
                At::StatusCode
            }
            (At::Status, PROTOCOL, "StatusMessage") => At::StatusMessage,
            (At::Response, SIGNATURE, "Signature") => {
                self.response(|response| response.signed = true);
                At::Other
            }
            (At::Response, ASSERTION, "Assertion") => self.assertion(element)?,
            (At::Response, ASSERTION, "EncryptedAssertion") => self.encrypted(),
            (At::Assertion, ASSERTION, "Issuer") => At::Issuer,
            (At::Assertion, SIGNATURE, "Signature") => {
                self.found.signed = true;
                At::Other
            }
            (At::Assertion, ASSERTION, "Subject") => At::Subject,
            (At::Subject, ASSERTION, "NameID") => {
                self.found.subject = Some(Subject { name: String::new(), format: owned(element, "Format") });
                At::NameId
            }
            (At::Subject, ASSERTION, "EncryptedID") | (At::AttributeStatement, ASSERTION, "EncryptedAttribute") => {
                let name = element.local_name();
                self.found.skipped.push(Skipped::new(SkippedWhat::Fact, name, "is encrypted, and cannot be read here"));
                At::Other
            }
            (At::Subject, ASSERTION, "SubjectConfirmation") => {
                let method = owned(element, "Method").unwrap_or_default();
                self.found.confirmations.push(SubjectConfirmation { method, ..SubjectConfirmation::default() });
                At::Confirmation
            }
            (At::Confirmation, ASSERTION, "SubjectConfirmationData") => {
                let recipient = owned(element, "Recipient");
                let in_response_to = owned(element, "InResponseTo");
                let not_before = self.instant(element, "NotBefore")?;
                let not_on_or_after = self.instant(element, "NotOnOrAfter")?;
                if let Some(confirmation) = self.found.confirmations.last_mut() {
                    let method = std::mem::take(&mut confirmation.method);
                    *confirmation =
                        SubjectConfirmation { method, recipient, not_before, not_on_or_after, in_response_to };
                }
                At::Other
            }
            (At::Assertion, ASSERTION, "Conditions") => {
                self.found.not_before = self.instant(element, "NotBefore")?;
                self.found.not_on_or_after = self.instant(element, "NotOnOrAfter")?;
                At::Conditions
            }
            (At::Conditions, ASSERTION, "AudienceRestriction") => At::AudienceRestriction,
            (At::AudienceRestriction, ASSERTION, "Audience") => At::Audience,
            (At::Assertion, ASSERTION, "AuthnStatement") => {
                // Of several statements, the one that ends first binds.
                let end = self.instant(element, "SessionNotOnOrAfter")?;
                let known = self.found.session_not_on_or_after;
                self.found.session_not_on_or_after = [known, end].into_iter().flatten().min();
                At::AuthnStatement
            }
            (At::Assertion, ASSERTION, "AttributeStatement") => At::AttributeStatement,
            (At::AttributeStatement, ASSERTION, "Attribute") => {
                self.attribute = owned(element, "Name").unwrap_or_default();
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

    fn assertion(&mut self, element: &impl Element) -> Result<At> {
        self.found.content = Content::Plain;
        self.found.id = owned(element, "ID");
        self.found.issued_at = self.instant(element, "IssueInstant")?;
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

    fn instant(&mut self, element: &impl Element, name: &str) -> Result<Option<jiff::Timestamp>> {
        let Some(text) = element.attribute(name) else { return Ok(None) };
        let instant = time::parse(text);
        if instant.is_none() {
            self.found.skipped.push(Skipped::new(SkippedWhat::Instant, text, format!("is no instant for `{name}`")));
        }
        Ok(instant)
    }

    pub(super) fn add_text(&mut self, text: &str) -> Result<()> {
        if self.open.last().is_some_and(|at| at.has_text()) {
            self.limits.check("bytes of one text", self.text.len() + text.len(), self.limits.text_bytes)?;
            self.text.push_str(text);
        }
        Ok(())
    }

    pub(super) fn close_element(&mut self) {
        let Some(at) = self.open.pop() else { return };
        let text = trim(&self.text);
        if self.markup && at.has_text() && at != At::AttributeValue {
            self.found.skipped.push(Skipped::new(SkippedWhat::Fact, text, "holds elements where there should be text"));
            if at == At::NameId {
                self.found.subject = None;
            }
            return;
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
    }

    pub(super) fn finish(self) -> Assertion {
        let mut found = self.found;
        found.aws = self.aws.found;
        // Some providers name themselves in the response alone.
        if found.issuer.is_none() {
            found.issuer = found.response.as_ref().and_then(|response| response.issuer.clone());
        }
        found
    }
}

fn is_assertion(element: &impl Element) -> bool {
    matches!(element.local_name(), "Assertion" | "EncryptedAssertion") && element.namespace() == ASSERTION
}

fn owned(element: &impl Element, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}
