//! Removes expired policies.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::recorded::recorded_role;
use super::{GrantFilter, GrantId, Grants};
use crate::error::Result;
use crate::policy::{DatedPolicy, DeniedSessions, Revocation};
use crate::records::{EventKind, GrantHistory};

/// How long after the end a policy is kept: this machine's clock may be ahead of AWS's.
const MARGIN: SignedDuration = SignedDuration::from_mins(15);

/// A policy that is or was removed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Cleaned {
    /// The role.
    pub role_arn: String,
    /// The inline policy.
    pub policy_name: String,
    /// The grant, if the records have it.
    pub id: Option<GrantId>,
    /// When it ended.
    pub until: Timestamp,
}

impl Grants {
    /// Finds policies that have no effect any more: of policy grants that have ended, and of revocations whose last session
    /// has ended. Nothing is removed yet.
    ///
    /// # Errors
    ///
    /// Errors of the records and of IAM.
    pub async fn plan_clean(&self, roles: &[String]) -> Result<Vec<Cleaned>> {
        let filter = GrantFilter { roles: roles.to_vec(), ..GrantFilter::all() };
        let histories = self.recorded(&filter).await?;
        let recorded = histories.iter().map(|history| history.last().role_arn.clone()).collect();
        let looked_at = self.policies_of(recorded, roles).await?;
        for failure in looked_at.failures() {
            self.access.prompter().notify(&crate::source::Notice::Other(failure));
        }
        let policies = looked_at.names;
        if policies.is_empty() {
            return Ok(Vec::new());
        }
        // A clock of this machine that is ahead must not lift a deny.
        let now = self.ask_time_of_aws(&*self.administrator().await?).await;
        let mut found = Vec::new();
        for (role, names) in policies {
            for name in names {
                let id = DatedPolicy::id_of(&name);
                let history = id.as_ref().and_then(|id| histories.iter().find(|history| history.id() == id));
                // A policy that the records do not have says itself when it ends; it is left to its author.
                let until = match &id {
                    // Somebody who can write records must not be able to end access by them.
                    Some(_) => history.filter(|history| history.defects().is_empty()).map(GrantHistory::until),
                    None => Revocation::needed_until(&name).filter(|_| !is_needed(&name, &histories, now)),
                };
                let Some(until) = until.filter(|until| now.duration_since(*until) > MARGIN) else { continue };
                found.push(Cleaned { role_arn: role.clone(), policy_name: name, id, until });
            }
        }
        Ok(found)
    }

    /// Removes these policies and records that the grants have ended.
    ///
    /// # Errors
    ///
    /// Errors of IAM and of the records. What was removed stays removed.
    pub async fn clean(&self, found: &[Cleaned]) -> Result<()> {
        let administrator = self.administrator().await?;
        for policy in found {
            let role = recorded_role(&policy.role_arn)?;
            administrator.require_account(&role)?;
            self.iam.delete_role_policy(administrator.credentials(), role.name(), &policy.policy_name).await?;
            let Some(id) = &policy.id else { continue };
            let history = self.show(id).await?;
            if history.last().event == EventKind::Ended {
                continue;
            }
            let mut event = history.next_event(EventKind::Ended, self.now().await?);
            administrator.acts_in(&mut event);
            event.iam_policy_name = Some(policy.policy_name.clone());
            self.record(event).await?;
        }
        Ok(())
    }
}

/// Whether the policy denies a grant that has been extended beyond the end of the denial.
fn is_needed(policy_name: &str, histories: &[GrantHistory], now: Timestamp) -> bool {
    let Some(DeniedSessions::Grant(id)) = Revocation::target_of(policy_name) else { return false };
    histories.iter().any(|history| *history.id() == id && history.until() > now)
}
