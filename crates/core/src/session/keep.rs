//! What is kept: where it stands, how long it is good for, and what is forgotten with a session.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};

use super::TempAccess;
use crate::arn::RoleArn;
use crate::error::Result;
use crate::exchange::{ChainedRole, Grant};
use crate::role::{AccountNames, RoleOffer, RoleQuery};
use crate::scope::{SessionPolicy, SessionScope};
use crate::store::{Entry, StoreKey};

/// How long before their end credentials are renewed: botocore asks anew in the last 15 minutes, and for every request.
/// Sessions of less than twice that are renewed in the middle.
pub const REFRESH_WINDOW: SignedDuration = SignedDuration::from_mins(16);

/// Credentials that end sooner are not worth giving out.
const LEAST: SignedDuration = SignedDuration::from_secs(30);

/// A time server may set the clock back by this much in everyday use. Not more than [`LEAST`], so that credentials are
/// never given out for longer than AWS granted.
const CLOCK_STEP: SignedDuration = SignedDuration::from_secs(5);

/// What is kept, and how long it is good for.
pub(crate) enum Held {
    /// For long enough.
    Fresh(Grant),
    /// Not for much longer.
    Ending(Grant),
    Nothing,
}

impl Held {
    /// What an entry holds for whoever asks so now.
    pub(crate) fn new(entry: &Entry, query: &RoleQuery, names: &AccountNames, now: Timestamp) -> Self {
        let fits = |grant: &Grant| {
            // What a name stands for may have changed since.
            query.is_numbered() || query.choose(std::slice::from_ref(&grant.offer), names).is_ok()
        };
        // Whoever can write the entry's file must not be able to write what goes into a shell.
        let is_sound = |grant: &Grant| grant.answer.credentials.defect().is_none();
        let Some(grant) = entry.grant().filter(is_sound).filter(fits) else { return Self::Nothing };
        let granted = SignedDuration::from_secs(grant.granted_seconds.into());
        let window = REFRESH_WINDOW.min(granted / 2);
        match remaining(grant.answer.credentials.expiration, entry.about.issued_at, granted, now) {
            left if left > window => Self::Fresh(grant),
            left if left > LEAST => Self::Ending(grant),
            _ => Self::Nothing,
        }
    }
}

/// How long credentials are good for yet: until AWS's expiration, and never longer than AWS granted since they were
/// issued, however wrong this machine's clock was then or is now.
///
/// Nothing where they seem to come from the future: the clock was set back, and their age is unknown.
fn remaining(expiration: Timestamp, issued_at: Timestamp, granted: SignedDuration, now: Timestamp) -> SignedDuration {
    let age = now.duration_since(issued_at);
    if age < -CLOCK_STEP {
        return SignedDuration::ZERO;
    }
    expiration.duration_since(now).min(granted.saturating_sub(age.max(SignedDuration::ZERO)))
}

/// What is asked for: everything that tells two answers apart.
pub(crate) struct Asked<'a> {
    /// [`AssertionSource::identity`](crate::AssertionSource::identity).
    pub(crate) source: &'a str,
    /// [`TokenExchange::identity`](crate::TokenExchange::identity).
    pub(crate) exchange: &'a str,
    pub(crate) query: &'a RoleQuery,
    pub(crate) scope: &'a SessionScope,
    pub(crate) chain: &'a [ChainedRole],
}

impl Asked<'_> {
    /// Where it is kept. What has a number today may have another one tomorrow, and is not.
    pub(crate) fn key(&self) -> Option<StoreKey> {
        (!self.query.is_numbered()).then(|| self.key_of(self.query.parts()))
    }

    fn key_of_role(&self, offer: &RoleOffer) -> StoreKey {
        self.key_of((Some(offer.role().as_str()), None, Some(offer.provider().as_str())))
    }

    fn key_of(&self, (role, account, provider): (Option<&str>, Option<&str>, Option<&str>)) -> StoreKey {
        // The ARN of a role says its account already.
        let says = |role: &RoleArn| account == Some(role.account_id());
        let account = account.filter(|_| !role.and_then(|role| role.parse().ok()).is_some_and(|role| says(&role)));
        // What was not asked for is not the same as what was asked for and is empty.
        let text = |part: Option<&str>| part.map_or_else(String::new, |part| format!("={part}"));
        let seconds = self.scope.duration().seconds().to_string();
        let policy = text(self.scope.policy().map(SessionPolicy::as_str));
        let (role, account, provider) = (text(role), text(account), text(provider));
        let mut parts = vec!["credentials", self.source, self.exchange, &role, &account, &provider, &seconds, &policy];
        parts.extend(self.scope.policy_arns().iter().map(|arn| arn.as_str()));
        let chain: Vec<_> = self.chain.iter().map(|role| StoreKey::of_all(&role.parts())).collect();
        parts.extend(chain.iter().map(StoreKey::as_str));
        StoreKey::of(&parts)
    }
}

impl TempAccess {
    /// Lets the store forget what is over.
    pub(super) fn sweep(&self) {
        if let Some(store) = &self.store {
            store.sweep(self.clock.now());
        }
    }

    /// Where credentials like these are kept, if anywhere.
    pub(super) fn place(&self) -> Option<StoreKey> {
        self.store.as_ref()?;
        self.asked(|asked| asked.key())
    }

    /// Where those of exactly this role are kept.
    pub(super) fn place_of(&self, offer: &RoleOffer) -> Option<StoreKey> {
        self.store.as_ref()?;
        self.asked(|asked| Some(asked.key_of_role(offer)))
    }

    fn asked(&self, key: impl FnOnce(Asked<'_>) -> Option<StoreKey>) -> Option<StoreKey> {
        let (source, exchange) = (self.source.identity()?, self.exchange.identity());
        let Self { query, scope, chain, .. } = self;
        key(Asked { source: &source, exchange: &exchange, query, scope, chain })
    }

    pub(super) fn look(&self, key: &StoreKey) -> Held {
        let Some(store) = &self.store else { return Held::Nothing };
        let entry = store.get(key).found(|why| self.prompter.tell(why));
        entry.map_or(Held::Nothing, |entry| Held::new(&entry, &self.query, &self.account_names, self.clock.now()))
    }

    /// Keeps what was given, under what was asked for and under what that turned out to be.
    pub(super) fn keep(&self, key: Option<&StoreKey>, grant: &Grant) {
        let Some(store) = &self.store else { return };
        let subject = grant.answer.session_name().map(str::to_owned);
        let exact = self.place_of(&grant.offer);
        let now = self.clock.now();
        for key in key.cloned().into_iter().chain(exact.filter(|exact| Some(exact) != key)) {
            let from = (self.source.describe(), self.session_key());
            let entry = Entry::of_grant(key, from, subject.clone(), now, grant);
            if let Err(error) = store.put(&entry) {
                // They were given, and nothing is lost but a sign-in.
                self.prompter.tell(&format!("Not kept for later: {error}"));
                return;
            }
        }
        if let Some(notice) = store.notice() {
            self.prompter.tell(&notice);
        }
    }

    /// Forgets what came from this person's session. Says how many credentials there were.
    pub(super) fn forget(&self) -> Result<usize> {
        let (Some(store), Some(session)) = (&self.store, self.session_key()) else { return Ok(0) };
        // Each may stand under what was asked and under what that turned out to be.
        let (mut forgotten, mut result) = (HashSet::new(), Ok(()));
        for (key, about) in store.list()? {
            if about.session.as_ref() == Some(&session) {
                forgotten.extend(about.access_key_id().map(str::to_owned));
                result = result.and(store.remove(&key));
            }
        }
        result.map(|()| forgotten.len())
    }

    /// The session at the identity provider, as entries name it.
    fn session_key(&self) -> Option<StoreKey> {
        Some(StoreKey::of(&["session", &self.source.session_identity()?]))
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
