//! JavaScript functions in the places where core asks: who answers questions, where responses come from.
//!
//! `index.js` wraps each of them in one that never throws: what was thrown stays there, under a number that the error
//! carries back.

use std::fmt;

use async_trait::async_trait;
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Promise, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tempaccess_core::{
    AssertionSource, Error, ErrorKind, Notice, Prompter, Result, SamlResponse, SecretString, Stage,
    saml::Limits,
    source::{AssertionRequest, Visit},
};

/// What a function answered.
#[napi(object)]
pub struct Answer {
    pub text: Option<String>,
    pub index: Option<u32>,
    pub response: Option<Uint8Array>,
    pub thrown: Option<Thrown>,
}

/// What it threw instead.
#[napi(object)]
#[derive(Debug)]
pub struct Thrown {
    pub id: u32,
    pub message: String,
}

impl fmt::Display for Thrown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Thrown {}

/// A function that keeps no program from ending.
type Function<Words> = ThreadsafeFunction<Words, Promise<Answer>, Words, Status, false, true>;

/// Takes the name of the method, the question and the choices.
pub type Ask = Function<FnArgs<(String, String, Vec<String>)>>;

/// Takes the audience, and whether the person must sign in even if there is a session.
pub type Give = Function<FnArgs<(String, bool)>>;

async fn call<Words: napi::bindgen_prelude::JsValuesTupleIntoVec + Send + 'static>(
    function: &Function<Words>,
    words: Words,
    kind: ErrorKind,
) -> Result<Answer> {
    let failed = |error: napi::Error| Error::new(kind, Stage::SignIn, error.reason.clone());
    let answer = function.call_async_catch(words).await.map_err(failed)?.await.map_err(failed)?;
    match answer.thrown {
        Some(thrown) => Err(Error::new(kind, Stage::SignIn, thrown.message.clone()).with_source(thrown)),
        None => Ok(answer),
    }
}

/// A person, by a function that asks.
pub(crate) struct Person(pub(crate) Ask);

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person")
    }
}

impl Person {
    async fn ask(&self, method: &'static str, question: &str, choices: &[String]) -> Result<Answer> {
        call(&self.0, (method.to_owned(), question.to_owned(), choices.to_vec()).into(), ErrorKind::Cancelled).await
    }
}

#[async_trait]
impl Prompter for Person {
    async fn text(&self, question: &str) -> Result<String> {
        Ok(self.ask("text", question, &[]).await?.text.unwrap_or_default())
    }

    async fn secret(&self, question: &str) -> Result<SecretString> {
        Ok(self.ask("secret", question, &[]).await?.text.unwrap_or_default().into())
    }

    async fn choose(&self, question: &str, choices: &[String]) -> Result<usize> {
        let index = self.ask("choose", question, choices).await?.index;
        Ok(index.and_then(|index| usize::try_from(index).ok()).unwrap_or(usize::MAX))
    }

    async fn visit(&self, page: &Visit) -> Result<()> {
        let words: Vec<_> = [Some(page.url()), page.shown_code()].into_iter().flatten().map(str::to_owned).collect();
        self.ask("visit", &page.to_string(), &words).await.map(drop)
    }

    fn notify(&self, notice: &Notice) {
        // A notice that cannot be delivered is lost.
        self.0.call(
            ("notify".to_owned(), notice.to_string(), Vec::new()).into(),
            ThreadsafeFunctionCallMode::NonBlocking,
        );
    }
}

/// A source, by a function that gives a SAML response.
pub(crate) struct Source(pub(crate) Give);

impl fmt::Debug for Source {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Source")
    }
}

#[async_trait]
impl AssertionSource for Source {
    fn describe(&self) -> String {
        "node".to_owned()
    }

    async fn saml_response(&self, request: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let words = (request.audience.to_owned(), request.force_authn).into();
        let answer = call(&self.0, words, ErrorKind::IdentityProviderError).await?;
        let response = answer.response.as_deref().unwrap_or_default();
        SamlResponse::detect(response, &Limits::default())
    }
}
