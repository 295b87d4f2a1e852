//! `/api/v1/authn`: the transaction's states.

#![allow(clippy::indexing_slicing, reason = "indexing a JSON object by a name adds the member")]

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde_json::{Value, json};

use super::state::Transaction;
use super::{app, base, error};
use crate::Shared;
use crate::world::{Factor, PushAnswer, User, UserStatus};

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    username: Option<String>,
    password: Option<String>,
    state_token: Option<String>,
    pass_code: Option<Value>,
    answer: Option<String>,
}

pub(super) async fn begin(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    let base = base(&headers, &shared);
    match (body.username, body.password, body.state_token) {
        (Some(login), Some(password), _) => {
            with_password(&shared, &base, &login, &password, app::cookie(&headers, "DT"))
        }
        (None, None, Some(token)) => resume(&shared, &base, &token),
        _ => error(StatusCode::BAD_REQUEST, "E0000001", "Api validation failed: authRequest", None),
    }
}

fn with_password(shared: &Shared, base: &str, login: &str, password: &str, device: Option<String>) -> Response {
    let failed = || error(StatusCode::UNAUTHORIZED, "E0000004", "Authentication failed", None);
    let Some(user) = shared.world.user(login) else { return failed() };
    let mut memory = shared.okta.lock();
    if memory.is_locked(&user.login) || (user.status == UserStatus::LockedOut && user.password == password) {
        return Json(json!({
            "status": "LOCKED_OUT",
            "_links": { "next": { "name": "unlock", "href": format!("{base}/api/v1/authn/recovery/unlock") } },
        }))
        .into_response();
    }
    if user.password != password {
        memory.wrong_password(&user.login);
        return failed();
    }
    memory.right_password(&user.login);
    let token = match user.status {
        UserStatus::Active
            if user.factors.is_empty()
                || device.is_some_and(|device| memory.remembered.contains(&(user.login.clone(), device))) =>
        {
            let session_token = memory.session_token(&user.login);
            return Json(success(user, &session_token)).into_response();
        }
        _ => memory.begin(&user.login, None),
    };
    drop(memory);
    let next = |name: &str, path: &str| json!({ "next": { "name": name, "href": format!("{base}{path}"), "hints": { "allow": ["POST"] } } });
    Json(match user.status {
        UserStatus::PasswordExpired => {
            let links = next("changePassword", "/api/v1/authn/credentials/change_password");
            json!({ "stateToken": token, "status": "PASSWORD_EXPIRED", "_embedded": embedded(user), "_links": links })
        }
        UserStatus::PasswordWarn => {
            let mut links = next("changePassword", "/api/v1/authn/credentials/change_password");
            links["skip"] = json!({ "name": "skip", "href": format!("{base}/api/v1/authn/skip") });
            json!({ "stateToken": token, "status": "PASSWORD_WARN", "_embedded": embedded(user), "_links": links })
        }
        UserStatus::MfaEnroll => {
            json!({ "stateToken": token, "status": "MFA_ENROLL", "_embedded": embedded(user) })
        }
        UserStatus::Active | UserStatus::LockedOut => factors_required(user, base, &token),
    })
    .into_response()
}

/// A transaction that the app's page began.
fn resume(shared: &Shared, base: &str, token: &str) -> Response {
    let login = shared.okta.lock().transactions.get(token).map(|transaction| transaction.login.clone());
    match login.as_deref().and_then(|login| shared.world.user(login)) {
        Some(user) => Json(factors_required(user, base, token)).into_response(),
        None => unknown_token(),
    }
}

fn unknown_token() -> Response {
    error(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided", None)
}

pub(super) async fn skip(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    let token = body.state_token.unwrap_or_default();
    let base = base(&headers, &shared);
    let login = shared.okta.lock().transactions.get(&token).map(|transaction| transaction.login.clone());
    match login.as_deref().and_then(|login| shared.world.user(login)) {
        Some(user) if user.factors.is_empty() => {
            let mut memory = shared.okta.lock();
            memory.transactions.remove(&token);
            let session_token = memory.session_token(&user.login);
            Json(success(user, &session_token)).into_response()
        }
        Some(user) => Json(factors_required(user, &base, &token)).into_response(),
        None => unknown_token(),
    }
}

/// Sends a code once more.
pub(super) async fn resend(
    State(shared): State<Arc<Shared>>,
    Path(factor): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    let token = body.state_token.unwrap_or_default();
    let memory = shared.okta.lock();
    let Some(transaction) = memory.transactions.get(&token).filter(|transaction| transaction.sent) else {
        return unknown_token();
    };
    let Some(user) = shared.world.user(&transaction.login) else { return unknown_token() };
    match user.factors.iter().enumerate().find(|(at, _)| id(*at) == factor) {
        Some((at, factor)) => {
            Json(challenge(user, factor, at, &base(&headers, &shared), &token, None, None)).into_response()
        }
        None => error(StatusCode::NOT_FOUND, "E0000007", "Not found: Resource not found", None),
    }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Remember {
    #[serde(default)]
    remember_device: bool,
}

pub(super) async fn cancel(State(shared): State<Arc<Shared>>, Json(body): Json<Body>) -> Response {
    match body.state_token.and_then(|token| shared.okta.lock().transactions.remove(&token)) {
        Some(_) => Json(json!({})).into_response(),
        None => unknown_token(),
    }
}

pub(super) async fn verify(
    State(shared): State<Arc<Shared>>,
    Path(factor): Path<String>,
    Query(remember): Query<Remember>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    let base = base(&headers, &shared);
    let token = body.state_token.unwrap_or_default();
    let device = app::cookie(&headers, "DT");
    let mut memory = shared.okta.lock();
    let Some(transaction) = memory.transactions.get_mut(&token) else { return unknown_token() };
    let Some(user) = shared.world.user(&transaction.login) else { return unknown_token() };
    let found = user.factors.iter().enumerate().find(|(at, _)| id(*at) == factor);
    let Some((at, factor)) = found else {
        return error(StatusCode::NOT_FOUND, "E0000007", "Not found: Resource not found", None);
    };
    let code = body.pass_code.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned)).or(body.answer);
    let step = match (factor.kind.as_str(), code) {
        ("push", _) => push(factor, transaction),
        ("sms" | "call" | "email", None) => {
            transaction.sent = true;
            Step::Waiting(None)
        }
        ("sms" | "call" | "email", Some(_)) if !transaction.sent => Step::Wrong,
        (_, None) => Step::Wrong,
        (_, Some(code)) => {
            let session = transaction.session.clone();
            let used = session.and_then(|sid| memory.sessions.get(&sid)?.used_code.clone());
            if factor.codes.contains(&code) && used.as_ref() != Some(&code) {
                Step::Right(Some(code))
            } else {
                Step::Wrong
            }
        }
    };
    match step {
        Step::Wrong => error(
            StatusCode::FORBIDDEN,
            "E0000068",
            "Invalid Passcode/Answer",
            Some("Your passcode doesn't match our records. Please try again."),
        ),
        Step::Waiting(number) => Json(challenge(user, factor, at, &base, &token, None, number)).into_response(),
        Step::Ended(result) => Json(challenge(user, factor, at, &base, &token, Some(result), None)).into_response(),
        Step::Right(code) => {
            let Some(transaction) = memory.transactions.remove(&token) else { return unknown_token() };
            match transaction.session {
                Some(sid) => {
                    if let Some(session) = memory.sessions.get_mut(&sid) {
                        session.stepped_up = true;
                    }
                    let href = format!("{base}/login/step-up/redirect?stateToken={token}");
                    let links = json!({ "next": { "name": "original", "href": href, "hints": { "allow": ["GET"] } } });
                    Json(json!({ "stateToken": token, "status": "SUCCESS", "_embedded": embedded(user), "_links": links }))
                        .into_response()
                }
                None => {
                    if let Some(device) = device.filter(|_| remember.remember_device && user.allows_remembering) {
                        memory.remembered.insert((user.login.clone(), device));
                    }
                    let session_token = memory.session_token(&user.login);
                    memory.remember_code(&session_token, code);
                    Json(success(user, &session_token)).into_response()
                }
            }
        }
    }
}

enum Step {
    Wrong,
    Waiting(Option<u8>),
    Ended(&'static str),
    Right(Option<String>),
}

fn push(factor: &Factor, transaction: &mut Transaction) -> Step {
    transaction.polls += 1;
    let push = &factor.push;
    if transaction.polls <= push.after_polls + 1 {
        // Okta tells the number only once the telephone has shown the push.
        return Step::Waiting(push.number.filter(|_| transaction.polls > 1));
    }
    match push.answer {
        PushAnswer::Approve => Step::Right(None),
        PushAnswer::Reject => Step::Ended("REJECTED"),
        PushAnswer::Timeout => Step::Ended("TIMEOUT"),
        PushAnswer::Never => Step::Waiting(push.number),
    }
}

fn success(user: &User, session_token: &str) -> Value {
    json!({ "status": "SUCCESS", "sessionToken": session_token, "_embedded": embedded(user) })
}

fn embedded(user: &User) -> Value {
    let profile =
        json!({ "login": user.login, "firstName": "Sand", "lastName": "Box", "locale": "en", "timeZone": "UTC" });
    json!({ "user": { "id": "00uSandbox", "passwordChanged": "2026-01-01T00:00:00.000Z", "profile": profile } })
}

fn factors_required(user: &User, base: &str, token: &str) -> Value {
    let factors: Vec<_> =
        user.factors.iter().enumerate().map(|(at, factor)| describe(factor, user, at, base)).collect();
    let mut embedded = embedded(user);
    embedded["factors"] = factors.into();
    embedded["policy"] = json!({ "allowRememberDevice": user.allows_remembering, "rememberDeviceLifetimeInMinutes": 0, "rememberDeviceByDefault": false });
    json!({
        "stateToken": token,
        "status": "MFA_REQUIRED",
        "_embedded": embedded,
        "_links": { "cancel": { "href": format!("{base}/api/v1/authn/cancel"), "hints": { "allow": ["POST"] } } },
    })
}

fn id(at: usize) -> String {
    format!("fac{at:02}sandbox")
}

fn describe(factor: &Factor, user: &User, at: usize, base: &str) -> Value {
    let profile = match factor.kind.as_str() {
        "push" => {
            json!({ "credentialId": user.login, "deviceType": "SmartPhone_IPhone", "name": "Sandbox telephone", "platform": "IOS" })
        }
        "sms" | "call" => json!({ "phoneNumber": "+1 XXX-XXX-1337" }),
        "email" => json!({ "email": "s...x@example.com" }),
        "question" => json!({ "question": "sandbox_question", "questionText": factor.question }),
        kind if kind.starts_with("token") => json!({ "credentialId": user.login }),
        _ => json!({}),
    };
    json!({
        "id": id(at),
        "factorType": factor.kind,
        "provider": factor.provider,
        "vendorName": factor.provider,
        "profile": profile,
        "_links": { "verify": { "href": format!("{base}/api/v1/authn/factors/{}/verify", id(at)), "hints": { "allow": ["POST"] } } },
    })
}

fn challenge(
    user: &User,
    factor: &Factor,
    at: usize,
    base: &str,
    token: &str,
    ended: Option<&str>,
    number: Option<u8>,
) -> Value {
    let mut embedded = embedded(user);
    embedded["factor"] = describe(factor, user, at, base);
    if let Some(number) = number {
        embedded["factor"]["_embedded"] = json!({ "challenge": { "correctAnswer": number } });
    }
    let poll = factor.kind == "push";
    let verify = format!("{base}/api/v1/authn/factors/{}/verify", id(at));
    let mut answer = json!({
        "stateToken": token,
        "status": "MFA_CHALLENGE",
        "_embedded": embedded,
        "_links": {
            "next": { "name": if poll { "poll" } else { "verify" }, "href": verify, "hints": { "allow": ["POST"] } },
            "resend": [{ "name": factor.kind, "href": format!("{verify}/resend"), "hints": { "allow": ["POST"] } }],
            "cancel": { "href": format!("{base}/api/v1/authn/cancel"), "hints": { "allow": ["POST"] } },
        },
    });
    if poll || ended.is_some() {
        answer["factorResult"] = ended.unwrap_or("WAITING").into();
    }
    answer
}
