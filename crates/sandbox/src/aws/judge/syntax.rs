//! What IAM refuses to store.

use serde_json::Value;

use super::condition::known_operator;
use super::document::{Statement, strings};
use crate::world::World;

/// Why a document is malformed, in AWS's words.
type Malformed = String;

/// Checks all policies of a world, and what they and the trail refer to. Returns the first problem.
pub(crate) fn check_world(world: &World) -> Result<(), String> {
    let named = |name: &str, checked: Result<(), Malformed>| checked.map_err(|problem| format!("{name}: {problem}"));
    for role in &world.roles {
        if let Some(trust) = &role.trust {
            named(&role.arn, check_trust_policy(world, trust))?;
        }
        for (name, document) in &role.policies {
            named(&format!("{} of {}", name, role.arn), check_identity_policy(document))?;
        }
        let references = role.attached.iter().chain(&role.boundary);
        if let Some(unknown) = references.into_iter().find(|it| world.policy(role.account(), it).is_none()) {
            return Err(format!("{}: there is no policy {unknown}", role.arn));
        }
    }
    for policy in &world.policies {
        named(&policy.arn, check_identity_policy(&policy.document))?;
    }
    if let Some(bucket) = &world.trail.bucket
        && !world.buckets.iter().any(|known| known.name == *bucket)
    {
        return Err(format!("the trail: there is no bucket {bucket}"));
    }
    world.scps.iter().try_for_each(|scp| named("a service control policy", check_identity_policy(&scp.document)))
}

/// Checks a policy of an identity or a session.
pub(crate) fn check_identity_policy(document: &str) -> Result<(), Malformed> {
    for statement in &statements(document)? {
        if has(statement, "Principal") || has(statement, "NotPrincipal") {
            return Err("Policy document should not specify a principal.".to_owned());
        }
        if !has(statement, "Resource") && !has(statement, "NotResource") {
            return Err("Policy statement must contain resources.".to_owned());
        }
        for resource in ["Resource", "NotResource"].iter().filter_map(|name| statement.get(name)).flat_map(strings) {
            if resource != "*" && resource.splitn(6, ':').count() < 6 {
                return Err(format!("Resource {resource} must be in ARN format or \"*\"."));
            }
        }
    }
    Ok(())
}

/// Checks a trust policy. The roles that it names must exist.
pub(crate) fn check_trust_policy(world: &World, document: &str) -> Result<(), Malformed> {
    for statement in &statements(document)? {
        if has(statement, "Resource") || has(statement, "NotResource") {
            return Err("Has prohibited field Resource".to_owned());
        }
        let Some(principal) = statement.get("Principal").or_else(|| statement.get("NotPrincipal")) else {
            return Err("Missing required field Principal".to_owned());
        };
        let roles = principal.get("AWS").map(strings).unwrap_or_default();
        if let Some(unknown) = roles.iter().find(|arn| arn.contains(":role/") && world.role(arn).is_none()) {
            return Err(format!(r#"Invalid principal in policy: "AWS":"{unknown}""#));
        }
    }
    Ok(())
}

fn statements(document: &str) -> Result<Vec<Statement>, Malformed> {
    let malformed = || "Syntax errors in policy.".to_owned();
    let parsed: Value = serde_json::from_str(document).map_err(|_| malformed())?;
    let policy = parsed.as_object().ok_or_else(malformed)?;
    if policy.keys().any(|name| !["Version", "Id", "Statement"].contains(&name.as_str())) {
        return Err(malformed());
    }
    match policy.get("Version").map(Value::as_str) {
        None | Some(Some("2012-10-17" | "2008-10-17")) => {}
        Some(_) => return Err("The policy failed legacy parsing".to_owned()),
    }
    match policy.get("Statement") {
        Some(Value::Object(_)) => {}
        Some(Value::Array(statements)) if statements.iter().all(Value::is_object) => {}
        _ => return Err(malformed()),
    }
    let statements = super::document::statements(document);
    let mut ids = Vec::new();
    for statement in &statements {
        check_statement(statement)?;
        if let Some(id) = statement.get("Sid").and_then(Value::as_str) {
            if ids.contains(&id) {
                return Err("Statement IDs (SID) in a single policy must be unique.".to_owned());
            }
            ids.push(id);
        }
    }
    Ok(statements)
}

fn check_statement(statement: &Statement) -> Result<(), Malformed> {
    let malformed = || "Syntax errors in policy.".to_owned();
    if !matches!(statement.get("Effect").and_then(Value::as_str), Some("Allow" | "Deny")) {
        return Err(malformed());
    }
    let Some(actions) = statement.get("Action").or_else(|| statement.get("NotAction")) else {
        return Err("Policy statement must contain actions.".to_owned());
    };
    if strings(actions).iter().any(|action| action != "*" && !action.contains(':')) {
        return Err("Actions/Conditions must be prefaced by a vendor, e.g., iam, sdb, ec2, etc.".to_owned());
    }
    let Some(conditions) = statement.get("Condition") else { return Ok(()) };
    for (operator, keys) in conditions.as_object().ok_or_else(malformed)? {
        if serde_json::from_value::<iam_rs::IAMOperator>(Value::String(known_operator(operator))).is_err() {
            return Err(format!("Invalid Condition type : {operator}."));
        }
        if !keys.is_object() {
            return Err(malformed());
        }
    }
    Ok(())
}

fn has(statement: &Statement, name: &str) -> bool {
    statement.get(name).is_some()
}
