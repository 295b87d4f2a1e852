//! An answer of the Identity Engine and what can be read from it. It is Ion: forms inside forms.

use http::StatusCode;
use serde_json::Value;

use super::unexpected;
use crate::error::Result;
use crate::source::okta::factor_kind::FactorKind;
use crate::text::excerpt;

/// How deep forms are searched for messages, and the most values that are looked at. Okta's own answers have a depth of
/// about 10 and some hundred values.
const MAX_DEPTH: usize = 32;
const MAX_VISITED: usize = 10_000;

/// An answer of the Identity Engine: where the sign-in is, and the steps that it can take next ("remediations").
pub(super) struct State {
    pub(super) status: StatusCode,
    pub(super) answer: Value,
}

/// A message of Okta to the person.
#[derive(Clone, Copy)]
pub(super) struct Message<'s> {
    /// The key under which Okta translates it. Empty if there is none.
    pub(super) key: &'s str,
    pub(super) text: &'s str,
}

impl State {
    /// Returns the step of this name, if it can be taken.
    pub(super) fn remediation(&self, name: &str) -> Option<&Value> {
        self.remediations().find(|remediation| text(remediation, "/name") == Some(name))
    }

    /// Returns the names of the steps that can be taken.
    pub(super) fn remediation_names(&self) -> Vec<&str> {
        self.remediations().filter_map(|remediation| text(remediation, "/name")).collect()
    }

    fn remediations(&self) -> impl Iterator<Item = &Value> {
        self.answer.pointer("/remediation/value").and_then(Value::as_array).into_iter().flatten()
    }

    /// Returns the address to continue at, once the sign-in has succeeded.
    pub(super) fn success(&self) -> Option<&str> {
        text(&self.answer, "/success/href")
    }

    pub(super) fn handle(&self) -> Result<&str> {
        text(&self.answer, "/stateHandle").ok_or_else(|| unexpected("the answer has no state handle"))
    }

    /// Returns the authenticator that is being verified.
    pub(super) fn authenticator(&self) -> Option<&Value> {
        ["/currentAuthenticatorEnrollment/value", "/currentAuthenticator/value"]
            .into_iter()
            .find_map(|pointer| self.answer.pointer(pointer))
    }

    /// Returns Okta's key of the authenticator that is being verified: `okta_password`.
    pub(super) fn authenticator_key(&self) -> &str {
        self.authenticator().and_then(|authenticator| text(authenticator, "/key")).unwrap_or_default()
    }

    /// Returns the number to tap on the phone. It can be 0, and it can be a string.
    pub(super) fn correct_answer(&self) -> Option<String> {
        let answer = self
            .answer
            .pointer("/currentAuthenticator/value/contextualData/correctAnswer")
            .or_else(|| self.authenticator()?.pointer("/contextualData/correctAnswer"))?;
        match answer {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(excerpt(text).into_owned()),
            _ => None,
        }
    }

    /// Returns the first message of the answer: about the sign-in as a whole, or about a field of a step.
    ///
    /// Visits each value at most once, to a bounded depth and number: the answer can be hostile.
    pub(super) fn message(&self) -> Option<Message<'_>> {
        let mut unvisited: Vec<(&Value, usize)> =
            self.remediations().take(MAX_VISITED).map(|remediation| (remediation, 0)).collect();
        unvisited.reverse();
        unvisited.push((&self.answer, 0));
        for _ in 0..MAX_VISITED {
            let (value, depth) = unvisited.pop()?;
            if let Some(message) = own_message(value) {
                return Some(message);
            }
            if depth == MAX_DEPTH {
                continue;
            }
            for child in [value.get("value"), value.get("form")].into_iter().flatten() {
                let items = child.as_array().map_or(std::slice::from_ref(child), Vec::as_slice);
                let room = MAX_VISITED.saturating_sub(unvisited.len());
                unvisited.extend(items.iter().take(room).rev().map(|item| (item, depth + 1)));
            }
        }
        None
    }
}

/// Returns the first message of a value itself, not of what is inside it.
fn own_message(value: &Value) -> Option<Message<'_>> {
    let messages = value.pointer("/messages/value").and_then(Value::as_array)?;
    messages.iter().find_map(|message| {
        Some(Message { key: text(message, "/i18n/key").unwrap_or_default(), text: text(message, "/message")? })
    })
}

/// Returns the text that a JSON pointer leads to.
pub(super) fn text<'v>(value: &'v Value, pointer: &str) -> Option<&'v str> {
    value.pointer(pointer)?.as_str()
}

/// Returns the fields that a step asks for.
pub(super) fn fields(remediation: &Value) -> impl Iterator<Item = &Value> {
    remediation.get("value").and_then(Value::as_array).into_iter().flatten()
}

/// Returns the field of this name.
pub(super) fn field<'v>(remediation: &'v Value, name: &str) -> Option<&'v Value> {
    fields(remediation).find(|field| text(field, "/name") == Some(name))
}

/// Returns the fields of the form inside a field or an option.
fn form(holder: &Value) -> impl Iterator<Item = &Value> {
    let form = holder.pointer("/form/value").or_else(|| holder.pointer("/value/form/value"));
    form.and_then(Value::as_array).into_iter().flatten()
}

/// Returns the fields of a form whose value Okta has set.
fn preset(holder: &Value) -> serde_json::Map<String, Value> {
    let pairs = form(holder).filter_map(|field| Some((text(field, "/name")?.to_owned(), field.get("value")?.clone())));
    pairs.filter(|(_, value)| value.is_string()).collect()
}

/// Returns the same for a field of a step.
pub(super) fn preset_of_field(remediation: &Value, name: &str) -> serde_json::Map<String, Value> {
    field(remediation, name).map(preset).unwrap_or_default()
}

/// A way to use an authenticator.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Method {
    /// Okta's `methodType`. Empty if the authenticator has only one.
    pub(super) name: String,
    pub(super) kind: MethodKind,
}

/// What a method asks of the person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum MethodKind {
    Password,
    Factor(FactorKind),
}

impl MethodKind {
    /// The kind of an authenticator and its method; nothing if a terminal cannot use it.
    pub(super) fn from_okta(authenticator_key: &str, method: Option<&str>) -> Option<Self> {
        Some(Self::Factor(match (method, authenticator_key) {
            (Some("password"), _) | (None, "okta_password") => return Some(Self::Password),
            (Some("push"), _) => FactorKind::Push,
            (Some("otp" | "totp"), _)
            | (
                None,
                "google_otp" | "rsa_token" | "symantec_vip" | "yubikey_token" | "custom_otp" | "okta_verify"
                | "onprem_mfa",
            ) => FactorKind::Code,
            (Some("sms"), _) | (None, "phone_number") => FactorKind::Sms,
            (Some("voice"), _) => FactorKind::Call,
            (Some("email"), _) | (None, "okta_email") => FactorKind::Email,
            (Some("security_question"), _) | (None, "security_question") => FactorKind::Question,
            _ => return None,
        }))
    }
}

/// Returns the methods of an authenticator that a terminal can use. `authenticator_key` decides if the form names none.
pub(super) fn methods(holder: &Value, authenticator_key: &str) -> Vec<Method> {
    let Some(field) = form(holder).find(|field| text(field, "/name") == Some("methodType")) else {
        let kind = MethodKind::from_okta(authenticator_key, None);
        return kind.map(|kind| Method { name: String::new(), kind }).into_iter().collect();
    };
    let options = field.get("options").and_then(Value::as_array).into_iter().flatten();
    let names = options.filter_map(|option| text(option, "/value")).chain(text(field, "/value"));
    let known = |name: &str| Some(Method { name: name.to_owned(), kind: MethodKind::from_okta("", Some(name))? });
    names.filter_map(known).collect()
}

/// Returns what to post to use an authenticator with one of its methods.
pub(super) fn selection(option: &Value, method: &Method) -> Value {
    let mut selection = preset(option);
    if !method.name.is_empty() {
        selection.insert("methodType".to_owned(), method.name.as_str().into());
    }
    selection.into()
}

/// Describes an authenticator to its owner.
pub(super) fn describe(authenticator: &Value) -> String {
    let name = text(authenticator, "/displayName").unwrap_or("authenticator");
    let detail =
        ["/profile/phoneNumber", "/profile/email"].into_iter().find_map(|pointer| text(authenticator, pointer));
    excerpt(&detail.map_or_else(|| name.to_owned(), |detail| format!("{name} ({detail})"))).into_owned()
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn state(answer: Value) -> State {
        State { status: StatusCode::OK, answer }
    }

    #[test]
    fn messages_are_found_where_okta_puts_them() {
        let message = |text: &str| json!({ "value": [{ "message": text, "i18n": { "key": "key" } }] });
        let field = json!({ "name": "passcode", "messages": message("field") });
        let credentials = json!({ "name": "credentials", "form": { "value": [field] } });
        let steps = json!({ "value": [{ "name": "one" }, { "name": "two", "value": [credentials] }] });
        let found = |answer: Value| state(answer).message().map(|message| message.text.to_owned());
        assert_eq!(found(json!({ "remediation": steps })).as_deref(), Some("field"));
        let both = json!({ "remediation": steps, "messages": message("whole") });
        assert_eq!(found(both).as_deref(), Some("whole"));
        assert_eq!(found(json!({ "remediation": { "value": [{ "value": "text" }] } })), None);
    }

    /// With two paths to each level, 60 levels would take longer than anyone waits.
    #[test]
    fn nested_forms_are_visited_once() {
        let mut nested = json!({ "name": "end" });
        for _ in 0..60 {
            nested = json!({ "form": { "value": nested } });
        }
        assert!(state(json!({ "remediation": { "value": [nested] } })).message().is_none());
        let wide: Vec<_> = (0..50_000).map(|_| json!({ "value": [] })).collect();
        assert!(state(json!({ "remediation": { "value": [{ "value": wide }] } })).message().is_none());
    }
}
