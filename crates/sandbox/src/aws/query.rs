//! AWS's query protocol: a form in, XML out.

use std::collections::BTreeMap;

use axum::body::Bytes;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse, Response};

use crate::http::form_pairs;
use crate::idp::escape;

/// A request.
pub(super) struct Call<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
    parameters: BTreeMap<String, String>,
}

impl<'a> Call<'a> {
    pub(super) fn read(method: &'a Method, uri: &'a Uri, headers: &'a HeaderMap, body: &'a Bytes) -> Self {
        let text = std::str::from_utf8(body).unwrap_or_default();
        let parameters = [uri.query().unwrap_or_default(), text].into_iter().flat_map(form_pairs).collect();
        Self { method, uri, headers, body, parameters }
    }

    pub(super) fn get(&self, name: &str) -> Option<&str> {
        self.parameters.get(name).map(String::as_str)
    }

    /// Returns a parameter that must not be missing or empty.
    pub(super) fn require(&self, name: &'static str) -> Result<&str, QueryError> {
        self.get(name).filter(|value| !value.is_empty()).ok_or_else(|| {
            let (first, rest) = name.split_at_checked(1).unwrap_or_default();
            let member = format!("{}{rest}", first.to_lowercase());
            QueryError::validation(format!(
                "1 validation error detected: Value null at '{member}' failed to satisfy constraint: Member must not be null"
            ))
        })
    }
}

/// An error that AWS answers with.
#[derive(Debug)]
pub(crate) struct QueryError {
    status: StatusCode,
    code: &'static str,
    message: String,
}

impl QueryError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, message: message.into() }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }
}

/// Renders the result of an action of the service with this XML namespace.
pub(super) fn answer(
    namespace: &str,
    action: &str,
    request_id: String,
    result: Result<String, QueryError>,
) -> Response {
    let (status, xml) = match result {
        Ok(result) => (
            StatusCode::OK,
            format!(
                r#"<{action}Response xmlns="{namespace}"><{action}Result>{result}</{action}Result><ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"#
            ),
        ),
        Err(error) => (error.status, error_xml(namespace, error.code, &error.message, &request_id)),
    };
    (status, [("content-type", "text/xml".to_owned()), ("x-amzn-requestid", request_id)], xml).into_response()
}

pub(crate) fn error_xml(namespace: &str, code: &str, message: &str, request_id: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"#,
        escape(message)
    )
}
