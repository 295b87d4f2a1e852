//! Whether an assertion is genuine.

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tempaccess_core::verify::{Examination, Expectations, SignaturePolicy, TrustedKeys, Verifier as Core};
use tempaccess_core::{
    SamlResponse,
    saml::{Inspection, Limits},
};

use crate::errors::raise;
use crate::reading::{Assertion, bytes, instant, loads, to_json};

/// Verifies signatures against keys that were pinned beforehand.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Verifier {
    core: Core,
    expected: Expectations,
    keys: Vec<String>,
}

#[pymethods]
impl Verifier {
    #[new]
    #[pyo3(signature = (keys, *, audience=None, recipient=None, in_response_to=None, allow_sha1=false,
        allow_short_rsa=false, allow_expired_certificate=false))]
    #[allow(clippy::too_many_arguments, reason = "they are keywords in Python")]
    fn new(
        py: Python<'_>,
        keys: &Bound<'_, PyAny>,
        audience: Option<String>,
        recipient: Option<String>,
        in_response_to: Option<String>,
        allow_sha1: bool,
        allow_short_rsa: bool,
        allow_expired_certificate: bool,
    ) -> PyResult<Self> {
        let keys = TrustedKeys::parse(&bytes(keys)?).map_err(|error| raise(py, &error))?;
        let mut expected = Expectations::from_parts(audience, recipient).map_err(|error| raise(py, &error))?;
        if let Some(id) = in_response_to {
            expected = expected.in_response_to(id);
        }
        let known = keys.keys().iter().map(|key| key.sha256().to_owned()).collect();
        let mut policy = SignaturePolicy::default();
        if allow_sha1 {
            policy = policy.allow_sha1();
        }
        if allow_short_rsa {
            policy = policy.allow_short_rsa();
        }
        if allow_expired_certificate {
            policy = policy.allow_expired_certificate();
        }
        Ok(Self { core: Core::new(keys).policy(policy), expected, keys: known })
    }

    /// The facts, read from beneath what a trusted key has signed.
    #[pyo3(signature = (response, *, at=None))]
    fn verify(
        &self,
        py: Python<'_>,
        response: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<Assertion> {
        let (bytes, now) = (bytes(response)?, instant(at)?);
        let verified = py.detach(|| {
            let response = SamlResponse::detect(&bytes, &Limits::default())?;
            self.core.verify(&response, &self.expected, now)
        });
        verified.map(|assertion| Assertion(assertion.into_inner())).map_err(|error| raise(py, &error))
    }

    /// What is in a response and what verifying found, as a dict.
    #[pyo3(signature = (response, *, at=None))]
    fn examine<'py>(
        &self,
        py: Python<'py>,
        response: &Bound<'py, PyAny>,
        at: Option<&Bound<'py, PyAny>>,
    ) -> PyResult<Bound<'py, PyDict>> {
        loads(py, &self.examine_json(py, response, at)?)
    }

    /// The same as JSON text.
    #[pyo3(signature = (response, *, at=None))]
    fn examine_json(
        &self,
        py: Python<'_>,
        response: &Bound<'_, PyAny>,
        at: Option<&Bound<'_, PyAny>>,
    ) -> PyResult<String> {
        let (bytes, now) = (bytes(response)?, instant(at)?);
        let examined = py.detach(|| {
            let response = SamlResponse::detect(&bytes, &Limits::default())?;
            let (assertion, outcome) = (response.read()?, self.core.examine(&response, &self.expected, now));
            let inspection = Inspection::new(&assertion, now);
            Ok(to_json(&Examination::new(inspection, outcome.report())))
        });
        examined.map_err(|error| raise(py, &error))?
    }

    fn __repr__(&self) -> String {
        format!("Verifier(keys={:?})", self.keys)
    }
}
