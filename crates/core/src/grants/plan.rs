//! A grant before it is given: everything that the administrator is shown and asked about.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::spec::Origin;
use super::{GrantId, GrantSpec, Grants};
use crate::arn::{PolicyArn, RoleArn};
use crate::duration::format_duration;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GRANT_TAG;
use crate::iam::IamRole;
use crate::policy::{DatedPolicy, check_elements, escapes, summary};
use crate::records::{EventKind, GrantEvent, GrantHistory, GrantKind, approver};
use crate::scope::SessionPolicy;
use crate::seal::Recipient;

/// A grant, or an extension of one, that was checked and not given yet.
#[derive(Debug)]
#[must_use = "nothing is given until `Grants::carry_out`"]
pub struct GrantPlan {
    pub(super) id: GrantId,
    pub(super) kind: GrantKind,
    pub(super) to: String,
    pub(super) by: String,
    pub(super) role: RoleArn,
    pub(super) policy: Option<SessionPolicy>,
    pub(super) policy_arns: Vec<PolicyArn>,
    pub(super) from: Timestamp,
    pub(super) until: Timestamp,
    pub(super) from_ip: Vec<String>,
    pub(super) reason: String,
    pub(super) preset: Option<String>,
    pub(super) recipients: Vec<Recipient>,
    /// How the grant came about.
    pub(super) origin: Origin,
    /// The role in IAM, for a policy grant.
    pub(super) iam_role: Option<IamRole>,
    /// The events so far, for an extension.
    pub(super) history: Option<GrantHistory>,
}

/// A grant that was given, extended or changed.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct IssuedGrant {
    /// The event that records it.
    pub event: GrantEvent,
    /// The sealed credentials, for a session grant: the text to send to the person.
    pub sealed: String,
}

/// A plan in a form to show, stable as `--output json`.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct PlanSummary {
    /// The id that the grant has or will have.
    pub id: GrantId,
    /// `issue`, `permit` or `extend`.
    pub action: &'static str,
    /// How access is given.
    pub kind: GrantKind,
    /// The person.
    pub to: String,
    /// The administrator.
    pub by: String,
    /// The role.
    pub role_arn: String,
    /// What the policy allows, in a line.
    pub allows: String,
    /// The policy.
    pub policy: Option<String>,
    /// The managed session policies.
    pub policy_arns: Vec<String>,
    /// The networks that access is limited to.
    pub from_ip: Vec<String>,
    /// When access begins.
    pub from: Timestamp,
    /// When access ends.
    pub until: Timestamp,
    /// How long access lasts, in words.
    pub duration: String,
    /// Why.
    pub reason: String,
    /// The preset.
    pub preset: Option<String>,
    /// The keys that the credentials are sealed to.
    pub sealed_to: Vec<String>,
    /// The principal that CloudTrail will name, for a session grant.
    pub session: Option<String>,
    /// The people who approved the request.
    pub approved_by: Vec<String>,
    /// Whether the grant is given without the approvals that its preset asks for otherwise.
    pub break_glass: bool,
    /// The inline policy that IAM will have, for a policy grant.
    pub iam_policy_name: Option<String>,
}

impl GrantPlan {
    /// Returns the plan in a form to show.
    pub fn summary(&self) -> PlanSummary {
        let allows = allowed(self.policy.as_ref().map(SessionPolicy::as_str), !self.policy_arns.is_empty());
        let is_session = self.kind == GrantKind::Session;
        let begins = self.history.as_ref().map_or(self.from, |history| history.until().max(self.from));
        PlanSummary {
            id: self.id.clone(),
            action: match (&self.history, self.kind) {
                (Some(_), _) => "extend",
                (None, GrantKind::Session) => "issue",
                (None, GrantKind::Policy) => "permit",
            },
            kind: self.kind,
            to: self.to.clone(),
            by: self.by.clone(),
            role_arn: self.role.to_string(),
            allows,
            policy: self.policy.as_ref().map(|policy| policy.as_str().to_owned()),
            policy_arns: self.policy_arns.iter().map(ToString::to_string).collect(),
            from_ip: self.from_ip.clone(),
            from: self.from,
            until: self.until,
            duration: format_duration(self.until.duration_since(begins)),
            reason: self.reason.clone(),
            preset: self.preset.clone(),
            approved_by: self.origin.approvals.iter().filter_map(approver).collect(),
            break_glass: self.origin.break_glass,
            sealed_to: self.recipients.iter().map(Recipient::describe).collect(),
            session: is_session.then(|| format!("assumed-role/{}/{}", self.role.name(), self.session_name())),
            iam_policy_name: (!is_session).then(|| DatedPolicy::name_of(&self.id)),
        }
    }

    /// The name of the session: the person and the id.
    pub(super) fn session_name(&self) -> String {
        format!("{}+{}", self.to, self.id)
    }

    /// Returns the event that records the plan, without what only its execution knows.
    pub(super) fn event(&self, event: EventKind, at: Timestamp) -> GrantEvent {
        let mut recorded = match &self.history {
            Some(history) => history.next_event(event, at),
            None => GrantEvent::first(self.id.clone(), event, self.kind, at, self.until),
        };
        recorded.to.clone_from(&self.to);
        recorded.by.clone_from(&self.by);
        recorded.role_arn = self.role.to_string();
        recorded.role_id = self.iam_role.as_ref().map(|role| role.id.clone()).or(recorded.role_id);
        recorded.preset.clone_from(&self.preset);
        recorded.request.clone_from(&self.origin.request);
        recorded.approvals.clone_from(&self.origin.approvals);
        recorded.break_glass = self.origin.break_glass;
        recorded.policy = self.policy.as_ref().map(|policy| policy.as_str().to_owned());
        recorded.policy_arns = self.policy_arns.iter().map(ToString::to_string).collect();
        recorded.from_ip.clone_from(&self.from_ip);
        recorded.from = self.from;
        recorded.until = self.until;
        recorded.reason.clone_from(&self.reason);
        recorded.recipients = self.recipients.iter().map(|key| key.fingerprint().to_owned()).collect();
        recorded.recipient_keys = self.recipients.iter().map(ToString::to_string).collect();
        recorded
    }
}

impl Grants {
    /// Gives what was planned.
    ///
    /// The record is written before access is handed out. If that fails, nothing is given.
    ///
    /// # Errors
    ///
    /// Errors of the stages `exchange`, `audit` and `grant`.
    pub async fn carry_out(&self, plan: GrantPlan) -> Result<IssuedGrant> {
        let given = match plan.kind {
            GrantKind::Session => self.carry_out_session(plan).await?,
            GrantKind::Policy => self.carry_out_policy(plan).await?,
        };
        self.notify(&given.event).await;
        Ok(given)
    }

    /// Runs the `check` program.
    pub(super) async fn run_check(&self, plan: &GrantPlan) -> Result<()> {
        self.rules.run_check(&plan.summary()).await
    }
}

/// What policies allow, in a line.
pub(super) fn allowed(policy: Option<&str>, has_policy_arns: bool) -> String {
    match (policy, has_policy_arns) {
        (Some(policy), _) => summary(policy),
        (None, true) => "what the managed policies and the role allow".to_owned(),
        (None, false) => "all that the role allows".to_owned(),
    }
}

/// Refuses a scope with which the person could keep access after the grant ends.
pub(super) fn check_scope(spec: &GrantSpec) -> Result<()> {
    let Some(policy) = &spec.policy else { return Ok(()) };
    check_elements(policy)?;
    if spec.allows_escape {
        return Ok(());
    }
    let found = escapes(policy);
    if found.is_empty() {
        return Ok(());
    }
    let shown = found.iter().take(5).copied().collect::<Vec<_>>().join("`, `");
    let more = if found.len() > 5 { format!(" and {} more", found.len() - 5) } else { String::new() };
    let message = format!("the policy could keep access open after the grant ends: it allows `{shown}`{more}");
    Err(Error::new(ErrorKind::GrantUnsafe, Stage::Grant, message)
        .with_hint("leave these actions out; `--allow-escape` allows them"))
}

/// Returns the length of a grant from its duration or its end.
pub(super) fn required_duration(spec: &GrantSpec) -> Result<SignedDuration> {
    spec.duration.ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Grant, "a grant needs an end")
            .with_hint("give a duration with `--for`, such as `--for 40m`")
    })
}

/// Returns the role of a spec.
pub(super) fn required_role(spec: &GrantSpec, option: &str) -> Result<String> {
    spec.role.clone().ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Grant, "a grant needs a role")
            .with_hint(format!("name it with `{option}`, or a preset with `--preset`"))
    })
}

/// The tags of a session grant. Only the id goes on to chained sessions.
pub(super) fn tags(plan: &GrantPlan) -> BTreeMap<String, String> {
    let reason = super::spec::tag_value(&plan.reason);
    let tags = [
        (GRANT_TAG, plan.id.as_str().to_owned()),
        ("TempaccessTo", plan.to.clone()),
        ("TempaccessBy", plan.by.clone()),
        ("TempaccessReason", reason),
    ];
    tags.into_iter().map(|(key, value)| (key.to_owned(), value)).collect()
}
