//! Extends a grant: for a session grant by new sealed credentials, for a policy grant by another date.

use jiff::SignedDuration;

use super::issue::{check_length, whole_seconds};
use super::permit::extended;
use super::recorded::incomplete;
use super::spec::Origin;
use super::{GrantId, GrantPlan, Grants, IssuedGrant};
use crate::duration::format_duration;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::{GrantKind, GrantState, check_reason};
use crate::seal::Recipient;

impl Grants {
    /// Checks an extension by `duration` and returns what would be given. Nothing is given yet.
    ///
    /// # Errors
    ///
    /// `grant_not_found`, `grant_ended`, `grant_refused`, `grant_changed`, and errors of the sign-in.
    pub async fn plan_extend(&self, id: &GrantId, duration: SignedDuration, reason: &str) -> Result<GrantPlan> {
        check_reason(reason)?;
        self.rules.check_ticket(reason)?;
        let history = self.history(id).await?;
        let administrator = self.administrator().await?;
        let now = self.time_of_aws(&administrator).await;
        match history.state(now) {
            GrantState::Live | GrantState::Planned => {}
            GrantState::Revoked => {
                let message = format!("the grant {id} was revoked");
                return Err(Error::new(ErrorKind::GrantEnded, Stage::Grant, message)
                    .with_hint(format!("undo that with `tempaccess grant revoke {id} --undo`, or give a new grant")));
            }
            GrantState::Withdrawn => {
                let message = format!("the grant {id} was recorded and never given");
                return Err(Error::new(ErrorKind::GrantEnded, Stage::Grant, message).with_hint("give a new grant"));
            }
            GrantState::Pending | GrantState::Denied => {
                let message = format!("the request for the grant {id} was denied");
                return Err(Error::new(ErrorKind::GrantNotFound, Stage::Grant, message));
            }
            GrantState::Ended => return Err(id.ended(history.by(), history.until()).with_hint("give a new grant")),
        }
        let last = history.last().clone();
        self.rules.check_extension(last.preset.as_deref(), history.extensions(), duration)?;
        let until = extended(&history, duration)?;
        self.require_trusted_signer(&administrator.name)?;
        let role: crate::arn::RoleArn = last.role_arn.parse().map_err(|_| incomplete(id))?;
        let iam_role = match history.kind() {
            GrantKind::Session => {
                check_length(until.duration_since(now)).map_err(|error| {
                    let most = format_duration(SignedDuration::from_hours(1) - history.until().duration_since(now));
                    error.with_hint(format!("it can be extended by {most} now, and again later"))
                })?;
                None
            }
            GrantKind::Policy => {
                administrator.require_account(&role)?;
                let found = self.iam.role(administrator.credentials(), role.name()).await?;
                if last.role_id.as_deref() != Some(found.id.as_str()) {
                    let message =
                        format!("the role `{}` was deleted and created again since the grant was given", role.name());
                    return Err(
                        Error::new(ErrorKind::GrantChanged, Stage::Grant, message).with_hint("give a new grant")
                    );
                }
                Some(found)
            }
        };
        let recipients = last.recipient_keys.iter().map(|key| key.parse::<Recipient>()).collect::<Result<Vec<_>>>()?;
        let plan = GrantPlan {
            id: id.clone(),
            kind: history.kind(),
            to: last.to.clone(),
            by: administrator.name.clone(),
            role,
            policy: last.policy.as_deref().map(str::parse).transpose()?,
            policy_arns: last.parsed_policy_arns(),
            from: if history.kind() == GrantKind::Session { whole_seconds(now) } else { last.from },
            until,
            from_ip: last.from_ip.clone(),
            reason: reason.to_owned(),
            preset: last.preset.clone(),
            recipients,
            origin: Origin {
                id: None,
                request: last.request.clone(),
                approvals: last.approvals.clone(),
                break_glass: last.break_glass,
            },
            iam_role,
            history: Some(history),
        };
        self.run_check(&plan).await?;
        Ok(plan)
    }

    /// Extends a grant: [`plan_extend`](Self::plan_extend) and [`carry_out`](Self::carry_out).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn extend(&self, id: &GrantId, duration: SignedDuration, reason: &str) -> Result<IssuedGrant> {
        let plan = self.plan_extend(id, duration, reason).await?;
        self.carry_out(plan).await
    }
}
