//! One signature, enveloped in the element that it signs (XML Signature, as SAML core 5.4 restricts it).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::digest;

use super::algorithm::{ACCEPTED, SignatureMethod, digest_method};
use super::c14n;
use super::key::{TrustedKey, fingerprint};
use super::keys::TrustedKeys;
use super::policy::SignaturePolicy;
use super::profile::{elements_only, forbidden};
use super::verified::{SignedElement, VerifiedSignature};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::tree::{NodeId, Tree};
use crate::saml::{PROTOCOL, SIGNATURE};
use crate::text::excerpt;

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// The largest number of prefixes in one `PrefixList`.
const MAX_PREFIXES: usize = 32;

/// The shape that a signature must have.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Shape<'t> {
    /// That of the SAML profile: it signs the element with this id, with the enveloped transform and exclusive
    /// canonicalization.
    Saml { id: &'t str },
    /// Any that libxmlsec1 can process without fetching, opening or computing more than the document and a canonical form.
    #[cfg(feature = "samael")]
    Harmless,
}

/// A parsed signature.
struct Parts<'t> {
    signed_info: NodeId,
    signed_info_prefixes: Vec<&'t str>,
    method: SignatureMethod,
    digest_name: &'static str,
    digest_algorithm: &'static digest::Algorithm,
    digest: Vec<u8>,
    content_prefixes: Vec<&'t str>,
    value: Vec<u8>,
    key_info: Option<NodeId>,
}

/// Verifies the signature that is a child of `element` and signs it.
pub(super) fn verify(
    tree: &Tree,
    element: NodeId,
    signature: NodeId,
    keys: &TrustedKeys,
    policy: SignaturePolicy,
    now: Timestamp,
) -> Result<VerifiedSignature> {
    let signed =
        if tree.is(element, PROTOCOL, "Response") { SignedElement::Response } else { SignedElement::Assertion };
    let id = tree
        .attribute(element, "ID")
        .filter(|id| !id.is_empty())
        .ok_or_else(|| forbidden("the signed element has no id"))?;
    let parts = parse(tree, signature, Shape::Saml { id })?;
    check_sha1(&parts, signed.as_str(), policy)?;
    let message = c14n::canonical(tree, parts.signed_info, None, &parts.signed_info_prefixes);
    let key = signer(tree, &parts, keys, (policy, now), &message, signed)?;
    let mut digest = digest::Context::new(parts.digest_algorithm);
    c14n::write(tree, element, Some(signature), &parts.content_prefixes, &mut digest);
    if digest.finish().as_ref() != parts.digest {
        return Err(invalid(format!("the `{}` was changed after it was signed: its digest differs", signed.as_str()))
            .with_hint("do not use it; use the response as the identity provider sent it, byte for byte"));
    }
    Ok(VerifiedSignature {
        of: signed,
        id: id.to_owned(),
        algorithm: parts.method.as_str(),
        digest: parts.digest_name,
        key_subject: key.subject.clone(),
        key_sha256: key.sha256.clone(),
    })
}

/// Refuses every signature in the document that libxmlsec1 may not process. Returns whether there is a signature.
#[cfg(feature = "samael")]
pub(super) fn check_for_xmlsec(tree: &Tree, policy: SignaturePolicy) -> Result<bool> {
    // One of the response and one of the assertion.
    const MAX_SIGNATURES: usize = 2;
    let mut signatures = 0;
    for node in tree.all() {
        let Some(name) = tree.name(node).filter(|name| name.namespace == SIGNATURE) else { continue };
        match name.local_name {
            "Signature" => {
                signatures += 1;
                if signatures > MAX_SIGNATURES {
                    return Err(forbidden("the document contains more than two signatures"));
                }
                check_sha1(&parse(tree, node, Shape::Harmless)?, "document", policy)?;
            }
            // These tell libxmlsec1 to process something. Inside a signature, `parse` has refused them already.
            "Object" | "Manifest" | "RetrievalMethod" => {
                return Err(forbidden("the document contains an object, a manifest or a retrieval method"));
            }
            _ => {}
        }
    }
    Ok(signatures > 0)
}

fn check_sha1(parts: &Parts<'_>, element: &str, policy: SignaturePolicy) -> Result<()> {
    if !policy.allows_sha1() && (parts.method == SignatureMethod::RsaSha1 || parts.digest_name == "sha1") {
        return Err(invalid(format!("the signature of the `{element}` uses SHA-1, which can be forged"))
            .with_hint("ask the administrator of the identity provider for SHA-256, or allow SHA-1"));
    }
    Ok(())
}

/// The trusted key that made the signature.
fn signer<'k>(
    tree: &Tree,
    parts: &Parts<'_>,
    keys: &'k TrustedKeys,
    (policy, now): (SignaturePolicy, Timestamp),
    message: &[u8],
    signed: SignedElement,
) -> Result<&'k TrustedKey> {
    let mut refusal = None;
    // A renewed certificate may have the same key as the expired one.
    for key in keys.keys().iter().filter(|key| parts.method.verify(key, message, &parts.value)) {
        match key.check(policy, now) {
            Ok(()) => return Ok(key),
            Err(error) => refusal = refusal.or(Some(error)),
        }
    }
    Err(refusal.unwrap_or_else(|| not_signed_by(tree, parts, keys, signed)))
}

/// Why no trusted key made the signature.
fn not_signed_by(tree: &Tree, parts: &Parts<'_>, keys: &TrustedKeys, signed: SignedElement) -> Error {
    let method = parts.method;
    // The length of an RSA signature is that of the key, so this one may have been made by a key that cannot be used.
    let unsupported = keys.keys().iter().find(|key| {
        method.fits(key.kind)
            && !method.is_supported(key.kind)
            && key.kind.rsa_bits().is_some_and(|bits| bits.div_ceil(8) == parts.value.len())
    });
    match unsupported {
        Some(key) if key.kind.is_out_of_range() => return key.out_of_range(),
        Some(_) => {
            return invalid(format!(
                "the signature of the `{}` uses {} with an RSA key of less than 2,048 bits, which is not supported",
                signed.as_str(),
                method.as_str()
            ))
            .with_hint(
                "ask the administrator of the identity provider for a key of 2,048 bits or more, or for SHA-256",
            );
        }
        None => {}
    }
    let error = invalid(format!("the signature of the `{}` was not made by a trusted key", signed.as_str()));
    // What the document says about its key does not make the key trusted, but may explain why it is not.
    let named = parts.key_info.and_then(|key_info| named_certificate(tree, key_info));
    let of_trusted_key = named.as_ref().and_then(|sha256| keys.keys().iter().find(|key| key.sha256 == *sha256));
    let length = parts.value.len();
    let hint = match named {
        Some(_) if of_trusted_key.is_some_and(|key| key.kind.signature_length() != length) => {
            let expected = of_trusted_key.map_or(0, |key| key.kind.signature_length());
            format!(
                "the signature names a trusted certificate, whose signatures have {expected} bytes; this one has {length}: it was changed, or is in another form, such as DER"
            )
        }
        Some(sha256) if keys.keys().iter().any(|key| key.sha256 == sha256) => {
            "the signature names a trusted certificate, so the document was changed after it was signed, or is forged"
                .to_owned()
        }
        Some(sha256) => format!(
            "the signature names a certificate with the SHA-256 {sha256}, which is not trusted; compare it with the metadata of the identity provider"
        ),
        None if !keys.keys().iter().any(|key| method.fits(key.kind)) => {
            format!("the signature algorithm is {}, and no trusted key is of that kind", method.as_str())
        }
        None => "compare the trusted keys with the metadata of the identity provider".to_owned(),
    };
    error.with_hint(match keys.skipped() {
        [] => hint,
        [first, ..] => format!("{hint}; a key in the file was skipped: {first}"),
    })
}

/// The SHA-256 of the first certificate in `KeyInfo`.
fn named_certificate(tree: &Tree, key_info: NodeId) -> Option<String> {
    let data = tree.child_elements(key_info).find(|node| tree.is(*node, SIGNATURE, "X509Data"))?;
    let certificate = tree.child_elements(data).find(|node| tree.is(*node, SIGNATURE, "X509Certificate"))?;
    Some(fingerprint(&base64(tree.only_text(certificate)?)?))
}

/// Parses a signature, and refuses it if it does not have the shape.
fn parse<'t>(tree: &'t Tree, signature: NodeId, shape: Shape<'_>) -> Result<Parts<'t>> {
    let (signed_info, value, key_info) =
        match children(tree, signature, &["SignedInfo", "SignatureValue", "KeyInfo"])?.as_slice() {
            [signed_info, value] => (*signed_info, *value, None),
            [signed_info, value, key_info] => (*signed_info, *value, Some(*key_info)),
            _ => return Err(forbidden("the signature has no `SignedInfo` or no `SignatureValue`")),
        };
    let [canonicalization, method, reference] =
        children(tree, signed_info, &["CanonicalizationMethod", "SignatureMethod", "Reference"])?[..]
    else {
        return Err(forbidden("the signature does not have exactly one reference, canonicalization and algorithm"));
    };
    check_uri(tree, reference, shape)?;
    let (transforms, digest_method_node, digest) = match children_of_reference(tree, reference)?[..] {
        [transforms, digest_method, digest] => (Some(transforms), digest_method, digest),
        [digest_method, digest] if shape.allows_no_transforms() => (None, digest_method, digest),
        _ => return Err(forbidden("the reference of the signature is not complete")),
    };
    let content_prefixes = match transforms {
        Some(transforms) => transforms_of(tree, transforms, shape)?,
        None => Vec::new(),
    };
    #[cfg(feature = "samael")]
    if shape == Shape::Harmless {
        check_key_info(tree, key_info)?;
    }
    let has_no_parameters = |node| elements_only(tree, node).is_ok_and(|children| children.is_empty());
    let uri = algorithm(tree, method);
    let method = SignatureMethod::from_uri(uri)
        .filter(|_| has_no_parameters(method))
        .ok_or_else(|| not_accepted("signature", uri))?;
    let uri = algorithm(tree, digest_method_node);
    let (digest_name, digest_algorithm) = digest_method(uri)
        .filter(|_| has_no_parameters(digest_method_node))
        .ok_or_else(|| not_accepted("digest", uri))?;
    Ok(Parts {
        signed_info,
        signed_info_prefixes: canonicalization_prefixes(tree, canonicalization, shape)?,
        method,
        digest_name,
        digest_algorithm,
        digest: value_of(tree, digest)?,
        content_prefixes,
        value: value_of(tree, value)?,
        key_info,
    })
}

impl Shape<'_> {
    fn allows_no_transforms(self) -> bool {
        match self {
            Self::Saml { .. } => false,
            #[cfg(feature = "samael")]
            Self::Harmless => true,
        }
    }
}

fn check_uri(tree: &Tree, reference: NodeId, shape: Shape<'_>) -> Result<()> {
    let uri = tree.attribute(reference, "URI");
    match shape {
        Shape::Saml { id } if uri.and_then(|uri| uri.strip_prefix('#')) == Some(id) => Ok(()),
        Shape::Saml { .. } => Err(forbidden("the signature does not refer to the element that contains it")),
        #[cfg(feature = "samael")]
        Shape::Harmless => match uri.map(|uri| uri.strip_prefix('#').unwrap_or(uri)) {
            // An address is not a name, and neither is an XPointer.
            Some("") if uri == Some("") => Ok(()),
            Some(id) if uri.is_some_and(|uri| uri.starts_with('#')) && crate::saml::is_name(id) => Ok(()),
            _ => Err(forbidden("the signature refers to something outside the document, or by an XPointer")),
        },
    }
}

/// Checks the transforms, and returns the prefixes of exclusive canonicalization.
fn transforms_of<'t>(tree: &'t Tree, transforms: NodeId, shape: Shape<'_>) -> Result<Vec<&'t str>> {
    let transforms = children(tree, transforms, &["Transform", "Transform"])?;
    match shape {
        Shape::Saml { .. } => {
            let [enveloped, exclusive] = transforms[..] else {
                return Err(forbidden(
                    "the transforms of the signature are not the enveloped one and exclusive canonicalization",
                ));
            };
            if algorithm(tree, enveloped) != ENVELOPED || !elements_only(tree, enveloped)?.is_empty() {
                return Err(forbidden("the first transform of the signature is not the enveloped one"));
            }
            canonicalization_prefixes(tree, exclusive, shape)
        }
        #[cfg(feature = "samael")]
        Shape::Harmless => {
            for transform in transforms {
                match algorithm(tree, transform) {
                    ENVELOPED if elements_only(tree, transform)?.is_empty() => {}
                    EXCLUSIVE | EXCLUSIVE_WITH_COMMENTS => drop(prefix_list(tree, transform)?),
                    _ => {
                        return Err(forbidden(
                            "the signature has a transform other than the enveloped one and exclusive canonicalization",
                        ));
                    }
                }
            }
            Ok(Vec::new())
        }
    }
}

/// Refuses keys that are somewhere else, encrypted, or given in a way that is not known.
#[cfg(feature = "samael")]
fn check_key_info(tree: &Tree, key_info: Option<NodeId>) -> Result<()> {
    let Some(key_info) = key_info else { return Ok(()) };
    let is_known = |node: NodeId| ["X509Data", "KeyName", "KeyValue"].iter().any(|name| tree.is(node, SIGNATURE, name));
    if tree.child_elements(key_info).all(is_known) {
        Ok(())
    } else {
        Err(forbidden("the signature refers to a key outside itself, or contains an encrypted or unknown one"))
    }
}

#[cfg(feature = "samael")]
const EXCLUSIVE_WITH_COMMENTS: &str = "http://www.w3.org/2001/10/xml-exc-c14n#WithComments";

/// Inclusive canonicalization, 1.0 and 1.1.
#[cfg(feature = "samael")]
const INCLUSIVE: [&str; 4] = [
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315",
    "http://www.w3.org/TR/2001/REC-xml-c14n-20010315#WithComments",
    "http://www.w3.org/2006/12/xml-c14n11",
    "http://www.w3.org/2006/12/xml-c14n11#WithComments",
];

/// Checks a canonicalization method, and returns the prefixes that exclusive canonicalization treats as inclusive
/// canonicalization does.
fn canonicalization_prefixes<'t>(tree: &'t Tree, node: NodeId, shape: Shape<'_>) -> Result<Vec<&'t str>> {
    match (shape, algorithm(tree, node)) {
        (Shape::Saml { .. }, EXCLUSIVE) => prefix_list(tree, node),
        (Shape::Saml { .. }, _) => {
            Err(forbidden("the signature uses a canonicalization other than the exclusive one without comments"))
        }
        #[cfg(feature = "samael")]
        (Shape::Harmless, EXCLUSIVE | EXCLUSIVE_WITH_COMMENTS) => prefix_list(tree, node),
        #[cfg(feature = "samael")]
        (Shape::Harmless, uri) if INCLUSIVE.contains(&uri) && elements_only(tree, node)?.is_empty() => Ok(Vec::new()),
        #[cfg(feature = "samael")]
        (Shape::Harmless, _) => Err(forbidden("the signature uses an unknown canonicalization")),
    }
}

/// The `PrefixList` of exclusive canonicalization.
fn prefix_list(tree: &Tree, node: NodeId) -> Result<Vec<&str>> {
    let list = match elements_only(tree, node)?[..] {
        [] => return Ok(Vec::new()),
        [inclusive]
            if tree.is(inclusive, EXCLUSIVE, "InclusiveNamespaces") && elements_only(tree, inclusive)?.is_empty() =>
        {
            tree.attribute(inclusive, "PrefixList").unwrap_or_default()
        }
        _ => return Err(forbidden("the canonicalization has unknown parameters")),
    };
    let prefixes: Vec<_> =
        list.split_ascii_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix }).collect();
    if prefixes.len() > MAX_PREFIXES {
        return Err(forbidden("the canonicalization lists too many prefixes"));
    }
    Ok(prefixes)
}

/// The child elements, which must have these names in this order. There may be fewer, which is left to the caller.
fn children(tree: &Tree, node: NodeId, names: &[&str]) -> Result<Vec<NodeId>> {
    let children = elements_only(tree, node)?;
    let fits = children.len() <= names.len()
        && children.iter().zip(names).all(|(child, name)| tree.is(*child, SIGNATURE, name));
    if fits {
        Ok(children)
    } else {
        Err(forbidden("the signature contains elements that the SAML profile does not allow"))
    }
}

/// The child elements of a `Reference`, with or without `Transforms`.
fn children_of_reference(tree: &Tree, reference: NodeId) -> Result<Vec<NodeId>> {
    children(tree, reference, &["Transforms", "DigestMethod", "DigestValue"])
        .or_else(|error| children(tree, reference, &["DigestMethod", "DigestValue"]).map_err(|_| error))
}

fn algorithm(tree: &Tree, node: NodeId) -> &str {
    tree.attribute(node, "Algorithm").unwrap_or_default()
}

/// Decodes a value in base64, which must be one piece of text.
fn value_of(tree: &Tree, node: NodeId) -> Result<Vec<u8>> {
    let text = tree.only_text(node).ok_or_else(|| forbidden("a value of the signature is not one piece of text"))?;
    base64(text).ok_or_else(|| forbidden("a value of the signature is not base64"))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()
}

fn not_accepted(what: &str, uri: &str) -> Error {
    let message = format!("the {what} algorithm `{}` is not accepted", excerpt(uri));
    Error::new(ErrorKind::ForbiddenConstruct, Stage::Verification, message).with_hint(ACCEPTED)
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::SignatureInvalid, Stage::Verification, message)
}
