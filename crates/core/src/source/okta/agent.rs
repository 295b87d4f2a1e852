//! HTTP as a browser would do it within one org: cookies, redirects, rate limits, Okta's own errors.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cookie_store::{CookieStore, RawCookie};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, DATE, LINK, LOCATION, SET_COOKIE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::{refusal, within_org};
use crate::clock::{Deadline, Timer};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::Transport;
use crate::secret::{SecretBytes, SecretString, form, header};

/// Redirects from the session to the app.
const REDIRECTS: usize = 10;
/// How often, and how long at a time, to wait where Okta limits the rate.
const RATE_WAITS: usize = 3;
const RATE_WAIT: Duration = Duration::from_secs(60);

/// How long a whole sign-in may take, the person's answers included.
const SIGN_IN: Duration = Duration::from_secs(15 * 60);

/// What is sent.
#[derive(Clone, Copy)]
pub(super) enum Body<'b> {
    Nothing,
    Json(&'b Value),
    /// What the Identity Engine speaks (`application/ion+json`).
    Ion(&'b Value),
    Form(&'b [(&'b str, &'b str)]),
}

/// What the Identity Engine's answers are asked for as.
const ION: &str = "application/ion+json; okta-version=1.0.0";

pub(super) struct Agent<'a> {
    org: &'a Url,
    transport: &'a dyn Transport,
    timer: &'a dyn Timer,
    /// Bounds the whole sign-in.
    deadline: Deadline,
    cookies: Mutex<CookieStore>,
}

impl<'a> Agent<'a> {
    pub(super) fn new(org: &'a Url, transport: &'a dyn Transport, timer: &'a dyn Timer, cookies: CookieStore) -> Self {
        let deadline = Deadline::after(timer, SIGN_IN);
        Self { org, transport, timer, deadline, cookies: Mutex::new(cookies) }
    }

    pub(super) fn timer(&self) -> &'a dyn Timer {
        self.timer
    }

    pub(super) fn within_org(&self, text: &str) -> Result<Url> {
        within_org(self.org, text)
    }

    /// Posts JSON and gives back the JSON of the answer, or Okta's error as ours.
    pub(super) async fn post(&self, url: &Url, body: &Value) -> Result<Value> {
        let (status, value) = self.ask(url, Body::Json(body)).await?;
        if status.is_success() { Ok(value) } else { Err(refusal::from_answer(status, Some(&value), self.host())) }
    }

    fn not_json(&self) -> Error {
        Error::new(
            ErrorKind::IdentityProviderError,
            Stage::SignIn,
            format!("`{}` did not answer like an Okta org: its answer is not JSON", self.host()),
        )
        .with_hint("check that the app's link is that of an Okta org")
    }

    /// Posts and gives back the status and the JSON of the answer, whatever the status is.
    pub(super) async fn ask(&self, url: &Url, body: Body<'_>) -> Result<(StatusCode, Value)> {
        let answer = self.send(Method::POST, url, body, None).await?;
        match serde_json::from_slice(answer.body()) {
            Ok(value) => Ok((answer.status(), value)),
            Err(_) if answer.status().is_success() => Err(self.not_json()),
            Err(_) => Err(refusal::from_answer(answer.status(), None, self.host())),
        }
    }

    /// Gets JSON, with a token where there is one; and the address of the next page, where there is one.
    pub(super) async fn get_json(&self, url: &Url, bearer: Option<&SecretString>) -> Result<(Value, Option<Url>)> {
        let answer = self.send(Method::GET, url, Body::Nothing, bearer).await?;
        let value = serde_json::from_slice(answer.body()).ok();
        if !answer.status().is_success() {
            return Err(refusal::from_answer(answer.status(), value.as_ref(), self.host()));
        }
        let next = answer.headers().get_all(LINK).iter().filter_map(|link| link.to_str().ok()).find_map(next_page);
        let next = next.map(|next| self.within_org(next)).transpose()?;
        Ok((value.ok_or_else(|| self.not_json())?, next))
    }

    /// Posts a form as a browser would, following redirects within the org to a page.
    pub(super) async fn submit(&self, url: &Url, form: &[(&str, &str)]) -> Result<Response<Zeroizing<Vec<u8>>>> {
        let answer = self.send(Method::POST, url, Body::Form(form), None).await?;
        match self.redirect(url, &answer)? {
            Some(next) => self.get(&next).await,
            None => Ok(answer),
        }
    }

    /// Forgets the cookies, and any session with them.
    pub(super) fn forget_cookies(&self) {
        *self.cookies.lock().unwrap_or_else(PoisonError::into_inner) = CookieStore::default();
    }

    /// The cookies that there are now.
    pub(super) fn cookies(&self) -> CookieStore {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Deletes what is there, and says whether something was.
    pub(super) async fn delete(&self, url: &Url) -> Result<bool> {
        let answer = self.send(Method::DELETE, url, Body::Nothing, None).await?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => {
                let value = serde_json::from_slice(answer.body()).ok();
                Err(refusal::from_answer(status, value.as_ref(), self.host()))
            }
        }
    }

    /// Gets a page, following redirects within the org.
    pub(super) async fn get(&self, url: &Url) -> Result<Response<Zeroizing<Vec<u8>>>> {
        let mut url = url.clone();
        for _ in 0..REDIRECTS {
            let answer = self.send(Method::GET, &url, Body::Nothing, None).await?;
            match self.redirect(&url, &answer)? {
                Some(next) => url = next,
                None => return Ok(answer),
            }
        }
        Err(Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, "Okta redirects in a circle")
            .with_hint("check the app's link"))
    }

    fn redirect(&self, from: &Url, answer: &Response<Zeroizing<Vec<u8>>>) -> Result<Option<Url>> {
        let location = answer.headers().get(LOCATION).and_then(|location| location.to_str().ok());
        match location {
            Some(location) if answer.status().is_redirection() => {
                within_org(from, location).and_then(|url| self.within_org(url.as_str())).map(Some)
            }
            _ => Ok(None),
        }
    }

    async fn send(
        &self,
        method: Method,
        url: &Url,
        body: Body<'_>,
        bearer: Option<&SecretString>,
    ) -> Result<Response<Zeroizing<Vec<u8>>>> {
        for _ in 0..RATE_WAITS {
            let answer = self.send_once(&method, url, body, bearer).await?;
            if answer.status() != StatusCode::TOO_MANY_REQUESTS {
                return Ok(answer);
            }
            match self.wait_as_told(answer.headers()) {
                Some(wait) => self.timer.sleep(wait).await,
                None => return Ok(answer),
            }
        }
        self.send_once(&method, url, body, bearer).await
    }

    /// How long Okta wants us to wait, by its own clock; nothing where that is too long.
    fn wait_as_told(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let reset: i64 = text("x-rate-limit-reset")?.trim().parse().ok()?;
        let now = text(DATE.as_str())
            .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
            .map_or_else(|| self.timer.now(), |zoned| zoned.timestamp());
        let wait = Duration::from_secs(reset.saturating_sub(now.as_second()).clamp(1, i64::MAX).unsigned_abs());
        (wait <= RATE_WAIT).then_some(wait)
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &Url,
        body: Body<'_>,
        bearer: Option<&SecretString>,
    ) -> Result<Response<Zeroizing<Vec<u8>>>> {
        if self.deadline.has_passed(self.timer) {
            return Err(Error::new(
                ErrorKind::DeadlineExceeded,
                Stage::SignIn,
                "the sign-in took longer than 15 minutes",
            )
            .with_hint("sign in again"));
        }
        let mut request = Request::builder().method(method).uri(url.as_str());
        let cookies = self.cookie_header(url);
        if !cookies.is_empty() {
            request = request.header(COOKIE, header(cookies).ok_or_else(unusable)?);
        }
        if let Some(bearer) = bearer {
            let bearer = SecretString::from(format!("Bearer {}", bearer.expose()));
            request = request.header(AUTHORIZATION, header(bearer).ok_or_else(unusable)?);
        }
        let json = "application/json";
        let typed = |request: http::request::Builder, accept: &str, content: &str| {
            request.header(ACCEPT, accept).header(CONTENT_TYPE, content)
        };
        let request = match body {
            Body::Json(body) => typed(request, json, json).body(to_json(body)),
            Body::Ion(body) => typed(request, ION, ION).body(to_json(body)),
            Body::Form(fields) => typed(request, "application/json, text/html", "application/x-www-form-urlencoded")
                .body(form(fields.iter().copied())),
            Body::Nothing if bearer.is_some() => request.header(ACCEPT, json).body(Vec::new()),
            Body::Nothing => request.header(ACCEPT, "text/html, application/json").body(Vec::new()),
        };
        let request = request.map_err(|_| unusable())?;
        let answer =
            self.transport.send(request).await.map_err(|error| error.into_error(Stage::SignIn, self.host()))?;
        self.take_cookies(url, answer.headers());
        Ok(answer.map(Zeroizing::new))
    }

    fn cookie_header(&self, url: &Url) -> SecretString {
        let cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let mut text = SecretBytes::with_capacity(1024);
        for (name, value) in cookies.get_request_values(url) {
            for part in [if text.len() == 0 { "" } else { "; " }, name, "=", value] {
                text.extend_from_slice(part.as_bytes());
            }
        }
        text.into_string().unwrap_or_else(|| "".into())
    }

    fn take_cookies(&self, url: &Url, headers: &HeaderMap) {
        let set = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        let parsed = set.filter_map(|text| RawCookie::parse(text.to_owned()).ok());
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).store_response_cookies(parsed, url);
    }

    pub(super) fn host(&self) -> &str {
        self.org.host_str().unwrap_or_default()
    }
}

fn unusable() -> Error {
    Error::new(
        ErrorKind::IdentityProviderError,
        Stage::SignIn,
        "Okta answered with an address or a cookie that cannot be used",
    )
}

/// JSON as the body of a request, without copies of the secrets in it.
fn to_json(body: &Value) -> Vec<u8> {
    let mut text = SecretBytes::with_capacity(1024);
    match serde_json::to_writer(&mut text, body) {
        Ok(()) => text.into_vec(),
        // A value under string keys can always be written.
        Err(_) => Vec::new(),
    }
}

/// The address of `rel="next"` in a `Link` header.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|link| {
        let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
        rest.contains("rel=\"next\"").then_some(address)
    })
}
