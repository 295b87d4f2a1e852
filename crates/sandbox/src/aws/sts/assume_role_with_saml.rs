//! AssumeRoleWithSAML.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sha1::{Digest, Sha1};

use super::session::{NewSession, duration, issue, parse_arn, policies};
use super::validate::{ValidAssertion, validate};
use super::{Call, QueryError};
use crate::idp::escape;
use crate::shared::Shared;
use crate::world::Role;

pub(super) fn assume_role_with_saml(shared: &Shared, call: &Call<'_>) -> Result<String, QueryError> {
    let role_arn = parse_arn(call, "RoleArn")?;
    let provider_arn = parse_arn(call, "PrincipalArn")?;
    let assertion = call.require("SAMLAssertion")?;
    if !(4..=100_000).contains(&assertion.len()) {
        return Err(QueryError::validation(
            "1 validation error detected: Value at 'sAMLAssertion' failed to satisfy constraint: Member must have length less than or equal to 100000",
        ));
    }
    let duration = duration(call)?;
    let policies = policies(call, role_arn)?;

    let valid = validate(shared, assertion, role_arn, provider_arn)?;
    let role = authorize(shared, role_arn, provider_arn, &valid)?;
    if duration > role.max_session_duration {
        return Err(QueryError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    issue_for(shared, role_arn, provider_arn, duration, policies, valid)
}

/// Returns the role if it exists and its trust policy allows the assertion.
fn authorize<'a>(
    shared: &'a Shared,
    role_arn: &str,
    provider_arn: &str,
    valid: &ValidAssertion,
) -> Result<&'a Role, QueryError> {
    let denied = || QueryError::access_denied("Not authorized to perform sts:AssumeRoleWithSAML");
    let role = shared.world.roles.iter().find(|role| role.arn == role_arn).ok_or_else(denied)?;
    let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
    let trusted = match &role.trusts {
        Some(providers) => providers.iter().any(|provider| provider == provider_arn),
        None => account(provider_arn) == account(role_arn),
    };
    let reserved = role_arn.rsplit('/').next().is_some_and(|name| name.starts_with("AWSReservedSSO_"));
    let tags = role.allows_tags || !valid.has_tags;
    let identity = role.allows_source_identity || valid.source_identity.is_none();
    if trusted && !reserved && tags && identity { Ok(role) } else { Err(denied()) }
}

fn issue_for(
    shared: &Shared,
    role_arn: &str,
    provider_arn: &str,
    duration: i64,
    packed: Option<usize>,
    valid: ValidAssertion,
) -> Result<String, QueryError> {
    let mut seconds = duration;
    if let Some(attribute) = valid.session_duration {
        seconds = seconds.min(attribute);
    }
    if let Some(end) = valid.session_not_on_or_after {
        seconds = seconds.min(end.duration_since(shared.clock.now()).as_secs());
    }
    let account = role_arn.split(':').nth(4).unwrap_or_default();
    let head = format!("<Issuer>{}</Issuer>", escape(&valid.issuer));
    let tail = format!(
        "<Audience>{}</Audience><SubjectType>{}</SubjectType><NameQualifier>{}</NameQualifier><Subject>{}</Subject>",
        escape(&valid.recipient),
        escape(valid.subject_format.rsplit(':').next().unwrap_or_default()),
        name_qualifier(&valid.issuer, account, provider_arn),
        escape(&valid.subject),
    );
    let name = &valid.session_name;
    let source_identity = valid.source_identity;
    issue(shared, NewSession { role_arn, name, seconds, source_identity, is_chained: false, packed }, &head, &tail)
}

/// Returns `NameQualifier`: the base64 of the SHA-1 of issuer, account and provider.
fn name_qualifier(issuer: &str, account: &str, provider_arn: &str) -> String {
    let provider = provider_arn.rsplit('/').next().unwrap_or_default();
    STANDARD.encode(Sha1::digest(format!("{issuer}{account}/{provider}")))
}
