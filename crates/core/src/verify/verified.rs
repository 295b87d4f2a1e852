//! What verifying finds.

use std::ops::Deref;

use serde::Serialize;

use crate::error::{Error, ErrorReport, Result};
use crate::saml::{Assertion, Inspection};

/// A value that was verified, and the signatures that cover it. Only a [`Verifier`](super::Verifier) makes one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    signatures: Vec<VerifiedSignature>,
}

impl<T> Verified<T> {
    /// The signatures that cover the value, outermost first.
    pub fn signatures(&self) -> &[VerifiedSignature] {
        &self.signatures
    }

    /// Returns the value without its signatures.
    pub fn into_inner(self) -> T {
        self.value
    }
}

impl<T> Deref for Verified<T> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.value
    }
}

/// A valid signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VerifiedSignature {
    /// The element that it signs.
    pub of: SignedElement,
    /// The `ID` of that element.
    pub id: String,
    /// The signature algorithm, such as `rsa-sha256`.
    pub algorithm: &'static str,
    /// The digest algorithm, such as `sha256`.
    pub digest: &'static str,
    /// The subject of the key's certificate; `None` for a bare key.
    pub key_subject: Option<String>,
    /// The SHA-256 of the certificate, or of the bare key, in lower-case hex.
    pub key_sha256: String,
}

/// An element that a signature signs.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum SignedElement {
    /// The whole response.
    Response,
    /// The assertion.
    Assertion,
}

impl SignedElement {
    /// The name of the element.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Response => "Response",
            Self::Assertion => "Assertion",
        }
    }
}

/// The result of verifying, as data.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Verification<'a> {
    /// Whether the assertion is genuine and can be accepted.
    pub verified: bool,
    /// The valid signatures, up to the first one that is not.
    pub signatures: &'a [VerifiedSignature],
    /// The first thing that is wrong.
    pub error: Option<ErrorReport<'a>>,
}

/// The facts of a response and the result of verifying it, in the stable form that `tempaccess inspect --verify --output json`
/// prints.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Examination<'a> {
    /// The facts and problems of the whole document, signed or not.
    #[serde(flatten)]
    pub inspection: Inspection<'a>,
    /// The result of verifying.
    pub verification: Verification<'a>,
}

impl<'a> Examination<'a> {
    /// Combines the two.
    pub fn new(inspection: Inspection<'a>, verification: Verification<'a>) -> Self {
        Self { inspection, verification }
    }
}

/// The result of verifying: the valid signatures, and the assertion or the first thing that is wrong.
#[derive(Debug)]
pub struct VerifyOutcome {
    pub(super) signatures: Vec<VerifiedSignature>,
    pub(super) result: Result<Assertion>,
}

impl VerifyOutcome {
    /// Returns the result as data.
    pub fn report(&self) -> Verification<'_> {
        Verification {
            verified: self.result.is_ok(),
            signatures: &self.signatures,
            error: self.result.as_ref().err().map(Error::report),
        }
    }

    /// Returns the assertion if it is genuine and can be accepted.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn into_result(self) -> Result<Verified<Assertion>> {
        self.result.map(|value| Verified { value, signatures: self.signatures })
    }
}
