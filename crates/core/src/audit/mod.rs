//! The audit trail: who got what, from which assertion, how narrow, how long, why. Ids and digests, never a secret.
//!
//! `assertion_id`, `role_arn`, `session_name` and `access_key_id` join a record to the event that CloudTrail has of
//! the same AssumeRoleWithSAML (`requestParameters.sAMLAssertionID`, `responseElements.credentials.accessKeyId`).

mod file;

use std::collections::BTreeMap;
use std::fmt;

use serde::Serialize;

pub use file::AuditFile;

use crate::error::{Error, ErrorReport, Result};
use crate::exchange::{ChainRequest, Grant};
use crate::role::RoleOffer;
use crate::saml::{Assertion, SamlResponse};
use crate::scope::SessionScope;

/// Where audit records go.
pub trait AuditLog: fmt::Debug + Send + Sync {
    /// Checks that a record can be written, before anything is given out.
    ///
    /// # Errors
    ///
    /// `audit_failed`.
    fn check(&self) -> Result<()>;

    /// Writes one record so that it outlives a crash.
    ///
    /// # Errors
    ///
    /// `audit_failed`: then nothing is handed out.
    fn append(&self, record: &AuditRecord<'_>) -> Result<()>;
}

/// One attempt to get credentials, as one JSON object.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct AuditRecord<'a> {
    /// The version of this format.
    pub version: u8,
    /// When it ended, RFC 3339 in UTC.
    pub at: String,
    /// `issued` or `failed`.
    pub outcome: Outcome,
    /// Why the person wanted access, in their own words.
    pub reason: Option<&'a str>,
    /// Where the assertion came from, such as `okta:acme.okta.com`.
    pub source: String,
    /// What is known of the assertion.
    #[serde(flatten)]
    pub assertion: AssertionFacts<'a>,
    /// The principal whose session asked, where the role was chained to the one that the assertion offered.
    pub chained_from: Option<&'a str>,
    /// The role that was asked for.
    pub role_arn: Option<&'a str>,
    /// The SAML provider through which it was asked for.
    pub provider_arn: Option<&'a str>,
    /// The duration that was asked for, seconds.
    pub duration_asked: u32,
    /// The SHA-256 of the inline session policy.
    pub policy_sha256: Option<String>,
    /// The managed session policies.
    pub policy_arns: Vec<&'a str>,
    /// What was given.
    #[serde(flatten)]
    pub given: GivenFacts<'a>,
    /// What went wrong.
    pub error: Option<ErrorReport<'a>>,
}

/// Whether credentials were given.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// STS gave credentials, and they are handed out once this record is written.
    Issued,
    /// Nothing was given.
    Failed,
}

/// The part of a record that the assertion tells.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct AssertionFacts<'a> {
    /// The entity ID of the identity provider.
    pub issuer: Option<&'a str>,
    /// `NameID`.
    pub subject: Option<&'a str>,
    /// `RoleSessionName`.
    pub session_name: Option<&'a str>,
    /// `SourceIdentity`.
    pub source_identity: Option<&'a str>,
    /// The session tags.
    pub tags: BTreeMap<&'a str, &'a str>,
    /// `Response/@ID`.
    pub response_id: Option<&'a str>,
    /// `Assertion/@ID`.
    pub assertion_id: Option<&'a str>,
    /// The SHA-256 of the base64 text that went to STS.
    pub assertion_sha256: Option<String>,
}

/// The part of a record that STS tells.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct GivenFacts<'a> {
    /// The duration that was granted, seconds.
    pub duration_granted: Option<u32>,
    /// How many seconds longer than asked STS said that the session lasts. Left out where it did not.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_excess: Option<u32>,
    /// When the credentials end, RFC 3339 in UTC.
    pub expiration: Option<String>,
    /// The principal that CloudTrail names.
    pub assumed_role_arn: Option<&'a str>,
    /// `AROA…:session-name`, the `aws:userid` that a policy can deny.
    pub assumed_role_id: Option<&'a str>,
    /// The id of the access key, which is no secret.
    pub access_key_id: Option<&'a str>,
    /// The request id of STS.
    pub sts_request_id: Option<&'a str>,
}

/// What there is to say of one attempt, as far as it got.
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

impl<'a> Attempt<'a> {
    pub(crate) fn record(self, at: jiff::Timestamp, result: Result<&'a Grant, &'a Error>) -> AuditRecord<'a> {
        let assertion = self.assertion.map(|assertion| AssertionFacts {
            issuer: assertion.issuer.as_deref(),
            subject: assertion.subject.as_ref().map(|subject| subject.name.as_str()),
            session_name: assertion.aws.session_name.as_deref(),
            source_identity: assertion.aws.source_identity.as_deref(),
            tags: assertion.aws.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
            response_id: assertion.response.as_ref().and_then(|response| response.id.as_deref()),
            assertion_id: assertion.id.as_deref(),
            assertion_sha256: None,
        });
        let assertion = match self.chained {
            // What the session is known by comes from the request, where there is no assertion.
            Some((request, _)) => Some(AssertionFacts {
                session_name: Some(&request.session_name),
                source_identity: request.source_identity.as_deref(),
                tags: request.tags.iter().map(|(key, value)| (key.as_str(), value.as_str())).collect(),
                ..AssertionFacts::default()
            }),
            None => assertion,
        };
        let role = self.chained.map(|(request, _)| request.role.as_str());
        let given = result.ok().map(|grant| GivenFacts {
            duration_granted: Some(grant.granted_seconds),
            duration_excess: grant.excess_seconds,
            expiration: Some(grant.answer.credentials.expiration.to_string()),
            assumed_role_arn: grant.answer.assumed_role_arn.as_deref(),
            assumed_role_id: grant.answer.assumed_role_id.as_deref(),
            access_key_id: Some(&grant.answer.credentials.access_key_id),
            sts_request_id: grant.answer.request_id.as_deref(),
        });
        let failed = result.err();
        let refused = GivenFacts {
            sts_request_id: failed.and_then(|error| error.sts()?.request_id.as_deref()),
            ..GivenFacts::default()
        };
        AuditRecord {
            version: 1,
            at: format!("{at:.3}"),
            outcome: if failed.is_some() { Outcome::Failed } else { Outcome::Issued },
            reason: self.reason,
            source: self.source,
            assertion: AssertionFacts {
                assertion_sha256: self.response.map(SamlResponse::digest),
                ..assertion.unwrap_or_default()
            },
            chained_from: self.chained.and_then(|(_, from)| from),
            role_arn: role.or(self.offer.map(|offer| offer.role().as_str())),
            provider_arn: self.offer.map(|offer| offer.provider().as_str()),
            duration_asked: self.scope.map_or(0, |scope| scope.duration().seconds()),
            policy_sha256: self.scope.and_then(SessionScope::policy).map(|policy| policy.digest()),
            policy_arns: self.scope.map_or(&[][..], SessionScope::policy_arns).iter().map(|arn| arn.as_str()).collect(),
            given: given.unwrap_or(refused),
            error: failed.map(Error::report),
        }
    }
}
