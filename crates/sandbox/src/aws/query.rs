//! AWS's query protocol: a form in, XML out.

use std::collections::BTreeMap;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};

use super::received::Received;
use crate::http::form_pairs;
use crate::idp::escape;

/// A request.
pub(super) struct Call<'a> {
    pub(super) received: Received<'a>,
    parameters: BTreeMap<String, String>,
}

impl<'a> Call<'a> {
    pub(super) fn read(received: Received<'a>) -> Self {
        let text = std::str::from_utf8(received.body).unwrap_or_default();
        let parameters = [received.uri.query().unwrap_or_default(), text].into_iter().flat_map(form_pairs).collect();
        Self { received, parameters }
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

    /// Returns the elements of a list: `name.member.1`, `name.member.2`, and so on.
    pub(super) fn list<'c>(&'c self, name: &'c str) -> impl Iterator<Item = &'c str> + 'c {
        (1..).map_while(move |number| self.get(&format!("{name}.member.{number}")))
    }
}

/// An error that AWS answers with.
#[derive(Debug)]
pub(crate) struct QueryError {
    status: StatusCode,
    pub(super) code: &'static str,
    pub(super) message: String,
}

impl QueryError {
    pub(super) fn new(status: u16, code: &'static str, message: impl Into<String>) -> Self {
        Self { status: StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_REQUEST), code, message: message.into() }
    }

    pub(super) fn validation(message: impl Into<String>) -> Self {
        Self::new(400, "ValidationError", message)
    }

    /// Returns what AWS answers if there are too many requests.
    pub(super) fn throttling() -> Self {
        Self::new(400, "Throttling", "Rate exceeded")
    }

    pub(super) fn access_denied(message: impl Into<String>) -> Self {
        Self::new(403, "AccessDenied", message)
    }
}

/// Renders the result of an action of the service with this XML namespace. An action without a result has an empty text.
pub(super) fn answer(
    namespace: &str,
    action: &str,
    request_id: String,
    result: Result<String, QueryError>,
) -> Response {
    let (status, xml) = match result {
        Ok(result) => {
            let result = if result.is_empty() { result } else { format!("<{action}Result>{result}</{action}Result>") };
            let xml = format!(
                r#"<{action}Response xmlns="{namespace}">{result}<ResponseMetadata><RequestId>{request_id}</RequestId></ResponseMetadata></{action}Response>"#
            );
            (StatusCode::OK, xml)
        }
        Err(error) => (error.status, error_xml(namespace, error.code, &error.message, &request_id)),
    };
    (status, [("content-type", "text/xml".to_owned()), ("x-amzn-requestid", request_id)], xml).into_response()
}

fn error_xml(namespace: &str, code: &str, message: &str, request_id: &str) -> String {
    format!(
        r#"<ErrorResponse xmlns="{namespace}"><Error><Type>Sender</Type><Code>{code}</Code><Message>{}</Message></Error><RequestId>{request_id}</RequestId></ErrorResponse>"#,
        escape(message)
    )
}
