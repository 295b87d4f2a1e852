//! What is cached about an org: its engine, the cookie by which it recognises this device, a password that it rejected.

use cookie_store::{CookieStore, RawCookie};
use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use url::Url;

use super::agent::Agent;
use super::auth_method::Pipeline;
use super::{OktaSource, address};
use crate::error::{ErrorKind, Result};
use crate::secret::{SecretString, unguessable};
use crate::store::{Entry, EntryInfo, EntryKind, Lookup, StoreKey};

/// How long the engine of an org is cached. Upgrades to the Identity Engine are rare, and a sign-in detects them.
const PIPELINE_MAX_AGE: SignedDuration = SignedDuration::from_hours(30 * 24);

/// How long a rejected password is not sent again. Okta locks accounts after a few wrong passwords.
const REJECTED_PASSWORD_MAX_AGE: SignedDuration = SignedDuration::from_hours(24);

/// The cookie by which Okta recognises a device.
const DEVICE_COOKIE: &str = "DT";

#[derive(Clone, Default, Serialize, Deserialize)]
struct OrgData {
    pipeline: Option<(Pipeline, Timestamp)>,
    device: Option<String>,
    /// A password that was rejected, as 24 bits of a digest: enough to recognise it, too few to recover it.
    #[serde(default)]
    refused: Option<(u32, Timestamp)>,
}

/// The cached data of the org of a source.
pub(super) struct OrgCache<'a> {
    source: &'a OktaSource,
    data: OrgData,
    /// Whether the entry may be replaced. One that another vault sealed may not.
    is_writable: bool,
}

impl<'a> OrgCache<'a> {
    /// Loads the cached data, or an empty default.
    pub(super) async fn load(source: &'a OktaSource) -> Self {
        let (data, is_writable) = match source.stored(key(&source.org)).await {
            Lookup::Found(entry) => (serde_json::from_str(entry.secret.expose()).ok(), true),
            Lookup::Missing => (None, true),
            Lookup::Unusable(_) => (None, false),
        };
        Self { source, data: data.unwrap_or_default(), is_writable }
    }

    /// Returns the engine of the org, cached or asked for. Returns nothing if the org does not say, as older ones do not.
    pub(super) async fn pipeline(&mut self, agent: &Agent<'_>) -> Result<Option<Pipeline>> {
        let now = self.source.settings.timer.now();
        if let Some((pipeline, since)) = self.data.pipeline
            && now.duration_since(since).abs() < PIPELINE_MAX_AGE
        {
            return Ok(Some(pipeline));
        }
        let pipeline = probe(agent).await?;
        self.data.pipeline = pipeline.map(|pipeline| (pipeline, now));
        self.save().await;
        Ok(pipeline)
    }

    /// Stores the engine that the org turned out to have.
    pub(super) async fn set_pipeline(&mut self, pipeline: Pipeline) {
        self.data.pipeline = Some((pipeline, self.source.settings.timer.now()));
        self.save().await;
    }

    /// Whether Okta rejected this password recently.
    pub(super) fn is_rejected(&self, username: &str, password: &SecretString) -> bool {
        let now = self.source.settings.timer.now();
        self.data.refused.is_some_and(|(digest, since)| {
            digest == self.digest(username, password) && now.duration_since(since).abs() < REJECTED_PASSWORD_MAX_AGE
        })
    }

    /// Stores that Okta rejected this password. Returns whether it could.
    pub(super) async fn set_rejected(&mut self, username: &str, password: &SecretString) -> bool {
        self.data.refused = Some((self.digest(username, password), self.source.settings.timer.now()));
        self.save().await
    }

    fn digest(&self, username: &str, password: &SecretString) -> u32 {
        let device = self.data.device.as_deref().unwrap_or_default();
        let digest = Sha256::digest(format!("{device}\n{username}\n{}", password.expose()));
        let [first, second, third, ..] = *digest else { return 0 };
        u32::from_be_bytes([0, first, second, third])
    }

    /// Returns the cookies to start a sign-in with: the one that identifies this device. It is made up at random for the
    /// first sign-in at an org, so that "do not ask again on this device" works.
    pub(super) fn cookies(&mut self) -> CookieStore {
        let mut cookies = CookieStore::default();
        let random = || unguessable().ok().map(|random| format!("DI0{}", random.expose()));
        let Some(device) = self.data.device.take().or_else(random) else { return cookies };
        let secure = if self.source.org.scheme() == "https" { "; Secure" } else { "" };
        let text = format!("{DEVICE_COOKIE}={device}; Path=/; Max-Age=63072000; HttpOnly{secure}");
        self.data.device = Some(device);
        if let Ok(cookie) = RawCookie::parse(text) {
            let _ = cookies.insert_raw(&cookie, &self.source.org);
        }
        cookies
    }

    /// Stores the cookie that identifies this device, which the org may have replaced.
    pub(super) async fn save_device_cookie(&mut self, cookies: &CookieStore) {
        let device = cookies.get_request_values(&self.source.org).find(|(name, _)| *name == DEVICE_COOKIE);
        if let Some((_, value)) = device {
            self.data.device = Some(value.to_owned());
        }
        self.save().await;
    }

    /// Writes the entry. Returns whether it could: a failure is not reported, because every sign-in works without it.
    async fn save(&self) -> bool {
        if !self.is_writable {
            return false;
        }
        let Ok(text) = serde_json::to_string(&self.data) else { return false };
        let now = self.source.settings.timer.now();
        let info = EntryInfo::new(EntryKind::Org, address::describe(&self.source.org), None, now);
        let entry = Entry::new(key(&self.source.org), info, text.into());
        self.source.store().is_some() && self.source.put_in_store(entry).await.is_ok()
    }
}

fn key(org: &Url) -> StoreKey {
    StoreKey::new(&["org", &org.origin().ascii_serialization()])
}

/// Asks the org for its engine.
pub(super) async fn probe(agent: &Agent<'_>) -> Result<Option<Pipeline>> {
    #[derive(Deserialize)]
    struct Organization {
        pipeline: Pipeline,
    }
    match agent.get_json(&agent.within_org("/.well-known/okta-organization")?, None).await {
        Ok((answer, _)) => Ok(serde_json::from_value(answer).ok().map(|org: Organization| org.pipeline)),
        Err(error) if error.kind() == ErrorKind::IdentityProviderRefused => Ok(None),
        Err(error) => Err(error),
    }
}
