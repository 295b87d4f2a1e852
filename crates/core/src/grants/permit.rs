//! Policy grants: one dated inline policy on the role that the person signs in to.

use jiff::{SignedDuration, Timestamp};

use super::issue::{end, whole_seconds};
use super::live::already_live;
use super::plan::{check_scope, required_role};
use super::recorded::{incomplete, recorded_policy};
use super::spec::invalid;
use super::{GrantPlan, GrantSpec, Grants, IssuedGrant};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::iam::IamRole;
use crate::policy::{DatedPolicy, PolicyWindow, same_document, unsafe_principals};
use crate::records::{EventKind, GrantHistory, GrantKind};
use crate::role::resolve_role;

impl Grants {
    /// Checks a policy grant and returns what would be given. Nothing is given yet.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, `invalid_scope`, `grant_refused` (a rule of the configuration), `grant_unsafe`,
    /// `grant_not_found` (no such role), `iam_refused`, and errors of the sign-in.
    pub async fn plan_permit(&self, spec: &GrantSpec) -> Result<GrantPlan> {
        let spec = self.rules.apply(spec, GrantKind::Policy)?;
        spec.check()?;
        check_scope(&spec)?;
        if !spec.policy_arns.is_empty() {
            return Err(invalid("a policy grant has an inline policy, and no managed ones"));
        }
        if !spec.seal_to.is_empty() {
            return Err(invalid("a policy grant has no credentials to seal"));
        }
        let policy = spec.policy.clone().ok_or_else(|| {
            invalid("a policy grant needs a policy: what the person may do").with_hint("name its file with `--policy`")
        })?;
        let name = required_role(&spec, "--on")?;
        let administrator = self.administrator().await?;
        self.require_trusted_signer(&administrator.name)?;
        let role = resolve_role(&name, administrator.role(), self.access.account_names())?;
        administrator.require_account(&role)?;
        let iam_role = self.iam.role(administrator.credentials(), role.name()).await?;
        check_role(&iam_role, &spec)?;
        let now = match iam_role.server_time {
            Some(now) => now,
            None => self.now().await?,
        };
        let from = spec.from.unwrap_or_else(|| whole_seconds(now));
        let until = match (spec.duration, spec.until) {
            (Some(_), Some(_)) => return Err(invalid("a grant has either a duration or an end")),
            (Some(duration), None) => end(from, duration)?,
            (None, Some(until)) => until,
            (None, None) => {
                return Err(invalid("a grant needs an end").with_hint("give `--for` or `--until`"));
            }
        };
        if until <= now || until <= from {
            return Err(invalid("the grant would end before it begins"));
        }
        self.rules.check_length(spec.preset.as_deref(), until.duration_since(from))?;
        self.require_no_live_policy(&spec.to, iam_role.arn.name(), now).await?;
        let plan = GrantPlan {
            id: spec.origin.new_id()?,
            kind: GrantKind::Policy,
            to: spec.to,
            by: administrator.name.clone(),
            role: iam_role.arn.clone(),
            policy: Some(policy),
            policy_arns: Vec::new(),
            from,
            until,
            from_ip: spec.from_ip,
            reason: spec.reason,
            preset: spec.preset,
            recipients: Vec::new(),
            origin: spec.origin,
            iam_role: Some(iam_role),
            history: None,
        };
        plan.dated()?;
        self.run_check(&plan).await?;
        Ok(plan)
    }

    /// Gives a policy grant: [`plan_permit`](Self::plan_permit) and [`carry_out`](Self::carry_out).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn permit(&self, spec: &GrantSpec) -> Result<IssuedGrant> {
        let plan = self.plan_permit(spec).await?;
        self.carry_out(plan).await
    }

    /// Fails if the person has a policy grant on the role already, as far as the records know.
    async fn require_no_live_policy(&self, to: &str, role: &str, now: Timestamp) -> Result<()> {
        let administrator = self.administrator().await?;
        for name in self.iam.role_policies(administrator.credentials(), role).await? {
            let Some(id) = DatedPolicy::id_of(&name) else { continue };
            let files = self.records.events(&id).await?;
            let Ok(Some(history)) = GrantHistory::from_files(files, &id, &self.signers) else { continue };
            if history.to() == to && history.is_running(now) {
                return Err(already_live(to, &history));
            }
        }
        Ok(())
    }

    /// Records the policy of a plan and writes it.
    pub(super) async fn carry_out_policy(&self, plan: GrantPlan) -> Result<IssuedGrant> {
        let administrator = self.administrator().await?;
        let dated = plan.dated()?;
        let written = |history: &GrantHistory| recorded_policy(history).ok_or_else(|| incomplete(history.id()));
        let before = plan.history.as_ref().map(written).transpose()?.map(|policy| policy.document);
        self.require_unchanged(&plan, &dated.name, before.as_deref()).await?;
        let now = self.now().await?;
        if plan.history.is_none() {
            // One may have been given since the plan was made.
            self.require_no_live_policy(&plan.to, plan.role.name(), now).await?;
        }
        let kind = if plan.history.is_some() { EventKind::Extended } else { EventKind::Permitted };
        let mut event = plan.event(kind, now);
        event.by_arn = administrator.arn();
        event.iam_policy_name = Some(dated.name.clone());
        event.policy_sha256 = dated.document.parse().ok().map(|policy: crate::SessionPolicy| policy.digest());
        let (event, file) = self.record(event).await?;
        if let Err(error) = self.write_policy(plan.role.name(), &dated).await {
            return Err(self.record_correction(&plan, &event, &file, before.as_deref(), error).await);
        }
        self.yield_to_revocation(&plan, event.seq, &dated).await?;
        Ok(IssuedGrant { event, sealed: String::new() })
    }

    /// Fails if IAM has another policy of this name than the records say.
    async fn require_unchanged(&self, plan: &GrantPlan, name: &str, expected: Option<&str>) -> Result<()> {
        let administrator = self.administrator().await?;
        let found = self.iam.role_policy(administrator.credentials(), plan.role.name(), name).await?;
        let same = match (found.as_deref(), expected) {
            (None, None) => true,
            (Some(found), Some(expected)) => same_document(found, expected),
            _ => false,
        };
        if same { Ok(()) } else { Err(changed(plan, name)) }
    }

    /// Writes a policy and reads it back.
    pub(super) async fn write_policy(&self, role: &str, dated: &DatedPolicy) -> Result<()> {
        let administrator = self.administrator().await?;
        let credentials = administrator.credentials();
        self.iam.put_role_policy(credentials, role, &dated.name, &dated.document).await?;
        let found = self.iam.role_policy(credentials, role, &dated.name).await?;
        if found.is_some_and(|found| same_document(&found, &dated.document)) {
            return Ok(());
        }
        let message =
            format!("IAM does not have the policy `{}` that was just written to the role `{role}`", dated.name);
        Err(Error::new(ErrorKind::GrantChanged, Stage::Grant, message)
            .with_hint("somebody else may have changed it: see `tempaccess grant check`"))
    }

    /// Records that what was recorded did not happen, after IAM refused it. Returns the error to report.
    async fn record_correction(
        &self,
        plan: &GrantPlan,
        event: &crate::records::GrantEvent,
        file: &[u8],
        before: Option<&str>,
        error: Error,
    ) -> Error {
        let kind = if before.is_some() { EventKind::Extended } else { EventKind::Revoked };
        let now = self.now().await.unwrap_or_else(|_| self.clock.now());
        let mut correction = crate::records::GrantEvent::following(event, event.seq.saturating_add(1), file, kind, now);
        // Skips a file that somebody else stored under the next number.
        if let Ok(history) = self.show(&plan.id).await
            && history.last().seq == event.seq
        {
            correction = history.next_event(kind, now);
        }
        correction.reason = format!("not written to IAM: {}", error.message());
        if let Some(history) = &plan.history {
            correction.until = history.until();
        }
        match self.record(correction).await {
            Ok(_) => error,
            Err(unwritten) => error.with_further_hint(&format!(
                "the records say that it was given, and could not be corrected: {}",
                unwritten.message()
            )),
        }
    }

    /// Removes the policy again if somebody revoked the grant while it was written.
    async fn yield_to_revocation(&self, plan: &GrantPlan, seq: u32, dated: &DatedPolicy) -> Result<()> {
        // What others have added to the records must not keep the policy.
        let history = self.show(&plan.id).await?;
        if history.last().seq == seq || !history.is_revoked() {
            return Ok(());
        }
        let administrator = self.administrator().await?;
        self.iam.delete_role_policy(administrator.credentials(), plan.role.name(), &dated.name).await?;
        let message = format!("the grant {} was revoked at the same time, and stays revoked", plan.id);
        Err(Error::new(ErrorKind::GrantChanged, Stage::Grant, message))
    }
}

fn changed(plan: &GrantPlan, name: &str) -> Error {
    let message =
        format!("the policy `{name}` of the role `{}` is not the one that the records have", plan.role.name());
    Error::new(ErrorKind::GrantChanged, Stage::Grant, message)
        .with_hint("`tempaccess grant check` shows the difference; nothing was changed")
}

/// Checks that a policy grant on a role ends as promised and reaches one person only.
fn check_role(role: &IamRole, spec: &GrantSpec) -> Result<()> {
    if role.arn.is_reserved() || role.arn.path_and_name().starts_with("aws-service-role/") {
        let message = format!("AWS manages the role `{}`, and nobody else can change it", role.arn);
        return Err(Error::new(ErrorKind::IamRefused, Stage::Grant, message)
            .with_hint("choose a role that people sign in to through your identity provider"));
    }
    let others = unsafe_principals(&role.trust_policy);
    if !others.is_empty() {
        let message = format!(
            "principals other than SAML users could assume the role `{}` with the session name `{}`: {}",
            role.arn.name(),
            spec.to,
            others.join(", ")
        );
        return Err(Error::new(ErrorKind::GrantUnsafe, Stage::Grant, message)
            .with_hint("choose a role whose trust policy has SAML providers only"));
    }
    if role.permissions_boundary.is_none() && !spec.needs_no_ceiling {
        let message =
            format!("the role `{}` has no permissions boundary, so a grant could add anything", role.arn.name());
        return Err(Error::new(ErrorKind::GrantUnsafe, Stage::Grant, message)
            .with_hint("set a permissions boundary on the role, or skip this check with `--no-ceiling`"));
    }
    Ok(())
}

impl GrantPlan {
    /// Returns the policy to write.
    pub(super) fn dated(&self) -> Result<DatedPolicy> {
        let policy = self.policy.as_ref().ok_or_else(|| invalid("the records of the grant have no policy"))?;
        let role_id = self.iam_role.as_ref().map(|role| role.id.as_str()).unwrap_or_default();
        let window = PolicyWindow {
            user_id: format!("{role_id}:{}", self.to),
            from: self.from,
            until: self.until,
            from_ip: self.from_ip.clone(),
        };
        DatedPolicy::new(&self.id, policy, &window)
    }
}

/// Returns how much longer a grant is after an extension.
pub(super) fn extended(history: &GrantHistory, duration: SignedDuration) -> Result<Timestamp> {
    end(history.until(), duration)
}
