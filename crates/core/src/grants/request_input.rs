//! A request as a front end takes it, signed with the key of the configuration.

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::rules::preset;
use super::{GrantRequest, GrantRules, RequestText, parse_duration, recipients};
use crate::config::{Config, Settings, WrongArgument, read_arguments};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::GrantKind;
use crate::seal::{KeyFile, Recipient, Signers};
use crate::source::Prompter;

/// The values of a request as texts.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct RequestInput {
    /// The preset.
    pub preset: String,
    /// How long access is wanted: `40m`, or seconds.
    pub duration: String,
    /// Why.
    pub reason: String,
    /// The person who asks. Default: the user name of the settings.
    pub to: Option<String>,
    /// What credentials are sealed to, for a preset of session grants: keys, files of keys, or names in the signers file.
    /// Default: the person's own key.
    pub seal_to: Vec<String>,
}

impl RequestInput {
    /// The names of the values.
    pub const KEYS: &[&str] = &["preset", "duration", "reason", "to", "seal_to"];

    /// Reads the values that a program passes as a JSON object. `others` are the names of further arguments, which are
    /// suggested as well.
    ///
    /// # Errors
    ///
    /// The first argument that is unknown or has the wrong type.
    pub fn from_arguments(json: &str, others: &[&'static str]) -> Result<Self, WrongArgument> {
        read_arguments(json, Self::KEYS, others)
    }

    fn recipients(&self, config: &Config, signers: &Signers) -> Result<Vec<Recipient>> {
        if self.seal_to.is_empty() {
            let path = config.identities().into_iter().next().ok_or_else(|| {
                let message = "you have no key that credentials can be sealed to";
                Error::new(ErrorKind::InvalidRecipient, Stage::Grant, message)
                    .with_hint("create one with `tempaccess grant key --new`")
            })?;
            return Ok(vec![KeyFile::read(&path)?.public_key().parse()?]);
        }
        let mut all = Vec::new();
        for key in &self.seal_to {
            all.extend(recipients(key, signers)?);
        }
        Ok(all)
    }
}

impl Settings {
    /// Returns a request for a grant, signed as the configuration says: the text for a ticket.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, `invalid_recipient`, and those of the signer.
    pub async fn request_grant(
        &self,
        config: &Config,
        input: &RequestInput,
        prompter: Arc<dyn Prompter>,
    ) -> Result<RequestText> {
        let preset = preset(&config.grants.presets, &input.preset)?;
        let to = input.to.clone().or(self.username.clone()).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, "a request needs your name")
                .with_hint("give it with `--to`, such as your e-mail address")
        })?;
        let seal_to = match preset.kind {
            GrantKind::Session => input.recipients(config, &config.signers()?)?,
            GrantKind::Policy => Vec::new(),
        };
        let duration = parse_duration(&input.duration)?;
        let request = GrantRequest::new(&to, &input.preset, duration, &input.reason, &seal_to, Timestamp::now())?;
        // What cannot be granted is said before anybody is asked.
        GrantRules::new(&config.grants)?.check_request(&request)?;
        request.sign(&*self.grant_signer(config, prompter).await?).await
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_names_are_those_of_the_values() {
        let value = serde_json::to_value(RequestInput::default()).unwrap();
        let names: Vec<_> = value.as_object().unwrap().keys().map(String::as_str).collect();
        let mut keys = RequestInput::KEYS.to_vec();
        keys.sort_unstable();
        assert_eq!(names, keys);
    }
}
