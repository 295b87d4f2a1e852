//! Whom the assertion is meant for, and when: SAML core 2.5 and the web browser profile (SAML profiles 4.1.4.3).

use jiff::{SignedDuration, Timestamp};

use super::keys::TrustedKeys;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::tree::{NodeId, Tree};
use crate::saml::{ASSERTION, Assertion, ResponseFacts, is_aws_audience, partition_of_recipient};
use crate::text::excerpt;

/// Whom an assertion must be meant for.
///
/// ```
/// use tempaccess_core::verify::Expectations;
///
/// let aws = Expectations::aws();
/// let own = Expectations::new("https://tool.example.com", "http://127.0.0.1:5000/acs").in_response_to("_id123");
/// ```
#[derive(Debug, Clone)]
pub struct Expectations {
    /// `None` stands for AWS, in any partition.
    recipient: Option<(String, String)>,
    in_response_to: Option<String>,
    skew: SignedDuration,
}

impl Expectations {
    /// An assertion for the sign-in of AWS, in any partition.
    pub fn aws() -> Self {
        Self { recipient: None, in_response_to: None, skew: SignedDuration::from_mins(1) }
    }

    /// An assertion for a service of your own: its entity ID, and the address that the response was posted to.
    pub fn new(audience: impl Into<String>, recipient: impl Into<String>) -> Self {
        Self { recipient: Some((audience.into(), recipient.into())), ..Self::aws() }
    }

    /// The same where both may be left out: then it is for AWS.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where one is given without the other.
    pub fn from_parts(audience: Option<String>, recipient: Option<String>) -> Result<Self> {
        match (audience, recipient) {
            (Some(audience), Some(recipient)) => Ok(Self::new(audience, recipient)),
            (None, None) => Ok(Self::aws()),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                "an audience and a recipient are given together or not at all",
            )
            .with_hint("leave both out for an assertion that is meant for AWS")),
        }
    }

    /// The id of the request that must be answered. Without one, an answer to any request is taken, and one to none.
    #[must_use]
    pub fn in_response_to(mut self, id: impl Into<String>) -> Self {
        self.in_response_to = Some(id.into());
        self
    }

    /// How far clocks may be apart: a minute unless said otherwise.
    #[must_use]
    pub fn skew(mut self, skew: SignedDuration) -> Self {
        self.skew = skew;
        self
    }

    fn takes_audience(&self, audience: &str) -> bool {
        match &self.recipient {
            Some((expected, _)) => expected == audience,
            None => is_aws_audience(audience),
        }
    }

    fn takes_recipient(&self, recipient: &str) -> bool {
        match &self.recipient {
            Some((_, expected)) => expected == recipient,
            None => partition_of_recipient(recipient).is_some(),
        }
    }
}

/// Judges a signed assertion. `response` is what the response around it says, signed or not: it can only add a reason
/// to refuse.
pub(super) fn judge(
    tree: &Tree,
    inside: Option<NodeId>,
    assertion: &Assertion,
    response: Option<&ResponseFacts>,
    keys: &TrustedKeys,
    expected: &Expectations,
    now: Timestamp,
) -> Result<()> {
    let conditions = Judge { assertion, response, expected, now };
    conditions.status()?;
    let node = inside.unwrap_or_else(|| tree.root());
    conditions.origin(tree, node, keys)?;
    conditions.subject()?;
    conditions.audience(tree, node)?;
    conditions.window()
}

struct Judge<'a> {
    assertion: &'a Assertion,
    response: Option<&'a ResponseFacts>,
    expected: &'a Expectations,
    now: Timestamp,
}

impl Judge<'_> {
    fn status(&self) -> Result<()> {
        match self.response {
            Some(response) if !response.status.is_success() => {
                Err(refused(format!("the response reports a failure: {}", response.status.describe())))
            }
            _ => Ok(()),
        }
    }

    fn origin(&self, tree: &Tree, assertion: NodeId, keys: &TrustedKeys) -> Result<()> {
        let holds = |name| tree.elements(assertion).any(|node| tree.is(node, ASSERTION, name));
        let named = self.assertion.issuer.as_deref().unwrap_or_default();
        if named.is_empty() || !holds("Issuer") {
            return Err(refused("the assertion does not say who issued it"));
        }
        if !holds("AuthnStatement") {
            return Err(refused("the assertion does not say that anybody signed in (`AuthnStatement`)"));
        }
        let Some(issuer) = keys.issuer() else { return Ok(()) };
        let around = self.response.and_then(|response| response.issuer.as_deref());
        match [Some(named), around].into_iter().flatten().find(|named| *named != issuer) {
            Some(other) => Err(refused(format!(
                "it was issued by `{}`, and the trusted keys are those of `{}`",
                excerpt(other),
                excerpt(issuer)
            ))),
            None => Ok(()),
        }
    }

    fn subject(&self) -> Result<()> {
        if self.assertion.subject.as_ref().is_none_or(|subject| subject.name.is_empty()) {
            return Err(refused("the assertion names no subject"));
        }
        let [confirmation] = self.assertion.confirmations.as_slice() else {
            return Err(refused("there is not exactly one confirmation of the subject"));
        };
        if !confirmation.is_bearer() {
            return Err(refused("the confirmation of the subject is not that of a bearer"));
        }
        let recipient = confirmation.recipient.as_deref().unwrap_or_default();
        if !self.expected.takes_recipient(recipient) {
            return Err(refused(format!("the recipient is `{}`, which is not the one expected", excerpt(recipient))));
        }
        // Where a response says that it goes elsewhere, it does (SAML bindings 3.5.5.2).
        if let Some(destination) = self.response.and_then(|response| response.destination.as_deref())
            && !self.expected.takes_recipient(destination)
        {
            return Err(refused(format!(
                "the destination is `{}`, which is not the one expected",
                excerpt(destination)
            )));
        }
        let Some(request) = &self.expected.in_response_to else { return Ok(()) };
        let around = self.response.and_then(|response| response.in_response_to.as_ref());
        if confirmation.in_response_to.as_ref() != Some(request) || around.is_some_and(|around| around != request) {
            return Err(refused("it does not answer the request that was made"));
        }
        Ok(())
    }

    fn audience(&self, tree: &Tree, assertion: NodeId) -> Result<()> {
        let conditions = tree.elements(assertion).filter(|node| tree.is(*node, ASSERTION, "Conditions"));
        let mut restrictions = 0;
        for condition in conditions.flat_map(|node| tree.elements(node).collect::<Vec<_>>()) {
            match tree.name(condition).map(|name| (name.namespace, name.local_name)) {
                Some((ASSERTION, "AudienceRestriction")) => restrictions += 1,
                Some((ASSERTION, "OneTimeUse" | "ProxyRestriction")) => {}
                // An assertion under a condition that is not understood must not be relied on (SAML core 2.5.1.1).
                _ => return Err(refused("the assertion is under a condition that is not known here")),
            }
        }
        if restrictions > 1 {
            return Err(refused("the assertion restricts its audience more than once"));
        }
        if self.assertion.audiences.iter().any(|audience| self.expected.takes_audience(audience)) {
            return Ok(());
        }
        Err(refused(match self.assertion.audiences.as_slice() {
            [] => "the assertion names no audience".to_owned(),
            [first, ..] => format!("the audience is `{}`, which is not the one expected", excerpt(first)),
        }))
    }

    fn window(&self) -> Result<()> {
        if let Some(unreadable) = self.assertion.unreadable_instant() {
            return Err(refused(format!("`{}` is no instant", excerpt(unreadable))));
        }
        let confirmation = self.assertion.confirmations.first();
        let end = confirmation.and_then(|confirmation| confirmation.not_on_or_after);
        let Some(end) = end else { return Err(refused("the confirmation of the subject has no end")) };
        let skew = self.expected.skew;
        let starts = [
            self.assertion.not_before,
            confirmation.and_then(|confirmation| confirmation.not_before),
            self.assertion.issued_at,
        ];
        let ends = [Some(end), self.assertion.not_on_or_after, self.assertion.session_not_on_or_after];
        // Differences, since an instant at the end of time has no later one.
        if let Some(start) = starts.into_iter().flatten().find(|start| start.duration_since(self.now) > skew) {
            return Err(refused(format!("it is valid only from {start}")).with_hint(CLOCK));
        }
        match ends.into_iter().flatten().find(|end| self.now.duration_since(*end) >= skew) {
            Some(end) => Err(refused(format!("it was valid until {end}")).with_hint(CLOCK)),
            None => Ok(()),
        }
    }
}

const CLOCK: &str = "sign in again; if it was new, this machine's clock or the identity provider's is wrong";

pub(super) fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::AssertionNotAccepted, Stage::Verification, message)
}
