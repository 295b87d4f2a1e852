//! JavaScript functions in the places where core asks: who answers questions, where responses come from.
//!
//! `calls.js` wraps each of them in one that never throws: what was thrown stays there, under a number that the error
//! carries back.

use std::fmt;
use std::sync::Arc;

use async_trait::async_trait;
use napi::Status;
use napi::bindgen_prelude::{FnArgs, Promise, Uint8Array};
use napi::threadsafe_function::{ThreadsafeFunction, ThreadsafeFunctionCallMode};
use napi_derive::napi;
use tempaccess_core::{
    AssertionSource, Error, ErrorKind, Notice, Prompter, Result, SamlResponse, SecretString, Stage,
    front_end::SettingNames,
    saml::Limits,
    source::{AssertionRequest, NoPrompter, Visit},
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
    /// Whether it says that the user or the program cancelled, and not that the function is faulty.
    pub cancelled: bool,
}

impl Thrown {
    /// Returns the error of the function with this name.
    fn into_error(self, function: &str) -> Error {
        callback_error(function, &self.message, self.cancelled).with_source(self)
    }
}

/// Returns the error for what a function threw.
pub(crate) fn callback_error(function: &str, message: &str, cancelled: bool) -> Error {
    let kind = if cancelled { ErrorKind::Cancelled } else { ErrorKind::CallbackFailed };
    Error::new(kind, Stage::SignIn, format!("`{function}` threw {message}"))
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
    name: &str,
) -> Result<Answer> {
    // The functions of `calls.js` do not throw: their environment is ending.
    let failed = |error: napi::Error| Error::new(ErrorKind::Cancelled, Stage::SignIn, error.reason.clone());
    let answer = function.call_async_catch(words).await.map_err(failed)?.await.map_err(failed)?;
    match answer.thrown {
        Some(thrown) => Err(thrown.into_error(name)),
        None => Ok(answer),
    }
}

/// Returns who is asked: the person behind a function, or nobody. Without a person, the function gets notices, and whether each
/// is `info` or a `warning`.
pub(crate) fn prompter(ask: Ask, has_person: bool) -> Arc<dyn Prompter> {
    if has_person {
        return Arc::new(Person(ask));
    }
    Arc::new(NoPrompter::with_notices(move |notice| {
        let level = if notice.is_informational() { "info" } else { "warning" };
        notify(&ask, notice, vec![level.to_owned()]);
    }))
}

fn notify(ask: &Ask, notice: &Notice, words: Vec<String>) {
    let text = SettingNames::Node.apply(&notice.to_string()).into_owned();
    // `calls.js` ends the work itself if `notify` fails.
    ask.call(("notify".to_owned(), text, words).into(), ThreadsafeFunctionCallMode::NonBlocking);
}

/// A person, by a function that asks.
struct Person(Ask);

impl fmt::Debug for Person {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Person")
    }
}

impl Person {
    async fn ask(&self, method: &'static str, question: &str, choices: &[String]) -> Result<Answer> {
        call(&self.0, (method.to_owned(), question.to_owned(), choices.to_vec()).into(), method).await
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
        self.ask("visit", &SettingNames::Node.apply(&page.to_string()), &words).await.map(drop)
    }

    fn notify(&self, notice: &Notice) {
        notify(&self.0, notice, Vec::new());
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
        let answer = call(&self.0, words, "source").await?;
        let response = answer.response.as_deref().unwrap_or_default();
        SamlResponse::detect(response, &Limits::default())
    }
}
