use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreKey;
use crate::credentials::SessionCredentials;
use crate::role::RoleOffer;
use crate::scope::SessionScope;
use crate::secret::SecretString;
use crate::sts::{IssuedSession, Shortening, StsAnswer};

/// A stored entry.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// The key that it is stored under.
    pub key: StoreKey,
    /// Its public facts.
    pub info: EntryInfo,
    /// Its secret.
    pub secret: SecretString,
}

/// The public facts of an entry.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct EntryInfo {
    /// The kind of entry.
    pub kind: EntryKind,
    /// The source that it came from: `okta:acme.okta.com`.
    pub source: String,
    /// The session at the identity provider that it came from, as a digest of
    /// [`session_identity`](crate::AssertionSource::session_identity). Signing out removes all entries of that session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<StoreKey>,
    /// The person, if known.
    pub subject: Option<String>,
    /// When it was issued.
    pub issued_at: Timestamp,
    /// When it expires, if known.
    pub expiration: Option<Timestamp>,
    /// The facts of credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) credentials: Option<SessionFacts>,
}

/// The kind of an entry.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// AWS credentials.
    Credentials,
    /// A session at an identity provider.
    Session,
    /// OAuth 2.0 tokens of an identity provider, with which a program signs in without the person.
    Tokens,
    /// Facts about a grant that was opened here: who gave it, and until when.
    Grant,
    /// Facts about an org: how people sign in there, and the cookie by which it recognises this machine.
    Org,
}

/// The public facts of an issued session.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct SessionFacts {
    role_arn: String,
    /// For a chained role: the role that the assertion offered, and the principal in between.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    chained: Option<(String, Option<String>)>,
    provider_arn: String,
    access_key_id: String,
    region: Option<String>,
    assumed_role_arn: Option<String>,
    assumed_role_id: Option<String>,
    source_identity: Option<String>,
    request_id: Option<String>,
    duration_asked: u32,
    policy: Option<String>,
    policy_arns: Vec<String>,
    granted_seconds: u32,
    shortened: Vec<Shortening>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    excess_seconds: Option<u32>,
}

/// The secret part of credentials, with the id of the key that it belongs to: a vault that stores secrets elsewhere may return
/// an older one.
#[derive(Serialize, Deserialize)]
struct SecretKeys<'k> {
    access_key_id: &'k str,
    secret_access_key: &'k str,
    session_token: &'k str,
}

impl EntryInfo {
    /// Describes a session at an identity provider.
    pub fn session(source: impl Into<String>, subject: Option<String>, issued_at: Timestamp) -> Self {
        Self::new(EntryKind::Session, source, subject, issued_at)
    }

    /// Describes an entry of this kind.
    pub fn new(kind: EntryKind, source: impl Into<String>, subject: Option<String>, issued_at: Timestamp) -> Self {
        Self { kind, source: source.into(), session: None, subject, issued_at, expiration: None, credentials: None }
    }

    /// Sets the session at the identity provider that it came from.
    #[must_use]
    pub fn with_session(mut self, session: StoreKey) -> Self {
        self.session = Some(session);
        self
    }

    /// The role of credentials.
    pub fn role_arn(&self) -> Option<&str> {
        self.credentials.as_ref().map(|facts| facts.role_arn.as_str())
    }

    /// The access key id of credentials, which is not secret.
    pub fn access_key_id(&self) -> Option<&str> {
        self.credentials.as_ref().map(|facts| facts.access_key_id.as_str())
    }

    /// The principal of credentials, as in CloudTrail.
    pub fn assumed_role_arn(&self) -> Option<&str> {
        self.credentials.as_ref()?.assumed_role_arn.as_deref()
    }

    /// The requested scope, in a few words.
    pub fn scope(&self) -> Option<String> {
        Some(self.credentials.as_ref()?.scope()?.describe())
    }
}

impl SessionFacts {
    fn scope(&self) -> Option<SessionScope> {
        let mut scope =
            SessionScope::new(crate::scope::SessionDuration::from_seconds(self.duration_asked.into()).ok()?);
        if let Some(policy) = &self.policy {
            scope = scope.with_policy(policy.parse().ok()?).ok()?;
        }
        let arns: Option<Vec<_>> = self.policy_arns.iter().map(|arn| arn.parse().ok()).collect();
        scope.with_policy_arns(arns?).ok()
    }
}

impl Entry {
    /// Returns an entry with these facts and this secret.
    pub fn new(key: StoreKey, info: EntryInfo, secret: SecretString) -> Self {
        Self { key, info, secret }
    }

    /// Returns an entry for an issued session.
    pub(crate) fn for_session(
        key: StoreKey,
        (source, session): (String, Option<StoreKey>),
        subject: Option<String>,
        now: Timestamp,
        issued: &IssuedSession,
    ) -> Self {
        let answer = &issued.answer;
        let credentials = &answer.credentials;
        let facts = SessionFacts {
            role_arn: credentials.role.to_string(),
            chained: (credentials.role != *issued.offer.role())
                .then(|| (issued.offer.role().to_string(), issued.chained_from.clone())),
            provider_arn: issued.offer.provider().to_string(),
            access_key_id: credentials.access_key_id.clone(),
            region: credentials.region.clone(),
            assumed_role_arn: answer.assumed_role_arn.clone(),
            assumed_role_id: answer.assumed_role_id.clone(),
            source_identity: answer.source_identity.clone(),
            request_id: answer.request_id.clone(),
            duration_asked: issued.scope.duration().seconds(),
            policy: issued.scope.policy().map(|policy| policy.as_str().to_owned()),
            policy_arns: issued.scope.policy_arns().iter().map(ToString::to_string).collect(),
            granted_seconds: issued.granted_seconds,
            shortened: issued.shortened.clone(),
            excess_seconds: issued.excess_seconds,
        };
        let keys = SecretKeys {
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
        };
        let info = EntryInfo {
            kind: EntryKind::Credentials,
            source,
            session,
            subject,
            issued_at: now,
            expiration: Some(credentials.expiration),
            credentials: Some(facts),
        };
        Self { key, info, secret: SecretString::from_json(&keys) }
    }

    /// Returns the issued session, if the entry is one.
    pub(crate) fn issued_session(&self) -> Option<IssuedSession> {
        let facts = self.info.credentials.as_ref()?;
        let keys: SecretKeys<'_> = serde_json::from_str(self.secret.expose()).ok()?;
        if keys.access_key_id != facts.access_key_id {
            return None;
        }
        let role: crate::arn::RoleArn = facts.role_arn.parse().ok()?;
        let mut credentials = SessionCredentials::new(
            facts.access_key_id.clone(),
            keys.secret_access_key.into(),
            keys.session_token.into(),
            self.info.expiration?,
            role.clone(),
        );
        credentials.region.clone_from(&facts.region);
        let (offered, chained_from) = match &facts.chained {
            Some((offered, from)) => (offered.parse().ok()?, from.clone()),
            None => (role, None),
        };
        Some(IssuedSession {
            offer: RoleOffer::new(offered, facts.provider_arn.parse().ok()?),
            chained_from,
            answer: StsAnswer {
                credentials,
                assumed_role_arn: facts.assumed_role_arn.clone(),
                assumed_role_id: facts.assumed_role_id.clone(),
                source_identity: facts.source_identity.clone(),
                request_id: facts.request_id.clone(),
                server_time: None,
                token_utilization: None,
            },
            scope: facts.scope()?,
            granted_seconds: facts.granted_seconds,
            shortened: facts.shortened.clone(),
            excess_seconds: facts.excess_seconds,
            clock_ahead: None,
        })
    }
}
