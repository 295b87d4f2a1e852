//! Reads the facts of a SAML response while its elements are visited.

use super::aws::AwsReader;
use super::document_error::DocumentError;
use super::element::Element;
use super::names::{ASSERTION, AWS_ATTRIBUTES, PROTOCOL, SIGNATURE};
use super::skipped::SkippedKind;
use super::tag::StartTag;
use super::xml::{Visitor, walk};
use super::{Assertion, Content, Limits, ResponseFacts, Skipped, Subject, SubjectConfirmation, time};
use crate::error::{Error, ErrorKind, Stage};
use crate::text::{excerpt, trim};

type Result<T> = std::result::Result<T, DocumentError>;

/// What an open element is. `Other` stands for all elements that contain no facts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Place {
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

impl Place {
    /// Whether SAML allows only one of them in a response with one assertion.
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

/// Reads the facts of a document.
pub(super) fn read(xml: &str, encoded_characters: usize, limits: &Limits) -> crate::error::Result<Assertion> {
    let mut facts = FactReader::new(limits);
    walk(xml, limits, &mut facts)?;
    Ok(Assertion { encoded_characters, ..facts.finish() })
}

/// Collects facts from elements, which it is given in document order. The root is a `Response` or an `Assertion`.
pub(super) struct FactReader<'l> {
    limits: &'l Limits,
    found: Assertion,
    aws: AwsReader,
    open: Vec<Place>,
    /// The places of which only one is allowed and one was found: a bit each.
    seen: u32,
    values: usize,
    /// The text of the innermost open element that has one.
    text: String,
    /// Whether that element contains elements.
    has_markup: bool,
    /// The name of the open attribute.
    attribute: String,
}

impl<'l> FactReader<'l> {
    pub(super) fn new(limits: &'l Limits) -> Self {
        Self {
            limits,
            found: Assertion::default(),
            aws: AwsReader::default(),
            open: Vec::new(),
            seen: 0,
            values: 0,
            text: String::new(),
            has_markup: false,
            attribute: String::new(),
        }
    }
}

impl Visitor for FactReader<'_> {
    fn open(&mut self, tag: &StartTag<'_>) -> Result<()> {
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

impl FactReader<'_> {
    pub(super) fn open_element(&mut self, element: &impl Element) -> Result<()> {
        let namespace = element.namespace();
        if self.found.content != Content::Missing && is_assertion(element) {
            return Err(DocumentError::new(
                ErrorKind::MultipleAssertions,
                "contains more than one assertion, so it is unclear which one counts",
            )
            .with_hint(WRAPPING));
        }
        let place = match self.open.last() {
            None => self.root(namespace, element)?,
            Some(parent) => self.child(*parent, namespace, element)?,
        };
        if place == Place::Other && is_assertion(element) {
            return Err(
                DocumentError::malformed("contains an assertion where SAML does not allow one").with_hint(WRAPPING)
            );
        }
        let seen = if place.is_single() { 1 << place as u32 } else { 0 };
        if self.seen & seen != 0 {
            return Err(DocumentError::malformed(format!(
                "contains a second `{}` where SAML allows one",
                excerpt(element.local_name())
            )));
        }
        self.seen |= seen;
        if place.has_text() {
            self.text.clear();
            self.has_markup = false;
        } else if !self.has_markup && self.open.iter().any(|open| open.has_text()) {
            self.has_markup = true;
        }
        self.open.push(place);
        Ok(())
    }

    fn root(&mut self, namespace: &str, element: &impl Element) -> Result<Place> {
        let unexpected = |message| Err(Error::new(ErrorKind::MalformedResponse, Stage::Assertion, message).into());
        match (namespace, element.local_name()) {
            (PROTOCOL, "Response") => {
                self.found.response = Some(ResponseFacts {
                    id: owned(element, "ID"),
                    in_response_to: owned(element, "InResponseTo"),
                    destination: owned(element, "Destination"),
                    issued_at: self.instant(element, "IssueInstant"),
                    ..ResponseFacts::default()
                });
                Ok(Place::Response)
            }
            (ASSERTION, "Assertion") => Ok(self.assertion(element)),
            (ASSERTION, "EncryptedAssertion") => Ok(self.encrypted()),
            (other, "Response" | "Assertion") if other.contains("SAML:1.") => {
                unexpected("the document is SAML 1, and AWS accepts only SAML 2.0".to_owned())
            }
            ("", name @ ("Response" | "Assertion")) => {
                unexpected(format!("the root element `{name}` is not in the namespace of SAML 2.0"))
            }
            (_, name) => unexpected(format!("the root element is `{}`, not a SAML 2.0 `Response`", excerpt(name))),
        }
    }

    fn child(&mut self, parent: Place, namespace: &str, element: &impl Element) -> Result<Place> {
        Ok(match (parent, namespace, element.local_name()) {
            (Place::Response, ASSERTION, "Issuer") => Place::ResponseIssuer,
            (Place::Response, PROTOCOL, "Status") => Place::Status,
            (Place::Status | Place::StatusCode, PROTOCOL, "StatusCode") => {
                let code = owned(element, "Value").unwrap_or_default();
                self.response(|response| response.status.codes.push(code));
                Place::StatusCode
            }
            (Place::Status, PROTOCOL, "StatusMessage") => Place::StatusMessage,
            (Place::Response, SIGNATURE, "Signature") => {
                self.response(|response| response.signed = true);
                Place::Other
            }
            (Place::Response, ASSERTION, "Assertion") => self.assertion(element),
            (Place::Response, ASSERTION, "EncryptedAssertion") => self.encrypted(),
            (Place::Assertion, ASSERTION, "Issuer") => Place::Issuer,
            (Place::Assertion, SIGNATURE, "Signature") => {
                self.found.signed = true;
                Place::Other
            }
            (Place::Assertion, ASSERTION, "Subject") => Place::Subject,
            (Place::Subject, ASSERTION, "NameID") => {
                self.found.subject = Some(Subject { name: String::new(), format: owned(element, "Format") });
                Place::NameId
            }
            (Place::Subject, ASSERTION, "EncryptedID")
            | (Place::AttributeStatement, ASSERTION, "EncryptedAttribute") => {
                let reason = "is encrypted, so it cannot be read";
                self.found.skipped.push(Skipped::new(SkippedKind::Other, element.local_name(), reason));
                Place::Other
            }
            (Place::Subject, ASSERTION, "SubjectConfirmation") => {
                let method = owned(element, "Method").unwrap_or_default();
                self.found.confirmations.push(SubjectConfirmation { method, ..SubjectConfirmation::default() });
                Place::Confirmation
            }
            (Place::Confirmation, ASSERTION, "SubjectConfirmationData") => {
                let recipient = owned(element, "Recipient");
                let in_response_to = owned(element, "InResponseTo");
                let not_before = self.instant(element, "NotBefore");
                let not_on_or_after = self.instant(element, "NotOnOrAfter");
                if let Some(confirmation) = self.found.confirmations.last_mut() {
                    let method = std::mem::take(&mut confirmation.method);
                    *confirmation =
                        SubjectConfirmation { method, recipient, not_before, not_on_or_after, in_response_to };
                }
                Place::Other
            }
            (Place::Assertion, ASSERTION, "Conditions") => {
                self.found.not_before = self.instant(element, "NotBefore");
                self.found.not_on_or_after = self.instant(element, "NotOnOrAfter");
                Place::Conditions
            }
            (Place::Conditions, ASSERTION, "AudienceRestriction") => Place::AudienceRestriction,
            (Place::AudienceRestriction, ASSERTION, "Audience") => Place::Audience,
            (Place::Assertion, ASSERTION, "AuthnStatement") => {
                let end = self.instant(element, "SessionNotOnOrAfter");
                let known = self.found.session_not_on_or_after;
                self.found.session_not_on_or_after = [known, end].into_iter().flatten().min();
                Place::AuthnStatement
            }
            (Place::Assertion, ASSERTION, "AttributeStatement") => Place::AttributeStatement,
            (Place::AttributeStatement, ASSERTION, "Attribute") => {
                self.attribute = owned(element, "Name").unwrap_or_default();
                if !self.attribute.starts_with(AWS_ATTRIBUTES) {
                    self.found.other_attributes.push(self.attribute.clone());
                }
                Place::Attribute
            }
            (Place::Attribute, ASSERTION, "AttributeValue") => {
                self.values += 1;
                self.limits.check("attribute values", self.values, self.limits.values)?;
                Place::AttributeValue
            }
            _ => Place::Other,
        })
    }

    fn assertion(&mut self, element: &impl Element) -> Place {
        self.found.content = Content::Plain;
        self.found.id = owned(element, "ID");
        self.found.issued_at = self.instant(element, "IssueInstant");
        Place::Assertion
    }

    fn encrypted(&mut self) -> Place {
        self.found.content = Content::Encrypted;
        Place::Encrypted
    }

    fn response(&mut self, change: impl FnOnce(&mut ResponseFacts)) {
        if let Some(response) = &mut self.found.response {
            change(response);
        }
    }

    fn instant(&mut self, element: &impl Element, name: &str) -> Option<jiff::Timestamp> {
        let text = element.attribute(name)?;
        let instant = time::parse(text);
        if instant.is_none() {
            let reason = format!("is not a valid time for `{name}`");
            self.found.skipped.push(Skipped::new(SkippedKind::Time, text, reason));
        }
        instant
    }

    pub(super) fn add_text(&mut self, text: &str) -> Result<()> {
        if self.open.last().is_some_and(|place| place.has_text()) {
            self.limits.check("bytes of one text", self.text.len() + text.len(), self.limits.text_bytes)?;
            self.text.push_str(text);
        }
        Ok(())
    }

    pub(super) fn close_element(&mut self) {
        let Some(place) = self.open.pop() else { return };
        let text = trim(&self.text);
        if self.has_markup && place.has_text() && place != Place::AttributeValue {
            self.found.skipped.push(Skipped::new(SkippedKind::Other, text, "contains elements instead of text"));
            if place == Place::NameId {
                self.found.subject = None;
            }
            return;
        }
        match place {
            Place::ResponseIssuer => {
                let issuer = text.to_owned();
                self.response(|response| response.issuer = Some(issuer));
            }
            Place::StatusMessage => {
                let message = text.to_owned();
                self.response(|response| response.status.message = Some(message));
            }
            Place::Issuer => self.found.issuer = Some(text.to_owned()),
            Place::NameId => {
                if let Some(subject) = &mut self.found.subject {
                    text.clone_into(&mut subject.name);
                }
            }
            Place::Audience => self.found.audiences.push(text.to_owned()),
            Place::AttributeValue => {
                self.aws.take(&self.attribute, text, self.has_markup, &mut self.found.skipped);
            }
            _ => {}
        }
    }

    pub(super) fn finish(self) -> Assertion {
        let mut found = self.found;
        found.aws = self.aws.found;
        // Some identity providers send the issuer in the response only.
        if found.issuer.is_none() {
            found.issuer = found.response.as_ref().and_then(|response| response.issuer.clone());
        }
        found
    }
}

const WRAPPING: &str = "do not use it: signature-wrapping attacks look like this";

fn is_assertion(element: &impl Element) -> bool {
    matches!(element.local_name(), "Assertion" | "EncryptedAssertion") && element.namespace() == ASSERTION
}

fn owned(element: &impl Element, name: &str) -> Option<String> {
    element.attribute(name).map(str::to_owned)
}
