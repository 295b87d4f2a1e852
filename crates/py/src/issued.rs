//! Issued sessions.

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tempaccess_core::sink::{self, SessionSummary};

use crate::errors::raise;
use crate::reading::{Role, datetime, loads, to_json};

/// An issued session: credentials, and what is known about them.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct IssuedSession(pub(crate) tempaccess_core::IssuedSession);

#[pymethods]
impl IssuedSession {
    /// The id of the access key, which CloudTrail has.
    #[getter]
    fn access_key_id(&self) -> &str {
        &self.0.answer.credentials.access_key_id
    }

    /// The secret access key.
    #[getter]
    fn secret_access_key(&self) -> &str {
        self.0.answer.credentials.secret_access_key.expose()
    }

    /// The session token.
    #[getter]
    fn session_token(&self) -> &str {
        self.0.answer.credentials.session_token.expose()
    }

    /// When AWS stops accepting them: a datetime in UTC.
    #[getter]
    fn expiration<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.answer.credentials.expiration)
    }

    /// The 12-digit id of the account.
    #[getter]
    fn account_id(&self) -> &str {
        self.0.answer.credentials.account_id()
    }

    /// The ARN of the role.
    #[getter]
    fn role_arn(&self) -> &str {
        self.0.answer.credentials.role.as_str()
    }

    /// The region of the settings, if they have one.
    #[getter]
    fn region(&self) -> Option<&str> {
        self.0.answer.credentials.region.as_deref()
    }

    /// Everything but the secrets, as a dict.
    #[getter]
    fn summary<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        loads(py, &self.summary_json()?)
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "an IssuedSession cannot be pickled, because it contains secrets; pickle its `summary`, or pass on \
             `credentials_json()` where it stays secret",
        ))
    }

    /// Returns everything but the secrets, as `tempaccess login --output json` prints it.
    fn summary_json(&self) -> PyResult<String> {
        to_json(&SessionSummary::new(&self.0))
    }

    /// Returns everything, as `tempaccess credentials --output json` prints it.
    fn credentials_json(&self) -> String {
        sink::credentials_json(&self.0).expose().to_owned()
    }

    /// Returns what the AWS CLI and the SDKs expect from a `credential_process`.
    fn credential_process(&self) -> String {
        sink::credential_process(&self.0.answer.credentials).expose().to_owned()
    }

    fn __repr__(&self) -> String {
        let credentials = &self.0.answer.credentials;
        format!(
            "IssuedSession(role_arn='{}', access_key_id='{}', expiration='{}')",
            credentials.role, credentials.access_key_id, credentials.expiration
        )
    }
}

/// One role of many that credentials were issued for.
#[pyclass(frozen, get_all, module = "tempaccess")]
pub(crate) struct IssuedRole {
    /// The role.
    role: Py<Role>,
    /// Its credentials.
    issued: Py<IssuedSession>,
}

#[pymethods]
impl IssuedRole {
    /// `None`.
    #[getter]
    fn error(&self) -> Option<Py<PyAny>> {
        None
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__(&self) -> PyResult<()> {
        Err(PyTypeError::new_err(
            "an IssuedRole cannot be pickled, because it contains secrets; pickle its `role` and `issued.summary`",
        ))
    }

    fn __repr__(&self) -> String {
        format!("IssuedRole(role_arn='{}')", self.role.get().0.role())
    }
}

/// One role of many that no credentials were issued for.
#[pyclass(frozen, get_all, module = "tempaccess")]
pub(crate) struct FailedRole {
    /// The role.
    role: Py<Role>,
    /// Why not.
    error: Py<PyAny>,
}

#[pymethods]
impl FailedRole {
    /// `None`.
    #[getter]
    fn issued(&self) -> Option<Py<PyAny>> {
        None
    }

    fn __copy__(slf: Py<Self>) -> Py<Self> {
        slf
    }

    fn __deepcopy__(slf: Py<Self>, _memo: &Bound<'_, PyAny>) -> Py<Self> {
        slf
    }

    fn __reduce__<'py>(&self, py: Python<'py>) -> PyResult<Restored<'py>> {
        let restore = py.import("tempaccess._tempaccess")?.getattr("restore_failed_role")?;
        Ok((restore, (self.role.clone_ref(py), self.error.clone_ref(py))))
    }

    fn __repr__(&self, py: Python<'_>) -> String {
        format!("FailedRole(role_arn='{}', error={:?})", self.role.get().0.role(), self.error.bind(py).to_string())
    }
}

/// How `pickle` restores a role without credentials: the function, and its arguments.
type Restored<'py> = (Bound<'py, PyAny>, (Py<Role>, Py<PyAny>));

/// Restores a pickled role without credentials.
#[pyfunction]
pub(crate) fn restore_failed_role(role: Py<Role>, error: Py<PyAny>) -> FailedRole {
    FailedRole { role, error }
}

/// Returns an `IssuedRole` or a `FailedRole`.
pub(crate) fn exchanged(py: Python<'_>, exchanged: tempaccess_core::session::Exchanged) -> PyResult<Py<PyAny>> {
    let role = Py::new(py, Role(exchanged.offer))?;
    Ok(match exchanged.result {
        Ok(issued) => Py::new(py, IssuedRole { role, issued: Py::new(py, IssuedSession(issued))? })?.into_any(),
        Err(error) => Py::new(py, FailedRole { role, error: raise(py, &error).into_value(py).into_any() })?.into_any(),
    })
}
