//! The cache: the key of a request, what a cached session is worth, and what signing out removes.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::TempAccess;
use crate::arn::RoleArn;
use crate::background::run_blocking;
use crate::error::Result;
use crate::role::{AccountNames, RoleOffer, RoleQuery};
use crate::scope::{SessionPolicy, SessionScope};
use crate::source::{CachedItem, Notice};
use crate::store::{Entry, StoreKey};
use crate::sts::{ChainedRole, IssuedSession};
use crate::trace::step;

/// How long before they expire credentials are refreshed: botocore asks again in the last 15 minutes, for every request.
/// Sessions shorter than twice that are refreshed halfway through.
pub const REFRESH_WINDOW: SignedDuration = SignedDuration::from_mins(16);

/// Credentials that expire sooner are not returned.
const MIN_REMAINING: SignedDuration = SignedDuration::from_secs(30);

/// A time server may set the clock back by this much in everyday use. Less than [`MIN_REMAINING`], so that credentials are
/// never returned for longer than AWS granted them.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(5);

/// A cached session.
pub(crate) enum Cached {
    /// Outside its refresh window.
    Fresh(IssuedSession),
    /// In its refresh window.
    Expiring(IssuedSession),
    /// There is none, or it has expired.
    Missing,
}

impl Cached {
    /// Judges an entry for a request at this time.
    pub(crate) fn new(entry: &Entry, query: &RoleQuery, names: &AccountNames, now: Timestamp) -> Self {
        let matches = |issued: &IssuedSession| {
            // The account that a name stands for may have changed.
            query.is_numbered() || query.choose(std::slice::from_ref(&issued.offer), names).is_ok()
        };
        // An entry's file must not be able to bring into a shell what an answer of AWS cannot.
        let is_sound = |issued: &IssuedSession| issued.answer.credentials.defect().is_none();
        let session = entry.issued_session().filter(is_sound).filter(matches);
        // Nothing replaces the credentials of a grant: they are used to their end.
        let is_grant = entry.info.source.starts_with("grant:");
        let least = if is_grant { SignedDuration::ZERO } else { MIN_REMAINING };
        session.map_or(Self::Missing, |issued| Self::judge_for(issued, entry.info.issued_at, now, least))
    }

    /// Judges a session that was issued at `issued_at`.
    #[cfg(feature = "runtime")]
    pub(super) fn judge(issued: IssuedSession, issued_at: Timestamp, now: Timestamp) -> Self {
        Self::judge_for(issued, issued_at, now, MIN_REMAINING)
    }

    fn judge_for(issued: IssuedSession, issued_at: Timestamp, now: Timestamp, least: SignedDuration) -> Self {
        let granted = SignedDuration::from_secs(issued.granted_seconds.into());
        let window = REFRESH_WINDOW.min(granted / 2);
        match remaining(issued.answer.credentials.expiration, issued_at, granted, now) {
            left if left > window => Self::Fresh(issued),
            left if left > least => Self::Expiring(issued),
            _ => Self::Missing,
        }
    }
}

/// How long credentials remain valid: until AWS's expiration, and never longer than AWS granted since they were issued,
/// however wrong this machine's clock was then or is now.
///
/// Zero if they seem to come from the future: the clock was set back, and their age is unknown.
fn remaining(expiration: Timestamp, issued_at: Timestamp, granted: SignedDuration, now: Timestamp) -> SignedDuration {
    let age = now.duration_since(issued_at);
    if age < -CLOCK_STEP {
        return SignedDuration::ZERO;
    }
    expiration.duration_since(now).min(granted.saturating_sub(age.max(SignedDuration::ZERO)))
}

/// Everything that distinguishes two requests.
pub(crate) struct CacheKeyParts<'a> {
    /// [`AssertionSource::identity`](crate::AssertionSource::identity).
    pub(crate) source: &'a str,
    /// [`TokenExchange::identity`](crate::TokenExchange::identity).
    pub(crate) exchange: &'a str,
    pub(crate) query: &'a RoleQuery,
    pub(crate) scope: &'a SessionScope,
    pub(crate) chain: &'a [ChainedRole],
}

impl CacheKeyParts<'_> {
    /// Returns the key. Roles chosen by their position in a list have none: the list may change.
    pub(crate) fn key(&self) -> Option<StoreKey> {
        #[cfg(feature = "grants")]
        if let Some(key) = self.grant_key() {
            return Some(key);
        }
        (!self.query.is_numbered()).then(|| self.key_for(self.query.parts()))
    }

    fn key_for_offer(&self, offer: &RoleOffer) -> StoreKey {
        self.key_for((Some(offer.role().as_str()), None, Some(offer.provider().as_str())))
    }

    /// Returns the key of what a grant gave, which is the same whatever role and duration are requested.
    #[cfg(feature = "grants")]
    fn grant_key(&self) -> Option<StoreKey> {
        let is_whole = !self.scope.is_narrowed() && self.chain.is_empty();
        crate::source::grant_key(self.source).filter(|_| is_whole)
    }

    fn key_for(&self, (role, account, provider): (Option<&str>, Option<&str>, Option<&str>)) -> StoreKey {
        // The ARN of a role includes its account.
        let in_account = |role: &RoleArn| account == Some(role.account_id());
        let account =
            account.filter(|_| !role.and_then(|role| role.parse().ok()).is_some_and(|role| in_account(&role)));
        // An absent part differs from an empty one.
        let text = |part: Option<&str>| part.map_or_else(String::new, |part| format!("={part}"));
        let seconds = self.scope.duration().seconds().to_string();
        let policy = text(self.scope.policy().map(SessionPolicy::as_str));
        let (role, account, provider) = (text(role), text(account), text(provider));
        let mut parts = vec!["credentials", self.source, self.exchange, &role, &account, &provider, &seconds, &policy];
        parts.extend(self.scope.policy_arns().iter().map(|arn| arn.as_str()));
        let chain: Vec<_> = self.chain.iter().map(|role| StoreKey::from_strings(&role.parts())).collect();
        parts.extend(chain.iter().map(StoreKey::as_str));
        StoreKey::new(&parts)
    }
}

impl TempAccess {
    /// Removes expired entries.
    pub(super) async fn sweep(&self) {
        if let Some(store) = self.store.clone() {
            let now = self.clock.now();
            run_blocking(move || store.sweep(now)).await;
        }
    }

    /// The cache key of this request, if it can be cached.
    pub(super) fn cache_key(&self) -> Option<StoreKey> {
        self.store.as_ref()?;
        self.with_key_parts(|parts| parts.key())
    }

    /// The cache key of exactly this role.
    pub(super) fn cache_key_for_offer(&self, offer: &RoleOffer) -> Option<StoreKey> {
        self.store.as_ref()?;
        self.with_key_parts(|parts| Some(parts.key_for_offer(offer)))
    }

    fn with_key_parts(&self, key: impl FnOnce(CacheKeyParts<'_>) -> Option<StoreKey>) -> Option<StoreKey> {
        let (source, exchange) = (self.source.identity()?, self.exchange.identity());
        let Self { query, scope, chain, .. } = self;
        key(CacheKeyParts { source: &source, exchange: &exchange, query, scope, chain })
    }

    pub(super) fn lookup(&self, key: &StoreKey) -> Cached {
        let Some(store) = &self.store else { return Cached::Missing };
        let entry =
            store.get(key).into_entry(|reason| self.prompter.notify(&Notice::Cache { text: reason.to_owned() }));
        entry.map_or(Cached::Missing, |entry| Cached::new(&entry, &self.query, &self.account_names, self.clock.now()))
    }

    pub(super) async fn lookup_in_background(&self, key: &StoreKey) -> Cached {
        let (access, key) = (self.clone(), key.clone());
        run_blocking(move || access.lookup(&key)).await
    }

    /// Caches a session under the key of the request and under the key of its exact role.
    pub(super) async fn store_in_cache(&self, key: Option<&StoreKey>, issued: &IssuedSession) {
        let Some(store) = self.store.clone() else { return };
        let subject = issued.answer.session_name().map(str::to_owned);
        let exact = self.cache_key_for_offer(&issued.offer);
        let now = self.clock.now();
        let keys = key.cloned().into_iter().chain(exact.filter(|exact| Some(exact) != key));
        let entries: Vec<_> = keys
            .map(|key| {
                let origin = (self.source.describe(), self.session_key());
                Entry::for_session(key, origin, subject.clone(), now, issued)
            })
            .collect();
        let stored = run_blocking(move || {
            entries.iter().try_for_each(|entry| store.put(entry))?;
            Ok(store.notice())
        });
        match step!("store", stored).await {
            Ok(Some(text)) => self.prompter.notify(&Notice::Cache { text }),
            Ok(None) => {}
            // The session is issued all the same; only the next sign-in comes sooner.
            Err(error) => {
                let error: crate::error::Error = error;
                let reason = error.to_string();
                self.prompter.notify(&Notice::NotCached { item: CachedItem::Credentials, reason });
            }
        }
    }

    /// Removes what came from the person's session, and returns the number of credentials.
    pub(super) fn remove_session(&self) -> Result<usize> {
        let (Some(store), Some(session)) = (&self.store, self.session_key()) else { return Ok(0) };
        // A session can be stored under two keys.
        let (mut removed, mut result) = (HashSet::new(), Ok(()));
        for (key, info) in store.list()? {
            if info.session.as_ref() == Some(&session) {
                removed.extend(info.access_key_id().map(str::to_owned));
                result = result.and(store.remove(&key));
            }
        }
        result.map(|()| removed.len())
    }

    /// The key of the session at the identity provider.
    fn session_key(&self) -> Option<StoreKey> {
        Some(StoreKey::new(&["session", &self.source.session_identity()?]))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_that_is_set_back_makes_nothing_last_longer() {
        let hour = SignedDuration::from_hours(1);
        let issued: Timestamp = "2026-11-24T12:00:00Z".parse().unwrap();
        let left = |expiration: Timestamp, now: Timestamp| remaining(expiration, issued, hour, now).as_secs();
        assert_eq!(left(issued + hour, issued), 3_600);
        assert_eq!(left(issued + hour, issued + SignedDuration::from_mins(40)), 1_200);
        // Set back since they were issued: by a day, by ten minutes, by a time server's second.
        assert_eq!(left(issued + hour, issued - SignedDuration::from_hours(24)), 0);
        assert_eq!(left(issued + hour, issued - SignedDuration::from_mins(10)), 0);
        assert_eq!(left(issued + hour, issued - SignedDuration::from_secs(1)), 3_600);
        // A day behind AWS when they were issued, and since.
        let a_day_later = issued + hour + SignedDuration::from_hours(24);
        assert_eq!(left(a_day_later, issued + SignedDuration::from_mins(10)), 3_000);
        assert_eq!(left(a_day_later, issued + SignedDuration::from_mins(61)), -60);
        // Set ahead since: they look expired, and are not used.
        assert!(left(issued + hour, issued + SignedDuration::from_hours(2)) < 0);
        assert!(left(Timestamp::MAX, issued + SignedDuration::from_hours(2)) < 0);
        assert!(remaining(Timestamp::MAX, Timestamp::MIN, hour, Timestamp::MAX).is_negative());
    }
}
