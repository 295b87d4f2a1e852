//! AssumeRole with the session of another role (role chaining).

use super::session::{NewSession, duration, issue, parse_arn, policies};
use super::{Call, QueryError, caller};
use crate::shared::Shared;

/// The longest session of a chained role, in seconds.
const MAX_CHAINED_SECONDS: i64 = 3600;

pub(super) fn assume_role(shared: &Shared, call: &Call<'_>) -> Result<String, QueryError> {
    let caller = caller(shared, call)?;
    let role_arn = parse_arn(call, "RoleArn")?;
    let session_name = parse_name(call.require("RoleSessionName")?, "roleSessionName")?;
    let duration = duration(call)?;
    let packed = policies(call, role_arn)?;
    let denied = || {
        QueryError::access_denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            caller.arn
        ))
    };
    let role = shared.world.roles.iter().find(|role| role.arn == role_arn).ok_or_else(denied)?;
    if !role.trusts_roles.contains(&caller.role_arn) || role.external_id.as_deref() != call.get("ExternalId") {
        return Err(denied());
    }
    let has_tags = call.get("Tags.member.1.Key").is_some();
    let requested = call.get("SourceIdentity").map(|identity| parse_name(identity, "sourceIdentity")).transpose()?;
    let source_identity = match (&caller.source_identity, requested) {
        // A source identity cannot be changed once it is set.
        (Some(set), Some(requested)) if set != requested => return Err(denied()),
        (set, requested) => requested.map(str::to_owned).or_else(|| set.clone()),
    };
    if (has_tags && !role.allows_tags) || (source_identity.is_some() && !role.allows_source_identity) {
        return Err(denied());
    }
    if duration > MAX_CHAINED_SECONDS.min(role.max_session_duration) {
        return Err(QueryError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let session =
        NewSession { role_arn, name: session_name, seconds: duration, source_identity, is_chained: true, packed };
    issue(shared, session, "", "")
}

/// Checks a name against `[\w+=,.@-]*`.
fn parse_name<'a>(text: &'a str, member: &str) -> Result<&'a str, QueryError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if (2..=64).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text);
    }
    Err(QueryError::validation(format!(
        "1 validation error detected: Value '{text}' at '{member}' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    )))
}
