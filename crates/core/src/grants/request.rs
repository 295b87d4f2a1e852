//! Requests: a person asks for a preset, others approve, and an administrator gives it.
//!
//! A request and its approvals are one text for a ticket: lines of JSON with their signatures. The id of the grant derives from
//! the request, so that it can be granted or denied once. Anybody with the rights at AWS can act without a request; the
//! records and CloudTrail then show that there was none.

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::plan::Origin;
use super::rules::{format_duration, refused};
use super::{ApprovalLimits, GrantId, GrantPlan, GrantSpec, Grants, IssuedGrant};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::{EventKind, GrantEvent, GrantHistory, GrantKind};
use crate::seal::{Namespace, Recipient, SignedLine, Signer, Signers, not_genuine};
use crate::text::excerpt;

/// The version of the format.
const VERSION: u8 = 1;
/// How long a request can be approved.
const VALIDITY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// How far the clocks of two people may differ.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_mins(10);

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
        GrantSpec::to(to).reason(reason).check()?;
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

/// The approval of a request, or of a shorter one.
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
}

/// A request and its approvals, as a ticket has them.
#[derive(Debug, Clone)]
pub struct RequestText {
    request: SignedLine,
    approvals: Vec<SignedLine>,
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
        if age < -TOLERATED_SKEW {
            return Err(refused("the request is dated in the future").with_hint("compare the clocks of both machines"));
        }
        let agreed_seconds = self.agreed(signers, Some(at))?.as_secs();
        Ok(VerifiedRequest { id: self.id(), request, approved_by: self.approvers(), agreed_seconds })
    }

    /// Verifies the signatures, at the time `at` or else when they say that they were made. Returns how long all who signed agree to.
    fn agreed(&self, signers: &Signers, at: Option<Timestamp>) -> Result<SignedDuration> {
        let request = self.request()?;
        if request.duration_seconds <= 0 {
            return Err(not_genuine("the request is for no time"));
        }
        let key = self.request.verify(Namespace::Request, &request.to, signers, at.unwrap_or(request.at))?;
        let mut longest = request.duration();
        let mut people = vec![(request.to.to_lowercase(), key)];
        for line in &self.approvals {
            let approval: Approval = line.read()?;
            let who = excerpt(&approval.by).into_owned();
            let key = line.verify(Namespace::Grant, &approval.by, signers, at.unwrap_or(approval.at))?;
            if approval.approves != self.request.digest() {
                return Err(not_genuine(format!("the approval of `{who}` is for another request")));
            }
            if request.at.duration_since(approval.at) > TOLERATED_SKEW {
                return Err(not_genuine(format!("the approval of `{who}` is older than the request")));
            }
            let name = approval.by.to_lowercase();
            if people.iter().any(|(known, known_key)| *known == name || *known_key == key) {
                return Err(refused(format!("`{who}` cannot approve twice, or a request of their own")));
            }
            people.push((name, key));
            longest = longest.min(SignedDuration::from_secs(approval.duration_seconds));
        }
        Ok(longest)
    }

    /// The id of the grant that the request can become.
    pub fn id(&self) -> GrantId {
        GrantId::derived(self.request.text.as_bytes())
    }
}

/// Verifies the request and the approvals that an event has, as they were when it was granted.
///
/// # Errors
///
/// `grant_not_genuine`.
pub(crate) fn verify_origin(event: &GrantEvent, signers: &Signers) -> Result<()> {
    let Some(line) = &event.request else {
        return match event.approvals.is_empty() {
            true => Ok(()),
            false => Err(not_genuine("there are approvals without a request")),
        };
    };
    let text = RequestText { request: line.clone(), approvals: event.approvals.clone() };
    let request = text.request()?;
    if request.to != event.to || text.id() != event.id {
        return Err(not_genuine("the request is for another grant"));
    }
    // An extension has the approvals of the grant; they were verified when it was given.
    let at = event.event.begins().then_some(event.at);
    text.agreed(signers, at).map(drop)
}

/// Returns who signed an approval, for display.
pub(crate) fn approver(line: &SignedLine) -> Option<String> {
    line.read::<Approval>().ok().map(|approval| approval.by)
}

impl RequestText {
    /// Returns who signed the approvals, as they say. Nothing is verified.
    pub fn approvers(&self) -> Vec<String> {
        self.approvals.iter().filter_map(approver).collect()
    }
}

impl Grants {
    /// Signs an approval and returns the request with it. Nothing is given.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`, `grant_refused` (own request, longer than requested, or outside the preset), `grant_changed` if it was
    /// decided already, and errors of the records and the sign-in.
    pub async fn sign_approval(&self, text: &RequestText, duration: Option<SignedDuration>) -> Result<RequestText> {
        let VerifiedRequest { request, agreed_seconds, .. } = text.verify(&self.signers, self.clock.now())?;
        self.rules.check_request(&request)?;
        self.require_undecided(&text.id()).await?;
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        let already = text.approvals.iter().filter_map(approver).any(|name| name == administrator.name);
        if administrator.name == request.to {
            return Err(refused("you cannot approve a request of your own").with_hint("ask somebody else"));
        }
        if already {
            return Err(refused("you have approved this request already"));
        }
        let duration = shorter(duration, SignedDuration::from_secs(agreed_seconds))?;
        let approval = Approval {
            version: VERSION,
            approves: text.request.digest(),
            by: administrator.name.clone(),
            at: self.clock.now(),
            duration_seconds: duration.as_secs(),
        };
        let mut approved = text.clone();
        approved.approvals.push(SignedLine::sign(&approval, Namespace::Grant, &*self.signer).await?);
        Ok(approved)
    }

    /// Approves a request and returns what would be given: as requested or within narrower limits, and never more. Nothing is
    /// given yet.
    ///
    /// # Errors
    ///
    /// Those of [`sign_approval`](Self::sign_approval), [`plan_issue`](Self::plan_issue) and
    /// [`plan_permit`](Self::plan_permit); `grant_changed` if the request was granted or denied already.
    pub async fn plan_approve(&self, text: &RequestText, limits: &ApprovalLimits) -> Result<GrantPlan> {
        let signed_before = text.approvals.iter().filter_map(approver).collect::<Vec<_>>();
        let administrator = self.administrator().await?;
        // An administrator who approved before can give it once enough others have.
        let approved = match signed_before.contains(&administrator.name) {
            true => text.clone(),
            false => self.sign_approval(text, limits.duration).await?,
        };
        let VerifiedRequest { request, agreed_seconds, .. } = approved.verify(&self.signers, self.clock.now())?;
        if administrator.name == request.to {
            return Err(refused("you cannot approve a request of your own").with_hint("ask somebody else"));
        }
        let duration = shorter(limits.duration, SignedDuration::from_secs(agreed_seconds))?;
        self.require_undecided(&text.id()).await?;
        let spec = GrantSpec::to(&request.to).preset(&request.preset).reason(&request.reason);
        let mut spec = limits.limit(spec, duration);
        spec.origin = Origin {
            id: Some(approved.id()),
            request: Some(approved.request.clone()),
            approvals: approved.approvals.clone(),
            break_glass: false,
        };
        match self.rules.preset(&request.preset)?.kind {
            GrantKind::Policy => self.plan_permit(&spec).await,
            GrantKind::Session => {
                for key in &request.seal_to {
                    spec = spec.seal_to(key.parse()?);
                }
                self.plan_issue(&spec).await
            }
        }
    }

    async fn require_undecided(&self, id: &GrantId) -> Result<()> {
        let files = self.records.events(id).await?;
        // Others may have put files there: what nobody has signed decides nothing.
        match GrantHistory::from_files(files, id, &self.signers) {
            Ok(Some(history)) if !history.is_unfounded() => {}
            _ => return Ok(()),
        }
        let message = format!("the request was decided already, as the grant {id}");
        Err(Error::new(ErrorKind::GrantChanged, Stage::Grant, message)
            .with_hint(format!("see `tempaccess grant show {id}`")))
    }

    /// Denies a request, so that nobody can approve it any more.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`, `grant_changed` if it was decided already, and errors of the records.
    pub async fn deny(&self, text: &RequestText, reason: &str) -> Result<IssuedGrant> {
        super::spec::check_reason(reason)?;
        let VerifiedRequest { request, .. } = text.verify(&self.signers, self.clock.now())?;
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        self.require_undecided(&text.id()).await?;
        let preset = self.rules.preset(&request.preset)?;
        let role = super::spec::resolve_role(&preset.role, administrator.role(), self.access.account_names())?;
        let now = self.clock.now();
        let mut event = GrantEvent::first(text.id(), EventKind::Denied, preset.kind, now, now);
        event.to = request.to;
        administrator.acts_in(&mut event);
        event.role_arn = role.to_string();
        // What was denied: the preset can change later.
        event.policy = self.rules.policy_of(&request.preset).ok().flatten();
        event.policy_arns.clone_from(&preset.policy_arns);
        event.preset = Some(request.preset);
        event.request = Some(text.request.clone());
        event.reason = reason.to_owned();
        let (event, _) = self.record(event).await?;
        self.notify(&event).await;
        Ok(IssuedGrant { event, sealed: String::new() })
    }

    /// Reviews a grant that was given in an emergency, without approvals.
    ///
    /// # Errors
    ///
    /// `grant_refused` for a grant of one's own or to oneself, `invalid_argument` if there is nothing to review.
    pub async fn review(&self, id: &GrantId, reason: &str) -> Result<IssuedGrant> {
        super::spec::check_reason(reason)?;
        let history = self.history(id).await?;
        if !history.needs_review() {
            let message = format!("the grant {id} needs no review");
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message));
        }
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        if [history.by(), history.to()].contains(&administrator.name.as_str()) {
            return Err(refused("you cannot review a grant that you gave or got").with_hint("ask somebody else"));
        }
        let mut event = history.next_event(EventKind::Reviewed, self.clock.now());
        administrator.acts_in(&mut event);
        event.reason = reason.to_owned();
        let (event, _) = self.record(event).await?;
        self.notify(&event).await;
        Ok(IssuedGrant { event, sealed: String::new() })
    }
}

/// Returns the duration to give: the wanted one, unless it is longer than what was agreed to.
fn shorter(wanted: Option<SignedDuration>, longest: SignedDuration) -> Result<SignedDuration> {
    match wanted {
        Some(wanted) if wanted > longest => {
            Err(refused(format!("the request and its approvals are for {} at most", format_duration(longest)))
                .with_hint("an approval can shorten a request, and not extend it"))
        }
        Some(wanted) => Ok(wanted),
        None => Ok(longest),
    }
}
