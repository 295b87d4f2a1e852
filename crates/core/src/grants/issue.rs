//! Session grants: the administrator assumes the role for the person, and seals the credentials to the person's key.

use jiff::{SignedDuration, Timestamp};

use super::plan::{check_scope, required_duration, required_role, tags};
use super::spec::invalid;
use super::{GrantPlan, GrantSpec, Grants, IssuedGrant};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GRANT_TAG;
use crate::policy::narrowed;
use crate::records::{EventKind, GrantKind};
use crate::role::resolve_role;
use crate::scope::{SessionDuration, SessionScope};
use crate::seal::{GrantHeader, seal};
use crate::sts::{ChainRequest, ChainedRole, IssuedSession};

/// The limit of AWS for the session of a chained role.
const MAX_SESSION: SignedDuration = SignedDuration::from_hours(1);
/// The shortest session of STS. A shorter grant ends by a date in its session policy.
const MIN_SESSION: SignedDuration = SignedDuration::from_mins(15);
/// How far this machine's clock may be off before a short grant is issued again with AWS's time.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_secs(30);

impl Grants {
    /// Checks a session grant and returns what would be given. Nothing is given yet.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, `invalid_recipient`, `invalid_scope`, `grant_refused` (a rule of the configuration),
    /// `grant_unsafe`, and errors of the sign-in.
    pub async fn plan_issue(&self, spec: &GrantSpec) -> Result<GrantPlan> {
        let spec = self.rules.apply(spec, GrantKind::Session)?;
        spec.check()?;
        check_scope(&spec)?;
        let duration = required_duration(&spec)?;
        if spec.from.is_some() || spec.until.is_some() {
            return Err(invalid("a session grant cannot have a start or end time")
                .with_hint("give `--for`; `tempaccess grant permit` gives access between two dates"));
        }
        check_length(duration)?;
        if spec.seal_to.is_empty() {
            return Err(Error::new(
                ErrorKind::InvalidRecipient,
                Stage::Grant,
                "a session grant needs a key to seal it to",
            )
            .with_hint("name the person's public key with `--seal-to`; they print it with `tempaccess grant key`"));
        }
        let role = required_role(&spec, "--role")?;
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        let role = resolve_role(&role, administrator.role(), self.access.account_names())?;
        if role.is_reserved() {
            let message = format!("the role `{role}` belongs to IAM Identity Center, which assigns it itself");
            return Err(Error::new(ErrorKind::IamRefused, Stage::Grant, message));
        }
        let now = whole_seconds(self.time_of_aws(&administrator).await);
        // A session grant that nothing was recorded for since then has ended.
        let since = now.checked_sub(MAX_SESSION + MIN_SESSION).unwrap_or(Timestamp::MIN);
        self.require_no_live_session(&spec.to, role.as_str(), since).await?;
        let plan = GrantPlan {
            id: spec.origin.new_id()?,
            kind: GrantKind::Session,
            to: spec.to,
            by: administrator.name.clone(),
            role,
            policy: spec.policy,
            policy_arns: spec.policy_arns,
            from: now,
            until: end(now, duration)?,
            from_ip: spec.from_ip,
            reason: spec.reason,
            preset: spec.preset,
            recipients: spec.seal_to,
            origin: spec.origin,
            iam_role: None,
            history: None,
        };
        // Sizes are checked before anybody is asked.
        scope(&plan, duration, plan.until)?.check_for(&plan.role)?;
        self.run_check(&plan).await?;
        Ok(plan)
    }

    /// Gives a session grant: [`plan_issue`](Self::plan_issue) and [`carry_out`](Self::carry_out).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn issue(&self, spec: &GrantSpec) -> Result<IssuedGrant> {
        let plan = self.plan_issue(spec).await?;
        self.carry_out(plan).await
    }

    /// Issues the session of a plan, seals it and records it.
    pub(super) async fn carry_out_session(&self, plan: GrantPlan) -> Result<IssuedGrant> {
        let administrator = self.administrator().await?;
        if plan.history.is_none() {
            // One may have been given since the plan was made; clocks differ.
            let since = plan.from.checked_sub(MIN_SESSION).unwrap_or(Timestamp::MIN);
            self.require_no_live_session(&plan.to, plan.role.as_str(), since).await?;
        }
        let (issued, now, until) = self.assume(&plan).await?;
        let number = plan.history.as_ref().and_then(|history| history.last().issue).unwrap_or(0).saturating_add(1);
        let kind = if plan.history.is_some() { EventKind::Extended } else { EventKind::Issued };
        let mut event = plan.event(kind, now);
        event.from = plan.history.as_ref().map_or(now, |history| history.last().from);
        event.until = until;
        event.by_arn = administrator.arn();
        event.issue = Some(number);
        event.session = Some(plan.session_name());
        event.access_key_id = Some(issued.answer.credentials.access_key_id.clone());
        event.sts_request_id.clone_from(&issued.answer.request_id);
        event.policy_sha256 = issued.scope.policy().map(crate::SessionPolicy::digest);

        let mut header = GrantHeader::new(plan.id.clone(), number, until);
        header.to.clone_from(&plan.to);
        header.by.clone_from(&plan.by);
        header.role = plan.role.to_string();
        header.session = issued.answer.assumed_role_arn.clone().unwrap_or_default();
        header.reason.clone_from(&plan.reason);
        header.policy_sha256.clone_from(&event.policy_sha256);
        let (_, sealed) = seal(header, &issued, &plan.recipients, &*self.signer).await?;
        // Without the record, the credentials are dropped.
        let (event, _) = self.record(event).await?;
        if plan.history.is_none() {
            self.settle(&event, plan.from.checked_sub(MIN_SESSION).unwrap_or(Timestamp::MIN)).await?;
        }
        Ok(IssuedGrant { event, sealed })
    }

    /// Assumes the role for the person. Returns the session, AWS's time, and when the grant ends.
    async fn assume(&self, plan: &GrantPlan) -> Result<(IssuedSession, Timestamp, Timestamp)> {
        let duration = plan.until.duration_since(plan.from);
        let administrator = self.administrator().await?;
        let mut start = whole_seconds(self.time_of_aws(&administrator).await);
        // An extension ends at a date; a new grant lasts as long as was shown, from when it is given.
        let until = |start: Timestamp| match &plan.history {
            Some(_) => Ok(plan.until),
            None => end(start, duration),
        };
        loop {
            let until = until(start)?;
            let length = until.duration_since(start);
            let issued = self.assume_until(plan, length, until).await?;
            let server = issued.answer.server_time.unwrap_or(start);
            let is_short = length < MIN_SESSION;
            if is_short && server.duration_since(start).abs() > TOLERATED_SKEW && plan.history.is_none() {
                // The date in the session policy was counted from a clock that is wrong. These keys are dropped.
                start = server;
                continue;
            }
            let ends = if is_short { until } else { issued.answer.credentials.expiration };
            return Ok((issued, server, ends));
        }
    }

    async fn assume_until(&self, plan: &GrantPlan, length: SignedDuration, until: Timestamp) -> Result<IssuedSession> {
        let administrator = self.administrator().await?;
        let scope = scope(plan, length, until)?;
        let mut role = ChainedRole::new(plan.role.clone())
            .session_name(plan.session_name())?
            .source_identity(administrator.name.as_str())?
            .transitive_tag_keys([GRANT_TAG.to_owned()]);
        for (key, value) in tags(plan) {
            role = role.tag(key, value)?;
        }
        let request = ChainRequest::new(&role, &administrator.issued.answer, &scope)?;
        self.access.assume_for(request, &administrator.issued, &plan.reason).await.map_err(explained)
    }
}

/// Returns the scope of the session of a plan.
fn scope(plan: &GrantPlan, length: SignedDuration, until: Timestamp) -> Result<SessionScope> {
    let short = (length < MIN_SESSION).then_some(until);
    let policy = narrowed(plan.policy.as_ref(), !plan.policy_arns.is_empty(), short, &plan.from_ip)?;
    let seconds = length.as_secs().clamp(MIN_SESSION.as_secs(), MAX_SESSION.as_secs());
    let mut scope = SessionScope::new(SessionDuration::from_seconds(seconds)?);
    if let Some(policy) = policy {
        scope = scope.with_policy(policy)?;
    }
    scope.with_policy_arns(plan.policy_arns.iter().cloned())
}

/// Adds the permissions that a grant needs, as a hint, to a refusal by STS.
fn explained(error: Error) -> Error {
    match error.kind() {
        ErrorKind::AccessDenied => error.with_hint(
            "your role needs `sts:AssumeRole`, `sts:TagSession` and `sts:SetSourceIdentity` on the granted role, and the granted role's trust policy must allow your role these actions with the session tags of grants",
        ),
        _ => error,
    }
}

pub(super) fn check_length(duration: SignedDuration) -> Result<()> {
    if duration > MAX_SESSION {
        return Err(Error::new(
            ErrorKind::InvalidScope,
            Stage::Grant,
            "a session grant lasts 1 hour at most (role chaining)",
        )
        .with_hint(
            "extend it later with `tempaccess grant extend`, or give a policy grant with `tempaccess grant permit`",
        ));
    }
    Ok(())
}

/// Rounds a time down to whole seconds, as policies and messages write them.
pub(super) fn whole_seconds(time: Timestamp) -> Timestamp {
    Timestamp::from_second(time.as_second()).unwrap_or(time)
}

pub(super) fn end(start: Timestamp, duration: SignedDuration) -> Result<Timestamp> {
    start.checked_add(duration).map_err(|_| invalid("the grant would end after the last date that can be written"))
}
