//! The answers of the Identity Engine.

use jiff::SignedDuration;
use serde_json::{Map, Value, json};

use super::{FlowRequest, ION, Problem, authenticator_id, describe};
use crate::world::{Factor, User, UserStatus};

/// The messages of an answer or a field.
pub(super) fn messages(Problem(key, text, _): &Problem) -> Value {
    json!({ "type": "array", "value": [{ "message": text, "i18n": { "key": key }, "class": "ERROR" }] })
}

impl FlowRequest<'_> {
    /// A step: where it is posted, and what it asks for in addition to the state handle.
    fn remediation(&self, name: &str, path: &str, fields: Vec<Value>) -> Value {
        let handle = json!({ "name": "stateHandle", "required": true, "value": self.handle, "visible": false, "mutable": false });
        let fields: Vec<_> = fields.into_iter().chain([handle]).collect();
        json!({
            "rel": ["create-form"], "name": name, "href": format!("{}/idp/idx/{path}", self.base), "method": "POST",
            "produces": ION, "value": fields, "accepts": "application/json; okta-version=1.0.0",
        })
    }

    /// The whole answer.
    pub(super) fn render(&self, problem: Option<&Problem>) -> Value {
        let expires = self.shared.clock.now().saturating_add(SignedDuration::from_mins(5)).unwrap_or_default();
        let mut answer = Map::new();
        let mut put = |name: &str, value: Value| answer.insert(name.to_owned(), value);
        put("version", "1.0.0".into());
        put("stateHandle", self.handle.as_str().into());
        put("expiresAt", expires.strftime("%Y-%m-%dT%H:%M:%S.000Z").to_string().into());
        put("intent", "LOGIN".into());
        put(
            "app",
            json!({ "type": "object", "value": { "name": "amazon_aws", "label": "AWS", "id": self.shared.world.app } }),
        );
        if let Some(user) = self.user() {
            put("user", json!({ "type": "object", "value": { "id": "00uSandbox", "identifier": user.login } }));
        }
        if self.flow.is_finished(self.shared) {
            let href = format!("{}/login/token/redirect?stateToken={}", self.base, self.handle);
            put("success", json!({ "name": "success-redirect", "href": href }));
            return answer.into();
        }
        put("cancel", self.remediation("cancel", "cancel", Vec::new()));
        let (steps, more) = self.steps(problem.filter(|problem| problem.2));
        put("remediation", json!({ "type": "array", "value": steps }));
        if let Some(problem) = problem.filter(|problem| !problem.2) {
            put("messages", messages(problem));
        }
        answer.extend(more);
        answer.into()
    }

    /// The steps that can be taken next, and further members of the answer.
    fn steps(&self, problem: Option<&Problem>) -> (Vec<Value>, Map<String, Value>) {
        let passcode = |label: &str| json!({ "name": "passcode", "label": label, "secret": true });
        let Some(user) = self.user() else {
            let name = json!({ "name": "identifier", "label": "Username" });
            return match &self.flow.login {
                Some(_) => (
                    vec![self.challenge(vec![passcode("Password")], None)],
                    self.enrollment("okta_password", "Password", "password", "password", json!({})),
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
                    self.enrollment("okta_password", "Password", "password", "password", json!({})),
                );
            }
            UserStatus::PasswordWarn if !self.flow.skipped => {
                let fields = vec![
                    json!({ "name": "credentials", "type": "object", "form": { "value": [passcode("New password")] }, "required": true }),
                ];
                let change = self.remediation("reenroll-authenticator-warning", "challenge/answer", fields);
                return (
                    vec![change, self.remediation("skip", "skip", Vec::new())],
                    self.enrollment("okta_password", "Password", "password", "password", json!({})),
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
        let Some(factor) = self.factor() else { return (vec![self.select(user)], self.enrollments(user)) };
        let (key, name, kind, method) = describe(factor);
        let mut more = self.enrollments(user);
        let profile = match kind {
            "phone" => json!({ "phoneNumber": "+1 XXX-XXX-1337" }),
            "email" => json!({ "email": "s...x@example.com" }),
            "security_question" => json!({ "questionKey": "sandbox_question", "question": factor.question }),
            _ => json!({}),
        };
        more.extend(self.enrollment(key, name, kind, method, profile));
        let step = match method {
            "push" => self.poll_step(factor, &mut more),
            "signed_nonce" | "webauthn" => {
                self.remediation("launch-authenticator", "authenticators/okta-verify/launch", Vec::new())
            }
            "security_question" => {
                let key =
                    json!({ "name": "questionKey", "required": true, "value": "sandbox_question", "mutable": false });
                let answer = json!({ "name": "answer", "label": "Answer", "required": true });
                self.challenge(vec![key, answer], problem)
            }
            _ => self.challenge(vec![passcode("Enter code")], problem),
        };
        let select = (user.factors.len() > 1).then(|| self.select(user));
        (std::iter::once(step).chain(select).collect(), more)
    }

    fn challenge(&self, mut fields: Vec<Value>, problem: Option<&Problem>) -> Value {
        if let (Some(problem), Some(field)) = (problem, fields.last_mut().and_then(Value::as_object_mut)) {
            field.insert("messages".to_owned(), messages(problem));
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
        // Okta answers with the number only once the phone has shown the push. Here it is a string.
        if let Some(number) = factor.push.number.filter(|_| self.flow.polls > 0) {
            let names = ["currentAuthenticator", "currentAuthenticatorEnrollment"];
            for name in names {
                if let Some(value) = more.get_mut(name).and_then(|it| it.get_mut("value")?.as_object_mut()) {
                    value.insert("contextualData".to_owned(), json!({ "correctAnswer": number.to_string() }));
                }
            }
        }
        step
    }

    fn select(&self, user: &User) -> Value {
        let option = |(index, factor): (usize, &Factor)| {
            let (_, name, _, method) = describe(factor);
            let fields = json!([
                { "name": "id", "required": true, "value": authenticator_id(index, factor), "mutable": false },
                { "name": "methodType", "required": false, "value": method, "mutable": false },
            ]);
            json!({ "label": name, "value": { "form": { "value": fields } }, "relatesTo": format!("$.authenticatorEnrollments.value[{index}]") })
        };
        let options: Vec<_> = user.factors.iter().enumerate().map(option).collect();
        self.remediation(
            "select-authenticator-authenticate",
            "challenge",
            vec![json!({ "name": "authenticator", "type": "object", "options": options })],
        )
    }

    fn enrollments(&self, user: &User) -> Map<String, Value> {
        let all: Vec<_> = user
            .factors
            .iter()
            .enumerate()
            .map(|(index, factor)| {
                let (key, name, kind, method) = describe(factor);
                json!({ "type": kind, "key": key, "id": authenticator_id(index, factor), "displayName": name, "methods": [{ "type": method }] })
            })
            .collect();
        Map::from_iter([("authenticatorEnrollments".to_owned(), json!({ "type": "array", "value": all }))])
    }

    /// The authenticator that is being verified.
    fn enrollment(&self, key: &str, name: &str, kind: &str, method: &str, profile: Value) -> Map<String, Value> {
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
