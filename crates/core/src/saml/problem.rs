//! What AWS would refuse, and why: the judgement over the facts.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::assertion::SkippedWhat;
use super::{AWS_AUDIENCE, Assertion, Content, aws};
use crate::text::excerpt;

/// STS takes an assertion for five minutes from its issuance.
const REDEEM_WITHIN: SignedDuration = SignedDuration::from_mins(5);

/// STS: the characters of `SAMLAssertion`.
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

            /// What it means, as the catalogue of errors says it.
            pub const fn meaning(self) -> &'static str {
                match self { $(Self::$variant => concat!($($doc),+).trim_ascii_start()),+ }
            }
        }
    };
}

problem_codes! {
    /// The document is a bare assertion; STS takes a `Response`.
    NotAResponse = "not_a_response";
    /// The response reports a failure.
    StatusNotSuccess = "status_not_success";
    /// There is no assertion in the response.
    AssertionMissing = "assertion_missing";
    /// The assertion is encrypted, so that its facts cannot be read here.
    Encrypted = "encrypted";
    /// Neither the response nor the assertion is signed.
    Unsigned = "unsigned";
    /// The base64 text is longer than STS takes.
    TooLong = "too_long";
    /// There is no issuer.
    IssuerMissing = "issuer_missing";
    /// There is no subject.
    SubjectMissing = "subject_missing";
    /// There is not exactly one bearer confirmation of the subject.
    SubjectConfirmation = "subject_confirmation";
    /// The recipient is missing or is no sign-in endpoint of AWS.
    Recipient = "recipient";
    /// The audience is missing or is not AWS.
    Audience = "audience";
    /// The recipient's partition is not that of the roles.
    PartitionMismatch = "partition_mismatch";
    /// The assertion has no end.
    NotOnOrAfterMissing = "not_on_or_after_missing";
    /// The assertion is not valid any more.
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
    /// A role belongs to IAM Identity Center.
    RoleReserved = "role_reserved";
    /// There is no role session name.
    SessionNameMissing = "session_name_missing";
    /// The role session name breaks the rules.
    SessionNameInvalid = "session_name_invalid";
    /// The source identity breaks the rules.
    SourceIdentityInvalid = "source_identity_invalid";
    /// The session duration breaks the rules.
    SessionDurationInvalid = "session_duration_invalid";
    /// A session tag breaks the rules.
    TagInvalid = "tag_invalid";
    /// An attribute has more values than AWS takes.
    ValueRepeated = "value_repeated";
    /// An attribute's name is almost, but not quite, one of AWS.
    AttributeName = "attribute_name";
}

/// One reason why AWS would refuse the assertion, or a part of it.
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
    /// Everything that AWS would refuse in this assertion at the instant `now`, in the order in which to look at it.
    ///
    /// Advice, not a gate: this machine's clock may be wrong, and STS has the last word.
    ///
    /// ```
    /// use tempaccess_core::{Limits, ProblemCode, SamlResponse};
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
                "the document is a bare assertion, and STS takes a whole SAML response",
                "take the value of the form field `SAMLResponse`",
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
                format!("the response has {} characters of base64, and STS takes 100,000", self.encoded_characters),
                "the identity provider must send fewer roles or attributes",
            );
        }
        match self.content {
            Content::Missing => problems.add(
                ProblemCode::AssertionMissing,
                "there is no assertion in the response",
                "the identity provider's log has the reason",
            ),
            Content::Encrypted => problems.add(
                ProblemCode::Encrypted,
                "the assertion is encrypted for AWS, so what is in it cannot be read here",
                "AWS takes it where the SAML provider in IAM holds the private key; name the role and the provider yourself",
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
                "there is no issuer",
                "it must be the entity ID in the metadata of the SAML provider in IAM",
            );
        }
        if self.subject.as_ref().is_none_or(|subject| subject.name.is_empty()) {
            problems.add(
                ProblemCode::SubjectMissing,
                "there is no subject (`NameID`)",
                "the identity provider must send a name identifier for AWS",
            );
        }
        let bearers = self.confirmations.iter().filter(|confirmation| confirmation.is_bearer()).count();
        if bearers != 1 || self.confirmations.len() != 1 {
            problems.add(
                ProblemCode::SubjectConfirmation,
                format!(
                    "there must be exactly one confirmation of the subject, and it a bearer: there are {}, of which {bearers} bearer",
                    self.confirmations.len()
                ),
                "the identity provider must send one `SubjectConfirmation` with the method `urn:oasis:names:tc:SAML:2.0:cm:bearer`",
            );
        }
        let partition = self.recipient().and_then(partition_of_recipient);
        match (self.recipient(), partition) {
            (Some(_), Some(_)) => {}
            (None, _) => problems.add(ProblemCode::Recipient, "there is no recipient", RECIPIENT_HINT),
            (Some(recipient), None) => problems.add(
                ProblemCode::Recipient,
                format!("the recipient `{recipient}` is no sign-in endpoint of AWS"),
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
                [] => "there is no audience".to_owned(),
                found => format!("the audience is `{}`, not AWS", found.join("`, `")),
            };
            problems.add(
                ProblemCode::Audience,
                message,
                "it must be `urn:amazon:webservices`, or the sign-in endpoint of AWS",
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
                format!("it was valid until {end}, {} ago", span(now.duration_since(end))),
                "sign in again; if it was new, this machine's clock or the identity provider's is wrong",
            );
        } else if let Some(age) =
            self.issued_at.map(|issued| now.duration_since(issued)).filter(|age| *age >= REDEEM_WITHIN)
        {
            problems.add(
                ProblemCode::TooOld,
                format!("it was issued {} ago, and STS takes it for 5 minutes", span(age)),
                "sign in again; if it was new, this machine's clock or the identity provider's is wrong",
            );
        }
        let starts = [self.not_before, bearer.and_then(|bearer| bearer.not_before)];
        if let Some(start) = starts.into_iter().flatten().max().filter(|start| now < *start) {
            problems.add(
                ProblemCode::NotYetValid,
                format!("it is valid only from {start}, {} from now", span(start.duration_since(now))),
                "this machine's clock or the identity provider's is wrong",
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
                "no role is offered",
                format!(
                    "the identity provider must send pairs of role and provider in the attribute `{}Role`",
                    aws::PREFIX
                ),
            );
        }
        for skipped in &self.skipped {
            let (code, hint) = match skipped.what {
                SkippedWhat::Role => (
                    ProblemCode::RoleUnreadable,
                    "each value must be the ARN of a role and that of a SAML provider, joined by a comma",
                ),
                SkippedWhat::Fact | SkippedWhat::Instant => {
                    (ProblemCode::ValueUnreadable, "mend the value at the identity provider")
                }
                SkippedWhat::Surplus => continue,
            };
            problems.add(code, format!("the value `{}` {}", skipped.value, skipped.reason), hint);
        }
        for offer in self.aws.roles.iter().filter(|offer| offer.role().is_reserved()) {
            problems.add(
                ProblemCode::RoleReserved,
                format!("the role `{}` belongs to IAM Identity Center", offer.role()),
                "it can be taken only through IAM Identity Center; offer another role",
            );
        }
        for name in &self.other_attributes {
            let meant = name.to_ascii_lowercase();
            let meant = meant.trim_start_matches("http://").trim_start_matches("https://");
            if meant.starts_with("aws.amazon.com/saml/attributes") {
                problems.add(
                    ProblemCode::AttributeName,
                    format!("the attribute `{name}` is not one of AWS"),
                    format!("the name must begin with `{}`, in exactly these letters", aws::PREFIX),
                );
            }
        }
    }

    fn judge_attributes(&self, problems: &mut Problems) {
        match self.aws.session_name.as_deref() {
            None => problems.add(
                ProblemCode::SessionNameMissing,
                "there is no role session name",
                format!("the identity provider must send the attribute `{}RoleSessionName`", aws::PREFIX),
            ),
            Some(name) if !is_identity(name) => problems.add(
                ProblemCode::SessionNameInvalid,
                format!("the role session name `{name}` is not 2 to 64 characters of letters, digits and `_+=,.@-`"),
                "the identity provider should send the person's e-mail address or another short name",
            ),
            Some(_) => {}
        }
        if let Some(identity) = self
            .aws
            .source_identity
            .as_deref()
            .filter(|identity| !is_identity(identity) || identity.starts_with("aws:"))
        {
            problems.add(
                ProblemCode::SourceIdentityInvalid,
                format!("the source identity `{identity}` is not 2 to 64 characters of letters, digits and `_+=,.@-`"),
                "the identity provider should send the person's name there",
            );
        }
        if let Some(seconds) = self.aws.session_duration.filter(|seconds| !(900..=43_200).contains(seconds)) {
            problems.add(
                ProblemCode::SessionDurationInvalid,
                format!("the session duration of {seconds} s is not between 900 and 43,200"),
                "mend the value of `SessionDuration` at the identity provider",
            );
        }
        self.judge_tags(problems);
        for name in &self.aws.repeated {
            problems.add(
                ProblemCode::ValueRepeated,
                format!("the attribute `{name}` has more than one value"),
                "AWS takes exactly one",
            );
        }
    }

    fn judge_tags(&self, problems: &mut Problems) {
        let tags = &self.aws.tags;
        if tags.len() > 50 {
            problems.add(ProblemCode::TagInvalid, format!("there are {} session tags", tags.len()), "AWS takes 50");
        }
        for (key, value) in tags {
            let (key_length, value_length) = (key.chars().count(), value.chars().count());
            if key_length == 0 || key_length > 128 || value_length > 256 {
                problems.add(
                    ProblemCode::TagInvalid,
                    format!(
                        "the session tag `{key}` has {key_length} characters in its key and {value_length} in its value"
                    ),
                    "AWS takes 1 to 128 and 0 to 256",
                );
            }
            if key.to_ascii_lowercase().starts_with("aws:") {
                problems.add(
                    ProblemCode::TagInvalid,
                    format!("the session tag `{key}` begins with `aws:`"),
                    "AWS keeps that prefix for itself",
                );
            }
        }
        let keys: HashSet<_> = tags.iter().map(|(key, _)| key).collect();
        for key in self.aws.transitive_tag_keys.iter().filter(|key| !keys.contains(key)) {
            problems.add(
                ProblemCode::TagInvalid,
                format!("the transitive tag key `{key}` names no session tag"),
                format!("send the attribute `{}PrincipalTag:{key}` too", aws::PREFIX),
            );
        }
    }
}

const RECIPIENT_HINT: &str = "it must be `https://signin.aws.amazon.com/saml`, with a region in front or another partition's host where that is meant";

struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, code: ProblemCode, message: impl Into<String>, hint: impl Into<String>) {
        // Both may hold texts of the document.
        let said = |text: String| excerpt(&text).into_owned();
        self.0.push(Problem { code, message: said(message.into()), hint: Some(said(hint.into())) });
    }
}

/// `[\w+=,.@-]{2,64}`: STS's rule for role session names and source identities.
fn is_identity(text: &str) -> bool {
    (2..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_+=,.@-".contains(&byte))
}

/// The hosts of AWS's sign-in, each with its partition. Regional ones lie beneath them.
pub(crate) const SIGN_IN_HOSTS: [(&str, &str); 8] = [
    ("signin.aws.amazon.com", "aws"),
    ("signin.amazonaws.cn", "aws-cn"),
    ("signin.amazonaws-us-gov.com", "aws-us-gov"),
    ("signin.amazonaws-eusc.eu", "aws-eusc"),
    ("signin.c2shome.ic.gov", "aws-iso"),
    ("signin.sc2shome.sgov.gov", "aws-iso-b"),
    ("signin.csphome.adc-e.uk", "aws-iso-e"),
    ("signin.csphome.hci.ic.gov", "aws-iso-f"),
];

/// The partition whose sign-in endpoint `url` is (`https://[REGION.]signin.HOST[/static]/saml[/acs/ID]`).
pub(crate) fn partition_of_recipient(url: &str) -> Option<&'static str> {
    let (host, path) = url.strip_prefix("https://")?.split_once('/')?;
    let path = path.strip_prefix("static/").unwrap_or(path);
    if !(path == "saml" || path.starts_with("saml/acs/")) {
        return None;
    }
    SIGN_IN_HOSTS.iter().find_map(|(known, partition)| {
        let region = host.strip_suffix(known)?;
        (region.is_empty() || (region.ends_with('.') && region.matches('.').count() == 1)).then_some(*partition)
    })
}

/// Whether an audience is AWS, in any partition: its entity ID or its sign-in endpoint.
pub(crate) fn is_aws_audience(audience: &str) -> bool {
    matches!(audience, AWS_AUDIENCE | "urn:amazon:webservices:cn-north-1" | "urn:amazon:webservices:govcloud")
        || partition_of_recipient(audience).is_some()
}

/// A span of time to the second, as a person says it: `7m 12s`.
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
    fn recipients_of_every_partition() {
        for (url, partition) in [
            ("https://signin.aws.amazon.com/saml", Some("aws")),
            ("https://eu-west-1.signin.aws.amazon.com/saml", Some("aws")),
            ("https://signin.aws.amazon.com/static/saml", Some("aws")),
            ("https://us-east-1.signin.aws.amazon.com/saml/acs/SAMLSPABC", Some("aws")),
            ("https://signin.amazonaws.cn/saml", Some("aws-cn")),
            ("https://signin.amazonaws-us-gov.com/saml", Some("aws-us-gov")),
            ("http://signin.aws.amazon.com/saml", None),
            ("https://evil.signin.aws.amazon.com.example/saml", None),
            ("https://a.b.signin.aws.amazon.com/saml", None),
            ("https://xsignin.aws.amazon.com/saml", None),
            ("https://signin.aws.amazon.com/samlx", None),
        ] {
            assert_eq!(partition_of_recipient(url), partition, "{url}");
        }
    }

    #[test]
    fn spans_read_well() {
        let said = |seconds| span(SignedDuration::from_secs(seconds));
        assert_eq!([said(9), said(432), said(7_200), said(200_000)], ["9s", "7m 12s", "2h 0m", "2d 7h"]);
    }
}
