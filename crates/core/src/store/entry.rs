use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::StoreKey;
use crate::credentials::SessionCredentials;
use crate::exchange::{Grant, Shortening, StsAnswer};
use crate::role::RoleOffer;
use crate::scope::SessionScope;
use crate::secret::SecretString;

/// One thing that is kept.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct Entry {
    /// Where it stands.
    pub key: StoreKey,
    /// What may be shown of it.
    pub about: About,
    /// The secret in it.
    pub secret: SecretString,
}

/// What may be shown of an entry: no secret.
#[derive(Debug, Clone, Serialize, Deserialize)]
#[non_exhaustive]
pub struct About {
    /// What it is.
    pub kind: EntryKind,
    /// Where it came from: `okta:acme.okta.com`.
    pub source: String,
    /// The session at the identity provider that it came from, as a digest of
    /// [`session_identity`](crate::AssertionSource::session_identity): what is forgotten with that session.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session: Option<StoreKey>,
    /// The person, as far as it is known.
    pub subject: Option<String>,
    /// When it was got.
    pub issued_at: Timestamp,
    /// When it ends, as far as it is known.
    pub expiration: Option<Timestamp>,
    /// The facts of credentials.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) credentials: Option<Kept>,
}

/// What an entry is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum EntryKind {
    /// Credentials of AWS.
    Credentials,
    /// A session at an identity provider.
    Session,
    /// Tokens of an identity provider (OAuth 2.0), by which a program signs in without the person.
    Tokens,
    /// What is known of an org: how it signs people in, and the cookie by which it knows this machine again.
    Org,
}

/// A grant but for its secrets.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Kept {
    role_arn: String,
    /// The role that the assertion offered, where this one was chained to it, and the principal in between.
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

/// The secrets of a grant, and which key they belong to: where they are held elsewhere than in the entry, they may be those
/// of another time.
#[derive(Serialize, Deserialize)]
struct Keys<'k> {
    access_key_id: &'k str,
    secret_access_key: &'k str,
    session_token: &'k str,
}

impl About {
    /// A session at an identity provider.
    pub fn session(source: impl Into<String>, subject: Option<String>, issued_at: Timestamp) -> Self {
        Self::of_kind(EntryKind::Session, source, subject, issued_at)
    }

    /// What needs no more than this to be shown.
    pub fn of_kind(kind: EntryKind, source: impl Into<String>, subject: Option<String>, issued_at: Timestamp) -> Self {
        Self { kind, source: source.into(), session: None, subject, issued_at, expiration: None, credentials: None }
    }

    /// The same, of this session.
    #[must_use]
    pub fn of_session(mut self, session: StoreKey) -> Self {
        self.session = Some(session);
        self
    }

    /// The role of credentials.
    pub fn role_arn(&self) -> Option<&str> {
        self.credentials.as_ref().map(|kept| kept.role_arn.as_str())
    }

    /// The access key id of credentials, which is no secret.
    pub fn access_key_id(&self) -> Option<&str> {
        self.credentials.as_ref().map(|kept| kept.access_key_id.as_str())
    }

    /// The principal of credentials, as CloudTrail names it.
    pub fn assumed_role_arn(&self) -> Option<&str> {
        self.credentials.as_ref()?.assumed_role_arn.as_deref()
    }

    /// The scope that was asked for, in a few words.
    pub fn scope(&self) -> Option<String> {
        Some(self.credentials.as_ref()?.scope()?.describe())
    }
}

impl Kept {
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
    /// An entry of a kind that this crate need not understand.
    pub fn new(key: StoreKey, about: About, secret: SecretString) -> Self {
        Self { key, about, secret }
    }

    /// Credentials, to be kept.
    pub(crate) fn of_grant(
        key: StoreKey,
        (source, session): (String, Option<StoreKey>),
        subject: Option<String>,
        now: Timestamp,
        grant: &Grant,
    ) -> Self {
        let answer = &grant.answer;
        let credentials = &answer.credentials;
        let kept = Kept {
            role_arn: credentials.role.to_string(),
            chained: (credentials.role != *grant.offer.role())
                .then(|| (grant.offer.role().to_string(), grant.chained_from.clone())),
            provider_arn: grant.offer.provider().to_string(),
            access_key_id: credentials.access_key_id.clone(),
            region: credentials.region.clone(),
            assumed_role_arn: answer.assumed_role_arn.clone(),
            assumed_role_id: answer.assumed_role_id.clone(),
            source_identity: answer.source_identity.clone(),
            request_id: answer.request_id.clone(),
            duration_asked: grant.scope.duration().seconds(),
            policy: grant.scope.policy().map(|policy| policy.as_str().to_owned()),
            policy_arns: grant.scope.policy_arns().iter().map(ToString::to_string).collect(),
            granted_seconds: grant.granted_seconds,
            shortened: grant.shortened.clone(),
            excess_seconds: grant.excess_seconds,
        };
        let keys = Keys {
            access_key_id: &credentials.access_key_id,
            secret_access_key: credentials.secret_access_key.expose(),
            session_token: credentials.session_token.expose(),
        };
        let about = About {
            kind: EntryKind::Credentials,
            source,
            session,
            subject,
            issued_at: now,
            expiration: Some(credentials.expiration),
            credentials: Some(kept),
        };
        Self { key, about, secret: SecretString::from_json(&keys) }
    }

    /// The grant that was kept, if that is what this is.
    pub(crate) fn grant(&self) -> Option<Grant> {
        let kept = self.about.credentials.as_ref()?;
        let keys: Keys<'_> = serde_json::from_str(self.secret.expose()).ok()?;
        if keys.access_key_id != kept.access_key_id {
            return None;
        }
        let role: crate::arn::RoleArn = kept.role_arn.parse().ok()?;
        let mut credentials = SessionCredentials::new(
            kept.access_key_id.clone(),
            keys.secret_access_key.into(),
            keys.session_token.into(),
            self.about.expiration?,
            role.clone(),
        );
        credentials.region.clone_from(&kept.region);
        let (offered, chained_from) = match &kept.chained {
            Some((offered, from)) => (offered.parse().ok()?, from.clone()),
            None => (role, None),
        };
        Some(Grant {
            offer: RoleOffer::new(offered, kept.provider_arn.parse().ok()?),
            chained_from,
            answer: StsAnswer {
                credentials,
                assumed_role_arn: kept.assumed_role_arn.clone(),
                assumed_role_id: kept.assumed_role_id.clone(),
                source_identity: kept.source_identity.clone(),
                request_id: kept.request_id.clone(),
                server_time: None,
            },
            scope: kept.scope()?,
            granted_seconds: kept.granted_seconds,
            shortened: kept.shortened.clone(),
            excess_seconds: kept.excess_seconds,
            clock_ahead: None,
        })
    }
}
