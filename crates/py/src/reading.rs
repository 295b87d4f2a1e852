//! Reading and choosing.

use std::collections::BTreeMap;

use jiff::Timestamp;
use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};
use serde::Serialize;
use tempaccess_core::{
    Clock, RoleOffer, RoleQuery,
    clock::SystemClock,
    saml::{Inspection, Limits},
};

use crate::errors::raise;

/// The bytes of `bytes`, or of `str` as UTF-8.
pub(crate) fn bytes<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<&'a [u8]> {
    match value.cast::<PyString>() {
        Ok(text) => Ok(text.to_str()?.as_bytes()),
        Err(_) => Ok(value.cast::<PyBytes>()?.as_bytes()),
    }
}

/// The instant to judge at: this one, or now.
pub(crate) fn instant(at: Option<&str>) -> PyResult<Timestamp> {
    let Some(text) = at else { return Ok(SystemClock.now()) };
    let refused = |_| PyValueError::new_err(format!("{text:?} is no instant; write it as 2026-11-24T12:00:00Z"));
    text.parse().map_err(refused)
}

pub(crate) fn to_json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

pub(crate) fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyDict>> {
    Ok(py.import("json")?.call_method1("loads", (json,))?.cast_into()?)
}

/// One role that an assertion offers, and the SAML provider through which it does.
#[pyclass(frozen, eq, hash, module = "tempaccess")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Role(pub(crate) RoleOffer);

#[pymethods]
impl Role {
    #[getter]
    fn role_arn(&self) -> &str {
        self.0.role().as_str()
    }

    #[getter]
    fn provider_arn(&self) -> &str {
        self.0.provider().as_str()
    }

    #[getter]
    fn partition(&self) -> &str {
        self.0.role().partition()
    }

    #[getter]
    fn account_id(&self) -> &str {
        self.0.role().account_id()
    }

    #[getter]
    fn name(&self) -> &str {
        self.0.role().name()
    }

    fn __repr__(&self) -> String {
        format!("Role(role_arn='{}', provider_arn='{}')", self.0.role(), self.0.provider())
    }
}

/// The facts read from a SAML response: untrusted and unverified.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Assertion(pub(crate) tempaccess_core::Assertion);

#[pymethods]
impl Assertion {
    /// The roles that are offered, in document order.
    #[getter]
    fn roles(&self, py: Python<'_>) -> PyResult<Vec<Role>> {
        let offers = self.0.offers().map_err(|error| raise(py, &error))?;
        Ok(offers.iter().cloned().map(Role).collect())
    }

    /// The one role that fits.
    #[pyo3(signature = (*, role=None, account=None, provider=None, account_names=None))]
    fn choose(
        &self,
        py: Python<'_>,
        role: Option<String>,
        account: Option<String>,
        provider: Option<String>,
        account_names: Option<BTreeMap<String, String>>,
    ) -> PyResult<Role> {
        let query = RoleQuery::from_parts(role, account, provider);
        let offers = self.0.offers().map_err(|error| raise(py, &error))?;
        let chosen = query.choose(offers, &account_names.unwrap_or_default());
        chosen.cloned().map(Role).map_err(|error| raise(py, &error))
    }

    /// The facts and what AWS would refuse, as a dict.
    #[pyo3(signature = (*, at=None))]
    fn inspect<'py>(&self, py: Python<'py>, at: Option<&str>) -> PyResult<Bound<'py, PyDict>> {
        loads(py, &self.inspect_json(at)?)
    }

    /// The facts and what AWS would refuse, as JSON text.
    #[pyo3(signature = (*, at=None))]
    fn inspect_json(&self, at: Option<&str>) -> PyResult<String> {
        to_json(&Inspection::new(&self.0, instant(at)?))
    }

    fn __repr__(&self) -> String {
        format!("Assertion(id={:?}, roles={})", self.0.id.as_deref().unwrap_or_default(), self.0.aws.roles.len())
    }
}

/// Reads a SAML response in any form: base64, XML, an HTML page, a SOAP envelope.
#[pyfunction]
pub(crate) fn read(py: Python<'_>, response: &Bound<'_, PyAny>) -> PyResult<Assertion> {
    let bytes = bytes(response)?;
    let read = py.detach(|| tempaccess_core::Assertion::read(bytes, &Limits::default()));
    read.map(Assertion).map_err(|error| raise(py, &error))
}
