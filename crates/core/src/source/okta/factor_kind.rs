//! The kinds of second factors.

use crate::named::named_enum;

named_enum! {
    /// A kind of second factor that can be answered from a terminal.
    #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
    #[non_exhaustive]
    pub enum FactorKind("second factor") {
        /// A push to Okta Verify (`push`), with the number challenge if the org requires it.
        Push = "push",
        /// A code from an authenticator app or a token (`token:software:totp`, `token`, `token:hardware`, `token:hotp`).
        Code = "code",
        /// A code by text message (`sms`).
        Sms = "sms",
        /// A code by phone call (`call`).
        Call = "call",
        /// A code by e-mail (`email`).
        Email = "email",
        /// A security question (`question`).
        Question = "question",
    }
}

impl FactorKind {
    /// The kind of Okta's `factorType`; nothing if a terminal cannot answer it.
    pub(super) fn from_okta(factor_type: &str, provider: &str) -> Option<Self> {
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

    /// Names the kind to a person.
    pub(super) const fn label(self) -> &'static str {
        match self {
            Self::Push => "push",
            Self::Code => "code",
            Self::Sms => "code by text message",
            Self::Call => "code by phone call",
            Self::Email => "code by e-mail",
            Self::Question => "security question",
        }
    }

    /// Whether Okta sends a code first, which the person then enters.
    pub(super) fn is_sent(self) -> bool {
        matches!(self, Self::Sms | Self::Call | Self::Email)
    }
}
