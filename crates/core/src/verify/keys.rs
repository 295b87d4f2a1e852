//! Keys that are trusted because somebody pinned them.

use jiff::Timestamp;
use ring::digest;
use rustls_pki_types::pem::{PemObject, SectionKind};
use x509_cert::Certificate;
use x509_cert::der::asn1::{ObjectIdentifier, UintRef};
use x509_cert::der::{Decode, Reader, SliceReader};
use x509_cert::spki::SubjectPublicKeyInfoOwned;

use super::algorithm::SignaturePolicy;
use super::metadata::{self, Metadata};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, hex};

const RSA: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.113549.1.1.1");
const EC: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.2.1");
const P256: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.2.840.10045.3.1.7");
const P384: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.132.0.34");

/// The keys that an identity provider signs with, pinned: from its metadata, or from certificates or keys in PEM.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    keys: Vec<TrustedKey>,
    issuer: Option<String>,
}

/// One key that is trusted.
#[derive(Debug, Clone)]
pub struct TrustedKey {
    pub(super) kind: KeyKind,
    /// As ring takes it: PKCS #1 for RSA, the point for ECDSA.
    pub(super) public: Vec<u8>,
    pub(super) subject: Option<String>,
    pub(super) sha256: String,
    /// Its certificate, in DER.
    #[cfg(feature = "samael")]
    certificate: Option<Vec<u8>>,
    /// When its certificate is valid.
    window: Option<(Timestamp, Timestamp)>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum KeyKind {
    Rsa { bits: usize },
    P256,
    P384,
}

impl TrustedKeys {
    /// Reads SAML metadata of an identity provider, or PEM that holds certificates (`CERTIFICATE`) or public keys
    /// (`PUBLIC KEY`). Whoever gives the file vouches for it: a signature on metadata is not looked at.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, also where there is no signing key in it.
    pub fn parse(text: &[u8]) -> Result<Self> {
        Self::parse_within(text, &Limits::default())
    }

    /// The same within limits of your own.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_within(text: &[u8], limits: &Limits) -> Result<Self> {
        match metadata::document(text)? {
            Some(xml) => Self::of(&metadata::read(xml, limits)?),
            None => Self::from_pem(text),
        }
    }

    pub(super) fn of(metadata: &Metadata) -> Result<Self> {
        let keys = metadata.certificates.iter().map(|der| TrustedKey::from_certificate(der)).collect::<Result<_>>()?;
        Ok(Self { keys, issuer: Some(metadata.entity_id.clone()) })
    }

    /// The same, metadata read by samael and libxml2: the other half of a second opinion.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    #[cfg(feature = "samael")]
    pub fn parse_with_samael(text: &[u8]) -> Result<Self> {
        // Ours reads it too: first, so that nothing beyond the limits gets further.
        let own = Self::parse(text)?;
        let Some(xml) = std::str::from_utf8(text).ok().filter(|_| own.issuer.is_some()) else { return Ok(own) };
        let (issuer, certificates) = super::xmlsec::metadata(xml.trim_start_matches('\u{feff}').trim_start())?;
        let keys = certificates.iter().map(|der| TrustedKey::from_certificate(der)).collect::<Result<_>>()?;
        Ok(Self { keys, issuer })
    }

    fn from_pem(text: &[u8]) -> Result<Self> {
        let mut keys = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            match section.map_err(|error| unusable(format!("the PEM cannot be read: {error:?}")))? {
                (SectionKind::Certificate, der) => keys.push(TrustedKey::from_certificate(&der)?),
                (SectionKind::PublicKey, der) => {
                    let key = SubjectPublicKeyInfoOwned::from_der(&der).map_err(not_a_key)?;
                    keys.push(TrustedKey::new(&key, &der, None, None)?);
                }
                // A private key is none of our business, and no reason to fail.
                _ => {}
            }
        }
        if keys.is_empty() {
            return Err(unusable("there is neither a certificate nor a public key in it")
                .with_hint("give the identity provider's SAML metadata, or its signing certificate in PEM"));
        }
        Ok(Self { keys, issuer: None })
    }

    /// The keys.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// Those that the policy lets count, for an engine that does not say which one it was.
    #[cfg(feature = "samael")]
    pub(super) fn usable(&self, policy: SignaturePolicy, now: Timestamp) -> Result<Self> {
        let mut usable = Self { keys: Vec::new(), issuer: self.issuer.clone() };
        let mut why = None;
        for key in &self.keys {
            let short = matches!(key.kind, KeyKind::Rsa { bits: ..2048 }) && !policy.allow_short_rsa;
            match key.check(policy, now) {
                Ok(()) if short => why = Some(key.too_short()),
                Ok(()) => usable.keys.push(key.clone()),
                Err(error) => why = Some(error),
            }
        }
        match why {
            Some(error) if usable.keys.is_empty() => Err(error),
            _ => Ok(usable),
        }
    }

    /// The entity ID of the identity provider, where metadata said it: then the assertion must come from it.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }
}

impl TrustedKey {
    /// The subject of its certificate; `None` for a bare key.
    pub fn subject(&self) -> Option<&str> {
        self.subject.as_deref()
    }

    /// The SHA-256 of its certificate, or of the bare key, in lower-case hex.
    pub fn sha256(&self) -> &str {
        &self.sha256
    }

    fn from_certificate(der: &[u8]) -> Result<Self> {
        let certificate = Certificate::from_der(der)
            .map_err(|error| unusable(format!("a certificate cannot be read: {error}")))?
            .tbs_certificate;
        let instant = |time: x509_cert::time::Time| {
            i64::try_from(time.to_unix_duration().as_secs())
                .ok()
                .and_then(|seconds| Timestamp::from_second(seconds).ok())
        };
        let window = (
            instant(certificate.validity.not_before).unwrap_or(Timestamp::MIN),
            instant(certificate.validity.not_after).unwrap_or(Timestamp::MAX),
        );
        let subject = certificate.subject.to_string();
        Self::new(&certificate.subject_public_key_info, der, Some(subject), Some(window))
    }

    fn new(
        key: &SubjectPublicKeyInfoOwned,
        der: &[u8],
        subject: Option<String>,
        window: Option<(Timestamp, Timestamp)>,
    ) -> Result<Self> {
        let public = key.subject_public_key.raw_bytes().to_vec();
        let curve = || key.algorithm.parameters.as_ref()?.decode_as::<ObjectIdentifier>().ok();
        let kind = match key.algorithm.oid {
            RSA => KeyKind::Rsa { bits: modulus_bits(&public).map_err(not_a_key)? },
            EC if curve() == Some(P256) => KeyKind::P256,
            EC if curve() == Some(P384) => KeyKind::P384,
            other => {
                return Err(unusable(format!("a key is of a kind that is not known here ({other})"))
                    .with_hint("RSA and ECDSA over P-256 and P-384 are known"));
            }
        };
        Ok(Self {
            kind,
            public,
            #[cfg(feature = "samael")]
            certificate: subject.is_some().then(|| der.to_vec()),
            subject,
            sha256: fingerprint(der),
            window,
        })
    }

    /// Its certificate, in DER.
    #[cfg(feature = "samael")]
    pub(super) fn certificate(&self) -> Option<&[u8]> {
        self.certificate.as_deref()
    }

    /// Whether the policy lets the key count at this time.
    pub(super) fn check(&self, policy: SignaturePolicy, now: Timestamp) -> Result<()> {
        match self.window {
            Some((from, until)) if !policy.allow_expired_certificate && !(from..=until).contains(&now) => {
                Err(Error::new(
                    ErrorKind::SignatureInvalid,
                    Stage::Verification,
                    format!("the certificate that signed is valid from {from} until {until} only"),
                )
                .with_hint("the administrator of the identity provider renews it, and you pin the new one; accepting it as it is is a policy of your own to set"))
            }
            _ => Ok(()),
        }
    }

    pub(super) fn too_short(&self) -> Error {
        let bits = if let KeyKind::Rsa { bits } = self.kind { bits } else { 0 };
        Error::new(
            ErrorKind::SignatureInvalid,
            Stage::Verification,
            format!("the signature was made with an RSA key of {bits} bits, which is too short"),
        )
        .with_hint("the administrator of the identity provider makes a key of 2,048 bits or more; accepting it as it is is a policy of your own to set")
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

pub(super) fn fingerprint(der: &[u8]) -> String {
    hex(digest::digest(&digest::SHA256, der).as_ref())
}

fn not_a_key(error: x509_cert::der::Error) -> Error {
    unusable(format!("a public key cannot be read: {error}"))
}

pub(super) fn unusable(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidConfiguration, Stage::Verification, message)
}
