//! Grants as the person gets them: opening a sealed one, and asking for one.

use std::path::PathBuf;

use pyo3::prelude::*;
use pyo3::types::PyDict;
use tempaccess_core::Clock;
use tempaccess_core::clock::SystemClock;
use tempaccess_core::config::Config;
use tempaccess_core::grants::{RequestInput, RequestText};
use tempaccess_core::seal::{OpenedGrant as Core, SealedGrant, Signers};

use crate::ask::person;
use crate::errors::raise;
use crate::issued::IssuedSession;
use crate::reading::{datetime, instant, loads, to_json};
use crate::session::{Parts, config as find_config, wrong};
use crate::work::Work;

/// A sealed grant that was opened.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct OpenedGrant(Core);

#[pymethods]
impl OpenedGrant {
    /// The id.
    #[getter]
    fn id(&self) -> &str {
        self.0.header.id.as_str()
    }

    /// When access ends: a datetime in UTC.
    #[getter]
    fn until<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyAny>> {
        datetime(py, self.0.header.until)
    }

    /// The facts that the administrator signed, as a dict.
    #[getter]
    fn header<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyDict>> {
        loads(py, &to_json(&self.0.header)?)
    }

    /// The region of the credentials.
    #[getter]
    fn region(&self) -> Option<&str> {
        self.0.session.answer.credentials.region.as_deref()
    }

    /// The session, until the grant ends.
    #[getter]
    fn credentials(&self, py: Python<'_>) -> PyResult<IssuedSession> {
        self.0.header.require_live(SystemClock.now()).map_err(|error| raise(py, &error))?;
        Ok(IssuedSession(self.0.session.clone()))
    }

    fn __repr__(&self) -> String {
        let header = &self.0.header;
        format!(
            "OpenedGrant(id='{}', role_arn='{}', until='{}', by='{}')",
            header.id, header.role, header.until, header.by
        )
    }
}

/// Opens a sealed grant.
#[pyfunction]
#[pyo3(signature = (text, identities, accounts, *, config=None, prompter=None, settings="{}"))]
pub(crate) fn open_grant(
    py: Python<'_>,
    text: String,
    identities: Vec<PathBuf>,
    accounts: Vec<String>,
    config: Option<PathBuf>,
    prompter: Option<Py<PyAny>>,
    settings: &str,
) -> PyResult<Work> {
    // A profile says how to sign in, which a grant has no use for.
    let given = tempaccess_core::config::settings_from_arguments(settings, &[]);
    let given = given.map_err(|error| wrong("open_grant", error))?;
    let opener = || {
        let settings = given.resolve(&Config::default(), None)?;
        Ok(settings.grant_opener(&find_config(config)?, &identities, person(prompter))?.accounts(accounts))
    };
    let opener = opener().map_err(|error| raise(py, &error))?;
    Work::begin(async move { opener.open(&text).await }, |py, opened| Ok(Py::new(py, OpenedGrant(opened))?.into_any()))
}

/// Asks for a grant. The values are JSON.
#[pyfunction]
#[pyo3(signature = (input, *, profile=None, config=None, prompter=None))]
pub(crate) fn request_grant(
    py: Python<'_>,
    input: &str,
    profile: Option<&str>,
    config: Option<PathBuf>,
    prompter: Option<Py<PyAny>>,
) -> PyResult<Work> {
    let input = RequestInput::from_arguments(input, &[]).map_err(|error| wrong("request_grant", error))?;
    let parts = Parts::new(py, "request_grant", profile, config, None, "{}")?;
    let prompter = person(prompter);
    let work = async move { Ok(parts.settings.request_grant(&parts.config, &input, prompter).await?.to_text()) };
    Work::begin(work, |py, text| Ok(text.into_pyobject(py)?.unbind().into_any()))
}

/// Verifies who signed a sealed grant. Returns the facts that are signed.
#[pyfunction]
#[pyo3(signature = (text, signers=None, *, config=None, at=None))]
pub(crate) fn inspect_grant<'py>(
    py: Python<'py>,
    text: &str,
    signers: Option<&str>,
    config: Option<PathBuf>,
    at: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let at = instant(at)?;
    let verified = py.detach(|| SealedGrant::parse(text)?.verify(&trusted(signers, config)?, at));
    loads(py, &to_json(verified.map_err(|error| raise(py, &error))?.header())?)
}

/// Verifies who signed a request and its approvals. Returns what is asked for, and who has approved it.
#[pyfunction]
#[pyo3(signature = (text, signers=None, *, config=None, at=None))]
pub(crate) fn inspect_request<'py>(
    py: Python<'py>,
    text: &str,
    signers: Option<&str>,
    config: Option<PathBuf>,
    at: Option<&Bound<'py, PyAny>>,
) -> PyResult<Bound<'py, PyDict>> {
    let at = instant(at)?;
    let verified = py.detach(|| RequestText::parse(text)?.verify(&trusted(signers, config)?, at));
    loads(py, &to_json(&verified.map_err(|error| raise(py, &error))?)?)
}

/// The signers of a text, or those that the configuration names.
fn trusted(signers: Option<&str>, config: Option<PathBuf>) -> tempaccess_core::Result<Signers> {
    match signers {
        Some(text) => Signers::parse(text),
        None => find_config(config)?.signers(),
    }
}
