//! Whether an assertion is genuine.

use napi_derive::napi;
use tempaccess_core::verify::{Examination, Expectations, SignaturePolicy, TrustedKeys, Verifier as Core};
use tempaccess_core::{
    SamlResponse,
    saml::{Inspection, Limits},
};

use crate::{Assertion, Result, instant, json, thrown};

/// Whom an assertion must be meant for, and which rules are loosened.
#[napi(object)]
pub struct VerifierOptions {
    pub audience: Option<String>,
    pub recipient: Option<String>,
    pub in_response_to: Option<String>,
    pub allow_sha1: Option<bool>,
    pub allow_short_rsa: Option<bool>,
    pub allow_expired_certificate: Option<bool>,
}

/// Verifies signatures against keys that were pinned beforehand.
#[napi]
pub struct Verifier {
    core: Core,
    expected: Expectations,
}

#[napi]
impl Verifier {
    #[napi(constructor)]
    pub fn new(keys: &[u8], options: VerifierOptions) -> Result<Self> {
        let keys = TrustedKeys::parse(keys).map_err(|error| thrown(&error))?;
        let expected = Expectations::from_parts(options.audience, options.recipient);
        let mut expected = expected.map_err(|error| thrown(&error))?;
        if let Some(id) = options.in_response_to {
            expected = expected.in_response_to(id);
        }
        let mut policy = SignaturePolicy::default();
        if options.allow_sha1 == Some(true) {
            policy = policy.allow_sha1();
        }
        if options.allow_short_rsa == Some(true) {
            policy = policy.allow_short_rsa();
        }
        if options.allow_expired_certificate == Some(true) {
            policy = policy.allow_expired_certificate();
        }
        Ok(Self { core: Core::new(keys).policy(policy), expected })
    }

    #[napi]
    pub fn verify(&self, response: &[u8], at: Option<String>) -> Result<Assertion> {
        let now = instant(at)?;
        let verified = SamlResponse::detect(response, &Limits::default())
            .and_then(|response| self.core.verify(&response, &self.expected, now));
        verified.map(|assertion| Assertion(assertion.into_inner())).map_err(|error| thrown(&error))
    }

    #[napi]
    pub fn examine_json(&self, response: &[u8], at: Option<String>) -> Result<String> {
        let now = instant(at)?;
        let response = SamlResponse::detect(response, &Limits::default()).map_err(|error| thrown(&error))?;
        let assertion = response.read().map_err(|error| thrown(&error))?;
        let outcome = self.core.examine(&response, &self.expected, now);
        let inspection = Inspection::new(&assertion, now);
        json(&Examination::new(inspection, outcome.report()))
    }
}
