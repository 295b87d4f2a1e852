//! The credentials that were given out, and GetCallerIdentity, which knows them until they end.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use jiff::Timestamp;

use super::{Call, StsError, sigv4};
use crate::Shared;
use crate::idp::escape;

/// The session behind an access key.
#[derive(Debug, Clone)]
pub(crate) struct Issued {
    pub(crate) account: String,
    pub(crate) arn: String,
    pub(crate) role_arn: String,
    pub(crate) source_identity: Option<String>,
    /// Whether it came from the session of another role.
    pub(crate) is_chained: bool,
    pub(crate) user_id: String,
    pub(crate) secret: String,
    pub(crate) token: String,
    pub(crate) expiration: Timestamp,
}

#[derive(Debug, Default)]
pub(crate) struct IssuedKeys(Mutex<HashMap<String, Issued>>, Mutex<HashMap<String, String>>);

impl IssuedKeys {
    pub(crate) fn add(&self, key: String, issued: Issued) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(key, issued);
    }

    /// A token that signs a browser in as this principal.
    pub(super) fn add_sign_in(&self, token: String, arn: String) {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).insert(token, arn);
    }

    pub(super) fn take_sign_in(&self, token: &str) -> Option<String> {
        self.1.lock().unwrap_or_else(PoisonError::into_inner).remove(token)
    }

    pub(super) fn get(&self, key: &str) -> Option<Issued> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).get(key).cloned()
    }
}

/// The session that has signed a call.
pub(super) fn caller(shared: &Shared, call: &Call<'_>) -> Result<Issued, StsError> {
    let unknown =
        || StsError::new(403, "InvalidClientTokenId", "The security token included in the request is invalid.");
    let signed = sigv4::read(call.headers)
        .ok_or_else(|| StsError::new(403, "MissingAuthenticationToken", "Request is missing Authentication Token"))?;
    let issued = shared.keys.get(signed.access_key).ok_or_else(unknown)?;
    if signed.token != Some(issued.token.as_str()) {
        return Err(unknown());
    }
    if shared.clock.now() >= issued.expiration {
        return Err(StsError::new(403, "ExpiredToken", "The security token included in the request is expired"));
    }
    if !sigv4::verify(&signed, call.method, call.uri, call.headers, call.body, &issued.secret) {
        return Err(StsError::new(
            403,
            "SignatureDoesNotMatch",
            "The request signature we calculated does not match the signature you provided. Check your AWS Secret Access Key and signing method.",
        ));
    }
    Ok(issued)
}

pub(super) fn get_caller_identity(shared: &Shared, call: &Call<'_>) -> Result<String, StsError> {
    let issued = caller(shared, call)?;
    Ok(format!(
        "<Arn>{}</Arn><UserId>{}</UserId><Account>{}</Account>",
        escape(&issued.arn),
        escape(&issued.user_id),
        issued.account
    ))
}
