//! A second opinion: signatures verified by libxmlsec1, through samael.
//!
//! Our own reading comes first, so that no DTD and nothing over the limits reaches libxml2; and what is read afterwards is
//! what libxmlsec1 says was signed, everything else cut away.

use std::str::FromStr;

use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};
use samael::metadata::EntityDescriptor;
use samael::service_provider::ServiceProvider;

use super::algorithm::{SignaturePolicy, digest_method, signature_method};
use super::keys::{TrustedKeys, unusable};
use super::profile::{DSIG, forbidden};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::tree::Tree;
use crate::text::excerpt;

/// SHA-256 or better, which is less than libxmlsec1 accepts by itself.
const ALLOWED: [AllowedSignatureAlgorithm; 5] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
];

/// What of the document is signed, as a document.
pub(super) fn signed_part(tree: &Tree, xml: &str, keys: &TrustedKeys, policy: SignaturePolicy) -> Result<String> {
    check_algorithms(tree)?;
    let certificates: Vec<_> =
        keys.keys().iter().filter_map(|key| key.certificate()).map(|der| CertificateDer::from(der.to_vec())).collect();
    // With none, nothing would be verified at all.
    if certificates.is_empty() {
        return Err(unusable("libxmlsec1 needs a certificate here, and the trusted keys are bare ones"));
    }
    let allowed = (!policy.allow_sha1).then_some(&ALLOWED[..]);
    // One by one: samael stops at the first key that is of another kind than the signature.
    let mut why = None;
    for certificate in &certificates {
        match Crypto::reduce_xml_to_signed_with_allowed_algorithms(
            xml,
            std::slice::from_ref(certificate),
            ReduceMode::ValidateAndMarkNoAncestors,
            allowed,
        ) {
            Ok(signed) => return Ok(signed),
            Err(error) => why = Some(error),
        }
    }
    let why = why.map(|error| excerpt(&error.to_string()).into_owned()).unwrap_or_default();
    let message = format!("libxmlsec1 does not accept the signature: {why}");
    Err(Error::new(ErrorKind::SignatureInvalid, Stage::Verification, message)
        .with_hint("compare with `--engine own`, which says more"))
}

/// Where SHA-1 is allowed, libxmlsec1 is left to choose among all that it has, HMAC with a key of anybody's included.
fn check_algorithms(tree: &Tree) -> Result<()> {
    for node in tree.all() {
        let algorithm = tree.attribute(node, "Algorithm").unwrap_or_default();
        let known = match tree.name(node).filter(|name| name.namespace == DSIG).map(|name| name.local_name) {
            Some("SignatureMethod") => signature_method(algorithm).is_some(),
            Some("DigestMethod") => digest_method(algorithm).is_some(),
            _ => true,
        };
        if !known {
            return Err(forbidden("the signature uses an algorithm that is not accepted"));
        }
    }
    Ok(())
}

/// The signing certificates in an identity provider's metadata, as samael reads it: DER, and the entity ID.
pub(super) fn metadata(xml: &str) -> Result<(Option<String>, Vec<Vec<u8>>)> {
    let metadata =
        EntityDescriptor::from_str(xml).map_err(|error| unusable(format!("the metadata cannot be read: {error}")))?;
    let issuer = metadata.entity_id.clone();
    let provider = ServiceProvider { idp_metadata: metadata, ..ServiceProvider::default() };
    let certificates = provider
        .idp_signing_certs()
        .map_err(|error| unusable(format!("a certificate in the metadata cannot be read: {error}")))?
        .unwrap_or_default();
    if certificates.is_empty() {
        return Err(unusable("the metadata holds no certificate to verify signatures with"));
    }
    Ok((issuer, certificates.iter().map(|certificate| certificate.der_data().to_vec()).collect()))
}
