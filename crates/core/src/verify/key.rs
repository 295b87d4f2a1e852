//! One trusted key.

use jiff::Timestamp;
use ring::digest;
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::policy::SignaturePolicy;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::hex;

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// Kinds of keys that cannot be used, for messages.
const UNSUPPORTED: [(&str, &str); 6] = [
    ("1.3.132.0.35", "ECDSA over P-521"),
    ("1.3.132.0.10", "ECDSA over secp256k1"),
    ("1.2.840.10040.4.1", "DSA"),
    ("1.2.840.113549.1.1.10", "RSA-PSS"),
    ("1.3.101.112", "Ed25519"),
    ("1.3.101.113", "Ed448"),
];

/// A key that is trusted.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    pub(super) kind: KeyKind,
    /// As ring takes it: PKCS #1 for RSA, the point for ECDSA.
    pub(super) public: Vec<u8>,
    pub(super) subject: Option<String>,
    pub(super) sha256: String,
    /// The certificate, in DER.
    #[cfg(feature = "samael")]
    certificate: Option<Vec<u8>>,
    /// The period of validity of the certificate.
    validity: Option<(Timestamp, Timestamp)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa { bits: usize },
    P256,
    P384,
}

/// The RSA keys that are accepted without loosening the policy, up to those that ring can verify with.
const RSA_BITS: std::ops::RangeInclusive<usize> = 2048..=8192;

/// The least RSA key that any policy accepts.
const MIN_RSA_BITS: usize = 1024;

impl KeyKind {
    /// Whether the key is an RSA key that no policy accepts.
    pub(super) fn is_out_of_range(self) -> bool {
        matches!(self, Self::Rsa { bits } if !(MIN_RSA_BITS..=*RSA_BITS.end()).contains(&bits))
    }

    pub(super) fn rsa_bits(self) -> Option<usize> {
        if let Self::Rsa { bits } = self { Some(bits) } else { None }
    }

    /// The length of a signature value in bytes (XML Signature 1.1, section 6.4).
    pub(super) fn signature_length(self) -> usize {
        match self {
            Self::Rsa { bits } => bits.div_ceil(8),
            Self::P256 => 64,
            Self::P384 => 96,
        }
    }

    pub(super) fn is_short_rsa(self) -> bool {
        matches!(self, Self::Rsa { bits } if bits < *RSA_BITS.start())
    }
}

impl TrustedKey {
    /// The subject of its certificate; `None` for a bare key.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The SHA-256 of its certificate, or of the bare key (`SubjectPublicKeyInfo`), in lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    /// Reads the key of a certificate in DER.
    pub(super) fn from_certificate(der: &[u8]) -> Result<Self> {
        let certificate = Certificate::from_der(der)
            .map_err(|error| unusable(format!("a certificate cannot be read: {error}")))?
            .tbs_certificate;
        let instant = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
        };
        let validity = (
            instant(certificate.validity.not_before).unwrap_or(Timestamp::MIN),
            instant(certificate.validity.not_after).unwrap_or(Timestamp::MAX),
        );
        let subject = certificate.subject.to_string();
        Self::new(&certificate.subject_public_key_info, der, Some(subject), Some(validity))
    }

    /// Reads a bare key (`SubjectPublicKeyInfo`) in DER.
    pub(super) fn from_public_key(der: &[u8]) -> Result<Self> {
        let key = SubjectPublicKeyInfoOwned::from_der(der).map_err(not_a_key)?;
        Self::new(&key, der, None, None)
    }

    fn new(
        key: &SubjectPublicKeyInfoOwned,
        der: &[u8],
        subject: Option<String>,
        validity: Option<(Timestamp, Timestamp)>,
    ) -> Result<Self> {
        let public = key.subject_public_key.raw_bytes().to_vec();
        let curve = || key.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
        let kind = match key.algorithm.oid {
            RSA => KeyKind::Rsa { bits: modulus_bits(&public).map_err(not_a_key)? },
            EC if curve() == Some(P256) => KeyKind::P256,
            EC if curve() == Some(P384) => KeyKind::P384,
            other => {
                let of = if other == EC { curve().unwrap_or(other) } else { other }.to_string();
                let name = UNSUPPORTED.iter().find(|(known, _)| *known == of).map_or(of.as_str(), |(_, name)| name);
                let owner = subject.map_or_else(String::new, |subject| format!(" of `{subject}`"));
                return Err(unusable(format!("the key{owner} is of a kind that is not supported: {name}"))
                    .with_hint("RSA and ECDSA over P-256 and P-384 are supported"));
            }
        };
        Ok(Self {
            kind,
            public,
            #[cfg(feature = "samael")]
            certificate: subject.is_some().then(|| der.to_vec()),
            subject,
            sha256: fingerprint(der),
            validity,
        })
    }

    /// The certificate, in DER.
    #[cfg(feature = "samael")]
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Refuses a key that the policy does not accept at this time.
    pub(super) fn check(&self, policy: SignaturePolicy, now: Timestamp) -> Result<()> {
        if self.kind.is_out_of_range() {
            return Err(self.out_of_range());
        }
        if self.kind.is_short_rsa() && !policy.allows_short_rsa() {
            return Err(refused(format!("the signature was made with an RSA key of {} bits, which is too short", self.bits())).with_hint(
                "ask the administrator of the identity provider for a key of 2,048 bits or more, or allow short RSA keys",
            ));
        }
        match self.validity {
            Some((from, until)) if !policy.allows_expired_certificate() && !(from..=until).contains(&now) => {
                Err(refused(format!("the certificate that signed is valid only from {from} until {until}"))
                    .with_hint("pin the renewed certificate of the identity provider, or allow expired certificates"))
            }
            _ => Ok(()),
        }
    }

    /// The error for an RSA key that no policy accepts.
    pub(super) fn out_of_range(&self) -> Error {
        let size = if self.bits() < MIN_RSA_BITS { "short" } else { "long" };
        refused(format!(
            "the trusted key is an RSA key of {} bits, which is too {size} to verify signatures with",
            self.bits()
        ))
        .with_hint("ask the administrator of the identity provider for a key of 2,048 to 8,192 bits; 1,024 is the least that can be allowed")
    }

    fn bits(&self) -> usize {
        self.kind.rsa_bits().unwrap_or_default()
    }
}

/// The length of an RSA key (RFC 8017, A.1.1).
fn modulus_bits(public: &[u8]) -> x509_cert::der::Result<usize> {
    let mut reader = SliceReader::new(public)?;
    reader.sequence(|reader| {
        let modulus = UintRef::decode(reader)?;
        UintRef::decode(reader)?;
        let leading = modulus.as_bytes().first().map_or(0, |byte| byte.leading_zeros() as usize);
        Ok(modulus.as_bytes().len() * 8 - leading)
    })
}

/// The SHA-256 of a certificate or a key, in lower-case hex.
pub(super) fn fingerprint(der: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, der).as_ref())
}

fn not_a_key(error: x509_cert::der::Error) -> Error {
    unusable(format!("a public key cannot be read: {error}"))
}

fn refused(message: String) -> Error {
    Error::new(ErrorKind::SignatureInvalid, Stage::Verification, message)
}

/// The error for keys or metadata that cannot be used.
pub(super) fn unusable(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidConfiguration, Stage::Verification, message)
}
