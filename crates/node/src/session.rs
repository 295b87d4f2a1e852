//! `Session`: the whole way, from a sign-in to credentials.

use std::path::Path;
use std::sync::Arc;

use napi::Env;
use napi::bindgen_prelude::{AsyncTask, ObjectFinalize};
use napi_derive::napi;
use tempaccess_core::config::{Config, Settings, WrongArgument, settings_from_arguments};
use tempaccess_core::front_end::SettingNames;
use tempaccess_core::net::HttpTransport;
use tempaccess_core::{TempAccess, console::Console, session::RefreshableSession};

use crate::ask::{Ask, Give, Source, prompter};
use crate::issued::{Exchanged, IssuedSession};
use crate::work::{Reading, Settle, Tasks, WorkOutcome};
use crate::{Result, Role, thrown};

pub(crate) fn config(file: Option<String>) -> tempaccess_core::Result<Config> {
    file.map_or_else(Config::find, |file| Config::load(Path::new(&file)))
}

/// The options that are not settings.
pub(crate) const OPTIONS: &[&str] = &["profile", "config", "prompter", "password"];

/// The error of Node for an option.
pub(crate) fn invalid(wrong: &WrongArgument) -> napi::Error<&'static str> {
    let named = |key: &str| SettingNames::Node.name(key);
    match wrong {
        WrongArgument::Unknown { name, suggestion } => {
            let suggestion = suggestion.map(|known| format!("; did you mean `{}`?", named(known))).unwrap_or_default();
            napi::Error::new("ERR_INVALID_ARG_VALUE", format!("unknown option `{}`{suggestion}", named(name)))
        }
        WrongArgument::Invalid { name, reason } => {
            // The reason can name a key of a value, such as one of a role to go on to.
            let reason: Vec<_> = reason.split('`').map(named).collect();
            napi::Error::new("ERR_INVALID_ARG_TYPE", format!("option `{}`: {}", named(name), reason.join("`")))
        }
    }
}

/// Temporary access. Each method that waits takes the id under which `settle` gets its outcome.
///
/// A task holds clones of what it needs and never this object, which JavaScript frees when it likes.
#[napi(custom_finalize)]
pub struct Session {
    access: TempAccess,
    refreshable: Arc<RefreshableSession>,
    settings: Settings,
    tasks: Tasks,
}

impl ObjectFinalize for Session {
    fn finalize(self, env: Env) -> napi::Result<()> {
        self.tasks.finalize(&env)
    }
}

#[napi]
impl Session {
    #[napi(constructor)]
    #[allow(clippy::too_many_arguments, reason = "they are properties in JavaScript")]
    pub fn new(
        env: &Env,
        profile: Option<String>,
        config: Option<String>,
        password: Option<String>,
        settings_json: String,
        settle: Settle,
        ask: Ask,
        has_person: bool,
        give: Option<Give>,
    ) -> Result<Self> {
        let given = settings_from_arguments(&settings_json, OPTIONS).map_err(|wrong| invalid(&wrong))?;
        let built = || {
            let config = self::config(config)?;
            let settings = given.resolve(&config, profile.as_deref())?;
            let access = match give {
                Some(give) => settings.access_from(Arc::new(Source(give)), &config)?,
                None => settings.access(&config, password.map(Into::into))?,
            };
            Ok((access.prompter(prompter(ask, has_person)).build(), settings))
        };
        let (access, settings) = built().map_err(|error| thrown(&error))?;
        let refreshable = Arc::new(RefreshableSession::new(access.clone()));
        Ok(Self { access, refreshable, settings, tasks: Tasks::new(env, settle)? })
    }

    #[napi]
    pub fn region(&self) -> Option<String> {
        self.settings.aws_region()
    }

    /// As `credentials`, for a program that requests them for every call.
    #[napi]
    pub fn refreshable_credentials(&self, id: u32) {
        let refreshable = Arc::clone(&self.refreshable);
        self.tasks.begin(id, async move { refreshable.credentials().await.map(|issued| WorkOutcome::issued(&issued)) });
    }

    #[napi]
    pub fn credentials(&self, id: u32) {
        let access = self.access.clone();
        self.tasks.begin(id, async move { access.credentials().await.map(|issued| WorkOutcome::issued(&issued)) });
    }

    #[napi]
    pub fn renew(&self, id: u32, force: bool) {
        let access = self.access.clone();
        self.tasks.begin(id, async move {
            let renewed = if force { access.renew_with_sign_in().await } else { access.renew().await };
            renewed.map(|issued| WorkOutcome::issued(&issued))
        });
    }

    #[napi]
    pub fn cached(&self) -> Option<IssuedSession> {
        self.access.cached().map(|issued| IssuedSession::from(&issued))
    }

    /// As `cached`, on a thread that may wait for files and the keyring.
    #[napi]
    pub fn cached_async(&self) -> AsyncTask<Reading> {
        let access = self.access.clone();
        Reading::start(move || {
            let cached = access.cached();
            Ok(cached.as_ref().map_or_else(WorkOutcome::default, WorkOutcome::issued))
        })
    }

    #[napi]
    pub fn all_credentials(&self, id: u32) {
        let access = self.access.clone();
        self.tasks.begin(id, async move {
            let roles = access.all_credentials(|_| {}).await?;
            Ok(WorkOutcome { exchanged: Some(roles.iter().map(Exchanged::from).collect()), ..WorkOutcome::default() })
        });
    }

    #[napi]
    pub fn roles(&self, id: u32) {
        let access = self.access.clone();
        self.tasks.begin(id, async move {
            let signed_in = access.sign_in().await?;
            let roles = signed_in.assertion.offers()?.iter().map(Role::from).collect();
            Ok(WorkOutcome { roles: Some(roles), ..WorkOutcome::default() })
        });
    }

    #[napi]
    pub fn console_url(&self, id: u32, destination: Option<String>, duration: Option<String>) {
        let (access, endpoint) = (self.access.clone(), self.settings.federation_endpoint_url.clone());
        self.tasks.begin(id, async move {
            let console = Console::from_parts(destination, duration.as_deref(), endpoint)?;
            let transport = HttpTransport::builder().ca_files_from_env().build()?;
            let url = console.sign_in_url(&transport, &access.credentials().await?).await?;
            Ok(WorkOutcome { url: Some(url.expose().to_owned()), ..WorkOutcome::default() })
        });
    }

    #[napi]
    pub fn sign_out(&self, id: u32) {
        let access = self.access.clone();
        self.tasks.begin(id, async move {
            let removed = access.sign_out().await?.credentials_removed;
            Ok(WorkOutcome { removed: Some(u32::try_from(removed).unwrap_or(u32::MAX)), ..WorkOutcome::default() })
        });
    }

    /// Aborts the work of this id. `settle` does not get an outcome.
    #[napi]
    pub fn abort(&self, id: u32) {
        self.tasks.abort(id);
    }
}
