//! Reading and choosing.

use std::borrow::Cow;
use std::collections::BTreeMap;

use jiff::Timestamp;
use pyo3::exceptions::{PyTypeError, PyValueError};
use pyo3::prelude::*;
use pyo3::types::{PyByteArray, PyBytes, PyDict, PyMemoryView, PyString};
use serde::Serialize;
use tempaccess_core::{
    Clock, RoleOffer, RoleQuery,
    clock::SystemClock,
    saml::{Inspection, Limits},
};

use crate::errors::raise;

/// The bytes of a bytes-like object, or of `str` as UTF-8.
pub(crate) fn bytes<'a>(value: &'a Bound<'_, PyAny>) -> PyResult<Cow<'a, [u8]>> {
    if let Ok(text) = value.cast::<PyString>() {
        return Ok(text.to_str()?.as_bytes().into());
    }
    if let Ok(bytes) = value.cast::<PyBytes>() {
        return Ok(bytes.as_bytes().into());
    }
    if let Ok(bytes) = value.cast::<PyByteArray>() {
        return Ok(bytes.to_vec().into());
    }
    if let Ok(view) = value.cast::<PyMemoryView>() {
        return Ok(view.call_method0("tobytes")?.extract::<Vec<u8>>()?.into());
    }
    let found = value.get_type().name()?;
    Err(PyTypeError::new_err(format!("a SAML response or a key must be str or a bytes-like object, not {found}")))
}

/// The instant to judge at: a `datetime`, a text, or now.
pub(crate) fn instant(at: Option<&Bound<'_, PyAny>>) -> PyResult<Timestamp> {
    let Some(at) = at else { return Ok(SystemClock.now()) };
    let text: String = match at.cast::<PyString>() {
        Ok(text) => text.extract()?,
        Err(_) if at.hasattr("tzinfo")? && at.hasattr("timestamp")? => {
            if at.getattr("tzinfo")?.is_none() {
                return Err(PyValueError::new_err("argument 'at': a datetime without a time zone; add `tzinfo`"));
            }
            at.call_method0("isoformat")?.extract()?
        }
        Err(_) => {
            let found = at.get_type().name()?;
            return Err(PyTypeError::new_err(format!("argument 'at' must be str or datetime, not {found}")));
        }
    };
    let invalid =
        |_| PyValueError::new_err(format!("argument 'at': invalid instant {text:?}; write it as 2026-11-24T12:00:00Z"));
    text.parse().map_err(invalid)
}

pub(crate) fn to_json(value: &impl Serialize) -> PyResult<String> {
    serde_json::to_string(value).map_err(|error| PyValueError::new_err(error.to_string()))
}

pub(crate) fn loads<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyDict>> {
    Ok(loads_any(py, json)?.cast_into()?)
}

pub(crate) fn loads_any<'py>(py: Python<'py>, json: &str) -> PyResult<Bound<'py, PyAny>> {
    py.import("json")?.call_method1("loads", (json,))
}

/// Returns a `datetime` in UTC.
pub(crate) fn datetime(py: Python<'_>, at: Timestamp) -> PyResult<Bound<'_, PyAny>> {
    let datetime = py.import("datetime")?;
    let utc = datetime.getattr("timezone")?.getattr("utc")?;
    datetime.getattr("datetime")?.call_method1("fromtimestamp", (at.as_second(), utc))
}

/// One role that an assertion offers, and the SAML provider through which it does.
#[pyclass(frozen, eq, hash, module = "tempaccess")]
#[derive(PartialEq, Eq, Hash)]
pub(crate) struct Role(pub(crate) RoleOffer);

#[pymethods]
impl Role {
    /// The ARN of the role.
    #[getter]
    fn role_arn(&self) -> &str {
        self.0.role().as_str()
    }

    /// The ARN of the SAML provider that offers it.
    #[getter]
    fn provider_arn(&self) -> &str {
        self.0.provider().as_str()
    }

    /// The partition: `aws`, `aws-cn`, `aws-us-gov`, …
    #[getter]
    fn partition(&self) -> &str {
        self.0.role().partition()
    }

    /// The 12-digit id of the account.
    #[getter]
    fn account_id(&self) -> &str {
        self.0.role().account_id()
    }

    /// The name of the role, without its path.
    #[getter]
    fn name(&self) -> &str {
        self.0.role().name()
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<(Bound<'py, PyAny>, (&str, &str))> {
        let restore = py.import("tempaccess._tempaccess")?.getattr("restore_role")?;
        Ok((restore, (self.role_arn(), self.provider_arn())))
    }

    fn __repr__(&self) -> String {
        format!("Role(role_arn='{}', provider_arn='{}')", self.0.role(), self.0.provider())
    }
}

/// Restores a pickled role.
#[pyfunction]
pub(crate) fn restore_role(role_arn: &str, provider_arn: &str) -> PyResult<Role> {
    let invalid = |error: tempaccess_core::arn::ArnError| PyValueError::new_err(error.to_string());
    Ok(Role(RoleOffer::new(role_arn.parse().map_err(invalid)?, provider_arn.parse().map_err(invalid)?)))
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
    fn inspect<'py>(&self, py: Python<'py>, at: Option<&Bound<'py, PyAny>>) -> PyResult<Bound<'py, PyDict>> {
        loads(py, &self.inspect_json(at)?)
    }

    /// The facts and what AWS would refuse, as JSON text.
    #[pyo3(signature = (*, at=None))]
    fn inspect_json(&self, at: Option<&Bound<'_, PyAny>>) -> PyResult<String> {
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
    let read = py.detach(|| tempaccess_core::Assertion::read(&bytes, &Limits::default()));
    read.map(Assertion).map_err(|error| raise(py, &error))
}
