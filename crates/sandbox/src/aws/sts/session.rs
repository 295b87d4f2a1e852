//! What AssumeRole and AssumeRoleWithSAML have in common: their parameters, and issuing the session.

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use super::{Call, QueryError};
use crate::aws::credentials::Issued;
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

/// Checks the session policies. Returns how much of the packed limit they take, in percent.
pub(super) fn policies(call: &Call<'_>, role_arn: &str) -> Result<Option<usize>, QueryError> {
    let inline = call.get("Policy");
    let mut characters = 0;
    if let Some(policy) = inline {
        characters += policy.chars().count();
        let malformed = || QueryError::new(400, "MalformedPolicyDocument", "Syntax errors in policy.");
        let document: serde_json::Value = serde_json::from_str(policy).map_err(|_| malformed())?;
        let statements = document.get("Statement").ok_or_else(malformed)?;
        let statements = statements.as_array().map_or_else(|| std::slice::from_ref(statements), Vec::as_slice);
        let whole = |statement: &serde_json::Value| {
            let has = |name: &str| statement.get(name).is_some();
            has("Effect") && (has("Action") || has("NotAction")) && (has("Resource") || has("NotResource"))
        };
        if !statements.iter().all(whole) {
            return Err(malformed());
        }
    }
    let mut arns = 0;
    while let Some(policy_arn) = call.get(&format!("PolicyArns.member.{}.arn", arns + 1)) {
        arns += 1;
        characters += policy_arn.len();
        let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
        if account(policy_arn) != account(role_arn) && account(policy_arn) != "aws" {
            return Err(QueryError::validation(format!("The policy {policy_arn} is not in the account of the role")));
        }
    }
    if arns > 10 {
        return Err(QueryError::validation("Cannot exceed quota for PolicyArns: 10"));
    }
    if characters > 2048 {
        return Err(QueryError::validation(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
        ));
    }
    Ok((characters > 0).then_some(characters * 100 / 2048))
}

/// A session to issue.
pub(super) struct NewSession<'a> {
    pub(super) role_arn: &'a str,
    pub(super) name: &'a str,
    pub(super) seconds: i64,
    pub(super) source_identity: Option<String>,
    /// Whether the caller is the session of another role (role chaining).
    pub(super) is_chained: bool,
    /// How much of the packed limit the policies take, in percent.
    pub(super) packed: Option<usize>,
}

/// Issues access keys and returns the result of the call. `head` and `tail` are what this action adds around the elements
/// that all have.
pub(super) fn issue(shared: &Shared, session: NewSession<'_>, head: &str, tail: &str) -> Result<String, QueryError> {
    let NewSession { role_arn, name, seconds, source_identity, is_chained, packed } = session;
    let expiration = shared
        .clock
        .now()
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
        user_id: format!("AROA{}:{name}", role_id(role_arn)),
        secret: random::alphanumeric(40),
        token: random::alphanumeric(320),
        expiration,
    };
    let key = format!("ASIA{}", random::capitals(16));
    let source_identity = issued
        .source_identity
        .as_ref()
        .map(|identity| format!("<SourceIdentity>{}</SourceIdentity>", escape(identity)))
        .unwrap_or_default();
    let packed = packed.map(|percent| format!("<PackedPolicySize>{percent}</PackedPolicySize>")).unwrap_or_default();
    let xml = format!(
        "{head}<AssumedRoleUser><Arn>{}</Arn><AssumedRoleId>{}</AssumedRoleId></AssumedRoleUser><Credentials><AccessKeyId>{key}</AccessKeyId><SecretAccessKey>{}</SecretAccessKey><SessionToken>{}</SessionToken><Expiration>{}</Expiration></Credentials>{tail}{source_identity}{packed}",
        escape(&issued.arn),
        escape(&issued.user_id),
        issued.secret,
        issued.token,
        expiration.strftime("%Y-%m-%dT%H:%M:%SZ"),
    );
    shared.keys.add(key, issued);
    Ok(xml)
}

/// Returns the id of a role. As at AWS, it is always the same for the same role.
fn role_id(role_arn: &str) -> String {
    let digest = Sha256::digest(role_arn);
    digest.iter().take(17).map(|byte| char::from(b'A' + byte % 26)).collect()
}
