//! An Okta that answers anything: the sign-in ends, and no request leaves the org.
#![no_main]

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use tempaccess_core::net::{Transport, TransportError, TransportErrorKind};
use tempaccess_core::source::browser::Browser;
use tempaccess_core::source::okta::{Auth, OktaSource};
use tempaccess_core::{source::AssertionRequest, AssertionSource, Clock, Prompter, Result, SecretString, clock::Timer};

#[derive(Debug)]
struct Answers(Mutex<VecDeque<(u8, Vec<u8>)>>);

#[async_trait]
impl Transport for Answers {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        assert_eq!(request.uri().host(), Some("acme.okta.com"), "{}", request.uri());
        assert_eq!(request.uri().scheme_str(), Some("https"));
        let answer = self.0.lock().expect("no panic").pop_front();
        let (status, body) = answer.ok_or_else(|| TransportError::new(TransportErrorKind::Interrupted, "the end"))?;
        let answer = http::Response::builder().status([200, 200, 200, 302, 401, 403, 429, 500][usize::from(status & 7)]);
        let text = String::from_utf8_lossy(&body);
        let answer = match http::HeaderValue::from_str(text.lines().next().unwrap_or_default()) {
            Ok(header) => answer.header("location", header.clone()).header("set-cookie", header.clone()).header("x-rate-limit-reset", header),
            Err(_) => answer,
        };
        Ok(answer.body(body).expect("a response"))
    }
}

#[derive(Debug)]
struct Instantly(Mutex<Duration>);

impl Clock for Instantly {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::UNIX_EPOCH + self.monotonic()
    }

    fn monotonic(&self) -> Duration {
        *self.0.lock().expect("no panic")
    }
}

#[async_trait]
impl Timer for Instantly {
    async fn sleep(&self, duration: Duration) {
        *self.0.lock().expect("no panic") += duration;
    }
}

#[derive(Debug)]
struct Yes;

#[async_trait]
impl Prompter for Yes {
    async fn text(&self, _: &str) -> Result<String> {
        Ok("ada".into())
    }
    async fn secret(&self, _: &str) -> Result<SecretString> {
        Ok("123456".into())
    }
    async fn choose(&self, _: &str, choices: &[String]) -> Result<usize> {
        Ok(choices.len() / 2)
    }
    fn tell(&self, _: &str) {}
}

fuzz_target!(|input: (u8, Vec<(u8, Vec<u8>)>)| {
    let (way, answers) = input;
    let way = [Auth::Auto, Auth::Classic, Auth::Device, Auth::Idx][usize::from(way & 3)];
    let runtime = tokio::runtime::Builder::new_current_thread().build().expect("a runtime");
    let okta = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1/272")
        .auth(way)
        .client_id("0oa1client")
        .browser(Browser::new().program("/nowhere/chromium", [""; 0]))
        .transport(Arc::new(Answers(Mutex::new(answers.into()))))
        .timer(Arc::new(Instantly(Mutex::new(Duration::ZERO))))
        .build()
        .expect("a source");
    let _ = runtime.block_on(okta.saml_response(&AssertionRequest::new(&Yes)));
});
