//! What was given.

use napi_derive::napi;
use tempaccess_core::sink::{self, SessionSummary};

use crate::{Role, report};

/// What was given.
#[napi(object)]
pub struct IssuedSession {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    /// Milliseconds since 1970.
    pub expiration: f64,
    pub account_id: String,
    pub role_arn: String,
    pub region: Option<String>,
    /// All but the secrets, as JSON.
    pub summary_json: String,
    pub credentials_json: String,
    pub credential_process: String,
}

impl From<&tempaccess_core::IssuedSession> for IssuedSession {
    fn from(issued: &tempaccess_core::IssuedSession) -> Self {
        let credentials = &issued.answer.credentials;
        Self {
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: credentials.secret_access_key.expose().to_owned(),
            session_token: credentials.session_token.expose().to_owned(),
            expiration: credentials.expiration.as_millisecond() as f64,
            account_id: credentials.account_id().to_owned(),
            role_arn: credentials.role.to_string(),
            region: credentials.region.clone(),
            summary_json: serde_json::to_string(&SessionSummary::new(issued)).unwrap_or_default(),
            credentials_json: sink::credentials_json(issued).expose().to_owned(),
            credential_process: sink::credential_process(credentials).expose().to_owned(),
        }
    }
}

/// What became of one role of many.
#[napi(object)]
pub struct Exchanged {
    pub role: Role,
    pub issued: Option<IssuedSession>,
    /// Why there is none, as JSON.
    pub error_json: Option<String>,
}

impl From<&tempaccess_core::session::Exchanged> for Exchanged {
    fn from(exchanged: &tempaccess_core::session::Exchanged) -> Self {
        Self {
            role: Role::from(&exchanged.offer),
            issued: exchanged.result.as_ref().ok().map(IssuedSession::from),
            error_json: exchanged.result.as_ref().err().map(report),
        }
    }
}
