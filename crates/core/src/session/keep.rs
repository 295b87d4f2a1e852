//! What is kept: where it stands, how long it is good for, and what is forgotten with a session.

use jiff::SignedDuration;

use super::TempAccess;
use crate::error::Result;
use crate::exchange::Grant;
use crate::store::{Entry, EntryKind, Lookup, StoreKey};

/// How long before their end credentials are renewed: botocore asks anew in the last 15 minutes, and for every request.
/// Sessions of less than twice that are renewed in the middle.
pub const REFRESH_WINDOW: SignedDuration = SignedDuration::from_mins(16);

/// Credentials that end sooner are not worth giving out.
const LEAST: SignedDuration = SignedDuration::from_secs(30);

/// What is kept, and how long it is good for.
pub(super) enum Held {
    /// For long enough.
    Fresh(Grant),
    /// Not for much longer.
    Ending(Grant),
    Nothing,
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
        // What has a number today may have another one tomorrow.
        if self.query.is_numbered() {
            return None;
        }
        let (role, account, provider) = self.query.parts();
        self.place_of(role, account, provider)
    }

    pub(super) fn place_of(
        &self,
        role: Option<&str>,
        account: Option<&str>,
        provider: Option<&str>,
    ) -> Option<StoreKey> {
        // What was not asked for is not the same as what was asked for and is empty.
        let text = |part: Option<&str>| part.map_or_else(String::new, |part| format!("={part}"));
        let seconds = self.scope.duration().seconds().to_string();
        let policy = text(self.scope.policy().map(crate::scope::SessionPolicy::as_str));
        let (source, exchange) = (self.source.identity()?, self.exchange.identity());
        let (role, account, provider) = (text(role), text(account), text(provider));
        let mut parts = vec!["credentials", &source, &exchange, &role, &account, &provider, &seconds, policy.as_str()];
        parts.extend(self.scope.policy_arns().iter().map(|arn| arn.as_str()));
        let chain: Vec<_> = self.chain.iter().map(|role| StoreKey::of_all(&role.parts())).collect();
        parts.extend(chain.iter().map(StoreKey::as_str));
        Some(StoreKey::of(&parts))
    }

    pub(super) fn look(&self, key: &StoreKey) -> Held {
        let Some(store) = &self.store else { return Held::Nothing };
        let entry = match store.get(key) {
            Lookup::Found(entry) => entry,
            Lookup::Nothing => return Held::Nothing,
            Lookup::SetAside(why) => {
                self.prompter.tell(&why);
                return Held::Nothing;
            }
        };
        let fits = |grant: &Grant| {
            // What a name stands for may have changed since.
            self.query.is_numbered()
                || self.query.choose(std::slice::from_ref(&grant.offer), &self.account_names).is_ok()
        };
        let Some(grant) = entry.grant().filter(fits) else { return Held::Nothing };
        let left = grant.answer.credentials.expiration.duration_since(self.clock.now());
        let window = REFRESH_WINDOW.min(SignedDuration::from_secs(i64::from(grant.granted_seconds) / 2));
        match left {
            left if left > window => Held::Fresh(grant),
            left if left > LEAST => Held::Ending(grant),
            _ => Held::Nothing,
        }
    }

    /// Keeps what was given, under what was asked for and under what that turned out to be.
    pub(super) fn keep(&self, key: Option<&StoreKey>, grant: &Grant) {
        let Some(store) = &self.store else { return };
        let principal = grant.answer.assumed_role_arn.as_deref();
        let subject = principal.and_then(|arn| arn.rsplit('/').next()).map(str::to_owned);
        let exact = self.place_of(Some(grant.offer.role().as_str()), None, Some(grant.offer.provider().as_str()));
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
        let (mut forgotten, mut result) = (0, Ok(()));
        for (key, about) in store.list()? {
            if about.session.as_ref() == Some(&session) {
                forgotten += usize::from(about.kind == EntryKind::Credentials);
                result = result.and(store.remove(&key));
            }
        }
        result.map(|()| forgotten)
    }

    /// The session at the identity provider, as entries name it.
    fn session_key(&self) -> Option<StoreKey> {
        Some(StoreKey::of(&["session", &self.source.session_identity()?]))
    }
}
