//! `/api/v1/authn`: the authentication API of the Classic Engine.

#![allow(clippy::indexing_slicing, reason = "indexing a JSON object by a name adds the member")]

use std::sync::Arc;

use axum::Json;
use axum::extract::{Path, RawQuery, State};
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Value, json};

use super::error::{error, invalid_token, not_found};
use super::state::{StepUp, Transaction};
use super::{base, cookies};
use crate::http::form_pairs;
use crate::random;
use crate::shared::Shared;
use crate::world::{Factor, PushAnswer, User, UserStatus};

/// The lifetime of a transaction.
const TRANSACTION_LIFETIME: SignedDuration = SignedDuration::from_mins(5);

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Body {
    username: Option<String>,
    password: Option<String>,
    state_token: Option<String>,
    pass_code: Option<Value>,
    answer: Option<String>,
    /// What a security key signs, in base64.
    client_data: Option<String>,
}

impl Body {
    /// Returns the code or the answer; nothing if there is none, or an empty one.
    fn code(&self) -> Option<String> {
        let code = self.pass_code.as_ref().filter(|code| !code.is_null());
        let code = code.map(|code| code.as_str().map_or_else(|| code.to_string(), str::to_owned));
        code.or_else(|| self.answer.clone()).or_else(|| self.client_data.clone()).filter(|code| !code.is_empty())
    }
}

/// What an answer is made from: the person, and the addresses and the token in it.
struct Answer<'a> {
    shared: &'a Shared,
    base: String,
    user: &'a User,
    state_token: String,
}

/// Starts a transaction with name and password, or resumes one. Clients that resume may send an empty name and password.
pub(super) async fn begin(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    let given = |text: Option<String>| text.filter(|text| !text.is_empty());
    let base = base(&headers, &shared);
    match (given(body.username), given(body.password), given(body.state_token)) {
        (Some(login), Some(password), _) => {
            with_password(&shared, base, &login, &password, cookies::get(&headers, cookies::DEVICE))
        }
        (None, None, Some(token)) => resume(&shared, base, token),
        _ => error(StatusCode::BAD_REQUEST, "E0000001", "Api validation failed: authRequest", None),
    }
}

/// Shows a transaction as it is.
pub(super) async fn introspect(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    resume(&shared, base(&headers, &shared), body.state_token.unwrap_or_default())
}

fn with_password(shared: &Shared, base: String, login: &str, password: &str, device: Option<String>) -> Response {
    let failed = || error(StatusCode::UNAUTHORIZED, "E0000004", "Authentication failed", None);
    let Some(user) = shared.world.user(login) else { return failed() };
    let mut org = shared.org.lock();
    if org.is_locked(user) || (user.status == UserStatus::LockedOut && user.password == password) {
        let unlock = json!({ "name": "unlock", "href": format!("{base}/api/v1/authn/recovery/unlock") });
        return Json(json!({ "status": "LOCKED_OUT", "_links": { "next": unlock } })).into_response();
    }
    if !org.check_password(user, password) {
        return failed();
    }
    let is_remembered = device.is_some_and(|device| org.remembered_devices.contains(&(user.login.clone(), device)));
    if user.status == UserStatus::Active && (user.factors.is_empty() || is_remembered) {
        let token = org.issue_session_token(&user.login, None);
        return Json(success(user, &token)).into_response();
    }
    let state_token = org.begin_transaction(&user.login, None);
    drop(org);
    let answer = Answer { shared, base, user, state_token };
    let change = answer.link("changePassword", "/api/v1/authn/credentials/change_password");
    Json(match user.status {
        UserStatus::PasswordExpired => answer.render("PASSWORD_EXPIRED", json!({ "next": change })),
        UserStatus::PasswordWarn => {
            let skip = answer.link("skip", "/api/v1/authn/skip");
            answer.render("PASSWORD_WARN", json!({ "next": change, "skip": skip }))
        }
        UserStatus::MfaEnroll => answer.render("MFA_ENROLL", json!({})),
        UserStatus::Active | UserStatus::LockedOut => answer.factors_required(),
    })
    .into_response()
}

/// Resumes a transaction, such as one that the app's page started.
fn resume(shared: &Shared, base: String, state_token: String) -> Response {
    match transaction_user(shared, &state_token) {
        Some(user) => Json(Answer { shared, base, user, state_token }.factors_required()).into_response(),
        None => invalid_token(),
    }
}

fn transaction_user<'s>(shared: &'s Shared, state_token: &str) -> Option<&'s User> {
    let login = shared.org.lock().transactions.get(state_token)?.login.clone();
    shared.world.user(&login)
}

/// Skips the warning that a password expires soon.
pub(super) async fn skip(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    let token = body.state_token.unwrap_or_default();
    match transaction_user(&shared, &token) {
        Some(user) if user.factors.is_empty() => {
            let mut org = shared.org.lock();
            org.transactions.remove(&token);
            let session_token = org.issue_session_token(&user.login, None);
            Json(success(user, &session_token)).into_response()
        }
        Some(_) => resume(&shared, base(&headers, &shared), token),
        None => invalid_token(),
    }
}

/// Sends a code again.
pub(super) async fn resend(
    State(shared): State<Arc<Shared>>,
    Path(factor): Path<String>,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    let state_token = body.state_token.unwrap_or_default();
    let code_sent = shared.org.lock().transactions.get(&state_token).is_some_and(|transaction| transaction.code_sent);
    let Some(user) = transaction_user(&shared, &state_token).filter(|_| code_sent) else { return invalid_token() };
    let answer = Answer { shared: &shared, base: base(&headers, &shared), user, state_token };
    match answer.factor(&factor) {
        Some((index, factor)) => Json(answer.challenge(factor, index, None, None)).into_response(),
        None => not_found(&format!("{factor} (UserFactor)")),
    }
}

pub(super) async fn cancel(State(shared): State<Arc<Shared>>, Json(body): Json<Body>) -> Response {
    match body.state_token.and_then(|token| shared.org.lock().transactions.remove(&token)) {
        Some(_) => Json(json!({})).into_response(),
        None => invalid_token(),
    }
}

/// Whether the query asks to remember the device. Clients write `true` as their language does.
fn remembers_device(query: Option<&str>) -> bool {
    form_pairs(query.unwrap_or_default())
        .any(|(name, value)| name.eq_ignore_ascii_case("rememberDevice") && value.eq_ignore_ascii_case("true"))
}

/// Verifies a factor: sends a push or a code, polls the push, checks a code.
pub(super) async fn verify(
    State(shared): State<Arc<Shared>>,
    Path(factor): Path<String>,
    RawQuery(query): RawQuery,
    headers: HeaderMap,
    Json(body): Json<Body>,
) -> Response {
    let code = body.code();
    let state_token = body.state_token.unwrap_or_default();
    let Some(user) = transaction_user(&shared, &state_token) else { return invalid_token() };
    let answer = Answer { shared: &shared, base: base(&headers, &shared), user, state_token };
    let Some((index, factor)) = answer.factor(&factor) else { return not_found(&format!("{factor} (UserFactor)")) };
    let device = cookies::get(&headers, cookies::DEVICE);
    let device = device.filter(|_| user.allows_remembering && remembers_device(query.as_deref()));
    let mut org = shared.org.lock();
    let Some(transaction) = org.transactions.get_mut(&answer.state_token) else { return invalid_token() };
    let verification = match (factor.kind.as_str(), code) {
        ("push", _) => poll_push(factor, transaction),
        ("sms" | "call" | "email", None) => {
            transaction.code_sent = true;
            Verification::Waiting(None)
        }
        ("sms" | "call" | "email", Some(_)) if !transaction.code_sent => Verification::Wrong,
        // Without a code, every factor is challenged.
        (_, None) => Verification::Waiting(None),
        (_, Some(code)) => {
            let session = transaction.step_up.as_ref().map(|step_up| step_up.session.clone());
            let used = session.and_then(|id| org.session_mut(&shared, &id)?.used_code.clone());
            if factor.codes.contains(&code) && used.as_ref() != Some(&code) {
                Verification::Accepted(Some(code))
            } else {
                Verification::Wrong
            }
        }
    };
    let code = match verification {
        Verification::Accepted(code) => code,
        Verification::Wrong => {
            return error(
                StatusCode::FORBIDDEN,
                "E0000068",
                "Invalid Passcode/Answer",
                Some("Your passcode doesn't match our records. Please try again."),
            );
        }
        Verification::Waiting(number) => return Json(answer.challenge(factor, index, None, number)).into_response(),
        Verification::Failed(result) => {
            return Json(answer.challenge(factor, index, Some(result), None)).into_response();
        }
    };
    let Some(transaction) = org.transactions.remove(&answer.state_token) else { return invalid_token() };
    if let Some(StepUp { session, target }) = transaction.step_up {
        if let Some(session) = org.session_mut(&shared, &session) {
            session.stepped_up = true;
        }
        let href = format!("{}/login/step-up/redirect?stateToken={}&fromURI={target}", answer.base, answer.state_token);
        let next = json!({ "name": "original", "href": href, "hints": { "allow": ["GET"] } });
        return Json(answer.render("SUCCESS", json!({ "next": next }))).into_response();
    }
    org.remembered_devices.extend(device.map(|device| (user.login.clone(), device)));
    let session_token = org.issue_session_token(&user.login, code);
    Json(success(user, &session_token)).into_response()
}

/// How a verification stands.
enum Verification {
    Wrong,
    /// Okta waits for the person, who is shown this number.
    Waiting(Option<u8>),
    /// The push was not approved.
    Failed(&'static str),
    /// The factor was accepted, with this code.
    Accepted(Option<String>),
}

fn poll_push(factor: &Factor, transaction: &mut Transaction) -> Verification {
    transaction.polls += 1;
    let push = &factor.push;
    if transaction.polls <= push.after_polls + 1 {
        // Okta answers with the number only once the phone has shown the push.
        return Verification::Waiting(push.number.filter(|_| transaction.polls > 1));
    }
    match push.answer {
        PushAnswer::Approve => Verification::Accepted(None),
        PushAnswer::Reject => Verification::Failed("REJECTED"),
        PushAnswer::Timeout => Verification::Failed("TIMEOUT"),
        PushAnswer::Never => Verification::Waiting(push.number),
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

fn factor_id(index: usize) -> String {
    format!("fac{index:02}sandbox")
}

impl Answer<'_> {
    fn factor(&self, id: &str) -> Option<(usize, &Factor)> {
        self.user.factors.iter().enumerate().find(|(index, _)| factor_id(*index) == id)
    }

    fn link(&self, name: &str, path: &str) -> Value {
        json!({ "name": name, "href": format!("{}{path}", self.base), "hints": { "allow": ["POST"] } })
    }

    fn render(&self, status: &str, links: Value) -> Value {
        let expires = self.shared.clock.now().saturating_add(TRANSACTION_LIFETIME).unwrap_or_default();
        json!({
            "stateToken": self.state_token,
            "expiresAt": expires.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string(),
            "status": status,
            "_embedded": embedded(self.user),
            "_links": links,
        })
    }

    fn factors_required(&self) -> Value {
        let factors: Vec<_> =
            self.user.factors.iter().enumerate().map(|(index, factor)| self.describe(factor, index)).collect();
        let mut answer = self.render("MFA_REQUIRED", json!({ "cancel": self.link("cancel", "/api/v1/authn/cancel") }));
        answer["_embedded"]["factors"] = factors.into();
        answer["_embedded"]["policy"] = json!({
            "allowRememberDevice": self.user.allows_remembering,
            "rememberDeviceLifetimeInMinutes": 0,
            "rememberDeviceByDefault": false,
        });
        answer
    }

    fn describe(&self, factor: &Factor, index: usize) -> Value {
        let profile = match factor.kind.as_str() {
            "push" => {
                json!({ "credentialId": self.user.login, "deviceType": "SmartPhone_IPhone", "name": "Sandbox phone", "platform": "IOS" })
            }
            "sms" | "call" => json!({ "phoneNumber": "+1 XXX-XXX-1337" }),
            "email" => json!({ "email": "s...x@example.com" }),
            "question" => json!({ "question": "sandbox_question", "questionText": factor.question }),
            "webauthn" => json!({ "credentialId": "c2FuZGJveA", "authenticatorName": "Sandbox key" }),
            kind if kind.starts_with("token") => json!({ "credentialId": self.user.login }),
            _ => json!({}),
        };
        let id = factor_id(index);
        json!({
            "id": id,
            "factorType": factor.kind,
            "provider": factor.provider,
            "vendorName": factor.provider,
            "profile": profile,
            "_links": { "verify": self.link("verify", &format!("/api/v1/authn/factors/{id}/verify")) },
        })
    }

    /// Renders a factor that is being verified, with the result of a push and the number to tap.
    fn challenge(&self, factor: &Factor, index: usize, failed: Option<&str>, number: Option<u8>) -> Value {
        let is_push = factor.kind == "push";
        let verify = format!("/api/v1/authn/factors/{}/verify", factor_id(index));
        let mut links = json!({
            "next": self.link(if is_push && failed.is_none() { "poll" } else { "verify" }, &verify),
            "prev": self.link("prev", "/api/v1/authn/previous"),
            "cancel": self.link("cancel", "/api/v1/authn/cancel"),
        });
        if matches!(factor.kind.as_str(), "push" | "sms" | "call" | "email") {
            links["resend"] = json!([self.link(&factor.kind, &format!("{verify}/resend"))]);
        }
        let mut answer = self.render("MFA_CHALLENGE", links);
        answer["_embedded"]["factor"] = self.describe(factor, index);
        let challenge = match (number, factor.kind.as_str()) {
            (Some(number), _) => Some(json!({ "correctAnswer": number })),
            (None, "webauthn") => Some(json!({ "challenge": random::alphanumeric(20), "extensions": {} })),
            _ => None,
        };
        if let Some(challenge) = challenge {
            answer["_embedded"]["factor"]["_embedded"] = json!({ "challenge": challenge });
        }
        if is_push {
            answer["factorResult"] = failed.unwrap_or("WAITING").into();
        }
        answer
    }
}
