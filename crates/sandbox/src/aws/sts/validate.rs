//! Validates a SAML response: what AWS checks, in the same order. Uses other libraries than tempaccess itself, so that a
//! mistake in one does not hide in the other.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bergshamra::keys::loader;
use bergshamra::{DsigContext, KeysManager, VerifyResult};
use jiff::{SignedDuration, Timestamp};
use roxmltree::{Document, Node};

use super::tags::SessionTags;
use super::{QueryError, expired, invalid_token};
use crate::shared::Shared;

const PROTOCOL: &str = "urn:oasis:names:tc:SAML:2.0:protocol";
const ASSERTION: &str = "urn:oasis:names:tc:SAML:2.0:assertion";
const SIGNATURE: &str = "http://www.w3.org/2000/09/xmldsig#";
const ATTRIBUTES: &str = "https://aws.amazon.com/SAML/Attributes/";
/// The hosts of AWS sign-in and their partitions.
const SIGN_IN_HOSTS: [(&str, &str); 3] = [
    ("signin.aws.amazon.com", "aws"),
    ("signin.amazonaws.cn", "aws-cn"),
    ("signin.amazonaws-us-gov.com", "aws-us-gov"),
];

/// The facts of a valid assertion.
pub(super) struct ValidAssertion {
    pub(super) id: String,
    pub(super) issuer: String,
    pub(super) subject: String,
    pub(super) subject_format: String,
    pub(super) recipient: String,
    pub(super) session_name: String,
    pub(super) source_identity: Option<String>,
    pub(super) session_duration: Option<i64>,
    pub(super) session_not_on_or_after: Option<Timestamp>,
    pub(super) tags: SessionTags,
}

/// Checks the base64 text of a SAML response for this role and provider.
pub(super) fn validate(
    shared: &Shared,
    assertion: &str,
    role: &str,
    provider: &str,
) -> Result<ValidAssertion, QueryError> {
    let xml = STANDARD
        .decode(assertion)
        .ok()
        .and_then(|bytes| String::from_utf8(bytes).ok())
        .ok_or_else(|| invalid_token("Invalid base64 SAMLResponse"))?;
    // roxmltree refuses a DTD. The signature engine does not.
    let document = Document::parse(&xml).map_err(|_| invalid_token("Invalid SAMLResponse"))?;
    let response = document.root_element();
    if !response.has_tag_name((PROTOCOL, "Response")) {
        return Err(invalid_token("Invalid SAMLResponse"));
    }
    let registered = shared
        .world
        .providers
        .iter()
        .find(|known| known.arn == provider)
        .ok_or_else(|| invalid_token("Specified provider doesn't exist"))?;
    let status = child(response, PROTOCOL, "Status").and_then(|status| child(status, PROTOCOL, "StatusCode"));
    if status.and_then(|code| code.attribute("Value")) != Some("urn:oasis:names:tc:SAML:2.0:status:Success") {
        return Err(QueryError::new(403, "IDPRejectedClaim", "Authentication failed at the identity provider"));
    }
    let assertions = document.descendants().filter(|node| node.has_tag_name((ASSERTION, "Assertion"))).count();
    let assertion = child(response, ASSERTION, "Assertion")
        .filter(|_| assertions == 1)
        .ok_or_else(|| invalid_token("The response must contain exactly one assertion"))?;
    let issuer = text(child(assertion, ASSERTION, "Issuer"));
    if issuer != registered.issuer.clone().unwrap_or_else(|| shared.world.issuer()) {
        return Err(invalid_token("Issuer not present in specified provider"));
    }
    let certificate = registered.certificate.as_deref().unwrap_or_else(|| shared.key.certificate_pem());
    check_signature(&xml, certificate, response, assertion)?;
    let (subject, recipient) = check_subject(shared, assertion, role)?;
    check_conditions(shared, assertion, &recipient)?;
    read_attributes(assertion, role, provider, subject, recipient, issuer)
}

/// Requires at least one signature. Each must be valid, and a direct child of what it signs: the response or the assertion.
fn check_signature(
    xml: &str,
    certificate: &str,
    response: Node<'_, '_>,
    assertion: Node<'_, '_>,
) -> Result<(), QueryError> {
    let invalid = || invalid_token("Response signature invalid");
    let key = loader::load_x509_cert_pem(certificate.as_bytes()).map_err(|_| invalid())?;
    let mut keys = KeysManager::new();
    keys.add_key(key);
    let context = DsigContext::new(keys);
    let signatures: Vec<_> =
        response.descendants().filter(|node| node.has_tag_name((SIGNATURE, "Signature"))).collect();
    let results = bergshamra::verify_all(&context, xml).map_err(|_| invalid())?;
    if signatures.is_empty() || signatures.len() != results.len() {
        return Err(invalid());
    }
    for (signature, result) in signatures.iter().zip(&results) {
        let VerifyResult::Valid { references, .. } = result else { return Err(invalid()) };
        let parent =
            signature.parent().filter(|parent| *parent == response || *parent == assertion).ok_or_else(invalid)?;
        let expected = format!("#{}", parent.attribute("ID").unwrap_or_default());
        let [reference] = references.as_slice() else { return Err(invalid()) };
        if reference.uri != expected || !reference.digest_verified {
            return Err(invalid());
        }
    }
    Ok(())
}

fn check_subject(
    shared: &Shared,
    assertion: Node<'_, '_>,
    role: &str,
) -> Result<((String, String), String), QueryError> {
    let subject = child(assertion, ASSERTION, "Subject").ok_or_else(|| invalid_token("Subject is required"))?;
    let name = child(subject, ASSERTION, "NameID").ok_or_else(|| invalid_token("NameID is required"))?;
    let mut confirmations = subject.children().filter(|node| node.has_tag_name((ASSERTION, "SubjectConfirmation")));
    let (Some(confirmation), None) = (confirmations.next(), confirmations.next()) else {
        return Err(invalid_token("The assertion must contain exactly one SubjectConfirmation"));
    };
    if confirmation.attribute("Method") != Some("urn:oasis:names:tc:SAML:2.0:cm:bearer") {
        return Err(invalid_token("The SubjectConfirmation must be a bearer"));
    }
    let data = child(confirmation, ASSERTION, "SubjectConfirmationData")
        .ok_or_else(|| invalid_token("SubjectConfirmationData is required"))?;
    let recipient = data.attribute("Recipient").unwrap_or_default();
    let named = |known: &crate::world::Role| known.arn == role && known.audiences.iter().any(|it| it == recipient);
    let is_sign_in = partition_of(recipient).is_some_and(|partition| role.split(':').nth(1) == Some(partition));
    if !is_sign_in && !shared.world.roles.iter().any(named) {
        return Err(invalid_token("The Recipient is not the sign-in endpoint of the role's partition"));
    }
    match instant(data, "NotOnOrAfter") {
        None => return Err(invalid_token("NotOnOrAfter is required")),
        Some(end) if shared.clock.now() >= end => return Err(expired("Response has expired")),
        Some(_) => {}
    }
    let format = name.attribute("Format").unwrap_or("urn:oasis:names:tc:SAML:1.1:nameid-format:unspecified");
    Ok(((text(Some(name)), format.to_owned()), recipient.to_owned()))
}

fn check_conditions(shared: &Shared, assertion: Node<'_, '_>, recipient: &str) -> Result<(), QueryError> {
    let now = shared.clock.now();
    let conditions =
        child(assertion, ASSERTION, "Conditions").ok_or_else(|| invalid_token("Conditions are required"))?;
    if instant(conditions, "NotBefore").is_some_and(|start| now < start) {
        return Err(invalid_token("Response is not yet valid"));
    }
    if instant(conditions, "NotOnOrAfter").is_some_and(|end| now >= end) {
        return Err(expired("Response has expired"));
    }
    let issued = instant(assertion, "IssueInstant").ok_or_else(|| invalid_token("IssueInstant is required"))?;
    if now.duration_since(issued) >= SignedDuration::from_mins(5) {
        return Err(expired("Token must be redeemed within 5 minutes of issuance"));
    }
    let audience = conditions
        .descendants()
        .filter(|node| node.has_tag_name((ASSERTION, "Audience")))
        .map(|node| text(Some(node)))
        .any(|audience| audience.starts_with("urn:amazon:webservices") || audience == recipient);
    if !audience {
        return Err(invalid_token("The Audience is not AWS"));
    }
    match child(assertion, ASSERTION, "AuthnStatement").and_then(|statement| instant(statement, "SessionNotOnOrAfter"))
    {
        Some(end) if now >= end => Err(expired("The session has expired")),
        _ => Ok(()),
    }
}

fn read_attributes(
    assertion: Node<'_, '_>,
    role: &str,
    provider: &str,
    (subject, subject_format): (String, String),
    recipient: String,
    issuer: String,
) -> Result<ValidAssertion, QueryError> {
    let attributes: Vec<_> = assertion
        .descendants()
        .filter(|node| node.has_tag_name((ASSERTION, "Attribute")))
        .filter_map(|node| Some((node.attribute("Name")?.strip_prefix(ATTRIBUTES)?, node)))
        .collect();
    let values = |name: &str| -> Vec<String> {
        let named = attributes.iter().filter(|(known, _)| *known == name);
        let values =
            named.flat_map(|(_, node)| node.children().filter(|node| node.has_tag_name((ASSERTION, "AttributeValue"))));
        values.map(|node| text(Some(node))).collect()
    };
    let session_name = values("RoleSessionName")
        .into_iter()
        .next()
        .ok_or_else(|| invalid_token("RoleSessionName is required in AuthnResponse"))?;
    if !is_identity(&session_name) {
        return Err(invalid_token("RoleSessionName in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"));
    }
    let offered = values("Role").iter().any(|value| {
        let parts: Vec<_> = value.split(',').map(str::trim).collect();
        parts == [role, provider] || parts == [provider, role]
    });
    if !offered {
        return Err(invalid_token("SAML Assertion doesn't contain the requested Role and Metadata in the attributes"));
    }
    let source_identity = values("SourceIdentity").into_iter().next();
    if source_identity.as_deref().is_some_and(|identity| !is_identity(identity)) {
        return Err(invalid_token("SourceIdentity in AuthnResponse must match [a-zA-Z_0-9+=,.@-]{2,64}"));
    }
    let session_duration = values("SessionDuration").first().and_then(|value| value.parse().ok());
    let keys = attributes.iter().filter_map(|(name, _)| name.strip_prefix("PrincipalTag:"));
    let tags: BTreeMap<_, _> = keys
        .map(|key| (key.to_owned(), values(&format!("PrincipalTag:{key}")).into_iter().next().unwrap_or_default()))
        .collect();
    if tags.len() > 50 || tags.keys().any(|key| key.chars().count() > 128) {
        return Err(QueryError::validation("The session tags exceed the limits"));
    }
    let transitive_keys = values("TransitiveTagKeys").into_iter().filter(|key| tags.contains_key(key)).collect();
    let session_not_on_or_after =
        child(assertion, ASSERTION, "AuthnStatement").and_then(|statement| instant(statement, "SessionNotOnOrAfter"));
    Ok(ValidAssertion {
        id: assertion.attribute("ID").unwrap_or_default().to_owned(),
        issuer,
        subject,
        subject_format,
        recipient,
        session_name,
        source_identity,
        session_duration,
        session_not_on_or_after,
        tags: SessionTags { tags, transitive_keys },
    })
}

/// Returns the partition of a sign-in endpoint.
fn partition_of(recipient: &str) -> Option<&'static str> {
    let (host, path) = recipient.strip_prefix("https://")?.split_once('/')?;
    if !(path == "saml" || path == "static/saml" || path.starts_with("saml/acs/")) {
        return None;
    }
    let known = |known: &str| host == known || host.ends_with(&format!(".{known}"));
    SIGN_IN_HOSTS.iter().find(|(host, _)| known(host)).map(|(_, partition)| *partition)
}

fn is_identity(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

fn child<'a, 'i>(node: Node<'a, 'i>, namespace: &str, name: &str) -> Option<Node<'a, 'i>> {
    node.children().find(|child| child.has_tag_name((namespace, name)))
}

/// Returns the whole text inside a node, without comments.
fn text(node: Option<Node<'_, '_>>) -> String {
    let parts =
        node.into_iter().flat_map(|node| node.descendants()).filter(Node::is_text).filter_map(|node| node.text());
    parts.collect::<String>().trim().to_owned()
}

fn instant(node: Node<'_, '_>, name: &str) -> Option<Timestamp> {
    node.attribute(name)?.parse().ok()
}
