//! AWS STS. Refuses what AWS refuses, with the same codes, statuses and XML.

mod assume_role;
mod assume_role_with_saml;
mod session;
mod validate;

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::credentials::caller;
use super::query::{self, Call, QueryError};
use super::sign_in;
use crate::faults::Service;
use crate::http::http_date;
use crate::idp::escape;
use crate::random;
use crate::shared::Shared;

pub(crate) const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";
/// The largest body that is read. An assertion has at most 100,000 characters.
const MAX_BODY_BYTES: usize = 1 << 20;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request_id = random::request_id();
    let date = [("date", http_date(shared.clock.now()))];
    let call = Call::read(&parts.method, &parts.uri, &parts.headers, &body);
    let action = call.get("Action").unwrap_or_default();
    shared.log.add(Service::Sts, &parts.method, if action.is_empty() { parts.uri.path() } else { action });
    if let Some(fault) = shared.faults.next(Service::Sts) {
        return (date, fault.answer(&request_id, shared.clock.now()).await).into_response();
    }
    if parts.uri.path() == "/federation" {
        return sign_in::answer(&shared, &call, action);
    }
    let result = match action {
        "AssumeRoleWithSAML" => assume_role_with_saml::assume_role_with_saml(&shared, &call),
        "AssumeRole" => assume_role::assume_role(&shared, &call),
        "GetCallerIdentity" => get_caller_identity(&shared, &call),
        other => Err(QueryError::new(
            400,
            "InvalidAction",
            format!("Could not find operation {other} for version 2011-06-15"),
        )),
    };
    (date, query::answer(NAMESPACE, action, request_id, result)).into_response()
}

fn get_caller_identity(shared: &Shared, call: &Call<'_>) -> Result<String, QueryError> {
    let issued = caller(shared, call)?;
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
