//! Tokens of device authorization, kept under org, client and person.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::OktaSource;
use crate::error::Result;
use crate::secret::{SecretString, exposed};
use crate::store::{Entry, EntryInfo, EntryKind, StoreKey};

/// Before their end, tokens are not begun anything with any more.
const MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// What a token endpoint answered, and when it ends.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Tokens {
    #[serde(serialize_with = "exposed")]
    pub(super) access: SecretString,
    #[serde(serialize_with = "exposed")]
    pub(super) id: SecretString,
    #[serde(default, serialize_with = "exposed_too", skip_serializing_if = "Option::is_none")]
    pub(super) refresh: Option<SecretString>,
    end: Timestamp,
}

fn exposed_too<S: serde::Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => exposed(secret, serializer),
        None => serializer.serialize_none(),
    }
}

impl Tokens {
    /// Reads the answer of the token endpoint; nothing where it is none.
    pub(super) fn read(answer: Value, now: Timestamp) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: SecretString,
            id_token: SecretString,
            #[serde(default)]
            refresh_token: Option<SecretString>,
            expires_in: u32,
        }
        let Answer { access_token, id_token, refresh_token, expires_in } = serde_json::from_value(answer).ok()?;
        let end = now.saturating_add(SignedDuration::from_secs(expires_in.into())).unwrap_or(now);
        Some(Self { access: access_token, id: id_token, refresh: refresh_token, end })
    }

    /// Whether they are good for a while yet.
    pub(super) fn last(&self, now: Timestamp) -> bool {
        self.end.duration_since(now) > MARGIN
    }

    /// The name of the person who signed in, from the id token. It came from the org itself over TLS, so that its
    /// signature need not be looked at (OpenID Connect Core 3.1.3.7).
    pub(super) fn person(&self) -> Option<String> {
        let payload = self.id.expose().split('.').nth(1)?;
        let payload: Value =
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(payload.trim_end_matches('=')).ok()?).ok()?;
        Some(payload.get("preferred_username")?.as_str()?.to_owned())
    }
}

fn key(source: &OktaSource, client: &str) -> StoreKey {
    let person = source.settings.username.as_deref().unwrap_or_default();
    StoreKey::new(&["tokens", &source.org.origin().ascii_serialization(), client, person])
}

pub(super) fn load(source: &OktaSource, client: &str, trouble: impl FnOnce(&str)) -> Option<Tokens> {
    let entry = source.settings.store.as_ref()?.get(&key(source, client)).into_entry(trouble)?;
    serde_json::from_str(entry.secret.expose()).ok()
}

pub(super) fn keep(source: &OktaSource, client: &str, tokens: &Tokens) -> Result<()> {
    let Some(store) = &source.settings.store else { return Ok(()) };
    let text = SecretString::from_json(tokens);
    let now = source.settings.timer.now();
    let person = source.settings.username.clone().or_else(|| tokens.person());
    let mut about = EntryInfo::new(EntryKind::Tokens, super::describe(&source.org), person, now)
        .with_session(super::session::key(source));
    about.expiration = tokens.refresh.is_none().then_some(tokens.end);
    store.put(&Entry::new(key(source, client), about, text))
}

pub(super) fn forget(source: &OktaSource, client: &str) -> Result<()> {
    source.settings.store.as_ref().map_or(Ok(()), |store| store.remove(&key(source, client)))
}
