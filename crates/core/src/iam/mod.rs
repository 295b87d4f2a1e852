//! AWS IAM: roles and their inline policies, as far as grants need them (IAM API reference, version 2010-05-08).
//!
//! [`Iam`] is the trait; [`IamClient`] calls AWS. Requests and answers are tested against moto and the AWS SDK for Python.
//!
//! ```
//! use std::sync::Arc;
//! use tempaccess_core::external::{async_trait, http};
//! use tempaccess_core::iam::{Iam, IamClient};
//! use tempaccess_core::net::{Transport, TransportError};
//! use tempaccess_core::sts::SessionCredentials;
//!
//! /// Replaces the network.
//! #[derive(Debug)]
//! struct Recorded;
//!
//! #[async_trait]
//! impl Transport for Recorded {
//!     async fn send(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
//!         let answer = "<ListRolePoliciesResponse><ListRolePoliciesResult><PolicyNames><member>Own</member></PolicyNames>\
//!             <IsTruncated>false</IsTruncated></ListRolePoliciesResult></ListRolePoliciesResponse>";
//!         Ok(http::Response::new(answer.into()))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let role = "arn:aws:iam::111122223333:role/AccessAdmin".parse()?;
//! let until = "2099-01-01T00:00:00Z".parse()?;
//! let credentials = SessionCredentials::new("ASIAIOSFODNN7EXAMPLE", "secret".into(), "token".into(), until, role);
//! let iam = IamClient::builder().transport(Arc::new(Recorded)).build()?;
//! assert_eq!(iam.role_policies(&credentials, "Granted").await?, ["Own"]);
//! # Ok(())
//! # }
//! ```

mod answer;
mod client;
mod policies;
mod refusal;
mod scratch;

use std::fmt;

use async_trait::async_trait;
use jiff::Timestamp;

pub use client::{IamClient, IamClientBuilder};
pub use policies::{AccountPolicies, AttachedPolicy};
pub use scratch::ScratchRoles;

use crate::arn::RoleArn;
use crate::credentials::SessionCredentials;
use crate::error::Result;

/// The limit of IAM on the inline policies of a role together, in characters without white space.
pub const MAX_INLINE_POLICY_CHARACTERS: usize = 10_240;

/// A role, as IAM describes it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct IamRole {
    /// `Arn`.
    pub arn: RoleArn,
    /// `RoleId`: `AROA…`, the first part of `aws:userid` in sessions of the role.
    pub id: String,
    /// `AssumeRolePolicyDocument`, decoded.
    pub trust_policy: String,
    /// `MaxSessionDuration`, in seconds.
    pub max_session_duration: u32,
    /// The ARN of the permissions boundary.
    pub permissions_boundary: Option<String>,
    /// AWS's time, from the `Date` of the answer.
    pub server_time: Option<Timestamp>,
}

impl IamRole {
    /// Creates a role for your own [`Iam`].
    pub fn new(arn: RoleArn, id: impl Into<String>, trust_policy: impl Into<String>) -> Self {
        Self {
            arn,
            id: id.into(),
            trust_policy: trust_policy.into(),
            max_session_duration: 3600,
            permissions_boundary: None,
            server_time: None,
        }
    }
}

/// The calls of IAM that grants need. Each is signed with `credentials`, in whose account the role is.
#[async_trait]
pub trait Iam: fmt::Debug + Send + Sync {
    /// Returns the role of this name (GetRole).
    ///
    /// # Errors
    ///
    /// `grant_not_found` if there is none, `iam_refused`, `iam_unavailable`.
    async fn role(&self, credentials: &SessionCredentials, role: &str) -> Result<IamRole>;

    /// Returns all roles of the account (ListRoles).
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_unavailable`.
    async fn roles(&self, credentials: &SessionCredentials) -> Result<Vec<IamRole>>;

    /// Returns the names of the inline policies of a role (ListRolePolicies).
    ///
    /// # Errors
    ///
    /// As [`role`](Self::role).
    async fn role_policies(&self, credentials: &SessionCredentials, role: &str) -> Result<Vec<String>>;

    /// Returns the document of an inline policy, decoded (GetRolePolicy). `None` if there is no such policy.
    ///
    /// # Errors
    ///
    /// As [`role`](Self::role).
    async fn role_policy(&self, credentials: &SessionCredentials, role: &str, policy: &str) -> Result<Option<String>>;

    /// Writes an inline policy (PutRolePolicy).
    ///
    /// # Errors
    ///
    /// As [`role`](Self::role), and `iam_limit` if the role has no room for it.
    async fn put_role_policy(
        &self,
        credentials: &SessionCredentials,
        role: &str,
        policy: &str,
        document: &str,
    ) -> Result<()>;

    /// Deletes an inline policy (DeleteRolePolicy). Returns whether there was one.
    ///
    /// # Errors
    ///
    /// As [`role`](Self::role).
    async fn delete_role_policy(&self, credentials: &SessionCredentials, role: &str, policy: &str) -> Result<bool>;
}
