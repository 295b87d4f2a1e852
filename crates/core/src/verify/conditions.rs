//! Whether an assertion is for the expected audience and recipient, and valid now: SAML core 2.5 and the web browser profile
//! (SAML profiles 4.1.4.3).

use jiff::{SignedDuration, Timestamp};

use super::keys::TrustedKeys;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::tree::{NodeId, Tree};
use crate::saml::{ASSERTION, Assertion, ResponseFacts, is_aws_audience, partition_of_recipient};
use crate::text::excerpt;

/// The audience, the recipient and the request that an assertion must be for.
///
/// ```
/// use tempaccess_core::verify::Expectations;
///
/// let aws = Expectations::aws();
/// let own = Expectations::new("https://tool.example.com", "http://127.0.0.1:5000/acs").in_response_to("_id123");
/// ```
#[derive(Debug, Clone)]
pub struct Expectations {
    /// Audience and recipient; `None` for AWS in any partition.
    service: Option<(String, String)>,
    in_response_to: Option<String>,
    skew: SignedDuration,
}

impl Expectations {
    /// Expects an assertion for AWS, in any partition.
    pub fn aws() -> Self {
        Self { service: None, in_response_to: None, skew: SignedDuration::from_mins(1) }
    }

    /// Expects an assertion for another service: its entity ID, and the address that the response was posted to.
    pub fn new(audience: impl Into<String>, recipient: impl Into<String>) -> Self {
        Self { service: Some((audience.into(), recipient.into())), ..Self::aws() }
    }

    /// Expects an assertion for another service, or for AWS if neither is given.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if one is given without the other.
    pub fn from_parts(audience: Option<String>, recipient: Option<String>) -> Result<Self> {
        match (audience, recipient) {
            (Some(audience), Some(recipient)) => Ok(Self::new(audience, recipient)),
            (None, None) => Ok(Self::aws()),
            _ => Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                "an audience and a recipient must be given together",
            )
            .with_hint("leave out both for an assertion for AWS")),
        }
    }

    /// Requires a response to the request with this id. Otherwise, responses to any request and unsolicited ones are accepted.
    #[must_use]
    pub fn in_response_to(mut self, id: impl Into<String>) -> Self {
        self.in_response_to = Some(id.into());
        self
    }

    /// Sets the clock skew that is tolerated. The default is one minute.
    #[must_use]
    pub fn skew(mut self, skew: SignedDuration) -> Self {
        self.skew = skew;
        self
    }

    fn accepts_audience(&self, audience: &str) -> bool {
        match &self.service {
            Some((expected, _)) => expected == audience,
            None => is_aws_audience(audience),
        }
    }

    fn accepts_recipient(&self, recipient: &str) -> bool {
        match &self.service {
            Some((_, expected)) => expected == recipient,
            None => partition_of_recipient(recipient).is_some(),
        }
    }
}

/// Judges a signed assertion. `inside` is its node, unless it is the root. `response` has the facts of the response around it,
/// signed or not: they can only add a reason to refuse.
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
        let contains = |name| tree.child_elements(assertion).any(|node| tree.is(node, ASSERTION, name));
        let named = self.assertion.issuer.as_deref().unwrap_or_default();
        if named.is_empty() || !contains("Issuer") {
            return Err(refused("the assertion has no issuer"));
        }
        if !contains("AuthnStatement") {
            return Err(refused("the assertion has no statement of a sign-in (`AuthnStatement`)"));
        }
        let Some(issuer) = keys.issuer() else { return Ok(()) };
        let outer = self.response.and_then(|response| response.issuer.as_deref());
        match [Some(named), outer].into_iter().flatten().find(|named| *named != issuer) {
            Some(other) => Err(refused(format!(
                "the assertion was issued by `{}`, and the trusted keys belong to `{}`",
                excerpt(other),
                excerpt(issuer)
            ))),
            None => Ok(()),
        }
    }

    fn subject(&self) -> Result<()> {
        if self.assertion.subject.as_ref().is_none_or(|subject| subject.name.is_empty()) {
            return Err(refused("the assertion has no subject"));
        }
        let [confirmation] = self.assertion.confirmations.as_slice() else {
            return Err(refused("the subject does not have exactly one confirmation"));
        };
        if !confirmation.is_bearer() {
            return Err(refused("the subject is not confirmed by the bearer method"));
        }
        let recipient = confirmation.recipient.as_deref().unwrap_or_default();
        if !self.expected.accepts_recipient(recipient) {
            return Err(refused(format!("the recipient is `{}`, not the expected one", excerpt(recipient))));
        }
        // If a response has a destination, it must be the right one (SAML bindings 3.5.5.2).
        if let Some(destination) = self.response.and_then(|response| response.destination.as_deref())
            && !self.expected.accepts_recipient(destination)
        {
            return Err(refused(format!("the destination is `{}`, not the expected one", excerpt(destination))));
        }
        let Some(request) = &self.expected.in_response_to else { return Ok(()) };
        let outer = self.response.and_then(|response| response.in_response_to.as_ref());
        if confirmation.in_response_to.as_ref() != Some(request) || outer.is_some_and(|outer| outer != request) {
            return Err(refused("the assertion does not answer the request that was made"));
        }
        Ok(())
    }

    fn audience(&self, tree: &Tree, assertion: NodeId) -> Result<()> {
        let conditions = tree.child_elements(assertion).filter(|node| tree.is(*node, ASSERTION, "Conditions"));
        let mut restrictions = 0;
        for condition in conditions.flat_map(|node| tree.child_elements(node).collect::<Vec<_>>()) {
            match tree.name(condition).map(|name| (name.namespace, name.local_name)) {
                Some((ASSERTION, "AudienceRestriction")) => restrictions += 1,
                Some((ASSERTION, "OneTimeUse" | "ProxyRestriction")) => {}
                // An assertion with a condition that is not understood must not be relied on (SAML core 2.5.1.1).
                _ => return Err(refused("the assertion has an unknown condition")),
            }
        }
        if restrictions > 1 {
            return Err(refused("the assertion has more than one audience restriction"));
        }
        if self.assertion.audiences.iter().any(|audience| self.expected.accepts_audience(audience)) {
            return Ok(());
        }
        Err(refused(match self.assertion.audiences.as_slice() {
            [] => "the assertion has no audience".to_owned(),
            [first, ..] => format!("the audience is `{}`, not the expected one", excerpt(first)),
        }))
    }

    fn window(&self) -> Result<()> {
        if let Some(unreadable) = self.assertion.unreadable_time() {
            return Err(refused(format!("`{}` is not a valid time", excerpt(unreadable))));
        }
        let confirmation = self.assertion.confirmations.first();
        let end = confirmation.and_then(|confirmation| confirmation.not_on_or_after);
        let Some(end) = end else { return Err(refused("the confirmation of the subject has no `NotOnOrAfter`")) };
        let skew = self.expected.skew;
        let starts = [
            self.assertion.not_before,
            confirmation.and_then(|confirmation| confirmation.not_before),
            self.assertion.issued_at,
        ];
        let ends = [Some(end), self.assertion.not_on_or_after, self.assertion.session_not_on_or_after];
        // Differences are compared, since the last instant plus the skew would overflow.
        if let Some(start) = starts.into_iter().flatten().find(|start| start.duration_since(self.now) > skew) {
            return Err(refused(format!("the assertion is not valid before {start}")).with_hint(CLOCK));
        }
        match ends.into_iter().flatten().find(|end| self.now.duration_since(*end) >= skew) {
            Some(end) => Err(refused(format!("the assertion expired at {end}")).with_hint(CLOCK)),
            None => Ok(()),
        }
    }
}

const CLOCK: &str =
    "sign in again; if the assertion was new, the clock of this machine or of the identity provider is wrong";

pub(super) fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::AssertionNotAccepted, Stage::Verification, message)
}
