//! What is known of an org from before: its pipeline, and the cookie by which it knows this machine again.

use cookie_store::{CookieStore, RawCookie};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::OktaSource;
use super::agent::Agent;
use super::way::Pipeline;
use crate::error::{ErrorKind, Result};
use crate::secret::{SecretString, unguessable};
use crate::store::{Entry, EntryInfo, EntryKind, Lookup, StoreKey};

/// How long an org is taken to be what it was: an upgrade to the Identity Engine is rare, and noticed anyway.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long a password that was refused is not sent again: accounts are locked after a few of them.
const REFUSED: SignedDuration = SignedDuration::from_hours(24);

/// The cookie by which Okta knows a machine again.
const DEVICE: &str = "DT";

#[derive(Clone, Default, Serialize, Deserialize)]
struct Known {
    pipeline: Option<(Pipeline, Timestamp)>,
    device: Option<String>,
    /// A password that was refused: a few bits of a digest over who gave it, enough to know it again and too few to find it.
    #[serde(default)]
    refused: Option<(u32, Timestamp)>,
}

/// What is known of the org of a source.
pub(super) struct Org<'a> {
    source: &'a OktaSource,
    known: Known,
    /// Whether what stands there may be replaced: what another vault holds may not.
    keeps: bool,
}

impl<'a> Org<'a> {
    /// What was kept of it, or what everybody knows: nothing.
    pub(super) fn recall(source: &'a OktaSource) -> Self {
        let kept = source.settings.store.as_ref().map(|store| store.get(&key(&source.org)));
        let (known, keeps) = match kept {
            Some(Lookup::Found(entry)) => (serde_json::from_str(entry.secret.expose()).ok(), true),
            Some(Lookup::Missing) => (None, true),
            Some(Lookup::Unusable(_)) | None => (None, false),
        };
        Self { source, known: known.unwrap_or_default(), keeps }
    }

    /// The pipeline, asked for where it is not remembered. Nothing where the org does not say: older ones do not.
    pub(super) async fn pipeline(&mut self, agent: &Agent<'_>) -> Result<Option<Pipeline>> {
        let now = self.source.settings.timer.now();
        if let Some((pipeline, at)) = self.known.pipeline
            && now.duration_since(at).abs() < REMEMBERED
        {
            return Ok(Some(pipeline));
        }
        let pipeline = probe(agent).await?;
        self.known.pipeline = pipeline.map(|pipeline| (pipeline, now));
        self.keep();
        Ok(pipeline)
    }

    /// Remembers that the org has another pipeline than it was known to have.
    pub(super) fn is(&mut self, pipeline: Pipeline) {
        self.known.pipeline = Some((pipeline, self.source.settings.timer.now()));
        self.keep();
    }

    /// Whether this password of a program or a configuration was refused, and would be again.
    pub(super) fn has_refused(&self, username: &str, password: &SecretString) -> bool {
        let now = self.source.settings.timer.now();
        self.known
            .refused
            .is_some_and(|(known, at)| known == self.mark(username, password) && now.duration_since(at).abs() < REFUSED)
    }

    /// Remembers that it was.
    pub(super) fn refused(&mut self, username: &str, password: &SecretString) {
        self.known.refused = Some((self.mark(username, password), self.source.settings.timer.now()));
        self.keep();
    }

    fn mark(&self, username: &str, password: &SecretString) -> u32 {
        let device = self.known.device.as_deref().unwrap_or_default();
        let digest = Sha256::digest(format!("{device}\n{username}\n{}", password.expose()));
        let [first, second, third, ..] = *digest else { return 0 };
        u32::from_be_bytes([0, first, second, third])
    }

    /// Cookies to begin with: that of this machine, made up at random when the org sees it for the first time, so that
    /// "do not ask again on this device" can be kept.
    pub(super) fn cookies(&mut self) -> CookieStore {
        let mut cookies = CookieStore::default();
        let made_up = || unguessable().ok().map(|random| format!("DI0{}", random.expose()));
        let Some(device) = self.known.device.take().or_else(made_up) else { return cookies };
        let secure = if self.source.org.scheme() == "https" { "; Secure" } else { "" };
        let text = format!("{DEVICE}={device}; Path=/; Max-Age=63072000; HttpOnly{secure}");
        self.known.device = Some(device);
        if let Ok(cookie) = RawCookie::parse(text) {
            let _ = cookies.insert_raw(&cookie, &self.source.org);
        }
        cookies
    }

    /// Keeps the machine's cookie, which the org may have replaced by one of its own.
    pub(super) fn learn(&mut self, cookies: &CookieStore) {
        let device = cookies.get_request_values(&self.source.org).find(|(name, _)| *name == DEVICE);
        if let Some((_, value)) = device {
            self.known.device = Some(value.to_owned());
        }
        self.keep();
    }

    /// Nothing depends on it, so that nothing is said where it cannot be kept.
    fn keep(&self) {
        let Some(store) = self.source.settings.store.as_ref().filter(|_| self.keeps) else { return };
        let Ok(text) = serde_json::to_string(&self.known) else { return };
        let now = self.source.settings.timer.now();
        let about = EntryInfo::new(EntryKind::Org, super::describe(&self.source.org), None, now);
        let _ = store.put(&Entry::new(key(&self.source.org), about, text.into()));
    }
}

fn key(org: &Url) -> StoreKey {
    StoreKey::new(&["org", &org.origin().ascii_serialization()])
}

/// What the org says of itself at its well-known address.
pub(super) async fn probe(agent: &Agent<'_>) -> Result<Option<Pipeline>> {
    #[derive(Deserialize)]
    struct Organization {
        pipeline: Pipeline,
    }
    match agent.get_json(&agent.within_org("/.well-known/okta-organization")?, None).await {
        Ok((answer, _)) => Ok(serde_json::from_value(answer).ok().map(|it: Organization| it.pipeline)),
        Err(error) if error.kind() == ErrorKind::IdentityProviderRefused => Ok(None),
        Err(error) => Err(error),
    }
}
