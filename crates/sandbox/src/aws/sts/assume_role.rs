//! AssumeRole with the session of another role (role chaining).

use serde_json::json;

use super::session::{NewSession, duration, issue, parse_arn, policies};
use super::tags::SessionTags;
use super::{Call, Draft, QueryError, caller};
use crate::aws::credentials::Caller;
use crate::aws::judge::{Keys, Principal, Question, has_policies, judge, judge_trust};
use crate::shared::Shared;
use crate::world::Role;

/// The longest session of a chained role, in seconds.
const MAX_CHAINED_SECONDS: i64 = 3600;

pub(super) fn assume_role(shared: &Shared, call: &Call<'_>, draft: &mut Draft) -> Result<String, QueryError> {
    let caller = caller(shared, call.received)?;
    let inherited = caller.session.transitive_tags();
    if !inherited.is_empty() {
        draft.add_parameter("incomingTransitiveTags", json!(inherited));
    }
    let role_arn = parse_arn(call, "RoleArn")?;
    let name = parse_name(call.require("RoleSessionName")?, "roleSessionName")?;
    let seconds = duration(call)?;
    let mut tags = SessionTags::read(call)?;
    let policies = policies(call, role_arn, &tags)?;
    let denied = || refused(&caller, "sts:AssumeRole", role_arn, "");
    let role = shared.iam.role(role_arn).ok_or_else(denied)?;
    let requested = call.get("SourceIdentity").map(|identity| parse_name(identity, "sourceIdentity")).transpose()?;
    let source_identity = match (&caller.session.source_identity, requested) {
        // A source identity cannot be changed once it is set.
        (Some(set), Some(requested)) if set != requested => {
            return Err(refused(
                &caller,
                "sts:SetSourceIdentity",
                role_arn,
                " because the source identity is already set",
            ));
        }
        (set, requested) => requested.map(str::to_owned).or_else(|| set.clone()),
    };

    let mut keys = Keys::of_caller(shared, &caller);
    keys.set("sts:RoleSessionName", name);
    keys.set_request_tags(&tags.tags);
    keys.set_all("sts:TransitiveTagKeys", tags.transitive_keys.iter().map(String::as_str));
    if let Some(identity) = &source_identity {
        keys.set("sts:SourceIdentity", identity);
    }
    if let Some(id) = call.get("ExternalId") {
        keys.set("sts:ExternalId", id);
    }
    let mut actions = vec!["sts:AssumeRole"];
    actions.extend(tags.needs_permission(&caller.session).then_some("sts:TagSession"));
    actions.extend(source_identity.is_some().then_some("sts:SetSourceIdentity"));
    for action in actions {
        authorize(shared, call, &caller, &role, action, &keys)?;
    }
    tags.inherit(&caller.session)?;
    if seconds > MAX_CHAINED_SECONDS.min(role.max_session_duration) {
        return Err(QueryError::validation(
            "The requested DurationSeconds exceeds the 1 hour session limit for roles assumed by role chaining",
        ));
    }
    let session = NewSession { role_arn, name, seconds, source_identity, is_chained: true, tags, policies };
    issue(shared, session, "", "", draft)
}

/// Refuses the call unless the trust policy of the role allows this action, and so do the policies of the caller.
fn authorize(
    shared: &Shared,
    call: &Call<'_>,
    caller: &Caller,
    role: &Role,
    action: &str,
    keys: &Keys,
) -> Result<(), QueryError> {
    let question = Question { action, resource: &role.arn, keys };
    if has_policies(shared, caller) {
        judge(shared, caller, &question)
            .map_err(|refusal| refused(caller, action, &role.arn, &format!(" {}", refusal.reason(action))))?;
    }
    let trusts = match shared.iam.effective_trust(&role.arn, shared.clock.now()) {
        Some(policy) => judge_trust(&policy, Principal::Session(caller), &question),
        None => trusts_by_fields(call, caller, role, action),
    };
    if trusts { Ok(()) } else { Err(refused(caller, action, &role.arn, "")) }
}

/// Whether the fields of a role without a trust policy allow an action.
fn trusts_by_fields(call: &Call<'_>, caller: &Caller, role: &Role, action: &str) -> bool {
    match action {
        "sts:TagSession" => role.allows_tags,
        "sts:SetSourceIdentity" => role.allows_source_identity,
        _ => {
            role.trusts_roles.contains(&caller.session.role_arn)
                && role.external_id.as_deref() == call.get("ExternalId")
        }
    }
}

fn refused(caller: &Caller, action: &str, role_arn: &str, reason: &str) -> QueryError {
    let arn = &caller.session.arn;
    QueryError::access_denied(format!(
        "User: {arn} is not authorized to perform: {action} on resource: {role_arn}{reason}"
    ))
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
