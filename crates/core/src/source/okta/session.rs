//! The session at Okta, kept: its cookies, under the org and the person.

use cookie_store::CookieStore;
use cookie_store::serde::json;
use jiff::Timestamp;
use url::Url;

use super::OktaSourceBuilder;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::store::{About, Entry, Lookup, StoreKey};

/// The org and the person. A session belongs to the org, not to one app of it.
pub(super) fn identity(settings: &OktaSourceBuilder, app: &Url) -> String {
    format!("okta {} {}", app.origin().ascii_serialization(), settings.username.as_deref().unwrap_or_default())
}

fn key(settings: &OktaSourceBuilder, app: &Url) -> StoreKey {
    StoreKey::of(&["session", &identity(settings, app)])
}

/// The cookies of a session that was kept. Where it cannot be used, `trouble` hears why.
pub(super) fn load(settings: &OktaSourceBuilder, app: &Url, trouble: impl FnOnce(&str)) -> Option<CookieStore> {
    match settings.store.as_ref()?.get(&key(settings, app)) {
        Lookup::Found(entry) => json::load_all(entry.secret.expose().as_bytes()).ok(),
        Lookup::Nothing => None,
        Lookup::SetAside(why) => {
            trouble(&why);
            None
        }
    }
}

pub(super) fn keep(settings: &OktaSourceBuilder, app: &Url, cookies: &CookieStore, now: Timestamp) -> Result<()> {
    let Some(store) = &settings.store else { return Ok(()) };
    let mut text = Vec::new();
    let written = json::save_incl_expired_and_nonpersistent(cookies, &mut text);
    let text = written
        .ok()
        .and_then(|()| String::from_utf8(text).ok())
        .ok_or_else(|| Error::new(ErrorKind::Io, Stage::Store, "its cookies cannot be written down"))?;
    let source = format!("okta:{}", app.host_str().unwrap_or_default());
    let key = key(settings, app);
    let about = About::session(source, settings.username.clone(), now).of_session(key.clone());
    store.put(&Entry::new(key, about, SecretString::from(text)))
}

pub(super) fn forget(settings: &OktaSourceBuilder, app: &Url) -> Result<()> {
    settings.store.as_ref().map_or(Ok(()), |store| store.remove(&key(settings, app)))
}
