//! The error type of this crate: what happened, at which [`Stage`], whose [`Fault`] it is, and what to do next.

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

use crate::arn::RoleArn;
use crate::text;

/// The result type of this crate.
pub type Result<T, E = Error> = std::result::Result<T, E>;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// An error that a person can act on and a program can match on.
///
/// [`Display`](fmt::Display) is the message in one line, [`hint`](Error::hint) says what to do next. Neither contains a
/// password, a code, a SAML response or a secret key.
///
/// ```
/// use tempaccess_core::{Error, ErrorKind, Fault, Stage};
///
/// let error = Error::new(ErrorKind::RoleNotOffered, Stage::Role, "the assertion offers no role `Admin`")
///     .with_hint("`tempaccess roles` lists the offered roles");
/// assert_eq!(error.kind().as_str(), "role_not_offered");
/// assert_eq!(error.fault(), Fault::Caller);
/// ```
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    stage: Stage,
    message: Cow<'static, str>,
    hint: Option<Cow<'static, str>>,
    source: Option<Source>,
    sts: Option<StsFailure>,
    roles: Vec<RoleArn>,
    retry_after: Option<Duration>,
    limit: Option<ExceededLimit>,
    #[cfg(feature = "runtime")]
    held_back: bool,
}

impl Error {
    /// Returns an error of this kind and stage. The message is one line without a full stop at its end.
    pub fn new(kind: ErrorKind, stage: Stage, message: impl Into<Cow<'static, str>>) -> Self {
        let message = text::printable_lines(message.into());
        Self(Box::new(Inner {
            kind,
            stage,
            message,
            hint: None,
            source: None,
            sts: None,
            roles: Vec::new(),
            retry_after: None,
            limit: None,
            #[cfg(feature = "runtime")]
            held_back: false,
        }))
    }

    /// Sets what the person can do next.
    #[must_use]
    pub fn with_hint(mut self, hint: impl Into<Cow<'static, str>>) -> Self {
        self.0.hint = Some(text::printable_lines(hint.into()));
        self
    }

    /// Adds a line to what the person can do next.
    pub(crate) fn with_further_hint(self, line: &str) -> Self {
        let hint = self.hint().map_or_else(|| line.to_owned(), |hint| format!("{hint}\n{line}"));
        self.with_hint(hint)
    }

    /// Marks an earlier failure that is reported again, instead of trying again.
    #[cfg(feature = "runtime")]
    pub(crate) fn hold_back(mut self) -> Self {
        self.0.held_back = true;
        self
    }

    /// Whether this is an earlier failure.
    #[cfg(feature = "runtime")]
    pub(crate) fn is_held_back(&self) -> bool {
        self.0.held_back
    }

    /// Names the file in an error about its content.
    #[cfg(feature = "config")]
    pub(crate) fn in_file(mut self, path: &std::path::Path) -> Self {
        let message = format!("`{}`: {}", path.display(), self.0.message);
        self.0.message = text::printable_lines(message.into());
        self
    }

    /// Sets the details of STS's refusal.
    #[must_use]
    pub fn with_sts(mut self, sts: StsFailure) -> Self {
        self.0.sts = Some(sts);
        self
    }

    /// Sets the roles that the person can choose from.
    #[must_use]
    pub fn with_roles(mut self, roles: impl IntoIterator<Item = RoleArn>) -> Self {
        self.0.roles = roles.into_iter().collect();
        self
    }

    /// Sets how long to wait before trying again.
    #[must_use]
    pub fn with_retry_after(mut self, wait: Duration) -> Self {
        self.0.retry_after = Some(wait);
        self
    }

    /// Sets the limit that the input exceeds.
    #[must_use]
    pub fn with_limit(mut self, limit: ExceededLimit) -> Self {
        self.0.limit = Some(limit);
        self
    }

    /// Sets the error that caused this one.
    #[must_use]
    pub fn with_source(mut self, source: impl Into<Source>) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The kind of error.
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The stage at which it occurred.
    pub fn stage(&self) -> Stage {
        self.0.stage
    }

    /// Whose fault it is.
    pub fn fault(&self) -> Fault {
        self.0.kind.fault()
    }

    /// What happened, in one line.
    pub fn message(&self) -> &str {
        &self.0.message
    }

    /// What to do next.
    pub fn hint(&self) -> Option<&str> {
        self.0.hint.as_deref()
    }

    /// The details of STS's refusal, if the error is one.
    pub fn sts(&self) -> Option<&StsFailure> {
        self.0.sts.as_ref()
    }

    /// The roles that the person can choose from: the matching ones of `role_ambiguous`, the offered ones of `role_not_offered`.
    pub fn roles(&self) -> &[RoleArn] {
        &self.0.roles
    }

    /// How long to wait before trying again, if the other side has said so.
    pub fn retry_after(&self) -> Option<Duration> {
        self.0.retry_after
    }

    /// The limit that the input exceeds: of `limit_exceeded`, and of metadata that is too large.
    pub fn limit(&self) -> Option<ExceededLimit> {
        self.0.limit
    }

    /// Returns the error as `{kind, stage, fault, message, hint}`, the form of `--output json` and of the bindings.
    pub fn report(&self) -> ErrorReport<'_> {
        ErrorReport {
            kind: self.kind(),
            stage: self.stage(),
            fault: self.fault(),
            message: self.message().into(),
            hint: self.hint().map(Cow::Borrowed),
            roles: Cow::Borrowed(self.roles()),
            retry_after_seconds: self.retry_after().map(|wait| wait.as_secs()),
            limit: self.limit(),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0.message)
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Error")
            .field("kind", &self.0.kind)
            .field("stage", &self.0.stage)
            .field("message", &self.0.message)
            .field("hint", &self.0.hint)
            .field("source", &self.0.source)
            .finish()
    }
}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.0.source.as_deref().map(|source| source as _)
    }
}

/// The details of a refusal of STS.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct StsFailure {
    /// The code of the STS API, such as `ExpiredTokenException`.
    pub code: Option<String>,
    /// The request id, which AWS support asks for and CloudTrail records.
    pub request_id: Option<String>,
    /// The time at AWS, from the answer's `Date`.
    pub server_time: Option<Timestamp>,
}

/// A limit of [`Limits`](crate::saml::Limits) that an input exceeds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ExceededLimit {
    /// The largest number that is accepted.
    pub maximum: usize,
    /// What is counted, such as `elements` or `bytes of XML`.
    pub unit: &'static str,
}

impl ExceededLimit {
    /// A limit of this many units.
    pub fn new(maximum: usize, unit: &'static str) -> Self {
        Self { maximum, unit }
    }
}

/// The stable, serialisable form of an [`Error`].
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ErrorReport<'a> {
    /// The kind of error.
    pub kind: ErrorKind,
    /// The stage at which it occurred.
    pub stage: Stage,
    /// Whose fault it is.
    pub fault: Fault,
    /// What happened, in one line.
    pub message: Cow<'a, str>,
    /// What to do next.
    pub hint: Option<Cow<'a, str>>,
    /// The roles that the person can choose from; left out if there are none.
    #[serde(skip_serializing_if = "<[_]>::is_empty")]
    pub roles: Cow<'a, [RoleArn]>,
    /// How many seconds to wait before trying again; left out if unknown.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub retry_after_seconds: Option<u64>,
    /// The limit that the input exceeds; left out if there is none.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub limit: Option<ExceededLimit>,
}

impl ErrorReport<'_> {
    /// Returns the report with texts of its own.
    pub fn into_owned(self) -> ErrorReport<'static> {
        let Self { kind, stage, fault, message, hint, roles, retry_after_seconds, limit } = self;
        let owned = |text: Cow<'_, str>| Cow::Owned(text.into_owned());
        let roles = Cow::Owned(roles.into_owned());
        let (message, hint) = (owned(message), hint.map(owned));
        ErrorReport { kind, stage, fault, message, hint, roles, retry_after_seconds, limit }
    }
}

/// A stage on the way from a sign-in to credentials: one for each arrow of the pipeline.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Stage {
    /// Reading arguments, environment and configuration.
    Configuration,
    /// Getting a SAML response from the identity provider.
    SignIn,
    /// Unwrapping and reading the SAML response.
    Assertion,
    /// Verifying signatures and conditions.
    Verification,
    /// Choosing one of the offered roles.
    Role,
    /// Building the scope of the session.
    Scope,
    /// Exchanging the assertion at AWS STS.
    Exchange,
    /// Reading and writing the cache.
    Store,
    /// Rendering or writing the result.
    Output,
    /// Writing the audit record.
    Audit,
    /// Giving, opening, extending or ending a grant.
    Grant,
}

impl Stage {
    /// Every stage, in the order of the pipeline.
    pub const ALL: &[Self] = &[
        Self::Configuration,
        Self::SignIn,
        Self::Assertion,
        Self::Verification,
        Self::Role,
        Self::Scope,
        Self::Exchange,
        Self::Store,
        Self::Output,
        Self::Audit,
        Self::Grant,
    ];

    /// The stable name, as in `--output json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Configuration => "configuration",
            Self::SignIn => "sign_in",
            Self::Assertion => "assertion",
            Self::Verification => "verification",
            Self::Role => "role",
            Self::Scope => "scope",
            Self::Exchange => "exchange",
            Self::Store => "store",
            Self::Output => "output",
            Self::Audit => "audit",
            Self::Grant => "grant",
        }
    }
}

/// Whose fault an error is, and so who can fix it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum Fault {
    /// The person or program that called: an argument, a password, a missing terminal.
    Caller,
    /// The identity provider: its policy, its settings, its answers.
    IdentityProvider,
    /// AWS: STS, or the IAM role and provider there.
    Aws,
    /// The document: damaged, or crafted to do harm.
    Input,
    /// The machine or the network between.
    Environment,
}

impl Fault {
    /// The stable name, as in `--output json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Caller => "caller",
            Self::IdentityProvider => "identity_provider",
            Self::Aws => "aws",
            Self::Input => "input",
            Self::Environment => "environment",
        }
    }
}

macro_rules! error_kinds {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal, $fault:ident;)+) => {
        /// The kind of an error. Each has a stable name and one [`Fault`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[non_exhaustive]
        pub enum ErrorKind {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl ErrorKind {
            /// Every kind, by the stage that reports it.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name, as in `--output json` and in the error classes of every language.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// Whose fault it is.
            pub const fn fault(self) -> Fault {
                match self { $(Self::$variant => Fault::$fault),+ }
            }

            /// The description of the kind in the catalogue of errors.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start()),+ }
            }
        }
    };
}

error_kinds! {
    /// An argument or a setting is not valid.
    InvalidArgument = "invalid_argument", Caller;
    /// The configuration cannot be read or has an unknown key.
    InvalidConfiguration = "invalid_configuration", Caller;
    /// The machine refused: a file, a directory or a program.
    Io = "io", Environment;
    /// The network refused: name, connection, TLS or a proxy.
    Network = "network", Environment;
    /// The time limit for an answer has passed.
    DeadlineExceeded = "deadline_exceeded", Environment;
    /// A person is needed and none can be asked.
    InteractionRequired = "interaction_required", Caller;
    /// A function that the program provided, such as a prompter or a source, has failed.
    CallbackFailed = "callback_failed", Caller;

    /// The identity provider does not accept the name and password.
    AuthenticationFailed = "authentication_failed", Caller;
    /// The second factor was wrong, refused or not answered.
    FactorFailed = "factor_failed", Caller;
    /// None of the second factors can be used here.
    FactorUnsupported = "factor_unsupported", IdentityProvider;
    /// The account is locked.
    AccountLocked = "account_locked", Caller;
    /// The identity provider requires an action of the person first: a new password, enrolling a factor.
    AccountActionRequired = "account_action_required", Caller;
    /// A policy of the identity provider refused the sign-in.
    IdentityProviderRefused = "identity_provider_refused", IdentityProvider;
    /// The identity provider limits the rate of requests.
    RateLimited = "rate_limited", IdentityProvider;
    /// The identity provider's answer is not what its protocol requires.
    IdentityProviderError = "identity_provider_error", IdentityProvider;

    /// The input has no SAML response.
    NoSamlResponse = "no_saml_response", Input;
    /// The SAML response is not well-formed XML, or violates SAML 2.0.
    MalformedResponse = "malformed_response", Input;
    /// The SAML response has a construct that genuine ones never need, such as a DTD.
    ForbiddenConstruct = "forbidden_construct", Input;
    /// The SAML response exceeds a limit on size, depth or number of parts.
    LimitExceeded = "limit_exceeded", Input;
    /// There is more than one assertion in the SAML response.
    MultipleAssertions = "multiple_assertions", Input;
    /// The assertion is encrypted for AWS, so its roles cannot be read here.
    EncryptedAssertion = "encrypted_assertion", IdentityProvider;

    /// Neither the response nor the assertion is signed.
    UnsignedAssertion = "unsigned_assertion", IdentityProvider;
    /// A signature was not made by a trusted key, or the document was changed afterwards.
    SignatureInvalid = "signature_invalid", Input;
    /// The assertion is genuine, but not for this audience or not valid now.
    AssertionNotAccepted = "assertion_not_accepted", IdentityProvider;

    /// The assertion offers no role at all.
    NoRoles = "no_roles", IdentityProvider;
    /// The assertion does not offer the requested role.
    RoleNotOffered = "role_not_offered", Caller;
    /// More than one role matches the request.
    RoleAmbiguous = "role_ambiguous", Caller;
    /// The duration or a session policy is outside what STS accepts.
    InvalidScope = "invalid_scope", Caller;

    /// STS: the assertion is too old (ExpiredTokenException).
    AssertionExpired = "assertion_expired", IdentityProvider;
    /// STS: the identity provider's claim was rejected (IDPRejectedClaim).
    ClaimRejected = "claim_rejected", IdentityProvider;
    /// STS: the assertion is not valid (InvalidIdentityToken).
    InvalidIdentityToken = "invalid_identity_token", IdentityProvider;
    /// STS: the session policy is not valid (MalformedPolicyDocument).
    MalformedPolicy = "malformed_policy", Caller;
    /// STS: session policies and tags together are too large (PackedPolicyTooLarge).
    PackedPolicyTooLarge = "packed_policy_too_large", Caller;
    /// STS: not enabled in this region for this account (RegionDisabledException).
    RegionDisabled = "region_disabled", Aws;
    /// STS: not authorized to assume this role (AccessDenied).
    AccessDenied = "access_denied", Aws;
    /// STS: a parameter was refused (ValidationError).
    StsValidation = "sts_validation", Caller;
    /// STS: the duration exceeds the role's maximum, even the shortest that was tried (ValidationError).
    DurationAboveRoleMaximum = "duration_above_role_maximum", Caller;
    /// STS: too many requests (Throttling).
    StsThrottled = "sts_throttled", Aws;
    /// STS: not available, or the answer is not from STS.
    StsUnavailable = "sts_unavailable", Aws;

    /// IAM: not authorized for this action (AccessDenied), or the role cannot be changed (UnmodifiableEntity).
    IamRefused = "iam_refused", Aws;
    /// IAM: the policies of the role would exceed a limit (LimitExceeded).
    IamLimit = "iam_limit", Aws;
    /// IAM: not available, too many requests, or the answer is not from IAM.
    IamUnavailable = "iam_unavailable", Aws;
    /// Somebody else changed the grant at the same time, or its policy is not what was written.
    GrantChanged = "grant_changed", Caller;

    /// The audit record could not be written, so nothing was handed out.
    AuditFailed = "audit_failed", Environment;
    /// There is no grant with this id, or no role of this name.
    GrantNotFound = "grant_not_found", Caller;
    /// The grant has ended or was revoked.
    GrantEnded = "grant_ended", Caller;
    /// A rule of the configuration refuses the grant: a preset, the ticket pattern, a check.
    GrantRefused = "grant_refused", Caller;
    /// The grant could undo its own end, or others could use it.
    GrantUnsafe = "grant_unsafe", Caller;
    /// The sealed grant was not signed by a trusted administrator, or was changed afterwards.
    GrantNotGenuine = "grant_not_genuine", Input;
    /// The grant is sealed to other keys.
    GrantNotForYou = "grant_not_for_you", Caller;
    /// The credentials belong to another account, role or session than the grant says.
    GrantElsewhere = "grant_elsewhere", Input;
    /// A key that nothing can be sealed to.
    InvalidRecipient = "invalid_recipient", Caller;
    /// The person stopped it.
    Cancelled = "cancelled", Caller;
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::collections::HashSet;

    #[test]
    fn every_kind_has_a_name_of_its_own() {
        let names: HashSet<_> = ErrorKind::ALL.iter().map(|kind| kind.as_str()).collect();
        assert_eq!(names.len(), ErrorKind::ALL.len());
    }

    #[test]
    fn names_are_the_serialised_form() {
        for kind in ErrorKind::ALL {
            assert_eq!(serde_json::to_value(kind).unwrap(), kind.as_str());
            assert!(!kind.meaning().is_empty());
        }
        assert_eq!(serde_json::to_value(Stage::SignIn).unwrap(), Stage::SignIn.as_str());
        assert_eq!(serde_json::to_value(Fault::IdentityProvider).unwrap(), Fault::IdentityProvider.as_str());
    }
}
