//! An answer of the Identity Engine, and what is in it: forms of forms, in Ion.

use http::StatusCode;
use serde_json::Value;

use super::unexpected;
use crate::error::Result;
use crate::source::okta::factor::FactorKind;
use crate::text::printable;

/// One answer of the Identity Engine: what can be done next.
pub(super) struct State {
    pub(super) status: StatusCode,
    pub(super) answer: Value,
}

impl State {
    /// What can be done under this name.
    pub(super) fn remediation(&self, name: &str) -> Option<&Value> {
        let all = self.answer.pointer("/remediation/value")?.as_array()?;
        all.iter().find(|remediation| text(remediation, "/name") == Some(name))
    }

    pub(super) fn names(&self) -> Vec<&str> {
        let all = self.answer.pointer("/remediation/value").and_then(Value::as_array);
        all.into_iter().flatten().filter_map(|remediation| text(remediation, "/name")).collect()
    }

    pub(super) fn success(&self) -> Option<&str> {
        text(&self.answer, "/success/href")
    }

    pub(super) fn handle(&self) -> Result<&str> {
        text(&self.answer, "/stateHandle").ok_or_else(|| unexpected("its answer has no state handle"))
    }

    /// The authenticator that is being challenged.
    pub(super) fn authenticator(&self) -> Option<&Value> {
        ["/currentAuthenticatorEnrollment/value", "/currentAuthenticator/value"]
            .into_iter()
            .find_map(|at| self.answer.pointer(at))
    }

    pub(super) fn key(&self) -> &str {
        self.authenticator().and_then(|it| text(it, "/key")).unwrap_or_default()
    }

    /// The number to tap on the telephone. It can be 0, and a string.
    pub(super) fn correct_answer(&self) -> Option<String> {
        let answer = self
            .answer
            .pointer("/currentAuthenticator/value/contextualData/correctAnswer")
            .or_else(|| self.authenticator()?.pointer("/contextualData/correctAnswer"))?;
        match answer {
            Value::Number(number) => Some(number.to_string()),
            Value::String(text) => Some(printable(text).into_owned()),
            _ => None,
        }
    }

    /// What Okta has to say: of the whole, or of a field of what it asks for.
    pub(super) fn complaint(&self) -> Option<(&str, &str)> {
        fn find(value: &Value) -> Option<(&str, &str)> {
            let messages = value.pointer("/messages/value").and_then(Value::as_array);
            let of = |message| Some((text(message, "/i18n/key").unwrap_or_default(), text(message, "/message")?));
            if let Some(found) = messages.into_iter().flatten().find_map(of) {
                return Some(found);
            }
            let children = ["/value", "/form", "/form/value"].into_iter().filter_map(|at| value.pointer(at));
            children
                .flat_map(|child| child.as_array().map_or(std::slice::from_ref(child), Vec::as_slice))
                .find_map(find)
        }
        let remediations = self.answer.pointer("/remediation/value").and_then(Value::as_array);
        find(&self.answer).or_else(|| remediations.into_iter().flatten().find_map(find))
    }
}

pub(super) fn text<'v>(value: &'v Value, at: &str) -> Option<&'v str> {
    value.pointer(at)?.as_str()
}

/// The fields that a remediation asks for.
pub(super) fn fields(remediation: &Value) -> impl Iterator<Item = &Value> {
    remediation.get("value").and_then(Value::as_array).into_iter().flatten()
}

pub(super) fn form(value: &Value) -> impl Iterator<Item = &Value> {
    let form = value.pointer("/form/value").or_else(|| value.pointer("/value/form/value"));
    form.and_then(Value::as_array).into_iter().flatten()
}

/// What a form says itself: fields whose value is given.
pub(super) fn given(holder: &Value) -> serde_json::Map<String, Value> {
    let pairs = form(holder).filter_map(|field| Some((text(field, "/name")?.to_owned(), field.get("value")?.clone())));
    pairs.filter(|(_, value)| value.is_string()).collect()
}

/// The same of one field of a remediation.
pub(super) fn fixed(remediation: &Value, name: &str) -> serde_json::Map<String, Value> {
    fields(remediation).find(|field| text(field, "/name") == Some(name)).map(given).unwrap_or_default()
}

/// How an authenticator can be used from here: its method types, and what these are to a person. The password is nothing.
pub(super) fn methods(option: &Value) -> Vec<(String, Option<FactorKind>)> {
    methods_of(option, "")
}

pub(super) fn methods_of(holder: &Value, key: &str) -> Vec<(String, Option<FactorKind>)> {
    let Some(field) = form(holder).find(|field| text(field, "/name") == Some("methodType")) else {
        return method_here(key, None).into_iter().map(|kind| (String::new(), kind)).collect();
    };
    let several = field.get("options").and_then(Value::as_array).into_iter().flatten();
    let names = several.filter_map(|option| text(option, "/value")).chain(text(field, "/value"));
    names.filter_map(|name| Some((name.to_owned(), method_here("", Some(name))?))).collect()
}

/// What an authenticator's method is to a person: nothing where it cannot be used from here, and no kind for the password.
pub(super) fn method_here(key: &str, method: Option<&str>) -> Option<Option<FactorKind>> {
    Some(match (method, key) {
        (Some("password"), _) | (None, "okta_password") => None,
        (Some("push"), _) => Some(FactorKind::Push),
        (Some("otp" | "totp"), _)
        | (
            None,
            "google_otp" | "rsa_token" | "symantec_vip" | "yubikey_token" | "custom_otp" | "okta_verify" | "onprem_mfa",
        ) => Some(FactorKind::Code),
        (Some("sms"), _) | (None, "phone_number") => Some(FactorKind::Sms),
        (Some("voice"), _) => Some(FactorKind::Call),
        (Some("email"), _) | (None, "okta_email") => Some(FactorKind::Email),
        (Some("security_question"), _) | (None, "security_question") => Some(FactorKind::Question),
        _ => return None,
    })
}

/// What is posted to use an authenticator by one of its methods.
pub(super) fn authenticator(option: &Value, method: &str) -> Value {
    let mut authenticator = given(option);
    if !method.is_empty() {
        authenticator.insert("methodType".to_owned(), method.into());
    }
    authenticator.into()
}

/// An authenticator as a person knows it.
pub(super) fn describe(authenticator: &Value) -> String {
    let name = text(authenticator, "/displayName").unwrap_or("authenticator");
    let place = ["/profile/phoneNumber", "/profile/email"].into_iter().find_map(|at| text(authenticator, at));
    printable(&place.map_or_else(|| name.to_owned(), |place| format!("{name} ({place})"))).into_owned()
}
