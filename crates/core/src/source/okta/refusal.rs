//! Okta's own errors, kept in its words, with the setting that mends each.

use std::fmt;

use http::StatusCode;
use serde_json::Value;

use crate::error::{Error, ErrorKind, Stage};
use crate::text::printable;

/// The `errorCode` of Okta's answer to a wrong second factor: the transaction survives it.
pub(super) const WRONG_CODE: &str = "E0000068";
/// The same where the code was right once, and used.
pub(super) const USED_CODE: &str = "E0000082";
/// The `errorCode` for a state token that is not known, or not any more.
pub(super) const INVALID_TOKEN: &str = "E0000011";

/// What one of Okta's errors means, and who changes which setting.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct KnownRefusal {
    /// Okta's `errorCode` (`E0000004`), or the `error` of OAuth (`invalid_grant`).
    pub code: &'static str,
    /// Words in Okta's text, where the code alone does not tell.
    pub words: &'static str,
    /// What it becomes here.
    pub kind: ErrorKind,
    /// What happened.
    pub message: &'static str,
    /// What to do, and who does it.
    pub remedy: &'static str,
}

const fn known(
    code: &'static str,
    words: &'static str,
    kind: ErrorKind,
    message: &'static str,
    remedy: &'static str,
) -> KnownRefusal {
    KnownRefusal { code, words, kind, message, remedy }
}

/// Every error of Okta's that is known here. The first that fits counts.
pub const KNOWN_REFUSALS: &[KnownRefusal] = &[
    known(
        "E0000004",
        "",
        ErrorKind::AuthenticationFailed,
        "Okta does not accept the name and password",
        "check both; the password was sent once and will not be sent again by itself, so that the account is not locked",
    ),
    known(
        "E0000006",
        "",
        ErrorKind::IdentityProviderRefused,
        "Okta does not allow this",
        "the Okta administrator checks the sign-on policy of the org and of the AWS app (Security > Global session policy, \
         Security > Authentication policies)",
    ),
    known(
        "E0000011",
        "",
        ErrorKind::FactorFailed,
        "the sign-in took too long, or Okta does not know it any more",
        "sign in again",
    ),
    known(
        "E0000015",
        "",
        ErrorKind::IdentityProviderRefused,
        "Okta does not allow this",
        "the Okta administrator checks whether the feature is on for the org (Settings > Features)",
    ),
    known(
        "E0000022",
        "",
        ErrorKind::IdentityProviderRefused,
        "the org has no such interface",
        "sign in another way with `--auth device` or `--auth browser`",
    ),
    known(
        "E0000064",
        "",
        ErrorKind::AccountActionRequired,
        "the password has expired",
        "sign in at the org's page and choose a new one",
    ),
    known(
        WRONG_CODE,
        "",
        ErrorKind::FactorFailed,
        "Okta does not accept the second factor",
        "check the code, and that this machine's and the telephone's clocks are right",
    ),
    known(
        USED_CODE,
        "",
        ErrorKind::FactorFailed,
        "Okta does not accept a code twice",
        "wait for the next code and try again",
    ),
    known(
        "E0000069",
        "",
        ErrorKind::AccountLocked,
        "the account is locked",
        "unlock it at the org's sign-in page, or ask the Okta administrator",
    ),
    known(
        "E0000119",
        "",
        ErrorKind::AccountLocked,
        "the account is locked",
        "unlock it at the org's sign-in page, or ask the Okta administrator",
    ),
    known(
        "E0000109",
        "",
        ErrorKind::RateLimited,
        "a message was sent a moment ago",
        "wait half a minute before asking for another",
    ),
    known(
        "invalid_grant",
        "assurance requirements are not met",
        ErrorKind::IdentityProviderRefused,
        "the sign-in is not strong or fresh enough for the AWS app",
        "the Okta administrator gives the AWS app and the native app the same authentication policy (Security > \
         Authentication policies), with \"Device state\" Any and re-authentication not at every sign-in; until then \
         `--auth browser` signs in",
    ),
    known(
        "invalid_grant",
        "web_sso_token",
        ErrorKind::IdentityProviderRefused,
        "the AWS app does not let this client ask for a token",
        "the Okta administrator adds the client id to the AWS app: Sign On > Advanced Sign-on Settings > Allowed Web SSO Client",
    ),
    known(
        "invalid_grant",
        "",
        ErrorKind::IdentityProviderRefused,
        "Okta does not accept what was signed in with any more",
        "sign in again: `tempaccess login --force`",
    ),
    known(
        "invalid_client",
        "",
        ErrorKind::IdentityProviderRefused,
        "Okta does not know the client, or it is not active",
        "check `client_id`: it is that of the native app (Applications > the app > General), which must be active and need no \
         client secret",
    ),
    known(
        "unauthorized_client",
        "",
        ErrorKind::IdentityProviderRefused,
        "the client may not sign people in this way",
        "the Okta administrator ticks the grants Device Authorization, Token Exchange and Refresh Token of the native app \
         (Applications > the app > General > Grant type)",
    ),
    known(
        "invalid_scope",
        "",
        ErrorKind::IdentityProviderRefused,
        "the client may not have what it asks for",
        "the Okta administrator grants `okta.apps.sso`, `okta.apps.read` and `okta.users.read.self` to the native app \
         (Applications > the app > Okta API Scopes)",
    ),
    known(
        "invalid_target",
        "",
        ErrorKind::IdentityProviderRefused,
        "Okta does not know the AWS app, or it is not yours",
        "copy the link from the app's tile; the Okta administrator assigns the app to you",
    ),
    known(
        "access_denied",
        "",
        ErrorKind::IdentityProviderRefused,
        "the sign-in was declined, or a policy forbids it",
        "the Okta administrator assigns the native app to you (Applications > the app > Assignments) and finds the rule that \
         refused in Reports > System Log",
    ),
];

/// The known refusal that fits best.
fn find(code: &str, said: &str) -> Option<&'static KnownRefusal> {
    KNOWN_REFUSALS.iter().find(|known| known.code == code && said.contains(known.words))
}

/// The error that an HTTP status and Okta's error object stand for.
pub(super) fn from_answer(status: StatusCode, body: Option<&Value>, host: &str) -> Error {
    let text = |name: &str| body.and_then(|body| body.get(name)).and_then(Value::as_str);
    let (code, summary) = (text("errorCode"), text("errorSummary").unwrap_or_default());
    if status == StatusCode::TOO_MANY_REQUESTS && code != Some("E0000109") {
        let said = code.map(|code| format!(" ({}: {})", printable(code), printable(summary))).unwrap_or_default();
        return Error::new(
            ErrorKind::RateLimited,
            Stage::SignIn,
            format!("Okta limits how often it may be asked{said}"),
        )
        .with_hint("wait a minute and try again");
    }
    let Some(code) = code else { return nothing_said(status, host) };
    let cause = body
        .and_then(|body| body.pointer("/errorCauses/0/errorSummary"))
        .and_then(Value::as_str)
        .filter(|cause| *cause != summary)
        .map(|cause| format!("; {}", printable(cause)))
        .unwrap_or_default();
    refused(status, code, &format!("{}{cause}", printable(summary)))
}

/// The error that OAuth's error object stands for (RFC 6749, 5.2).
pub(super) fn from_oauth(status: StatusCode, body: &Value, host: &str) -> Error {
    let text = |name: &str| body.get(name).and_then(Value::as_str);
    match text("error") {
        Some(code) => refused(status, code, &printable(text("error_description").unwrap_or_default())),
        None => from_answer(status, Some(body), host),
    }
}

fn nothing_said(status: StatusCode, host: &str) -> Error {
    Error::new(
        ErrorKind::IdentityProviderError,
        Stage::SignIn,
        format!("`{host}` answered with HTTP status {} and nothing that Okta says", status.as_u16()),
    )
    .with_hint("check that the app's link is that of an Okta org, and try again")
}

fn refused(status: StatusCode, code: &str, said: &str) -> Error {
    let (kind, message, hint) = match find(code, said) {
        Some(known) => (known.kind, known.message, known.remedy),
        None if status.is_server_error() => (
            ErrorKind::IdentityProviderError,
            "Okta has a problem of its own",
            "try again later; status.okta.com tells more",
        ),
        None => (
            ErrorKind::IdentityProviderRefused,
            "Okta refused",
            "the Okta administrator finds the reason in the org's system log (Reports > System Log)",
        ),
    };
    Error::new(kind, Stage::SignIn, format!("{message} ({}: {said})", printable(code)))
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
