//! The policies of grants: what gives access, what ends it, and what a scope must not allow.

mod covers;
mod dated;
mod escape;
mod narrowed;
mod network;
mod revocation;
mod summary;
mod trust;

pub(crate) use covers::covers;
pub(crate) use dated::DatedPolicy;
pub use dated::{PolicyWindow, dated_policy};
pub(crate) use escape::escapes;
pub(crate) use narrowed::narrowed;
pub(crate) use network::{is_network, outside};
pub(crate) use revocation::{DeniedSessions, Revocation};
pub use summary::summary;
pub(crate) use trust::unsafe_principals;

use jiff::Timestamp;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::glob;
use crate::scope::SessionPolicy;
use crate::text::excerpt;

/// The prefix of the inline policies that give access. The id of the grant follows.
pub(crate) const GRANT_PREFIX: &str = "tempaccess-grant-";
/// The prefix of the inline policies that end access.
pub(crate) const REVOKED_PREFIX: &str = "tempaccess-revoked-";

/// Returns the statements of a policy document, which can be one or a list.
pub(crate) fn statements(document: &Value) -> Vec<&Value> {
    match document.get("Statement") {
        Some(Value::Array(statements)) => statements.iter().collect(),
        Some(statement) => vec![statement],
        None => Vec::new(),
    }
}

/// Returns the strings of a field, which can be one or a list. `None` if there is no such field.
pub(crate) fn texts<'v>(statement: &'v Value, field: &str) -> Option<Vec<&'v str>> {
    Some(match statement.get(field)? {
        Value::Array(values) => values.iter().filter_map(Value::as_str).collect(),
        value => value.as_str().into_iter().collect(),
    })
}

/// Whether a statement has this `Effect`.
pub(crate) fn has_effect(statement: &Value, effect: &str) -> bool {
    statement.get("Effect").and_then(Value::as_str).is_some_and(|value| value.eq_ignore_ascii_case(effect))
}

/// Whether a statement is about an action. IAM compares actions regardless of case.
pub(crate) fn is_about(statement: &Value, action: &str) -> bool {
    let action = action.to_ascii_lowercase();
    let any = |patterns: &[&str]| patterns.iter().any(|pattern| glob(&pattern.to_ascii_lowercase(), &action));
    match (texts(statement, "Action"), texts(statement, "NotAction")) {
        (Some(patterns), _) => any(&patterns),
        (None, Some(patterns)) => !any(&patterns),
        (None, None) => false,
    }
}

pub(super) fn parse(policy: &SessionPolicy) -> Result<Value> {
    serde_json::from_str(policy.as_str()).map_err(|error| invalid(format!("the policy is not JSON: {error}")))
}

/// The elements of a policy document and of its statements, as IAM writes them.
const ELEMENTS: [&str; 3] = ["Version", "Id", "Statement"];
const STATEMENT_ELEMENTS: [&str; 7] = ["Sid", "Effect", "Action", "NotAction", "Resource", "NotResource", "Condition"];

/// Checks that a policy consists of the elements of an identity policy, so that nothing in it is overlooked here and read at AWS.
///
/// # Errors
///
/// `invalid_scope` for another element, and an `Effect` that is neither `Allow` nor `Deny`.
pub(crate) fn check_elements(policy: &SessionPolicy) -> Result<()> {
    let document = parse(policy)?;
    let unknown = |value: &Value, known: &[&str]| {
        value.as_object().and_then(|fields| fields.keys().find(|key| !known.contains(&key.as_str())).cloned())
    };
    let refused = |key: String| {
        invalid(format!("the policy has the element `{}`, which is none of an identity policy", excerpt(&key)))
            .with_hint(format!("write elements as IAM does: `{}`", STATEMENT_ELEMENTS.join("`, `")))
    };
    if let Some(key) = unknown(&document, &ELEMENTS) {
        return Err(refused(key));
    }
    for statement in statements(&document) {
        if !statement.is_object() {
            return Err(invalid("a statement of the policy is not an object"));
        }
        if let Some(key) = unknown(statement, &STATEMENT_ELEMENTS) {
            return Err(refused(key));
        }
        for (one, other) in [("Action", "NotAction"), ("Resource", "NotResource")] {
            if statement.get(one).is_some() == statement.get(other).is_some() {
                return Err(invalid(format!("a statement of the policy needs one of `{one}` and `{other}`")));
            }
            for element in [one, other] {
                if statement.get(element).is_some_and(|values| !is_texts(values)) {
                    let message =
                        format!("`{element}` in a statement of the policy is not a string or a list of strings");
                    return Err(invalid(message));
                }
            }
        }
        let actions = texts(statement, "Action").or_else(|| texts(statement, "NotAction")).unwrap_or_default();
        if let Some(action) = actions.iter().find(|action| !is_action(action)) {
            return Err(invalid(format!("the policy has the action `{}`, which is none of AWS", excerpt(action)))
                .with_hint("write actions as `s3:GetObject`"));
        }
        if statement.get("Condition").is_some_and(|conditions| !is_conditions(conditions)) {
            return Err(invalid("a `Condition` of the policy is not `{OPERATOR: {KEY: VALUES}}`"));
        }
        if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
            return Err(invalid("a statement of the policy has no `Effect` of `Allow` or `Deny`"));
        }
    }
    Ok(())
}

/// Whether a value is a string, or a list of strings that is not empty.
fn is_texts(value: &Value) -> bool {
    match value {
        Value::Array(values) => !values.is_empty() && values.iter().all(Value::is_string),
        value => value.is_string(),
    }
}

/// Whether a value has the form of a `Condition`: `{"Bool": {"aws:SecureTransport": "true"}}`.
fn is_conditions(value: &Value) -> bool {
    let is_scalar = |value: &Value| value.is_string() || value.is_boolean() || value.is_number();
    let is_values = |value: &Value| match value {
        Value::Array(values) => values.iter().all(is_scalar),
        value => is_scalar(value),
    };
    let is_keys = |keys: &Value| keys.as_object().is_some_and(|keys| keys.values().all(is_values));
    value.as_object().is_some_and(|operators| operators.values().all(is_keys))
}

/// Whether a text can be an action: `s3:GetObject`, with `*` and `?` in its name, or `*` alone.
fn is_action(text: &str) -> bool {
    let Some((service, name)) = text.split_once(':') else { return text == "*" };
    let is_service = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    let is_name = |byte: u8| byte.is_ascii_alphanumeric() || b"*?-_".contains(&byte);
    !service.is_empty() && !name.is_empty() && service.bytes().all(is_service) && name.bytes().all(is_name)
}

fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidScope, Stage::Grant, message)
}

/// Formats an instant for a condition of IAM: `2026-11-25T14:40:00Z`.
pub(crate) fn condition_time(at: Timestamp) -> String {
    at.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

/// Formats an instant for the name of a policy: `20261125T144000Z`.
fn name_time(at: Timestamp) -> String {
    at.strftime("%Y%m%dT%H%M%SZ").to_string()
}

/// Parses what [`name_time`] formats.
fn parse_name_time(text: &str) -> Option<Timestamp> {
    let digits = text.strip_suffix('Z')?;
    let civil = jiff::civil::DateTime::strptime("%Y%m%dT%H%M%S", digits).ok()?;
    jiff::tz::TimeZone::UTC.to_timestamp(civil).ok()
}

/// Compares two policy documents as IAM does: by their content, not by white space or the order of fields.
pub(crate) fn same_document(one: &str, other: &str) -> bool {
    match (serde_json::from_str::<Value>(one), serde_json::from_str::<Value>(other)) {
        (Ok(one), Ok(other)) => one == other,
        _ => one == other,
    }
}
