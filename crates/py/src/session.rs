//! `Session`: from a sign-in to credentials.

use std::path::PathBuf;
use std::sync::Arc;

use pyo3::exceptions::{PyRuntimeError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tempaccess_core::config::{Config, Settings, WrongArgument, settings_from_arguments};
use tempaccess_core::net::HttpTransport;
use tempaccess_core::sink::CachedEntries;
use tempaccess_core::{SecretString, TempAccess, console::Console, session::RefreshableSession};

use crate::ask::{Callable, person};
use crate::errors::raise;
use crate::issued::{IssuedSession, exchanged};
use crate::reading::{Role, loads, to_json};
use crate::runtime::Owned;
use crate::work::Work;

pub(crate) fn config(file: Option<PathBuf>) -> tempaccess_core::Result<Config> {
    file.map_or_else(Config::find, |file| Config::load(&file))
}

/// The arguments that are not settings.
const ARGUMENTS: &[&str] = &["profile", "config", "prompter", "assertion_source", "password"];

/// The error of Python for a keyword argument of this function.
pub(crate) fn wrong(function: &str, wrong: WrongArgument) -> PyErr {
    PyTypeError::new_err(match wrong {
        WrongArgument::Unknown { name, suggestion } => {
            let suggestion = suggestion.map(|known| format!(". Did you mean '{known}'?")).unwrap_or_default();
            format!("{function}() got an unexpected keyword argument '{name}'{suggestion}")
        }
        WrongArgument::Invalid { name, reason } => format!("argument '{name}': {reason}"),
    })
}

/// Temporary access: who signs in, which role to assume, for how long and with which permissions.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Session {
    parts: Parts,
    access: Owned<Access>,
}

/// What a session is built from, again in each process.
#[derive(Clone)]
pub(crate) struct Parts {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    pub(crate) password: Option<SecretString>,
}

impl Parts {
    /// Reads the arguments of a function.
    pub(crate) fn new(
        py: Python<'_>,
        function: &str,
        profile: Option<&str>,
        config: Option<PathBuf>,
        password: Option<String>,
        settings: &str,
    ) -> PyResult<Self> {
        crate::trace::follow_logger(py);
        let given = settings_from_arguments(settings, ARGUMENTS).map_err(|error| wrong(function, error))?;
        let resolved = || {
            let config = self::config(config)?;
            let settings = given.resolve(&config, profile)?;
            Ok(Self { config, settings, password: password.map(Into::into) })
        };
        resolved().map_err(|error| raise(py, &error))
    }
}

struct Access {
    access: TempAccess,
    refreshable: Arc<RefreshableSession>,
}

impl Session {
    fn build(
        parts: Parts,
        prompter: Option<Py<PyAny>>,
        assertion_source: Option<Py<PyAny>>,
    ) -> tempaccess_core::Result<Self> {
        let prompter = person(prompter);
        let Parts { config, settings, password } = &parts;
        let builder = match assertion_source {
            Some(source) => settings.access_from(Arc::new(Callable::new(source)), config)?,
            None => settings.access(config, password.clone())?,
        };
        let access = builder.prompter(prompter).build();
        let refreshable = Arc::new(RefreshableSession::new(access.clone()));
        Ok(Self { parts, access: Owned::new(Access { access, refreshable }) })
    }

    fn here(&self) -> PyResult<&Access> {
        self.access.get().ok_or_else(|| PyRuntimeError::new_err("this session belongs to another process"))
    }

    fn access(&self) -> PyResult<TempAccess> {
        Ok(self.here()?.access.clone())
    }
}

#[pymethods]
impl Session {
    #[new]
    #[pyo3(signature = (profile=None, *, config=None, prompter=None, assertion_source=None, password=None, settings="{}"))]
    fn new(
        py: Python<'_>,
        profile: Option<&str>,
        config: Option<PathBuf>,
        prompter: Option<Py<PyAny>>,
        assertion_source: Option<Py<PyAny>>,
        password: Option<String>,
        settings: &str,
    ) -> PyResult<Self> {
        let parts = Parts::new(py, "Session", profile, config, password, settings)?;
        Self::build(parts, prompter, assertion_source).map_err(|error| raise(py, &error))
    }

    /// Returns the same session for this process, which is a fork of the one that made it.
    #[pyo3(signature = (*, prompter=None, assertion_source=None))]
    fn forked(
        &self,
        py: Python<'_>,
        prompter: Option<Py<PyAny>>,
        assertion_source: Option<Py<PyAny>>,
    ) -> PyResult<Self> {
        Self::build(self.parts.clone(), prompter, assertion_source).map_err(|error| raise(py, &error))
    }

    /// The region of the settings, or else of the environment.
    #[getter]
    fn region(&self) -> Option<String> {
        self.parts.settings.aws_region()
    }

    /// Returns credentials for a program that requests them for every call.
    fn refreshable_credentials(&self) -> PyResult<Work> {
        let refreshable = Arc::clone(&self.here()?.refreshable);
        Work::begin(async move { refreshable.credentials().await }, given)
    }

    /// Returns cached credentials while they are fresh, and signs in otherwise.
    fn credentials(&self) -> PyResult<Work> {
        let access = self.access()?;
        Work::begin(async move { access.credentials().await }, given)
    }

    /// Returns new credentials, even if the cached ones are fresh.
    #[pyo3(signature = (*, force=false))]
    fn renew(&self, force: bool) -> PyResult<Work> {
        let access = self.access()?;
        let renewed = async move { if force { access.renew_with_sign_in().await } else { access.renew().await } };
        Work::begin(renewed, given)
    }

    /// Returns cached credentials that are fresh.
    fn cached(&self, py: Python<'_>) -> PyResult<Option<IssuedSession>> {
        let access = self.access()?;
        Ok(py.detach(|| access.cached()).map(IssuedSession))
    }

    /// Returns credentials of every matching role, with one sign-in.
    fn all_credentials(&self) -> PyResult<Work> {
        let access = self.access()?;
        Work::begin(async move { access.all_credentials(|_| {}).await }, |py, roles| {
            let roles: PyResult<Vec<_>> = roles.into_iter().map(|role| exchanged(py, role)).collect();
            Ok(roles?.into_pyobject(py)?.unbind())
        })
    }

    /// Signs in and lists the offered roles.
    fn roles(&self) -> PyResult<Work> {
        let access = self.access()?;
        let offers = async move { Ok(access.sign_in().await?.assertion.offers()?.to_vec()) };
        Work::begin(offers, |py, offers| {
            let roles: Vec<_> = offers.into_iter().map(Role).collect();
            Ok(roles.into_pyobject(py)?.unbind())
        })
    }

    /// Returns the address that signs a browser in to the console.
    #[pyo3(signature = (*, destination=None, duration=None))]
    fn console_url(&self, destination: Option<String>, duration: Option<String>) -> PyResult<Work> {
        let (access, endpoint) = (self.access()?, self.parts.settings.federation_endpoint_url.clone());
        let url = async move {
            let console = Console::from_parts(destination, duration.as_deref(), endpoint)?;
            let transport = HttpTransport::builder().ca_files_from_env().build()?;
            console.sign_in_url(&transport, &access.credentials().await?).await
        };
        Work::begin(url, |py, url| Ok(url.expose().into_pyobject(py)?.unbind().into_any()))
    }

    /// Ends the session at the identity provider and removes what came from it. Returns how many credentials that were.
    fn sign_out(&self) -> PyResult<Work> {
        let access = self.access()?;
        Work::begin(async move { access.sign_out().await }, |py, out| {
            Ok(out.credentials_removed.into_pyobject(py)?.unbind().into_any())
        })
    }

    fn __repr__(&self) -> String {
        let source = self.access.get().map(|here| here.access.describe_source()).unwrap_or_default();
        format!("Session(source={source:?})")
    }
}

fn given(py: Python<'_>, issued: tempaccess_core::IssuedSession) -> PyResult<Py<PyAny>> {
    Ok(Py::new(py, IssuedSession(issued))?.into_any())
}

/// Lists the cached entries, without secrets, as `tempaccess status --output json` prints them.
#[pyfunction]
#[pyo3(signature = (*, config=None, store=None))]
pub(crate) fn status<'py>(
    py: Python<'py>,
    config: Option<PathBuf>,
    store: Option<String>,
) -> PyResult<Bound<'py, PyDict>> {
    let listed = py.detach(|| {
        let mut settings = Settings::default();
        settings.store = store;
        CachedEntries::new(settings.resolve(&self::config(config)?, None)?.store()?.as_deref())
    });
    loads(py, &to_json(&listed.map_err(|error| raise(py, &error))?)?)
}
