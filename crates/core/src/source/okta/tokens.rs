//! The tokens of device authorization, cached by org, client id and person.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::scopes::ScopeSet;
use super::{OktaSource, address, session};
use crate::error::Result;
use crate::secret::{SecretString, exposed};
use crate::store::{Entry, EntryInfo, EntryKind, StoreKey};

/// Tokens closer than this to expiry are treated as expired.
const EXPIRY_MARGIN: SignedDuration = SignedDuration::from_secs(60);

/// The answer of the token endpoint, and when its access token expires.
#[derive(Clone, Serialize, Deserialize)]
pub(super) struct Tokens {
    #[serde(serialize_with = "exposed")]
    pub(super) access: SecretString,
    #[serde(serialize_with = "exposed")]
    pub(super) id: SecretString,
    #[serde(default, serialize_with = "exposed_if_any", skip_serializing_if = "Option::is_none")]
    pub(super) refresh: Option<SecretString>,
    /// The scopes that Okta granted. Missing in entries of older versions.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) scope: Option<String>,
    end: Timestamp,
}

fn exposed_if_any<S: serde::Serializer>(secret: &Option<SecretString>, serializer: S) -> Result<S::Ok, S::Error> {
    match secret {
        Some(secret) => exposed(secret, serializer),
        None => serializer.serialize_none(),
    }
}

impl Tokens {
    /// Reads the answer of the token endpoint; nothing if it has no tokens.
    pub(super) fn read(answer: Value, now: Timestamp) -> Option<Self> {
        #[derive(Deserialize)]
        struct Answer {
            access_token: SecretString,
            id_token: SecretString,
            #[serde(default)]
            refresh_token: Option<SecretString>,
            #[serde(default)]
            scope: Option<String>,
            expires_in: u32,
        }
        let answer: Answer = serde_json::from_value(answer).ok()?;
        let end = now.saturating_add(SignedDuration::from_secs(answer.expires_in.into())).unwrap_or(now);
        Some(Self {
            access: answer.access_token,
            id: answer.id_token,
            refresh: answer.refresh_token,
            scope: answer.scope,
            end,
        })
    }

    /// Whether the access token can still be used.
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        self.end.duration_since(now) > EXPIRY_MARGIN
    }

    /// Whether the person's apps can be listed. Older versions always requested that.
    pub(super) fn can_list_apps(&self) -> bool {
        self.scope.as_deref().is_none_or(ScopeSet::grants_app_list)
    }

    /// Returns the name of the person who signed in, from the id token. Its signature is not verified: the token came from
    /// the org itself over TLS (OpenID Connect Core 3.1.3.7).
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

/// Loads the cached tokens. Reports to `trouble` why an entry cannot be used.
pub(super) async fn load(source: &OktaSource, client: &str, trouble: impl FnOnce(&str)) -> Option<Tokens> {
    let entry = source.stored(key(source, client)).await.into_entry(trouble)?;
    serde_json::from_str(entry.secret.expose()).ok()
}

pub(super) async fn store(source: &OktaSource, client: &str, tokens: &Tokens) -> Result<()> {
    let text = SecretString::from_json(tokens);
    let now = source.settings.timer.now();
    let person = source.settings.username.clone().or_else(|| tokens.person());
    let mut info = EntryInfo::new(EntryKind::Tokens, address::describe(&source.org), person, now)
        .with_session(session::key(source));
    info.expiration = tokens.refresh.is_none().then_some(tokens.end);
    source.put_in_store(Entry::new(key(source, client), info, text)).await
}

pub(super) async fn remove(source: &OktaSource, client: &str) -> Result<()> {
    source.remove_from_store(key(source, client)).await
}
