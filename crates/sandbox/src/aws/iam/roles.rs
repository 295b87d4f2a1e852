//! Roles, their trust policies, and managed policies.

use serde_json::{Value, json};

use super::page::page;
use super::{Request, malformed, not_found, size};
use crate::aws::judge::{Keys, check_trust_policy};
use crate::aws::query::QueryError;
use crate::aws::unique_id::unique_id;
use crate::http::encode_component;
use crate::idp::escape;
use crate::shared::Shared;
use crate::world::{Policy, Role};

/// The quota for the trust policy of a role, in characters without white space.
const MAX_TRUST_POLICY_SIZE: usize = 2048;
/// The shortest maximum of a session, and the default.
const HOUR: i64 = 3600;
/// When everything in the world was created.
pub(super) const CREATED: &str = "2026-01-15T09:00:00Z";
/// The recipient of assertions for the console.
const SIGN_IN: &str = "https://signin.aws.amazon.com/saml";

pub(super) fn get_role(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.role()?;
    let boundary = role.boundary.as_deref().and_then(|name| request.shared.world.policy(role.account(), name));
    let boundary = boundary.map(|boundary| {
        format!(
            "<PermissionsBoundary><PermissionsBoundaryType>Policy</PermissionsBoundaryType><PermissionsBoundaryArn>{}</PermissionsBoundaryArn></PermissionsBoundary>",
            escape(&boundary.arn)
        )
    });
    Ok(format!("<Role>{}{}<RoleLastUsed/></Role>", describe(request.shared, &role), boundary.unwrap_or_default()))
}

pub(super) fn list_roles(request: &Request<'_>) -> Result<String, QueryError> {
    let account = &request.caller.session.account;
    let prefix = request.call.get("PathPrefix").unwrap_or("/");
    let resource = format!("arn:aws:iam::{account}:role{prefix}");
    request.authorize(&resource, &resource, &Keys::of_caller(request.shared, &request.caller))?;
    let roles = request.shared.iam.roles_of(account).into_iter().filter(|role| role.path().starts_with(prefix));
    let members: Vec<_> = roles.map(|role| describe(request.shared, &role)).collect();
    page(request.call, "Roles", &members)
}

pub(super) fn create_role(request: &Request<'_>) -> Result<String, QueryError> {
    let (name, account) = (request.name("RoleName", 64)?, &request.caller.session.account);
    let path = request.call.get("Path").unwrap_or("/");
    if !path.starts_with('/') || !path.ends_with('/') {
        return Err(QueryError::validation(
            "The specified value for path is invalid. It must begin and end with / and contain only alphanumeric characters and/or / characters.",
        ));
    }
    let arn = format!("arn:aws:iam::{account}:role{path}{name}");
    request.authorize(&arn, &format!("role {name}"), &Keys::of_caller(request.shared, &request.caller))?;
    let trust = trust_policy(request, "AssumeRolePolicyDocument")?;
    let max_session_duration = match request.call.get("MaxSessionDuration").map(str::parse) {
        None => HOUR,
        Some(Ok(seconds @ HOUR..=43_200)) => seconds,
        Some(_) => return Err(QueryError::validation("MaxSessionDuration must be between 3600 and 43200")),
    };
    if request.shared.iam.roles_of(account).iter().any(|role| role.name() == name) {
        let message = format!("Role with name {name} already exists.");
        return Err(QueryError::new(409, "EntityAlreadyExists", message));
    }
    let role = Role::new(arn, max_session_duration, trust);
    request.shared.iam.create_role(role.clone(), trust);
    Ok(format!("<Role>{}</Role>", describe(request.shared, &role)))
}

pub(super) fn delete_role(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.editable_role()?;
    if !request.shared.iam.role_policies(&role.arn).is_empty() {
        let message = "Cannot delete entity, must delete policies first.";
        return Err(QueryError::new(409, "DeleteConflict", message));
    }
    request.shared.iam.delete_role(&role.arn);
    Ok(String::new())
}

pub(super) fn update_assume_role_policy(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.editable_role()?;
    request.shared.iam.set_trust_policy(&role.arn, trust_policy(request, "PolicyDocument")?);
    Ok(String::new())
}

/// Returns the trust policy in a parameter.
fn trust_policy<'a>(request: &Request<'a>, parameter: &'static str) -> Result<&'a str, QueryError> {
    let document = request.call.require(parameter)?;
    check_trust_policy(&request.shared.world, document).map_err(malformed)?;
    if size(document) > MAX_TRUST_POLICY_SIZE {
        let message = format!("Cannot exceed quota for ACLSizePerRole: {MAX_TRUST_POLICY_SIZE}");
        return Err(QueryError::new(409, "LimitExceeded", message));
    }
    Ok(document)
}

pub(super) fn list_attached_role_policies(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.role()?;
    let attached = role.attached.iter().filter_map(|name| request.shared.world.policy(role.account(), name));
    let members: Vec<_> = attached
        .map(|policy| {
            let (name, arn) = (escape(policy.name()), escape(&policy.arn));
            format!("<PolicyName>{name}</PolicyName><PolicyArn>{arn}</PolicyArn>")
        })
        .collect();
    page(request.call, "AttachedPolicies", &members)
}

pub(super) fn get_policy(request: &Request<'_>) -> Result<String, QueryError> {
    let policy = managed(request)?;
    let (name, arn) = (escape(policy.name()), escape(&policy.arn));
    let id = unique_id("ANPA", &policy.arn);
    Ok(format!(
        "<Policy><PolicyName>{name}</PolicyName><PolicyId>{id}</PolicyId><Arn>{arn}</Arn><Path>/</Path><DefaultVersionId>v1</DefaultVersionId><IsAttachable>true</IsAttachable><CreateDate>{CREATED}</CreateDate><UpdateDate>{CREATED}</UpdateDate></Policy>"
    ))
}

pub(super) fn get_policy_version(request: &Request<'_>) -> Result<String, QueryError> {
    let policy = managed(request)?;
    let version = request.call.require("VersionId")?;
    if version != "v1" {
        return Err(not_found(&format!(
            "Policy {} version {version} does not exist or is not attachable.",
            policy.arn
        )));
    }
    let document = encode_component(&policy.document);
    Ok(format!(
        "<PolicyVersion><Document>{document}</Document><VersionId>v1</VersionId><IsDefaultVersion>true</IsDefaultVersion><CreateDate>{CREATED}</CreateDate></PolicyVersion>"
    ))
}

fn managed<'a>(request: &Request<'a>) -> Result<&'a Policy, QueryError> {
    let arn = request.call.require("PolicyArn")?;
    request.authorize(arn, &format!("policy {arn}"), &Keys::of_caller(request.shared, &request.caller))?;
    let policy = request.shared.world.policies.iter().find(|policy| policy.arn == arn);
    policy.ok_or_else(|| not_found(&format!("Policy {arn} was not found.")))
}

/// Renders what both GetRole and ListRoles say about a role.
fn describe(shared: &Shared, role: &Role) -> String {
    let trust = shared.iam.trust_policy(&role.arn).unwrap_or_else(|| equivalent_trust(shared, role).to_string());
    format!(
        "<Path>{}</Path><RoleName>{}</RoleName><RoleId>{}</RoleId><Arn>{}</Arn><CreateDate>{CREATED}</CreateDate><AssumeRolePolicyDocument>{}</AssumeRolePolicyDocument><MaxSessionDuration>{}</MaxSessionDuration>",
        escape(role.path()),
        escape(role.name()),
        unique_id("AROA", &role.arn),
        escape(&role.arn),
        encode_component(&trust),
        role.max_session_duration
    )
}

/// Returns the trust policy that says what the fields of a role say.
fn equivalent_trust(shared: &Shared, role: &Role) -> Value {
    let providers = shared.world.providers.iter().map(|provider| provider.arn.as_str());
    let providers: Vec<_> = match &role.trusts {
        Some(named) => named.iter().map(String::as_str).collect(),
        None => providers.filter(|arn| crate::world::account(arn) == role.account()).collect(),
    };
    let with_extras = |action: &'static str| {
        let tags = role.allows_tags.then_some("sts:TagSession");
        let identity = role.allows_source_identity.then_some("sts:SetSourceIdentity");
        [Some(action), tags, identity].into_iter().flatten().collect::<Vec<_>>()
    };
    let mut statements = Vec::new();
    if !providers.is_empty() {
        let recipients: Vec<_> = [SIGN_IN].into_iter().chain(role.audiences.iter().map(String::as_str)).collect();
        statements.push(json!({
            "Effect": "Allow",
            "Principal": { "Federated": providers },
            "Action": with_extras("sts:AssumeRoleWithSAML"),
            "Condition": { "StringEquals": { "SAML:aud": recipients } },
        }));
    }
    if !role.trusts_roles.is_empty() {
        let mut statement = json!({
            "Effect": "Allow",
            "Principal": { "AWS": role.trusts_roles },
            "Action": with_extras("sts:AssumeRole"),
        });
        if let (Some(id), Some(statement)) = (&role.external_id, statement.as_object_mut()) {
            statement.insert("Condition".to_owned(), json!({ "StringEquals": { "sts:ExternalId": id } }));
        }
        statements.push(statement);
    }
    json!({ "Version": "2012-10-17", "Statement": statements })
}
