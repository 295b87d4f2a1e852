use std::sync::{Mutex, PoisonError};

use axum::http::Method;

use crate::faults::Service;

/// What was asked of the sandbox, in order. No parameters: these may hold secrets.
#[derive(Debug, Default)]
pub(crate) struct RequestLog(Mutex<Vec<LoggedRequest>>);

/// One request.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct LoggedRequest {
    /// The service that was asked.
    pub service: Service,
    /// The HTTP method.
    pub method: String,
    /// The path, or the action of STS.
    pub what: String,
}

impl RequestLog {
    pub(crate) fn note(&self, service: Service, method: &Method, what: &str) {
        let request = LoggedRequest { service, method: method.to_string(), what: what.to_owned() };
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(request);
    }

    pub(crate) fn all(&self) -> Vec<LoggedRequest> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}
