//! The error type of this crate: what happened, at which [`Stage`], whose [`Fault`] it is, and what to do next.

mod kind;

use std::borrow::Cow;
use std::fmt;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;

pub use self::kind::{ErrorKind, Fault, Stage};
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
    is_replayed: bool,
    #[cfg(feature = "runtime")]
    is_guarded: bool,
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
            is_replayed: false,
            #[cfg(feature = "runtime")]
            is_guarded: false,
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
    pub(crate) fn mark_replayed(mut self) -> Self {
        self.0.is_replayed = true;
        self
    }

    /// Whether this is an earlier failure.
    #[cfg(feature = "runtime")]
    pub(crate) fn is_replayed(&self) -> bool {
        self.0.is_replayed
    }

    /// Marks a failure whose source rejects this exact input from now on, and accepts a corrected one.
    #[cfg_attr(not(feature = "okta"), allow(dead_code, reason = "marked by the sources of Okta"))]
    pub(crate) fn mark_guarded(self) -> Self {
        #[cfg(feature = "runtime")]
        {
            let mut error = self;
            error.0.is_guarded = true;
            error
        }
        #[cfg(not(feature = "runtime"))]
        self
    }

    /// Whether the source will not let the same input through again.
    #[cfg(feature = "runtime")]
    pub(crate) fn is_guarded(&self) -> bool {
        self.0.is_guarded
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
