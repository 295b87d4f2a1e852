use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::{SignedDuration, Timestamp};

use super::{SigningKey, escape};
use crate::random;
use crate::world::User;

const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";

/// The content of a SAML response. Everything can be set, so that a test can mint responses that no honest provider
/// would.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Claims {
    /// `Response/@ID`.
    pub response_id: String,
    /// `Assertion/@ID`.
    pub assertion_id: String,
    /// The issuer of both.
    pub issuer: String,
    /// `Response/@Destination`.
    pub destination: String,
    /// `SubjectConfirmationData/@Recipient`.
    pub recipient: String,
    /// `Audience`.
    pub audience: String,
    /// `NameID`.
    pub subject: String,
    /// `@InResponseTo` of the response and the confirmation, if it answers a request.
    pub in_response_to: Option<String>,
    /// The number of bearer confirmations.
    pub confirmations: usize,
    /// `@IssueInstant` of both.
    pub issued_at: Timestamp,
    /// `Conditions/@NotBefore`.
    pub not_before: Timestamp,
    /// `@NotOnOrAfter` of the conditions and the confirmation.
    pub not_on_or_after: Timestamp,
    /// `AuthnStatement/@SessionNotOnOrAfter`.
    pub session_not_on_or_after: Option<Timestamp>,
    /// The names and values of the attributes, in order.
    pub attributes: Vec<(String, Vec<String>)>,
    /// What to sign.
    pub signed: SignedParts,
    /// The status code, without its prefix.
    pub status: String,
}

/// The parts of a response that are signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignedParts {
    /// The response and the assertion, as at Okta.
    Both,
    /// Only the assertion.
    Assertion,
    /// Only the response.
    Response,
    /// Nothing.
    Nothing,
}

impl Claims {
    /// Returns what the sandbox's Okta asserts about a person.
    pub fn of(user: &User, issuer: String, now: Timestamp) -> Self {
        let minutes = |minutes| now.saturating_add(SignedDuration::from_mins(minutes)).unwrap_or(now);
        let mut attributes = Vec::new();
        let mut add = |name: &str, values: Vec<String>| {
            if !values.is_empty() {
                attributes.push((format!("{ATTRIBUTES}{name}"), values));
            }
        };
        add("Role", user.roles.clone());
        add("RoleSessionName", vec![user.session_name.clone().unwrap_or_else(|| user.login.clone())]);
        add("SessionDuration", user.session_duration.iter().cloned().collect());
        add("SourceIdentity", user.source_identity.iter().cloned().collect());
        for (key, value) in &user.tags {
            add(&format!("PrincipalTag:{key}"), vec![value.clone()]);
        }
        add("TransitiveTagKeys", user.transitive_tag_keys.clone());
        Self {
            response_id: format!("id{}", random::alphanumeric(20)),
            assertion_id: format!("id{}", random::alphanumeric(20)),
            issuer,
            destination: "https://signin.aws.amazon.com/saml".to_owned(),
            recipient: "https://signin.aws.amazon.com/saml".to_owned(),
            audience: "urn:amazon:webservices".to_owned(),
            subject: user.login.clone(),
            in_response_to: None,
            confirmations: 1,
            issued_at: now,
            not_before: minutes(-5),
            not_on_or_after: minutes(5),
            session_not_on_or_after: user
                .session_seconds
                .and_then(|seconds| now.checked_add(SignedDuration::from_secs(seconds)).ok()),
            attributes,
            signed: SignedParts::Both,
            status: "Success".to_owned(),
        }
    }

    /// Returns the signed XML document.
    pub(crate) fn mint_xml(&self, key: &SigningKey) -> Result<String, String> {
        let both = self.signed == SignedParts::Both;
        let mut assertion = self.assertion(key, both || self.signed == SignedParts::Assertion);
        if both || self.signed == SignedParts::Assertion {
            assertion = key.sign(&assertion)?;
        }
        let response = self.response(key, &assertion, both || self.signed == SignedParts::Response);
        if both || self.signed == SignedParts::Response { key.sign(&response) } else { Ok(response) }
    }

    /// Returns the signed document in base64.
    pub(crate) fn mint(&self, key: &SigningKey) -> Result<String, String> {
        self.mint_xml(key).map(|xml| STANDARD.encode(xml))
    }

    fn response(&self, key: &SigningKey, assertion: &str, signed: bool) -> String {
        format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><saml2p:Response Destination="{destination}" ID="{id}"{in_response_to} IssueInstant="{issued}" Version="2.0" xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" xmlns:xs="http://www.w3.org/2001/XMLSchema"><saml2:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity" xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion">{issuer}</saml2:Issuer>{signature}<saml2p:Status xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol"><saml2p:StatusCode Value="urn:oasis:names:tc:SAML:2.0:status:{status}"/></saml2p:Status>{assertion}</saml2p:Response>"#,
            destination = escape(&self.destination),
            id = escape(&self.response_id),
            in_response_to = self.in_response_to(),
            issued = instant(self.issued_at),
            issuer = escape(&self.issuer),
            signature = if signed { signature(&self.response_id, key) } else { String::new() },
            status = escape(&self.status),
        )
    }

    fn in_response_to(&self) -> String {
        self.in_response_to.as_ref().map(|id| format!(r#" InResponseTo="{}""#, escape(id))).unwrap_or_default()
    }

    fn assertion(&self, key: &SigningKey, signed: bool) -> String {
        let confirmation = format!(
            r#"<saml2:SubjectConfirmation Method="urn:oasis:names:tc:SAML:2.0:cm:bearer"><saml2:SubjectConfirmationData{} NotOnOrAfter="{}" Recipient="{}"/></saml2:SubjectConfirmation>"#,
            self.in_response_to(),
            instant(self.not_on_or_after),
            escape(&self.recipient),
        );
        let session_end = self
            .session_not_on_or_after
            .map(|end| format!(r#" SessionNotOnOrAfter="{}""#, instant(end)))
            .unwrap_or_default();
        let mut attributes = String::new();
        for (name, values) in &self.attributes {
            let _ = write!(
                attributes,
                r#"<saml2:Attribute Name="{}" NameFormat="urn:oasis:names:tc:SAML:2.0:attrname-format:uri">"#,
                escape(name)
            );
            for value in values {
                let _ = write!(
                    attributes,
                    r#"<saml2:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">{}</saml2:AttributeValue>"#,
                    escape(value)
                );
            }
            attributes.push_str("</saml2:Attribute>");
        }
        format!(
            r#"<saml2:Assertion ID="{id}" IssueInstant="{issued}" Version="2.0" xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" xmlns:xs="http://www.w3.org/2001/XMLSchema"><saml2:Issuer Format="urn:oasis:names:tc:SAML:2.0:nameid-format:entity">{issuer}</saml2:Issuer>{signature}<saml2:Subject><saml2:NameID Format="urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified">{subject}</saml2:NameID>{confirmations}</saml2:Subject><saml2:Conditions NotBefore="{not_before}" NotOnOrAfter="{not_on_or_after}"><saml2:AudienceRestriction><saml2:Audience>{audience}</saml2:Audience></saml2:AudienceRestriction></saml2:Conditions><saml2:AuthnStatement AuthnInstant="{issued}" SessionIndex="{id}"{session_end}><saml2:AuthnContext><saml2:AuthnContextClassRef>urn:oasis:names:tc:SAML:2.0:ac:classes:PasswordProtectedTransport</saml2:AuthnContextClassRef></saml2:AuthnContext></saml2:AuthnStatement><saml2:AttributeStatement>{attributes}</saml2:AttributeStatement></saml2:Assertion>"#,
            id = escape(&self.assertion_id),
            issued = instant(self.issued_at),
            issuer = escape(&self.issuer),
            signature = if signed { signature(&self.assertion_id, key) } else { String::new() },
            subject = escape(&self.subject),
            confirmations = confirmation.repeat(self.confirmations),
            not_before = instant(self.not_before),
            not_on_or_after = instant(self.not_on_or_after),
            audience = escape(&self.audience),
        )
    }
}

/// Formats an instant with milliseconds, as Okta does.
fn instant(instant: Timestamp) -> String {
    format!("{instant:.3}")
}

/// Returns a signature to fill in, in the shape of Okta's.
fn signature(id: &str, key: &SigningKey) -> String {
    format!(
        r##"<ds:Signature xmlns:ds="http://www.w3.org/2000/09/xmldsig#"><ds:SignedInfo><ds:CanonicalizationMethod Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"/><ds:SignatureMethod Algorithm="http://www.w3.org/2001/04/xmldsig-more#rsa-sha256"/><ds:Reference URI="#{}"><ds:Transforms><ds:Transform Algorithm="http://www.w3.org/2000/09/xmldsig#enveloped-signature"/><ds:Transform Algorithm="http://www.w3.org/2001/10/xml-exc-c14n#"><ec:InclusiveNamespaces PrefixList="xs" xmlns:ec="http://www.w3.org/2001/10/xml-exc-c14n#"/></ds:Transform></ds:Transforms><ds:DigestMethod Algorithm="http://www.w3.org/2001/04/xmlenc#sha256"/><ds:DigestValue></ds:DigestValue></ds:Reference></ds:SignedInfo><ds:SignatureValue></ds:SignatureValue><ds:KeyInfo><ds:X509Data><ds:X509Certificate>{}</ds:X509Certificate></ds:X509Data></ds:KeyInfo></ds:Signature>"##,
        escape(id),
        key.certificate_base64(),
    )
}
