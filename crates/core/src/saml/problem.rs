//! What AWS would refuse in an assertion, and why.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::aws::{Intended, intended};
use super::names::AWS_ATTRIBUTES;
use super::sign_in::{is_aws_audience, partition_of_recipient};
use super::skipped::SkippedKind;
use super::{Assertion, Content};
use crate::text::excerpt;

/// STS accepts an assertion for five minutes from its issuance.
const MAX_AGE: SignedDuration = SignedDuration::from_mins(5);

/// The length limit of STS's parameter `SAMLAssertion`.
const MAX_CHARACTERS: usize = 100_000;

macro_rules! problem_codes {
    ($($(#[doc = $doc:literal])+ $variant:ident = $name:literal;)+) => {
        /// The stable code of a [`Problem`].
        #[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize)]
        #[non_exhaustive]
        pub enum ProblemCode {
            $($(#[doc = $doc])+ #[serde(rename = $name)] $variant,)+
        }

        impl ProblemCode {
            /// Every code.
            pub const ALL: &[Self] = &[$(Self::$variant),+];

            /// The stable name, as in `--output json`.
            pub const fn as_str(self) -> &'static str {
                match self { $(Self::$variant => $name),+ }
            }

            /// What it means, as in the catalogue of errors.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start()),+ }
            }
        }
    };
}

problem_codes! {
    /// The document is a bare assertion; STS accepts a `Response`.
    NotAResponse = "not_a_response";
    /// The response reports a failure.
    StatusNotSuccess = "status_not_success";
    /// The response contains no assertion.
    AssertionMissing = "assertion_missing";
    /// The assertion is encrypted, so its facts cannot be read.
    Encrypted = "encrypted";
    /// Neither the response nor the assertion is signed.
    Unsigned = "unsigned";
    /// The base64 text is longer than STS accepts.
    TooLong = "too_long";
    /// The issuer is missing.
    IssuerMissing = "issuer_missing";
    /// The subject is missing.
    SubjectMissing = "subject_missing";
    /// The subject does not have exactly one confirmation, by the bearer method.
    SubjectConfirmation = "subject_confirmation";
    /// The recipient is missing or is not a sign-in endpoint of AWS.
    Recipient = "recipient";
    /// The audience is missing or is not AWS.
    Audience = "audience";
    /// The recipient belongs to another partition than the roles.
    PartitionMismatch = "partition_mismatch";
    /// The assertion has no end of validity.
    NotOnOrAfterMissing = "not_on_or_after_missing";
    /// The assertion has expired.
    Expired = "expired";
    /// The assertion was issued more than five minutes ago.
    TooOld = "too_old";
    /// The assertion is not valid yet.
    NotYetValid = "not_yet_valid";
    /// The session at the identity provider has ended.
    SessionEnded = "session_ended";
    /// No role is offered.
    NoRoles = "no_roles";
    /// A value of the attribute `Role` cannot be read.
    RoleUnreadable = "role_unreadable";
    /// Another value cannot be read.
    ValueUnreadable = "value_unreadable";
    /// A role and its provider belong to different accounts.
    AccountMismatch = "account_mismatch";
    /// A role belongs to IAM Identity Center.
    RoleReserved = "role_reserved";
    /// The role session name is missing.
    SessionNameMissing = "session_name_missing";
    /// The role session name breaks the rules of STS.
    SessionNameInvalid = "session_name_invalid";
    /// The source identity breaks the rules of STS.
    SourceIdentityInvalid = "source_identity_invalid";
    /// The session duration breaks the rules of STS.
    SessionDurationInvalid = "session_duration_invalid";
    /// A session tag breaks the rules of STS.
    TagInvalid = "tag_invalid";
    /// An attribute has more values than AWS accepts.
    ValueRepeated = "value_repeated";
    /// The name of an attribute is almost, but not exactly, one that AWS defines.
    AttributeName = "attribute_name";
}

/// One reason why AWS would refuse the assertion or a part of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Problem {
    /// The stable code.
    pub code: ProblemCode,
    /// What is wrong, in one line.
    pub message: String,
    /// What to change, and where.
    pub hint: Option<String>,
}

impl Assertion {
    /// Returns everything that AWS would refuse in this assertion at the instant `now`, most important first.
    ///
    /// This is advice: this machine's clock may be wrong, and STS decides.
    ///
    /// ```
    /// use tempaccess_core::{saml::{Limits, ProblemCode}, SamlResponse};
    ///
    /// let xml = r#"<Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion" ID="_1"/>"#;
    /// let assertion = SamlResponse::detect(xml.as_bytes(), &Limits::default())?.read()?;
    /// let problems = assertion.problems(jiff::Timestamp::UNIX_EPOCH);
    /// assert_eq!(problems[0].code, ProblemCode::NotAResponse);
    /// # Ok::<(), tempaccess_core::Error>(())
    /// ```
    pub fn problems(&self, now: Timestamp) -> Vec<Problem> {
        let mut problems = Problems(Vec::new());
        self.judge_response(&mut problems);
        if self.content == Content::Plain {
            self.judge_subject(&mut problems);
            self.judge_window(&mut problems, now);
            self.judge_roles(&mut problems);
            self.judge_attributes(&mut problems);
        }
        problems.0
    }

    fn judge_response(&self, problems: &mut Problems) {
        match &self.response {
            None => problems.add(
                ProblemCode::NotAResponse,
                "the document is a bare assertion, and STS accepts only a whole SAML response",
                "use the value of the form field `SAMLResponse`",
            ),
            Some(response) if !response.status.is_success() => problems.add(
                ProblemCode::StatusNotSuccess,
                format!("the response reports a failure: {}", response.status.describe()),
                "the identity provider's log has the reason",
            ),
            Some(_) => {}
        }
        if self.encoded_characters > MAX_CHARACTERS {
            problems.add(
                ProblemCode::TooLong,
                format!("the response has {} characters of base64, and STS accepts 100,000", self.encoded_characters),
                "the identity provider must send fewer roles or attributes",
            );
        }
        match self.content {
            Content::Missing => problems.add(
                ProblemCode::AssertionMissing,
                "the response contains no assertion",
                "the identity provider's log has the reason",
            ),
            Content::Encrypted => problems.add(
                ProblemCode::Encrypted,
                "the assertion is encrypted for AWS, so it cannot be read",
                "AWS accepts it if the SAML provider in IAM has the private key; name the role and the provider yourself",
            ),
            Content::Plain if !self.signed && !self.response.as_ref().is_some_and(|response| response.signed) => problems.add(
                ProblemCode::Unsigned,
                "neither the response nor the assertion is signed",
                "the identity provider must sign the response, the assertion or both",
            ),
            Content::Plain => {}
        }
    }

    fn judge_subject(&self, problems: &mut Problems) {
        if self.issuer.as_deref().is_none_or(str::is_empty) {
            problems.add(
                ProblemCode::IssuerMissing,
                "the issuer is missing",
                "it must be the entity ID in the metadata of the SAML provider in IAM",
            );
        }
        if self.subject.as_ref().is_none_or(|subject| subject.name.is_empty()) {
            problems.add(
                ProblemCode::SubjectMissing,
                "the subject (`NameID`) is missing",
                "the identity provider must send a name identifier for AWS",
            );
        }
        let bearers = self.confirmations.iter().filter(|confirmation| confirmation.is_bearer()).count();
        if bearers != 1 || self.confirmations.len() != 1 {
            let message = match self.confirmations.len() {
                0 => "the subject has no confirmation".to_owned(),
                1 => "the subject is not confirmed by the bearer method".to_owned(),
                count => format!("the subject has {count} confirmations, {bearers} of them by the bearer method"),
            };
            problems.add(
                ProblemCode::SubjectConfirmation,
                message,
                "the identity provider must send exactly one `SubjectConfirmation`, with the method `urn:oasis:names:tc:SAML:2.0:cm:bearer`",
            );
        }
        let partition = self.recipient().and_then(partition_of_recipient);
        match (self.recipient(), partition) {
            (Some(_), Some(_)) => {}
            (None, _) => problems.add(ProblemCode::Recipient, "the recipient is missing", RECIPIENT_HINT),
            (Some(recipient), None) => problems.add(
                ProblemCode::Recipient,
                format!("the recipient `{recipient}` is not a sign-in endpoint of AWS"),
                RECIPIENT_HINT,
            ),
        }
        if let Some((partition, role)) = partition.and_then(|partition| {
            Some((partition, self.aws.roles.iter().find(|offer| offer.role().partition() != partition)?))
        }) {
            problems.add(
                ProblemCode::PartitionMismatch,
                format!(
                    "the recipient belongs to the partition `{partition}`, but the role `{}` does not",
                    role.role()
                ),
                "each partition needs an application of its own at the identity provider",
            );
        }
        if !self.audiences.iter().any(|audience| is_aws_audience(audience)) {
            let message = match self.audiences.as_slice() {
                [] => "the audience is missing".to_owned(),
                found => format!("the audience is `{}`, not AWS", found.join("`, `")),
            };
            problems.add(
                ProblemCode::Audience,
                message,
                "it must be `urn:amazon:webservices` or the sign-in endpoint of AWS",
            );
        }
    }

    fn judge_window(&self, problems: &mut Problems, now: Timestamp) {
        let bearer = self.confirmations.iter().find(|confirmation| confirmation.is_bearer());
        if bearer.is_some_and(|bearer| bearer.not_on_or_after.is_none()) {
            problems.add(
                ProblemCode::NotOnOrAfterMissing,
                "the confirmation of the subject has no `NotOnOrAfter`",
                "the identity provider must send one",
            );
        }
        let ends = [self.not_on_or_after, bearer.and_then(|bearer| bearer.not_on_or_after)];
        if let Some(end) = ends.into_iter().flatten().min().filter(|end| now >= *end) {
            problems.add(
                ProblemCode::Expired,
                format!("the assertion expired at {end}, {} ago", span(now.duration_since(end))),
                "sign in again; if the assertion was new, the clock of this machine or of the identity provider is wrong",
            );
        } else if let Some(age) = self.issued_at.map(|issued| now.duration_since(issued)).filter(|age| *age >= MAX_AGE)
        {
            problems.add(
                ProblemCode::TooOld,
                format!("the assertion was issued {} ago, and STS accepts it for 5 minutes", span(age)),
                "sign in again; if the assertion was new, the clock of this machine or of the identity provider is wrong",
            );
        }
        let starts = [self.not_before, bearer.and_then(|bearer| bearer.not_before)];
        if let Some(start) = starts.into_iter().flatten().max().filter(|start| now < *start) {
            problems.add(
                ProblemCode::NotYetValid,
                format!("the assertion is not valid before {start}, {} from now", span(start.duration_since(now))),
                "the clock of this machine or of the identity provider is wrong",
            );
        }
        if let Some(end) = self.session_not_on_or_after.filter(|end| now >= *end) {
            problems.add(
                ProblemCode::SessionEnded,
                format!("the session at the identity provider ended at {end} (`SessionNotOnOrAfter`)"),
                "sign out at the identity provider and sign in again",
            );
        }
    }

    fn judge_roles(&self, problems: &mut Problems) {
        if self.aws.roles.is_empty() {
            problems.add(
                ProblemCode::NoRoles,
                "the assertion offers no role",
                format!(
                    "the identity provider must send pairs of role and provider in the attribute `{}Role`",
                    AWS_ATTRIBUTES
                ),
            );
        }
        for skipped in &self.skipped {
            let (code, hint) = match skipped.kind {
                SkippedKind::Role => (
                    ProblemCode::RoleUnreadable,
                    "each value must be the ARN of a role and the ARN of a SAML provider, separated by a comma",
                ),
                SkippedKind::Other | SkippedKind::Time => {
                    (ProblemCode::ValueUnreadable, "correct the value at the identity provider")
                }
                SkippedKind::Irrelevant => continue,
            };
            problems.add(code, format!("the value `{}` {}", skipped.value, skipped.reason), hint);
        }
        for offer in &self.aws.roles {
            let (role, provider) = (offer.role(), offer.provider());
            if role.account_id() != provider.account_id() {
                problems.add(
                    ProblemCode::AccountMismatch,
                    format!("the role `{role}` and its provider `{provider}` belong to different accounts"),
                    "each role must be paired with a SAML provider in its own account",
                );
            }
        }
        for offer in self.aws.roles.iter().filter(|offer| offer.role().is_reserved()) {
            problems.add(
                ProblemCode::RoleReserved,
                format!("the role `{}` belongs to IAM Identity Center", offer.role()),
                "it can be assumed only through IAM Identity Center; offer another role",
            );
        }
        let undefined = self.aws.undefined.iter().map(|name| format!("{AWS_ATTRIBUTES}{name}"));
        for name in undefined.chain(self.other_attributes.iter().cloned()) {
            let hint = match intended(&name) {
                Some(Intended::Attribute(defined)) => format!("rename it to `{defined}`, in exactly these letters"),
                Some(Intended::Unclear) => {
                    format!("the name must begin with `{AWS_ATTRIBUTES}`, in exactly these letters")
                }
                None => continue,
            };
            problems.add(
                ProblemCode::AttributeName,
                format!("`{name}` is almost, but not exactly, the name of an attribute that AWS defines"),
                hint,
            );
        }
    }

    fn judge_attributes(&self, problems: &mut Problems) {
        match self.aws.session_name.as_deref() {
            None => problems.add(
                ProblemCode::SessionNameMissing,
                "the role session name is missing",
                format!("the identity provider must send the attribute `{}RoleSessionName`", AWS_ATTRIBUTES),
            ),
            Some(name) if !is_identity(name) => problems.add(
                ProblemCode::SessionNameInvalid,
                format!("the role session name `{name}` is not 2 to 64 characters of letters, digits and `_+=,.@-`"),
                "the identity provider should send the person's e-mail address or another short name",
            ),
            Some(_) => {}
        }
        if let Some(identity) = self.aws.source_identity.as_deref().filter(|identity| !is_identity(identity)) {
            problems.add(
                ProblemCode::SourceIdentityInvalid,
                format!("the source identity `{identity}` is not 2 to 64 characters of letters, digits and `_+=,.@-`"),
                "the identity provider should send the person's name there",
            );
        }
        if let Some(seconds) = self.aws.session_duration.filter(|seconds| !(900..=43_200).contains(seconds)) {
            problems.add(
                ProblemCode::SessionDurationInvalid,
                format!("the session duration of {seconds} seconds is not between 900 and 43,200"),
                "correct the value of `SessionDuration` at the identity provider",
            );
        }
        self.judge_tags(problems);
        for name in &self.aws.repeated {
            problems.add(
                ProblemCode::ValueRepeated,
                format!("the attribute `{name}` has more than one value"),
                "AWS accepts exactly one",
            );
        }
    }

    fn judge_tags(&self, problems: &mut Problems) {
        let tags = &self.aws.tags;
        if tags.len() > 50 {
            problems.add(ProblemCode::TagInvalid, format!("there are {} session tags", tags.len()), "AWS accepts 50");
        }
        for (key, value) in tags {
            let (key_length, value_length) = (key.chars().count(), value.chars().count());
            if key_length == 0 || key_length > 128 || value_length > 256 {
                problems.add(
                    ProblemCode::TagInvalid,
                    format!(
                        "the session tag `{key}` has {key_length} characters in its key and {value_length} in its value"
                    ),
                    "AWS accepts 1 to 128 in the key and up to 256 in the value",
                );
            }
            if key.to_ascii_lowercase().starts_with("aws:") {
                problems.add(
                    ProblemCode::TagInvalid,
                    format!("the session tag `{key}` begins with `aws:`"),
                    "AWS reserves that prefix",
                );
            }
        }
        let keys: HashSet<_> = tags.iter().map(|(key, _)| key).collect();
        for key in self.aws.transitive_tag_keys.iter().filter(|key| !keys.contains(key)) {
            problems.add(
                ProblemCode::TagInvalid,
                format!("there is no session tag for the transitive tag key `{key}`"),
                format!("send the attribute `{}PrincipalTag:{key}` too", AWS_ATTRIBUTES),
            );
        }
    }
}

const RECIPIENT_HINT: &str = "it must be `https://signin.aws.amazon.com/saml`, a regional endpoint such as `https://eu-west-1.signin.aws.amazon.com/saml`, or the endpoint of another partition";

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, code: ProblemCode, message: impl Into<String>, hint: impl Into<String>) {
        // Both may quote the document.
        let safe = |text: String| excerpt(&text).into_owned();
        self.0.push(Problem { code, message: safe(message.into()), hint: Some(safe(hint.into())) });
    }
}

/// STS's rule for role session names and source identities: `[\w+=,.@-]{2,64}`.
fn is_identity(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// A duration in its two largest units: `7m 12s`.
fn span(duration: SignedDuration) -> String {
    let seconds = duration.as_secs();
    let (days, hours, minutes, seconds) = (seconds / 86_400, seconds / 3_600 % 24, seconds / 60 % 60, seconds % 60);
    match (days, hours, minutes) {
        (0, 0, 0) => format!("{seconds}s"),
        (0, 0, _) => format!("{minutes}m {seconds}s"),
        (0, ..) => format!("{hours}h {minutes}m"),
        _ => format!("{days}d {hours}h"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_two_units() {
        let text = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!([text(9), text(432), text(7_200), text(200_000)], ["9s", "7m 12s", "2h 0m", "2d 7h"]);
    }
}
