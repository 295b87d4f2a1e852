//! Credentials and lists as text, for the programs and people that use them. Values in, text out: nothing here does IO.
//!
//! Text that holds secrets is a [`SecretString`], which cannot be printed by accident.

mod environment;
mod shell;

use serde::Serialize;

pub use environment::AwsEnvironment;
pub use shell::Shell;

use crate::arn::{PolicyArn, ProviderArn, RoleArn};
use crate::credentials::SessionCredentials;
use crate::error::Result;
use crate::role::{AccountNames, RoleOffer};
use crate::saml::{Assertion, Skipped};
use crate::scope::SessionPolicy;
use crate::secret::SecretString;
use crate::store::{EntryInfo, Store};
use crate::sts::{IssuedSession, Shortening};

/// Returns the output of a `credential_process`, version 1, which the AWS CLI and every SDK read.
///
/// ```
/// use tempaccess_core::{SecretString, sink, sts::SessionCredentials};
///
/// let credentials = SessionCredentials::new(
///     "ASIAEXAMPLE",
///     SecretString::from("secret"),
///     SecretString::from("token"),
///     "2026-11-24T12:00:00Z".parse().unwrap(),
///     "arn:aws:iam::123456789012:role/ReadOnly".parse().unwrap(),
/// );
/// assert_eq!(
///     sink::credential_process(&credentials).expose(),
///     r#"{"Version":1,"AccessKeyId":"ASIAEXAMPLE","SecretAccessKey":"secret","SessionToken":"token","Expiration":"2026-11-24T12:00:00Z","AccountId":"123456789012"}"#,
/// );
/// ```
pub fn credential_process(credentials: &SessionCredentials) -> SecretString {
    #[derive(Serialize)]
    #[serde(rename_all = "PascalCase")]
    struct Output<'a> {
        version: u8,
        access_key_id: &'a str,
        secret_access_key: &'a str,
        session_token: &'a str,
        expiration: String,
        account_id: &'a str,
    }
    json(&Output {
        version: 1,
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
        expiration: credentials.expiration.to_string(),
        account_id: credentials.account_id(),
    })
}

/// Returns the credentials and everything known about them as a JSON object, which
/// `tempaccess credentials --output json` prints.
pub fn credentials_json(issued: &IssuedSession) -> SecretString {
    #[derive(Serialize)]
    struct Output<'a> {
        access_key_id: &'a str,
        secret_access_key: &'a str,
        session_token: &'a str,
        #[serde(flatten)]
        given: SessionSummary<'a>,
    }
    let credentials = &issued.answer.credentials;
    json(&Output {
        access_key_id: &credentials.access_key_id,
        secret_access_key: credentials.secret_access_key.expose(),
        session_token: credentials.session_token.expose(),
        given: SessionSummary::new(issued),
    })
}

/// An issued session without its secrets, which `tempaccess login --output json` prints.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct SessionSummary<'a> {
    /// When the credentials expire, RFC 3339 in UTC.
    pub expiration: String,
    /// The ID of the account.
    pub account_id: &'a str,
    /// The role that was assumed.
    pub role_arn: &'a RoleArn,
    /// The SAML provider through which it was assumed.
    pub provider_arn: &'a ProviderArn,
    /// The principal that assumed the role, if it was chained.
    pub chained_from: Option<&'a str>,
    /// The principal of the session, as CloudTrail names it.
    pub assumed_role_arn: Option<&'a str>,
    /// The requested duration in seconds.
    pub duration_asked: u32,
    /// The granted duration in seconds.
    pub duration_granted: u32,
    /// Why the granted duration is shorter than the requested one.
    pub shortened: &'a [Shortening],
    /// By how many seconds AWS's answer exceeds the requested duration; left out if it does not. The session is used for the
    /// requested duration.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub duration_excess: Option<u32>,
    /// The SHA-256 of the inline session policy that restricts the session.
    pub policy_sha256: Option<String>,
    /// The managed session policies that restrict the session.
    pub policy_arns: &'a [PolicyArn],
    /// The request ID of STS.
    pub request_id: Option<&'a str>,
}

impl<'a> SessionSummary<'a> {
    /// Summarizes an issued session.
    pub fn new(issued: &'a IssuedSession) -> Self {
        let credentials = &issued.answer.credentials;
        Self {
            expiration: credentials.expiration.to_string(),
            account_id: credentials.account_id(),
            role_arn: &credentials.role,
            provider_arn: issued.offer.provider(),
            chained_from: issued.chained_from.as_deref(),
            assumed_role_arn: issued.answer.assumed_role_arn.as_deref(),
            duration_asked: issued.scope.duration().seconds(),
            duration_granted: issued.granted_seconds,
            shortened: &issued.shortened,
            duration_excess: issued.excess_seconds,
            policy_sha256: issued.scope.policy().map(SessionPolicy::digest),
            policy_arns: issued.scope.policy_arns(),
            request_id: issued.answer.request_id.as_deref(),
        }
    }
}

/// The roles that an assertion offers, as `tempaccess roles --output json` prints them.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RoleList<'a> {
    /// The roles, in the order of the assertion.
    pub roles: Vec<ListedRole<'a>>,
    /// The attribute values that were skipped, and why.
    pub skipped: &'a [Skipped],
}

/// One role of a [`RoleList`].
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ListedRole<'a> {
    /// The role and its provider.
    #[serde(flatten)]
    pub offer: &'a RoleOffer,
    /// The name of its account, if it is known.
    pub account_name: Option<&'a str>,
}

impl<'a> RoleList<'a> {
    /// Lists the roles of an assertion.
    ///
    /// # Errors
    ///
    /// As [`Assertion::offers`].
    pub fn new(assertion: &'a Assertion, names: &'a AccountNames) -> Result<Self> {
        let name = |offer: &RoleOffer| names.get(offer.role().account_id()).map(String::as_str);
        let roles = assertion.offers()?.iter().map(|offer| ListedRole { offer, account_name: name(offer) }).collect();
        Ok(Self { roles, skipped: &assertion.skipped })
    }
}

/// The entries of a store without their secrets, which `tempaccess status --output json` prints.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct CachedEntries {
    /// Where and how the entries are stored; `None` if nothing is stored.
    pub store: Option<String>,
    /// The entries. Credentials that were requested by a pattern have two: one for the pattern, one for the role.
    pub entries: Vec<EntryInfo>,
}

impl CachedEntries {
    /// Lists the entries of a store.
    ///
    /// # Errors
    ///
    /// As [`Store::list`].
    pub fn new(store: Option<&dyn Store>) -> Result<Self> {
        let entries = store.map_or(Ok(Vec::new()), Store::list)?;
        Ok(Self { store: store.map(Store::describe), entries: entries.into_iter().map(|(_, about)| about).collect() })
    }
}

fn json(value: &impl Serialize) -> SecretString {
    SecretString::from_json(value)
}
