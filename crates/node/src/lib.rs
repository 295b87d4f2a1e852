//! The native half of the npm package `tempaccess`: DTOs over `tempaccess_core`, no logic.
//!
//! An error goes over as JSON under the code `TEMPACCESS`; `index.js` makes it a `TempAccessError`.

mod ask;
mod grants;
mod issued;
mod opened;
mod session;
mod trace;
mod verify;
mod work;

pub use opened::{
    inspect_grant_json, inspect_grant_json_async, inspect_request_json, inspect_request_json_async, require_live,
};

use std::collections::BTreeMap;

use jiff::Timestamp;
use napi::bindgen_prelude::AsyncTask;
use napi_derive::napi;
use serde::Serialize;
use tempaccess_core::config::Settings;
use tempaccess_core::sink::CachedEntries;
use tempaccess_core::{
    Clock, RoleOffer, RoleQuery,
    clock::SystemClock,
    error::ErrorReport,
    front_end::SettingNames,
    saml::{Inspection, Limits},
};

pub use trace::trace_to_stderr;

use crate::work::{Reading, WorkOutcome};

pub(crate) type Result<T> = std::result::Result<T, napi::Error<&'static str>>;

const CODE: &str = "TEMPACCESS";

pub(crate) fn thrown(error: &tempaccess_core::Error) -> napi::Error<&'static str> {
    napi::Error::new(CODE, report(error))
}

/// The error, and the number of what a function threw, if that is its cause.
pub(crate) fn report(error: &tempaccess_core::Error) -> String {
    #[derive(Serialize)]
    struct Report<'a> {
        #[serde(flatten)]
        error: ErrorReport<'a>,
        thrown: Option<u32>,
    }
    let thrown = std::error::Error::source(error).and_then(|source| source.downcast_ref::<ask::Thrown>());
    let report = Report { error: SettingNames::Node.report(error), thrown: thrown.map(|thrown| thrown.id) };
    serde_json::to_string(&report).unwrap_or_default()
}

pub(crate) fn json(value: &impl Serialize) -> Result<String> {
    serde_json::to_string(value).map_err(|error| napi::Error::new("ERR_INVALID_STATE", error.to_string()))
}

/// The instant to judge at: this one, or now.
pub(crate) fn instant(at: Option<String>) -> Result<Timestamp> {
    let Some(text) = at else { return Ok(SystemClock.now()) };
    text.parse().map_err(|_| {
        napi::Error::new(
            "ERR_INVALID_ARG_VALUE",
            format!("{text:?} is not an instant; write it as 2026-11-24T12:00:00Z"),
        )
    })
}

/// One role that an assertion offers.
#[napi(object)]
pub struct Role {
    pub role_arn: String,
    pub provider_arn: String,
    pub partition: String,
    pub account_id: String,
    pub name: String,
}

impl From<&RoleOffer> for Role {
    fn from(offer: &RoleOffer) -> Self {
        let role = offer.role();
        Self {
            role_arn: role.to_string(),
            provider_arn: offer.provider().to_string(),
            partition: role.partition().to_owned(),
            account_id: role.account_id().to_owned(),
            name: role.name().to_owned(),
        }
    }
}

/// The facts read from a SAML response.
#[napi]
pub struct Assertion(pub(crate) tempaccess_core::Assertion);

#[napi]
impl Assertion {
    /// The roles with a field on each line, in the order of `Role`: a text goes over in one step, each object in a dozen. What
    /// is in an ARN has no white space.
    #[napi]
    pub fn roles(&self) -> Result<String> {
        let offers = self.0.offers().map_err(|error| thrown(&error))?;
        let mut lines = String::with_capacity(offers.len() * 160);
        for offer in offers {
            let role = offer.role();
            let fields = [role.as_str(), offer.provider().as_str(), role.partition(), role.account_id(), role.name()];
            for field in fields {
                lines.push_str(field);
                lines.push('\n');
            }
        }
        Ok(lines)
    }

    #[napi]
    pub fn choose(
        &self,
        role: Option<String>,
        account: Option<String>,
        provider: Option<String>,
        account_names: Option<BTreeMap<String, String>>,
    ) -> Result<Role> {
        let query = RoleQuery::from_parts(role, account, provider);
        let offers = self.0.offers().map_err(|error| thrown(&error))?;
        let chosen = query.choose(offers, &account_names.unwrap_or_default());
        chosen.map(Role::from).map_err(|error| thrown(&error))
    }

    #[napi]
    pub fn inspect_json(&self, at: Option<String>) -> Result<String> {
        json(&Inspection::new(&self.0, instant(at)?))
    }
}

/// Reads a SAML response in any form.
#[napi]
pub fn read(response: &[u8]) -> Result<Assertion> {
    let read = tempaccess_core::Assertion::read(response, &Limits::default());
    read.map(Assertion).map_err(|error| thrown(&error))
}

/// Returns the error, as JSON, for what a function threw whose result is not waited for.
#[napi]
pub fn callback_error_json(name: String, message: String, cancelled: bool) -> String {
    report(&ask::callback_error(&name, &message, cancelled))
}

fn cached_entries(config: Option<String>, store: Option<String>) -> tempaccess_core::Result<CachedEntries> {
    let mut settings = Settings::default();
    settings.store = store;
    CachedEntries::new(settings.resolve(&session::config(config)?, None)?.store()?.as_deref())
}

/// Lists the cached entries, as JSON.
#[napi]
pub fn status_json(config: Option<String>, store: Option<String>) -> Result<String> {
    json(&cached_entries(config, store).map_err(|error| thrown(&error))?)
}

/// As [`status_json`], on a thread that may wait for files and the keyring.
#[napi]
pub fn status_json_async(config: Option<String>, store: Option<String>) -> AsyncTask<Reading> {
    Reading::start(move || Ok(WorkOutcome::json(&cached_entries(config, store)?)))
}

/// Returns the known name that an unknown one is likely to mean.
#[napi]
pub fn nearest(name: String, known: Vec<String>) -> Option<String> {
    let known: Vec<_> = known.iter().map(String::as_str).collect();
    tempaccess_core::front_end::nearest(&name, &known).map(str::to_owned)
}
