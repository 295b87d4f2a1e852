//! The credentials that were issued, and who signed a request with them.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::query::{Call, QueryError};
use super::sigv4;
use crate::shared::Shared;

/// The session of an access key.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) role_arn: String,
    pub(crate) source_identity: Option<String>,
    /// Whether it was issued to the session of another role (role chaining).
    pub(crate) is_chained: bool,
    pub(crate) user_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) expiration: Timestamp,
}

/// Every access key that was issued, and every sign-in token for the console.
#[derive(Debug, Default)]
pub(crate) struct IssuedKeys {
    sessions: Mutex<HashMap<String, Issued>>,
    sign_in_tokens: Mutex<HashMap<String, String>>,
}

impl IssuedKeys {
    pub(crate) fn add(&self, key: String, issued: Issued) {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).insert(key, issued);
    }

    pub(super) fn get(&self, key: &str) -> Option<Issued> {
        self.sessions.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }

    /// Adds a token that signs a browser in as this principal.
    pub(super) fn add_sign_in_token(&self, token: String, arn: String) {
        self.sign_in_tokens.lock().unwrap_or_else(PoisonError::into_inner).insert(token, arn);
    }

    /// Returns the principal of a token, once.
    pub(super) fn take_sign_in_token(&self, token: &str) -> Option<String> {
        self.sign_in_tokens.lock().unwrap_or_else(PoisonError::into_inner).remove(token)
    }
}

/// Returns the session that signed a request.
pub(super) fn caller(shared: &Shared, call: &Call<'_>) -> Result<Issued, QueryError> {
    let unknown =
        || QueryError::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    let signed = sigv4::read(call.headers)
        .ok_or_else(|| QueryError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"))?;
    let issued = shared.keys.get(signed.access_key).ok_or_else(unknown)?;
    if signed.token != Some(issued.token.as_str()) {
        return Err(unknown());
    }
    if shared.clock.now() >= issued.expiration {
        return Err(QueryError::new(403, "ExpiredToken", "The security token included in the request is expired"));
    }
    if !sigv4::verify(&signed, call.method, call.uri, call.headers, call.body, &issued.secret) {
        return Err(QueryError::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.",
        ));
    }
    Ok(issued)
}
