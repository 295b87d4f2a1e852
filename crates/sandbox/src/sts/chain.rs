//! AssumeRole, from the session of another role.

use super::assume::{Session, arn, duration, issue, policies};
use super::credentials::caller;
use super::{Call, StsError};
use crate::Shared;

/// What STS gives a chained role at most, seconds.
const LONGEST: i64 = 3600;

pub(super) fn assume_role(shared: &Shared, call: &Call<'_>) -> Result<String, StsError> {
    let caller = caller(shared, call)?;
    let role_arn = arn(call, "RoleArn")?;
    let session_name = name(call.require("RoleSessionName")?, "roleSessionName")?;
    let duration = duration(call)?;
    let packed = policies(call, role_arn)?;
    let denied = || {
        StsError::access_denied(format!(
            "User: {} is not authorized to perform: sts:AssumeRole on resource: {role_arn}",
            caller.arn
        ))
    };
    let role = shared.world.roles.iter().find(|role| role.arn == role_arn).ok_or_else(denied)?;
    if !role.trusts_roles.contains(&caller.role_arn) || role.external_id.as_deref() != call.get("ExternalId") {
        return Err(denied());
    }
    let has_tags = call.get("Tags.member.1.Key").is_some();
    let asked = call.get("SourceIdentity").map(|identity| name(identity, "sourceIdentity")).transpose()?;
    let source_identity = match (&caller.source_identity, asked) {
        // It cannot be changed once it is set.
        (Some(set), Some(asked)) if set != asked => return Err(denied()),
        (set, asked) => asked.map(str::to_owned).or_else(|| set.clone()),
    };
    if (has_tags && !role.allows_tags) || (source_identity.is_some() && !role.allows_source_identity) {
        return Err(denied());
    }
    if duration > LONGEST.min(role.max_session_duration) {
        return Err(StsError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let session =
        Session { role_arn, name: session_name, seconds: duration, source_identity, is_chained: true, packed };
    issue(shared, session, "", "")
}

/// A name within STS's grammar, `[\w+=,.@-]*`.
fn name<'a>(text: &'a str, member: &str) -> Result<&'a str, StsError> {
    let fits = |byte: u8| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte);
    if (2..=64).contains(&text.len()) && text.bytes().all(fits) {
        return Ok(text);
    }
    Err(StsError::validation(format!(
        "1 validation error detected: Value '{text}' at '{member}' failed to satisfy constraint: Member must satisfy regular expression pattern: [\\w+=,.@-]*"
    )))
}
