//! Which algorithms there are, and which of them are good enough.

use ring::digest;
use ring::signature::{self, UnparsedPublicKey, VerificationAlgorithm};

use super::keys::{KeyKind, TrustedKey};

/// What a signature may be made with. The default is strict; each field loosens one rule.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SignaturePolicy {
    /// Accepts SHA-1, for digests and for RSA signatures. Collisions of SHA-1 can be made.
    pub allow_sha1: bool,
    /// Accepts RSA keys of 1,024 to 2,047 bits.
    pub allow_short_rsa: bool,
    /// Accepts a pinned certificate outside the time that it says it is valid. The key is pinned either way, and many
    /// identity providers leave an expired certificate in place.
    pub allow_expired_certificate: bool,
}

impl SignaturePolicy {
    /// The strict policy with the rules of your choice loosened.
    pub fn new(allow_sha1: bool, allow_short_rsa: bool, allow_expired_certificate: bool) -> Self {
        Self { allow_sha1, allow_short_rsa, allow_expired_certificate }
    }
}

/// A digest algorithm by the URI that XML Signature knows it by.
pub(super) fn digest_method(uri: &str) -> Option<(&'static str, &'static digest::Algorithm)> {
    Some(match uri {
        "http://www.w3.org/2000/09/xmldsig#sha1" => ("sha1", &digest::SHA1_FOR_LEGACY_USE_ONLY),
        "http://www.w3.org/2001/04/xmlenc#sha256" => ("sha256", &digest::SHA256),
        "http://www.w3.org/2001/04/xmldsig-more#sha384" => ("sha384", &digest::SHA384),
        "http://www.w3.org/2001/04/xmlenc#sha512" => ("sha512", &digest::SHA512),
        _ => return None,
    })
}

/// A signature algorithm by the URI that XML Signature knows it by.
pub(super) fn signature_method(uri: &str) -> Option<SignatureMethod> {
    use SignatureMethod as M;
    Some(match uri {
        "http://www.w3.org/2000/09/xmldsig#rsa-sha1" => M::RsaSha1,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha256" => M::RsaSha256,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha384" => M::RsaSha384,
        "http://www.w3.org/2001/04/xmldsig-more#rsa-sha512" => M::RsaSha512,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha256" => M::EcdsaSha256,
        "http://www.w3.org/2001/04/xmldsig-more#ecdsa-sha384" => M::EcdsaSha384,
        _ => return None,
    })
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SignatureMethod {
    RsaSha1,
    RsaSha256,
    RsaSha384,
    RsaSha512,
    EcdsaSha256,
    EcdsaSha384,
}

impl SignatureMethod {
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

    /// Whether the key has made the signature. A key of another kind, or one that is too short, has not.
    pub(super) fn verify(self, key: &TrustedKey, policy: SignaturePolicy, message: &[u8], signature: &[u8]) -> bool {
        let algorithm: &dyn VerificationAlgorithm = match (self, key.kind) {
            (Self::RsaSha1, KeyKind::Rsa { bits: 2048.. }) => &signature::RSA_PKCS1_2048_8192_SHA1_FOR_LEGACY_USE_ONLY,
            (Self::RsaSha256, KeyKind::Rsa { bits: 2048.. }) => &signature::RSA_PKCS1_2048_8192_SHA256,
            (Self::RsaSha384, KeyKind::Rsa { bits: 2048.. }) => &signature::RSA_PKCS1_2048_8192_SHA384,
            (Self::RsaSha512, KeyKind::Rsa { bits: 2048.. }) => &signature::RSA_PKCS1_2048_8192_SHA512,
            (Self::EcdsaSha256, KeyKind::P256) => &signature::ECDSA_P256_SHA256_FIXED,
            (Self::EcdsaSha384, KeyKind::P384) => &signature::ECDSA_P384_SHA384_FIXED,
            (method, KeyKind::Rsa { .. }) if policy.allow_short_rsa => match method {
                Self::RsaSha1 => &signature::RSA_PKCS1_1024_8192_SHA1_FOR_LEGACY_USE_ONLY,
                Self::RsaSha256 => &signature::RSA_PKCS1_1024_8192_SHA256_FOR_LEGACY_USE_ONLY,
                Self::RsaSha512 => &signature::RSA_PKCS1_1024_8192_SHA512_FOR_LEGACY_USE_ONLY,
                _ => return false,
            },
            _ => return false,
        };
        UnparsedPublicKey::new(algorithm, &key.public).verify(message, signature).is_ok()
    }
}
