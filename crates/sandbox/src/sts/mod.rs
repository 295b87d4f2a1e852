//! An AWS STS that judges: what AWS refuses, this refuses, with AWS's codes, statuses and XML.

mod assume;
mod chain;
mod credentials;
mod federation;
mod judge;
mod sigv4;

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Request, State};
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

pub(crate) use credentials::IssuedKeys;

use crate::faults::Service;
use crate::idp::escape;
use crate::{Shared, random};

const NAMESPACE: &str = "https://sts.amazonaws.com/doc/2011-06-15/";

/// A refusal, as AWS says it.
#[derive(Debug)]
pub(crate) struct StsError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl StsError {
    fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, message: message.into() }
    }

    fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    fn invalid_token(message: impl Into<String>) -> Self {
        Self::new(400, "InvalidIdentityToken", message)
    }

    fn expired(message: impl Into<String>) -> Self {
        Self::new(400, "ExpiredTokenException", message)
    }

    fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }
}

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

/// A request to STS, read.
struct Call<'a> {
    method: &'a Method,
    uri: &'a Uri,
    headers: &'a HeaderMap,
    body: &'a [u8],
    parameters: BTreeMap<String, String>,
}

impl Call<'_> {
    fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    fn require(&self, name: &'static str) -> Result<&str, StsError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let member = format!("{}{}", name.get(..1).unwrap_or_default().to_lowercase(), name.get(1..).unwrap_or_default());
            StsError::validation(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, 1 << 20).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request_id = random::request_id();
    let date = [("date", http_date(shared.clock.now()))];
    let parameters = parameters(parts.uri.query(), &body);
    let action = parameters.get("Action").cloned().unwrap_or_default();
    shared.log.note(Service::Sts, &parts.method, if action.is_empty() { parts.uri.path() } else { &action });
    if let Some(fault) = shared.faults.next(Service::Sts) {
        return (date, fault.answer(&request_id, shared.clock.now()).await).into_response();
    }
    let call = Call { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &body, parameters };
    if parts.uri.path() == "/federation" {
        return federation::answer(&shared, &call, &action);
    }
    let result = match action.as_str() {
        "AssumeRoleWithSAML" => assume::assume_role_with_saml(&shared, &call),
        "AssumeRole" => chain::assume_role(&shared, &call),
        "GetCallerIdentity" => credentials::get_caller_identity(&shared, &call),
        other => {
            Err(StsError::new(400, "InvalidAction", format!("Could not find operation {other} for version 2011-06-15")))
        }
    };
    let (status, xml) = match result {
        Ok(result) => (
            StatusCode::OK,
            format!(
                r#"<{action}Response xmlns="{NAMESPACE}"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"#
            ),
        ),
        Err(error) => (error.status, error_xml(error.code, &error.message, &request_id)),
    };
    let headers = [("content-type", "text/xml".to_owned()), ("x-amzn-requestid", request_id)];
    (status, date, headers, xml).into_response()
}

pub(crate) fn error_xml(code: &str, message: &str, request_id: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="{NAMESPACE}"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"#,
        escape(message)
    )
}

/// `Tue, 24 Nov 2026 03:42:50 GMT`.
pub(crate) fn http_date(now: jiff::Timestamp) -> String {
    now.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string()
}

fn parameters(query: Option<&str>, body: &Bytes) -> BTreeMap<String, String> {
    let body = std::str::from_utf8(body).unwrap_or_default();
    [query.unwrap_or_default(), body].into_iter().flat_map(crate::form::pairs).collect()
}
