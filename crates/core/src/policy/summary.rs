//! What a policy allows, in a line.

use serde_json::Value;

use super::{statements, texts};

/// How many actions and resources are named before the rest is only counted.
const NAMED: usize = 4;

/// Describes what a policy allows in a line: `s3:ListBucket, s3:GetObject on arn:aws:s3:::ledger, arn:aws:s3:::ledger/*`.
///
/// ```
/// use tempaccess_core::front_end::policy_summary;
///
/// let policy = r#"{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}"#;
/// assert_eq!(policy_summary(policy), "s3:ListBucket on arn:aws:s3:::ledger");
/// ```
pub fn summary(policy: &str) -> String {
    let Ok(document) = serde_json::from_str::<Value>(policy) else { return "an unreadable policy".to_owned() };
    let described: Vec<_> = statements(&document).into_iter().filter_map(statement).collect();
    if described.is_empty() { "nothing".to_owned() } else { described.join("; ") }
}

fn statement(statement: &Value) -> Option<String> {
    let denies = statement.get("Effect").and_then(Value::as_str) == Some("Deny");
    let actions = match (texts(statement, "Action"), texts(statement, "NotAction")) {
        (Some(actions), _) => list(&actions),
        (None, Some(actions)) => format!("everything but {}", list(&actions)),
        (None, None) => return None,
    };
    let resources = match (texts(statement, "Resource"), texts(statement, "NotResource")) {
        (Some(resources), _) => list(&resources),
        (None, Some(resources)) => format!("everything but {}", list(&resources)),
        (None, None) => "nothing".to_owned(),
    };
    let condition = if statement.get("Condition").is_some() { " under conditions" } else { "" };
    Some(format!("{}{actions} on {resources}{condition}", if denies { "not " } else { "" }))
}

fn list(values: &[&str]) -> String {
    let named = values.iter().take(NAMED).copied().collect::<Vec<_>>().join(", ");
    match values.len().saturating_sub(NAMED) {
        0 => named,
        more => format!("{named} and {more} more"),
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn policies_are_described() {
        let policy = r#"{"Statement":[{"Effect":"Allow","Action":["a:1","a:2","a:3","a:4","a:5"],"Resource":"*"},
            {"Effect":"Deny","NotAction":"b:1","Resource":"arn","Condition":{}}]}"#;
        assert_eq!(
            super::summary(policy),
            "a:1, a:2, a:3, a:4 and 1 more on *; not everything but b:1 on arn under conditions"
        );
        assert_eq!(super::summary(r#"{"Statement":[]}"#), "nothing");
    }
}
