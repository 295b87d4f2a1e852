//! Notices to the person: what needs no answer.

use std::fmt;

use jiff::Timestamp;

use super::Visit;
use crate::text::printable;

/// Something that the person should know and that needs no answer. [`Display`](fmt::Display) is the English text that the
/// command line shows; an embedder can show the parts in its own words and language.
///
/// ```
/// use tempaccess_core::Notice;
///
/// let notice = Notice::NumberChallenge { number: "42".to_owned() };
/// assert_eq!(notice.to_string(), "Tap the number 42 on the phone");
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// The person signs in at a page, in a browser of their own choice.
    Visit(Visit),
    /// A browser window opens, or a headless browser signs in, at this host.
    Browser {
        /// The host of the page.
        host: String,
        /// Whether there is a window.
        has_window: bool,
    },
    /// The method to sign in was chosen by the org's engine.
    MethodChosen {
        /// The host of the org.
        host: String,
        /// The engine: `Classic Engine` or `Identity Engine`.
        engine: &'static str,
        /// What the person does.
        method: &'static str,
    },
    /// The terminal cannot continue the sign-in; a browser does.
    ContinuingInBrowser {
        /// Why.
        reason: String,
    },
    /// A second factor was sent: a push, or a code by text message, call or e-mail.
    FactorSent {
        /// The factor.
        factor: String,
        /// What the person does next.
        step: FactorStep,
    },
    /// The person taps this number on the other device.
    NumberChallenge {
        /// The number, as it is shown there.
        number: String,
    },
    /// An answer was not accepted, and the question is repeated.
    AnswerRejected {
        /// Why.
        reason: String,
    },
    /// The entered code was used for the previous step; the next one is needed.
    CodeJustUsed,
    /// The password expires soon.
    PasswordExpiresSoon,
    /// An optional step of the identity provider was skipped.
    OptionalStepSkipped,
    /// A message of the identity provider.
    ProviderMessage {
        /// The text.
        text: String,
    },
    /// A choice among several apps can be saved in the configuration.
    AppChosen,
    /// A SAML response was refused, and the sign-in waits for a valid one.
    ResponseRefused {
        /// Why.
        reason: String,
    },
    /// A second browser tried to open the page of a sign-in and was refused.
    StartPageOpenedTwice,
    /// A cached entry cannot be used, or entries are stored with less protection than usual.
    Cache {
        /// The remark.
        text: String,
    },
    /// Something was not cached. It was issued all the same.
    NotCached {
        /// What.
        item: CachedItem,
        /// Why.
        reason: String,
    },
    /// Credentials could not be refreshed; the cached ones are used until they expire.
    RefreshFailed {
        /// When they expire.
        expiration: Timestamp,
        /// Why.
        reason: String,
    },
    /// The assertion expires before all roles are exchanged, so the person's session yields another one.
    SigningInAgain {
        /// How many roles are left.
        roles: usize,
    },
    /// Another notice, for sources of your own.
    Other(String),
}

/// What the person does with a second factor that was sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum FactorStep {
    /// Approve it on the other device.
    Approve,
    /// Enter the code.
    EnterCode,
    /// Enter the code, which was sent again.
    EnterCodeAgain,
}

/// What was not cached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum CachedItem {
    /// AWS credentials.
    Credentials,
    /// The session or the tokens at the identity provider.
    SignIn,
}

impl Notice {
    /// Whether no action is needed: the sign-in continues as expected.
    pub fn is_informational(&self) -> bool {
        matches!(
            self,
            Self::MethodChosen { .. }
                | Self::CodeJustUsed
                | Self::OptionalStepSkipped
                | Self::ProviderMessage { .. }
                | Self::AppChosen
        )
    }
}

impl fmt::Display for Notice {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let shown = |text: &str| printable(text).into_owned();
        match self {
            Self::Visit(page) => write!(f, "{page}"),
            Self::Browser { host, has_window: true } => {
                write!(f, "Sign in in the browser window that opens: {}", shown(host))
            }
            Self::Browser { host, has_window: false } => {
                write!(f, "Signing in with a headless browser: {}", shown(host))
            }
            Self::MethodChosen { host, engine, method } => {
                write!(f, "{} has the {engine}: {method}; use `--auth` to choose another method", shown(host))
            }
            Self::ContinuingInBrowser { reason } => write!(f, "{}; continuing in the browser", shown(reason)),
            Self::FactorSent { factor, step: FactorStep::Approve } => {
                write!(f, "Sent: {}. Approve it on the phone", shown(factor))
            }
            Self::FactorSent { factor, step: FactorStep::EnterCode } => write!(f, "Sent: {}", shown(factor)),
            Self::FactorSent { factor, step: FactorStep::EnterCodeAgain } => write!(f, "Sent again: {}", shown(factor)),
            Self::NumberChallenge { number } => write!(f, "Tap the number {} on the phone", shown(number)),
            Self::AnswerRejected { reason } => f.write_str(&shown(reason)),
            Self::CodeJustUsed => f.write_str("This code was just used: wait for the next one"),
            Self::PasswordExpiresSoon => f.write_str("Okta: your password expires soon"),
            Self::OptionalStepSkipped => f.write_str("Skipped an optional step; sign in at the org's page to see it"),
            Self::ProviderMessage { text } => write!(f, "Okta: {}", shown(text)),
            Self::AppChosen => f.write_str("To skip this question, configure the link of the app as the source"),
            Self::ResponseRefused { reason } => write!(
                f,
                "Refused a SAML response: {}. Still waiting for a valid one; Ctrl-C stops waiting",
                shown(reason)
            ),
            Self::StartPageOpenedTwice => f.write_str(
                "A second browser tried to open the sign-in page and was refused. If the first one was not yours, stop with \
                 Ctrl-C and start again",
            ),
            Self::Cache { text } => f.write_str(&shown(text)),
            Self::NotCached { item: CachedItem::Credentials, reason } => {
                write!(f, "Credentials are not cached: {}", shown(reason))
            }
            Self::NotCached { item: CachedItem::SignIn, reason } => {
                write!(f, "The sign-in is not cached: {}", shown(reason))
            }
            Self::RefreshFailed { expiration, reason } => {
                write!(f, "Cannot refresh credentials that expire at {expiration}: {}", shown(reason))
            }
            Self::SigningInAgain { roles } => {
                write!(f, "The assertion expires soon; signing in again for {roles} more roles")
            }
            Self::Other(text) => f.write_str(&shown(text)),
        }
    }
}
