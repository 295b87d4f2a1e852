use std::sync::{Mutex, PoisonError};

use axum::http::Method;

use crate::faults::Service;

/// The requests that the sandbox received, in order. Without parameters, which may be secret.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<Vec<LoggedRequest>>);

/// A request that the sandbox received.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The service that received it.
    pub service: Service,
    /// The HTTP method.
    pub method: String,
    /// The path, or the action of STS, IAM or CloudTrail.
    pub what: String,
}

impl RequestLog {
    pub(crate) fn add(&self, service: Service, method: &Method, what: &str) {
        let request = LoggedRequest { service, method: method.to_string(), what: what.to_owned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    pub(crate) fn all(&self) -> Vec<LoggedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
