//! `Session`: the whole way, from a sign-in to credentials.

use std::path::Path;

use napi_derive::napi;
use tempaccess_core::TempAccess;
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::sink::GrantSummary;

use crate::{Result, Role, thrown};

/// An error for a promise: there, the code cannot be chosen, so that the message says whose it is.
fn rejected(error: &tempaccess_core::Error) -> napi::Error {
    napi::Error::from_reason(format!("TEMPACCESS {}", serde_json::to_string(&error.report()).unwrap_or_default()))
}

/// What was given.
#[napi(object)]
pub struct Grant {
    pub access_key_id: String,
    pub secret_access_key: String,
    pub session_token: String,
    /// Milliseconds since 1970.
    pub expiration: f64,
    pub account_id: String,
    pub role_arn: String,
    pub region: Option<String>,
    /// All but the secrets, as JSON.
    pub summary_json: String,
}

impl From<&tempaccess_core::Grant> for Grant {
    fn from(grant: &tempaccess_core::Grant) -> Self {
        let credentials = &grant.answer.credentials;
        Self {
            access_key_id: credentials.access_key_id.clone(),
            secret_access_key: credentials.secret_access_key.expose().to_owned(),
            session_token: credentials.session_token.expose().to_owned(),
            expiration: credentials.expiration.as_millisecond() as f64,
            account_id: credentials.account_id().to_owned(),
            role_arn: credentials.role.to_string(),
            region: credentials.region.clone(),
            summary_json: serde_json::to_string(&GrantSummary::new(grant)).unwrap_or_default(),
        }
    }
}

/// Temporary access.
#[napi]
pub struct Session(TempAccess);

#[napi]
impl Session {
    #[napi(constructor)]
    pub fn new(
        profile: Option<String>,
        config: Option<String>,
        password: Option<String>,
        settings_json: String,
    ) -> Result<Self> {
        let given: Settings = serde_json::from_str(&settings_json)
            .map_err(|error| napi::Error::new("ERR_INVALID_ARG_VALUE", error.to_string()))?;
        let built = || {
            let config = config.map_or_else(Config::find, |file| Config::load(Path::new(&file)))?;
            given.resolve(&config, profile.as_deref())?.access(&config, password.map(Into::into))
        };
        built().map(|access| Self(access.build())).map_err(|error| thrown(&error))
    }

    #[napi]
    pub async fn credentials(&self) -> napi::Result<Grant> {
        self.0.credentials().await.map(|grant| Grant::from(&grant)).map_err(|error| rejected(&error))
    }

    #[napi]
    pub async fn renew(&self, anew: bool) -> napi::Result<Grant> {
        self.0.renew(anew).await.map(|grant| Grant::from(&grant)).map_err(|error| rejected(&error))
    }

    #[napi]
    pub async fn roles(&self) -> napi::Result<Vec<Role>> {
        let signed_in = self.0.sign_in().await.map_err(|error| rejected(&error))?;
        let offers = signed_in.assertion.offers().map_err(|error| rejected(&error))?;
        Ok(offers.iter().map(Role::from).collect())
    }

    #[napi]
    pub async fn sign_out(&self) -> napi::Result<u32> {
        let out = self.0.sign_out().await.map_err(|error| rejected(&error))?;
        Ok(u32::try_from(out.credentials_forgotten).unwrap_or(u32::MAX))
    }
}
