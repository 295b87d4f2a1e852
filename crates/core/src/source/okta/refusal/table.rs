//! Everything that Okta is known to refuse, with the remedy for each.

use crate::error::ErrorKind;

/// What one of Okta's refusals means, and which setting to change.
#[derive(Debug, Clone, Copy)]
#[non_exhaustive]
pub struct KnownRefusal {
    /// The names that Okta uses for it: an `errorCode` (`E0000004`), an OAuth `error` (`invalid_grant`), the state of a
    /// transaction (`LOCKED_OUT`), the result of a push (`REJECTED`), or the key of a message or the name of a step of the
    /// Identity Engine (`oktaverify.rejected`, `select-authenticator-enroll`). A name also matches longer keys of which it
    /// is the beginning or the end: `E0000004` matches `errors.E0000004`.
    pub codes: &'static [&'static str],
    /// Words that Okta's text must contain, where the code has several meanings. Empty otherwise.
    pub words: &'static str,
    /// The kind of the error that is returned.
    pub kind: ErrorKind,
    /// What happened.
    pub message: &'static str,
    remedy: &'static str,
}

impl KnownRefusal {
    /// Returns what to do, and who can do it. `org` is the address of the org, or a word for it.
    pub fn remedy(&self, org: &str) -> String {
        self.remedy.replace("{org}", org)
    }

    /// Whether this is what Okta refused.
    pub(super) fn matches(&self, code: &str, text: &str) -> bool {
        let is_code = |known: &str| {
            code == known
                || code.strip_suffix(known).is_some_and(|rest| rest.ends_with('.'))
                || code.strip_prefix(known).is_some_and(|rest| rest.starts_with('.'))
        };
        self.codes.iter().any(|known| is_code(known)) && text.contains(self.words)
    }
}

const fn known(
    codes: &'static [&'static str],
    kind: ErrorKind,
    message: &'static str,
    remedy: &'static str,
) -> KnownRefusal {
    known_by_words(codes, "", kind, message, remedy)
}

const fn known_by_words(
    codes: &'static [&'static str],
    words: &'static str,
    kind: ErrorKind,
    message: &'static str,
    remedy: &'static str,
) -> KnownRefusal {
    KnownRefusal { codes, words, kind, message, remedy }
}

/// Every refusal that is known. The first one that matches applies.
pub const KNOWN_REFUSALS: &[KnownRefusal] = &[
    // User name and password.
    known(
        &["E0000004", "E0000207", "incorrectPassword"],
        ErrorKind::AuthenticationFailed,
        "Okta rejected the user name or password",
        "check both; the password was sent once and is not sent again automatically, so that the account is not locked",
    ),
    known(&["UNAUTHENTICATED"], ErrorKind::AuthenticationFailed, "Okta asked for the password again", "sign in again"),
    // The account.
    known(
        &["E0000069", "E0000119", "LOCKED_OUT", "lockedOut"],
        ErrorKind::AccountLocked,
        "the account is locked",
        "unlock it at {org}, or ask the Okta administrator",
    ),
    known(
        &["E0000085"],
        ErrorKind::IdentityProviderRefused,
        "Okta does not let this account sign in",
        "ask the Okta administrator whether the account is active and which rule of the global session policy denies it \
         (Reports > System Log)",
    ),
    known(
        &[
            "E0000064",
            "PASSWORD_EXPIRED",
            "reenroll-authenticator",
            "reenroll-authenticator-warning",
            "reset-authenticator",
        ],
        ErrorKind::AccountActionRequired,
        "the password has expired",
        "sign in at {org} and choose a new password",
    ),
    known(
        &["MFA_ENROLL", "MFA_ENROLL_ACTIVATE", "select-authenticator-enroll", "enroll-authenticator"],
        ErrorKind::AccountActionRequired,
        "Okta requires a second factor, and none is set up",
        "sign in at {org} and set up a second factor",
    ),
    known(
        &["RECOVERY", "RECOVERY_CHALLENGE", "PASSWORD_RESET"],
        ErrorKind::AccountActionRequired,
        "the account is being recovered",
        "finish the recovery at {org}",
    ),
    // Second factors.
    known(
        &["E0000068", "PASSCODE_INVALID", "invalid_passcode"],
        ErrorKind::FactorFailed,
        "Okta rejected the second factor",
        "check the code, and the clocks of this machine and of the phone",
    ),
    known(
        &["E0000082", "E0000106", "PASSCODE_REPLAYED", "used_passcode"],
        ErrorKind::FactorFailed,
        "the code was already used",
        "wait for the next code and try again",
    ),
    known(
        &["E0000083", "TIME_WINDOW_EXCEEDED"],
        ErrorKind::FactorFailed,
        "the code has expired",
        "check the clocks of this machine and of the phone, and use the current code",
    ),
    known(
        &["authfactor.challenge.suspended_factor"],
        ErrorKind::FactorFailed,
        "the second factor is suspended after too many failed attempts",
        "choose another second factor, or ask the Okta administrator to reset it (Directory > People > the person > More \
         Actions > Reset Authenticators)",
    ),
    known(
        &["REJECTED", "E0000073", "oktaverify.rejected", "idx.operation.cancelled.on.other.device"],
        ErrorKind::FactorFailed,
        "the push was rejected on the phone",
        "sign in again; if you did not request the push, tell your Okta administrator",
    ),
    known(
        &["TIMEOUT", "oktaverify.timeout"],
        ErrorKind::DeadlineExceeded,
        "the push was not answered in time",
        "sign in again; if you did not request the push, tell your Okta administrator",
    ),
    known(
        &["CANCELLED"],
        ErrorKind::FactorFailed,
        "the push was cancelled",
        "sign in again; if you did not request the push, tell your Okta administrator",
    ),
    known(
        &["ERROR", "E0000067", "E0000074"],
        ErrorKind::IdentityProviderError,
        "Okta could not verify the second factor",
        "try again; if it keeps failing, choose another second factor",
    ),
    known(
        &["E0000109", "E0000133"],
        ErrorKind::RateLimited,
        "Okta sent a code less than 30 seconds ago",
        "wait 30 seconds before requesting another code",
    ),
    known(
        &["E0000150", "E0000151"],
        ErrorKind::RateLimited,
        "Okta has sent the maximum number of codes",
        "choose another second factor, or try again later",
    ),
    // Limits and outages.
    known(
        &["E0000047", "oie.tooManyRequests"],
        ErrorKind::RateLimited,
        "Okta's rate limit was reached",
        "wait a minute and try again",
    ),
    known(
        &["E0000009", "E0000010"],
        ErrorKind::IdentityProviderError,
        "Okta reported an internal error",
        "try again later; see status.okta.com",
    ),
    // The session and its tokens.
    known(
        &["E0000005", "E0000011", "invalid_token", "idx.session.expired"],
        ErrorKind::FactorFailed,
        "the sign-in has expired at Okta",
        "sign in again",
    ),
    // Policies.
    known(
        &["idx.error.code.access_denied.device_assurance"],
        ErrorKind::IdentityProviderRefused,
        "this device does not meet the org's security requirements",
        "sign in with `--auth browser` on a managed device; the Okta administrator sets the requirements (Security > Device \
         assurance policies)",
    ),
    known(
        &["E0000006", "E0000057", "E0000079", "security.access_denied", "idx.error.code.access_denied"],
        ErrorKind::IdentityProviderRefused,
        "Okta denied access",
        "the Okta administrator checks the policies of the org and of the AWS app (Security > Global session policy, \
         Security > Authentication policies)",
    ),
    known(
        &["E0000058", "E0000092"],
        ErrorKind::IdentityProviderRefused,
        "the AWS app requires another authentication step",
        "sign in with `--auth browser`; the Okta administrator checks the authentication policy of the AWS app (Security > \
         Authentication policies)",
    ),
    known(
        &["oie.assurance.unsatisfiable"],
        ErrorKind::IdentityProviderRefused,
        "no authenticator of this account satisfies the policy of the AWS app",
        "set up another authenticator at {org}, or ask the Okta administrator which one the AWS app requires (Security > \
         Authentication policies)",
    ),
    known(
        &["E0000015"],
        ErrorKind::IdentityProviderRefused,
        "the feature is not enabled for the org",
        "the Okta administrator checks whether the feature is enabled (Settings > Features)",
    ),
    known(
        &["E0000022"],
        ErrorKind::IdentityProviderRefused,
        "the org does not support this sign-in method",
        "sign in with `--auth device` or `--auth browser`",
    ),
    // OAuth.
    known_by_words(
        &["invalid_grant"],
        "assurance requirements are not met",
        ErrorKind::IdentityProviderRefused,
        "the sign-in does not satisfy the authentication policy of the AWS app",
        "the Okta administrator gives the AWS app and the native app the same authentication policy (Security > \
         Authentication policies), with \"Device state\" Any and re-authentication not at every sign-in; until then, sign in \
         with `--auth browser`",
    ),
    known_by_words(
        &["invalid_grant"],
        "web_sso_token",
        ErrorKind::IdentityProviderRefused,
        "the AWS app does not let this client ask for a token",
        "the Okta administrator adds the client id to the AWS app: Sign On > Advanced Sign-on Settings > Allowed Web SSO Client",
    ),
    known(
        &["invalid_grant"],
        ErrorKind::IdentityProviderRefused,
        "the sign-in is no longer valid at Okta",
        "sign in again",
    ),
    known(
        &["invalid_client"],
        ErrorKind::IdentityProviderRefused,
        "Okta does not know the client id, or the native app is not active",
        "check `client_id`: it is the id of the native app (Applications > the app > General), which must be active and must \
         not require a client secret",
    ),
    known(
        &["unauthorized_client", "unsupported_grant_type"],
        ErrorKind::IdentityProviderRefused,
        "the native app is not allowed to use this grant type",
        "the Okta administrator selects the grant types Device Authorization, Token Exchange and Refresh Token for the native \
         app (Applications > the app > General > Grant type)",
    ),
    known(
        &["invalid_scope"],
        ErrorKind::IdentityProviderRefused,
        "the native app is not allowed to request a scope",
        "the Okta administrator grants `okta.apps.sso` to the native app, and `okta.users.read.self` if the source is the org \
         alone (Applications > the app > Okta API Scopes)",
    ),
    known(
        &["insufficient_scope"],
        ErrorKind::IdentityProviderRefused,
        "the native app is not allowed to list your apps",
        "configure the link of the AWS app as the source, or ask the Okta administrator to grant `okta.users.read.self` to the \
         native app (Applications > the app > Okta API Scopes)",
    ),
    known(
        &["invalid_target"],
        ErrorKind::IdentityProviderRefused,
        "Okta does not know the AWS app, or it is not assigned to you",
        "copy the link from the app's tile; the Okta administrator assigns the app to you",
    ),
    known(
        &["access_denied"],
        ErrorKind::IdentityProviderRefused,
        "the sign-in was declined, or a policy denied it",
        "the Okta administrator assigns the native app to you (Applications > the app > Assignments) and finds the rule that \
         denied the sign-in in Reports > System Log",
    ),
];
