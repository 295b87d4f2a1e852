//! Okta's refusals as errors: Okta's own words and code, with the setting to change.
//!
//! Both engines and OAuth report refusals in different shapes. They are all looked up in one table, [`KNOWN_REFUSALS`].

mod table;

use std::fmt;

use http::StatusCode;
use serde_json::Value;
use url::Url;

pub use table::{KNOWN_REFUSALS, KnownRefusal};

use crate::error::{Error, ErrorKind, Stage};
use crate::text::{excerpt, printable};

/// The `errorCode` for a wrong second factor. The transaction stays usable.
pub(super) const WRONG_CODE: &str = "E0000068";
/// The `errorCode` for a code that was accepted before.
pub(super) const USED_CODE: &str = "E0000082";
/// The `errorCode` for a token that Okta does not know, or that has expired.
pub(super) const INVALID_TOKEN: &str = "E0000011";

/// Looks up a refusal by the code and the words that Okta uses.
pub(super) fn find(code: &str, text: &str) -> Option<&'static KnownRefusal> {
    KNOWN_REFUSALS.iter().find(|known| known.matches(code, text))
}

/// Converts Okta's error object, or an answer without one.
pub(super) fn from_answer(status: StatusCode, body: Option<&Value>, org: &Url) -> Error {
    let field = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str);
    let (code, summary) = (field("errorCode"), field("errorSummary").unwrap_or_default());
    match code {
        Some(code) => {
            let cause = body.and_then(|body| body.pointer("/errorCauses/0/errorSummary")).and_then(Value::as_str);
            let cause = cause.filter(|cause| *cause != summary);
            let cause = cause.map(|cause| format!("; {}", excerpt(cause))).unwrap_or_default();
            from_code(status, code, &format!("{}{cause}", excerpt(summary)), org)
        }
        None if status == StatusCode::TOO_MANY_REQUESTS => from_code(status, "E0000047", "HTTP status 429", org),
        None => without_error_object(status, org),
    }
}

/// Converts OAuth's error object (RFC 6749, 5.2).
pub(super) fn from_oauth(status: StatusCode, body: &Value, org: &Url) -> Error {
    let field = |name: &str| body.get(name).and_then(Value::as_str);
    match field("error") {
        Some(code) => from_code(status, code, &excerpt(field("error_description").unwrap_or_default()), org),
        None => from_answer(status, Some(body), org),
    }
}

/// Converts a code that Okta answered with and its text, which is safe to show.
pub(super) fn from_code(status: StatusCode, code: &str, text: &str, org: &Url) -> Error {
    let known = find(code, text).or_else(|| match status {
        StatusCode::TOO_MANY_REQUESTS => find("E0000047", ""),
        status if status.is_server_error() => find("E0000009", ""),
        _ => None,
    });
    let detail = match (code, text) {
        ("", text) => text.to_owned(),
        (code, "") => printable(code).into_owned(),
        (code, text) => format!("{}: {text}", printable(code)),
    };
    let error = match known {
        Some(known) => Error::new(known.kind, Stage::SignIn, format!("{} ({detail})", known.message))
            .with_hint(known.remedy(org.as_str())),
        None => Error::new(
            ErrorKind::IdentityProviderRefused,
            Stage::SignIn,
            format!("Okta refused the request ({detail})"),
        )
        .with_hint("the Okta administrator finds the reason in the org's system log (Reports > System Log)"),
    };
    error.with_source(OktaCode(code.to_owned()))
}

/// Converts a state, a result or a step for which Okta gives no text; nothing if it is not in the table.
pub(super) fn from_state(state: &str, org: &Url) -> Option<Error> {
    let known = find(state, "")?;
    Some(Error::new(known.kind, Stage::SignIn, known.message).with_hint(known.remedy(org.as_str())))
}

fn without_error_object(status: StatusCode, org: &Url) -> Error {
    let host = org.host_str().unwrap_or_default();
    let message = format!("unexpected HTTP status {} from `{host}`", status.as_u16());
    Error::new(ErrorKind::IdentityProviderError, Stage::SignIn, message)
        .with_hint("check that the source is the address of an Okta org, and try again")
}

/// Okta's own code, attached to the error that was made from it.
#[derive(Debug)]
struct OktaCode(String);

impl fmt::Display for OktaCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Okta's code {}", printable(&self.0))
    }
}

impl std::error::Error for OktaCode {}

/// Whether the error was made from this code of Okta.
pub(super) fn has_code(error: &Error, code: &str) -> bool {
    let source = std::error::Error::source(error);
    source.and_then(|source| source.downcast_ref::<OktaCode>()).is_some_and(|known| known.0 == code)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_shape_of_a_refusal_finds_the_same_row() {
        for codes in [
            &["E0000004", "errors.E0000004", "incorrectPassword"][..],
            &["E0000119", "errors.E0000119", "LOCKED_OUT", "error.auth.lockedOut"],
            &["E0000068", "api.authn.error.PASSCODE_INVALID", "authfactor.challenge.soft_token.invalid_passcode"],
            &["REJECTED", "oktaverify.rejected", "oktaverify.rejected.upgradeRequired.ios"],
        ] {
            let rows: Vec<_> = codes.iter().map(|code| find(code, "").unwrap().message).collect();
            assert!(rows.windows(2).all(|pair| pair[0] == pair[1]), "{codes:?}: {rows:?}");
        }
        assert!(find("E00000041", "").is_none());
        assert!(find("notE0000004", "").is_none());
    }

    #[test]
    fn a_code_has_one_row_for_the_same_words() {
        for (at, row) in KNOWN_REFUSALS.iter().enumerate() {
            for code in row.codes {
                let first = KNOWN_REFUSALS.iter().position(|known| known.matches(code, row.words));
                assert_eq!(first, Some(at), "{code}");
            }
        }
    }
}
