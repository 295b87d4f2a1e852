//! The session at Okta, cached as its cookies by org and person.

use cookie_store::CookieStore;
use cookie_store::serde::json;

use super::{OktaSource, address};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretBytes;
use crate::store::{Entry, EntryInfo, StoreKey};

/// Identifies a session by org and person. A session belongs to the org, not to one app of it.
pub(super) fn identity(source: &OktaSource) -> String {
    let person = source.settings.username.as_deref().unwrap_or_default();
    format!("okta {} {person}", source.org.origin().ascii_serialization())
}

pub(super) fn key(source: &OktaSource) -> StoreKey {
    StoreKey::new(&["session", &identity(source)])
}

/// Loads the cookies of the cached session. Reports to `trouble` why an entry cannot be used.
pub(super) async fn load(source: &OktaSource, trouble: impl FnOnce(&str)) -> Option<CookieStore> {
    let entry = source.stored(key(source)).await.into_entry(trouble)?;
    json::load_all(entry.secret.expose().as_bytes()).ok()
}

pub(super) async fn store(source: &OktaSource, cookies: &CookieStore) -> Result<()> {
    let mut text = SecretBytes::with_capacity(4096);
    let written = json::save_incl_expired_and_nonpersistent(cookies, &mut text);
    let text = written
        .ok()
        .and_then(|()| text.into_string())
        .ok_or_else(|| Error::new(ErrorKind::Io, Stage::Store, "the cookies of the session cannot be serialized"))?;
    let (key, now) = (key(source), source.settings.timer.now());
    let info = EntryInfo::session(address::describe(&source.org), source.settings.username.clone(), now)
        .with_session(key.clone());
    source.put_in_store(Entry::new(key, info, text)).await
}

pub(super) async fn remove(source: &OktaSource) -> Result<()> {
    source.remove_from_store(key(source)).await
}
