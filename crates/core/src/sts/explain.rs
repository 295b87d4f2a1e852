//! Why AWS refused: its own words, beside what the assertion and the clocks tell.

use std::fmt;

use jiff::{SignedDuration, Timestamp};

use crate::error::{Error, ErrorKind};
use crate::saml::{Assertion, ProblemCode};
use crate::scope::human;

/// Clocks this far apart are worth a word.
const CLOCK_TOLERANCE: SignedDuration = SignedDuration::from_secs(60);

/// A refusal has one cause; more problems than this are for `inspect` to list.
const EXPLAINED: usize = 5;

/// Adds to a refusal of STS what can be known here of its cause. The assertion is judged at AWS's time, where STS said
/// it, so that a wrong clock of this machine cannot mislead.
pub(crate) fn explain(error: Error, assertion: &Assertion, now: Timestamp) -> Error {
    let kinds = [
        ErrorKind::AssertionExpired,
        ErrorKind::ClaimRejected,
        ErrorKind::InvalidIdentityToken,
        ErrorKind::AccessDenied,
        ErrorKind::StsValidation,
    ];
    if !kinds.contains(&error.kind()) {
        return error;
    }
    let at_aws = error.sts().and_then(|sts| sts.server_time);
    let mut lines = Vec::new();
    let problems = assertion.problems(at_aws.unwrap_or(now));
    for problem in problems.iter().filter(|problem| problem.code != ProblemCode::Encrypted).take(EXPLAINED) {
        let hint = problem.hint.as_ref().map(|hint| format!(" ({hint})")).unwrap_or_default();
        lines.push(format!("in the assertion: {}{hint}", problem.message));
    }
    if error.kind() == ErrorKind::AccessDenied {
        lines.extend(permissions(assertion));
    }
    if let Some(skew) = at_aws.and_then(|at_aws| ClockSkew::new(now.duration_since(at_aws))) {
        lines.push(format!("{skew}; set the clock"));
    }
    lines.extend(error.hint().map(str::to_owned));
    if lines.is_empty() { error } else { error.with_hint(lines.join("\n")) }
}

/// What the trust policy must allow beyond AssumeRoleWithSAML for this assertion.
fn permissions(assertion: &Assertion) -> Vec<String> {
    let mut lines = Vec::new();
    if !assertion.aws.tags.is_empty() {
        lines.push(
            "the assertion carries session tags: the role's trust policy must allow `sts:TagSession` too".to_owned(),
        );
    }
    if assertion.aws.source_identity.is_some() {
        lines.push(
            "the assertion carries a source identity: the role's trust policy must allow `sts:SetSourceIdentity` too"
                .to_owned(),
        );
    }
    lines
}

/// A difference between the clocks of this machine and of AWS that matters: a minute or more.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ClockSkew(SignedDuration);

impl ClockSkew {
    /// Returns the skew if it matters. `ahead` is positive if this machine's clock is ahead of AWS's.
    pub fn new(ahead: SignedDuration) -> Option<Self> {
        (ahead.abs() >= CLOCK_TOLERANCE).then_some(Self(ahead))
    }
}

/// `this machine's clock is 10m ahead of AWS's`.
impl fmt::Display for ClockSkew {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let direction = if self.0.is_positive() { "ahead of" } else { "behind" };
        let seconds = u32::try_from(self.0.abs().as_secs()).unwrap_or(u32::MAX);
        // To the nearest minute: AWS's `Date` has whole seconds.
        let rounded = if seconds >= 300 { seconds.saturating_add(30) / 60 * 60 } else { seconds };
        write!(f, "this machine's clock is {} {direction} AWS's", human(rounded))
    }
}
