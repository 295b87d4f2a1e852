//! Judges calls by all policies that apply to them, as IAM does. iam-rs evaluates each statement.

mod condition;
mod context;
mod document;
mod syntax;
mod trust;

use iam_rs::{Arn, Decision, IAMRequest, PolicyEvaluator, PrincipalId};

pub(crate) use context::Keys;
use document::{Statement, literal};
pub(crate) use syntax::{check_identity_policy, check_trust_policy, check_world};
pub(crate) use trust::{Principal, judge_trust};

use super::credentials::Caller;
use crate::shared::Shared;

/// A kind of policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum PolicyKind {
    ServiceControl,
    Identity,
    Boundary,
    Session,
}

impl PolicyKind {
    fn name(self) -> &'static str {
        match self {
            Self::ServiceControl => "service control policy",
            Self::Identity => "identity-based policy",
            Self::Boundary => "permissions boundary",
            Self::Session => "session policy",
        }
    }
}

/// Why a call is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Refusal {
    /// A policy of this kind denies it.
    Denied(PolicyKind),
    /// No policy of this kind allows it.
    NotAllowed(PolicyKind),
}

impl Refusal {
    /// Returns AWS's words for it, which end the message.
    pub(crate) fn reason(self, action: &str) -> String {
        match self {
            Self::Denied(PolicyKind::Identity) => "with an explicit deny in an identity-based policy".to_owned(),
            Self::Denied(kind) => format!("with an explicit deny in a {}", kind.name()),
            Self::NotAllowed(kind) => format!("because no {} allows the {action} action", kind.name()),
        }
    }
}

/// What policies say about a call.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Opinion {
    Deny,
    Allow,
    Nothing,
}

/// A call, as policies see it.
#[derive(Debug)]
pub(crate) struct Question<'a> {
    pub(crate) action: &'a str,
    pub(crate) resource: &'a str,
    pub(crate) keys: &'a Keys,
}

/// Whether the role of the caller has policies at all; see [`Role`](crate::Role).
pub(crate) fn has_policies(shared: &Shared, caller: &Caller) -> bool {
    !identity_policies(shared, caller).is_empty()
}

/// Judges a call: nothing may deny it, and every kind of policy that applies must allow it.
pub(crate) fn judge(shared: &Shared, caller: &Caller, question: &Question<'_>) -> Result<(), Refusal> {
    let kinds = [
        (PolicyKind::ServiceControl, service_control_policies(shared, caller)),
        (PolicyKind::Identity, Some(identity_policies(shared, caller))),
        (PolicyKind::Boundary, boundary(shared, caller)),
        (PolicyKind::Session, session_policies(shared, caller)),
    ];
    let opinions: Vec<_> = kinds
        .into_iter()
        .filter_map(|(kind, policies)| Some((kind, opinion(statements(&policies?), question))))
        .collect();
    let first =
        |wanted: &[Opinion]| opinions.iter().find(|(_, opinion)| wanted.contains(opinion)).map(|(kind, _)| *kind);
    if let Some(kind) = first(&[Opinion::Deny]) {
        return Err(Refusal::Denied(kind));
    }
    match first(&[Opinion::Nothing]) {
        Some(kind) => Err(Refusal::NotAllowed(kind)),
        None => Ok(()),
    }
}

fn statements(policies: &[String]) -> Vec<Statement> {
    policies.iter().flat_map(|policy| document::statements(policy)).collect()
}

/// Returns what statements say about a call. A statement that cannot be evaluated allows nothing, and denies everything.
fn opinion(statements: Vec<Statement>, question: &Question<'_>) -> Opinion {
    let mut found = Opinion::Nothing;
    for statement in statements {
        let denies = statement.denies();
        let statement = match statement.prepare(question.keys.context()) {
            Ok(Some(statement)) => statement,
            Err(_) if denies => return Opinion::Deny,
            Ok(None) | Err(_) => continue,
        };
        let mut policy = iam_rs::IAMPolicy::new();
        policy.statement = vec![statement];
        let Some(request) = request(question) else { return Opinion::Deny };
        match PolicyEvaluator::with_policies(vec![policy]).evaluate(&request).map(|result| result.decision) {
            Ok(Decision::Deny) => return Opinion::Deny,
            Ok(Decision::Allow) => found = Opinion::Allow,
            Ok(Decision::NotApplicable) => {}
            Err(_) if denies => return Opinion::Deny,
            Err(_) => {}
        }
    }
    found
}

fn request(question: &Question<'_>) -> Option<IAMRequest> {
    // Statements have no principals here: whom they are about was decided before. iam-rs wants one all the same.
    let principal = iam_rs::Principal::Aws(PrincipalId::String("000000000000".to_owned()));
    let resource = Arn::parse(&literal(question.resource)).ok()?;
    Some(IAMRequest::new_with_context(principal, question.action, resource, question.keys.context().clone()))
}

/// Returns the inline and attached policies of the caller's role, as they apply now.
fn identity_policies(shared: &Shared, caller: &Caller) -> Vec<String> {
    let Some(role) = shared.iam.role(&caller.session.role_arn) else { return Vec::new() };
    let attached = role.attached.iter().map(|name| managed(shared, role.account(), name));
    shared.iam.effective_policies(&role.arn, shared.clock.now()).into_iter().chain(attached).collect()
}

fn boundary(shared: &Shared, caller: &Caller) -> Option<Vec<String>> {
    let role = shared.iam.role(&caller.session.role_arn)?;
    Some(vec![managed(shared, role.account(), role.boundary.as_deref()?)])
}

fn session_policies(shared: &Shared, caller: &Caller) -> Option<Vec<String>> {
    let policies = &caller.session.policies;
    let arns = policies.arns.iter().map(|arn| managed(shared, &caller.session.account, arn));
    let all: Vec<_> = policies.inline.iter().cloned().chain(arns).collect();
    (!all.is_empty()).then_some(all)
}

fn service_control_policies(shared: &Shared, caller: &Caller) -> Option<Vec<String>> {
    let account = &caller.session.account;
    let applies = |accounts: &Option<Vec<String>>| accounts.as_ref().is_none_or(|accounts| accounts.contains(account));
    let all: Vec<_> =
        shared.world.scps.iter().filter(|scp| applies(&scp.accounts)).map(|scp| scp.document.clone()).collect();
    (!all.is_empty()).then_some(all)
}

/// Returns a managed policy. One that does not exist in the world allows nothing.
fn managed(shared: &Shared, account: &str, reference: &str) -> String {
    shared.world.policy(account, reference).map(|policy| policy.document.clone()).unwrap_or_default()
}
