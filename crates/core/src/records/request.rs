//! Requests: a person asks for a preset, others approve, and an administrator gives it.
//!
//! A request and its approvals are one text for a ticket: lines of JSON with their signatures. The id of the grant derives from
//! the request, so that it can be granted or denied once. Anybody with the rights at AWS can act without a request; the
//! records and CloudTrail then show that there was none.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::facts::check_visible;
use super::{GrantEvent, check_name, check_reason};
use crate::duration::format_duration;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
use crate::policy::{covers, outside};
use crate::seal::{Namespace, Recipient, SignedLine, Signer, Signers, not_genuine};
use crate::text::excerpt;

/// The version of the format.
const VERSION: u8 = 1;
/// How long a request can be approved.
const VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How much longer than approved a grant may be in the records: STS rounds.
const TOLERATED_LENGTH: SignedDuration = SignedDuration::from_mins(1);
/// How far the clocks of two people may differ.
const TOLERATED_APPROVAL_SKEW: SignedDuration = SignedDuration::from_mins(10);

/// A request for access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct GrantRequest {
    /// The version of the format: 1.
    pub version: u8,
    /// The person who asks.
    pub to: String,
    /// The preset.
    pub preset: String,
    /// How long access is wanted, in seconds.
    pub duration_seconds: i64,
    /// Why.
    pub reason: String,
    /// The public keys that credentials are sealed to, for a preset of session grants.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub seal_to: Vec<String>,
    /// When it was asked.
    pub at: Timestamp,
    /// Makes two requests of the same content different.
    pub nonce: GrantId,
}

impl GrantRequest {
    /// Creates a request at the time `at`.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the name or the reason cannot be that of a grant.
    pub fn new(
        to: &str,
        preset: &str,
        duration: SignedDuration,
        reason: &str,
        seal_to: &[Recipient],
        at: Timestamp,
    ) -> Result<Self> {
        check_name(to)?;
        check_reason(reason)?;
        Ok(Self {
            version: VERSION,
            to: to.to_owned(),
            preset: preset.to_owned(),
            duration_seconds: duration.as_secs(),
            reason: reason.to_owned(),
            seal_to: seal_to.iter().map(ToString::to_string).collect(),
            at,
            nonce: GrantId::random()?,
        })
    }

    /// Signs the request and returns the text for a ticket.
    ///
    /// # Errors
    ///
    /// Those of the signer.
    pub async fn sign(&self, signer: &dyn Signer) -> Result<RequestText> {
        let request = SignedLine::sign(self, Namespace::Request, signer).await?;
        Ok(RequestText { request, approvals: Vec::new() })
    }

    /// How long access is wanted.
    pub fn duration(&self) -> SignedDuration {
        SignedDuration::from_secs(self.duration_seconds)
    }
}

/// The approval of a request, or of less than it asks for.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Approval {
    version: u8,
    /// The digest of the request.
    approves: String,
    by: String,
    at: Timestamp,
    /// The longest duration that is approved, in seconds.
    duration_seconds: i64,
    /// The networks that are approved, if not all of the preset's.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    from_ip: Vec<String>,
    /// The policy that is approved, if not the preset's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<String>,
}

/// What an approval agrees to, where that is less than the preset allows.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct NarrowedApproval {
    /// Who approved.
    pub by: String,
    /// The networks, as CIDR blocks. Empty: those of the preset.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub from_ip: Vec<String>,
    /// The policy. `None`: that of the preset.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub policy: Option<String>,
}

impl NarrowedApproval {
    /// Whether it is for all that a policy allows. What cannot be read allows more.
    pub(crate) fn permits(&self, policy: Option<&str>) -> bool {
        let Some(allowed) = &self.policy else { return true };
        match (serde_json::from_str(allowed), serde_json::from_str(policy.unwrap_or_default())) {
            (Ok(allowed), Ok(policy)) => covers(&allowed, &policy),
            _ => false,
        }
    }
}

/// A request and its approvals, as a ticket has them.
#[derive(Debug, Clone)]
pub struct RequestText {
    pub(crate) request: SignedLine,
    pub(crate) approvals: Vec<SignedLine>,
}

/// A request whose signature is that of a person who may ask, with approvals of people who may give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct VerifiedRequest {
    /// The id of the grant that it can become.
    pub id: GrantId,
    /// What is asked for.
    #[serde(flatten)]
    pub request: GrantRequest,
    /// The people who have approved it, in order.
    pub approved_by: Vec<String>,
    /// How long all of them agree to, in seconds.
    pub agreed_seconds: i64,
    /// The approvals that narrow networks or the policy, in order.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub narrowed: Vec<NarrowedApproval>,
}

impl RequestText {
    /// Finds a request and its approvals in a text.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if there is none.
    pub fn parse(text: &str) -> Result<Self> {
        let lines = SignedLine::find_all(text);
        let (approvals, requests): (Vec<_>, Vec<_>) =
            lines.into_iter().partition(|line| line.read::<Approval>().is_ok());
        let invalid = |message: &'static str| {
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                .with_hint("copy the whole text, from the line that begins with `{` to the last signature")
        };
        let mut requests = requests.into_iter();
        match (requests.next(), requests.next()) {
            (Some(request), None) => Ok(Self { request, approvals }),
            (Some(_), Some(_)) => Err(invalid("the text has several requests")),
            (None, _) => Err(invalid("this is not a request")),
        }
    }

    /// The text for a ticket.
    pub fn to_text(&self) -> String {
        let approvals = self.approvals.iter().map(SignedLine::to_block);
        std::iter::once(self.request.to_block()).chain(approvals).collect()
    }

    /// Reads the request. Nothing is verified.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine` if it is not one.
    pub fn request(&self) -> Result<GrantRequest> {
        self.request.read()
    }

    /// Verifies who asked and who approved: different people with different keys, each of whom may at the time `at`. A request can
    /// be approved for 7 days. Whether it was granted or denied already is in the records.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine` for signatures, `grant_refused` for a request that is too old, and for an approval by the person who asked
    /// or by one who has approved already.
    pub fn verify(&self, signers: &Signers, at: Timestamp) -> Result<VerifiedRequest> {
        let request = self.request()?;
        let age = at.duration_since(request.at);
        if age > VALIDITY {
            return Err(refused(format!("the request is {} old", format_duration(age)))
                .with_hint("a request can be approved for 7 days: ask for a new one"));
        }
        if age < -TOLERATED_APPROVAL_SKEW {
            return Err(refused("the request is dated in the future").with_hint("compare the clocks of both machines"));
        }
        let (agreed, narrowed) = self.agreed(signers, Some(at))?;
        check_name(&request.to)?;
        check_reason(&request.reason)?;
        check_visible(&request.reason)?;
        Ok(VerifiedRequest {
            id: self.id(),
            request,
            approved_by: self.approvers(),
            agreed_seconds: agreed.as_secs(),
            narrowed,
        })
    }

    /// Verifies the signatures, at the time `at` or else when they say that they were made. Returns how long all who signed agree to,
    /// and the approvals of less than the preset allows.
    fn agreed(&self, signers: &Signers, at: Option<Timestamp>) -> Result<(SignedDuration, Vec<NarrowedApproval>)> {
        let request = self.request()?;
        if request.duration_seconds <= 0 {
            return Err(not_genuine("the request has no duration"));
        }
        let key = self.request.verify(Namespace::Request, &request.to, signers, at.unwrap_or(request.at))?;
        let (mut longest, mut narrowed) = (request.duration(), Vec::new());
        let mut people = vec![(request.to.to_lowercase(), key)];
        for line in &self.approvals {
            let approval: Approval = line.read()?;
            let who = excerpt(&approval.by).into_owned();
            let key = line.verify(Namespace::Grant, &approval.by, signers, at.unwrap_or(approval.at))?;
            if approval.approves != self.request.digest() {
                return Err(not_genuine(format!("the approval of `{who}` is for another request")));
            }
            if request.at.duration_since(approval.at) > TOLERATED_APPROVAL_SKEW {
                return Err(not_genuine(format!("the approval of `{who}` is older than the request")));
            }
            let name = approval.by.to_lowercase();
            if people.iter().any(|(known, known_key)| *known == name || *known_key == key) {
                return Err(refused(format!("`{who}` cannot approve twice, or a request of their own")));
            }
            people.push((name, key));
            longest = longest.min(SignedDuration::from_secs(approval.duration_seconds));
            if !approval.from_ip.is_empty() || approval.policy.is_some() {
                let Approval { by, from_ip, policy, .. } = approval;
                narrowed.push(NarrowedApproval { by, from_ip, policy });
            }
        }
        Ok((longest, narrowed))
    }

    /// The id of the grant that the request can become.
    pub fn id(&self) -> GrantId {
        GrantId::derived(self.request.text.as_bytes())
    }
}

/// Verifies the request and the approvals that an event has, as they were when it was granted. Returns what it gives beyond them.
///
/// # Errors
///
/// `grant_not_genuine`.
pub(super) fn verify_origin(event: &GrantEvent, signers: &Signers) -> Result<Vec<String>> {
    let Some(line) = &event.request else {
        return match event.approvals.is_empty() {
            true => Ok(Vec::new()),
            false => Err(not_genuine("there are approvals without a request")),
        };
    };
    let text = RequestText { request: line.clone(), approvals: event.approvals.clone() };
    let request = text.request()?;
    if request.to != event.to || text.id() != event.id {
        return Err(not_genuine("the request is for another grant"));
    }
    // Later events repeat the approvals of the first one, which were made before it.
    let at = event.event.begins().then_some(event.at);
    let (longest, narrowed) = text.agreed(signers, at)?;
    Ok(if event.event.begins() { excess(event, longest, &narrowed) } else { Vec::new() })
}

/// What an event gives that nobody has approved: who records it may use another program.
fn excess(event: &GrantEvent, longest: SignedDuration, narrowed: &[NarrowedApproval]) -> Vec<String> {
    let length = event.until.duration_since(event.from);
    let longer = (length > longest + TOLERATED_LENGTH).then(|| {
        format!("it gives access for {}, and {} was approved", format_duration(length), format_duration(longest))
    });
    let wider = narrowed.iter().flat_map(|approval| {
        let by = excerpt(&approval.by);
        let is_elsewhere = event.from_ip.is_empty() || outside(&event.from_ip, &approval.from_ip).is_some();
        let networks = (!approval.from_ip.is_empty() && is_elsewhere)
            .then(|| format!("it gives access from networks that `{by}` did not approve"));
        let policy = !approval.permits(event.policy.as_deref());
        networks.into_iter().chain(policy.then(|| format!("it allows more than `{by}` approved")))
    });
    longer.into_iter().chain(wider).collect()
}

/// Returns who signed an approval, for display.
pub(crate) fn approver(line: &SignedLine) -> Option<String> {
    line.read::<Approval>().ok().map(|approval| approval.by)
}

impl RequestText {
    /// Returns the request with one more approval, for `duration` at most.
    pub(crate) async fn approve(
        &self,
        agreed: NarrowedApproval,
        duration: SignedDuration,
        at: Timestamp,
        signer: &dyn Signer,
    ) -> Result<Self> {
        let NarrowedApproval { by, from_ip, policy } = agreed;
        let approval = Approval {
            version: VERSION,
            approves: self.request.digest(),
            by,
            at,
            duration_seconds: duration.as_secs(),
            from_ip,
            policy,
        };
        let mut approved = self.clone();
        approved.approvals.push(SignedLine::sign(&approval, Namespace::Grant, signer).await?);
        Ok(approved)
    }

    /// Returns who signed the approvals, as they say. Nothing is verified.
    pub fn approvers(&self) -> Vec<String> {
        self.approvals.iter().filter_map(approver).collect()
    }
}

/// The error for what the rules of requests and presets do not allow.
pub(crate) fn refused(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::GrantRefused, Stage::Grant, message)
}
