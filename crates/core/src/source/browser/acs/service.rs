//! The assertion consumer service: what it answers to each request, and what each request changes.
//!
//! | request | `Unopened` | `Opened` | `Delivered` |
//! | --- | --- | --- | --- |
//! | start page | the request for the identity provider, with a cookie; `Opened` | with the cookie: again; without: refused and reported | "Signed in" |
//! | POST, another `RelayState` or none | refused | refused | refused |
//! | POST, our `RelayState`, a response that does not verify | cannot be: only the start page tells the `RelayState` | refused and reported | redirected to the last page |
//! | POST, our `RelayState`, a response that verifies | cannot be | redirected to the last page; `Delivered` | redirected to the last page, not read |
//! | last page | not found | not found | "Signed in" |
//! | anything else | not found | not found | not found |
//!
//! The address of the start page can be read from the browser's arguments by every local user. On Linux, connections of
//! other users are closed before any of this. Elsewhere another user can open the start page first: then the person's own
//! browser is refused, and both the page and the terminal say so. The `RelayState` is a separate secret, so knowing the start
//! page's address is not enough to send a response.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::{Method, StatusCode, header};
use http_body_util::{BodyExt, Limited};
use hyper::body::Incoming;
use quick_xml::escape::escape;
use tokio::sync::mpsc::UnboundedSender;
use url::Url;

use super::authn_request::{Carrier, html};
use crate::clock::Clock;
use crate::error::{Error, Result};
use crate::loopback::{Answer, answer};
use crate::saml::{Limits, SamlResponse};
use crate::verify::{Expectations, Verifier};

const COOKIE: &str = "tempaccess-sign-in";
const HTML: &str = "text/html; charset=utf-8";
const TEXT: &str = "text/plain; charset=utf-8";
/// How long a browser may take to send a form.
const BODY_TIMEOUT: Duration = Duration::from_secs(30);

/// What happened that the waiting sign-in needs to know.
pub(super) enum Event {
    /// A response that verifies.
    Delivered(SamlResponse),
    /// A response that does not, from a browser that knows the `RelayState`.
    Refused(Error),
    /// The start page was opened by a second browser.
    OpenedTwice,
    /// The browser shows that it is done.
    Finished,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Unopened,
    Opened,
    Delivered,
}

/// Serves one sign-in.
pub(super) struct ConsumerService {
    state: Mutex<State>,
    events: UnboundedSender<Event>,
    /// Where the browser is sent first.
    start_path: String,
    /// Where it ends. Reloading that page sends no response again.
    last_path: String,
    acs: Url,
    relay_state: String,
    /// Tells a reload of the start page from a second browser.
    cookie: String,
    carrier: Carrier,
    verifier: Verifier,
    expected: Expectations,
    clock: std::sync::Arc<dyn Clock>,
}

/// The secrets of one sign-in.
pub(super) struct Secrets {
    pub(super) start: String,
    pub(super) relay_state: String,
    pub(super) cookie: String,
}

impl ConsumerService {
    pub(super) fn new(
        secrets: Secrets,
        acs: Url,
        carrier: Carrier,
        (verifier, expected): (Verifier, Expectations),
        clock: std::sync::Arc<dyn Clock>,
        events: UnboundedSender<Event>,
    ) -> Self {
        let Secrets { start, relay_state, cookie } = secrets;
        Self {
            state: Mutex::new(State::Unopened),
            events,
            start_path: format!("/{start}"),
            last_path: format!("/{start}/signed-in"),
            acs,
            relay_state,
            cookie,
            carrier,
            verifier,
            expected,
            clock,
        }
    }

    /// Answers a request of the browser.
    pub(super) async fn handle(&self, request: http::Request<Incoming>) -> Answer {
        let path = request.uri().path();
        match *request.method() {
            Method::GET if path == self.start_path => self.start_page(request.headers()),
            Method::GET if path == self.last_path && self.state() == State::Delivered => {
                self.report(Event::Finished);
                signed_in()
            }
            Method::POST if path == self.acs.path() => {
                let limit = Limits::default().input_bytes;
                let body = tokio::time::timeout(BODY_TIMEOUT, Limited::new(request.into_body(), limit).collect()).await;
                match body {
                    Ok(Ok(body)) => self.take(&body.to_bytes()),
                    _ => answer(StatusCode::BAD_REQUEST, TEXT, "the form is too large or incomplete\n"),
                }
            }
            _ => answer(StatusCode::NOT_FOUND, TEXT, "not found\n"),
        }
    }

    fn start_page(&self, headers: &http::HeaderMap) -> Answer {
        let opened = {
            let mut state = self.lock();
            let before = *state;
            if before == State::Unopened {
                *state = State::Opened;
            }
            before
        };
        match opened {
            State::Delivered => return signed_in(),
            State::Opened if !self.has_cookie(headers) => {
                self.report(Event::OpenedTwice);
                return answer(
                    StatusCode::FORBIDDEN,
                    HTML,
                    html(
                        "<h1>Already opened</h1><p>Another browser has opened this sign-in. If that was not you, stop the \
                         sign-in in your terminal and start again.</p>",
                    ),
                );
            }
            State::Unopened | State::Opened => {}
        }
        let mut page = match &self.carrier {
            Carrier::Form(page) => answer(StatusCode::OK, HTML, page.clone()),
            Carrier::Redirect(url) => redirect(StatusCode::FOUND, url.as_str()),
        };
        let cookie = format!("{COOKIE}={}; Path=/; HttpOnly; SameSite=Strict", self.cookie);
        if let Ok(cookie) = http::HeaderValue::from_str(&cookie) {
            page.headers_mut().insert(header::SET_COOKIE, cookie);
        }
        page
    }

    fn has_cookie(&self, headers: &http::HeaderMap) -> bool {
        let wanted = format!("{COOKIE}={}", self.cookie);
        let values = headers.get_all(header::COOKIE).iter().filter_map(|value| value.to_str().ok());
        values.flat_map(|value| value.split(';')).any(|cookie| cookie.trim() == wanted)
    }

    /// Takes a form that was posted to the assertion consumer service.
    fn take(&self, body: &[u8]) -> Answer {
        let is_ours = self.state() != State::Unopened
            && url::form_urlencoded::parse(body)
                .any(|(name, value)| name == "RelayState" && value == self.relay_state.as_str());
        if !is_ours {
            return answer(StatusCode::FORBIDDEN, TEXT, "this response belongs to no sign-in that is waiting\n");
        }
        // Held while the response is verified, so that exactly one is delivered.
        let mut state = self.lock();
        if *state != State::Delivered {
            match self.verify(body) {
                Ok(response) => {
                    *state = State::Delivered;
                    self.report(Event::Delivered(response));
                }
                Err(error) => {
                    let reason = escape(error.message()).into_owned();
                    self.report(Event::Refused(error));
                    let page = html(&format!(
                        "<h1>Not signed in</h1><p>{reason}</p><p>The sign-in still waits for a valid response.</p>"
                    ));
                    return answer(StatusCode::FORBIDDEN, HTML, page);
                }
            }
        }
        redirect(StatusCode::SEE_OTHER, &self.last_path)
    }

    /// Returns the response if it is genuine and answers our request.
    fn verify(&self, body: &[u8]) -> Result<SamlResponse> {
        let response = SamlResponse::detect(body, &Limits::default())?;
        self.verifier.verify(&response, &self.expected, self.clock.now())?;
        Ok(response)
    }

    fn state(&self) -> State {
        *self.lock()
    }

    fn lock(&self) -> std::sync::MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn report(&self, event: Event) {
        // Nobody receives once the sign-in is over.
        let _ = self.events.send(event);
    }
}

fn signed_in() -> Answer {
    answer(StatusCode::OK, HTML, html("<h1>Signed in</h1><p>You can close this window.</p>"))
}

fn redirect(status: StatusCode, location: &str) -> Answer {
    let mut redirect = answer(status, TEXT, "");
    if let Ok(location) = http::HeaderValue::from_str(location) {
        redirect.headers_mut().insert(header::LOCATION, location);
    }
    redirect
}
