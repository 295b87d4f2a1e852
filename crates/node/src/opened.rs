//! Grants as the person gets them: opening a sealed one, and asking for one.

use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;
use napi::Env;
use napi::bindgen_prelude::{AsyncTask, ObjectFinalize};
use napi_derive::napi;
use tempaccess_core::clock::SystemClock;
use tempaccess_core::config::{Config, Settings, settings_from_arguments};
use tempaccess_core::grants::{GrantOpener, RequestInput, RequestText, VerifiedRequest};
use tempaccess_core::seal::{GrantHeader, SealedGrant, Signers};
use tempaccess_core::{Clock, Prompter};

use crate::ask::{Ask, prompter};
use crate::issued::IssuedSession;
use crate::session::{config as find_config, invalid};
use crate::work::{Reading, Settle, Tasks, WorkOutcome};
use crate::{Result, instant, json, thrown};

/// A sealed grant that was opened.
#[napi(object)]
pub struct OpenedGrant {
    pub header_json: String,
    pub issued: IssuedSession,
}

/// Opens sealed grants. The method that waits takes the id under which `settle` gets its outcome.
#[napi(custom_finalize)]
pub struct Opener {
    core: Arc<GrantOpener>,
    tasks: Tasks,
}

impl ObjectFinalize for Opener {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.tasks.finalize(&env)
    }
}

#[napi]
impl Opener {
    #[napi(constructor)]
    #[allow(clippy::too_many_arguments, reason = "they are properties in JavaScript")]
    pub fn new(
        env: &Env,
        identities: Vec<String>,
        accounts: Vec<String>,
        config: Option<String>,
        settings_json: String,
        settle: Settle,
        ask: Ask,
        has_person: bool,
    ) -> Result<Self> {
        // A profile says how to sign in, which a grant has no use for.
        let others = &["identity", "accounts", "config", "prompter", "signal", "timeout"];
        let given = settings_from_arguments(&settings_json, others).map_err(|wrong| invalid(&wrong))?;
        let identities: Vec<_> = identities.into_iter().map(PathBuf::from).collect();
        let built = || {
            let settings = given.resolve(&Config::default(), None)?;
            Ok(settings.grant_opener(&find_config(config)?, &identities, prompter(ask, has_person))?.accounts(accounts))
        };
        let core = Arc::new(built().map_err(|error| thrown(&error))?);
        Ok(Self { core, tasks: Tasks::new(env, settle)? })
    }

    #[napi]
    pub fn open(&self, id: u32, text: String) {
        let core = Arc::clone(&self.core);
        self.tasks.begin(id, async move {
            let opened = core.open(&text).await?;
            let header_json = serde_json::to_string(&opened.header).unwrap_or_default();
            let opened = OpenedGrant { header_json, issued: IssuedSession::from(&opened.session) };
            Ok(WorkOutcome { opened: Some(opened), ..WorkOutcome::default() })
        });
    }

    /// Aborts the work of this id. `settle` does not get an outcome.
    #[napi]
    pub fn abort(&self, id: u32) {
        self.tasks.abort(id);
    }
}

/// Asks for grants. The method that waits takes the id under which `settle` gets its outcome.
#[napi(custom_finalize)]
pub struct Requester {
    config: Config,
    settings: Settings,
    prompter: Arc<dyn Prompter>,
    tasks: Tasks,
}

impl ObjectFinalize for Requester {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.tasks.finalize(&env)
    }
}

#[napi]
impl Requester {
    #[napi(constructor)]
    pub fn new(
        env: &Env,
        profile: Option<String>,
        config: Option<String>,
        settle: Settle,
        ask: Ask,
        has_person: bool,
    ) -> Result<Self> {
        let resolved = || {
            let config = find_config(config)?;
            let settings = Settings::default().resolve(&config, profile.as_deref())?;
            Ok((config, settings))
        };
        let (config, settings) = resolved().map_err(|error| thrown(&error))?;
        Ok(Self { config, settings, prompter: prompter(ask, has_person), tasks: Tasks::new(env, settle)? })
    }

    #[napi]
    pub fn request(&self, id: u32, values: String) -> Result<()> {
        let others = &["profile", "config", "prompter", "signal", "timeout"];
        let input = RequestInput::from_arguments(&values, others).map_err(|wrong| invalid(&wrong))?;
        let (config, settings, prompter) = (self.config.clone(), self.settings.clone(), Arc::clone(&self.prompter));
        self.tasks.begin(id, async move {
            Ok(WorkOutcome::text(settings.request_grant(&config, &input, prompter).await?.to_text()))
        });
        Ok(())
    }

    /// Aborts the work of this id. `settle` does not get an outcome.
    #[napi]
    pub fn abort(&self, id: u32) {
        self.tasks.abort(id);
    }
}

/// Fails if the grant with these facts has ended.
#[napi]
pub fn require_live(header_json: String) -> Result<()> {
    let header: GrantHeader =
        serde_json::from_str(&header_json).map_err(|error| napi::Error::new("ERR_INVALID_STATE", error.to_string()))?;
    header.require_live(SystemClock.now()).map_err(|error| thrown(&error))
}

/// A text whose signatures are verified: with these signers or those of the configuration, at this instant or now.
struct Signed {
    text: String,
    signers: Option<String>,
    config: Option<String>,
    at: Timestamp,
}

impl Signed {
    fn new(text: String, signers: Option<String>, config: Option<String>, at: Option<String>) -> Result<Self> {
        Ok(Self { text, signers, config, at: instant(at)? })
    }

    fn grant(self) -> tempaccess_core::Result<GrantHeader> {
        let verified = SealedGrant::parse(&self.text)?.verify(&trusted(self.signers, self.config)?, self.at)?;
        Ok(verified.header().clone())
    }

    fn request(self) -> tempaccess_core::Result<VerifiedRequest> {
        RequestText::parse(&self.text)?.verify(&trusted(self.signers, self.config)?, self.at)
    }
}

/// Verifies who signed a sealed grant. Returns the facts that are signed, as JSON.
#[napi]
pub fn inspect_grant_json(
    text: String,
    signers: Option<String>,
    config: Option<String>,
    at: Option<String>,
) -> Result<String> {
    let signed = Signed::new(text, signers, config, at)?;
    json(&signed.grant().map_err(|error| thrown(&error))?)
}

/// As [`inspect_grant_json`], on a thread that may wait for files.
#[napi]
pub fn inspect_grant_json_async(
    text: String,
    signers: Option<String>,
    config: Option<String>,
    at: Option<String>,
) -> Result<AsyncTask<Reading>> {
    let signed = Signed::new(text, signers, config, at)?;
    Ok(Reading::start(move || Ok(WorkOutcome::json(&signed.grant()?))))
}

/// Verifies who signed a request and its approvals. Returns what is asked for and who has approved it, as JSON.
#[napi]
pub fn inspect_request_json(
    text: String,
    signers: Option<String>,
    config: Option<String>,
    at: Option<String>,
) -> Result<String> {
    let signed = Signed::new(text, signers, config, at)?;
    json(&signed.request().map_err(|error| thrown(&error))?)
}

/// As [`inspect_request_json`], on a thread that may wait for files.
#[napi]
pub fn inspect_request_json_async(
    text: String,
    signers: Option<String>,
    config: Option<String>,
    at: Option<String>,
) -> Result<AsyncTask<Reading>> {
    let signed = Signed::new(text, signers, config, at)?;
    Ok(Reading::start(move || Ok(WorkOutcome::json(&signed.request()?))))
}

/// The signers of a text, or those that the configuration names.
fn trusted(signers: Option<String>, config: Option<String>) -> tempaccess_core::Result<Signers> {
    match signers {
        Some(text) => Signers::parse(&text),
        None => find_config(config)?.signers(),
    }
}
