//! The decision about a request: approved, denied, and reviewed after an emergency.

use jiff::SignedDuration;
use serde::Serialize;

use super::plan::{allowed, check_scope};
use super::spec::Origin;
use super::{ApprovalLimits, GrantId, GrantPlan, Grants};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::{
    EventKind, GrantEvent, GrantHistory, GrantKind, NarrowedApproval, RequestText, VerifiedRequest, check_reason,
    refused,
};
use crate::role::resolve_role;
use crate::seal::fingerprint;

/// An approval that was checked and not signed yet: the request, and what it would give. The shape is stable.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct ApprovalPlan {
    /// The id of the grant that the request can become.
    pub id: GrantId,
    /// How access would be given.
    pub kind: GrantKind,
    /// The person who asks.
    pub to: String,
    /// The administrator who would approve.
    pub by: String,
    /// The role.
    pub role_arn: String,
    /// What the policies allow, in a line.
    pub allows: String,
    /// The policy: the preset's, unless an approval narrows it.
    pub policy: Option<String>,
    /// The preset's managed policies.
    pub policy_arns: Vec<String>,
    /// The networks that access would be limited to, as CIDR blocks.
    pub from_ip: Vec<String>,
    /// The preset.
    pub preset: String,
    /// How long access would last, in seconds: the shortest of what was requested, approved before, and named now.
    pub duration_seconds: i64,
    /// Why it is asked for.
    pub reason: String,
    /// The people who have approved it, in order.
    pub approved_by: Vec<String>,
}

impl ApprovalPlan {
    /// How long access would last.
    pub fn duration(&self) -> SignedDuration {
        SignedDuration::from_secs(self.duration_seconds)
    }
}

impl Grants {
    /// Checks an approval and returns what would be approved. Nothing is signed yet.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`, `grant_refused` (own request, or more than is requested, approved by others, or in the preset),
    /// `grant_unsafe`, `grant_changed` if it was decided already, and errors of the records and the sign-in.
    pub async fn plan_approval(&self, text: &RequestText, limits: &ApprovalLimits) -> Result<ApprovalPlan> {
        let approved = text.verify(&self.signers, self.clock.now())?;
        let mut spec = limits.limit(&approved)?;
        let VerifiedRequest { request, approved_by, agreed_seconds, .. } = approved;
        self.rules.check_request(&request)?;
        spec.check()?;
        self.rules.narrow(&request.preset, &mut spec)?;
        check_scope(&spec)?;
        self.require_undecided(&text.id()).await?;
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        if administrator.name == request.to {
            return Err(refused("you cannot approve a request of your own").with_hint("ask somebody else"));
        }
        if approved_by.contains(&administrator.name) {
            return Err(refused("you have approved this request already"));
        }
        let preset = self.rules.preset(&request.preset)?;
        let policy = spec.policy.map(|policy| policy.as_str().to_owned());
        Ok(ApprovalPlan {
            id: text.id(),
            kind: preset.kind,
            role_arn: resolve_role(&preset.role, administrator.role(), self.access.account_names())?.to_string(),
            allows: allowed(policy.as_deref(), !preset.policy_arns.is_empty()),
            policy,
            policy_arns: preset.policy_arns.clone(),
            from_ip: spec.from_ip,
            duration_seconds: spec.duration.map_or(agreed_seconds, |duration| duration.as_secs()),
            approved_by,
            by: administrator.name.clone(),
            to: request.to,
            preset: request.preset,
            reason: request.reason,
        })
    }

    /// Signs an approval and returns the request with it. Nothing is given.
    ///
    /// # Errors
    ///
    /// Those of [`plan_approval`](Self::plan_approval).
    pub async fn sign_approval(&self, text: &RequestText, limits: &ApprovalLimits) -> Result<RequestText> {
        let plan = self.plan_approval(text, limits).await?;
        let duration = plan.duration();
        // Only this administrator's own limits: those of others are in their approvals, and the preset can change.
        let agreed = NarrowedApproval {
            by: plan.by,
            from_ip: limits.from_ip.clone(),
            policy: limits.policy.as_ref().map(|policy| policy.as_str().to_owned()),
        };
        text.approve(agreed, duration, self.now().await?, &*self.signer).await
    }

    /// Approves a request and returns what would be given: as requested or within narrower limits, and never more. Nothing is
    /// given yet.
    ///
    /// # Errors
    ///
    /// Those of [`sign_approval`](Self::sign_approval), [`plan_issue`](Self::plan_issue) and
    /// [`plan_permit`](Self::plan_permit); `grant_changed` if the request was granted or denied already.
    pub async fn plan_approve(&self, text: &RequestText, limits: &ApprovalLimits) -> Result<GrantPlan> {
        let administrator = self.administrator().await?;
        // An administrator who approved before can give it once enough others have.
        let approved_before = text.approvers().contains(&administrator.name);
        let approved = match approved_before {
            true => text.clone(),
            false => self.sign_approval(text, limits).await?,
        };
        // Refuses the approval of the person who asks.
        let verified = approved.verify(&self.signers, self.clock.now())?;
        let mut spec = limits.limit(&verified)?;
        // For a new approval, `sign_approval` has checked it.
        if approved_before {
            self.require_undecided(&text.id()).await?;
        }
        spec.origin = Origin {
            id: Some(approved.id()),
            request: Some(approved.request.clone()),
            approvals: approved.approvals.clone(),
            break_glass: false,
        };
        match self.rules.preset(&verified.request.preset)?.kind {
            GrantKind::Policy => self.plan_permit(&spec).await,
            GrantKind::Session => {
                for key in &verified.request.seal_to {
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
            Ok(Some(history)) if !history.has_no_trusted_event() => {}
            _ => return Ok(()),
        }
        let message = format!("the request was granted or denied already (grant {id})");
        Err(Error::new(ErrorKind::GrantChanged, Stage::Grant, message)
            .with_hint(format!("see `tempaccess grant show {id}`")))
    }

    /// Denies a request, so that nobody can approve it any more.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`, `grant_changed` if it was decided already, and errors of the records.
    pub async fn deny(&self, text: &RequestText, reason: &str) -> Result<GrantEvent> {
        check_reason(reason)?;
        let VerifiedRequest { request, .. } = text.verify(&self.signers, self.clock.now())?;
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        self.require_undecided(&text.id()).await?;
        let preset = self.rules.preset(&request.preset)?;
        let role = resolve_role(&preset.role, administrator.role(), self.access.account_names())?;
        let now = self.now().await?;
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
        Ok(event)
    }

    /// Reviews a grant that was given in an emergency, without approvals.
    ///
    /// # Errors
    ///
    /// `grant_refused` for a grant of one's own or to oneself, `invalid_argument` if there is nothing to review.
    pub async fn review(&self, id: &GrantId, reason: &str) -> Result<GrantEvent> {
        check_reason(reason)?;
        let history = self.history(id).await?;
        if !history.needs_review() {
            let message = format!("the grant {id} needs no review");
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message));
        }
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        let key = fingerprint(&self.signer.public_key()?);
        if history.is_party(&administrator.name, key.as_deref()) {
            return Err(refused("you cannot review a grant that you gave or got").with_hint("ask somebody else"));
        }
        let mut event = history.next_event(EventKind::Reviewed, self.now().await?);
        administrator.acts_in(&mut event);
        event.reason = reason.to_owned();
        let (event, _) = self.record(event).await?;
        self.notify(&event).await;
        Ok(event)
    }
}
