use jiff::Timestamp;
use serde::Serialize;
use serde::ser::{SerializeMap, Serializer};

use super::{Assertion, Content, Problem, Skipped};
use crate::role::RoleOffer;

/// The facts and the problems of a response, in the stable form that `tempaccess inspect --output json` prints.
///
/// ```
/// use tempaccess_core::{saml::{Inspection, Limits}, SamlResponse};
///
/// let xml = r#"<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"/>"#;
/// let assertion = SamlResponse::detect(xml.as_bytes(), &Limits::default())?.read()?;
/// let json = serde_json::to_value(Inspection::new(&assertion, jiff::Timestamp::now())).unwrap();
/// assert_eq!(json["assertion_id"], "_1");
/// assert_eq!(json["problems"][0]["code"], "not_a_response");
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Inspection<'a> {
    /// `Response/@ID`.
    pub response_id: Option<&'a str>,
    /// `Assertion/@ID`; CloudTrail's `sAMLAssertionID`.
    pub assertion_id: Option<&'a str>,
    /// The entity ID of the identity provider.
    pub issuer: Option<&'a str>,
    /// The text of `NameID`.
    pub subject: Option<&'a str>,
    /// `NameID/@Format`.
    pub subject_format: Option<&'a str>,
    /// The attribute `RoleSessionName`.
    pub session_name: Option<&'a str>,
    /// The attribute `SourceIdentity`.
    pub source_identity: Option<&'a str>,
    /// Every audience, in document order.
    pub audiences: &'a [String],
    /// The recipient of the bearer confirmation.
    pub recipient: Option<&'a str>,
    /// `Response/@Destination`.
    pub destination: Option<&'a str>,
    /// `Assertion/@IssueInstant`. All instants are RFC 3339 in UTC.
    pub issued_at: Option<String>,
    /// `Conditions/@NotBefore`.
    pub not_before: Option<String>,
    /// `Conditions/@NotOnOrAfter`.
    pub not_on_or_after: Option<String>,
    /// `AuthnStatement/@SessionNotOnOrAfter`.
    pub session_not_on_or_after: Option<String>,
    /// The attribute `SessionDuration`, in seconds.
    pub session_duration: Option<u32>,
    /// The pairs of role and provider, in document order.
    pub roles: &'a [RoleOffer],
    /// The attributes `PrincipalTag:{key}`, in document order.
    #[serde(serialize_with = "as_map")]
    pub tags: &'a [(String, String)],
    /// The attribute `TransitiveTagKeys`.
    pub transitive_tag_keys: &'a [String],
    /// Which parts contain a signature. Reading does not verify them.
    pub signed: Signed,
    /// Whether the assertion is encrypted.
    pub encrypted: bool,
    /// The values that were skipped, and why.
    pub skipped: &'a [Skipped],
    /// What AWS would refuse, and why.
    pub problems: Vec<Problem>,
}

/// Which parts of a response contain a signature of their own.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Signed {
    /// The `Response`.
    pub response: bool,
    /// The `Assertion`.
    pub assertion: bool,
}

impl<'a> Inspection<'a> {
    /// Combines the facts with their problems at the instant `now`.
    pub fn new(assertion: &'a Assertion, now: Timestamp) -> Self {
        let response = assertion.response.as_ref();
        let text = |instant: Option<Timestamp>| instant.map(|instant| instant.to_string());
        Self {
            response_id: response.and_then(|response| response.id.as_deref()),
            assertion_id: assertion.id.as_deref(),
            issuer: assertion.issuer.as_deref(),
            subject: assertion.subject.as_ref().map(|subject| subject.name.as_str()),
            subject_format: assertion.subject.as_ref().and_then(|subject| subject.format.as_deref()),
            session_name: assertion.aws.session_name.as_deref(),
            source_identity: assertion.aws.source_identity.as_deref(),
            audiences: &assertion.audiences,
            recipient: assertion.recipient(),
            destination: response.and_then(|response| response.destination.as_deref()),
            issued_at: text(assertion.issued_at),
            not_before: text(assertion.not_before),
            not_on_or_after: text(assertion.not_on_or_after),
            session_not_on_or_after: text(assertion.session_not_on_or_after),
            session_duration: assertion.aws.session_duration,
            roles: &assertion.aws.roles,
            tags: &assertion.aws.tags,
            transitive_tag_keys: &assertion.aws.transitive_tag_keys,
            signed: Signed { response: response.is_some_and(|response| response.signed), assertion: assertion.signed },
            encrypted: assertion.content == Content::Encrypted,
            skipped: &assertion.skipped,
            problems: assertion.problems(now),
        }
    }
}

fn as_map<S: Serializer>(tags: &[(String, String)], serializer: S) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(tags.len()))?;
    for (key, value) in tags {
        map.serialize_entry(key, value)?;
    }
    map.end()
}
