//! Second factors: which there are, and which of them can be answered from here.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;
use serde_json::Value;

use super::who::Who;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::printable;

/// A kind of second factor that can be answered from a terminal.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FactorKind {
    /// A push to Okta Verify (`push`), with the number challenge where the org asks for it.
    Push,
    /// A code of an authenticator app or a token (`token:software:totp`, `token`, `token:hardware`, `token:hotp`).
    Code,
    /// A code by text message (`sms`).
    Sms,
    /// A code by telephone call (`call`).
    Call,
    /// A code by e-mail (`email`).
    Email,
    /// A security question (`question`).
    Question,
}

impl FactorKind {
    const ALL: [(&'static str, Self); 6] = [
        ("push", Self::Push),
        ("code", Self::Code),
        ("sms", Self::Sms),
        ("call", Self::Call),
        ("email", Self::Email),
        ("question", Self::Question),
    ];

    /// The kind behind Okta's `factorType`, where it can be answered from here.
    fn from_okta(factor_type: &str, provider: &str) -> Option<Self> {
        Some(match factor_type {
            _ if provider == "DUO" => return None,
            "push" => Self::Push,
            "token:software:totp" | "token" | "token:hardware" | "token:hotp" => Self::Code,
            "sms" => Self::Sms,
            "call" => Self::Call,
            "email" => Self::Email,
            "question" => Self::Question,
            _ => return None,
        })
    }

    /// What it is to a person.
    pub(super) const fn words(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Code => "code",
            Self::Sms => "code by text message",
            Self::Call => "code by telephone call",
            Self::Email => "code by e-mail",
            Self::Question => "security question",
        }
    }

    /// Whether Okta sends something first, which the person then reads back.
    pub(super) fn is_sent(self) -> bool {
        matches!(self, Self::Sms | Self::Call | Self::Email)
    }
}

impl fmt::Display for FactorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(Self::ALL.iter().find(|(_, kind)| kind == self).map_or("", |(name, _)| name))
    }
}

impl FromStr for FactorKind {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        Self::ALL.iter().find(|(name, _)| *name == text).map(|(_, kind)| *kind).ok_or_else(|| {
            Error::new(ErrorKind::InvalidArgument, Stage::Configuration, format!("`{text}` is no second factor"))
                .with_hint(format!("it is one of {}", Self::ALL.map(|(name, _)| format!("`{name}`")).join(", ")))
        })
    }
}

/// A factor as Okta describes it.
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

    /// The factor as a person knows it: `Okta Verify push (Ada's phone)`.
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
            "call" => "code by telephone call".to_owned(),
            "email" => "code by e-mail".to_owned(),
            "question" => "security question".to_owned(),
            "webauthn" | "u2f" => "security key or passkey".to_owned(),
            "web" => format!("{maker} in the browser"),
            other => format!("{maker} {other}"),
        };
        let place = ["name", "phoneNumber", "email", "questionText", "credentialId"]
            .iter()
            .filter(|field| **field != "credentialId" || self.factor_type.starts_with("token"))
            .find_map(|field| self.profile.get(field).and_then(Value::as_str))
            .map(|place| format!(" ({place})"))
            .unwrap_or_default();
        printable(&format!("{name}{place}")).into_owned()
    }
}

impl Factor {
    /// That it is not one for a terminal.
    pub(super) fn not_here(&self) -> Error {
        not_here(&self.describe())
    }
}

/// That second factors are not for a terminal.
pub(super) fn not_here(described: &str) -> Error {
    Error::new(
        ErrorKind::FactorUnsupported,
        Stage::SignIn,
        format!("no second factor of yours can be used from a terminal: {described}"),
    )
    .with_hint(
        "security keys, passkeys and Duo need a browser: sign in with `--auth browser` or `--auth device`; or enrol Okta Verify \
         or an authenticator app in Okta's settings",
    )
}

/// What a person can choose from.
pub(super) struct Factors {
    here: Vec<Factor>,
    /// Those that only a browser can use, in words.
    elsewhere: Vec<String>,
}

/// What the person chose.
pub(super) enum Chosen {
    Here(Factor),
    /// What needs a browser, as the error that it is without one.
    InBrowser(Error),
}

impl Factors {
    /// Those of a person, and of the kind that is wanted where one is.
    pub(super) fn new(factors: Vec<Factor>, wanted: Option<FactorKind>) -> Result<Self> {
        let described = factors.iter().map(Factor::describe).collect::<Vec<_>>().join(", ");
        let (here, elsewhere): (Vec<_>, Vec<_>) = factors.into_iter().partition(|factor| factor.kind().is_some());
        let Some(wanted) = wanted else {
            return Ok(Self { here, elsewhere: elsewhere.iter().map(Factor::describe).collect() });
        };
        let here: Vec<_> = here.into_iter().filter(|factor| factor.kind() == Some(wanted)).collect();
        if here.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::SignIn,
                format!("you have no second factor `{wanted}`; you have: {described}"),
            )
            .with_hint("choose another with `--factor`, or none to be asked"));
        }
        Ok(Self { here, elsewhere: Vec::new() })
    }

    /// The one that the person chooses, or the only one.
    pub(super) async fn choose(mut self, who: &Who<'_>) -> Result<Chosen> {
        let elsewhere = if self.elsewhere.is_empty() { "none".to_owned() } else { self.elsewhere.join(", ") };
        if self.here.is_empty() {
            return Ok(Chosen::InBrowser(not_here(&elsewhere)));
        }
        let mut choices: Vec<_> = self.here.iter().map(Factor::describe).collect();
        if who.has_browser && !self.elsewhere.is_empty() {
            choices.push(format!("in the browser: {elsewhere}"));
        }
        let chosen = who.choose("Second factor", &choices).await?;
        if chosen >= self.here.len() {
            return Ok(Chosen::InBrowser(not_here(&elsewhere)));
        }
        Ok(Chosen::Here(self.here.swap_remove(chosen)))
    }
}
