//! Role chaining: assumes a role with the credentials of another role's session (AssumeRole).

use std::collections::BTreeMap;

use super::judge::{Expected, TOLERANCE, check, lifetime};
use super::{IssuedSession, Shortening, StsAnswer, TokenExchange};
use crate::arn::{RoleArn, is_name_byte};
use crate::clock::Clock;
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::scope::{SessionDuration, SessionScope};

/// The limit of AWS for the session of a chained role in seconds, independent of the role's own maximum.
const MAX_CHAINED_SECONDS: u32 = 3_600;

/// A role to assume from the session of another one (STS API, AssumeRole), with the attributes of its session.
///
/// ```
/// use tempaccess_core::sts::ChainedRole;
///
/// let role = ChainedRole::new("arn:aws:iam::444455556666:role/Deploy".parse().unwrap())
///     .external_id("contract-17")?
///     .tag("Project", "ledger")?;
/// assert_eq!(role.role().name(), "Deploy");
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChainedRole {
    role: RoleArn,
    session_name: Option<String>,
    source_identity: Option<String>,
    external_id: Option<String>,
    tags: BTreeMap<String, String>,
    transitive_tag_keys: Vec<String>,
}

fn invalid(message: String) -> Error {
    Error::new(ErrorKind::InvalidScope, Stage::Scope, message)
}

/// Whether a text is a valid session name or source identity.
fn is_name(text: &str) -> bool {
    (2..=64).contains(&text.len()) && text.bytes().all(is_name_byte)
}

impl ChainedRole {
    /// Creates a chained role whose session has the name of the previous one.
    pub fn new(role: RoleArn) -> Self {
        Self {
            role,
            session_name: None,
            source_identity: None,
            external_id: None,
            tags: BTreeMap::new(),
            transitive_tag_keys: Vec::new(),
        }
    }

    /// Sets the name of the session (`RoleSessionName`).
    ///
    /// # Errors
    ///
    /// `invalid_scope` if it does not consist of 2 to 64 letters, digits and `_+=,.@-`.
    pub fn session_name(mut self, name: impl Into<String>) -> Result<Self> {
        let name = name.into();
        if !is_name(&name) {
            return Err(invalid(format!("`{name}` cannot be the name of a session"))
                .with_hint("it has 2 to 64 letters, digits and `_+=,.@-`"));
        }
        self.session_name = Some(name);
        Ok(self)
    }

    /// Sets the source identity (`SourceIdentity`), which persists through role chaining. STS refuses to change one that is
    /// set already.
    ///
    /// # Errors
    ///
    /// As [`session_name`](Self::session_name).
    pub fn source_identity(mut self, identity: impl Into<String>) -> Result<Self> {
        let identity = identity.into();
        if !is_name(&identity) {
            return Err(invalid(format!("`{identity}` cannot be a source identity"))
                .with_hint("it has 2 to 64 letters, digits and `_+=,.@-`"));
        }
        self.source_identity = Some(identity);
        Ok(self)
    }

    /// Sets the external id (`ExternalId`), which trust policies may require of third parties. It is not secret.
    ///
    /// # Errors
    ///
    /// `invalid_scope` if it does not consist of 2 to 1,224 letters, digits and `_+=,.@:/-`.
    pub fn external_id(mut self, id: impl Into<String>) -> Result<Self> {
        let id = id.into();
        let fits = |byte: u8| is_name_byte(byte) || matches!(byte, b':' | b'/');
        if !(2..=1_224).contains(&id.len()) || !id.bytes().all(fits) {
            return Err(invalid(format!("`{id}` cannot be an external id"))
                .with_hint("it has 2 to 1,224 letters, digits and `_+=,.@:/-`"));
        }
        self.external_id = Some(id);
        Ok(self)
    }

    /// Adds a session tag (`Tags`).
    ///
    /// # Errors
    ///
    /// `invalid_scope` for more than 50 tags, or a tag that is longer than STS accepts.
    pub fn tag(mut self, key: impl Into<String>, value: impl Into<String>) -> Result<Self> {
        let (key, value) = (key.into(), value.into());
        if !(1..=128).contains(&key.chars().count()) || value.chars().count() > 256 {
            return Err(invalid(format!("the session tag `{key}` is longer than STS takes"))
                .with_hint("a key has up to 128 characters, a value up to 256"));
        }
        self.tags.insert(key, value);
        if self.tags.len() > 50 {
            return Err(invalid("there are more than 50 session tags".to_owned()));
        }
        Ok(self)
    }

    /// Passes these tags on to later sessions of the chain (`TransitiveTagKeys`).
    #[must_use]
    pub fn transitive_tag_keys(mut self, keys: impl IntoIterator<Item = String>) -> Self {
        self.transitive_tag_keys = keys.into_iter().collect();
        self
    }

    /// Returns the role to assume.
    pub fn role(&self) -> &RoleArn {
        &self.role
    }

    /// Returns everything that distinguishes it from another one, for the cache key.
    pub(crate) fn parts(&self) -> Vec<String> {
        let text = |part: &Option<String>| part.as_ref().map_or_else(String::new, |part| format!("={part}"));
        let mut parts = vec![
            self.role.to_string(),
            text(&self.session_name),
            text(&self.source_identity),
            text(&self.external_id),
            self.tags.len().to_string(),
        ];
        parts.extend(self.tags.iter().flat_map(|(key, value)| [key.clone(), value.clone()]));
        parts.extend(self.transitive_tag_keys.iter().cloned());
        parts
    }
}

/// The parameters of a call of AssumeRole.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct ChainRequest {
    /// The credentials that sign the call.
    pub by: SessionCredentials,
    /// `RoleArn`.
    pub role: RoleArn,
    /// `RoleSessionName`.
    pub session_name: String,
    /// `SourceIdentity`.
    pub source_identity: Option<String>,
    /// `ExternalId`.
    pub external_id: Option<String>,
    /// `Tags`.
    pub tags: BTreeMap<String, String>,
    /// `TransitiveTagKeys`.
    pub transitive_tag_keys: Vec<String>,
    /// The duration and the session policies.
    pub scope: SessionScope,
}

impl ChainRequest {
    /// Creates the request for a role from the session of `before`.
    pub(crate) fn new(role: &ChainedRole, before: &StsAnswer, scope: &SessionScope) -> Result<Self> {
        scope.check_for(&role.role)?;
        let session_name = role.session_name.as_deref().or(before.session_name()).ok_or_else(|| {
            invalid("the previous session has no name to reuse".to_owned())
                .with_hint("give the chained role a `session_name`")
        })?;
        let seconds = scope.duration().seconds().min(MAX_CHAINED_SECONDS);
        Ok(Self {
            by: before.credentials.clone(),
            role: role.role.clone(),
            session_name: session_name.to_owned(),
            source_identity: role.source_identity.clone(),
            external_id: role.external_id.clone(),
            tags: role.tags.clone(),
            transitive_tag_keys: role.transitive_tag_keys.clone(),
            scope: scope.clone().lasting(SessionDuration::from_seconds(seconds.into())?),
        })
    }
}

/// Assumes the next role of a chain from the session `before`. The answer is checked as
/// [`issue_session`](super::issue_session()) does.
pub(crate) async fn chain_session(
    exchange: &dyn TokenExchange,
    clock: &dyn Clock,
    before: &IssuedSession,
    request: &ChainRequest,
    asked: &SessionScope,
) -> Result<IssuedSession> {
    let mut answer = exchange.assume_role(request).await?;
    let now = clock.now();
    check(&mut answer, &Expected::of_chained(request))?;
    let granted = lifetime(&mut answer, request.scope.duration(), now)?;
    let mut shortened = Vec::new();
    if asked.duration().seconds() > MAX_CHAINED_SECONDS {
        shortened.push(Shortening::RoleChaining);
    }
    if i64::from(granted.seconds) + TOLERANCE < request.scope.duration().seconds().into() {
        shortened.push(Shortening::Sts);
    }
    Ok(IssuedSession {
        offer: before.offer.clone(),
        chained_from: before.answer.assumed_role_arn.clone(),
        scope: asked.clone(),
        granted_seconds: granted.seconds,
        shortened,
        excess_seconds: granted.excess,
        clock_ahead: answer.server_time.map(|server| now.duration_since(server)),
        answer,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_sts_would_refuse_is_refused_before() {
        let role = || ChainedRole::new("arn:aws:iam::444455556666:role/Deploy".parse().unwrap());
        assert!(role().session_name("a").is_err() && role().session_name("a b").is_err());
        assert!(role().session_name("ada@example.com").is_ok());
        assert!(role().source_identity("é").is_err());
        assert!(role().external_id("x").is_err() && role().external_id("a/b:c").is_ok());
        assert!(role().tag("", "x").is_err() && role().tag("k", "v".repeat(257)).is_err());
        let many = (0..50).try_fold(role(), |role, at| role.tag(at.to_string(), "")).unwrap();
        assert!(many.clone().tag("0", "again").is_ok() && many.tag("one more", "").is_err());
    }
}
