//! Policy grants: one inline policy whose statements hold for one person between two dates.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::{GRANT_PREFIX, condition_time, invalid, parse};
use crate::error::Result;
use crate::grant_id::GrantId;
use crate::scope::SessionPolicy;

/// When, for whom and from where a policy holds.
///
/// ```
/// use tempaccess_core::grants::{PolicyWindow, dated_policy};
///
/// let window = PolicyWindow::new(
///     "AROABASEEXAMPLE00001:grace@example.com",
///     "2026-11-25T14:00:00Z".parse().unwrap(),
///     "2026-11-25T14:40:00Z".parse().unwrap(),
/// );
/// let policy = r#"{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}"#;
/// let dated = dated_policy(&"k7q3m5xw2p4a".parse()?, &policy.parse()?, &window)?;
/// assert!(dated.contains(r#""DateLessThan":{"aws:CurrentTime":"2026-11-25T14:40:00Z"}"#));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct PolicyWindow {
    /// The `aws:userid` of the person's sessions: the id of the role and the session name.
    pub user_id: String,
    /// When it begins to hold.
    pub from: Timestamp,
    /// When it no longer holds.
    pub until: Timestamp,
    /// The networks that it is limited to, as CIDR blocks. None: all.
    pub from_ip: Vec<String>,
}

impl PolicyWindow {
    /// Creates a window for all networks.
    pub fn new(user_id: impl Into<String>, from: Timestamp, until: Timestamp) -> Self {
        Self { user_id: user_id.into(), from, until, from_ip: Vec::new() }
    }
}

/// Returns the document of the inline policy that `grant permit` writes, for a pipeline that applies policies itself.
///
/// # Errors
///
/// `invalid_scope` if a statement has one of the conditions of the window already, or there is no statement.
pub fn dated_policy(id: &GrantId, policy: &SessionPolicy, window: &PolicyWindow) -> Result<String> {
    DatedPolicy::new(id, policy, window).map(|dated| dated.document)
}

/// An inline policy of a role that gives one grant.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct DatedPolicy {
    pub(crate) name: String,
    pub(crate) document: String,
}

impl DatedPolicy {
    /// Limits every statement of `policy` to a window.
    ///
    /// # Errors
    ///
    /// `invalid_scope` if a statement has one of the conditions already: two conditions of the same operator and key cannot
    /// both be kept.
    pub(crate) fn new(id: &GrantId, policy: &SessionPolicy, window: &PolicyWindow) -> Result<Self> {
        let mut document = parse(policy)?;
        let mut conditions = vec![
            ("StringEquals", "aws:userid", json!(window.user_id)),
            ("DateGreaterThanEquals", "aws:CurrentTime", json!(condition_time(window.from))),
            ("DateLessThan", "aws:CurrentTime", json!(condition_time(window.until))),
        ];
        if !window.from_ip.is_empty() {
            conditions.push(("IpAddress", "aws:SourceIp", json!(window.from_ip)));
        }
        let fields = document.as_object_mut().ok_or_else(|| invalid("the policy is not a JSON object"))?;
        fields.entry("Version").or_insert_with(|| json!("2012-10-17"));
        let statements = match fields.get_mut("Statement") {
            Some(Value::Array(statements)) => statements.iter_mut().collect(),
            Some(statement) => vec![statement],
            None => Vec::new(),
        };
        if statements.is_empty() {
            return Err(invalid("the policy has no statement, so it gives no access"));
        }
        for (number, statement) in (1..).zip(statements) {
            let statement = statement
                .as_object_mut()
                .ok_or_else(|| invalid(format!("statement {number} of the policy is not a JSON object")))?;
            for (operator, key, value) in &conditions {
                add(statement, operator, key, value).map_err(|reason| {
                    invalid(format!("statement {number} of the policy {reason}")).with_hint(
                        "remove that condition: the grant sets the person, the dates and the networks itself",
                    )
                })?;
            }
        }
        Ok(Self { name: Self::name_of(id), document: document.to_string() })
    }

    /// Returns the name of the policy of a grant.
    pub(crate) fn name_of(id: &GrantId) -> String {
        format!("{GRANT_PREFIX}{id}")
    }

    /// Returns the id of the grant that the policy of this name gives. `None` for other policies.
    pub(crate) fn id_of(name: &str) -> Option<GrantId> {
        name.strip_prefix(GRANT_PREFIX)?.parse().ok()
    }
}

/// Adds a condition to a statement. The reason if it has one of this operator and key, which is compared as IAM does,
/// regardless of case.
fn add(statement: &mut Map<String, Value>, operator: &str, key: &str, value: &Value) -> Result<(), String> {
    let block = statement.entry("Condition").or_insert_with(|| json!({}));
    let block = block.as_object_mut().ok_or("has a `Condition` that is not a JSON object")?;
    let existing = block.keys().filter(|name| name.eq_ignore_ascii_case(operator)).cloned().collect::<Vec<_>>();
    for name in &existing {
        let keys = block.get(name).and_then(Value::as_object).ok_or("has a condition that is not a JSON object")?;
        if keys.keys().any(|known| known.eq_ignore_ascii_case(key)) {
            return Err(format!("has a condition `{name}` on `{key}` already"));
        }
    }
    let name = existing.into_iter().next().unwrap_or_else(|| operator.to_owned());
    let keys = block.entry(name).or_insert_with(|| json!({}));
    keys.as_object_mut().ok_or("has a condition that is not a JSON object")?.insert(key.to_owned(), value.clone());
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn window() -> PolicyWindow {
        PolicyWindow {
            user_id: "AROABASEEXAMPLE00001:grace@example.com".to_owned(),
            from: "2026-11-25T14:00:00Z".parse().unwrap(),
            until: "2026-11-25T14:40:00Z".parse().unwrap(),
            from_ip: Vec::new(),
        }
    }

    fn dated(policy: &str) -> Result<Value> {
        let id = "k7q3m5xw2p4a".parse().unwrap();
        let dated = DatedPolicy::new(&id, &policy.parse().unwrap(), &window())?;
        assert_eq!(dated.name, "tempaccess-grant-k7q3m5xw2p4a");
        Ok(serde_json::from_str(&dated.document).unwrap())
    }

    #[test]
    fn every_statement_holds_for_one_person_between_two_dates() {
        let policy = r#"{"Version":"2012-10-17","Statement":{"Sid":"List","Effect":"Allow","Action":"s3:ListBucket",
            "Resource":"arn:aws:s3:::ledger","Condition":{"StringEquals":{"s3:prefix":"2026/"}}}}"#;
        assert_eq!(
            dated(policy).unwrap()["Statement"]["Condition"],
            json!({
                "StringEquals": {"s3:prefix": "2026/", "aws:userid": "AROABASEEXAMPLE00001:grace@example.com"},
                "DateGreaterThanEquals": {"aws:CurrentTime": "2026-11-25T14:00:00Z"},
                "DateLessThan": {"aws:CurrentTime": "2026-11-25T14:40:00Z"},
            })
        );
    }

    #[test]
    fn conditions_that_would_collide_are_refused() {
        let message = |condition: &str| {
            let policy = format!(r#"{{"Statement":[{{"Effect":"Allow","Action":"*","Condition":{condition}}}]}}"#);
            dated(&policy).unwrap_err().message().to_owned()
        };
        assert_eq!(
            message(r#"{"stringequals":{"AWS:UserId":"x"}}"#),
            "statement 1 of the policy has a condition `stringequals` on `aws:userid` already"
        );
        assert_eq!(
            message(r#"{"DateLessThan":{"aws:CurrentTime":"2030-01-01T00:00:00Z"}}"#),
            "statement 1 of the policy has a condition `DateLessThan` on `aws:CurrentTime` already"
        );
        assert_eq!(message("[]"), "statement 1 of the policy has a `Condition` that is not a JSON object");
        assert_eq!(dated(r#"{"Statement":[]}"#).unwrap_err().kind(), crate::ErrorKind::InvalidScope);
    }
}
