//! The session at Okta, kept: its cookies, under the org and the person.

use cookie_store::CookieStore;
use cookie_store::serde::json;

use super::OktaSource;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretBytes;
use crate::store::{Entry, EntryInfo, StoreKey};

/// The org and the person. A session belongs to the org, not to one app of it.
pub(super) fn identity(source: &OktaSource) -> String {
    let person = source.settings.username.as_deref().unwrap_or_default();
    format!("okta {} {person}", source.org.origin().ascii_serialization())
}

pub(super) fn key(source: &OktaSource) -> StoreKey {
    StoreKey::new(&["session", &identity(source)])
}

/// The cookies of a session that was kept. Where it cannot be used, `trouble` hears why.
pub(super) fn load(source: &OktaSource, trouble: impl FnOnce(&str)) -> Option<CookieStore> {
    let entry = source.settings.store.as_ref()?.get(&key(source)).into_entry(trouble)?;
    json::load_all(entry.secret.expose().as_bytes()).ok()
}

pub(super) fn keep(source: &OktaSource, cookies: &CookieStore) -> Result<()> {
    let Some(store) = &source.settings.store else { return Ok(()) };
    let mut text = SecretBytes::with_capacity(4096);
    let written = json::save_incl_expired_and_nonpersistent(cookies, &mut text);
    let text = written
        .ok()
        .and_then(|()| text.into_string())
        .ok_or_else(|| Error::new(ErrorKind::Io, Stage::Store, "its cookies cannot be written down"))?;
    let (key, now) = (key(source), source.settings.timer.now());
    let info = EntryInfo::session(super::describe(&source.org), source.settings.username.clone(), now)
        .with_session(key.clone());
    store.put(&Entry::new(key, info, text))
}

pub(super) fn forget(source: &OktaSource) -> Result<()> {
    source.settings.store.as_ref().map_or(Ok(()), |store| store.remove(&key(source)))
}
