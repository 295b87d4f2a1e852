//! The credentials that were issued, and who signed a request with them.

use std::collections::{BTreeMap, BTreeSet, HashMap};
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::query::QueryError;
use super::received::Received;
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
    pub(crate) issued_at: Timestamp,
    pub(crate) expiration: Timestamp,
    /// The session tags, inherited ones included.
    pub(crate) tags: BTreeMap<String, String>,
    /// The keys of the tags that chained sessions inherit.
    pub(crate) transitive_tag_keys: BTreeSet<String>,
    /// The session policies, by content and by ARN.
    pub(crate) policies: SessionPolicies,
}

impl Issued {
    /// Returns the tags that chained sessions inherit.
    pub(super) fn transitive_tags(&self) -> BTreeMap<&str, &str> {
        let tags = self.tags.iter().filter(|(key, _)| self.transitive_tag_keys.contains(*key));
        tags.map(|(key, value)| (key.as_str(), value.as_str())).collect()
    }
}

/// The session policies of a call.
#[derive(Debug, Clone, Default)]
pub(crate) struct SessionPolicies {
    pub(crate) inline: Option<String>,
    pub(crate) arns: Vec<String>,
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

/// A session, and what it signed a request for.
#[derive(Debug, Clone)]
pub(super) struct Caller {
    pub(super) access_key: String,
    pub(super) session: Issued,
    pub(super) region: String,
}

/// Why the caller of a request is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum CallerError {
    NotSigned,
    UnknownKey,
    Expired,
    WrongSignature,
}

pub(super) const WRONG_SIGNATURE: &str = "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.";

impl From<CallerError> for QueryError {
    fn from(error: CallerError) -> Self {
        let (code, message) = match error {
            CallerError::NotSigned => ("MissingAuthenticationToken", "Request is missing Authentication Token"),
            CallerError::UnknownKey => {
                ("InvalidClientTokenId", "The security token included in the request is invalid.")
            }
            CallerError::Expired => ("ExpiredToken", "The security token included in the request is expired"),
            CallerError::WrongSignature => ("SignatureDoesNotMatch", WRONG_SIGNATURE),
        };
        Self::new(403, code, message)
    }
}

/// Returns the session that signed a request.
pub(super) fn caller(shared: &Shared, request: Received<'_>) -> Result<Caller, CallerError> {
    let signed = sigv4::read(request.headers).ok_or(CallerError::NotSigned)?;
    let session = shared.keys.get(signed.access_key).ok_or(CallerError::UnknownKey)?;
    if signed.token != Some(session.token.as_str()) {
        return Err(CallerError::UnknownKey);
    }
    if shared.clock.now() >= session.expiration {
        return Err(CallerError::Expired);
    }
    if !sigv4::verify(&signed, request, &session.secret) {
        return Err(CallerError::WrongSignature);
    }
    Ok(Caller { access_key: signed.access_key.to_owned(), session, region: signed.region().to_owned() })
}
