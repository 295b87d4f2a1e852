//! What an error says to programs: its kind, the stage that it came from, and whose fault it is.

use serde::Serialize;

/// A stage of the pipeline from a sign-in to credentials.
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
    /// Every stage.
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

    /// The audit log or the records of grants could not be read or written.
    AuditFailed = "audit_failed", Environment;
    /// There is no grant with this id, or no role of this name.
    GrantNotFound = "grant_not_found", Caller;
    /// The grant has ended or was revoked.
    GrantEnded = "grant_ended", Caller;
    /// A rule of the configuration refuses the grant: a preset, the ticket pattern, a check.
    GrantRefused = "grant_refused", Caller;
    /// The person could keep access after the grant ends, or others could use it.
    GrantUnsafe = "grant_unsafe", Caller;
    /// A sealed grant, a record or a request is not signed with a trusted key, or was changed afterwards.
    GrantNotGenuine = "grant_not_genuine", Input;
    /// The grant is sealed to other keys.
    GrantNotForYou = "grant_not_for_you", Caller;
    /// The grant is for an account that is not configured, or its credentials are for another session than it names.
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
