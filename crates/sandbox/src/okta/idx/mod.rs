//! `/idp/idx`: the Identity Engine, as Okta's sign-in widget uses it. Each answer lists the steps that can be taken next.

mod render;

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::{CONTENT_TYPE, LOCATION};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::json;

use super::error::invalid_token;
use super::state::{Flow, OrgData, Session};
use super::{base, cookies};
use crate::shared::Shared;
use crate::world::{Factor, PushAnswer, User, UserStatus};
use render::messages;

const ION: &str = "application/ion+json; okta-version=1.0.0";

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    state_token: Option<String>,
    state_handle: Option<String>,
    identifier: Option<String>,
    #[serde(default)]
    credentials: Credentials,
    #[serde(default)]
    authenticator: Authenticator,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Credentials {
    passcode: Option<String>,
    answer: Option<String>,
    totp: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Authenticator {
    id: Option<String>,
}

/// Why the input was not accepted: Okta's key, its text, and whether it is about a field of the form.
struct Problem(&'static str, &'static str, bool);

const WRONG_PASSWORD: Problem = Problem("errors.E0000004", "Authentication failed", false);
const LOCKED: Problem = Problem("errors.E0000119", "Your account is locked. Please contact your administrator.", false);
const WRONG_CODE: Problem = Problem("api.authn.error.PASSCODE_INVALID", "Invalid code. Try again.", true);
const REJECTED: Problem = Problem("oktaverify.rejected", "You have chosen to reject this login.", false);
const TIMED_OUT: Problem = Problem("oktaverify.timeout", "Your push notification has expired.", false);

/// A request, and the sign-in that it belongs to.
struct FlowRequest<'a> {
    shared: &'a Shared,
    base: String,
    handle: String,
    flow: Flow,
}

/// Shows a sign-in as it is. Sending a code again does not change it.
pub(super) async fn introspect(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    respond(&shared, &headers, body, |_, _, _| None)
}

pub(super) async fn identify(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    respond(&shared, &headers, body, |request, org, body| {
        let login = body.identifier.clone().unwrap_or_default();
        match &body.credentials.passcode {
            Some(password) => request.enter_password(org, &login, password),
            None => {
                request.flow.login = Some(login);
                None
            }
        }
    })
}

/// Chooses an authenticator.
pub(super) async fn challenge(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    respond(&shared, &headers, body, |request, _, body| {
        request.flow.factor = request.user().and_then(|user| {
            let wanted = body.authenticator.id.as_deref()?;
            user.factors.iter().enumerate().position(|(index, factor)| authenticator_id(index, factor) == wanted)
        });
        request.flow.polls = 0;
        None
    })
}

pub(super) async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |request, org, body| {
        let given = &body.credentials;
        let code = given.passcode.as_deref().or(given.answer.as_deref()).or(given.totp.as_deref()).unwrap_or_default();
        if !request.flow.has_password {
            let login = request.flow.login.clone().unwrap_or_default();
            return request.enter_password(org, &login, code);
        }
        let used = request.flow.session.as_ref();
        let used = used.and_then(|id| org.session_mut(request.shared, id)?.used_code.clone());
        let is_right = request.factor().is_some_and(|factor| factor.codes.iter().any(|known| known == code));
        if !is_right || used.as_deref() == Some(code) {
            return Some(WRONG_CODE);
        }
        request.flow.used_code = Some(code.to_owned());
        request.flow.verified = true;
        None
    })
}

pub(super) async fn poll(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |request, _, _| {
        request.flow.polls += 1;
        let push = request.factor()?.push.clone();
        if request.flow.polls <= push.after_polls {
            return None;
        }
        match push.answer {
            PushAnswer::Approve => request.flow.verified = true,
            PushAnswer::Reject => return Some(REJECTED),
            PushAnswer::Timeout => return Some(TIMED_OUT),
            PushAnswer::Never => {}
        }
        None
    })
}

pub(super) async fn skip(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |request, _, _| {
        request.flow.skipped = true;
        None
    })
}

/// Starts over.
pub(super) async fn cancel(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |request, _, _| {
        let Flow { target, session, .. } = std::mem::take(&mut request.flow);
        request.flow = Flow { target, session, ..Flow::default() };
        None
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redirect {
    state_token: String,
}

/// Turns a finished sign-in into a session, or raises the session that it is a step-up of. Continues where it started.
pub(super) async fn redirect(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Redirect>,
) -> Response {
    let mut org = shared.org.lock();
    let Some(flow) = org.flows.remove(&query.state_token).filter(|flow| flow.is_finished(&shared)) else {
        return invalid_token();
    };
    let new = Session { used_code: flow.used_code, ..Session::new(&shared, flow.login.as_deref().unwrap_or_default()) };
    let id = match flow.session {
        Some(id) => {
            if let Some(session) = org.session_mut(&shared, &id) {
                *session = Session { stepped_up: true, ..new };
            }
            id
        }
        None => org.add_session(new),
    };
    let location = format!("{}{}", base(&headers, &shared), flow.target);
    let mut answer = (StatusCode::FOUND, [(LOCATION, location)]).into_response();
    cookies::set(&shared, &mut answer, cookies::SESSION, &id);
    answer
}

impl Flow {
    fn user<'s>(&self, shared: &'s Shared) -> Option<&'s User> {
        self.has_password.then(|| shared.world.user(self.login.as_deref()?)).flatten()
    }

    /// Whether nothing is left to do.
    fn is_finished(&self, shared: &Shared) -> bool {
        let Some(user) = self.user(shared) else { return false };
        let status = match user.status {
            UserStatus::Active => true,
            UserStatus::PasswordWarn => self.skipped,
            UserStatus::LockedOut | UserStatus::PasswordExpired | UserStatus::MfaEnroll => false,
        };
        status && (user.factors.is_empty() || self.verified)
    }
}

/// Answers a request. `act` changes the sign-in, and returns why the input was not accepted.
fn respond(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
    act: impl FnOnce(&mut FlowRequest<'_>, &mut OrgData, &Body) -> Option<Problem>,
) -> Response {
    let handle = body.state_token.clone().or_else(|| body.state_handle.clone()).unwrap_or_default();
    let mut org = shared.org.lock();
    let Some(flow) = org.flows.get(&handle).cloned() else {
        let expired = Problem("idx.session.expired", "The session has expired.", false);
        let answer = json!({ "version": "1.0.0", "messages": messages(&expired) });
        return (StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, ION)], answer.to_string()).into_response();
    };
    let mut request = FlowRequest { shared, base: base(headers, shared), handle, flow };
    let problem = act(&mut request, &mut org, &body);
    org.flows.insert(request.handle.clone(), request.flow.clone());
    let status = match &problem {
        None => StatusCode::OK,
        Some(Problem(.., true)) => StatusCode::BAD_REQUEST,
        Some(_) if request.flow.has_password => StatusCode::OK,
        Some(_) => StatusCode::UNAUTHORIZED,
    };
    (status, [(CONTENT_TYPE, ION)], request.render(problem.as_ref()).to_string()).into_response()
}

/// Returns the id of an authenticator.
fn authenticator_id(index: usize, factor: &Factor) -> String {
    // At Okta, SMS and calls are two methods of one authenticator. Here each factor is an authenticator.
    format!("aut{index:02}{}", factor.kind.replace([':', '_'], ""))
}

/// Returns the factor that a person does not have to choose: the only one, if it is a code that is not sent.
pub(super) fn only_code(user: &User) -> Option<usize> {
    matches!(user.factors.as_slice(), [only] if only.kind.starts_with("token")).then_some(0)
}

/// Returns Okta's key, name, type and method of a factor.
fn describe(factor: &Factor) -> (&'static str, &'static str, &'static str, &'static str) {
    match (factor.kind.as_str(), factor.provider.as_str()) {
        ("push", _) => ("okta_verify", "Okta Verify", "app", "push"),
        ("token:software:totp", "GOOGLE") => ("google_otp", "Google Authenticator", "app", "otp"),
        ("token:software:totp", _) => ("okta_verify", "Okta Verify", "app", "totp"),
        ("sms", _) => ("phone_number", "Phone", "phone", "sms"),
        ("call", _) => ("phone_number", "Phone", "phone", "voice"),
        ("email", _) => ("okta_email", "Email", "email", "email"),
        ("question", _) => ("security_question", "Security Question", "security_question", "security_question"),
        ("signed_nonce", _) => ("okta_verify", "Okta Verify", "app", "signed_nonce"),
        ("webauthn", _) => ("webauthn", "Security Key or Biometric", "security_key", "webauthn"),
        _ => ("custom_otp", "Hardware token", "security_key", "otp"),
    }
}

impl<'a> FlowRequest<'a> {
    /// Checks name and password, and continues with the second factor.
    fn enter_password(&mut self, org: &mut OrgData, login: &str, password: &str) -> Option<Problem> {
        let Some(user) = self.shared.world.user(login) else { return Some(WRONG_PASSWORD) };
        if org.is_locked(user) || (user.status == UserStatus::LockedOut && user.password == password) {
            return Some(LOCKED);
        }
        if !org.check_password(user, password) {
            return Some(WRONG_PASSWORD);
        }
        self.flow.login = Some(user.login.clone());
        self.flow.has_password = true;
        self.flow.factor = only_code(user);
        None
    }

    fn user(&self) -> Option<&'a User> {
        self.flow.user(self.shared)
    }

    fn factor(&self) -> Option<&'a Factor> {
        self.user()?.factors.get(self.flow.factor?)
    }
}
