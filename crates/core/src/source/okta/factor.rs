//! Second factors: which ones a person has, and which of them can be answered from a terminal.

use serde::Deserialize;
use serde_json::Value;

use super::factor_kind::FactorKind;
use super::prompts::SignInPrompts;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// The most factors that are offered to a person.
pub(super) const MAX_FACTORS: usize = 100;

/// A factor as the authentication API describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Factor {
    #[serde(default)]
    pub(super) factor_type: String,
    #[serde(default)]
    provider: String,
    #[serde(default)]
    vendor_name: Option<String>,
    #[serde(default)]
    pub(super) profile: Value,
    #[serde(default, rename = "_links")]
    links: Value,
}

impl Factor {
    pub(super) fn kind(&self) -> Option<FactorKind> {
        FactorKind::from_okta(&self.factor_type, &self.provider)
    }

    pub(super) fn verify_href(&self) -> Option<&str> {
        self.links.pointer("/verify/href").and_then(Value::as_str)
    }

    /// Describes the factor to its owner: `Okta Verify push (Ada's phone)`.
    pub(super) fn describe(&self) -> String {
        let maker = match self.provider.as_str() {
            "OKTA" => "Okta Verify",
            "GOOGLE" => "Google Authenticator",
            "DUO" => "Duo",
            "RSA" => "RSA SecurID",
            "SYMANTEC" => "Symantec VIP",
            "YUBICO" => "YubiKey",
            other => self.vendor_name.as_deref().unwrap_or(other),
        };
        let name = match self.factor_type.as_str() {
            "push" => format!("{maker} push"),
            "token:software:totp" | "token" | "token:hardware" | "token:hotp" => format!("{maker} code"),
            "sms" => "code by text message".to_owned(),
            "call" => "code by phone call".to_owned(),
            "email" => "code by e-mail".to_owned(),
            "question" => "security question".to_owned(),
            "webauthn" | "u2f" => "security key or passkey".to_owned(),
            "web" => format!("{maker} in the browser"),
            other => format!("{maker} {other}"),
        };
        let detail = ["name", "phoneNumber", "email", "questionText", "credentialId"]
            .iter()
            .filter(|field| **field != "credentialId" || self.factor_type.starts_with("token"))
            .find_map(|field| self.profile.get(field).and_then(Value::as_str))
            .map(|detail| format!(" ({detail})"))
            .unwrap_or_default();
        excerpt(&format!("{name}{detail}")).into_owned()
    }

    /// The error if this factor cannot be answered from a terminal.
    pub(super) fn unsupported(&self) -> Error {
        unsupported(&self.describe())
    }
}

/// The error if none of the described factors can be answered from a terminal.
pub(super) fn unsupported(described: &str) -> Error {
    Error::new(
        ErrorKind::FactorUnsupported,
        Stage::SignIn,
        format!("none of your second factors can be used from a terminal: {described}"),
    )
    .with_hint(
        "security keys, passkeys and Duo need a browser: sign in with `--auth browser` or `--auth device`, or set up Okta \
         Verify or an authenticator app in Okta's settings",
    )
}

/// The error if the person does not have the factor that is configured.
pub(super) fn not_enrolled(wanted: FactorKind, described: &str) -> Error {
    Error::new(
        ErrorKind::InvalidArgument,
        Stage::SignIn,
        format!("you have no second factor `{wanted}`; you have: {described}"),
    )
    .with_hint("choose another one with `--factor`, or none to be asked")
}

/// The factors that a person can choose from.
pub(super) struct Factors {
    terminal: Vec<Factor>,
    /// Descriptions of those that only a browser can use.
    browser: Vec<String>,
}

/// The factor that was chosen.
pub(super) enum FactorChoice {
    Terminal(Factor),
    /// One that needs a browser, as the error that it is without one.
    Browser(Error),
}

impl Factors {
    /// Sorts the factors of a person, and keeps only those of the wanted kind if one is configured.
    pub(super) fn new(mut factors: Vec<Factor>, wanted: Option<FactorKind>) -> Result<Self> {
        factors.truncate(MAX_FACTORS);
        let described = factors.iter().map(Factor::describe).collect::<Vec<_>>().join(", ");
        let (terminal, browser): (Vec<_>, Vec<_>) = factors.into_iter().partition(|factor| factor.kind().is_some());
        let Some(wanted) = wanted else {
            return Ok(Self { terminal, browser: browser.iter().map(Factor::describe).collect() });
        };
        let terminal: Vec<_> = terminal.into_iter().filter(|factor| factor.kind() == Some(wanted)).collect();
        if terminal.is_empty() {
            return Err(not_enrolled(wanted, &described));
        }
        Ok(Self { terminal, browser: Vec::new() })
    }

    /// Lets the person choose one; does not ask if there is only one.
    pub(super) async fn choose(mut self, prompts: &SignInPrompts<'_>) -> Result<FactorChoice> {
        let browser = if self.browser.is_empty() { "none".to_owned() } else { self.browser.join(", ") };
        if self.terminal.is_empty() {
            return Ok(FactorChoice::Browser(unsupported(&browser)));
        }
        let mut choices: Vec<_> = self.terminal.iter().map(Factor::describe).collect();
        if prompts.has_browser && !self.browser.is_empty() {
            choices.push(format!("in the browser: {browser}"));
        }
        let chosen = prompts.choose("Second factor", &choices).await?;
        if chosen >= self.terminal.len() {
            return Ok(FactorChoice::Browser(unsupported(&browser)));
        }
        Ok(FactorChoice::Terminal(self.terminal.swap_remove(chosen)))
    }
}
