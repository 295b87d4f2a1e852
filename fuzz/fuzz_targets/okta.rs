//! An Okta org that answers anything, again and again: the sign-in ends, and no request leaves the org.
#![no_main]

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use tempaccess_core::net::{Transport, TransportError, TransportErrorKind};
use tempaccess_core::source::browser::Browser;
use tempaccess_core::source::okta::{Auth, OktaSource};
use tempaccess_core::{
    AssertionSource, Clock, Notice, Prompter, Result, SecretString, clock::Timer, source::AssertionRequest,
};

/// More requests than any sign-in may send.
const MAX_REQUESTS: usize = 10_000;

/// Answers in turn, and from the first one again after the last.
#[derive(Debug)]
struct Answers {
    answers: Vec<(u8, Vec<u8>)>,
    sent: AtomicUsize,
}

#[async_trait]
impl Transport for Answers {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        assert_eq!(request.uri().host(), Some("acme.okta.com"), "{}", request.uri());
        assert_eq!(request.uri().scheme_str(), Some("https"));
        let sent = self.sent.fetch_add(1, Ordering::Relaxed);
        assert!(sent < MAX_REQUESTS, "the sign-in does not end");
        let answer = sent.checked_rem(self.answers.len()).and_then(|index| self.answers.get(index));
        let (status, body) =
            answer.ok_or_else(|| TransportError::new(TransportErrorKind::Interrupted, "there are no answers"))?;
        let status = [200, 200, 200, 302, 401, 403, 429, 500][usize::from(status & 7)];
        let answer = http::Response::builder().status(status);
        let text = String::from_utf8_lossy(body);
        let answer = match http::HeaderValue::from_str(text.lines().next().unwrap_or_default()) {
            Ok(header) => ["location", "set-cookie", "x-rate-limit-reset", "link", "www-authenticate"]
                .into_iter()
                .fold(answer, |answer, name| answer.header(name, header.clone())),
            Err(_) => answer,
        };
        Ok(answer.body(body.clone()).expect("a response"))
    }
}

/// A clock that moves only when somebody waits on it.
#[derive(Debug)]
struct ManualClock(Mutex<Duration>);

impl Clock for ManualClock {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().expect("no panic")
    }
}

#[async_trait]
impl Timer for ManualClock {
    async fn sleep(&self, duration: Duration) {
        *self.0.lock().expect("no panic") += duration;
    }
}

/// A person who answers every question.
#[derive(Debug)]
struct Person;

#[async_trait]
impl Prompter for Person {
    async fn text(&self, _: &str) -> Result<String> {
        Ok("ada".into())
    }
    async fn secret(&self, _: &str) -> Result<SecretString> {
        Ok("123456".into())
    }
    async fn choose(&self, _: &str, choices: &[String]) -> Result<usize> {
        Ok(choices.len() / 2)
    }
    fn notify(&self, _: &Notice) {}
}

fuzz_target!(|input: (u8, Vec<(u8, Vec<u8>)>)| {
    let (choice, answers) = input;
    let auth = [Auth::Auto, Auth::Classic, Auth::Device, Auth::Idx][usize::from(choice & 3)];
    let link = if choice & 4 == 0 { "https://acme.okta.com/home/amazon_aws/0oa1/272" } else { "https://acme.okta.com" };
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let okta = OktaSource::builder(link)
        .auth(auth)
        .client_id("0oa1client")
        .browser(Browser::new().program("/nowhere/chromium", [""; 0]))
        .transport(Arc::new(Answers { answers, sent: AtomicUsize::new(0) }))
        .timer(Arc::new(ManualClock(Mutex::new(Duration::ZERO))))
        .build()
        .expect("a source");
    let _ = runtime.block_on(okta.saml_response(&AssertionRequest::new(&Person)));
});
