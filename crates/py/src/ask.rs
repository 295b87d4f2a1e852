//! Python objects in the places where core asks: who answers questions, where responses come from.

use std::borrow::Cow;
use std::sync::Arc;

use async_trait::async_trait;
use pyo3::exceptions::{PyEOFError, PyIndexError, PyKeyboardInterrupt};
use pyo3::prelude::*;
use pyo3::types::PyType;
use tempaccess_core::{
    AssertionSource, Error, ErrorKind, Notice, Prompter, Result, SamlResponse, SecretString, Stage,
    front_end::SettingNames,
    saml::Limits,
    source::{AssertionRequest, NoPrompter, Visit},
};

use crate::errors::class;
use crate::reading::bytes;
use crate::work::attached;

/// Whether an exception says that the user or the program cancelled, and not that a callback is faulty.
fn is_cancellation(py: Python<'_>, raised: &PyErr) -> bool {
    let imported =
        |module: &str| py.import(module)?.getattr("CancelledError")?.cast_into::<PyType>().map_err(PyErr::from);
    let cancelled = class(py, ErrorKind::Cancelled).into_iter();
    let classes =
        cancelled.chain(["asyncio", "concurrent.futures"].into_iter().filter_map(|module| imported(module).ok()));
    raised.is_instance_of::<PyKeyboardInterrupt>(py)
        || raised.is_instance_of::<PyEOFError>(py)
        || classes.into_iter().any(|class| raised.is_instance(py, &class))
}

/// The error for what a callback raised, which is its source.
pub(crate) fn callback_error(py: Python<'_>, callback: &str, raised: PyErr) -> Error {
    let kind = if is_cancellation(py, &raised) { ErrorKind::Cancelled } else { ErrorKind::CallbackFailed };
    Error::new(kind, Stage::SignIn, format!("`{callback}` raised {raised}")).with_source(raised)
}

/// Calls Python. What it raises is the cause of the error.
async fn python<T: Send + 'static>(
    callback: &'static str,
    object: &Arc<Py<PyAny>>,
    call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T> + Send + 'static,
) -> Result<T> {
    let object = Arc::clone(object);
    let called = move |py: Python<'_>| call(object.bind(py)).map_err(|raised| callback_error(py, callback, raised));
    let ending = |raised: PyErr| Error::new(ErrorKind::Cancelled, Stage::SignIn, raised.to_string());
    attached(called).await.map_err(ending)?
}

/// An object with the methods `text`, `secret`, `choose`, `visit` and `notify`.
#[derive(Debug)]
struct Person(Arc<Py<PyAny>>);

impl Person {
    async fn ask(&self, method: &'static str, question: &str) -> Result<String> {
        let question = question.to_owned();
        python(method, &self.0, move |person| person.call_method1(method, (question,))?.extract()).await
    }
}

#[async_trait]
impl Prompter for Person {
    async fn text(&self, question: &str) -> Result<String> {
        self.ask("text", question).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        self.ask("secret", question).await.map(Into::into)
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        let (words, count) = ((question.to_owned(), choices.to_vec()), choices.len());
        python("choose", &self.0, move |person| {
            let index: usize = person.call_method1("choose", words)?.extract()?;
            if index < count { Ok(index) } else { Err(PyIndexError::new_err(format!("{index} of {count} choices"))) }
        })
        .await
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        let shown = SettingNames::Python.apply(&page.to_string()).into_owned();
        let words = (page.url().to_owned(), page.shown_code().map(str::to_owned), shown);
        python("visit", &self.0, move |person| person.call_method1("visit", words).map(drop)).await
    }

    fn notify(&self, notice: &Notice) {
        let message = SettingNames::Python.apply(&notice.to_string()).into_owned();
        // The object ends the work itself if its `notify` fails.
        let _ = Python::try_attach(|py| drop(self.0.bind(py).call_method1("notify", (message,))));
    }
}

/// Returns who is asked: an object, or nobody. Without one, what a person should know, such as the number to tap on a phone,
/// goes to the logger `tempaccess`.
pub(crate) fn person(object: Option<Py<PyAny>>) -> Arc<dyn Prompter> {
    match object {
        Some(object) => Arc::new(Person(Arc::new(object))),
        None => Arc::new(NoPrompter::with_notices(log)),
    }
}

fn log(notice: &Notice) {
    let message = SettingNames::Python.apply(&notice.to_string()).into_owned();
    let level = if notice.is_informational() { "info" } else { "warning" };
    // A handler of the program that fails must not end the sign-in.
    let _ = Python::try_attach(|py| {
        let logger = py.import("logging").and_then(|logging| logging.call_method1("getLogger", ("tempaccess",)));
        let _ = logger.and_then(|logger| logger.call_method1(level, ("%s", message)));
    });
}

/// What a source of Python's is asked for.
#[pyclass(frozen, get_all, name = "AssertionRequest", module = "tempaccess")]
pub(crate) struct Request {
    /// Whom the assertion is for.
    audience: String,
    /// Whether the person must sign in even if there is a session.
    force_authn: bool,
}

#[pymethods]
impl Request {
    fn __repr__(&self) -> String {
        let force_authn = if self.force_authn { "True" } else { "False" };
        format!("AssertionRequest(audience={:?}, force_authn={force_authn})", self.audience)
    }
}

/// A callable that returns a SAML response in any form.
#[derive(Debug)]
pub(crate) struct Callable(Arc<Py<PyAny>>);

impl Callable {
    pub(crate) fn new(callable: Py<PyAny>) -> Self {
        Self(Arc::new(callable))
    }
}

#[async_trait]
impl AssertionSource for Callable {
    fn describe(&self) -> String {
        "python".to_owned()
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let request = Request { audience: request.audience.to_owned(), force_authn: request.force_authn };
        let given: Vec<u8> = python("assertion_source", &self.0, move |callable| {
            let response = callable.call1((request,))?;
            bytes(&response).map(Cow::into_owned)
        })
        .await?;
        SamlResponse::detect(&given, &Limits::default())
    }
}
