//! The audit log: who got which session from which assertion, its scope and duration, and why. Ids and digests, no secrets.
//!
//! `assertion_id`, `role_arn`, `session_name` and `access_key_id` join a record to CloudTrail's event of the same
//! AssumeRoleWithSAML (`requestParameters.sAMLAssertionID`, `responseElements.credentials.accessKeyId`).
//!
//! [`AuditFile`] is the log of the command line. An embedder can bring its own:
//!
//! ```
//! use std::sync::Mutex;
//!
//! use tempaccess_core::Result;
//! use tempaccess_core::audit::{AuditLog, AuditRecord};
//!
//! /// Keeps the records of a test.
//! #[derive(Debug, Default)]
//! struct InMemory(Mutex<Vec<String>>);
//!
//! impl AuditLog for InMemory {
//!     fn check(&self) -> Result<()> {
//!         Ok(())
//!     }
//!
//!     fn append(&self, record: &AuditRecord) -> Result<()> {
//!         let line = serde_json::to_string(record).unwrap_or_default();
//!         self.0.lock().map(|mut lines| lines.push(line)).unwrap_or_default();
//!         Ok(())
//!     }
//! }
//!
//! let log = InMemory::default();
//! assert!(log.check().is_ok());
//! ```

mod file;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

pub use file::AuditFile;

use crate::error::{Error, ErrorReport, Result};
use crate::role::RoleOffer;
use crate::saml::{Assertion, SamlResponse};
use crate::scope::SessionScope;
use crate::sts::{ChainRequest, IssuedSession};

/// Receives audit records. Methods may block on a file and its lock.
pub trait AuditLog: fmt::Debug + Send + Sync {
    /// Checks that a record can be written, before the sign-in begins.
    ///
    /// # Errors
    ///
    /// `audit_failed`.
    fn check(&self) -> Result<()>;

    /// Writes one record so that it survives a crash.
    ///
    /// # Errors
    ///
    /// `audit_failed`: nothing is handed out then.
    fn append(&self, record: &AuditRecord) -> Result<()>;
}

/// One attempt to get credentials, as one JSON object.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AuditRecord {
    /// The version of this format.
    pub version: u8,
    /// When the attempt ended, RFC 3339 in UTC.
    pub at: String,
    /// `issued` or `failed`.
    pub outcome: AuditOutcome,
    /// The person's reason, in their own words.
    pub reason: Option<String>,
    /// Where the assertion came from, such as `okta:acme.okta.com`.
    pub source: String,
    /// Facts from the assertion.
    #[serde(flatten)]
    pub assertion: AssertionFacts,
    /// For a chained role: the principal whose session assumed it.
    pub chained_from: Option<String>,
    /// The requested role.
    pub role_arn: Option<String>,
    /// The SAML provider through which it was requested.
    pub provider_arn: Option<String>,
    /// The requested duration in seconds.
    pub duration_asked: u32,
    /// The SHA-256 of the inline session policy.
    pub policy_sha256: Option<String>,
    /// The managed session policies.
    pub policy_arns: Vec<String>,
    /// Facts about the issued session.
    #[serde(flatten)]
    pub issued: IssuedFacts,
    /// The error, if the attempt failed.
    pub error: Option<ErrorReport<'static>>,
}

/// Whether a session was issued.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum AuditOutcome {
    /// STS issued a session. It is handed out once this record is written.
    Issued,
    /// The attempt failed.
    Failed,
}

/// The part of a record that comes from the assertion.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct AssertionFacts {
    /// The entity ID of the identity provider.
    pub issuer: Option<String>,
    /// `NameID`.
    pub subject: Option<String>,
    /// `RoleSessionName`.
    pub session_name: Option<String>,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// The session tags.
    pub tags: BTreeMap<String, String>,
    /// `Response/@ID`.
    pub response_id: Option<String>,
    /// `Assertion/@ID`.
    pub assertion_id: Option<String>,
    /// The SHA-256 of the base64 text that was sent to STS.
    pub assertion_sha256: Option<String>,
}

/// The part of a record that comes from STS.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct IssuedFacts {
    /// The granted duration in seconds.
    pub duration_granted: Option<u32>,
    /// By how many seconds the session exceeds the requested duration; left out if it does not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_excess: Option<u32>,
    /// When the credentials expire, RFC 3339 in UTC.
    pub expiration: Option<String>,
    /// The principal, as in CloudTrail.
    pub assumed_role_arn: Option<String>,
    /// `AROA…:session-name`, the `aws:userid` that a policy can deny.
    pub assumed_role_id: Option<String>,
    /// The access key id, which is not secret.
    pub access_key_id: Option<String>,
    /// The request id of STS.
    pub sts_request_id: Option<String>,
}

/// What is known about one attempt.
#[derive(Debug, Default)]
pub(crate) struct Attempt<'a> {
    pub(crate) reason: Option<&'a str>,
    pub(crate) source: String,
    pub(crate) scope: Option<&'a SessionScope>,
    pub(crate) response: Option<&'a SamlResponse>,
    pub(crate) assertion: Option<&'a Assertion>,
    pub(crate) offer: Option<&'a RoleOffer>,
    pub(crate) chained: Option<(&'a ChainRequest, Option<&'a str>)>,
}

impl Attempt<'_> {
    pub(crate) fn record(self, at: jiff::Timestamp, result: Result<&IssuedSession, &Error>) -> AuditRecord {
        let assertion = self.assertion.map(|assertion| AssertionFacts {
            issuer: assertion.issuer.clone(),
            subject: assertion.subject.as_ref().map(|subject| subject.name.clone()),
            session_name: assertion.aws.session_name.clone(),
            source_identity: assertion.aws.source_identity.clone(),
            tags: assertion.aws.tags.iter().cloned().collect(),
            response_id: assertion.response.as_ref().and_then(|response| response.id.clone()),
            assertion_id: assertion.id.clone(),
            assertion_sha256: None,
        });
        let assertion = match self.chained {
            // A chained role has no assertion: the request names the session.
            Some((request, _)) => Some(AssertionFacts {
                session_name: Some(request.session_name.clone()),
                source_identity: request.source_identity.clone(),
                tags: request.tags.clone(),
                ..AssertionFacts::default()
            }),
            None => assertion,
        };
        let role = self.chained.map(|(request, _)| request.role.as_str());
        let issued = result.ok().map(|issued| IssuedFacts {
            duration_granted: Some(issued.granted_seconds),
            duration_excess: issued.excess_seconds,
            expiration: Some(issued.answer.credentials.expiration.to_string()),
            assumed_role_arn: issued.answer.assumed_role_arn.clone(),
            assumed_role_id: issued.answer.assumed_role_id.clone(),
            access_key_id: Some(issued.answer.credentials.access_key_id.clone()),
            sts_request_id: issued.answer.request_id.clone(),
        });
        let failed = result.err();
        let refused = IssuedFacts {
            sts_request_id: failed.and_then(|error| error.sts()?.request_id.clone()),
            ..IssuedFacts::default()
        };
        AuditRecord {
            version: 1,
            at: format!("{at:.3}"),
            outcome: if failed.is_some() { AuditOutcome::Failed } else { AuditOutcome::Issued },
            reason: self.reason.map(str::to_owned),
            source: self.source,
            assertion: AssertionFacts {
                assertion_sha256: self.response.map(SamlResponse::digest),
                ..assertion.unwrap_or_default()
            },
            chained_from: self.chained.and_then(|(_, from)| from).map(str::to_owned),
            role_arn: role.or(self.offer.map(|offer| offer.role().as_str())).map(str::to_owned),
            provider_arn: self.offer.map(|offer| offer.provider().to_string()),
            duration_asked: self.scope.map_or(0, |scope| scope.duration().seconds()),
            policy_sha256: self.scope.and_then(SessionScope::policy).map(|policy| policy.digest()),
            policy_arns: self
                .scope
                .map_or(&[][..], SessionScope::policy_arns)
                .iter()
                .map(ToString::to_string)
                .collect(),
            issued: issued.unwrap_or(refused),
            error: failed.map(|error| error.report().into_owned()),
        }
    }
}
