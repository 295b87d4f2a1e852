//! `Session`: the whole way, from a sign-in to credentials.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::PyTypeError;
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::net::HttpTransport;
use tempaccess_core::sink::KeptList;
use tempaccess_core::{Prompter, TempAccess, console::Console, source::NoPrompter};

use crate::ask::{Callable, Person};
use crate::errors::raise;
use crate::issued::{Exchanged, IssuedSession};
use crate::reading::{Role, loads, to_json};
use crate::work::Work;

fn config(file: Option<PathBuf>) -> tempaccess_core::Result<Config> {
    file.map_or_else(Config::find, |file| Config::load(&file))
}

/// Settings from keyword arguments. What is unknown is a `TypeError`, as for any function.
fn settings(py: Python<'_>, given: Option<&Bound<'_, PyDict>>) -> PyResult<Settings> {
    let Some(given) = given else { return Ok(Settings::default()) };
    let json: String = py.import("json")?.call_method1("dumps", (given,))?.extract()?;
    serde_json::from_str(&json).map_err(|error| PyTypeError::new_err(error.to_string()))
}

/// Temporary access: who signs in, which role is taken, for how long and how narrow.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Session {
    access: TempAccess,
    federation_endpoint_url: Option<String>,
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (profile=None, *, config=None, prompter=None, assertion_source=None, password=None, settings=None))]
    fn new(
        py: Python<'_>,
        profile: Option<&str>,
        config: Option<PathBuf>,
        prompter: Option<Py<PyAny>>,
        assertion_source: Option<Py<PyAny>>,
        password: Option<String>,
        settings: Option<&Bound<'_, PyDict>>,
    ) -> PyResult<Self> {
        let given = self::settings(py, settings)?;
        let prompter: Arc<dyn Prompter> = match prompter {
            Some(prompter) => Arc::new(Person::new(prompter)),
            None => Arc::new(NoPrompter),
        };
        let built = || {
            let config = self::config(config)?;
            let settings = given.resolve(&config, profile)?;
            let access = match assertion_source {
                Some(source) => settings.access_from(Arc::new(Callable::new(source)), &config)?,
                None => settings.access(&config, password.map(Into::into))?,
            };
            let access = access.prompter(prompter).build();
            Ok(Self { access, federation_endpoint_url: settings.federation_endpoint_url })
        };
        built().map_err(|error| raise(py, &error))
    }

    /// Credentials: those that are kept as long as they are good for a while yet; else a sign-in.
    fn credentials(&self) -> PyResult<Work> {
        let access = self.access.clone();
        Work::begin(async move { access.credentials().await }, given)
    }

    /// Returns new credentials, also if the cached ones are fresh.
    #[pyo3(signature = (*, force=false))]
    fn renew(&self, force: bool) -> PyResult<Work> {
        let access = self.access.clone();
        let renewed = async move { if force { access.renew_with_sign_in().await } else { access.renew().await } };
        Work::begin(renewed, given)
    }

    /// Returns cached credentials that are fresh.
    fn cached(&self, py: Python<'_>) -> Option<IssuedSession> {
        py.detach(|| self.access.cached()).map(IssuedSession)
    }

    /// Credentials of every role that fits, by one sign-in.
    fn all_credentials(&self) -> PyResult<Work> {
        let access = self.access.clone();
        Work::begin(async move { access.all_credentials(|_| {}).await }, |py, roles| {
            let roles: PyResult<Vec<_>> = roles.into_iter().map(|role| Exchanged::new(py, role)).collect();
            Ok(roles?.into_pyobject(py)?.unbind())
        })
    }

    /// Signs in and lists the roles that are offered.
    fn roles(&self) -> PyResult<Work> {
        let access = self.access.clone();
        let offers = async move { Ok(access.sign_in().await?.assertion.offers()?.to_vec()) };
        Work::begin(offers, |py, offers| {
            let roles: Vec<_> = offers.into_iter().map(Role).collect();
            Ok(roles.into_pyobject(py)?.unbind())
        })
    }

    /// The address that signs a browser in to the console.
    #[pyo3(signature = (*, destination=None, duration=None))]
    fn console_url(&self, destination: Option<String>, duration: Option<String>) -> PyResult<Work> {
        let (access, endpoint) = (self.access.clone(), self.federation_endpoint_url.clone());
        let url = async move {
            let console = Console::from_parts(destination, duration.as_deref(), endpoint)?;
            let transport = HttpTransport::builder().ca_files_from_env().build()?;
            console.sign_in_url(&transport, &access.credentials().await?).await
        };
        Work::begin(url, |py, url| Ok(url.expose().into_pyobject(py)?.unbind().into_any()))
    }

    /// Ends the session at the identity provider and forgets what came from it. Says how many credentials that were.
    fn sign_out(&self) -> PyResult<Work> {
        let access = self.access.clone();
        Work::begin(async move { access.sign_out().await }, |py, out| {
            Ok(out.credentials_removed.into_pyobject(py)?.unbind().into_any())
        })
    }

    fn __repr__(&self) -> String {
        format!("Session(source={:?})", self.access.source())
    }
}

fn given(py: Python<'_>, issued: tempaccess_core::IssuedSession) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, IssuedSession(issued))?.into_any())
}

/// What is kept, for whom, how narrow, until when; nothing secret. As `tempaccess status --output json` prints it.
#[pyfunction]
#[pyo3(signature = (*, config=None, store=None))]
pub(crate) fn status<'py>(
    py: Python<'py>,
    config: Option<PathBuf>,
    store: Option<String>,
) -> PyResult<Bound<'py, PyDict>> {
    let listed = py.detach(|| {
        let settings = Settings { store, ..Settings::default() }.resolve(&self::config(config)?, None)?;
        KeptList::new(settings.store()?.as_deref())
    });
    loads(py, &to_json(&listed.map_err(|error| raise(py, &error))?)?)
}
