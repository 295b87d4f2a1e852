//! Judges probes: whether statements of policies allow a call, as far as that can be told without AWS.
//!
//! Operators and condition keys that are not known here make a verdict uncertain, and never a wrong one.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde_json::Value;

use crate::policy::{has_effect, is_about, statements, texts};
use crate::role::glob;

/// The answer to a question that may be open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Verdict {
    No,
    /// Under conditions that are not known here.
    Unknown,
    Yes,
}

impl From<bool> for Verdict {
    fn from(yes: bool) -> Self {
        if yes { Self::Yes } else { Self::No }
    }
}

/// A call that could be made.
#[derive(Debug, Clone, Default)]
pub(super) struct Probe<'a> {
    pub(super) action: &'a str,
    /// The resource. Trust policies have none.
    pub(super) resource: Option<Cow<'a, str>>,
    /// The principal, for trust policies.
    pub(super) principal: Option<&'a str>,
    /// Condition keys in lower case, and their values. A key without values is one that the call does not have.
    pub(super) keys: BTreeMap<String, Vec<String>>,
}

impl Probe<'_> {
    /// Sets the resource.
    pub(super) fn on(mut self, resource: &str) -> Self {
        self.resource = Some(resource.to_owned().into());
        self
    }

    /// Sets a condition key.
    pub(super) fn key(mut self, name: &str, values: &[&str]) -> Self {
        self.keys.insert(name.to_ascii_lowercase(), values.iter().map(|&value| value.to_owned()).collect());
        self
    }
}

/// Returns whether the policies allow a call.
pub(super) fn allows<'d>(documents: impl IntoIterator<Item = &'d Value>, probe: &Probe<'_>) -> Verdict {
    let (mut allowed, mut denied) = (Verdict::No, Verdict::No);
    for statement in documents.into_iter().flat_map(statements) {
        let found = applies(statement, probe);
        if has_effect(statement, "Deny") {
            denied = denied.max(found);
        } else {
            allowed = allowed.max(found);
        }
    }
    match denied {
        Verdict::Yes => Verdict::No,
        Verdict::Unknown => allowed.min(Verdict::Unknown),
        Verdict::No => allowed,
    }
}

/// Returns whether the policies deny a call, whatever else allows it.
pub(super) fn denies<'d>(documents: impl IntoIterator<Item = &'d Value>, probe: &Probe<'_>) -> Verdict {
    let denying = documents.into_iter().flat_map(statements).filter(|statement| has_effect(statement, "Deny"));
    denying.map(|statement| applies(statement, probe)).max().unwrap_or(Verdict::No)
}

fn applies(statement: &Value, probe: &Probe<'_>) -> Verdict {
    let by_resource = probe.resource.as_deref().is_none_or(|resource| {
        match (texts(statement, "Resource"), texts(statement, "NotResource")) {
            (Some(patterns), _) => patterns.iter().any(|pattern| glob(pattern, resource)),
            (None, Some(patterns)) => !patterns.iter().any(|pattern| glob(pattern, resource)),
            (None, None) => false,
        }
    });
    let by_principal = probe.principal.is_none_or(|principal| names(statement, principal));
    if !(is_about(statement, probe.action) && by_resource && by_principal) {
        return Verdict::No;
    }
    let conditions = statement.get("Condition").and_then(Value::as_object);
    let verdicts = conditions.into_iter().flatten().flat_map(|(operator, keys)| {
        keys.as_object().into_iter().flatten().map(move |(key, _)| holds(operator, key, keys, probe))
    });
    verdicts.min().unwrap_or(Verdict::Yes)
}

/// Whether a statement of a trust policy names a role: by its ARN, its account, or everybody.
fn names(statement: &Value, role: &str) -> bool {
    let Some(principal) = statement.get("Principal") else { return false };
    if principal.as_str() == Some("*") {
        return true;
    }
    let account = role.split(':').nth(4).unwrap_or_default();
    let is_account =
        |text: &str| text == account || (text.ends_with(":root") && text.split(':').nth(4) == Some(account));
    texts(principal, "AWS").unwrap_or_default().iter().any(|text| *text == "*" || *text == role || is_account(text))
}

/// Whether a condition on one key holds.
fn holds(operator: &str, key: &str, keys: &Value, probe: &Probe<'_>) -> Verdict {
    let Some(values) = probe.keys.get(&key.to_ascii_lowercase()) else { return Verdict::Unknown };
    let (set, operator) = operator.split_once(':').map_or((None, operator), |(set, rest)| (Some(set), rest));
    let (operator, if_exists) = operator.strip_suffix("IfExists").map_or((operator, false), |name| (name, true));
    let wanted: Vec<_> = match keys.get(key) {
        Some(Value::Bool(flag)) => vec![flag.to_string()],
        _ => texts(keys, key).unwrap_or_default().into_iter().map(str::to_owned).collect(),
    };
    if operator == "Null" {
        return Verdict::from(wanted.iter().any(|wanted| (wanted == "true") == values.is_empty()));
    }
    if values.is_empty() {
        // A set without members contains nothing that is wrong.
        return Verdict::from(if_exists || set == Some("ForAllValues"));
    }
    let wanted: Option<Vec<_>> = wanted.iter().map(|text| substituted(text, probe)).collect();
    // A variable without a value matches nothing.
    let wanted = wanted.unwrap_or_default();
    let matches = |value: &String| match operator {
        "StringEquals" => Some(wanted.contains(value)),
        "StringEqualsIgnoreCase" | "Bool" => Some(wanted.iter().any(|wanted| wanted.eq_ignore_ascii_case(value))),
        "StringLike" | "ArnLike" | "ArnEquals" => Some(wanted.iter().any(|pattern| glob(pattern, value))),
        "StringNotEquals" => Some(!wanted.contains(value)),
        _ => None,
    };
    let found: Option<Vec<bool>> = values.iter().map(matches).collect();
    match (found, set) {
        (None, _) => Verdict::Unknown,
        (Some(found), Some("ForAllValues")) => found.into_iter().all(|found| found).into(),
        (Some(found), _) => found.into_iter().any(|found| found).into(),
    }
}

/// Replaces the variables of IAM in a text. `None` if one has no value, or not exactly one.
fn substituted(text: &str, probe: &Probe<'_>) -> Option<String> {
    let mut written = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once("${") {
        let (name, after) = after.split_once('}')?;
        let [value] = probe.keys.get(&name.to_ascii_lowercase())?.as_slice() else { return None };
        written.push_str(before);
        written.push_str(value);
        rest = after;
    }
    written.push_str(rest);
    Some(written)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn what_is_not_known_makes_a_verdict_uncertain() {
        let probe = Probe { action: "s3:GetObject", ..Probe::default() }.on("arn:aws:s3:::b/k");
        let judge = |statements: Value| allows([&json!({"Statement": statements})], &probe);
        let allow = json!({"Effect": "Allow", "Action": "S3:Get*", "Resource": "arn:aws:s3:::b/*"});
        assert_eq!(judge(json!([allow])), Verdict::Yes);
        let mut open = allow.clone();
        open["Condition"] = json!({"StringEquals": {"aws:SourceVpc": "vpc-1"}});
        assert_eq!(judge(json!(open)), Verdict::Unknown);
        assert_eq!(judge(json!([open, allow])), Verdict::Yes);
        let mut deny = open.clone();
        deny["Effect"] = json!("Deny");
        assert_eq!(judge(json!([allow, deny])), Verdict::Unknown);
        deny["Condition"] = json!({});
        assert_eq!(judge(json!([allow, deny])), Verdict::No);
        assert_eq!(judge(json!([{"Effect": "Allow", "NotAction": "s3:*", "Resource": "*"}])), Verdict::No);
    }

    #[test]
    fn conditions_are_judged() {
        let probe =
            Probe::default().key("a:one", &["x+1"]).key("a:tag", &["1"]).key("a:set", &["p", "q"]).key("a:no", &[]);
        let holds = |operator: &str, key: &str, value: Value| super::holds(operator, key, &json!({key: value}), &probe);
        for (operator, key, value, expected) in [
            ("StringLike", "A:One", json!("?*+${a:tag}"), Verdict::Yes),
            ("StringLike", "a:one", json!("?*+${a:no}"), Verdict::No),
            ("ForAllValues:StringEquals", "a:set", json!(["p", "q", "r"]), Verdict::Yes),
            ("ForAllValues:StringEquals", "a:set", json!(["p"]), Verdict::No),
            ("ForAllValues:StringEquals", "a:no", json!(["p"]), Verdict::Yes),
            ("ForAnyValue:StringEquals", "a:set", json!("q"), Verdict::Yes),
            ("ForAnyValue:StringEquals", "a:no", json!("q"), Verdict::No),
            ("Null", "a:no", json!(true), Verdict::Yes),
            ("Null", "a:one", json!("false"), Verdict::Yes),
            ("StringEqualsIfExists", "a:no", json!("x"), Verdict::Yes),
            ("NumericLessThan", "a:tag", json!("2"), Verdict::Unknown),
            ("StringEquals", "a:other", json!("2"), Verdict::Unknown),
        ] {
            assert_eq!(holds(operator, key, value.clone()), expected, "{operator} {key} {value}");
        }
    }
}
