//! Ends access early.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::recorded::{incomplete, recorded_policy, recorded_role};
use super::{GrantFilter, GrantId, Grants};
use crate::arn::{RoleArn, is_name_byte};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::policy::{DatedPolicy, DeniedSessions, Revocation};
use crate::records::{EventKind, GrantEvent, GrantHistory, GrantKind, GrantState, check_reason};
use crate::role::resolve_role;
use crate::text::excerpt;

/// How often a revocation is recorded again after somebody else's event.
const ATTEMPTS: u32 = 5;
/// The longest session that a role can give.
const MAX_SESSION: SignedDuration = SignedDuration::from_hours(12);

/// Whose access to end.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RevocationTarget {
    /// These grants.
    Grants(Vec<GrantId>),
    /// Every live grant to this person.
    Person(String),
    /// Every live grant of this administrator, and every session that they gave by a role of those grants, recorded or not.
    Administrator(String),
    /// Every session of this role that began before now.
    OlderSessions {
        /// The role.
        role: String,
    },
    /// These grants on this role, whatever the records say of them: they may have been removed, or never written.
    GrantsOnRole {
        /// The grants.
        ids: Vec<GrantId>,
        /// The role.
        role: String,
    },
    /// Every session of this role that this administrator gave, recorded or not.
    AdministratorOnRole {
        /// The administrator.
        name: String,
        /// The role.
        role: String,
    },
}

/// What a revocation does, before it is done.
#[derive(Debug, Serialize)]
#[must_use = "nothing is revoked until `Grants::carry_out_revocation`"]
#[non_exhaustive]
pub struct RevocationPlan {
    /// The steps.
    pub steps: Vec<RevocationStep>,
    /// Why.
    pub reason: String,
    /// Whether the steps undo a revocation.
    pub undo: bool,
    /// Matching grants that are not revoked because of their records, with the reason, one line each. All others are revoked.
    pub skipped: Vec<String>,
}

/// One change of a role's policies.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct RevocationStep {
    /// The grant that is ended, unless the step ends sessions by another property.
    pub id: Option<GrantId>,
    /// How the grant gave access.
    pub kind: Option<GrantKind>,
    /// The person whose grant it is.
    pub to: Option<String>,
    /// The role.
    pub role_arn: String,
    /// The inline policy.
    pub policy_name: String,
    /// The document to write. `None` to delete the policy.
    pub document: Option<String>,
    /// The `aws:userid` of the sessions that the grant is about, if its policy names them.
    pub user_id: Option<String>,
}

impl RevocationStep {
    /// The step in a line.
    fn describe(&self) -> String {
        let verb = if self.document.is_some() { "write" } else { "delete" };
        let whose = self.id.as_ref().map(|id| format!("{id}: ")).unwrap_or_default();
        format!("{whose}{verb} the inline policy {} of {}", self.policy_name, self.role_arn)
    }
}

impl Grants {
    /// Returns what would end this access. Nothing is changed yet.
    ///
    /// # Errors
    ///
    /// `grant_not_found`, `grant_ended`, and errors of the records.
    pub async fn plan_revoke(&self, target: &RevocationTarget, reason: &str) -> Result<RevocationPlan> {
        check_reason(reason)?;
        let now = self.now_or_local().await?;
        let (mut steps, mut skipped) = (Vec::new(), Vec::new());
        match target {
            RevocationTarget::Grants(ids) => {
                for id in ids {
                    // A revocation needs no trust in the records: it takes access away.
                    let history = self.show(id).await.map_err(|error| without_records(error, id))?;
                    steps.push(step(&history, now)?);
                }
            }
            RevocationTarget::Person(name) => {
                let filter = GrantFilter { to: Some(name.clone()), ..GrantFilter::default() };
                (steps, skipped) = self.steps_for(&filter, &format!("to `{name}`"), now).await?;
            }
            RevocationTarget::Administrator(name) => {
                check_session_name(name)?;
                let filter = GrantFilter { by: Some(name.clone()), ..GrantFilter::default() };
                (steps, skipped) = self.steps_for(&filter, &format!("by `{name}`"), now).await?;
                let mut roles: Vec<_> = steps
                    .iter()
                    .filter(|step| step.kind == Some(GrantKind::Session))
                    .map(|step| step.role_arn.clone())
                    .collect();
                roles.sort();
                roles.dedup();
                let target = DeniedSessions::Administrator(name.clone());
                steps.extend(roles.into_iter().map(|role| deny(role, &target, now)));
            }
            RevocationTarget::OlderSessions { role } => {
                steps.push(deny(self.named_role(role).await?.to_string(), &DeniedSessions::Older(now), now));
            }
            RevocationTarget::GrantsOnRole { ids, role } => {
                let role = self.named_role(role).await?;
                let names = self.policies_on(&role).await?;
                steps.extend(ids.iter().map(|id| unrecorded_step(id, &role, &names, now)));
            }
            RevocationTarget::AdministratorOnRole { name, role } => {
                check_session_name(name)?;
                let target = DeniedSessions::Administrator(name.clone());
                steps.push(deny(self.named_role(role).await?.to_string(), &target, now));
            }
        }
        Ok(RevocationPlan { steps, reason: reason.to_owned(), undo: false, skipped })
    }

    /// Returns what would undo the revocations of these grants. Nothing is changed yet.
    ///
    /// # Errors
    ///
    /// `grant_not_found`, `grant_ended` if the grant would have ended by now, `invalid_argument` if it is not revoked.
    pub async fn plan_restore(&self, ids: &[GrantId], reason: &str) -> Result<RevocationPlan> {
        check_reason(reason)?;
        let now = self.now_or_local().await?;
        let mut steps = Vec::new();
        for id in ids {
            let history = self.history(id).await?;
            if history.is_withdrawn() {
                return Err(not_revoked(id));
            }
            if history.until() <= now {
                return Err(id.ended(history.by(), history.until()).with_hint("give a new grant"));
            }
            let mut step = step_of(&history)?;
            match history.kind() {
                GrantKind::Session => {
                    step.document = None;
                    // Somebody may have applied a printed revocation, which the records do not have.
                    let names = self.policies_on(&recorded_role(&step.role_arn)?).await?;
                    let prefix = Revocation::prefix_of(id);
                    let found = names.into_iter().filter(|name| name.starts_with(&prefix));
                    let found: Vec<_> =
                        found.map(|policy_name| RevocationStep { policy_name, ..step.clone() }).collect();
                    match found.is_empty() {
                        false => steps.extend(found),
                        true if history.is_revoked() => steps.push(step),
                        true => return Err(not_revoked(id)),
                    }
                }
                GrantKind::Policy if history.is_revoked() => {
                    let policy = recorded_policy(&history).ok_or_else(|| incomplete(id))?;
                    step.document = Some(policy.document);
                    steps.push(step);
                }
                GrantKind::Policy => return Err(not_revoked(id)),
            }
        }
        Ok(RevocationPlan { steps, reason: reason.to_owned(), undo: true, skipped: Vec::new() })
    }

    /// Returns what would undo the revocations of all older sessions of a role, or of all that an administrator gave. Nothing is
    /// changed yet.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if there is none, or the target is another one; errors of the records and of IAM.
    pub async fn plan_restore_sessions(&self, target: &RevocationTarget, reason: &str) -> Result<RevocationPlan> {
        check_reason(reason)?;
        let (role, by) = match target {
            RevocationTarget::OlderSessions { role } => (role, None),
            RevocationTarget::AdministratorOnRole { name, role } => (role, Some(name)),
            _ => {
                let message = "only `--older` and `--by` with a role can be undone together";
                return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                    .with_hint("name the grants, or `--by NAME --role ROLE`"));
            }
        };
        let is_meant = |policy: &String| match (Revocation::target_of(policy), by) {
            (Some(DeniedSessions::Older(_)), None) => true,
            (Some(DeniedSessions::Administrator(found)), Some(name)) => found == *name,
            _ => false,
        };
        let role = self.named_role(role).await?;
        let found = self.policies_on(&role).await?.into_iter().filter(is_meant);
        let steps: Vec<_> = found.map(|policy_name| of_role(role.to_string(), policy_name, None)).collect();
        if steps.is_empty() {
            let message = "the role has no such revocation";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message));
        }
        Ok(RevocationPlan { steps, reason: reason.to_owned(), undo: true, skipped: Vec::new() })
    }

    /// Returns the role that a person names, in the account of the session.
    pub(crate) async fn named_role(&self, name: &str) -> Result<RoleArn> {
        let administrator = self.administrator().await?;
        resolve_role(name, administrator.role(), self.access.account_names())
    }

    /// Returns the names of the inline policies that a role has now.
    async fn policies_on(&self, role: &RoleArn) -> Result<Vec<String>> {
        let administrator = self.administrator().await?;
        administrator.require_account(role)?;
        self.iam.role_policies(administrator.credentials(), role.name()).await
    }

    /// Returns the steps that end every live grant that matches a filter, and the reasons for those that are skipped. Fails if none
    /// matches; `whose` is for that message.
    async fn steps_for(
        &self,
        filter: &GrantFilter,
        whose: &str,
        now: Timestamp,
    ) -> Result<(Vec<RevocationStep>, Vec<String>)> {
        let histories = self.recorded(filter).await?;
        let (mut steps, mut first, mut skipped) = (Vec::new(), None, Vec::new());
        for history in histories.iter().filter(|history| history.is_running(now)) {
            match step(history, now) {
                Ok(step) => steps.push(step),
                // Anybody who can add files to the records must not be able to keep access open with them.
                Err(error) => {
                    skipped.push(error.message().to_owned());
                    first.get_or_insert(error);
                }
            }
        }
        match first {
            Some(error) if steps.is_empty() => Err(error),
            None if steps.is_empty() => Err(nothing_live(whose)),
            _ => Ok((steps, skipped)),
        }
    }

    /// Ends one grant: [`plan_revoke`](Self::plan_revoke) and [`carry_out_revocation`](Self::carry_out_revocation).
    ///
    /// # Errors
    ///
    /// Those of both.
    pub async fn revoke(&self, id: &GrantId, reason: &str) -> Result<()> {
        let plan = self.plan_revoke(&RevocationTarget::Grants(vec![id.clone()]), reason).await?;
        self.carry_out_revocation(&plan).await
    }

    /// Changes the policies at AWS and reads them back, and records it.
    ///
    /// Access is taken away before that is recorded: a record that cannot be written must not keep access open. The
    /// remaining steps run even if one fails.
    ///
    /// # Errors
    ///
    /// That of the first step that fails: `iam_refused`, `iam_limit`, `grant_changed`, and errors of the records. Its hints say
    /// which steps were done. `grant_not_genuine` if all were done and the plan has skipped a grant.
    pub async fn carry_out_revocation(&self, plan: &RevocationPlan) -> Result<()> {
        let (mut first, mut outcomes) = (None, Vec::new());
        for step in &plan.steps {
            match self.carry_out_step(step, plan).await {
                Ok(()) => outcomes.push(format!("done: {}", step.describe())),
                Err(error) => {
                    outcomes.push(format!("not done: {}: {}", step.describe(), error.message()));
                    first.get_or_insert(error);
                }
            }
        }
        let Some(mut error) = first.or_else(|| skipped(plan)) else { return Ok(()) };
        if error.kind() == ErrorKind::IamLimit {
            error = error.with_further_hint(
                "`--print scp` prints a policy for the organization, which needs no room in the role",
            );
        }
        if outcomes.len() > 1 {
            error = outcomes.iter().fold(error, |error, outcome| error.with_further_hint(outcome));
        }
        Err(error)
    }

    async fn carry_out_step(&self, step: &RevocationStep, plan: &RevocationPlan) -> Result<()> {
        self.change(step).await?;
        // A grant without records gets no event.
        if let (Some(id), Some(_)) = (&step.id, step.kind) {
            let event = self.record_revocation(id, step, plan).await?;
            self.notify(&event).await;
        }
        Ok(())
    }

    async fn change(&self, step: &RevocationStep) -> Result<()> {
        let administrator = self.administrator().await?;
        let role = recorded_role(&step.role_arn)?;
        administrator.require_account(&role)?;
        let role = role.name();
        match &step.document {
            Some(document) => {
                let policy = DatedPolicy { name: step.policy_name.clone(), document: document.clone() };
                self.write_policy(role, &policy).await
            }
            None => {
                let credentials = administrator.credentials();
                self.iam.delete_role_policy(credentials, role, &step.policy_name).await?;
                if self.iam.role_policy(credentials, role, &step.policy_name).await?.is_some() {
                    let message = format!("IAM still has the policy `{}` of the role `{role}`", step.policy_name);
                    return Err(Error::new(ErrorKind::GrantChanged, Stage::Grant, message).with_hint("try again"));
                }
                Ok(())
            }
        }
    }

    /// Records a revocation. If somebody else's event came first, the change is repeated: they may have undone it.
    async fn record_revocation(
        &self,
        id: &GrantId,
        step: &RevocationStep,
        plan: &RevocationPlan,
    ) -> Result<GrantEvent> {
        let administrator = self.administrator().await?;
        let (mut step, mut attempt) = (step.clone(), 1);
        loop {
            let history = self.show(id).await?;
            let kind = if plan.undo { EventKind::Restored } else { EventKind::Revoked };
            let mut event = history.next_event(kind, self.now().await?);
            administrator.acts_in(&mut event);
            event.reason.clone_from(&plan.reason);
            event.iam_policy_name = Some(step.policy_name.clone());
            match self.record(event).await {
                Ok((event, _)) => return Ok(event),
                Err(error) if error.kind() == ErrorKind::GrantChanged && attempt < ATTEMPTS => {
                    attempt += 1;
                    if !plan.undo {
                        // An extension moved the end until which the deny is needed.
                        step = step_of(&self.show(id).await?)?;
                    }
                    self.change(&step).await?;
                }
                Err(error) => {
                    let done =
                        if plan.undo { "the revocation was undone at AWS" } else { "the access was ended at AWS" };
                    return Err(error.with_further_hint(&format!("{done}, and is not in the records")));
                }
            }
        }
    }
}

/// Checks the name of an administrator, which becomes a part of the names of policies.
fn check_session_name(name: &str) -> Result<()> {
    if (2..=64).contains(&name.len()) && name.bytes().all(is_name_byte) {
        return Ok(());
    }
    let message = format!("`{}` cannot be the name of an administrator", excerpt(name));
    Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
        .with_hint("a name has 2 to 64 letters, digits and `_+=,.@-`, as in the list of grants"))
}

/// Adds how to revoke a grant whose records are gone or cannot be reached.
fn without_records(error: Error, id: &GrantId) -> Error {
    error.with_further_hint(&format!("without its records, `tempaccess grant revoke {id} --role ROLE` revokes it"))
}

/// The error of a plan that could not be made for all grants.
fn skipped(plan: &RevocationPlan) -> Option<Error> {
    let problem = plan.skipped.first()?;
    let error = Error::new(ErrorKind::GrantNotGenuine, Stage::Grant, problem.clone());
    Some(error.with_hint("all other grants were revoked; find the role and the person of this one in CloudTrail"))
}

fn not_revoked(id: &GrantId) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Grant, format!("the grant {id} is not revoked"))
}

fn nothing_live(whose: &str) -> Error {
    Error::new(ErrorKind::GrantNotFound, Stage::Grant, format!("there is no live grant {whose}"))
}

fn later(now: Timestamp) -> Timestamp {
    now.checked_add(MAX_SESSION).unwrap_or(Timestamp::MAX)
}

/// Returns the step that denies sessions of a role, or lifts such a denial.
fn of_role(role_arn: String, policy_name: String, document: Option<String>) -> RevocationStep {
    RevocationStep { id: None, kind: None, to: None, role_arn, policy_name, document, user_id: None }
}

/// Returns the step that denies everything to sessions of a role.
fn deny(role_arn: String, target: &DeniedSessions, now: Timestamp) -> RevocationStep {
    let Revocation { name, document } = Revocation::new(target, later(now));
    of_role(role_arn, name, Some(document))
}

/// Returns the step that ends a grant of which nothing but the id is known: it removes the policy of a policy grant, or denies
/// everything to the sessions with the tag of the grant.
fn unrecorded_step(id: &GrantId, role: &RoleArn, names: &[String], now: Timestamp) -> RevocationStep {
    let policy_name = DatedPolicy::name_of(id);
    let step = match names.contains(&policy_name) {
        true => of_role(role.to_string(), policy_name, None),
        false => deny(role.to_string(), &DeniedSessions::Grant(id.clone()), now),
    };
    RevocationStep { id: Some(id.clone()), ..step }
}

/// Returns the step that ends a grant.
fn step(history: &GrantHistory, now: Timestamp) -> Result<RevocationStep> {
    if history.until() <= now {
        return Err(history.id().ended(history.by(), history.until()).with_hint("there is nothing to revoke"));
    }
    if matches!(history.state(now), GrantState::Pending | GrantState::Denied) {
        return Err(nothing_live(&format!("{}: the request was denied", history.id())));
    }
    step_of(history)
}

fn step_of(history: &GrantHistory) -> Result<RevocationStep> {
    let id = history.id();
    if history.has_no_trusted_event() {
        let message =
            format!("nothing in the records of the grant {id} can be trusted, so they do not say what to revoke");
        return Err(Error::new(ErrorKind::GrantNotGenuine, Stage::Grant, message)
            .with_hint(format!(
                "find its role in CloudTrail: `tempaccess grant revoke {id} --role ROLE` needs no records, and `--older --role ROLE` ends every session of a role"
            )));
    }
    let last = history.last();
    let (policy_name, document) = match history.kind() {
        GrantKind::Session => {
            let revocation = Revocation::new(&DeniedSessions::Grant(id.clone()), history.until());
            (revocation.name, Some(revocation.document))
        }
        GrantKind::Policy => (DatedPolicy::name_of(id), None),
    };
    Ok(RevocationStep {
        id: Some(id.clone()),
        kind: Some(history.kind()),
        to: Some(history.to().to_owned()),
        role_arn: last.role_arn.clone(),
        policy_name,
        document,
        user_id: last.role_id.as_ref().map(|role| format!("{role}:{}", history.to())),
    })
}
