//! AWS IAM: reading roles, and editing their inline and trust policies.

mod inline;
mod page;
mod provider;
mod roles;
mod state;

pub use state::Iam;

use std::sync::Arc;

use super::credentials::{Caller, caller};
use super::judge::{Keys, Question, judge};
use super::query::{Call, QueryError};
use crate::idp::escape;
use crate::shared::Shared;
use crate::world::Role;

pub(crate) const NAMESPACE: &str = "https://iam.amazonaws.com/doc/2010-05-08/";

/// Answers a call with the content of its result.
pub(super) fn answer(shared: &Shared, call: &Call<'_>, action: &str) -> Result<String, QueryError> {
    let request = Request { shared, call, action, caller: caller(shared, call.received)? };
    match action {
        "GetRole" => roles::get_role(&request),
        "CreateRole" => roles::create_role(&request),
        "DeleteRole" => roles::delete_role(&request),
        "ListRoles" => roles::list_roles(&request),
        "UpdateAssumeRolePolicy" => roles::update_assume_role_policy(&request),
        "ListRolePolicies" => inline::list_role_policies(&request),
        "GetRolePolicy" => inline::get_role_policy(&request),
        "PutRolePolicy" => inline::put_role_policy(&request),
        "DeleteRolePolicy" => inline::delete_role_policy(&request),
        "ListAttachedRolePolicies" => roles::list_attached_role_policies(&request),
        "GetPolicy" => roles::get_policy(&request),
        "GetPolicyVersion" => roles::get_policy_version(&request),
        "ListAccountAliases" => aliases(&request),
        "GetSAMLProvider" => provider::get_saml_provider(&request),
        other => Err(QueryError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other} for version 2010-05-08"),
        )),
    }
}

/// ListAccountAliases.
fn aliases(request: &Request<'_>) -> Result<String, QueryError> {
    let account = &request.caller.session.account;
    request.authorize(
        &format!("arn:aws:iam::{account}:root"),
        "*",
        &Keys::of_caller(request.shared, &request.caller),
    )?;
    let alias = request.shared.world.aliases.get(account);
    let members = alias.map(|alias| format!("<member>{}</member>", escape(alias))).unwrap_or_default();
    Ok(format!("<AccountAliases>{members}</AccountAliases><IsTruncated>false</IsTruncated>"))
}

/// A call of IAM, and who makes it.
struct Request<'a> {
    shared: &'a Shared,
    call: &'a Call<'a>,
    action: &'a str,
    caller: Caller,
}

impl<'a> Request<'a> {
    /// Returns the role that the call is about, if the caller may make the call. As at AWS, a caller without the right
    /// does not learn whether the role exists.
    fn role(&self) -> Result<Arc<Role>, QueryError> {
        let name = self.name("RoleName", 64)?;
        let account = &self.caller.session.account;
        let role = self.shared.iam.roles_of(account).into_iter().find(|role| role.name() == name);
        let mut keys = Keys::of_caller(self.shared, &self.caller);
        let arn = match &role {
            Some(role) => {
                keys.set_target_role(self.shared, role);
                role.arn.clone()
            }
            None => format!("arn:aws:iam::{account}:role/{name}"),
        };
        self.authorize(&arn, &format!("role {name}"), &keys)?;
        role.ok_or_else(|| not_found(&format!("The role with name {name} cannot be found.")))
    }

    /// Returns the role that the call is about, if the caller may make the call and the role can be edited.
    fn editable_role(&self) -> Result<Arc<Role>, QueryError> {
        let role = self.role()?;
        let is_service_linked = role.path().starts_with("/aws-service-role/");
        if role.name().starts_with("AWSReservedSSO_") || is_service_linked {
            let name = role.name();
            let message = format!(
                "Cannot perform the operation on the protected role '{name}' - this role is only modifiable by AWS"
            );
            return Err(QueryError::new(400, "UnmodifiableEntity", message));
        }
        Ok(role)
    }

    /// Refuses the call unless policies allow it. `shown` is what the message calls the resource.
    fn authorize(&self, resource: &str, shown: &str, keys: &Keys) -> Result<(), QueryError> {
        let action = format!("iam:{}", self.action);
        let question = Question { action: &action, resource, keys };
        judge(self.shared, &self.caller, &question).map_err(|refusal| {
            let arn = &self.caller.session.arn;
            let reason = refusal.reason(&action);
            QueryError::access_denied(format!(
                "User: {arn} is not authorized to perform: {action} on resource: {shown} {reason}"
            ))
        })
    }

    /// Returns a name: `[\w+=,.@-]+`, with at most `limit` characters.
    fn name(&self, parameter: &'static str, limit: usize) -> Result<&'a str, QueryError> {
        let text = self.call.require(parameter)?;
        let (first, rest) = parameter.split_at_checked(1).unwrap_or_default();
        let member = format!("{}{rest}", first.to_lowercase());
        let refused = |constraint: &str| {
            QueryError::validation(format!(
                "1 validation error detected: Value '{text}' at '{member}' failed to satisfy constraint: Member must {constraint}"
            ))
        };
        if text.len() > limit {
            return Err(refused(&format!("have length less than or equal to {limit}")));
        }
        if !text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte)) {
            return Err(refused("satisfy regular expression pattern: [\\w+=,.@-]+"));
        }
        Ok(text)
    }
}

fn not_found(message: &str) -> QueryError {
    QueryError::new(404, "NoSuchEntity", message)
}

fn malformed(message: impl Into<String>) -> QueryError {
    QueryError::new(400, "MalformedPolicyDocument", message)
}

/// Returns the size of a document as IAM counts it: without white space.
fn size(document: &str) -> usize {
    document.chars().filter(|character| !character.is_whitespace()).count()
}
