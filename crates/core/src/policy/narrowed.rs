//! Session grants: the session policy, with an end and networks.

use jiff::Timestamp;
use serde_json::{Value, json};

use super::{condition_time, invalid, parse};
use crate::error::Result;
use crate::scope::SessionPolicy;

/// Returns the session policy that narrows a grant: the given one, and a deny from `until` on and from outside `from_ip`.
///
/// A deny holds whatever else is allowed, by managed session policies too. STS knows no sessions of less than 15 minutes: the
/// deny ends shorter ones.
///
/// # Errors
///
/// `invalid_scope` if the result cannot be a session policy.
pub(crate) fn narrowed(
    policy: Option<&SessionPolicy>,
    has_policy_arns: bool,
    until: Option<Timestamp>,
    from_ip: &[String],
) -> Result<Option<SessionPolicy>> {
    let mut denies = Vec::new();
    if let Some(until) = until {
        let condition = json!({"DateGreaterThanEquals": {"aws:CurrentTime": condition_time(until)}});
        denies.push(json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}));
    }
    if !from_ip.is_empty() {
        // Services that call others for the person do so from addresses of their own.
        let condition = json!({"NotIpAddress": {"aws:SourceIp": from_ip}, "Bool": {"aws:ViaAWSService": "false"}});
        denies.push(json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition}));
    }
    if denies.is_empty() {
        return Ok(policy.cloned());
    }
    let mut document = match policy {
        Some(policy) => parse(policy)?,
        // The managed policies allow; an inline policy that only denies takes nothing from that.
        None if has_policy_arns => json!({"Version": "2012-10-17", "Statement": []}),
        None => json!({
            "Version": "2012-10-17",
            "Statement": [{"Effect": "Allow", "Action": "*", "Resource": "*"}],
        }),
    };
    let statement = document.get_mut("Statement").ok_or_else(|| invalid("the policy has no `Statement`"))?;
    match statement {
        Value::Array(statements) => statements.append(&mut denies),
        one => {
            let mut statements = vec![one.take()];
            statements.append(&mut denies);
            *one = Value::Array(statements);
        }
    }
    document.to_string().parse().map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_short_grant_is_denied_from_its_end_on() {
        let until = "2026-11-25T14:05:00Z".parse().ok();
        let policy = r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"*"}}"#;
        let narrowed = |policy: Option<&str>, arns| {
            let policy: Option<SessionPolicy> = policy.map(|policy| policy.parse().unwrap());
            super::narrowed(policy.as_ref(), arns, until, &[]).unwrap().unwrap().to_string()
        };
        let deny = r#"{"Action":"*","Condition":{"DateGreaterThanEquals":{"aws:CurrentTime":"2026-11-25T14:05:00Z"}},"Effect":"Deny","Resource":"*"}"#;
        for (policy, arns, count) in [(Some(policy), false, 2), (None, false, 2), (None, true, 1)] {
            let text = narrowed(policy, arns);
            let document: Value = serde_json::from_str(&text).unwrap();
            assert!(text.contains(deny), "{text}");
            assert_eq!(document["Statement"].as_array().unwrap().len(), count);
        }
    }

    #[test]
    fn without_limits_the_policy_is_unchanged() {
        let policy: SessionPolicy = r#"{"Statement":[]}"#.parse().unwrap();
        assert_eq!(narrowed(Some(&policy), false, None, &[]).unwrap(), Some(policy));
        assert_eq!(narrowed(None, false, None, &[]).unwrap(), None);
        let network = narrowed(None, false, None, &["192.0.2.0/24".to_owned()]).unwrap().unwrap();
        assert!(network.as_str().contains(r#""NotIpAddress":{"aws:SourceIp":["192.0.2.0/24"]}"#));
    }
}
