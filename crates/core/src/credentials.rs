use jiff::Timestamp;

use crate::arn::RoleArn;
use crate::secret::SecretString;

/// Credentials of a session: the keys, when they end, whose they are.
///
/// `Debug` shows the access key id, which is no secret, and never the rest.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SessionCredentials {
    /// `ASIA…`: no secret; CloudTrail records it with every call.
    pub access_key_id: String,
    /// The key that signs requests.
    pub secret_access_key: SecretString,
    /// The token that goes with every request.
    pub session_token: SecretString,
    /// When AWS stops accepting them.
    pub expiration: Timestamp,
    /// The role that was taken.
    pub role: RoleArn,
    /// The region whose STS gave them, and the one to work in unless told otherwise.
    pub region: Option<String>,
}

impl SessionCredentials {
    /// Puts credentials together: for a [`TokenExchange`](crate::TokenExchange) of your own.
    pub fn new(
        access_key_id: impl Into<String>,
        secret_access_key: SecretString,
        session_token: SecretString,
        expiration: Timestamp,
        role: RoleArn,
    ) -> Self {
        Self { access_key_id: access_key_id.into(), secret_access_key, session_token, expiration, role, region: None }
    }

    /// The account that they belong to.
    pub fn account_id(&self) -> &str {
        self.role.account_id()
    }
}
