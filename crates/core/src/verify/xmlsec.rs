//! Signatures verified by libxmlsec1, through samael: a second opinion.
//!
//! libxmlsec1 processes references and transforms before it checks the signature: whatever they tell it to fetch, open or
//! compute, anybody can tell it. So [`check_for_xmlsec`](super::signature::check_for_xmlsec) comes first. What is read
//! afterwards is the part that libxmlsec1 says was signed.

use samael::crypto::{AllowedSignatureAlgorithm, CertificateDer, Crypto, CryptoProvider, ReduceMode};

use super::key::{TrustedKey, unusable};
use super::policy::SignaturePolicy;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// SHA-256 or better. By itself, libxmlsec1 accepts less.
const ALLOWED: [AllowedSignatureAlgorithm; 5] = [
    AllowedSignatureAlgorithm::RsaSha256,
    AllowedSignatureAlgorithm::RsaSha384,
    AllowedSignatureAlgorithm::RsaSha512,
    AllowedSignatureAlgorithm::EcdsaSha256,
    AllowedSignatureAlgorithm::EcdsaSha384,
];

/// Returns the signed part of the document, as a document.
pub(super) fn signed_part(xml: &str, keys: &[&TrustedKey], policy: SignaturePolicy) -> Result<String> {
    let certificates: Vec<_> =
        keys.iter().filter_map(|key| key.certificate()).map(|der| CertificateDer::from(der.to_vec())).collect();
    // Without certificates, samael verifies nothing and accepts everything.
    if certificates.is_empty() {
        return Err(unusable("libxmlsec1 needs a certificate, and the trusted keys are bare keys"));
    }
    let allowed = (!policy.allows_sha1()).then_some(&ALLOWED[..]);
    // One at a time: samael stops at the first key of another kind than the signature.
    let mut reason = None;
    for certificate in &certificates {
        match Crypto::reduce_xml_to_signed_with_allowed_algorithms(
            xml,
            std::slice::from_ref(certificate),
            ReduceMode::ValidateAndMarkNoAncestors,
            allowed,
        ) {
            Ok(signed) => return Ok(signed),
            Err(error) => reason = Some(error),
        }
    }
    let reason = reason.map(|error| excerpt(&error.to_string()).into_owned()).unwrap_or_default();
    let message = format!("libxmlsec1 does not accept the signature: {reason}");
    Err(Error::new(ErrorKind::SignatureInvalid, Stage::Verification, message)
        .with_hint("compare with `--engine own`, which gives more detailed reasons"))
}
