//! The exchange at AWS STS: from an assertion and a role to an issued session (AssumeRoleWithSAML), and from one role to the
//! next (AssumeRole).
//!
//! ```
//! use tempaccess_core::sts::SessionCredentials;
//!
//! let role = "arn:aws:iam::123456789012:role/ReadOnly".parse().unwrap();
//! let credentials =
//!     SessionCredentials::new("ASIAEXAMPLE", "secret".into(), "token".into(), jiff::Timestamp::MAX, role);
//! assert_eq!(credentials.account_id(), "123456789012");
//! ```

mod chain;
#[cfg(feature = "sts")]
mod client;
mod explain;
mod issue;
mod judge;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

pub(crate) use chain::chain_session;
pub use chain::{ChainRequest, ChainedRole};
#[cfg(feature = "config")]
pub(crate) use client::identity as sts_identity;
#[cfg(feature = "sts")]
pub use client::{StsExchange, StsExchangeBuilder};
pub use issue::{IssuedSession, Shortening, issue_session};

pub use explain::ClockSkew;
pub(crate) use explain::explain;

use crate::arn::{PolicyArn, RoleArn};
pub use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::RoleOffer;
use crate::saml::SamlResponse;
use crate::scope::{SessionDuration, SessionPolicy};

/// Exchanges a SAML response for credentials: one call, for exactly the requested duration.
///
/// [`StsExchange`] calls AWS STS. Your own implementation can call a broker, or answer in tests.
#[async_trait]
pub trait TokenExchange: fmt::Debug + Send + Sync {
    /// Calls AssumeRoleWithSAML once.
    ///
    /// # Errors
    ///
    /// `duration_above_role_maximum` makes [`issue_session`] try a shorter duration with the same assertion. Every other
    /// kind ends the exchange.
    async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer>;

    /// Calls AssumeRole once, signed with the credentials of the previous session (role chaining).
    ///
    /// # Errors
    ///
    /// `invalid_argument` if this exchange does not support it.
    async fn assume_role(&self, _request: &ChainRequest) -> Result<StsAnswer> {
        Err(Error::new(ErrorKind::InvalidArgument, Stage::Exchange, "this exchange cannot chain roles"))
    }

    /// Returns whose credentials these are (GetCallerIdentity). No policy can deny that call.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if this exchange does not support it.
    async fn caller_identity(&self, _credentials: &SessionCredentials) -> Result<CallerIdentity> {
        Err(Error::new(
            ErrorKind::InvalidArgument,
            Stage::Exchange,
            "this exchange cannot tell whose credentials they are",
        ))
    }

    /// Prepares for the exchange that follows if the sign-in that has just begun succeeds, for this role if it is known already.
    /// Reports no failure. Does nothing by default.
    async fn connect(&self, _role: Option<&RoleArn>) {}

    /// Returns what distinguishes it from exchanges that would answer differently: region and endpoint. Part of the cache
    /// key.
    fn identity(&self) -> String {
        String::new()
    }
}

/// The parameters of a call of AssumeRoleWithSAML.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ExchangeRequest {
    /// `SAMLAssertion`: its original base64.
    pub response: SamlResponse,
    /// `RoleArn` and `PrincipalArn`.
    pub offer: RoleOffer,
    /// `DurationSeconds`.
    pub duration: SessionDuration,
    /// `Policy`.
    pub policy: Option<SessionPolicy>,
    /// `PolicyArns`.
    pub policy_arns: Vec<PolicyArn>,
}

impl ExchangeRequest {
    /// Creates a request for a session of this duration without session policies.
    pub fn new(response: SamlResponse, offer: RoleOffer, duration: SessionDuration) -> Self {
        Self { response, offer, duration, policy: None, policy_arns: Vec::new() }
    }
}

/// Whose credentials they are (STS: GetCallerIdentity).
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct CallerIdentity {
    /// `Arn`: the principal, as CloudTrail names it.
    pub arn: String,
    /// `Account`: its 12 digits.
    pub account_id: String,
    /// `UserId`: `AROA…:session-name`.
    pub user_id: String,
    /// AWS's time, from the `Date` of the answer.
    pub server_time: Option<Timestamp>,
}

impl CallerIdentity {
    /// Creates an identity for your own [`TokenExchange`].
    pub fn new(arn: impl Into<String>, account_id: impl Into<String>, user_id: impl Into<String>) -> Self {
        Self { arn: arn.into(), account_id: account_id.into(), user_id: user_id.into(), server_time: None }
    }
}

/// The answer of STS to AssumeRoleWithSAML or AssumeRole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StsAnswer {
    /// The credentials.
    pub credentials: SessionCredentials,
    /// `AssumedRoleUser/Arn`: the principal that CloudTrail names.
    pub assumed_role_arn: Option<String>,
    /// `AssumedRoleUser/AssumedRoleId`: `AROA…:session-name`, the `aws:userid` of the session.
    pub assumed_role_id: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// The id of the request, for AWS support.
    pub request_id: Option<String>,
    /// AWS's time, from the `Date` header.
    pub server_time: Option<Timestamp>,
    /// `SessionTokenUtilization`, or `PackedPolicySize`, which it replaces: how much of the room for session policies and tags is
    /// used, in percent.
    pub token_utilization: Option<u32>,
}

impl StsAnswer {
    /// Returns the session name in the ARN of the principal.
    pub(crate) fn session_name(&self) -> Option<&str> {
        self.assumed_role_arn.as_deref()?.rsplit('/').next()
    }

    /// Creates an answer with credentials only, for your own [`TokenExchange`].
    pub fn new(credentials: SessionCredentials) -> Self {
        Self {
            credentials,
            assumed_role_arn: None,
            assumed_role_id: None,
            source_identity: None,
            request_id: None,
            server_time: None,
            token_utilization: None,
        }
    }
}
