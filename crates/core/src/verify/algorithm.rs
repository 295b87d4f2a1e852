//! The digest and signature algorithms, by the URIs of XML Signature.

use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};
use x509_cert::der::asn1::UintRef;
use x509_cert::der::{Encode, Header, Length, Tag};

use super::key::{KeyKind, TrustedKey};

/// The name and the implementation of a digest algorithm.
pub(super) fn digest_method(uri: &str) -> Option<(&'static str, &'static digest::Algorithm)> {
    Some(match uri {
        "http://www.w3.org/2000/09/xmldsig#sha1" => ("sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY),
        "http://www.w3.org/2001/04/xmlenc#sha256" => ("sha256", &digest::SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => ("sha384", &digest::SHA384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => ("sha512", &digest::SHA512),
        _ => return None,
    })
}

/// A signature algorithm.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureMethod {
    RsaSha1,
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
}

/// What is accepted, for messages.
pub(super) const ACCEPTED: &str =
    "accepted are RSA with SHA-256, SHA-384 and SHA-512, and ECDSA over P-256 and P-384 with SHA-256 and SHA-384";

impl SignatureMethod {
    pub(super) fn from_uri(uri: &str) -> Option<Self> {
        Some(match uri {
            "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => Self::RsaSha1,
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => Self::RsaSha256,
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => Self::RsaSha384,
            "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => Self::RsaSha512,
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => Self::EcdsaSha256,
            "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => Self::EcdsaSha384,
            _ => return None,
        })
    }

    pub(super) const fn as_str(self) -> &'static str {
        match self {
            Self::RsaSha1 => "rsa-sha1",
            Self::RsaSha256 => "rsa-sha256",
            Self::RsaSha384 => "rsa-sha384",
            Self::RsaSha512 => "rsa-sha512",
            Self::EcdsaSha256 => "ecdsa-sha256",
            Self::EcdsaSha384 => "ecdsa-sha384",
        }
    }

    /// Whether the algorithm is one for keys of this kind.
    pub(super) fn fits(self, kind: KeyKind) -> bool {
        let is_rsa = matches!(self, Self::RsaSha1 | Self::RsaSha256 | Self::RsaSha384 | Self::RsaSha512);
        is_rsa == matches!(kind, KeyKind::Rsa { .. })
    }

    /// Whether signatures by keys of this kind can be verified, if the algorithm fits it. ring has no SHA-384 for short RSA
    /// keys.
    pub(super) fn is_supported(self, kind: KeyKind) -> bool {
        let lacks_hash = kind.is_short_rsa() && self == Self::RsaSha384;
        !lacks_hash && !kind.is_out_of_range()
    }

    /// Whether the key made the signature. The policy is not considered.
    pub(super) fn verify(self, key: &TrustedKey, message: &[u8], signature: &[u8]) -> bool {
        if !self.fits(key.kind) || !self.is_supported(key.kind) {
            return false;
        }
        let verify = |algorithm: &'static dyn VerificationAlgorithm, signature: &[u8]| {
            UnparsedPublicKey::new(algorithm, &key.public).verify(message, signature).is_ok()
        };
        let is_short = key.kind.is_short_rsa();
        match (self, key.kind) {
            (Self::RsaSha1, _) if is_short => {
                verify(&signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY, signature)
            }
            (Self::RsaSha256, _) if is_short => {
                verify(&signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY, signature)
            }
            (Self::RsaSha512, _) if is_short => {
                verify(&signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY, signature)
            }
            (Self::RsaSha1, _) => verify(&signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY, signature),
            (Self::RsaSha256, _) => verify(&signature::RSA_PKCS1_2048_8192_SHA256, signature),
            (Self::RsaSha384, _) => verify(&signature::RSA_PKCS1_2048_8192_SHA384, signature),
            (Self::RsaSha512, _) => verify(&signature::RSA_PKCS1_2048_8192_SHA512, signature),
            (Self::EcdsaSha256, KeyKind::P256) => verify(&signature::ECDSA_P256_SHA256_FIXED, signature),
            (Self::EcdsaSha384, KeyKind::P384) => verify(&signature::ECDSA_P384_SHA384_FIXED, signature),
            // ring has these two for signatures in ASN.1 only.
            (Self::EcdsaSha384, _) => {
                asn1(signature, 32).is_some_and(|signature| verify(&signature::ECDSA_P256_SHA384_ASN1, &signature))
            }
            (Self::EcdsaSha256, _) => {
                asn1(signature, 48).is_some_and(|signature| verify(&signature::ECDSA_P384_SHA256_ASN1, &signature))
            }
        }
    }
}

/// An ECDSA signature as ASN.1 (RFC 3279, 2.2.3). XML Signature has two numbers of `length` bytes, one after the other.
fn asn1(signature: &[u8], length: usize) -> Option<Vec<u8>> {
    let (r, s) = signature.split_at_checked(length).filter(|(_, s)| s.len() == length)?;
    let (r, s) = (UintRef::new(r).ok()?, UintRef::new(s).ok()?);
    let content: Length = (r.encoded_len().ok()? + s.encoded_len().ok()?).ok()?;
    let mut encoded = Vec::new();
    Header::new(Tag::Sequence, content).ok()?.encode(&mut encoded).ok()?;
    r.encode(&mut encoded).ok()?;
    s.encode(&mut encoded).ok()?;
    Some(encoded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_as_asn1() {
        // Leading zeros go, and a leading bit that is set gets one.
        let signature = [&[0; 31][..], &[5], &[0x80], &[1; 31]].concat();
        let expected = [&[0x30, 38, 2, 1, 5, 2, 33, 0, 0x80][..], &[1; 31]].concat();
        assert_eq!(asn1(&signature, 32), Some(expected));
        assert_eq!(asn1(&signature[1..], 32), None);
        assert_eq!(asn1(&signature, 48), None);
        assert_eq!(asn1(&[], 32), None);
    }
}
