//! `Session`: the whole way, from a sign-in to credentials.

use std::future::Future;
use std::path::PathBuf;
use std::sync::{Arc, LazyLock};
use std::time::Duration;

use pyo3::exceptions::{PyOSError, PyTypeError};
use pyo3::prelude::*;
use pyo3::types::PyDict;
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::sink::{GrantSummary, credential_process, credentials_json};
use tempaccess_core::{NoPrompter, Prompter, TempAccess};
use tokio::runtime::Runtime;

use crate::ask::{Callable, Person};
use crate::errors::raise;
use crate::reading::Role;

/// One runtime for the whole process, as connections belong to the one that made them.
static RUNTIME: LazyLock<std::io::Result<Runtime>> =
    LazyLock::new(|| tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build());

/// How long Ctrl-C waits to be heard.
const LOOK: Duration = Duration::from_millis(50);

/// Waits for core without holding Python, and hears Ctrl-C meanwhile.
fn wait<T: Send + 'static>(
    py: Python<'_>,
    work: impl Future<Output = tempaccess_core::Result<T>> + Send + 'static,
) -> PyResult<T> {
    let runtime = RUNTIME.as_ref().map_err(|error| PyOSError::new_err(error.to_string()))?;
    let mut task = runtime.spawn(work);
    loop {
        match py.detach(|| runtime.block_on(async { tokio::time::timeout(LOOK, &mut task).await })) {
            Ok(Ok(result)) => return result.map_err(|error| raise(py, &error)),
            Ok(Err(stopped)) => return Err(PyOSError::new_err(stopped.to_string())),
            Err(_) => {
                if let Err(interrupt) = py.check_signals() {
                    task.abort();
                    return Err(interrupt);
                }
            }
        }
    }
}

/// Temporary access: who signs in, which role is taken, for how long and how narrow.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Session(TempAccess);

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
        let given: Settings = match settings {
            None => Settings::default(),
            Some(settings) => {
                let json: String = py.import("json")?.call_method1("dumps", (settings,))?.extract()?;
                serde_json::from_str(&json).map_err(|error| PyTypeError::new_err(error.to_string()))?
            }
        };
        let built = (|| {
            let config = config.map_or_else(Config::find, |file| Config::load(&file))?;
            let settings = given.resolve(&config, profile)?;
            match assertion_source {
                Some(source) => settings.access_from(Arc::new(Callable(source)), &config),
                None => settings.access(&config, password.map(Into::into)),
            }
        })();
        let prompter: Arc<dyn Prompter> = match prompter {
            Some(prompter) => Arc::new(Person(prompter)),
            None => Arc::new(NoPrompter),
        };
        Ok(Self(built.map_err(|error| raise(py, &error))?.prompter(prompter).build()))
    }

    /// Credentials: those that are kept as long as they are good for a while yet; else a sign-in.
    fn credentials(&self, py: Python<'_>) -> PyResult<Grant> {
        let access = self.0.clone();
        wait(py, async move { access.credentials().await }).map(Grant)
    }

    /// Credentials that are new, whatever is kept.
    #[pyo3(signature = (*, anew=false))]
    fn renew(&self, py: Python<'_>, anew: bool) -> PyResult<Grant> {
        let access = self.0.clone();
        wait(py, async move { access.renew(anew).await }).map(Grant)
    }

    /// Signs in and lists the roles that are offered.
    fn roles(&self, py: Python<'_>) -> PyResult<Vec<Role>> {
        let access = self.0.clone();
        let signed_in = wait(py, async move { access.sign_in().await })?;
        let offers = signed_in.assertion.offers().map_err(|error| raise(py, &error))?;
        Ok(offers.iter().cloned().map(Role).collect())
    }

    /// Ends the session at the identity provider and forgets what came from it. Says how many credentials that were.
    fn sign_out(&self, py: Python<'_>) -> PyResult<usize> {
        let access = self.0.clone();
        wait(py, async move { access.sign_out().await }).map(|out| out.credentials_forgotten)
    }

    fn __repr__(&self) -> String {
        format!("Session(source={:?})", self.0.source())
    }
}

/// What was given: credentials, and all that is known of them.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Grant(tempaccess_core::Grant);

#[pymethods]
impl Grant {
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
    fn summary_json(&self) -> String {
        serde_json::to_string(&GrantSummary::new(&self.0)).unwrap_or_default()
    }

    /// The same with the secrets, as `tempaccess credentials --output json` prints it.
    fn credentials_json(&self) -> String {
        credentials_json(&self.0).expose().to_owned()
    }

    /// What the AWS CLI and the SDKs expect of a `credential_process`.
    fn credential_process(&self) -> String {
        credential_process(&self.0.answer.credentials).expose().to_owned()
    }

    fn __repr__(&self) -> String {
        let credentials = &self.0.answer.credentials;
        format!(
            "Grant(role_arn='{}', access_key_id='{}', expiration='{}')",
            credentials.role, credentials.access_key_id, credentials.expiration
        )
    }
}
