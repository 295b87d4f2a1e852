//! Is the document genuine? A strict verifier of the SAML signature profile (SAML core, section 5).
//!
//! AWS verifies what it is given, so this is not what keeps an account safe. It is for whoever shows or acts on what an
//! assertion says before AWS has seen it, and for finding out why AWS refused.
//!
//! The document is read once, into one bounded tree. Signatures are verified over its nodes, and the facts are read from
//! beneath the node that was signed: there is no second parser to see something else. What the profile does not need is
//! refused: DTDs and processing instructions, a second assertion, references to anything but the signature's own parent,
//! transforms but the enveloped one and exclusive canonicalization, HMAC, keys that the document brings along.
//!
//! ```no_run
//! use tempaccess_core::verify::{Expectations, TrustedKeys, Verifier};
//! use tempaccess_core::{Clock, Limits, SamlResponse, SystemClock};
//!
//! let verifier = Verifier::new(TrustedKeys::parse(&std::fs::read("okta-metadata.xml").unwrap())?);
//! let response = SamlResponse::detect(&std::fs::read("response.txt").unwrap(), &Limits::default())?;
//! let verified = verifier.verify(&response, &Expectations::aws(), SystemClock.now())?;
//! println!("{:?}", verified.aws.roles);
//! # Ok::<(), tempaccess_core::Error>(())
//! ```

mod algorithm;
mod c14n;
mod conditions;
mod keys;
mod metadata;
mod profile;
mod signature;
#[cfg(feature = "samael")]
mod xmlsec;

use std::ops::Deref;

use jiff::Timestamp;
use serde::Serialize;

pub use algorithm::SignaturePolicy;
pub use conditions::Expectations;
pub use keys::{TrustedKey, TrustedKeys};
pub use metadata::IdentityProvider;

use crate::error::{Error, ErrorKind, ErrorReport, Result, Stage};
use crate::saml::tree::{NodeId, Tree};
use crate::saml::{Assertion, Content, Inspection, Limits, SamlResponse};

/// Verifies signatures against keys that were pinned beforehand.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: TrustedKeys,
    policy: SignaturePolicy,
    limits: Limits,
    engine: Engine,
}

/// What looks at the signatures. Whom the assertion is meant for, and when, is judged in one place whatever the engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// The strict verifier of this module.
    #[default]
    Own,
    /// libxmlsec1, through samael: a second opinion. It accepts documents that the strict one refuses for their shape.
    #[cfg(feature = "samael")]
    Xmlsec,
}

/// Something that was verified, and by which signatures. There is no other way to make one.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Verified<T> {
    value: T,
    signatures: Vec<VerifiedSignature>,
}

impl<T> Verified<T> {
    /// The signatures that cover it, outermost first.
    pub fn signatures(&self) -> &[VerifiedSignature] {
        &self.signatures
    }

    /// The value by itself.
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

/// A signature that holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VerifiedSignature {
    /// What it signs.
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
pub enum SignedElement {
    /// The whole response.
    Response,
    /// The assertion in it.
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

/// What verifying found.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct Verification<'a> {
    /// Whether the assertion is genuine and can be accepted.
    pub verified: bool,
    /// The signatures that hold, as far as they were looked at.
    pub signatures: &'a [VerifiedSignature],
    /// The first thing that is wrong.
    pub error: Option<ErrorReport<'a>>,
}

/// What is in a response and what verifying found, as `tempaccess inspect --verify --output json` prints it.
#[derive(Debug, Clone, Serialize)]
pub struct Examination<'a> {
    /// What is in it, whoever signed it.
    #[serde(flatten)]
    pub inspection: Inspection<'a>,
    /// What verifying found.
    pub verification: Verification<'a>,
}

/// What verifying found: the signatures that hold, and the assertion or the first thing that is wrong.
#[derive(Debug)]
pub struct Outcome {
    signatures: Vec<VerifiedSignature>,
    result: Result<Assertion>,
}

impl Outcome {
    /// What was found, as data.
    pub fn report(&self) -> Verification<'_> {
        Verification {
            verified: self.result.is_ok(),
            signatures: &self.signatures,
            error: self.result.as_ref().err().map(Error::report),
        }
    }

    /// The assertion, if it is genuine.
    ///
    /// # Errors
    ///
    /// The first thing that is wrong.
    pub fn into_result(self) -> Result<Verified<Assertion>> {
        self.result.map(|value| Verified { value, signatures: self.signatures })
    }
}

impl Verifier {
    /// A verifier that trusts these keys, with the strict policy and the default limits.
    pub fn new(keys: TrustedKeys) -> Self {
        Self { keys, policy: SignaturePolicy::default(), limits: Limits::default(), engine: Engine::Own }
    }

    /// Accepts what this policy allows.
    #[must_use]
    pub fn policy(mut self, policy: SignaturePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Lets another engine look at the signatures.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Reads within limits of your own.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// The assertion, read from beneath what a trusted key has signed, if it is meant for whom it is expected to be
    /// meant for and valid at `now`.
    ///
    /// # Errors
    ///
    /// As reading; `forbidden_construct`, `unsigned_assertion`, `signature_invalid`, `assertion_not_accepted`,
    /// `encrypted_assertion`.
    pub fn verify(
        &self,
        response: &SamlResponse,
        expected: &Expectations,
        now: Timestamp,
    ) -> Result<Verified<Assertion>> {
        self.examine(response, expected, now).into_result()
    }

    /// The same, with the signatures that hold even where something else is wrong.
    pub fn examine(&self, response: &SamlResponse, expected: &Expectations, now: Timestamp) -> Outcome {
        let mut signatures = Vec::new();
        let result = self.judge(response.xml(), expected, now, &mut signatures).map(|mut assertion| {
            assertion.encoded_characters = response.encoded().expose().len();
            assertion
        });
        Outcome { signatures, result }
    }

    fn judge(
        &self,
        xml: &str,
        expected: &Expectations,
        now: Timestamp,
        verified: &mut Vec<VerifiedSignature>,
    ) -> Result<Assertion> {
        let tree = Tree::read(xml, &self.limits)?;
        #[cfg(feature = "samael")]
        if self.engine == Engine::Xmlsec {
            return self.judge_by_xmlsec(&tree, xml, expected, now);
        }
        let document = profile::check(&tree)?;
        // Outermost first. A signature that does not hold is refused even where another one would do.
        let mut covered: Option<NodeId> = None;
        for (of, signature) in
            [(Some(document.root), document.root_signature), (document.assertion, document.assertion_signature)]
        {
            let (Some(of), Some(signature)) = (of, signature) else { continue };
            verified.push(signature::verify(&tree, of, signature, &self.keys, self.policy, now)?);
            covered.get_or_insert(of);
        }
        // Whatever it is that was not signed, what it reports is worth hearing.
        let outside = tree.facts(document.root, &self.limits)?;
        let Some(covered) = covered else {
            if outside.content == Content::Encrypted {
                return Err(outside
                    .offers()
                    .err()
                    .unwrap_or_else(|| conditions::refused("the assertion is encrypted")));
            }
            let error = Error::new(
                ErrorKind::UnsignedAssertion,
                Stage::Verification,
                "neither the response nor the assertion is signed",
            );
            return Err(match outside.offers() {
                Err(refused) if refused.kind() == ErrorKind::IdentityProviderRefused => refused,
                _ => error.with_hint("the identity provider must sign the response, the assertion or both"),
            });
        };
        let (assertion, response) = if covered == document.root {
            let response = outside.response.clone();
            (outside, response)
        } else {
            (tree.facts(covered, &self.limits)?, outside.response)
        };
        if assertion.content != Content::Plain {
            return Err(match assertion.offers() {
                Err(refused) => refused,
                Ok(_) => conditions::refused("there is no assertion in the response"),
            });
        }
        conditions::judge(&tree, document.assertion, &assertion, response.as_ref(), &self.keys, expected, now)?;
        Ok(assertion)
    }

    #[cfg(feature = "samael")]
    fn judge_by_xmlsec(&self, tree: &Tree, xml: &str, expected: &Expectations, now: Timestamp) -> Result<Assertion> {
        let outside = tree.facts(tree.root(), &self.limits)?;
        let keys = self.keys.usable(self.policy, now)?;
        let signed = xmlsec::signed_part(tree, xml, &keys, self.policy)?;
        // What is left has its signature still in it; its shape is that of the part which was signed.
        let tree = Tree::read(&signed, &self.limits)?;
        let assertion = tree.facts(tree.root(), &self.limits)?;
        if assertion.content != Content::Plain {
            return Err(conditions::refused("there is no assertion in what was signed"));
        }
        let inside = tree.elements(tree.root()).find(|node| tree.is(*node, crate::saml::ASSERTION, "Assertion"));
        conditions::judge(&tree, inside, &assertion, outside.response.as_ref(), &keys, expected, now)?;
        Ok(assertion)
    }
}

/// The exclusive canonical form (Exclusive XML Canonicalization 1.0, without comments) of the root element of a document,
/// or of the element whose `ID` is given: what a digest is made over. `prefixes` is the `PrefixList`.
///
/// # Errors
///
/// As reading; `invalid_argument` where there is no such element; `forbidden_construct` where the document holds a
/// processing instruction or a relative namespace URI.
///
/// ```
/// use tempaccess_core::{Limits, verify::canonicalize};
///
/// let form = canonicalize("<a:b xmlns:a='urn:a' xmlns:c='urn:c' d='1'/>", None, &[], &Limits::default())?;
/// assert_eq!(form, br#"<a:b xmlns:a="urn:a" d="1"></a:b>"#);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
pub fn canonicalize(xml: &str, id: Option<&str>, prefixes: &[&str], limits: &Limits) -> Result<Vec<u8>> {
    let tree = Tree::read(xml, limits)?;
    profile::check_canonical(&tree)?;
    let apex = match id {
        None => Some(tree.root()),
        Some(id) => tree.all().find(|node| tree.attribute(*node, "ID") == Some(id)),
    };
    let apex = apex.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Verification, "there is no element with this id in the document")
    })?;
    Ok(c14n::canonical(&tree, apex, None, prefixes))
}
