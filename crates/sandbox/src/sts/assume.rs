//! AssumeRoleWithSAML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use jiff::SignedDuration;
use sha1::Sha1;
use sha2::{Digest, Sha256};

use super::credentials::Issued;
use super::judge::{Judged, judge};
use super::{Call, StsError};
use crate::Shared;
use crate::idp::escape;
use crate::random;
use crate::world::Role;

pub(super) fn assume_role_with_saml(shared: &Shared, call: &Call<'_>) -> Result<String, StsError> {
    let role_arn = arn(call, "RoleArn")?;
    let provider_arn = arn(call, "PrincipalArn")?;
    let assertion = call.require("SAMLAssertion")?;
    if !(4..=100_000).contains(&assertion.len()) {
        return Err(StsError::validation(
            "1 validation error detected: Value at 'sAMLAssertion' failed to satisfy constraint: Member must have length less than or equal to 100000",
        ));
    }
    let duration = duration(call)?;
    let policies = policies(call, role_arn)?;

    let judged = judge(shared, assertion, role_arn, provider_arn)?;
    let role = authorize(shared, role_arn, provider_arn, &judged)?;
    if duration > role.max_session_duration {
        return Err(StsError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    issue_for(shared, role_arn, provider_arn, duration, policies, judged)
}

pub(super) fn arn<'a>(call: &'a Call<'_>, name: &'static str) -> Result<&'a str, StsError> {
    let text = call.require(name)?;
    if (20..=2048).contains(&text.len()) && text.starts_with("arn:aws") {
        Ok(text)
    } else {
        Err(StsError::validation(format!("{text} is invalid")))
    }
}

pub(super) fn duration(call: &Call<'_>) -> Result<i64, StsError> {
    let Some(text) = call.get("DurationSeconds") else { return Ok(3600) };
    let refused = |bound: &str| {
        StsError::validation(format!(
            "1 validation error detected: Value '{text}' at 'durationSeconds' failed to satisfy constraint: Member must have value {bound}"
        ))
    };
    match text.parse::<i64>() {
        Ok(seconds) if seconds > 43_200 => Err(refused("less than or equal to 43200")),
        Ok(seconds) if seconds >= 900 => Ok(seconds),
        _ => Err(refused("greater than or equal to 900")),
    }
}

/// How much of the packed limit the policies take, percent.
pub(super) fn policies(call: &Call<'_>, role_arn: &str) -> Result<Option<usize>, StsError> {
    let inline = call.get("Policy");
    let mut characters = 0;
    if let Some(policy) = inline {
        characters += policy.chars().count();
        let malformed = || StsError::new(400, "MalformedPolicyDocument", "Syntax errors in policy.");
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
            return Err(StsError::validation(format!("The policy {policy_arn} is not in the account of the role")));
        }
    }
    if arns > 10 {
        return Err(StsError::validation("Cannot exceed quota for PolicyArns: 10"));
    }
    if characters > 2048 {
        return Err(StsError::validation(
            "1 validation error detected: Value at 'policy' failed to satisfy constraint: Member must have length less than or equal to 2048",
        ));
    }
    Ok((characters > 0).then_some(characters * 100 / 2048))
}

/// The role, if it exists and its trust policy lets this assertion in.
fn authorize<'a>(
    shared: &'a Shared,
    role_arn: &str,
    provider_arn: &str,
    judged: &Judged,
) -> Result<&'a Role, StsError> {
    let denied = || StsError::access_denied("Not authorized to perform sts:AssumeRoleWithSAML");
    let role = shared.world.roles.iter().find(|role| role.arn == role_arn).ok_or_else(denied)?;
    let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
    let trusted = match &role.trusts {
        Some(providers) => providers.iter().any(|provider| provider == provider_arn),
        None => account(provider_arn) == account(role_arn),
    };
    let reserved = role_arn.rsplit('/').next().is_some_and(|name| name.starts_with("AWSReservedSSO_"));
    let tags = role.allows_tags || !judged.has_tags;
    let identity = role.allows_source_identity || judged.source_identity.is_none();
    if trusted && !reserved && tags && identity { Ok(role) } else { Err(denied()) }
}

fn issue_for(
    shared: &Shared,
    role_arn: &str,
    provider_arn: &str,
    duration: i64,
    packed: Option<usize>,
    judged: Judged,
) -> Result<String, StsError> {
    let mut seconds = duration;
    if let Some(attribute) = judged.session_duration {
        seconds = seconds.min(attribute);
    }
    if let Some(end) = judged.session_not_on_or_after {
        seconds = seconds.min(end.duration_since(shared.clock.now()).as_secs());
    }
    let account = role_arn.split(':').nth(4).unwrap_or_default();
    let head = format!("<Issuer>{}</Issuer>", escape(&judged.issuer));
    let tail = format!(
        "<Audience>{}</Audience><SubjectType>{}</SubjectType><NameQualifier>{}</NameQualifier><Subject>{}</Subject>",
        escape(&judged.recipient),
        escape(judged.subject_format.rsplit(':').next().unwrap_or_default()),
        name_qualifier(&judged.issuer, account, provider_arn),
        escape(&judged.subject),
    );
    let name = &judged.session_name;
    let source_identity = judged.source_identity;
    issue(shared, Session { role_arn, name, seconds, source_identity, is_chained: false, packed }, &head, &tail)
}

/// A session to be issued.
pub(super) struct Session<'a> {
    pub(super) role_arn: &'a str,
    pub(super) name: &'a str,
    pub(super) seconds: i64,
    pub(super) source_identity: Option<String>,
    /// Whether it comes from the session of another role.
    pub(super) is_chained: bool,
    /// How much of the packed limit its policies take, percent.
    pub(super) packed: Option<usize>,
}

/// Gives keys, and the result of the call: what every AssumeRole has, between what this one has.
pub(super) fn issue(shared: &Shared, session: Session<'_>, head: &str, tail: &str) -> Result<String, StsError> {
    let Session { role_arn, name, seconds, source_identity, is_chained, packed } = session;
    let expiration = shared
        .clock
        .now()
        .checked_add(SignedDuration::from_secs(seconds))
        .map_err(|_| StsError::validation("the session has no end"))?;
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

/// Always the same for the same role, as at AWS.
fn role_id(role_arn: &str) -> String {
    let digest = Sha256::digest(role_arn);
    digest.iter().take(17).map(|byte| char::from(b'A' + byte % 26)).collect()
}

/// The base64 of the SHA-1 of issuer, account and provider.
fn name_qualifier(issuer: &str, account: &str, provider_arn: &str) -> String {
    let provider = provider_arn.rsplit('/').next().unwrap_or_default();
    STANDARD.encode(Sha1::digest(format!("{issuer}{account}/{provider}")))
}
