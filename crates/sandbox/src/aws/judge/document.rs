//! Prepares statements of policies for iam-rs, which does not know everything that IAM knows: variables in conditions, and
//! `*` that is not a wildcard.

use iam_rs::{Context, ContextValue, IAMStatement};
use serde_json::{Map, Value};

use super::condition;

/// Stand for `*` and `?` that are not wildcards. Private use: they do not occur in policies.
const STAR: char = '\u{E000}';
const QUESTION_MARK: char = '\u{E001}';

/// Returns a text in which `*` and `?` are not wildcards.
pub(super) fn literal(text: &str) -> String {
    text.replace('*', &STAR.to_string()).replace('?', &QUESTION_MARK.to_string())
}

/// A statement of a policy.
#[derive(Debug, Clone)]
pub(super) struct Statement {
    /// Its elements.
    pub(super) elements: Map<String, Value>,
    /// Whether the version of its policy has variables.
    has_variables: bool,
}

impl Statement {
    pub(super) fn denies(&self) -> bool {
        self.elements.get("Effect").and_then(Value::as_str) == Some("Deny")
    }

    pub(super) fn get(&self, name: &str) -> Option<&Value> {
        self.elements.get(name)
    }

    /// Returns the statement with the values of its variables, as iam-rs reads it. `None` if it cannot apply to a call
    /// with this context.
    pub(super) fn prepare(mut self, context: &Context) -> serde_json::Result<Option<IAMStatement>> {
        let variables = self.has_variables.then_some(context);
        for name in ["Resource", "NotResource"] {
            if let Some(value) = self.elements.get_mut(name) {
                let patterns: Vec<_> = strings(value).iter().filter_map(|it| substitute(it, true, variables)).collect();
                if patterns.is_empty() {
                    return Ok(None);
                }
                *value = patterns.into();
            }
        }
        if let Some(Value::Object(conditions)) = self.elements.get_mut("Condition") {
            *conditions = condition::prepare(conditions, context, variables);
        }
        serde_json::from_value(Value::Object(self.elements)).map(Some)
    }
}

/// Returns the statements of a policy.
pub(super) fn statements(document: &str) -> Vec<Statement> {
    let Ok(Value::Object(mut document)) = serde_json::from_str(document) else { return Vec::new() };
    let has_variables = document.get("Version").and_then(Value::as_str) == Some("2012-10-17");
    let statements = match document.remove("Statement") {
        Some(Value::Array(statements)) => statements,
        Some(statement) => vec![statement],
        None => Vec::new(),
    };
    let objects = statements.into_iter().filter_map(|statement| match statement {
        Value::Object(elements) => Some(Statement { elements, has_variables }),
        _ => None,
    });
    objects.collect()
}

/// Returns one text or a list of them. IAM reads numbers and booleans as texts.
pub(super) fn strings(value: &Value) -> Vec<String> {
    match value {
        Value::Array(values) => values.iter().flat_map(strings).collect(),
        Value::String(text) => vec![text.clone()],
        Value::Null | Value::Object(_) => Vec::new(),
        other => vec![other.to_string()],
    }
}

/// Replaces variables by their values. `None` if one has no value.
pub(super) fn substitute(text: &str, has_wildcards: bool, variables: Option<&Context>) -> Option<String> {
    let own = |text: &str| if has_wildcards { text.to_owned() } else { literal(text) };
    let Some(context) = variables else { return Some(own(text)) };
    let mut result = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (variable, after) = after.split_once('}')?;
        result.push_str(&own(before));
        match variable {
            "*" => result.push(STAR),
            "?" => result.push(QUESTION_MARK),
            "$" => result.push('$'),
            variable => result.push_str(&value_of(variable, context)?),
        }
        rest = after;
    }
    result.push_str(&own(rest));
    Some(result)
}

/// Returns the value of a variable: `key`, or `key, 'default'`.
fn value_of(variable: &str, context: &Context) -> Option<String> {
    let (key, default) = match variable.split_once(',') {
        Some((key, default)) => (key, default.trim().strip_prefix('\'').and_then(|text| text.strip_suffix('\''))),
        None => (variable, None),
    };
    match context.get(key.trim()) {
        Some(ContextValue::String(value)) => Some(value.clone()),
        Some(ContextValue::Boolean(value)) => Some(value.to_string()),
        _ => default.map(literal),
    }
}
