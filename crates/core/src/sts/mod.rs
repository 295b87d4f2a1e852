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

pub(crate) use chain::chain;
pub use chain::{ChainRequest, ChainedRole};
#[cfg(feature = "config")]
pub(crate) use client::identity as sts_identity;
#[cfg(feature = "sts")]
pub use client::{StsExchange, StsExchangeBuilder};
pub use issue::{IssuedSession, Shortening, issue_session};

pub use explain::ClockSkew;
pub(crate) use explain::explain;

use crate::arn::PolicyArn;
pub use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::RoleOffer;
use crate::saml::SamlResponse;
use crate::scope::{SessionDuration, SessionPolicy};

/// Exchanges a SAML response for credentials, once, for exactly the duration that is asked.
///
/// [`StsExchange`] is the real one. One of your own may go through a broker, or answer from a test.
#[async_trait]
pub trait TokenExchange: fmt::Debug + Send + Sync {
    /// One AssumeRoleWithSAML.
    ///
    /// # Errors
    ///
    /// `duration_above_role_maximum` makes [`issue_session`] try a shorter duration with the same assertion; every other kind
    /// ends the exchange.
    async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer>;

    /// One AssumeRole, signed by the session before: role chaining.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where this exchange knows no such thing.
    async fn assume_role(&self, _request: &ChainRequest) -> Result<StsAnswer> {
        Err(Error::new(ErrorKind::InvalidArgument, Stage::Exchange, "this exchange cannot chain roles"))
    }

    /// What tells it from another one that would answer otherwise: region, endpoint. Part of the key under which what
    /// it gives is kept.
    fn identity(&self) -> String {
        String::new()
    }
}

/// The parameters of one AssumeRoleWithSAML.
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
    /// A request for all that the role allows, for this long.
    pub fn new(response: SamlResponse, offer: RoleOffer, duration: SessionDuration) -> Self {
        Self { response, offer, duration, policy: None, policy_arns: Vec::new() }
    }
}

/// What STS answers.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct StsAnswer {
    /// The keys.
    pub credentials: SessionCredentials,
    /// `AssumedRoleUser/Arn`: the principal that CloudTrail names.
    pub assumed_role_arn: Option<String>,
    /// `AssumedRoleUser/AssumedRoleId`: `AROA…:session-name`, the `aws:userid` of the session.
    pub assumed_role_id: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// The request id.
    pub request_id: Option<String>,
    /// The time at AWS, from the answer's `Date`.
    pub server_time: Option<Timestamp>,
}

impl StsAnswer {
    /// The name of the session, as the principal has it.
    pub(crate) fn session_name(&self) -> Option<&str> {
        self.assumed_role_arn.as_deref()?.rsplit('/').next()
    }

    /// An answer with nothing but credentials: for a [`TokenExchange`] of your own.
    pub fn new(credentials: SessionCredentials) -> Self {
        Self {
            credentials,
            assumed_role_arn: None,
            assumed_role_id: None,
            source_identity: None,
            request_id: None,
            server_time: None,
        }
    }
}
