//! Okta's error object, for every error that an API answers with.

use axum::Json;
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::random;

/// Answers with Okta's error object.
pub(super) fn error(status: StatusCode, code: &str, summary: &str, cause: Option<&str>) -> Response {
    let causes: Vec<_> = cause.into_iter().map(|cause| json!({ "errorSummary": cause })).collect();
    let body = json!({
        "errorCode": code,
        "errorSummary": summary,
        "errorLink": code,
        "errorId": format!("oae{}", random::alphanumeric(20)),
        "errorCauses": causes,
    });
    (status, Json(body)).into_response()
}

pub(super) fn invalid_token() -> Response {
    error(StatusCode::UNAUTHORIZED, "E0000011", "Invalid token provided", None)
}

pub(super) fn not_found(resource: &str) -> Response {
    error(StatusCode::NOT_FOUND, "E0000007", &format!("Not found: Resource not found: {resource}"), None)
}

pub(super) fn forbidden() -> Response {
    let summary = "You do not have permission to perform the requested action";
    error(StatusCode::FORBIDDEN, "E0000006", summary, None)
}

/// Replaces the errors of the web framework, which are plain text, by those of Okta. Pages for browsers stay as they are.
pub(super) fn with_okta_error(method: &Method, answer: Response) -> Response {
    let status = answer.status();
    let content_type = answer.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let is_plain = content_type.is_empty() || content_type.starts_with("text/plain");
    if !(status.is_client_error() || status.is_server_error()) || !is_plain {
        return answer;
    }
    match status {
        StatusCode::NOT_FOUND => error(status, "E0000008", "The requested path was not found", None),
        StatusCode::METHOD_NOT_ALLOWED => {
            error(status, "E0000022", "The endpoint does not support the provided HTTP method", None)
        }
        StatusCode::UNSUPPORTED_MEDIA_TYPE => error(
            status,
            "E0000021",
            "Bad request.  Accept and/or Content-Type headers likely do not match supported values.",
            None,
        ),
        StatusCode::BAD_REQUEST | StatusCode::UNPROCESSABLE_ENTITY if *method == Method::POST => {
            error(StatusCode::BAD_REQUEST, "E0000003", "The request body was not well-formed.", None)
        }
        status if status.is_server_error() => error(status, "E0000009", "Internal Server Error", None),
        status => error(status, "E0000001", "Api validation failed: request", None),
    }
}
