//! HTTP within one org, as a browser does it: cookies, redirects, rate limits. Refusals of Okta become errors.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cookie_store::{Cookie, CookieStore, RawCookie};
use http::header::{ACCEPT, AUTHORIZATION, CONTENT_TYPE, COOKIE, DATE, LINK, LOCATION, SET_COOKIE, WWW_AUTHENTICATE};
use http::{HeaderMap, Method, Request, Response, StatusCode};
use jiff::Timestamp;
use serde_json::Value;
use url::Url;
use zeroize::Zeroizing;

use super::address::within_org;
use super::refusal;
use crate::clock::{Deadline, Timer};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::Transport;
use crate::secret::{SecretBytes, SecretString, form, header};

/// The longest that a sign-in may take, including the time in which the person answers.
const SIGN_IN_LIMIT: Duration = Duration::from_secs(15 * 60);
/// The most redirects that are followed from one address.
const MAX_REDIRECTS: usize = 10;
/// How many times a request that hit a rate limit is sent again.
const RATE_LIMIT_RETRIES: usize = 3;
/// The longest wait for a rate limit to be lifted.
const MAX_RATE_LIMIT_WAIT: Duration = Duration::from_secs(60);
/// The largest JSON document that is read. Parsed, a document takes many times its size.
const MAX_JSON_BYTES: usize = 4 << 20;
/// The most cookies of an org, and the size of one (RFC 6265, 6.1).
const MAX_COOKIES: usize = 100;
const MAX_COOKIE_BYTES: usize = 4096;

/// The media type of the Identity Engine.
const ION: &str = "application/ion+json; okta-version=1.0.0";

/// The body of a request.
#[derive(Clone, Copy)]
pub(super) enum Body<'b> {
    Empty,
    Json(&'b Value),
    /// JSON for the Identity Engine (`application/ion+json`).
    Ion(&'b Value),
    Form(&'b [(&'b str, &'b str)]),
}

/// Sends the requests of one sign-in.
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
        let deadline = Deadline::after(timer, SIGN_IN_LIMIT);
        Self { org, transport, timer, deadline, cookies: Mutex::new(cookies) }
    }

    pub(super) fn org(&self) -> &Url {
        self.org
    }

    pub(super) fn host(&self) -> &str {
        self.org.host_str().unwrap_or_default()
    }

    /// Returns the wall-clock time, for comparisons with times that Okta sends.
    pub(super) fn now(&self) -> Timestamp {
        self.timer.now()
    }

    /// Returns the timer that deadlines are counted on.
    pub(super) fn timer(&self) -> &'a dyn Timer {
        self.timer
    }

    /// Waits, but not beyond the deadline of the sign-in.
    ///
    /// # Errors
    ///
    /// `deadline_exceeded`.
    pub(super) async fn sleep(&self, duration: Duration) -> Result<()> {
        self.timer.sleep(duration.min(self.deadline.remaining(self.timer))).await;
        self.check_deadline()
    }

    fn check_deadline(&self) -> Result<()> {
        if !self.deadline.has_passed(self.timer) {
            return Ok(());
        }
        Err(Error::new(ErrorKind::DeadlineExceeded, Stage::SignIn, "the sign-in took longer than 15 minutes")
            .with_hint("sign in again"))
    }

    /// Resolves an address that Okta answered with. Refuses it if it is outside the org.
    pub(super) fn within_org(&self, address: &str) -> Result<Url> {
        within_org(self.org, address)
    }

    /// Posts JSON and returns the JSON of the answer. A refusal is an error.
    pub(super) async fn post_json(&self, url: &Url, body: &Value) -> Result<Value> {
        let (status, value) = self.post(url, Body::Json(body)).await?;
        if status.is_success() { Ok(value) } else { Err(refusal::from_answer(status, Some(&value), self.org)) }
    }

    /// Posts `body` and returns the status and the JSON of the answer, whatever the status is.
    pub(super) async fn post(&self, url: &Url, body: Body<'_>) -> Result<(StatusCode, Value)> {
        let answer = self.send(Method::POST, url, body, None).await?;
        match self.parse(&answer)? {
            Some(value) => Ok((answer.status(), value)),
            None if answer.status().is_success() => Err(self.not_json()),
            None => Err(refusal::from_answer(answer.status(), None, self.org)),
        }
    }

    /// Gets JSON, with a token if there is one. Returns the address of the next page too, if there is one.
    pub(super) async fn get_json(&self, url: &Url, bearer: Option<&SecretString>) -> Result<(Value, Option<Url>)> {
        let answer = self.send(Method::GET, url, Body::Empty, bearer).await?;
        let value = self.parse(&answer)?;
        if !answer.status().is_success() {
            return Err(match bearer_error(answer.headers()) {
                Some(error) => refusal::from_oauth(answer.status(), &error, self.org),
                None => refusal::from_answer(answer.status(), value.as_ref(), self.org),
            });
        }
        let next = answer.headers().get_all(LINK).iter().filter_map(|link| link.to_str().ok()).find_map(next_page);
        let next = next.map(|next| self.within_org(next)).transpose()?;
        Ok((value.ok_or_else(|| self.not_json())?, next))
    }

    fn parse(&self, answer: &Response<Zeroizing<Vec<u8>>>) -> Result<Option<Value>> {
        if answer.body().len() > MAX_JSON_BYTES {
            let message = format!("the answer of `{}` is too large", self.host());
            return Err(Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, message));
        }
        Ok(serde_json::from_slice(answer.body()).ok())
    }

    fn not_json(&self) -> Error {
        Error::new(
            ErrorKind::IdentityProviderError,
            Stage::SignIn,
            format!("`{}` is not an Okta org: its answer is not JSON", self.host()),
        )
        .with_hint("check that the source is the address of an Okta org")
    }

    /// Posts a form and follows redirects within the org to a page.
    pub(super) async fn submit_form(&self, url: &Url, form: &[(&str, &str)]) -> Result<Response<Zeroizing<Vec<u8>>>> {
        let answer = self.send(Method::POST, url, Body::Form(form), None).await?;
        match self.redirect(url, &answer)? {
            Some(next) => self.get(&next).await,
            None => Ok(answer),
        }
    }

    /// Gets a page and follows redirects within the org.
    pub(super) async fn get(&self, url: &Url) -> Result<Response<Zeroizing<Vec<u8>>>> {
        let mut url = url.clone();
        for _ in 0..MAX_REDIRECTS {
            let answer = self.send(Method::GET, &url, Body::Empty, None).await?;
            match self.redirect(&url, &answer)? {
                Some(next) => url = next,
                None => return Ok(answer),
            }
        }
        Err(Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, "Okta redirects too many times")
            .with_hint("check the app's link"))
    }

    /// Deletes a resource. Returns whether it existed.
    pub(super) async fn delete(&self, url: &Url) -> Result<bool> {
        let answer = self.send(Method::DELETE, url, Body::Empty, None).await?;
        match answer.status() {
            status if status.is_success() => Ok(true),
            StatusCode::NOT_FOUND => Ok(false),
            status => Err(refusal::from_answer(status, self.parse(&answer)?.as_ref(), self.org)),
        }
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
        for _ in 0..RATE_LIMIT_RETRIES {
            let answer = self.send_once(&method, url, body, bearer).await?;
            if answer.status() != StatusCode::TOO_MANY_REQUESTS {
                return Ok(answer);
            }
            match self.rate_limit_wait(answer.headers()) {
                Some(wait) => self.sleep(wait).await?,
                None => return Ok(answer),
            }
        }
        self.send_once(&method, url, body, bearer).await
    }

    /// Returns how long Okta asks to wait, by Okta's own clock. Returns nothing if Okta does not say, or if it is too long.
    fn rate_limit_wait(&self, headers: &HeaderMap) -> Option<Duration> {
        let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
        let reset: i64 = text("x-rate-limit-reset")?.trim().parse().ok()?;
        let now = text(DATE.as_str())
            .and_then(|date| jiff::fmt::rfc2822::parse(date).ok())
            .map_or_else(|| self.timer.now(), |zoned| zoned.timestamp());
        let wait = Duration::from_secs(reset.saturating_sub(now.as_second()).clamp(1, i64::MAX).unsigned_abs());
        (wait <= MAX_RATE_LIMIT_WAIT).then_some(wait)
    }

    async fn send_once(
        &self,
        method: &Method,
        url: &Url,
        body: Body<'_>,
        bearer: Option<&SecretString>,
    ) -> Result<Response<Zeroizing<Vec<u8>>>> {
        self.check_deadline()?;
        let mut request = Request::builder().method(method).uri(url.as_str());
        let cookies = self.cookie_header(url);
        if !cookies.is_empty() {
            request = request.header(COOKIE, header(cookies).ok_or_else(invalid_answer)?);
        }
        if let Some(bearer) = bearer {
            let bearer = SecretString::from(format!("Bearer {}", bearer.expose()));
            request = request.header(AUTHORIZATION, header(bearer).ok_or_else(invalid_answer)?);
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
            Body::Empty if bearer.is_some() => request.header(ACCEPT, json).body(Vec::new()),
            Body::Empty => request.header(ACCEPT, "text/html, application/json").body(Vec::new()),
        };
        let request = request.map_err(|_| invalid_answer())?;
        let answer =
            self.transport.send(request).await.map_err(|error| error.into_error(Stage::SignIn, self.host()))?;
        self.store_cookies(url, answer.headers());
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

    fn store_cookies(&self, url: &Url, headers: &HeaderMap) {
        let mut cookies = self.cookies.lock().unwrap_or_else(PoisonError::into_inner);
        let received = headers.get_all(SET_COOKIE).iter().filter_map(|value| value.to_str().ok());
        for text in received.filter(|text| text.len() <= MAX_COOKIE_BYTES) {
            let parsed = RawCookie::parse(text.to_owned()).ok();
            let parsed = parsed.and_then(|cookie| Cookie::try_from_raw_cookie(&cookie, url).ok());
            let Some(cookie) = parsed.map(Cookie::into_owned) else { continue };
            let (domain, path) = (String::from(&cookie.domain), String::from(&cookie.path));
            let has_room = || cookies.iter_any().count() < MAX_COOKIES;
            if cookies.contains_any(&domain, &path, cookie.name()) || has_room() {
                // A cookie that breaks the rules is ignored, as browsers do.
                let _ = cookies.insert(cookie, url);
            }
        }
    }

    /// Removes all cookies, and the session with them.
    pub(super) fn clear_cookies(&self) {
        *self.cookies.lock().unwrap_or_else(PoisonError::into_inner) = CookieStore::default();
    }

    /// Returns a copy of the cookies.
    pub(super) fn cookies(&self) -> CookieStore {
        self.cookies.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

fn invalid_answer() -> Error {
    Error::new(
        ErrorKind::IdentityProviderError,
        Stage::SignIn,
        "Okta answered with an address or a cookie that is not valid",
    )
}

/// Serialises the body of a request, without copies of the secrets in it.
fn to_json(body: &Value) -> Vec<u8> {
    let mut text = SecretBytes::with_capacity(1024);
    match serde_json::to_writer(&mut text, body) {
        Ok(()) => text.into_vec(),
        // A value under string keys can always be written.
        Err(_) => Vec::new(),
    }
}

/// Reads the address of `rel="next"` from a `Link` header.
fn next_page(link: &str) -> Option<&str> {
    link.split(',').find_map(|link| {
        let (address, rest) = link.trim().strip_prefix('<')?.split_once('>')?;
        rest.contains("rel=\"next\"").then_some(address)
    })
}

/// Reads the error of a `WWW-Authenticate` header for bearer tokens (RFC 6750, 3), in the shape of OAuth's error object.
fn bearer_error(headers: &HeaderMap) -> Option<Value> {
    let header = headers.get(WWW_AUTHENTICATE)?.to_str().ok()?;
    let field = |name: &str| {
        let (_, rest) = header.split_once(&format!("{name}=\""))?;
        Some(rest.split_once('"')?.0.to_owned())
    };
    let description = field("error_description").unwrap_or_default();
    Some(serde_json::json!({ "error": field("error")?, "error_description": description }))
}
