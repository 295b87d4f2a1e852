//! Failures on request.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use jiff::Timestamp;

use crate::aws::throttled;

/// One of the sandbox's services.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Service {
    /// The Okta org.
    Okta,
    /// AWS STS.
    Sts,
    /// AWS IAM.
    Iam,
    /// AWS S3.
    S3,
    /// AWS CloudTrail.
    CloudTrail,
}

/// What a service answers once, instead of its own answer.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Fault {
    /// STS and IAM: `Throttling`, HTTP status 400. CloudTrail: `ThrottlingException`, HTTP status 400. S3: `SlowDown`, HTTP
    /// status 503.
    Throttling,
    /// The error page of a proxy, with this HTTP status.
    ErrorPage(u16),
    /// Okta: HTTP status 429, with a limit that resets after this many seconds.
    RateLimit(i64),
    /// HTTP status 504, after this long.
    Silence(Duration),
}

impl Fault {
    pub(crate) async fn answer(self, service: Service, request_id: &str, now: Timestamp) -> Response {
        match self {
            Self::Throttling => throttled(service, request_id),
            Self::ErrorPage(status) => {
                let status = StatusCode::from_u16(status).unwrap_or(StatusCode::BAD_GATEWAY);
                (status, [("content-type", "text/html")], format!("<html><h1>{status}</h1></html>")).into_response()
            }
            Self::RateLimit(seconds) => {
                let headers = [
                    ("x-rate-limit-limit", "4".to_owned()),
                    ("x-rate-limit-remaining", "0".to_owned()),
                    ("x-rate-limit-reset", (now.as_second() + seconds).to_string()),
                    ("content-type", "application/json".to_owned()),
                ];
                let body = r#"{"errorCode":"E0000047","errorSummary":"API call exceeded rate limit due to too many requests.","errorLink":"E0000047","errorId":"oaeSandbox","errorCauses":[]}"#;
                (StatusCode::TOO_MANY_REQUESTS, headers, body).into_response()
            }
            Self::Silence(duration) => {
                tokio::time::sleep(duration).await;
                StatusCode::GATEWAY_TIMEOUT.into_response()
            }
        }
    }
}

#[derive(Debug, Default)]
pub(crate) struct Faults(Mutex<VecDeque<(Service, Fault)>>);

impl Faults {
    pub(crate) fn add(&self, service: Service, fault: Fault) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push_back((service, fault));
    }

    pub(crate) fn next(&self, service: Service) -> Option<Fault> {
        let mut faults = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let position = faults.iter().position(|(failing, _)| *failing == service)?;
        faults.remove(position).map(|(_, fault)| fault)
    }
}
