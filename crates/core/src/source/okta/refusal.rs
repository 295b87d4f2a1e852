//! Okta's own errors, kept in its words, with what to do about each.

use std::fmt;

use http::StatusCode;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Stage};
use crate::text::printable;

/// The `errorCode` of Okta's answer to a wrong second factor: the transaction survives it.
pub(super) const WRONG_CODE: &str = "E0000068";
/// The `errorCode` for a state token that is not known, or not any more.
pub(super) const INVALID_TOKEN: &str = "E0000011";

/// The error that an HTTP status and Okta's error object stand for.
pub(super) fn from_answer(status: StatusCode, body: Option<&Value>, host: &str) -> Error {
    let text = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str);
    let (code, summary) = (text("errorCode"), text("errorSummary").unwrap_or_default());
    if status == StatusCode::TOO_MANY_REQUESTS {
        let said = code.map(|code| format!(" ({}: {})", printable(code), printable(summary))).unwrap_or_default();
        return Error::new(
            ErrorKind::RateLimited,
            Stage::SignIn,
            format!("Okta limits how often it may be asked{said}"),
        )
        .with_hint("wait a minute and try again");
    }
    let Some(code) = code else {
        return Error::new(
            ErrorKind::IdentityProviderError,
            Stage::SignIn,
            format!("`{host}` answered with HTTP status {} and nothing that Okta says", status.as_u16()),
        )
        .with_hint("check that the app's link is that of an Okta org, and try again");
    };
    let cause = body
        .and_then(|body| body.pointer("/errorCauses/0/errorSummary"))
        .and_then(Value::as_str)
        .filter(|cause| *cause != summary)
        .map(|cause| format!("; {}", printable(cause)))
        .unwrap_or_default();
    let said = format!("{}: {}{cause}", printable(code), printable(summary));
    let (kind, message, hint) = match code {
        "E0000004" => (
            ErrorKind::AuthenticationFailed,
            "Okta does not accept the name and password",
            "check both; the password was sent once and will not be sent again by itself, so that the account is not locked",
        ),
        "E0000011" => {
            (ErrorKind::FactorFailed, "the sign-in took too long, or Okta does not know it any more", "sign in again")
        }
        WRONG_CODE => (
            ErrorKind::FactorFailed,
            "Okta does not accept the second factor",
            "check the code, and that this machine's and the telephone's clocks are right",
        ),
        "E0000069" | "E0000119" => (
            ErrorKind::AccountLocked,
            "the account is locked",
            "unlock it at the org's sign-in page, or ask the Okta administrator",
        ),
        "E0000006" | "E0000022" | "E0000015" => (
            ErrorKind::IdentityProviderRefused,
            "Okta does not allow this",
            "the Okta administrator checks the sign-on policy of the org and of the AWS app",
        ),
        _ if status.is_server_error() => (
            ErrorKind::IdentityProviderError,
            "Okta has a problem of its own",
            "try again later; status.okta.com tells more",
        ),
        _ => (
            ErrorKind::IdentityProviderRefused,
            "Okta refused",
            "the Okta administrator finds the reason in the org's system log",
        ),
    };
    Error::new(kind, Stage::SignIn, format!("{message} ({said})"))
        .with_hint(hint)
        .with_source(OktaCode(code.to_owned()))
}

/// Okta's own code, kept behind the error that it became.
#[derive(Debug)]
struct OktaCode(String);

impl fmt::Display for OktaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Okta's code {}", printable(&self.0))
    }
}

impl std::error::Error for OktaCode {}

/// Whether the error is this one of Okta's.
pub(super) fn is(error: &Error, code: &str) -> bool {
    let source = std::error::Error::source(error);
    source.and_then(|source| source.downcast_ref::<OktaCode>()).is_some_and(|known| known.0 == code)
}
