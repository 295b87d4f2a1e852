//! Python objects in the places where core asks: who answers questions, where responses come from.

use std::sync::Arc;

use async_trait::async_trait;
use pyo3::prelude::*;
use tempaccess_core::{
    AssertionSource, Error, ErrorKind, Notice, Prompter, Result, SamlResponse, SecretString, Stage,
    saml::Limits,
    source::{AssertionRequest, Visit},
};

use crate::reading::bytes;
use crate::work::attached;

/// Calls Python. What it raises is the cause of the error.
async fn python<T: Send + 'static>(
    kind: ErrorKind,
    object: &Arc<Py<PyAny>>,
    call: impl FnOnce(&Bound<'_, PyAny>) -> PyResult<T> + Send + 'static,
) -> Result<T> {
    let object = Arc::clone(object);
    let called = attached(move |py| call(object.bind(py))).await;
    called
        .and_then(|result| result)
        .map_err(|raised| Error::new(kind, Stage::SignIn, raised.to_string()).with_source(raised))
}

/// An object with the methods `text`, `secret`, `choose`, `visit` and `notify`.
#[derive(Debug)]
pub(crate) struct Person(Arc<Py<PyAny>>);

impl Person {
    pub(crate) fn new(object: Py<PyAny>) -> Self {
        Self(Arc::new(object))
    }

    async fn ask(&self, method: &'static str, question: &str) -> Result<String> {
        let question = question.to_owned();
        python(ErrorKind::Cancelled, &self.0, move |person| person.call_method1(method, (question,))?.extract()).await
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
        let words = (question.to_owned(), choices.to_vec());
        python(ErrorKind::Cancelled, &self.0, move |person| person.call_method1("choose", words)?.extract()).await
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        let words = (page.url().to_owned(), page.shown_code().map(str::to_owned), page.to_string());
        python(ErrorKind::Cancelled, &self.0, move |person| person.call_method1("visit", words).map(drop)).await
    }

    fn notify(&self, notice: &Notice) {
        // A notice that cannot be delivered is lost.
        let _ = Python::try_attach(|py| drop(self.0.bind(py).call_method1("notify", (notice.to_string(),))));
    }
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
        let given: Vec<u8> = python(ErrorKind::IdentityProviderError, &self.0, move |callable| {
            let response = callable.call1((request,))?;
            bytes(&response).map(<[u8]>::to_vec)
        })
        .await?;
        SamlResponse::detect(&given, &Limits::default())
    }
}
