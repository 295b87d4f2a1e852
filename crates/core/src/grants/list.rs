//! Lists grants: from the records, and from IAM, where every policy grant is a policy of its own.

use std::collections::{BTreeMap, BTreeSet};

use futures_util::{StreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::recorded::{CONCURRENT, GrantHistories, UnreadableGrant};
use super::{GrantId, Grants};
use crate::arn::RoleArn;
use crate::duration::format_duration;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::policy::{DatedPolicy, DeniedSessions, Revocation};
use crate::records::{GrantHistory, GrantKind, GrantState};
use crate::role::{glob, role_texts};

/// Which grants to list.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct GrantFilter {
    /// Those on these roles: patterns of names. With one, roles that no record has are looked at as well.
    pub roles: Vec<String>,
    /// Those of this person.
    pub to: Option<String>,
    /// Those that this administrator gave.
    pub by: Option<String>,
    /// Also those that have ended or were revoked.
    pub ended: bool,
    /// The records only, without IAM.
    pub offline: bool,
}

impl GrantFilter {
    /// Every grant, also those that have ended or were revoked.
    pub fn all() -> Self {
        Self { ended: true, ..Self::default() }
    }

    pub(super) fn fits(&self, history: &GrantHistory) -> bool {
        self.to.as_ref().is_none_or(|to| history.to() == to)
            && self.by.as_ref().is_none_or(|by| history.involves(by))
            && (self.roles.is_empty() || self.roles.iter().any(|role| is_role(role, &history.last().role_arn)))
    }
}

/// The grants that were found.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GrantListing {
    /// The grants, those that end first at the front.
    pub grants: Vec<ListedGrant>,
    /// Grants whose records cannot be read, and roles that were not looked at in IAM, one line each.
    pub notes: Vec<String>,
}

/// A grant in a list.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct ListedGrant {
    /// The id.
    pub id: GrantId,
    /// The person, if a record has it.
    pub to: Option<String>,
    /// How access is given.
    pub kind: GrantKind,
    /// The role.
    pub role_arn: String,
    /// Whether the grant counts, if a record says.
    pub state: Option<GrantState>,
    /// When access ends.
    pub until: Option<Timestamp>,
    /// How long it lasts, in words. Empty if it has ended.
    pub left: String,
    /// Why it was given.
    pub reason: Option<String>,
    /// The administrator who gave it.
    pub by: Option<String>,
    /// The problems, one line each: records and IAM differ, or the records cannot be trusted.
    pub problems: Vec<String>,
}

/// The names of the inline policies that each role has in IAM.
pub(super) type PoliciesByRole = BTreeMap<String, BTreeSet<String>>;

impl Grants {
    /// Lists grants.
    ///
    /// # Errors
    ///
    /// Errors of the records. A role that cannot be looked at in IAM is a note.
    pub async fn list(&self, filter: &GrantFilter) -> Result<GrantListing> {
        let now = self.clock.now();
        let GrantHistories { histories, unreadable } = self.histories(filter).await?;
        let shown = |history: &&GrantHistory| {
            let is_over = matches!(
                history.state(now),
                GrantState::Ended | GrantState::Revoked | GrantState::Denied | GrantState::Withdrawn
            );
            // What nobody has reviewed stays in sight.
            filter.ended || !is_over || history.needs_review() || !history.defects().is_empty()
        };
        let mut grants: Vec<_> = histories.iter().filter(shown).map(|history| listed(history, now)).collect();
        let mut notes: Vec<_> = unreadable.iter().map(UnreadableGrant::note).collect();
        if !filter.offline {
            let relevant = histories.iter().filter(|history| history.until() > now);
            let roles = relevant.map(|history| history.last().role_arn.clone()).collect();
            let found = self.policies_of(roles, &filter.roles).await?;
            notes.extend(found.elsewhere().chain(found.failures()));
            let policies = found.names;
            // A grant that is over for the records and not for IAM is shown as well.
            for history in &histories {
                let Some(names) = policies.get(history.last().role_arn.as_str()) else { continue };
                let problems: Vec<_> =
                    missing(history, names, now).into_iter().chain(denied(history, names, now)).collect();
                match grants.iter_mut().find(|grant| grant.id == *history.id()) {
                    Some(grant) => grant.problems.extend(problems),
                    None if problems.is_empty() => {}
                    None => grants.push(ListedGrant { problems, ..listed(history, now) }),
                }
            }
            if filter.to.is_none() && filter.by.is_none() {
                grants.extend(unrecorded(&policies, &histories));
            }
        }
        grants.sort_by(|one, other| (one.until, &one.id).cmp(&(other.until, &other.id)));
        Ok(GrantListing { grants, notes })
    }

    /// Returns the inline policies of these roles, and of those that patterns name.
    ///
    /// # Errors
    ///
    /// `invalid_argument` for a pattern that no role of the account and none of `roles` matches; errors of IAM and of the sign-in.
    pub(super) async fn policies_of(&self, mut roles: BTreeSet<String>, patterns: &[String]) -> Result<RolePolicies> {
        let mut found = RolePolicies::default();
        if roles.is_empty() && patterns.is_empty() {
            return Ok(found);
        }
        let administrator = self.administrator().await?;
        let credentials = administrator.credentials();
        if !patterns.is_empty() {
            let all = self.iam.roles(credentials).await?;
            let is_named = |pattern: &String, arn: &str| is_role(pattern, arn);
            for pattern in patterns {
                let mut named = all.iter().filter(|role| is_named(pattern, role.arn.as_str())).peekable();
                if named.peek().is_none() && !roles.iter().any(|role| is_named(pattern, role)) {
                    let message = format!("no role of account {} matches `{pattern}`", credentials.account_id());
                    return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message));
                }
                roles.extend(named.map(|role| role.arn.to_string()));
            }
        }
        let (own, elsewhere): (Vec<_>, Vec<_>) = roles
            .into_iter()
            .filter_map(|role| role.parse::<RoleArn>().ok())
            .partition(|role| role.account_id() == credentials.account_id());
        found.elsewhere = elsewhere;
        let lists = stream::iter(own).map(|role| async move {
            let names = self.iam.role_policies(credentials, role.name()).await;
            (role, names)
        });
        for (role, names) in lists.buffered(CONCURRENT).collect::<Vec<_>>().await {
            match names {
                Ok(names) => drop(found.names.insert(role.to_string(), names.into_iter().collect())),
                // A role that was deleted has no policies.
                Err(error) if error.kind() == ErrorKind::GrantNotFound => {
                    found.names.insert(role.to_string(), BTreeSet::new());
                }
                Err(error) => found.failed.push((role, error)),
            }
        }
        Ok(found)
    }
}

/// What IAM has for roles.
#[derive(Debug, Default)]
pub(super) struct RolePolicies {
    /// The names of the inline policies of each role.
    pub(super) names: PoliciesByRole,
    /// Roles in other accounts than the session's.
    elsewhere: Vec<RoleArn>,
    /// Roles that could not be looked at.
    pub(super) failed: Vec<(RoleArn, Error)>,
}

impl RolePolicies {
    /// The roles that were not looked at because they are in other accounts, one line each.
    pub(super) fn elsewhere(&self) -> impl Iterator<Item = String> {
        self.elsewhere.iter().map(|role| format!("`{role}` is in another account and was not looked at in IAM"))
    }

    /// The roles that could not be looked at, one line each.
    pub(super) fn failures(&self) -> impl Iterator<Item = String> {
        self.failed.iter().map(|(role, error)| format!("`{role}` was not looked at in IAM: {}", error.message()))
    }
}

/// Whether a role is meant: by its name, its path and name, or its ARN.
fn is_role(wanted: &str, arn: &str) -> bool {
    let Ok(role) = arn.parse::<RoleArn>() else { return false };
    role_texts(&role, &[role.account_id()]).iter().any(|text| glob(wanted, text))
}

fn listed(history: &GrantHistory, now: Timestamp) -> ListedGrant {
    let (state, until) = (history.state(now), history.until());
    let left = match state {
        GrantState::Live => format_duration(until.duration_since(now)),
        GrantState::Planned => format!("begins in {}", format_duration(history.last().from.duration_since(now))),
        GrantState::Pending => "requested".to_owned(),
        GrantState::Denied | GrantState::Ended | GrantState::Revoked | GrantState::Withdrawn => String::new(),
    };
    let mut problems = history.defects().to_vec();
    if history.needs_review() {
        problems.push("it was given in an emergency, without approvals, and nobody has reviewed it".to_owned());
    }
    ListedGrant {
        id: history.id().clone(),
        to: Some(history.to().to_owned()),
        kind: history.kind(),
        role_arn: history.last().role_arn.clone(),
        state: Some(state),
        until: Some(until),
        left,
        reason: history.trusted_events().next().map(|_| history.reason().into_owned()),
        by: Some(history.by().to_owned()),
        problems,
    }
}

/// What IAM lacks for a grant.
pub(super) fn missing(history: &GrantHistory, names: &BTreeSet<String>, now: Timestamp) -> Option<String> {
    let policy = DatedPolicy::name_of(history.id());
    let prefix = Revocation::prefix_of(history.id());
    match (history.kind(), history.state(now)) {
        (GrantKind::Policy, GrantState::Live | GrantState::Planned) if !names.contains(&policy) => {
            Some(format!("IAM has no policy `{policy}`: the person has no access"))
        }
        (GrantKind::Policy, GrantState::Revoked | GrantState::Withdrawn)
            if names.contains(&policy) && history.until() > now =>
        {
            Some(format!("IAM still has the policy `{policy}`: the person has access"))
        }
        (GrantKind::Session, GrantState::Revoked)
            if !names.iter().any(|name| name.starts_with(&prefix)) && history.until() > now =>
        {
            Some(format!("IAM has no policy `{prefix}…`: the revocation does not hold"))
        }
        _ => None,
    }
}

/// The revocation that denies a grant, which the records of the grant do not have.
pub(super) fn denied(history: &GrantHistory, names: &BTreeSet<String>, now: Timestamp) -> Option<String> {
    if history.kind() != GrantKind::Session || !history.is_running(now) {
        return None;
    }
    let denies = |name: &&String| match Revocation::target_of(name) {
        Some(DeniedSessions::Grant(id)) => *history.id() == id,
        Some(DeniedSessions::Administrator(by)) => history.by() == by,
        Some(DeniedSessions::Older(at)) => history.last().at < at,
        None => false,
    };
    let name = names.iter().find(denies)?;
    Some(format!("the policy `{name}` denies it: the person has no access"))
}

/// The policy grants that IAM has and the records do not.
fn unrecorded(policies: &PoliciesByRole, histories: &[GrantHistory]) -> Vec<ListedGrant> {
    let known: BTreeSet<_> = histories.iter().map(GrantHistory::id).collect();
    let mut found = Vec::new();
    for (role, names) in policies {
        let ids = names.iter().filter_map(|name| DatedPolicy::id_of(name));
        found.extend(ids.filter(|id| !known.contains(id)).map(|id| ListedGrant {
            id,
            to: None,
            kind: GrantKind::Policy,
            role_arn: role.clone(),
            state: None,
            until: None,
            left: String::new(),
            reason: None,
            by: None,
            problems: vec![
                "IAM has a policy of this grant, and the records do not have the grant: `grant revoke ID --role ROLE` removes it".to_owned(),
            ],
        }));
    }
    found
}
