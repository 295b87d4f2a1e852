//! What was given.

use pyo3::prelude::*;
use tempaccess_core::sink::{self, SessionSummary};

use crate::errors::raise;
use crate::reading::{Role, to_json};

/// What was given: credentials, and all that is known of them.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct IssuedSession(pub(crate) tempaccess_core::IssuedSession);

#[pymethods]
impl IssuedSession {
    #[getter]
    fn access_key_id(&self) -> &str {
        &self.0.answer.credentials.access_key_id
    }

    #[getter]
    fn secret_access_key(&self) -> &str {
        self.0.answer.credentials.secret_access_key.expose()
    }

    #[getter]
    fn session_token(&self) -> &str {
        self.0.answer.credentials.session_token.expose()
    }

    /// When AWS stops accepting them: a datetime in UTC.
    #[getter]
    fn expiration<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        let datetime = py.import("datetime")?;
        let utc = datetime.getattr("timezone")?.getattr("utc")?;
        let seconds = self.0.answer.credentials.expiration.as_second();
        datetime.getattr("datetime")?.call_method1("fromtimestamp", (seconds, utc))
    }

    #[getter]
    fn account_id(&self) -> &str {
        self.0.answer.credentials.account_id()
    }

    #[getter]
    fn role_arn(&self) -> &str {
        self.0.answer.credentials.role.as_str()
    }

    #[getter]
    fn region(&self) -> Option<&str> {
        self.0.answer.credentials.region.as_deref()
    }

    /// All that is known of them but for the secrets, as `tempaccess login --output json` prints it.
    fn summary_json(&self) -> PyResult<String> {
        to_json(&SessionSummary::new(&self.0))
    }

    /// The same with the secrets, as `tempaccess credentials --output json` prints it.
    fn credentials_json(&self) -> String {
        sink::credentials_json(&self.0).expose().to_owned()
    }

    /// What the AWS CLI and the SDKs expect of a `credential_process`.
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

/// What became of one role of many.
#[pyclass(frozen, get_all, module = "tempaccess")]
pub(crate) struct Exchanged {
    /// The role.
    role: Py<Role>,
    /// What was given.
    issued: Option<Py<IssuedSession>>,
    /// Why nothing was.
    error: Option<Py<PyAny>>,
}

impl Exchanged {
    pub(crate) fn new(py: Python<'_>, exchanged: tempaccess_core::session::Exchanged) -> PyResult<Self> {
        let role = Py::new(py, Role(exchanged.offer))?;
        Ok(match exchanged.result {
            Ok(issued) => Self { role, issued: Some(Py::new(py, IssuedSession(issued))?), error: None },
            Err(error) => Self { role, issued: None, error: Some(raise(py, &error).into_value(py).into_any()) },
        })
    }
}

#[pymethods]
impl Exchanged {
    fn __repr__(&self, py: Python<'_>) -> String {
        let role = self.role.get().0.role();
        match &self.error {
            Some(error) => format!("Exchanged(role_arn='{role}', error={:?})", error.bind(py).to_string()),
            None => format!("Exchanged(role_arn='{role}')"),
        }
    }
}
