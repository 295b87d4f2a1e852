//! One signature, enveloped in the element that it signs (XML Signature, as SAML core 5.4 narrows it).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use ring::digest;

use super::algorithm::{SignatureMethod, SignaturePolicy, digest_method, signature_method};
use super::c14n::canonical;
use super::keys::{TrustedKey, TrustedKeys, fingerprint};
use super::profile::{DSIG, elements_only, forbidden};
use super::{SignedElement, VerifiedSignature};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::PROTOCOL;
use crate::saml::tree::{NodeId, Tree};
use crate::text::excerpt;

const ENVELOPED: &str = "http://www.w3.org/2000/09/xmldsig#enveloped-signature";
const EXCLUSIVE: &str = "http://www.w3.org/2001/10/xml-exc-c14n#";

/// Prefixes in one `PrefixList`.
const PREFIXES: usize = 32;

/// What a signature says of itself, taken apart and found to be within the profile.
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

/// Verifies the signature that is a child of the element `of`.
pub(super) fn verify(
    tree: &Tree,
    of: NodeId,
    signature: NodeId,
    keys: &TrustedKeys,
    policy: SignaturePolicy,
    now: Timestamp,
) -> Result<VerifiedSignature> {
    let element = if tree.is(of, PROTOCOL, "Response") { SignedElement::Response } else { SignedElement::Assertion };
    let id = tree
        .attribute(of, "ID")
        .filter(|id| !id.is_empty())
        .ok_or_else(|| forbidden("the signed element has no id"))?;
    let parts = take_apart(tree, signature, id)?;
    if !policy.allow_sha1 && (parts.method == SignatureMethod::RsaSha1 || parts.digest_name == "sha1") {
        return Err(invalid(format!(
            "the signature of the `{}` is made with SHA-1, which can be forged",
            element.as_str()
        ))
        .with_hint(
            "the administrator of the identity provider chooses SHA-256; allowing SHA-1 is a policy of your own to set",
        ));
    }
    let message = canonical(tree, parts.signed_info, None, &parts.signed_info_prefixes);
    let key = signer(tree, &parts, keys, (policy, now), &message, element)?;
    let content = canonical(tree, of, Some(signature), &parts.content_prefixes);
    if digest::digest(parts.digest_algorithm, &content).as_ref() != parts.digest {
        return Err(invalid(format!(
            "the `{}` was changed after it was signed: its digest is another one",
            element.as_str()
        ))
        .with_hint("do not use it; take the response as the identity provider sent it, byte for byte"));
    }
    Ok(VerifiedSignature {
        of: element,
        id: id.to_owned(),
        algorithm: parts.method.as_str(),
        digest: parts.digest_name,
        key_subject: key.subject.clone(),
        key_sha256: key.sha256.clone(),
    })
}

/// The trusted key that made the signature.
fn signer<'k>(
    tree: &Tree,
    parts: &Parts<'_>,
    keys: &'k TrustedKeys,
    (policy, now): (SignaturePolicy, Timestamp),
    message: &[u8],
    element: SignedElement,
) -> Result<&'k TrustedKey> {
    let made_by = |key: &&TrustedKey, policy| parts.method.verify(key, policy, message, &parts.value);
    let mut over = None;
    // A renewed certificate may hold the key of the one that has ended.
    for key in keys.keys().iter().filter(|key| made_by(key, policy)) {
        match key.check(policy, now) {
            Ok(()) => return Ok(key),
            Err(error) => over = over.or(Some(error)),
        }
    }
    if let Some(error) = over {
        return Err(error);
    }
    let lenient = SignaturePolicy { allow_short_rsa: true, ..policy };
    if let Some(key) = keys.keys().iter().find(|key| made_by(key, lenient)) {
        return Err(key.too_short());
    }
    let error = invalid(format!("the signature of the `{}` was made by none of the trusted keys", element.as_str()));
    // What the document says of its key is no reason to trust it, but may be the reason why it is not trusted.
    Err(match parts.key_info.and_then(|key_info| named_certificate(tree, key_info)) {
        Some(sha256) if keys.keys().iter().any(|key| key.sha256 == sha256) => error.with_hint(
            "it names a trusted certificate, so it was changed after it was signed, or made by somebody else",
        ),
        Some(sha256) => error.with_hint(format!(
            "it names a certificate with the SHA-256 {sha256}, which is not trusted; compare it with the identity provider's metadata"
        )),
        None => error.with_hint("compare the trusted keys with the identity provider's metadata"),
    })
}

/// The SHA-256 of the certificate that `KeyInfo` brings along.
fn named_certificate(tree: &Tree, key_info: NodeId) -> Option<String> {
    let data = tree.elements(key_info).find(|node| tree.is(*node, DSIG, "X509Data"))?;
    let certificate = tree.elements(data).find(|node| tree.is(*node, DSIG, "X509Certificate"))?;
    Some(fingerprint(&base64(tree.only_text(certificate)?)?))
}

fn take_apart<'t>(tree: &'t Tree, signature: NodeId, id: &str) -> Result<Parts<'t>> {
    let (signed_info, value, key_info) =
        match children(tree, signature, &["SignedInfo", "SignatureValue", "KeyInfo"])?.as_slice() {
            [signed_info, value] => (*signed_info, *value, None),
            [signed_info, value, key_info] => (*signed_info, *value, Some(*key_info)),
            _ => return Err(forbidden("the signature has no signed info or no value")),
        };
    let [canonicalization, method, reference] =
        children(tree, signed_info, &["CanonicalizationMethod", "SignatureMethod", "Reference"])?[..]
    else {
        return Err(forbidden("the signature does not say how and what it signs, or signs more than one thing"));
    };
    if tree.attribute(reference, "URI").and_then(|uri| uri.strip_prefix('#')) != Some(id) {
        return Err(forbidden("the signature refers to something else than the element that holds it"));
    }
    let [transforms, digest_method_at, digest] =
        children(tree, reference, &["Transforms", "DigestMethod", "DigestValue"])?[..]
    else {
        return Err(forbidden("the signature's reference is not complete"));
    };
    let [enveloped, exclusive] = children(tree, transforms, &["Transform", "Transform"])?[..] else {
        return Err(forbidden("the signature's transforms are not the enveloped one and exclusive canonicalization"));
    };
    if algorithm(tree, enveloped) != ENVELOPED || !elements_only(tree, enveloped)?.is_empty() {
        return Err(forbidden("the first transform is not that of an enveloped signature"));
    }
    let uri = algorithm(tree, method);
    let method = signature_method(uri)
        .filter(|_| elements_only(tree, method).is_ok_and(|children| children.is_empty()))
        .ok_or_else(|| unknown("signature", uri))?;
    let uri = algorithm(tree, digest_method_at);
    let (digest_name, digest_algorithm) = digest_method(uri)
        .filter(|_| elements_only(tree, digest_method_at).is_ok_and(|children| children.is_empty()))
        .ok_or_else(|| unknown("digest", uri))?;
    Ok(Parts {
        signed_info,
        signed_info_prefixes: exclusive_prefixes(tree, canonicalization)?,
        method,
        digest_name,
        digest_algorithm,
        digest: value_of(tree, digest)?,
        content_prefixes: exclusive_prefixes(tree, exclusive)?,
        value: value_of(tree, value)?,
        key_info,
    })
}

/// The child elements, which must be these in this order; fewer than all of them is for the caller to judge.
fn children(tree: &Tree, node: NodeId, names: &[&str]) -> Result<Vec<NodeId>> {
    let children = elements_only(tree, node)?;
    let fits =
        children.len() <= names.len() && children.iter().zip(names).all(|(child, name)| tree.is(*child, DSIG, name));
    if fits {
        Ok(children)
    } else {
        Err(forbidden("the signature holds elements that the SAML profile has no place for"))
    }
}

fn algorithm(tree: &Tree, node: NodeId) -> &str {
    tree.attribute(node, "Algorithm").unwrap_or_default()
}

/// The prefixes that exclusive canonicalization is told to treat inclusively.
fn exclusive_prefixes(tree: &Tree, node: NodeId) -> Result<Vec<&str>> {
    if algorithm(tree, node) != EXCLUSIVE {
        return Err(forbidden("the signature uses another canonicalization than the exclusive one without comments"));
    }
    let list = match elements_only(tree, node)?[..] {
        [] => return Ok(Vec::new()),
        [inclusive]
            if tree.is(inclusive, EXCLUSIVE, "InclusiveNamespaces") && elements_only(tree, inclusive)?.is_empty() =>
        {
            tree.attribute(inclusive, "PrefixList").unwrap_or_default()
        }
        _ => return Err(forbidden("the canonicalization has parameters that are not known")),
    };
    let prefixes: Vec<_> =
        list.split_ascii_whitespace().map(|prefix| if prefix == "#default" { "" } else { prefix }).collect();
    if prefixes.len() > PREFIXES {
        return Err(forbidden("the canonicalization names very many prefixes"));
    }
    Ok(prefixes)
}

/// The bytes of a value in base64, which must be one piece of text.
fn value_of(tree: &Tree, node: NodeId) -> Result<Vec<u8>> {
    let text = tree.only_text(node).ok_or_else(|| forbidden("a value of the signature is not one piece of text"))?;
    base64(text).ok_or_else(|| forbidden("a value of the signature is not base64"))
}

fn base64(text: &str) -> Option<Vec<u8>> {
    STANDARD.decode(text.split_ascii_whitespace().collect::<String>()).ok()
}

fn unknown(what: &str, uri: &str) -> Error {
    let error = Error::new(
        ErrorKind::ForbiddenConstruct,
        Stage::Verification,
        format!("the signature's {what} algorithm `{}` is not accepted", excerpt(uri)),
    );
    error.with_hint("RSA and ECDSA (P-256, P-384) with SHA-256 or better are accepted")
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::SignatureInvalid, Stage::Verification, message)
}
