//! The inline policies of roles.

use super::page::page;
use super::{Request, malformed, not_found, size};
use crate::aws::judge::check_identity_policy;
use crate::aws::query::QueryError;
use crate::http::encode_component;
use crate::idp::escape;
use crate::world::Role;

/// The quota for all inline policies of a role, in characters without white space.
const MAX_POLICY_SIZE: usize = 10_240;

pub(super) fn list_role_policies(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.role()?;
    let names: Vec<_> = request.shared.iam.role_policies(&role.arn).into_keys().map(|name| escape(&name)).collect();
    page(request.call, "PolicyNames", &names)
}

pub(super) fn get_role_policy(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.role()?;
    let name = request.name("PolicyName", 128)?;
    let document = existing(request, &role, name)?;
    Ok(format!(
        "<RoleName>{}</RoleName><PolicyName>{}</PolicyName><PolicyDocument>{}</PolicyDocument>",
        escape(role.name()),
        escape(name),
        encode_component(&document)
    ))
}

pub(super) fn put_role_policy(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.editable_role()?;
    let name = request.name("PolicyName", 128)?;
    let document = request.call.require("PolicyDocument")?;
    check_identity_policy(document).map_err(malformed)?;
    let others = request.shared.iam.role_policies(&role.arn).into_iter().filter(|(known, _)| known != name);
    let total = size(document) + others.map(|(_, document)| size(&document)).sum::<usize>();
    if total > MAX_POLICY_SIZE {
        let role = role.name();
        let message = format!("Maximum policy size of {MAX_POLICY_SIZE} bytes exceeded for role {role}");
        return Err(QueryError::new(409, "LimitExceeded", message));
    }
    request.shared.iam.put_role_policy(&role.arn, name, document);
    Ok(String::new())
}

pub(super) fn delete_role_policy(request: &Request<'_>) -> Result<String, QueryError> {
    let role = request.editable_role()?;
    let name = request.name("PolicyName", 128)?;
    existing(request, &role, name)?;
    request.shared.iam.delete_role_policy(&role.arn, name);
    Ok(String::new())
}

/// Returns the document of an inline policy, which must exist.
fn existing(request: &Request<'_>, role: &Role, name: &str) -> Result<String, QueryError> {
    let missing = || not_found(&format!("The role policy with name {name} cannot be found."));
    request.shared.iam.role_policies(&role.arn).remove(name).ok_or_else(missing)
}
