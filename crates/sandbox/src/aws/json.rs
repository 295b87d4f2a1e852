//! AWS JSON 1.1: JSON in, JSON out. The header `X-Amz-Target` names the operation.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde_json::{Value, json};

use super::credentials::{CallerError, WRONG_SIGNATURE};
use super::received::Received;

/// An error that AWS answers with. All have the HTTP status 400.
#[derive(Debug)]
pub(crate) struct JsonError {
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl JsonError {
    pub(super) fn new(code: &'static str, message: impl Into<String>) -> Self {
        Self { code, message: message.into() }
    }

    /// Returns what AWS answers if there are too many requests.
    pub(super) fn throttling() -> Self {
        Self::new("ThrottlingException", "Rate exceeded")
    }
}

impl From<CallerError> for JsonError {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::NotSigned => Self::new("MissingAuthenticationTokenException", "Missing Authentication Token"),
            CallerError::UnknownKey => {
                Self::new("UnrecognizedClientException", "The security token included in the request is invalid.")
            }
            CallerError::Expired => {
                Self::new("ExpiredTokenException", "The security token included in the request is expired")
            }
            CallerError::WrongSignature => Self::new("InvalidSignatureException", WRONG_SIGNATURE),
        }
    }
}

/// Returns the operation that a request names.
pub(super) fn operation<'a>(request: Received<'a>) -> &'a str {
    request.header("x-amz-target").and_then(|target| target.rsplit('.').next()).unwrap_or_default()
}

/// Renders the result of an operation.
pub(super) fn answer(request_id: &str, result: &Result<Value, JsonError>) -> Response {
    let (status, body) = match result {
        Ok(body) => (StatusCode::OK, body.to_string()),
        Err(error) => (StatusCode::BAD_REQUEST, json!({ "__type": error.code, "message": error.message }).to_string()),
    };
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amzn-requestid", request_id)];
    (status, headers, body).into_response()
}
