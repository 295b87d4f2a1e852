//! Prepares conditions for iam-rs, which does not know every operator of IAM, and evaluates some in another way.

use iam_rs::Context;
use serde_json::{Map, Value};

use super::document::{strings, substitute};

/// A value that no other equals, for a variable that has none.
const NOTHING: &str = "\u{E002}";

/// Returns conditions with the values of their variables.
pub(super) fn prepare(
    conditions: &Map<String, Value>,
    context: &Context,
    variables: Option<&Context>,
) -> Map<String, Value> {
    let mut prepared = Map::new();
    for (operator, keys) in conditions {
        for (key, values) in keys.as_object().into_iter().flatten() {
            let values = strings(values);
            if !is_always_met(operator, key, &values, context) {
                let values = values.into_iter().map(|value| prepare_value(operator, &value, variables));
                add(&mut prepared, known_operator(operator), key, values.collect());
            }
        }
    }
    prepared
}

/// Returns the operator without a set operator and `IfExists`.
fn base(operator: &str) -> &str {
    let operator = operator.rsplit(':').next().unwrap_or_default();
    operator.strip_suffix("IfExists").unwrap_or(operator)
}

/// Whether the operator combines a set operator with `IfExists`, which iam-rs does not know.
fn is_optional_set(operator: &str) -> bool {
    operator.contains(':') && operator.ends_with("IfExists")
}

/// Returns an operator of iam-rs that does the same.
pub(super) fn known_operator(operator: &str) -> String {
    let operator = if is_optional_set(operator) { operator.trim_end_matches("IfExists") } else { operator };
    // At IAM, ArnEquals has wildcards, too.
    operator.replace("ArnEquals", "ArnLike").replace("ArnNotEquals", "ArnNotLike")
}

fn is_always_met(operator: &str, key: &str, values: &[String], context: &Context) -> bool {
    // iam-rs reads the first value of `Null` only.
    let has = |wanted: &str| values.iter().any(|value| value == wanted);
    let is_either = base(operator) == "Null" && has("true") && has("false");
    is_either || (is_optional_set(operator) && context.get(key).is_none())
}

fn prepare_value(operator: &str, value: &str, variables: Option<&Context>) -> Value {
    let base = base(operator);
    let has_wildcards = base.contains("Like") || base.starts_with("Arn");
    let value = substitute(value, has_wildcards, variables).unwrap_or_else(|| NOTHING.to_owned());
    if base.starts_with("Date") {
        return Value::String(complete_date(value));
    }
    // With a set operator, iam-rs accepts booleans only.
    match value.parse() {
        Ok(boolean) if operator.contains(':') && base == "Bool" => Value::Bool(boolean),
        _ => Value::String(value),
    }
}

/// Adds the time to a date without one.
fn complete_date(text: String) -> String {
    if let Ok(date) = text.parse::<jiff::civil::Date>() {
        return format!("{date}T00:00:00Z");
    }
    text.parse::<jiff::Timestamp>().map(|instant| instant.to_string()).unwrap_or(text)
}

/// Adds a condition. Two operators can become the same one; then the key is written in another case, which makes no
/// difference to its meaning.
fn add(prepared: &mut Map<String, Value>, operator: String, key: &str, values: Vec<Value>) {
    let keys = prepared.entry(operator).or_insert_with(|| Value::Object(Map::new()));
    let Some(keys) = keys.as_object_mut() else { return };
    let writings = [key.to_owned(), key.to_ascii_uppercase(), key.to_ascii_lowercase()];
    let free = writings.into_iter().find(|writing| !keys.contains_key(writing));
    keys.insert(free.unwrap_or_else(|| key.to_owned()), values.into());
}

#[cfg(test)]
mod tests {
    use iam_rs::ContextValue;
    use serde_json::json;

    use super::*;

    fn prepared(conditions: Value) -> Value {
        let mut context = Context::new();
        context.insert("aws:TagKeys".to_owned(), ContextValue::StringList(vec!["Team".to_owned()]));
        Value::Object(prepare(conditions.as_object().unwrap(), &context, Some(&context)))
    }

    #[test]
    fn operators_that_become_the_same_keep_their_conditions() {
        let conditions = json!({ "ArnLike": { "aws:PrincipalArn": "a*" }, "ArnEquals": { "aws:PrincipalArn": "b*" } });
        let expected = json!({ "ArnLike": { "aws:PrincipalArn": ["b*"], "AWS:PRINCIPALARN": ["a*"] } });
        assert_eq!(prepared(conditions), expected);
    }

    #[test]
    fn a_set_operator_can_be_optional() {
        let conditions = json!({ "ForAnyValue:StringLikeIfExists": { "aws:TagKeys": "T*", "aws:Missing": "x" } });
        assert_eq!(prepared(conditions), json!({ "ForAnyValue:StringLike": { "aws:TagKeys": ["T*"] } }));
    }

    #[test]
    fn values_are_written_as_iam_rs_reads_them() {
        let conditions = json!({
            "DateLessThan": { "aws:CurrentTime": "2026-11-25" },
            "ForAllValues:Bool": { "x": "true" },
            "Null": { "x": ["true", "false"], "y": true },
            "NumericLessThan": { "s3:max-keys": 10 },
        });
        let expected = json!({
            "DateLessThan": { "aws:CurrentTime": ["2026-11-25T00:00:00Z"] },
            "ForAllValues:Bool": { "x": [true] },
            "Null": { "y": ["true"] },
            "NumericLessThan": { "s3:max-keys": ["10"] },
        });
        assert_eq!(prepared(conditions), expected);
    }
}
