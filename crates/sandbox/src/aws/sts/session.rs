//! What AssumeRole and AssumeRoleWithSAML have in common: their parameters, and issuing the session.

use jiff::SignedDuration;
use serde_json::json;

use super::tags::SessionTags;
use super::{Call, Draft, QueryError};
use crate::aws::cloudtrail::readable_time;
use crate::aws::credentials::{Issued, SessionPolicies};
use crate::aws::judge::check_identity_policy;
use crate::aws::unique_id::unique_id;
use crate::idp::escape;
use crate::random;
use crate::shared::Shared;

pub(super) fn parse_arn<'a>(call: &'a Call<'_>, name: &'static str) -> Result<&'a str, QueryError> {
    let text = call.require(name)?;
    if (20..=2048).contains(&text.len()) && text.starts_with("arn:aws") {
        Ok(text)
    } else {
        Err(QueryError::validation(format!("{text} is invalid")))
    }
}

pub(super) fn duration(call: &Call<'_>) -> Result<i64, QueryError> {
    let Some(text) = call.get("DurationSeconds") else { return Ok(3600) };
    let refused = |bound: &str| {
        QueryError::validation(format!(
            "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must have value {bound}"
        ))
    };
    match text.parse::<i64>() {
        Ok(seconds) if seconds > 43_200 => Err(refused("less than or equal to 43200")),
        Ok(seconds) if seconds >= 900 => Ok(seconds),
        _ => Err(refused("greater than or equal to 900")),
    }
}

/// The session policies of a call, and how much of the packed limit they take together with its tags, in percent.
pub(super) struct PackedPolicies {
    policies: SessionPolicies,
    percent: Option<usize>,
}

/// Reads and checks the session policies.
pub(super) fn policies(call: &Call<'_>, role_arn: &str, tags: &SessionTags) -> Result<PackedPolicies, QueryError> {
    let inline = call.get("Policy").map(str::to_owned);
    let mut characters = 0;
    if let Some(policy) = &inline {
        characters += policy.chars().count();
        check_identity_policy(policy).map_err(|message| QueryError::new(400, "MalformedPolicyDocument", message))?;
    }
    let mut arns = Vec::new();
    while let Some(policy_arn) = call.get(&format!("PolicyArns.member.{}.arn", arns.len() + 1)) {
        arns.push(policy_arn.to_owned());
        characters += policy_arn.len();
        let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
        if account(policy_arn) != account(role_arn) && account(policy_arn) != "aws" {
            return Err(QueryError::validation(format!("The policy {policy_arn} is not in the account of the role")));
        }
    }
    if arns.len() > 10 {
        return Err(QueryError::validation("Cannot exceed quota for PolicyArns: 10"));
    }
    if characters > 2048 {
        return Err(QueryError::validation(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
        ));
    }
    // AWS does not say how it packs. Here, everything takes the room of its characters.
    let packed = characters + tags.characters();
    let percent = packed * 100 / 2048;
    if percent > 100 {
        let message = format!("Packed policy consumes {percent}% of allotted space, please use smaller policy.");
        return Err(QueryError::new(400, "PackedPolicyTooLarge", message));
    }
    Ok(PackedPolicies { policies: SessionPolicies { inline, arns }, percent: (packed > 0).then_some(percent) })
}

/// A session to issue.
pub(super) struct NewSession<'a> {
    pub(super) role_arn: &'a str,
    pub(super) name: &'a str,
    pub(super) seconds: i64,
    pub(super) source_identity: Option<String>,
    /// Whether the caller is the session of another role (role chaining).
    pub(super) is_chained: bool,
    pub(super) tags: SessionTags,
    pub(super) policies: PackedPolicies,
}

/// Issues access keys and returns the result of the call. `head` and `tail` are what this action adds around the elements
/// that all have.
pub(super) fn issue(
    shared: &Shared,
    session: NewSession<'_>,
    head: &str,
    tail: &str,
    draft: &mut Draft,
) -> Result<String, QueryError> {
    let NewSession { role_arn, name, seconds, source_identity, is_chained, tags, policies } = session;
    let issued_at = shared.clock.now();
    let expiration = issued_at
        .checked_add(SignedDuration::from_secs(seconds))
        .map_err(|_| QueryError::validation("The requested DurationSeconds is out of range"))?;
    let mut parts = role_arn.split(':');
    let (partition, account) = (parts.nth(1).unwrap_or_default(), parts.nth(2).unwrap_or_default());
    let role_name = role_arn.rsplit('/').next().unwrap_or_default();
    let issued = Issued {
        account: account.to_owned(),
        arn: format!("arn:{partition}:sts::{account}:assumed-role/{role_name}/{name}"),
        role_arn: role_arn.to_owned(),
        source_identity,
        is_chained,
        user_id: format!("{}:{name}", unique_id("AROA", role_arn)),
        secret: random::alphanumeric(40),
        token: random::alphanumeric(320),
        issued_at,
        expiration,
        tags: tags.tags,
        transitive_tag_keys: tags.transitive_keys,
        policies: policies.policies,
    };
    let key = format!("ASIA{}", random::capitals(16));
    let source_identity = issued
        .source_identity
        .as_ref()
        .map(|identity| format!("<SourceIdentity>{}</SourceIdentity>", escape(identity)))
        .unwrap_or_default();
    let packed =
        policies.percent.map(|percent| format!("<PackedPolicySize>{percent}</PackedPolicySize>")).unwrap_or_default();
    let xml = format!(
        "{head}<AssumedRoleUser><Arn>{}</Arn><AssumedRoleId>{}</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>{tail}{source_identity}{packed}",
        escape(&issued.arn),
        escape(&issued.user_id),
        issued.secret,
        issued.token,
        expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    );
    record(&key, &issued, policies.percent, draft);
    shared.keys.add(key, issued);
    Ok(xml)
}

/// Adds the session to the event of the call. Its secret key and its token are left out.
fn record(key: &str, issued: &Issued, packed: Option<usize>, draft: &mut Draft) {
    let expiration = readable_time(issued.expiration);
    draft.add_response("credentials", json!({ "accessKeyId": key, "expiration": expiration }));
    draft.add_response("assumedRoleUser", json!({ "assumedRoleId": issued.user_id, "arn": issued.arn }));
    if let Some(identity) = &issued.source_identity {
        draft.add_response("sourceIdentity", identity.as_str());
    }
    if let Some(percent) = packed {
        draft.add_response("packedPolicySize", percent);
    }
    draft.set_role_account(&issued.account);
    draft.add_lookup("AWS::IAM::AccessKey", key);
    let name = issued.user_id.split_once(':').map_or("", |(_, name)| name);
    for name in [name, &issued.user_id, &issued.arn] {
        draft.add_lookup("AWS::STS::AssumedRole", name);
    }
}
