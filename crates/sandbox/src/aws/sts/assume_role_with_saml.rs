//! AssumeRoleWithSAML.

use std::sync::Arc;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;
use sha1::{Digest, Sha1};

use super::session::{NewSession, PackedPolicies, duration, issue, parse_arn, policies};
use super::tags::SessionTags;
use super::validate::{ValidAssertion, validate};
use super::{Call, Draft, QueryError};
use crate::aws::judge::{Keys, Principal, Question, judge_trust};
use crate::idp::escape;
use crate::shared::Shared;
use crate::world::{Role, account};

pub(super) fn assume_role_with_saml(shared: &Shared, call: &Call<'_>, draft: &mut Draft) -> Result<String, QueryError> {
    let role_arn = parse_arn(call, "RoleArn")?;
    // Nobody is known to make the call until the assertion is validated.
    if shared.world.roles.iter().any(|role| role.account() == account(role_arn)) {
        draft.set_unknown_identity(account(role_arn));
    }
    let provider_arn = parse_arn(call, "PrincipalArn")?;
    let assertion = call.require("SAMLAssertion")?;
    if !(4..=100_000).contains(&assertion.len()) {
        return Err(QueryError::validation(
            "1 validation error detected: Value at 'sAMLAssertion' failed to satisfy constraint: Member must have length less than or equal to 100000",
        ));
    }
    let duration = duration(call)?;
    let policies = policies(call, role_arn, &SessionTags::default())?;

    let valid = validate(shared, assertion, role_arn, provider_arn)?;
    record_request(role_arn, provider_arn, &valid, draft);
    let role = authorize(shared, role_arn, provider_arn, &valid)?;
    if duration > role.max_session_duration {
        return Err(QueryError::validation(
            "The requested DurationSeconds exceeds the MaxSessionDuration set for this role.",
        ));
    }
    issue_for(shared, role_arn, provider_arn, duration, policies, valid, draft)
}

/// Adds the assertion to the event of the call.
fn record_request(role_arn: &str, provider_arn: &str, valid: &ValidAssertion, draft: &mut Draft) {
    draft.set_saml_identity(&name_qualifier(&valid.issuer, account(role_arn), provider_arn), &valid.subject);
    draft.add_parameter("sAMLAssertionID", valid.id.as_str());
    draft.add_parameter("roleSessionName", valid.session_name.as_str());
    if let Some(identity) = &valid.source_identity {
        draft.add_parameter("sourceIdentity", identity.as_str());
    }
    if !valid.tags.tags.is_empty() {
        draft.add_parameter("principalTags", json!(valid.tags.tags));
    }
    if !valid.tags.transitive_keys.is_empty() {
        draft.add_parameter("transitiveTagKeys", json!(valid.tags.transitive_keys));
    }
}

/// Returns the role if it exists and its trust policy allows the assertion.
fn authorize(
    shared: &Shared,
    role_arn: &str,
    provider_arn: &str,
    valid: &ValidAssertion,
) -> Result<Arc<Role>, QueryError> {
    let denied = |action: &str| QueryError::access_denied(format!("Not authorized to perform {action}"));
    let denied_role = || denied("sts:AssumeRoleWithSAML");
    let role = shared.iam.role(role_arn).ok_or_else(denied_role)?;
    if role.name().starts_with("AWSReservedSSO_") {
        return Err(denied_role());
    }
    let has_tags = !valid.tags.tags.is_empty();
    let Some(policy) = shared.iam.effective_trust(role_arn, shared.clock.now()) else {
        let trusted = match &role.trusts {
            Some(providers) => providers.iter().any(|provider| provider == provider_arn),
            None => account(provider_arn) == role.account(),
        };
        let tags = role.allows_tags || !has_tags;
        let identity = role.allows_source_identity || valid.source_identity.is_none();
        return if trusted && tags && identity { Ok(role) } else { Err(denied_role()) };
    };
    let keys = keys(shared, &role, provider_arn, valid);
    let mut actions = vec!["sts:AssumeRoleWithSAML"];
    actions.extend(has_tags.then_some("sts:TagSession"));
    actions.extend(valid.source_identity.is_some().then_some("sts:SetSourceIdentity"));
    for action in actions {
        let question = Question { action, resource: role_arn, keys: &keys };
        if !judge_trust(&policy, Principal::Provider(provider_arn), &question) {
            return Err(denied(action));
        }
    }
    Ok(role)
}

/// Returns the condition keys of the call.
fn keys(shared: &Shared, role: &Role, provider_arn: &str, valid: &ValidAssertion) -> Keys {
    let mut keys = Keys::new(shared);
    keys.set("aws:FederatedProvider", provider_arn);
    keys.set("saml:aud", &valid.recipient);
    keys.set("saml:iss", &valid.issuer);
    keys.set("saml:sub", &valid.subject);
    keys.set("saml:sub_type", valid.subject_format.rsplit(':').next().unwrap_or_default());
    keys.set("saml:namequalifier", &name_qualifier(&valid.issuer, role.account(), provider_arn));
    keys.set("sts:RoleSessionName", &valid.session_name);
    keys.set_request_tags(&valid.tags.tags);
    keys.set_all("sts:TransitiveTagKeys", valid.tags.transitive_keys.iter().map(String::as_str));
    if let Some(identity) = &valid.source_identity {
        keys.set("sts:SourceIdentity", identity);
    }
    keys
}

fn issue_for(
    shared: &Shared,
    role_arn: &str,
    provider_arn: &str,
    duration: i64,
    policies: PackedPolicies,
    valid: ValidAssertion,
    draft: &mut Draft,
) -> Result<String, QueryError> {
    let mut seconds = duration;
    if let Some(attribute) = valid.session_duration {
        seconds = seconds.min(attribute);
    }
    if let Some(end) = valid.session_not_on_or_after {
        seconds = seconds.min(end.duration_since(shared.clock.now()).as_secs());
    }
    let head = format!("<Issuer>{}</Issuer>", escape(&valid.issuer));
    let subject_type = valid.subject_format.rsplit(':').next().unwrap_or_default();
    let name_qualifier = name_qualifier(&valid.issuer, account(role_arn), provider_arn);
    let tail = format!(
        "<Audience>{}</Audience><SubjectType>{}</SubjectType><NameQualifier>{name_qualifier}</NameQualifier><Subject>{}</Subject>",
        escape(&valid.recipient),
        escape(subject_type),
        escape(&valid.subject),
    );
    for (name, text) in [
        ("subject", valid.subject.as_str()),
        ("subjectType", subject_type),
        ("issuer", &valid.issuer),
        ("audience", &valid.recipient),
        ("nameQualifier", &name_qualifier),
    ] {
        draft.add_response(name, text);
    }
    let name = &valid.session_name;
    let (source_identity, tags) = (valid.source_identity, valid.tags);
    let session = NewSession { role_arn, name, seconds, source_identity, is_chained: false, tags, policies };
    issue(shared, session, &head, &tail, draft)
}

/// Returns `NameQualifier`: the base64 of the SHA-1 of issuer, account and provider.
fn name_qualifier(issuer: &str, account: &str, provider_arn: &str) -> String {
    let provider = provider_arn.rsplit('/').next().unwrap_or_default();
    STANDARD.encode(Sha1::digest(format!("{issuer}{account}/{provider}")))
}
