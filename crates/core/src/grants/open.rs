//! Opens a sealed grant: verifies who signed it, decrypts it, and proves at AWS whose credentials they are.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Serialize;

use super::GrantId;
use crate::arn::RoleArn;
use crate::clock::{Clock, SystemClock};
use crate::config::Settings;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::seal::{GrantHeader, KeyFile, OpenedGrant, SealedGrant, Signers, not_for, not_genuine};
use crate::source::{GRANT_PREFIX, GrantFacts, NoPrompter, Prompter, grant_key};
use crate::store::{Entry, Store, StoreKey};
use crate::sts::TokenExchange;

/// Returns the settings of the profile of an opened grant.
pub fn granted_profile(id: &GrantId, region: Option<String>) -> Settings {
    Settings { source: Some(format!("{GRANT_PREFIX}{id}")), region, ..Settings::default() }
}

/// Opens sealed grants as one person.
#[derive(Debug)]
pub struct GrantOpener {
    signers: Signers,
    exchange: Arc<dyn TokenExchange>,
    keys: Vec<KeyFile>,
    accounts: BTreeSet<String>,
    store: Option<Arc<dyn Store>>,
    prompter: Arc<dyn Prompter>,
    clock: Arc<dyn Clock>,
}

/// A grant that was opened, in a form to show.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct OpenedFacts {
    /// The facts of the grant.
    #[serde(flatten)]
    pub header: GrantHeader,
    /// The profile that has the credentials.
    pub profile: Option<String>,
}

impl OpenedFacts {
    /// Returns the facts of a grant whose credentials are in this profile.
    pub fn new(header: &GrantHeader, profile: Option<String>) -> Self {
        Self { header: header.clone(), profile }
    }
}

impl GrantOpener {
    /// Opens grants that these signers signed. `exchange` asks AWS whose credentials they are.
    pub fn new(signers: Signers, exchange: Arc<dyn TokenExchange>) -> Self {
        Self {
            signers,
            exchange,
            keys: Vec::new(),
            accounts: BTreeSet::new(),
            store: None,
            prompter: Arc::new(NoPrompter),
            clock: Arc::new(SystemClock),
        }
    }

    /// Adds a private key that grants can be sealed to.
    #[must_use]
    pub fn key(mut self, key: KeyFile) -> Self {
        self.keys.push(key);
        self
    }

    /// Adds accounts that the person expects access to. Grants for other accounts are refused: a stranger's account would
    /// collect what the person puts there.
    #[must_use]
    pub fn accounts(mut self, ids: impl IntoIterator<Item = String>) -> Self {
        self.accounts.extend(ids);
        self
    }

    /// Sets the cache that the credentials are stored in.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.store = Some(store);
        self
    }

    /// Sets who is asked for the passphrase of a key.
    #[must_use]
    pub fn prompter(mut self, prompter: Arc<dyn Prompter>) -> Self {
        self.prompter = prompter;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.clock = clock;
        self
    }

    /// Opens a sealed grant, and stores its credentials if there is a store.
    ///
    /// # Errors
    ///
    /// `invalid_argument` (what is named is not an account), `grant_not_genuine` (nothing was decrypted), `grant_not_for_you`, `grant_ended`, `grant_elsewhere` (another account, role
    /// or session than was signed), and errors of the exchange.
    pub async fn open(&self, text: &str) -> Result<OpenedGrant> {
        let now = self.clock.now();
        let verified = SealedGrant::parse(text)?.verify(&self.signers, now)?;
        let header = verified.header().clone();
        header.require_live(now)?;
        let role: RoleArn = header.role.parse().map_err(|_| elsewhere("the grant has no valid role"))?;
        if !is_session_of(&header.session, &role) {
            return Err(not_genuine(format!("the session `{}` is not one of the role `{role}`", header.session)));
        }
        self.require_known_account(&role, &header)?;
        self.require_newest(&header)?;
        let key = self.keys.iter().find(|key| verified.is_for(key)).ok_or_else(|| not_for(&header, None))?;
        let key = key.unlock(&*self.prompter).await?;
        let opened = verified.open(&key, now)?;
        self.require_signed_identity(&opened).await?;
        self.store_credentials(&opened).await?;
        Ok(opened)
    }

    /// Fails if the person did not say that they expect access to the account.
    fn require_known_account(&self, role: &RoleArn, header: &GrantHeader) -> Result<()> {
        let account = role.account_id();
        if self.accounts.contains(account) {
            return Ok(());
        }
        if let Some(wrong) = self.accounts.iter().find(|account| !crate::arn::is_account_id(account)) {
            let message = format!("`{}` is not the ID of an account", crate::text::excerpt(wrong));
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message).with_hint(
                "give its 12 digits; a name in `[accounts]` of the configuration makes an account known as well",
            ));
        }
        Err(elsewhere(format!(
            "the grant {} is for the account {account}, which is not in your configuration",
            header.id
        ))
        .with_hint(format!("if `{}` told you that account, name it with `--account {account}`", header.by)))
    }

    /// Fails if credentials that were issued later are known.
    fn require_newest(&self, header: &GrantHeader) -> Result<()> {
        let Some(known) = self.store.as_ref().and_then(|store| GrantFacts::read(&**store, &header.id)) else {
            return Ok(());
        };
        if header.issue >= known.issue {
            return Ok(());
        }
        let message =
            format!("the grant {} was extended since: this is copy {} of {}", header.id, header.issue, known.issue);
        Err(Error::new(ErrorKind::GrantEnded, Stage::Grant, message).with_hint("open the newest copy"))
    }

    /// Asks AWS whose credentials they are.
    async fn require_signed_identity(&self, opened: &OpenedGrant) -> Result<()> {
        let header = &opened.header;
        let found = self.exchange.caller_identity(&opened.session.answer.credentials).await?;
        if found.arn == header.session {
            return Ok(());
        }
        let found = crate::text::excerpt(&found.arn).into_owned();
        Err(elsewhere(format!("the credentials belong to `{found}`, and the grant says `{}`", header.session))
            .with_hint(format!("do not use them, and tell `{}`", header.by)))
    }

    async fn store_credentials(&self, opened: &OpenedGrant) -> Result<()> {
        let Some(store) = self.store.clone() else { return Ok(()) };
        let header = &opened.header;
        let source = granted_profile(&header.id, None).source.unwrap_or_default();
        let Some(key) = grant_key(&source) else { return Ok(()) };
        let now = self.clock.now();
        // As of every source, so that `logout` removes it.
        let session = StoreKey::new(&["session", &source]);
        let entry = Entry::for_session(key, (source, Some(session)), Some(header.to.clone()), now, &opened.session);
        let (by, to) = (header.by.clone(), header.to.clone());
        let (facts, id) = (GrantFacts { issue: header.issue, by, to, until: header.until }, header.id.clone());
        crate::background::run_blocking(move || {
            facts.write(&*store, &id, now)?;
            store.put(&entry)
        })
        .await
    }
}

/// Whether the ARN of a session is of this role: of its account and its name.
fn is_session_of(session: &str, role: &RoleArn) -> bool {
    let start = format!("arn:{}:sts::{}:assumed-role/{}/", role.partition(), role.account_id(), role.name());
    session.starts_with(&start)
}

fn elsewhere(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::GrantElsewhere, Stage::Grant, message)
}

/// The name of the profile of a grant.
pub fn profile_name(id: &GrantId) -> String {
    format!("grant-{id}")
}
