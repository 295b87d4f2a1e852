//! Errors of S3.

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use crate::aws::credentials::{CallerError, WRONG_SIGNATURE};
use crate::idp::escape;

/// An error that S3 answers with.
#[derive(Debug)]
pub(crate) struct S3Error {
    status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl S3Error {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, message: message.into() }
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }

    pub(super) fn no_such_bucket() -> Self {
        Self::new(404, "NoSuchBucket", "The specified bucket does not exist")
    }

    pub(super) fn no_such_key() -> Self {
        Self::new(404, "NoSuchKey", "The specified key does not exist.")
    }

    pub(super) fn not_implemented() -> Self {
        Self::new(
            501,
            "NotImplemented",
            "A header or query you provided implies functionality that is not implemented.",
        )
    }

    pub(super) fn precondition_failed() -> Self {
        Self::new(412, "PreconditionFailed", "At least one of the pre-conditions you specified did not hold")
    }

    pub(super) fn invalid_range() -> Self {
        Self::new(416, "InvalidRange", "The requested range is not satisfiable")
    }

    /// Renders the elements of the code and the message.
    pub(super) fn elements(&self) -> String {
        format!("<Code>{}</Code><Message>{}</Message>", self.code, escape(&self.message))
    }

    /// Returns what S3 answers if there are too many requests.
    pub(crate) fn slow_down() -> Self {
        Self::new(503, "SlowDown", "Please reduce your request rate.")
    }

    /// Renders the error. An answer to HEAD has no body.
    pub(crate) fn render(&self, request_id: &str, is_head: bool) -> Response {
        let body = format!(
            r#"<?xml version="1.0" encoding="UTF-8"?><Error>{}<RequestId>{request_id}</RequestId></Error>"#,
            self.elements()
        );
        let body = if is_head { String::new() } else { body };
        (self.status, [("content-type", "application/xml")], body).into_response()
    }
}

impl From<CallerError> for S3Error {
    fn from(error: CallerError) -> Self {
        match error {
            CallerError::NotSigned => Self::access_denied("Access Denied"),
            CallerError::UnknownKey => Self::new(
                403,
                "InvalidAccessKeyId",
                "The AWS Access Key Id you provided does not exist in our records.",
            ),
            CallerError::Expired => Self::new(400, "ExpiredToken", "The provided token has expired."),
            CallerError::WrongSignature => Self::new(403, "SignatureDoesNotMatch", WRONG_SIGNATURE),
        }
    }
}
