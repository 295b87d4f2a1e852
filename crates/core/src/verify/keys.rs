//! The pinned keys of an identity provider.

use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::Timestamp;
use rustls_pki_types::pem::{PemObject, SectionKind};

use super::key::{TrustedKey, unusable};
use super::metadata::{self, Metadata};
#[cfg(feature = "samael")]
use super::{policy::SignaturePolicy, samael_metadata};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::input;
use crate::saml::Limits;

/// Whether this is DER, which begins with a sequence longer than 127 bytes. No text in UTF-8 begins like that.
fn is_der(text: &[u8]) -> bool {
    matches!(text, [0x30, 0x81..=0x84, ..])
}

/// The signing keys of an identity provider, pinned: from its metadata, or from certificates or keys in PEM or DER.
///
/// Keys of a kind that is not supported are skipped if there are others; [`skipped`](Self::skipped) tells which and why.
#[derive(Debug, Clone)]
pub struct TrustedKeys {
    keys: Vec<TrustedKey>,
    skipped: Vec<String>,
    issuer: Option<String>,
    valid_until: Option<Timestamp>,
}

impl TrustedKeys {
    /// Parses SAML metadata of an identity provider, PEM with certificates (`CERTIFICATE`) or public keys (`PUBLIC KEY`), or one
    /// of these in DER. The caller vouches for the content: a signature on metadata is not verified.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, including if there is no signing key that can be used.
    pub fn parse(text: &[u8]) -> Result<Self> {
        Self::parse_within(text, &Limits::default())
    }

    /// The same within other limits.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse).
    pub fn parse_within(text: &[u8], limits: &Limits) -> Result<Self> {
        if is_der(text) {
            return Self::from_der(text);
        }
        match metadata::as_xml(text)? {
            Some(xml) => Self::from_metadata(&metadata::read(&xml, limits)?),
            None => Self::from_pem(text),
        }
    }

    /// Reads the file and parses it. A file of more than 16 MiB is refused, and so is a pipe that is silent for 10 seconds.
    ///
    /// # Errors
    ///
    /// `io`, or as [`parse`](Self::parse).
    pub fn from_file(path: impl AsRef<Path>) -> Result<Self> {
        Self::parse(&read_file(path.as_ref())?)
    }

    pub(super) fn from_metadata(metadata: &Metadata) -> Result<Self> {
        let decode = |text: &String| {
            // Some providers copy the whole PEM into it; whitespace is gone by now.
            let bare = text.strip_prefix("-----BEGINCERTIFICATE-----");
            let bare = bare.and_then(|text| text.strip_suffix("-----ENDCERTIFICATE-----")).unwrap_or(text);
            STANDARD.decode(bare).map_err(|_| unusable("a certificate in the metadata is not base64"))
        };
        let keys = metadata.certificates.iter().map(|text| TrustedKey::from_certificate(&decode(text)?));
        Ok(Self {
            issuer: Some(metadata.entity_id.clone()),
            valid_until: metadata.valid_until,
            ..Self::from_keys(keys, || {
                unusable("the metadata contains no certificate to verify signatures with")
                    .with_hint("download the metadata again, or use the signing certificate in PEM")
            })?
        })
    }

    /// Parses as [`parse`](Self::parse), and requires that samael reads the same keys from metadata: the other half of a second
    /// opinion.
    ///
    /// # Errors
    ///
    /// As [`parse`](Self::parse); `invalid_configuration` if samael reads another identity provider or other keys.
    #[cfg(feature = "samael")]
    pub fn parse_with_samael(text: &[u8]) -> Result<Self> {
        // First, so that samael never reads what exceeds the limits.
        let keys = Self::parse(text)?;
        if is_der(text) {
            return Ok(keys);
        }
        if let Some(xml) = metadata::as_xml(text)? {
            let (issuer, certificates) = samael_metadata::read(&xml)?;
            let known: Vec<_> = certificates.iter().map(|der| super::key::fingerprint(der)).collect();
            if issuer != keys.issuer || !keys.keys.iter().all(|key| known.contains(&key.sha256)) {
                return Err(unusable("samael reads another identity provider or other keys from the metadata"));
            }
        }
        Ok(keys)
    }

    fn from_der(der: &[u8]) -> Result<Self> {
        let key = TrustedKey::from_certificate(der).or_else(|_| TrustedKey::from_public_key(der));
        Self::from_keys(std::iter::once(key), || unusable("the DER has no key"))
    }

    fn from_pem(text: &[u8]) -> Result<Self> {
        let mut sections = Vec::new();
        for section in <(SectionKind, Vec<u8>)>::pem_slice_iter(text) {
            sections.push(section.map_err(|_| {
                unusable("the PEM cannot be read: it is cut off, or its lines were joined")
                    .with_hint("`-----BEGIN …-----` and `-----END …-----` stand on lines of their own")
            })?);
        }
        let keys = sections.iter().filter_map(|(kind, der)| match kind {
            SectionKind::Certificate => Some(TrustedKey::from_certificate(der)),
            SectionKind::PublicKey => Some(TrustedKey::from_public_key(der)),
            // Private keys and others are ignored.
            _ => None,
        });
        Self::from_keys(keys, || {
            let error = unusable("the file contains neither a certificate nor a public key");
            if memchr::memmem::find(text, b"BEGIN RSA PUBLIC KEY").is_some() {
                return error.with_hint("convert the key: `openssl rsa -RSAPublicKey_in -in KEY.pem -pubout`");
            }
            error.with_hint("use the SAML metadata of the identity provider, or its signing certificate in PEM")
        })
    }

    /// Collects the keys that can be used. If there are none, it fails with the error of the first key, or with `none`.
    fn from_keys(found: impl Iterator<Item = Result<TrustedKey>>, none: impl Fn() -> Error) -> Result<Self> {
        let mut keys: Vec<TrustedKey> = Vec::new();
        let mut errors = Vec::new();
        for key in found {
            match key {
                // Metadata may list a key twice.
                Ok(key) if keys.iter().any(|known| known.sha256 == key.sha256) => {}
                Ok(key) => keys.push(key),
                Err(error) => errors.push(error),
            }
        }
        if keys.is_empty() {
            return Err(errors.into_iter().next().unwrap_or_else(none));
        }
        let skipped = errors.iter().map(|error| error.message().to_owned()).collect();
        Ok(Self { keys, skipped, issuer: None, valid_until: None })
    }

    /// The keys.
    pub fn keys(&self) -> &[TrustedKey] {
        &self.keys
    }

    /// Why keys of the file were skipped: one message for each.
    pub fn skipped(&self) -> &[String] {
        &self.skipped
    }

    /// The entity ID of the identity provider, if the keys are from metadata. Assertions must be issued by it then.
    pub fn issuer(&self) -> Option<&str> {
        self.issuer.as_deref()
    }

    /// The end of the metadata's validity (`validUntil`), if it has one.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Refuses keys from metadata whose `validUntil` has passed.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`.
    pub fn check_validity(&self, now: Timestamp) -> Result<()> {
        match self.valid_until {
            Some(end) if now >= end => {
                Err(unusable(format!("the metadata of the identity provider was valid until {end}"))
                    .with_hint("download the metadata again"))
            }
            _ => Ok(()),
        }
    }

    /// The keys that the policy accepts, for an engine that does not tell which key it used.
    #[cfg(feature = "samael")]
    pub(super) fn accepted(&self, policy: SignaturePolicy, now: Timestamp) -> Result<Vec<&TrustedKey>> {
        let mut accepted = Vec::new();
        let mut refusal = None;
        for key in &self.keys {
            match key.check(policy, now) {
                Ok(()) => accepted.push(key),
                Err(error) => refusal = refusal.or(Some(error)),
            }
        }
        match refusal {
            Some(error) if accepted.is_empty() => Err(error),
            _ => Ok(accepted),
        }
    }
}

/// Reads a file with keys or metadata, within the limits for files that a person names.
pub(super) fn read_file(path: &Path) -> Result<Vec<u8>> {
    input::read(path, input::MAX_BYTES, input::PIPE_TIMEOUT).map_err(|error| {
        let message = format!("cannot read the keys in `{}`: {error}", path.display());
        Error::new(ErrorKind::Io, Stage::Verification, message).with_source(error)
    })
}
