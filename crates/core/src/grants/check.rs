//! Compares the records with IAM.

use std::collections::BTreeSet;

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::list::{denied, missing};
use super::recorded::{CONCURRENT, recorded_policy};
use super::{GrantFilter, GrantHistories, GrantId, Grants, UnreadableGrant};
use crate::arn::RoleArn;
use crate::error::Result;
use crate::iam::MAX_INLINE_POLICY_CHARACTERS;
use crate::policy::{DatedPolicy, GRANT_PREFIX, REVOKED_PREFIX, Revocation, same_document};
use crate::records::{GrantHistory, GrantKind, GrantState};
use crate::role::resolve_role;

/// A difference between the records and IAM.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GrantFinding {
    /// The grant.
    pub id: Option<GrantId>,
    /// The role. Empty if no record says.
    pub role_arn: String,
    /// The problem, in a line.
    pub problem: String,
}

/// The room that a role has for policies.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct RoleRoom {
    /// The role.
    pub role_arn: String,
    /// The characters of its inline policies, without white space.
    pub used: usize,
    /// The characters that are left, of 10,240.
    pub left: usize,
}

/// What a check found.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct GrantCheck {
    /// What the records and IAM do not agree about.
    pub findings: Vec<GrantFinding>,
    /// The room that each role has left.
    pub roles: Vec<RoleRoom>,
    /// Roles that were not looked at, because they are in other accounts than the session, one line each.
    pub notes: Vec<String>,
}

impl Grants {
    /// Compares the records with IAM: policies that are missing, foreign or changed, revocations that do not hold, records that
    /// cannot be trusted, and the room that each role has left.
    ///
    /// # Errors
    ///
    /// Errors of the records and of IAM.
    pub async fn check(&self, roles: &[String]) -> Result<GrantCheck> {
        let now = self.clock.now();
        let filter = GrantFilter { roles: roles.to_vec(), ..GrantFilter::all() };
        let GrantHistories { histories, unreadable } = self.histories(&filter).await?;
        // Policies that nobody recorded can be on any role that grants were given on, or can be given on.
        let mut all: BTreeSet<String> = histories.iter().map(|history| history.last().role_arn.clone()).collect();
        if roles.is_empty() {
            all.extend(self.roles_of_presets().await?);
        }
        let found = self.policies_of(all, roles).await?;
        let notes = found.elsewhere().collect();
        let unread = |grant: UnreadableGrant| GrantFinding {
            id: Some(grant.id),
            role_arn: String::new(),
            problem: format!("the records cannot be read: {}", grant.reason),
        };
        let mut findings: Vec<_> = unreadable.into_iter().map(unread).collect();
        // A role that could not be read is a finding.
        findings.extend(found.failed.iter().map(|(role, error)| GrantFinding {
            id: None,
            role_arn: role.to_string(),
            problem: format!("`{role}` could not be looked at in IAM: {}", error.message()),
        }));
        let policies = found.names;
        for history in &histories {
            let about = |problem: String| GrantFinding {
                id: Some(history.id().clone()),
                role_arn: history.last().role_arn.clone(),
                problem,
            };
            findings.extend(history.defects().iter().cloned().map(about));
            if let Some(names) = policies.get(&history.last().role_arn) {
                findings.extend(missing(history, names, now).map(about));
                findings.extend(denied(history, names, now).map(about));
            }
        }
        let mut rooms = Vec::new();
        for (role, names) in &policies {
            let (room, changed) = self.check_role_policies(role, names, &histories, now).await?;
            rooms.push(room);
            findings.extend(changed);
        }
        Ok(GrantCheck { findings, roles: rooms, notes })
    }

    /// Returns the roles of the presets that are in the account of the session.
    async fn roles_of_presets(&self) -> Result<Vec<String>> {
        let names: Vec<_> = self.rules.roles().collect();
        if names.is_empty() {
            return Ok(Vec::new());
        }
        let administrator = self.administrator().await?;
        let own = administrator.credentials().account_id();
        let resolved = names
            .into_iter()
            .filter_map(|name| resolve_role(name, administrator.role(), self.access.account_names()).ok());
        Ok(resolved.filter(|role| role.account_id() == own).map(|role| role.to_string()).collect())
    }

    /// Reads every inline policy of a role.
    async fn check_role_policies(
        &self,
        role_arn: &str,
        names: &BTreeSet<String>,
        histories: &[GrantHistory],
        now: Timestamp,
    ) -> Result<(RoleRoom, Vec<GrantFinding>)> {
        let administrator = self.administrator().await?;
        let credentials = administrator.credentials();
        let role = role_arn.parse::<RoleArn>().map(|role| role.name().to_owned()).unwrap_or_default();
        let role = &role;
        let reads = stream::iter(names.clone()).map(|name| async move {
            let document = self.iam.role_policy(credentials, role, &name).await;
            document.map(|document| (name, document.unwrap_or_default()))
        });
        let documents: Vec<_> =
            reads.buffered(CONCURRENT).collect::<Vec<_>>().await.into_iter().collect::<Result<_>>()?;
        let used = documents.iter().map(|(_, text)| text.chars().filter(|c| !c.is_whitespace()).count()).sum();
        let room =
            RoleRoom { role_arn: role_arn.to_owned(), used, left: MAX_INLINE_POLICY_CHARACTERS.saturating_sub(used) };
        let mut findings = Vec::new();
        for (name, document) in &documents {
            let (id, problem) = match DatedPolicy::id_of(name) {
                Some(id) => {
                    let history = histories.iter().find(|history| *history.id() == id);
                    let problem = compare(name, document, history, now);
                    (Some(id), problem)
                }
                None => (Revocation::id_of(name), compare_revocation(name, document)),
            };
            findings.extend(problem.map(|problem| GrantFinding { id, role_arn: role_arn.to_owned(), problem }));
        }
        Ok((room, findings))
    }
}

/// Compares a policy that should be a revocation with what its name says.
fn compare_revocation(name: &str, document: &str) -> Option<String> {
    if !name.starts_with(GRANT_PREFIX) && !name.starts_with(REVOKED_PREFIX) {
        // Not a policy of tempaccess.
        return None;
    }
    match Revocation::named(name) {
        Some(revocation) if same_document(&revocation.document, document) => None,
        Some(_) => Some(format!("the policy `{name}` does not deny what its name says: the revocation does not hold")),
        None => Some(format!("the policy `{name}` is neither of a grant nor of a revocation")),
    }
}

/// Compares a policy in IAM with the records.
fn compare(name: &str, document: &str, history: Option<&GrantHistory>, now: Timestamp) -> Option<String> {
    let Some(history) = history else {
        return Some(format!("the records do not have the grant of the policy `{name}`"));
    };
    if history.kind() != GrantKind::Policy || *name != DatedPolicy::name_of(history.id()) {
        return Some(format!("the records have another kind of grant than the policy `{name}`"));
    }
    if history.state(now) == GrantState::Ended {
        // It gives nothing any more; `clean` removes it.
        return None;
    }
    match recorded_policy(history) {
        Some(recorded) if same_document(&recorded.document, document) => None,
        _ => Some(format!("the policy `{name}` is not the one that the records have")),
    }
}
