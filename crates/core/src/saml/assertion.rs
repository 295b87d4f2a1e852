use jiff::Timestamp;

use super::names::{BEARER, SUCCESS};
use super::skipped::SkippedKind;
use super::{AwsAttributes, Skipped};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::RoleOffer;
use crate::text::excerpt;

/// The facts read from a SAML response. Reading does not verify or judge them.
///
/// A missing fact is `None`; one that cannot be read is in [`skipped`](Self::skipped). [`problems`](Self::problems) tells what
/// AWS would refuse.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Assertion {
    /// The `Response` around it; `None` for a bare `Assertion`.
    pub response: Option<ResponseFacts>,
    /// Whether there is an assertion, and whether it can be read.
    pub content: Content,
    /// `Assertion/@ID`.
    pub id: Option<String>,
    /// `Assertion/@IssueInstant`.
    pub issued_at: Option<Timestamp>,
    /// `Assertion/Issuer`, or the issuer of the response if the assertion has none.
    pub issuer: Option<String>,
    /// Whether the assertion contains a signature of its own. Reading does not verify it.
    pub signed: bool,
    /// `Subject/NameID`.
    pub subject: Option<Subject>,
    /// Every `SubjectConfirmation`, in document order.
    pub confirmations: Vec<SubjectConfirmation>,
    /// `Conditions/@NotBefore`.
    pub not_before: Option<Timestamp>,
    /// `Conditions/@NotOnOrAfter`.
    pub not_on_or_after: Option<Timestamp>,
    /// Every `Audience`, in document order.
    pub audiences: Vec<String>,
    /// `AuthnStatement/@SessionNotOnOrAfter`, the earliest of several. AWS ends the session by then.
    pub session_not_on_or_after: Option<Timestamp>,
    /// The attributes whose names begin with `https://aws.amazon.com/SAML/Attributes/`.
    pub aws: AwsAttributes,
    /// The names of all other attributes, in document order.
    pub other_attributes: Vec<String>,
    /// The values that were skipped, and why.
    pub skipped: Vec<Skipped>,
    /// The length of the base64 text for STS, in characters.
    pub encoded_characters: usize,
}

/// Whether a response contains an assertion that can be read.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Content {
    /// No assertion, as in a response that reports a failure.
    #[default]
    Missing,
    /// An `Assertion`.
    Plain,
    /// An `EncryptedAssertion`, which only AWS can decrypt.
    Encrypted,
}

/// The facts of the `Response` around an assertion.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ResponseFacts {
    /// `Response/@ID`.
    pub id: Option<String>,
    /// `Response/@InResponseTo`.
    pub in_response_to: Option<String>,
    /// `Response/@Destination`.
    pub destination: Option<String>,
    /// `Response/@IssueInstant`.
    pub issued_at: Option<Timestamp>,
    /// `Response/Issuer`.
    pub issuer: Option<String>,
    /// Whether the response contains a signature of its own. Reading does not verify it.
    pub signed: bool,
    /// `Response/Status`.
    pub status: Status,
}

/// `Response/Status` (SAML core 3.2.2).
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Status {
    /// The status codes, outermost first.
    pub codes: Vec<String>,
    /// `StatusMessage`.
    pub message: Option<String>,
}

impl Status {
    /// Whether the outermost code is `urn:oasis:names:tc:SAML:2.0:status:Success`.
    pub fn is_success(&self) -> bool {
        self.codes.first().is_some_and(|code| code == SUCCESS)
    }

    /// The codes without their common prefix, and the message: `Responder/AuthnFailed: wrong password`.
    pub(crate) fn describe(&self) -> String {
        let short = |code: &String| code.rsplit(':').next().unwrap_or_default().to_owned();
        let codes = self.codes.iter().map(short).collect::<Vec<_>>().join("/");
        match (codes.as_str(), &self.message) {
            ("", None) => "no status".to_owned(),
            ("", Some(message)) => excerpt(message).into_owned(),
            (_, None) => excerpt(&codes).into_owned(),
            (_, Some(message)) => format!("{}: {}", excerpt(&codes), excerpt(message)),
        }
    }
}

/// `Subject/NameID`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Subject {
    /// The text of the name identifier.
    pub name: String,
    /// `NameID/@Format`.
    pub format: Option<String>,
}

/// `Subject/SubjectConfirmation`.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct SubjectConfirmation {
    /// `@Method`.
    pub method: String,
    /// `SubjectConfirmationData/@Recipient`.
    pub recipient: Option<String>,
    /// `SubjectConfirmationData/@NotBefore`.
    pub not_before: Option<Timestamp>,
    /// `SubjectConfirmationData/@NotOnOrAfter`.
    pub not_on_or_after: Option<Timestamp>,
    /// `SubjectConfirmationData/@InResponseTo`.
    pub in_response_to: Option<String>,
}

impl SubjectConfirmation {
    /// Whether the method is `urn:oasis:names:tc:SAML:2.0:cm:bearer`, the only one that AWS accepts.
    pub fn is_bearer(&self) -> bool {
        self.method == BEARER
    }
}

impl Assertion {
    /// Returns the roles that are offered, or the reason why there are none.
    ///
    /// # Errors
    ///
    /// `identity_provider_refused` for a response that reports a failure and contains no assertion, `encrypted_assertion`,
    /// `no_roles`.
    pub fn offers(&self) -> Result<&[RoleOffer]> {
        let failed = self.response.as_ref().filter(|response| !response.status.is_success());
        match (self.content, failed) {
            (Content::Encrypted, _) => Err(Error::new(
                ErrorKind::EncryptedAssertion,
                Stage::Assertion,
                "the assertion is encrypted for AWS, so its roles cannot be read",
            )
            .with_hint("name both the role and the provider: `--role ARN --provider ARN`")),
            (Content::Missing, Some(response)) => Err(Error::new(
                ErrorKind::IdentityProviderRefused,
                Stage::Assertion,
                format!("the identity provider refused: {}", response.status.describe()),
            )
            .with_hint("ask the administrator of the identity provider; its log has the reason")),
            _ if self.aws.roles.is_empty() => Err(self.no_roles()),
            _ => Ok(&self.aws.roles),
        }
    }

    fn no_roles(&self) -> Error {
        let error = |message: String| Error::new(ErrorKind::NoRoles, Stage::Assertion, message);
        if let Some(skipped) = self.skipped.iter().find(|skipped| skipped.kind == SkippedKind::Role) {
            return error(format!(
                "the assertion offers no role that can be read: `{}` {}",
                excerpt(&skipped.value),
                skipped.reason
            ))
            .with_hint("ask the administrator of the identity provider to correct the value of the attribute `Role`");
        }
        let subject =
            self.subject.as_ref().map_or_else(String::new, |subject| format!(" to `{}`", excerpt(&subject.name)));
        error(format!("the assertion offers no role{subject}")).with_hint(
            "ask the administrator of the identity provider to assign you AWS roles, and to send them in the attribute \
             `https://aws.amazon.com/SAML/Attributes/Role`",
        )
    }

    /// A time that cannot be read, and so cannot be judged.
    #[cfg(feature = "verify")]
    pub(crate) fn unreadable_time(&self) -> Option<&str> {
        let mut skipped = self.skipped.iter();
        skipped.find(|skipped| skipped.kind == SkippedKind::Time).map(|skipped| skipped.value.as_str())
    }

    /// The `Recipient` of the first bearer confirmation, or of the first confirmation if none is a bearer.
    pub fn recipient(&self) -> Option<&str> {
        let bearer = self.confirmations.iter().find(|confirmation| confirmation.is_bearer());
        bearer.or(self.confirmations.first())?.recipient.as_deref()
    }
}
