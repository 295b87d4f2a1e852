//! `/idp/idx`: the Identity Engine, as Okta's sign-in widget speaks to it. What can be done next is told with each answer.

use std::sync::Arc;

use axum::Json;
use axum::extract::{Query, State};
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use jiff::SignedDuration;
use serde::Deserialize;
use serde_json::{Map, Value, json};

use super::state::{Flow, Memory, Session};
use super::{app, base, error};
use crate::Shared;
use crate::world::{Factor, PushAnswer, User, UserStatus};

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

/// What was wrong with what was sent: Okta's key, its words, and the field, where it is one of a form.
struct Wrong(&'static str, &'static str, bool);

const WRONG_PASSWORD: Wrong = Wrong("errors.E0000004", "Authentication failed", false);
const LOCKED: Wrong = Wrong("errors.E0000119", "Your account is locked. Please contact your administrator.", false);
const WRONG_CODE: Wrong = Wrong("api.authn.error.PASSCODE_INVALID", "Invalid code. Try again.", true);
const REJECTED: Wrong = Wrong("oktaverify.rejected", "You have chosen to reject this login.", false);
const TIMED_OUT: Wrong = Wrong("oktaverify.timeout", "Your push notification has expired.", false);

/// One request: the flow it belongs to, taken out for as long as it is looked at.
struct Turn<'a> {
    shared: &'a Shared,
    base: String,
    handle: String,
    flow: Flow,
}

/// How things stand. A code that is sent again changes nothing in that.
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
    respond(&shared, &headers, body, |turn, memory, body| {
        let login = body.identifier.clone().unwrap_or_default();
        match &body.credentials.passcode {
            Some(password) => turn.password(memory, &login, password),
            None => {
                turn.flow.login = Some(login);
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
    respond(&shared, &headers, body, |turn, _, body| {
        let at = turn.user().and_then(|user| {
            let wanted = body.authenticator.id.as_deref()?;
            user.factors.iter().enumerate().position(|(at, factor)| id(at, factor) == wanted)
        });
        turn.flow.factor = at;
        turn.flow.polls = 0;
        None
    })
}

pub(super) async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |turn, memory, body| {
        let given = &body.credentials;
        let code = given.passcode.as_deref().or(given.answer.as_deref()).or(given.totp.as_deref()).unwrap_or_default();
        if !turn.flow.password {
            let login = turn.flow.login.clone().unwrap_or_default();
            return turn.password(memory, &login, code);
        }
        let used = turn.flow.session.as_ref().and_then(|sid| memory.sessions.get(sid)?.used_code.clone());
        let is_right = turn.factor().is_some_and(|factor| factor.codes.iter().any(|known| known == code));
        if !is_right || used.as_deref() == Some(code) {
            return Some(WRONG_CODE);
        }
        turn.flow.used_code = Some(code.to_owned());
        turn.flow.verified = true;
        None
    })
}

pub(super) async fn poll(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |turn, _, _| {
        turn.flow.polls += 1;
        let push = turn.factor()?.push.clone();
        if turn.flow.polls <= push.after_polls {
            return None;
        }
        match push.answer {
            PushAnswer::Approve => turn.flow.verified = true,
            PushAnswer::Reject => return Some(REJECTED),
            PushAnswer::Timeout => return Some(TIMED_OUT),
            PushAnswer::Never => {}
        }
        None
    })
}

pub(super) async fn skip(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |turn, _, _| {
        turn.flow.skipped = true;
        None
    })
}

/// Begins anew.
pub(super) async fn cancel(State(shared): State<Arc<Shared>>, headers: HeaderMap, Json(body): Json<Body>) -> Response {
    respond(&shared, &headers, body, |turn, _, _| {
        turn.flow = Flow { session: turn.flow.session.clone(), ..Flow::default() };
        None
    })
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Redirect {
    state_token: String,
}

/// A flow that has come to its end becomes a session, or lifts the one that there was, and leads to the app.
pub(super) async fn redirect(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    Query(query): Query<Redirect>,
) -> Response {
    let mut memory = shared.okta.lock();
    let Some(flow) = memory.flows.remove(&query.state_token).filter(|flow| flow.is_over(&shared)) else {
        return error(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided", None);
    };
    let app = format!("{}/home/amazon_aws/{}/272", base(&headers, &shared), shared.world.app);
    let session = Session {
        login: flow.login.unwrap_or_default(),
        stepped_up: flow.session.is_some(),
        used_code: flow.used_code,
    };
    app::with_session(&mut memory, session, flow.session, app)
}

impl Flow {
    fn user<'s>(&self, shared: &'s Shared) -> Option<&'s User> {
        self.password.then(|| shared.world.user(self.login.as_deref()?)).flatten()
    }

    fn is_over(&self, shared: &Shared) -> bool {
        let Some(user) = self.user(shared) else { return false };
        let status = match user.status {
            UserStatus::Active => true,
            UserStatus::PasswordWarn => self.skipped,
            UserStatus::LockedOut | UserStatus::PasswordExpired | UserStatus::MfaEnroll => false,
        };
        status && (user.factors.is_empty() || self.verified)
    }
}

fn respond(
    shared: &Shared,
    headers: &HeaderMap,
    body: Body,
    act: impl FnOnce(&mut Turn<'_>, &mut Memory, &Body) -> Option<Wrong>,
) -> Response {
    let handle = body.state_token.clone().or_else(|| body.state_handle.clone()).unwrap_or_default();
    let mut memory = shared.okta.lock();
    let Some(flow) = memory.flows.get(&handle).cloned() else {
        let expired = Wrong("idx.session.expired", "The session has expired.", false);
        let said = json!({ "version": "1.0.0", "messages": messages(&expired) });
        return (StatusCode::UNAUTHORIZED, [(CONTENT_TYPE, ION)], said.to_string()).into_response();
    };
    let mut turn = Turn { shared, base: base(headers, shared), handle, flow };
    let wrong = act(&mut turn, &mut memory, &body);
    memory.flows.insert(turn.handle.clone(), turn.flow.clone());
    let status = match &wrong {
        None => StatusCode::OK,
        Some(Wrong(.., true)) => StatusCode::BAD_REQUEST,
        Some(_) if turn.flow.password => StatusCode::OK,
        Some(_) => StatusCode::UNAUTHORIZED,
    };
    (status, [(CONTENT_TYPE, ION)], turn.render(wrong.as_ref()).to_string()).into_response()
}

fn messages(Wrong(key, said, _): &Wrong) -> Value {
    json!({ "type": "array", "value": [{ "message": said, "i18n": { "key": key }, "class": "ERROR" }] })
}

fn id(at: usize, factor: &Factor) -> String {
    // SMS and calls are two methods of one authenticator at Okta; here each is one of its own.
    format!("aut{at:02}{}", factor.kind.replace([':', '_'], ""))
}

/// The factor that need not be chosen: the only one, where nothing has to be sent for it.
pub(super) fn only_code(user: &User) -> Option<usize> {
    matches!(user.factors.as_slice(), [only] if only.kind.starts_with("token")).then_some(0)
}

/// Okta's key, name, type and method of a factor.
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

impl<'a> Turn<'a> {
    fn password(&mut self, memory: &mut Memory, login: &str, password: &str) -> Option<Wrong> {
        let Some(user) = self.shared.world.user(login) else { return Some(WRONG_PASSWORD) };
        if memory.is_locked(&user.login) || (user.status == UserStatus::LockedOut && user.password == password) {
            return Some(LOCKED);
        }
        if user.password != password {
            memory.wrong_password(&user.login);
            return Some(WRONG_PASSWORD);
        }
        memory.right_password(&user.login);
        self.flow.login = Some(user.login.clone());
        self.flow.password = true;
        self.flow.factor = only_code(user);
        None
    }

    fn user(&self) -> Option<&'a User> {
        self.flow.user(self.shared)
    }

    fn factor(&self) -> Option<&'a Factor> {
        self.user()?.factors.get(self.flow.factor?)
    }

    /// A remediation: where it is posted, and what it asks for beside the state handle.
    fn remediation(&self, name: &str, path: &str, fields: Vec<Value>) -> Value {
        let handle = json!({ "name": "stateHandle", "required": true, "value": self.handle, "visible": false, "mutable": false });
        let fields: Vec<_> = fields.into_iter().chain([handle]).collect();
        json!({
            "rel": ["create-form"], "name": name, "href": format!("{}/idp/idx/{path}", self.base), "method": "POST",
            "produces": ION, "value": fields, "accepts": "application/json; okta-version=1.0.0",
        })
    }

    fn render(&self, wrong: Option<&Wrong>) -> Value {
        let end = self.shared.clock.now().saturating_add(SignedDuration::from_mins(5)).unwrap_or_default();
        let mut answer = Map::new();
        let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
        put("version", "1.0.0".into());
        put("stateHandle", self.handle.as_str().into());
        put("expiresAt", end.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string().into());
        put("intent", "LOGIN".into());
        put(
            "app",
            json!({ "type": "object", "value": { "name": "amazon_aws", "label": "AWS", "id": self.shared.world.app } }),
        );
        if let Some(user) = self.user() {
            put("user", json!({ "type": "object", "value": { "id": "00uSandbox", "identifier": user.login } }));
        }
        if self.flow.is_over(self.shared) {
            let href = format!("{}/login/token/redirect?stateToken={}", self.base, self.handle);
            put("success", json!({ "name": "success-redirect", "href": href }));
            return answer.into();
        }
        put("cancel", self.remediation("cancel", "cancel", Vec::new()));
        let (steps, more) = self.steps(wrong.filter(|wrong| wrong.2));
        put("remediation", json!({ "type": "array", "value": steps }));
        if let Some(wrong) = wrong.filter(|wrong| !wrong.2) {
            put("messages", messages(wrong));
        }
        answer.extend(more);
        answer.into()
    }

    /// What can be done next, and what else is told with it.
    fn steps(&self, wrong: Option<&Wrong>) -> (Vec<Value>, Map<String, Value>) {
        let passcode = |label: &str| json!({ "name": "passcode", "label": label, "secret": true });
        let Some(user) = self.user() else {
            let name = json!({ "name": "identifier", "label": "Username" });
            return match &self.flow.login {
                Some(_) => (
                    vec![self.challenge(vec![passcode("Password")], None)],
                    self.enrolment("okta_password", "Password", "password", "password", json!({})),
                ),
                None if self.shared.world.identifier_first => {
                    (vec![self.remediation("identify", "identify", vec![name])], Map::new())
                }
                None => {
                    let password = json!({ "name": "credentials", "type": "object", "form": { "value": [passcode("Password")] }, "required": true });
                    (vec![self.remediation("identify", "identify", vec![name, password])], Map::new())
                }
            };
        };
        match user.status {
            UserStatus::PasswordExpired => {
                let fields = vec![
                    json!({ "name": "credentials", "type": "object", "form": { "value": [passcode("New password")] }, "required": true }),
                ];
                return (
                    vec![self.remediation("reenroll-authenticator", "challenge/answer", fields)],
                    self.enrolment("okta_password", "Password", "password", "password", json!({})),
                );
            }
            UserStatus::PasswordWarn if !self.flow.skipped => {
                let fields = vec![
                    json!({ "name": "credentials", "type": "object", "form": { "value": [passcode("New password")] }, "required": true }),
                ];
                let change = self.remediation("reenroll-authenticator-warning", "challenge/answer", fields);
                return (
                    vec![change, self.remediation("skip", "skip", Vec::new())],
                    self.enrolment("okta_password", "Password", "password", "password", json!({})),
                );
            }
            UserStatus::MfaEnroll => {
                return (
                    vec![self.remediation("select-authenticator-enroll", "credential/enroll", Vec::new())],
                    Map::new(),
                );
            }
            _ => {}
        }
        let Some(factor) = self.factor() else { return (vec![self.select(user)], self.enrolments(user)) };
        let (key, name, kind, method) = describe(factor);
        let mut more = self.enrolments(user);
        let profile = match kind {
            "phone" => json!({ "phoneNumber": "+1 XXX-XXX-1337" }),
            "email" => json!({ "email": "s...x@example.com" }),
            "security_question" => json!({ "questionKey": "sandbox_question", "question": factor.question }),
            _ => json!({}),
        };
        more.extend(self.enrolment(key, name, kind, method, profile));
        let step = match method {
            "push" => self.poll_step(factor, &mut more),
            "signed_nonce" | "webauthn" => {
                self.remediation("launch-authenticator", "authenticators/okta-verify/launch", Vec::new())
            }
            "security_question" => {
                let key =
                    json!({ "name": "questionKey", "required": true, "value": "sandbox_question", "mutable": false });
                let answer = json!({ "name": "answer", "label": "Answer", "required": true });
                self.challenge(vec![key, answer], wrong)
            }
            _ => self.challenge(vec![passcode("Enter code")], wrong),
        };
        let select = (user.factors.len() > 1).then(|| self.select(user));
        (std::iter::once(step).chain(select).collect(), more)
    }

    fn challenge(&self, mut fields: Vec<Value>, wrong: Option<&Wrong>) -> Value {
        if let (Some(wrong), Some(field)) = (wrong, fields.last_mut().and_then(Value::as_object_mut)) {
            field.insert("messages".to_owned(), messages(wrong));
        }
        let form = json!({ "name": "credentials", "type": "object", "form": { "value": fields }, "required": true });
        let mut step = self.remediation("challenge-authenticator", "challenge/answer", vec![form]);
        if let Some(step) = step.as_object_mut() {
            step.insert("relatesTo".to_owned(), json!(["$.currentAuthenticatorEnrollment"]));
        }
        step
    }

    fn poll_step(&self, factor: &Factor, more: &mut Map<String, Value>) -> Value {
        let mut step = self.remediation("challenge-poll", "authenticators/poll", Vec::new());
        if let Some(step) = step.as_object_mut() {
            step.insert("refresh".to_owned(), 4000.into());
            step.insert("relatesTo".to_owned(), json!(["$.currentAuthenticator"]));
        }
        // The number is told once the telephone shows it, and as a string here.
        if let Some(number) = factor.push.number.filter(|_| self.flow.polls > 0) {
            let of = ["currentAuthenticator", "currentAuthenticatorEnrollment"];
            for name in of {
                if let Some(value) = more.get_mut(name).and_then(|it| it.get_mut("value")?.as_object_mut()) {
                    value.insert("contextualData".to_owned(), json!({ "correctAnswer": number.to_string() }));
                }
            }
        }
        step
    }

    fn select(&self, user: &User) -> Value {
        let option = |(at, factor): (usize, &Factor)| {
            let (_, name, _, method) = describe(factor);
            let fields = json!([
                { "name": "id", "required": true, "value": id(at, factor), "mutable": false },
                { "name": "methodType", "required": false, "value": method, "mutable": false },
            ]);
            json!({ "label": name, "value": { "form": { "value": fields } }, "relatesTo": format!("$.authenticatorEnrollments.value[{at}]") })
        };
        let options: Vec<_> = user.factors.iter().enumerate().map(option).collect();
        self.remediation(
            "select-authenticator-authenticate",
            "challenge",
            vec![json!({ "name": "authenticator", "type": "object", "options": options })],
        )
    }

    fn enrolments(&self, user: &User) -> Map<String, Value> {
        let all: Vec<_> = user
            .factors
            .iter()
            .enumerate()
            .map(|(at, factor)| {
                let (key, name, kind, method) = describe(factor);
                json!({ "type": kind, "key": key, "id": id(at, factor), "displayName": name, "methods": [{ "type": method }] })
            })
            .collect();
        Map::from_iter([("authenticatorEnrollments".to_owned(), json!({ "type": "array", "value": all }))])
    }

    /// The authenticator that is being challenged.
    fn enrolment(&self, key: &str, name: &str, kind: &str, method: &str, profile: Value) -> Map<String, Value> {
        let mut value = json!({
            "type": kind, "key": key, "id": format!("aut{key}"), "displayName": name, "methods": [{ "type": method }],
            "profile": profile,
        });
        if matches!(method, "sms" | "voice" | "email")
            && let Some(value) = value.as_object_mut()
        {
            value.insert("resend".to_owned(), self.remediation("resend", "challenge/resend", Vec::new()));
        }
        let name = if method == "push" { "currentAuthenticator" } else { "currentAuthenticatorEnrollment" };
        Map::from_iter([(name.to_owned(), json!({ "type": "object", "value": value }))])
    }
}
