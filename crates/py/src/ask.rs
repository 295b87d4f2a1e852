//! Python objects in the places where core asks: who answers questions, where responses come from.

use async_trait::async_trait;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyString};
use tempaccess_core::{
    AssertionRequest, AssertionSource, Error, ErrorKind, Limits, Prompter, Result, SamlResponse, SecretString, Stage,
};

/// Runs Python on a thread where it may take its time.
async fn python<T: Send + 'static>(
    kind: ErrorKind,
    call: impl FnOnce(Python<'_>) -> PyResult<T> + Send + 'static,
) -> Result<T> {
    let failed = |message: String| Error::new(kind, Stage::SignIn, message);
    match tokio::task::spawn_blocking(move || Python::attach(|py| call(py).map_err(|error| error.to_string()))).await {
        Ok(Ok(value)) => Ok(value),
        Ok(Err(message)) => Err(failed(message)),
        Err(_) => Err(failed("the Python side was stopped".to_owned())),
    }
}

/// An object with the methods `text`, `secret`, `choose` and `tell`.
#[derive(Debug)]
pub(crate) struct Person(pub(crate) Py<PyAny>);

impl Person {
    fn again(&self) -> Py<PyAny> {
        Python::attach(|py| self.0.clone_ref(py))
    }
}

#[async_trait]
impl Prompter for Person {
    async fn text(&self, question: &str) -> Result<String> {
        let (person, question) = (self.again(), question.to_owned());
        python(ErrorKind::Cancelled, move |py| person.bind(py).call_method1("text", (question,))?.extract()).await
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        let (person, question) = (self.again(), question.to_owned());
        let answer: String =
            python(ErrorKind::Cancelled, move |py| person.bind(py).call_method1("secret", (question,))?.extract())
                .await?;
        Ok(answer.into())
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        let (person, question, choices) = (self.again(), question.to_owned(), choices.to_vec());
        python(ErrorKind::Cancelled, move |py| person.bind(py).call_method1("choose", (question, choices))?.extract())
            .await
    }

    fn tell(&self, message: &str) {
        // Whoever cannot be told goes without.
        Python::attach(|py| drop(self.0.bind(py).call_method1("tell", (message,))));
    }
}

/// A callable that returns a SAML response in any form.
#[derive(Debug)]
pub(crate) struct Callable(pub(crate) Py<PyAny>);

#[async_trait]
impl AssertionSource for Callable {
    fn describe(&self) -> String {
        "python".to_owned()
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let callable = Python::attach(|py| self.0.clone_ref(py));
        let bytes: Vec<u8> = python(ErrorKind::IdentityProviderError, move |py| {
            let response = callable.bind(py).call0()?;
            Ok(match response.cast::<PyString>() {
                Ok(text) => text.to_str()?.as_bytes().to_vec(),
                Err(_) => response.cast::<PyBytes>()?.as_bytes().to_vec(),
            })
        })
        .await?;
        SamlResponse::detect(&bytes, &Limits::default())
    }
}
