//! AWS STS. Refuses what AWS refuses, with the same codes, statuses and XML.

mod assume_role;
mod assume_role_with_saml;
mod session;
mod tags;
mod validate;

use super::cloudtrail::Draft;
use super::credentials::caller;
use super::query::{Call, QueryError};
use crate::idp::escape;
use crate::shared::Shared;

pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// Answers a call with the content of its result.
pub(super) fn answer(shared: &Shared, call: &Call<'_>, action: &str, draft: &mut Draft) -> Result<String, QueryError> {
    match action {
        "AssumeRoleWithSAML" => assume_role_with_saml::assume_role_with_saml(shared, call, draft),
        "AssumeRole" => assume_role::assume_role(shared, call, draft),
        "GetCallerIdentity" => get_caller_identity(shared, call),
        other => Err(QueryError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    }
}

/// No policy can deny this call.
fn get_caller_identity(shared: &Shared, call: &Call<'_>) -> Result<String, QueryError> {
    let issued = caller(shared, call.received)?.session;
    Ok(format!(
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
        escape(&issued.arn),
        escape(&issued.user_id),
        issued.account
    ))
}

fn invalid_token(message: impl Into<String>) -> QueryError {
    QueryError::new(400, "InvalidIdentityToken", message)
}

fn expired(message: impl Into<String>) -> QueryError {
    QueryError::new(400, "ExpiredTokenException", message)
}
