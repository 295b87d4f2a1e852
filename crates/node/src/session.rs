//! `Session`: the whole way, from a sign-in to credentials.

use std::path::Path;
use std::sync::Arc;

use napi_derive::napi;
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::net::HttpTransport;
use tempaccess_core::{TempAccess, console::Console};

use crate::ask::{Ask, Give, Person, Source};
use crate::issued::{Exchanged, IssuedSession};
use crate::{Result, Role, rejected, thrown};

pub(crate) fn config(file: Option<String>) -> tempaccess_core::Result<Config> {
    file.map_or_else(Config::find, |file| Config::load(Path::new(&file)))
}

/// Temporary access.
#[napi]
pub struct Session {
    access: TempAccess,
    federation_endpoint_url: Option<String>,
}

#[napi]
impl Session {
    #[napi(constructor)]
    pub fn new(
        profile: Option<String>,
        config: Option<String>,
        password: Option<String>,
        settings_json: String,
        ask: Option<Ask>,
        give: Option<Give>,
    ) -> Result<Self> {
        let given: Settings = serde_json::from_str(&settings_json)
            .map_err(|error| napi::Error::new("ERR_INVALID_ARG_VALUE", error.to_string()))?;
        let built = || {
            let config = self::config(config)?;
            let settings = given.resolve(&config, profile.as_deref())?;
            let mut access = match give {
                Some(give) => settings.access_from(Arc::new(Source(give)), &config)?,
                None => settings.access(&config, password.map(Into::into))?,
            };
            if let Some(ask) = ask {
                access = access.prompter(Arc::new(Person(ask)));
            }
            Ok(Self { access: access.build(), federation_endpoint_url: settings.federation_endpoint_url })
        };
        built().map_err(|error| thrown(&error))
    }

    #[napi]
    pub async fn credentials(&self) -> napi::Result<IssuedSession> {
        self.access.credentials().await.map(|issued| IssuedSession::from(&issued)).map_err(|error| rejected(&error))
    }

    #[napi]
    pub async fn renew(&self, force: bool) -> napi::Result<IssuedSession> {
        let renewed = if force { self.access.renew_with_sign_in().await } else { self.access.renew().await };
        renewed.map(|issued| IssuedSession::from(&issued)).map_err(|error| rejected(&error))
    }

    #[napi]
    pub fn cached(&self) -> Option<IssuedSession> {
        self.access.cached().map(|issued| IssuedSession::from(&issued))
    }

    #[napi]
    pub async fn all_credentials(&self) -> napi::Result<Vec<Exchanged>> {
        let roles = self.access.all_credentials(|_| {}).await.map_err(|error| rejected(&error))?;
        Ok(roles.iter().map(Exchanged::from).collect())
    }

    #[napi]
    pub async fn roles(&self) -> napi::Result<Vec<Role>> {
        let signed_in = self.access.sign_in().await.map_err(|error| rejected(&error))?;
        let offers = signed_in.assertion.offers().map_err(|error| rejected(&error))?;
        Ok(offers.iter().map(Role::from).collect())
    }

    #[napi]
    pub async fn console_url(&self, destination: Option<String>, duration: Option<String>) -> napi::Result<String> {
        let endpoint = self.federation_endpoint_url.clone();
        let url = async {
            let console = Console::from_parts(destination, duration.as_deref(), endpoint)?;
            let transport = HttpTransport::builder().ca_files_from_env().build()?;
            console.sign_in_url(&transport, &self.access.credentials().await?).await
        };
        url.await.map(|url| url.expose().to_owned()).map_err(|error| rejected(&error))
    }

    #[napi]
    pub async fn sign_out(&self) -> napi::Result<u32> {
        let out = self.access.sign_out().await.map_err(|error| rejected(&error))?;
        Ok(u32::try_from(out.credentials_removed).unwrap_or(u32::MAX))
    }
}
