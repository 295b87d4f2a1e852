use std::path::Path;

use jiff::Timestamp;

use super::conditions::{self, Expectations};
use super::keys::TrustedKeys;
use super::policy::SignaturePolicy;
use super::verified::{Verified, VerifiedSignature, VerifyOutcome};
#[cfg(feature = "samael")]
use super::{keys, xmlsec};
use super::{profile, signature};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::tree::{NodeId, Tree};
#[cfg(feature = "samael")]
use crate::saml::without_declaration;
use crate::saml::{Assertion, Content, Limits, SamlResponse};

/// Verifies SAML responses against pinned keys.
#[derive(Debug, Clone)]
pub struct Verifier {
    keys: TrustedKeys,
    policy: SignaturePolicy,
    limits: Limits,
    engine: Engine,
}

/// What verifies the signatures. Audience, recipient and time are judged by the same code for every engine.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Engine {
    /// The strict verifier of this module.
    #[default]
    Own,
    /// libxmlsec1 through samael, as a second opinion. It accepts some documents that the strict verifier refuses for their
    /// shape.
    #[cfg(feature = "samael")]
    Xmlsec,
}

impl Verifier {
    /// Returns a verifier that trusts these keys, with the strict policy and the default limits.
    pub fn new(keys: TrustedKeys) -> Self {
        Self { keys, policy: SignaturePolicy::default(), limits: Limits::default(), engine: Engine::Own }
    }

    /// Returns a verifier that uses this engine and trusts the keys in a file: metadata of the identity provider, PEM or DER. With
    /// `Engine::Xmlsec`, samael must read the same keys from metadata.
    ///
    /// # Errors
    ///
    /// As [`TrustedKeys::from_file`].
    pub fn from_file(path: impl AsRef<Path>, engine: Engine) -> Result<Self> {
        let keys = match engine {
            Engine::Own => TrustedKeys::from_file(path)?,
            #[cfg(feature = "samael")]
            Engine::Xmlsec => TrustedKeys::parse_with_samael(&keys::read_file(path.as_ref())?)?,
        };
        Ok(Self::new(keys).engine(engine))
    }

    /// The keys that it trusts.
    pub fn keys(&self) -> &TrustedKeys {
        &self.keys
    }

    /// Sets the policy for signatures.
    #[must_use]
    pub fn policy(mut self, policy: SignaturePolicy) -> Self {
        self.policy = policy;
        self
    }

    /// Sets the engine that verifies the signatures.
    #[must_use]
    pub fn engine(mut self, engine: Engine) -> Self {
        self.engine = engine;
        self
    }

    /// Sets the limits for reading.
    #[must_use]
    pub fn limits(mut self, limits: Limits) -> Self {
        self.limits = limits;
        self
    }

    /// Returns the assertion, read from the element that a trusted key has signed, if it meets the expectations and is valid at
    /// `now`.
    ///
    /// # Errors
    ///
    /// As reading; `forbidden_construct`, `unsigned_assertion`, `signature_invalid`, `assertion_not_accepted`,
    /// `encrypted_assertion`; `invalid_configuration` if the trusted metadata has expired.
    pub fn verify(
        &self,
        response: &SamlResponse,
        expected: &Expectations,
        now: Timestamp,
    ) -> Result<Verified<Assertion>> {
        self.examine(response, expected, now).into_result()
    }

    /// The same, with the valid signatures even if something else is wrong.
    pub fn examine(&self, response: &SamlResponse, expected: &Expectations, now: Timestamp) -> VerifyOutcome {
        let mut signatures = Vec::new();
        let result = self.judge(response.xml(), expected, now, &mut signatures).map(|mut assertion| {
            assertion.encoded_characters = response.encoded().expose().len();
            assertion
        });
        VerifyOutcome { signatures, result }
    }

    fn judge(
        &self,
        xml: &str,
        expected: &Expectations,
        now: Timestamp,
        verified: &mut Vec<VerifiedSignature>,
    ) -> Result<Assertion> {
        self.keys.check_validity(now)?;
        let tree = Tree::read(xml, &self.limits)?;
        #[cfg(feature = "samael")]
        if self.engine == Engine::Xmlsec {
            return self.judge_with_xmlsec(&tree, xml, expected, now);
        }
        let document = profile::check(&tree)?;
        // Outermost first. Every signature must be valid, even if another one covers the assertion.
        let mut covered: Option<NodeId> = None;
        for (element, signature) in
            [(Some(document.root), document.root_signature), (document.assertion, document.assertion_signature)]
        {
            let (Some(element), Some(signature)) = (element, signature) else { continue };
            verified.push(signature::verify(&tree, element, signature, &self.keys, self.policy, now)?);
            covered.get_or_insert(element);
        }
        // The response around the assertion, signed or not.
        let outside = tree.facts(document.root, &self.limits)?;
        let Some(covered) = covered else { return Err(unsigned(&outside)) };
        let (assertion, response) = if covered == document.root {
            let response = outside.response.clone();
            (outside, response)
        } else {
            (tree.facts(covered, &self.limits)?, outside.response)
        };
        if assertion.content != Content::Plain {
            return Err(match assertion.offers() {
                Err(refusal) => refusal,
                Ok(_) => conditions::refused("the response contains no assertion"),
            });
        }
        conditions::judge(&tree, document.assertion, &assertion, response.as_ref(), &self.keys, expected, now)?;
        Ok(assertion)
    }

    #[cfg(feature = "samael")]
    fn judge_with_xmlsec(&self, tree: &Tree, xml: &str, expected: &Expectations, now: Timestamp) -> Result<Assertion> {
        let outside = tree.facts(tree.root(), &self.limits)?;
        profile::check_version(tree)?;
        if !signature::check_for_xmlsec(tree, self.policy)? {
            return Err(unsigned(&outside));
        }
        let keys = self.keys.accepted(self.policy, now)?;
        // libxml2 is given UTF-8, whatever encoding the document declares.
        let signed = xmlsec::signed_part(without_declaration(xml), &keys, self.policy)?;
        let tree = Tree::read(&signed, &self.limits)?;
        let assertion = tree.facts(tree.root(), &self.limits)?;
        if assertion.content != Content::Plain {
            return Err(conditions::refused("the signed part contains no assertion"));
        }
        let inside = profile::assertion_inside(&tree);
        conditions::judge(&tree, inside, &assertion, outside.response.as_ref(), &self.keys, expected, now)?;
        Ok(assertion)
    }
}

/// The error for a document without a signature. A failure that the response reports matters more.
fn unsigned(outside: &Assertion) -> Error {
    match outside.offers() {
        Err(refusal)
            if matches!(refusal.kind(), ErrorKind::EncryptedAssertion | ErrorKind::IdentityProviderRefused) =>
        {
            refusal
        }
        _ => Error::new(
            ErrorKind::UnsignedAssertion,
            Stage::Verification,
            "neither the response nor the assertion is signed",
        )
        .with_hint("the identity provider must sign the response, the assertion or both"),
    }
}
