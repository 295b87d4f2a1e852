//! The profile of a grant that was opened: its credentials are in the cache, and nobody can sign in for more.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::{AssertionRequest, AssertionSource};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
use crate::saml::SamlResponse;
use crate::secret::SecretString;
use crate::store::{Entry, EntryInfo, EntryKind, Lookup, Store, StoreKey};

/// How the source of a grant begins in a configuration: `grant:ID`.
pub(crate) const GRANT_PREFIX: &str = "grant:";
/// How long the facts of a grant are kept after its end, to say whom to ask and to refuse an older copy of it.
const KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Returns the cache key of the credentials of a grant. They are the same whatever is requested of it.
pub(crate) fn grant_key(source: &str) -> Option<StoreKey> {
    let id: GrantId = source.strip_prefix(GRANT_PREFIX)?.parse().ok()?;
    Some(StoreKey::new(&["credentials", GRANT_PREFIX, id.as_str()]))
}

/// The facts of an opened grant that are kept in the cache.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct GrantFacts {
    pub(crate) issue: u32,
    pub(crate) by: String,
    pub(crate) to: String,
    pub(crate) until: Timestamp,
}

impl GrantFacts {
    fn key(id: &GrantId) -> StoreKey {
        StoreKey::new(&["grant", id.as_str()])
    }

    pub(crate) fn read(store: &dyn Store, id: &GrantId) -> Option<Self> {
        match store.get(&Self::key(id)) {
            Lookup::Found(entry) => serde_json::from_str(entry.secret.expose()).ok(),
            _ => None,
        }
    }

    pub(crate) fn write(&self, store: &dyn Store, id: &GrantId, now: Timestamp) -> Result<()> {
        let mut info = EntryInfo::new(EntryKind::Grant, format!("{GRANT_PREFIX}{id}"), Some(self.to.clone()), now);
        info.expiration = self.until.checked_add(KEPT).ok();
        store.put(&Entry::new(Self::key(id), info, SecretString::from_json(self)))
    }
}

/// The source of a profile whose credentials came from a grant. It cannot sign in: the error says when the grant ended and
/// whom to ask.
#[derive(Debug)]
pub struct GrantSource {
    id: GrantId,
    store: Option<Arc<dyn Store>>,
    clock: Arc<dyn Clock>,
}

impl GrantSource {
    /// Creates the source of a grant. `store` remembers who gave it.
    pub fn new(id: GrantId, store: Option<Arc<dyn Store>>) -> Self {
        Self { id, store, clock: Arc::new(SystemClock) }
    }
}

#[async_trait]
impl AssertionSource for GrantSource {
    fn describe(&self) -> String {
        format!("{GRANT_PREFIX}{}", self.id)
    }

    fn identity(&self) -> Option<String> {
        Some(self.describe())
    }

    fn can_sign_in(&self) -> bool {
        false
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let id = &self.id;
        let facts = self.store.clone().and_then(|store| GrantFacts::read(&*store, id));
        let has_credentials = || {
            let key = grant_key(&self.describe());
            self.store.as_ref().zip(key).is_some_and(|(store, key)| matches!(store.get(&key), Lookup::Found(_)))
        };
        Err(match facts {
            Some(facts) if facts.until <= self.clock.now() => id.ended(&facts.by, facts.until),
            Some(facts) if has_credentials() => {
                let message = format!("the grant {id} is one session, and nobody can sign in for another");
                Error::new(ErrorKind::InvalidArgument, Stage::Grant, message).with_hint(format!(
                    "its credentials are in the cache until {}: use them with `tempaccess exec grant-{id} -- PROGRAM`; `{}` can extend it",
                    facts.until, facts.by
                ))
            }
            Some(facts) => {
                let message = format!("the credentials of the grant {id} are not in the cache");
                Error::new(ErrorKind::GrantNotFound, Stage::Grant, message).with_hint(format!(
                    "open the sealed grant again with `tempaccess grant open`; `{}` can extend it or give a new one",
                    facts.by
                ))
            }
            None => {
                let message = format!("the grant {id} has not been opened on this machine, or ended long ago");
                Error::new(ErrorKind::GrantNotFound, Stage::Grant, message)
                    .with_hint("open the sealed grant with `tempaccess grant open FILE`")
            }
        })
    }
}
