//! The cache: the key of a request, what a cached session is worth, and what signing out removes.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::TempAccess;
use crate::arn::RoleArn;
use crate::background::run_blocking;
use crate::error::Result;
use crate::exchange::{ChainedRole, Grant};
use crate::role::{AccountNames, RoleOffer, RoleQuery};
use crate::scope::{SessionPolicy, SessionScope};
use crate::store::{Entry, StoreKey};

/// How long before they expire credentials are refreshed: botocore asks again in the last 15 minutes, for every request.
/// Sessions shorter than twice that are refreshed halfway through.
pub const REFRESH_WINDOW: SignedDuration = SignedDuration::from_mins(16);

/// Credentials that expire sooner are not returned.
const MIN_REMAINING: SignedDuration = SignedDuration::from_secs(30);

/// A cached session.
pub(crate) enum Cached {
    /// Outside its refresh window.
    Fresh(Grant),
    /// In its refresh window.
    Expiring(Grant),
    /// There is none, or it has expired.
    Missing,
}

impl Cached {
    /// Judges an entry for a request at this time.
    pub(crate) fn new(entry: &Entry, query: &RoleQuery, names: &AccountNames, now: Timestamp) -> Self {
        let matches = |grant: &Grant| {
            // The account that a name stands for may have changed.
            query.is_numbered() || query.choose(std::slice::from_ref(&grant.offer), names).is_ok()
        };
        let Some(grant) = entry.issued_session().filter(matches) else { return Self::Missing };
        let left = grant.answer.credentials.expiration.duration_since(now);
        let window = REFRESH_WINDOW.min(SignedDuration::from_secs(i64::from(grant.granted_seconds) / 2));
        match left {
            left if left > window => Self::Fresh(grant),
            left if left > MIN_REMAINING => Self::Expiring(grant),
            _ => Self::Missing,
        }
    }
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
        (!self.query.is_numbered()).then(|| self.key_for(self.query.parts()))
    }

    fn key_for_offer(&self, offer: &RoleOffer) -> StoreKey {
        self.key_for((Some(offer.role().as_str()), None, Some(offer.provider().as_str())))
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
        let entry = store.get(key).into_entry(|reason| self.prompter.tell(reason));
        entry.map_or(Cached::Missing, |entry| Cached::new(&entry, &self.query, &self.account_names, self.clock.now()))
    }

    pub(super) async fn lookup_in_background(&self, key: &StoreKey) -> Cached {
        let (access, key) = (self.clone(), key.clone());
        run_blocking(move || access.lookup(&key)).await
    }

    /// Caches a session under the key of the request and under the key of its exact role.
    pub(super) async fn store_in_cache(&self, key: Option<&StoreKey>, grant: &Grant) {
        let Some(store) = self.store.clone() else { return };
        let subject = grant.answer.session_name().map(str::to_owned);
        let exact = self.cache_key_for_offer(&grant.offer);
        let now = self.clock.now();
        let keys = key.cloned().into_iter().chain(exact.filter(|exact| Some(exact) != key));
        let entries: Vec<_> = keys
            .map(|key| {
                let origin = (self.source.describe(), self.session_key());
                Entry::for_session(key, origin, subject.clone(), now, grant)
            })
            .collect();
        let stored = run_blocking(move || {
            entries.iter().try_for_each(|entry| store.put(entry))?;
            Ok(store.notice())
        });
        match stored.await {
            Ok(notice) => notice.iter().for_each(|notice| self.prompter.tell(notice)),
            // The session is issued all the same; only the next sign-in comes sooner.
            Err(error) => {
                let error: crate::error::Error = error;
                self.prompter.tell(&format!("Credentials are not cached: {error}"));
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
