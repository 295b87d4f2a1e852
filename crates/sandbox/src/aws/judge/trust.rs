//! Trust policies: who may assume a role.

use serde_json::Value;

use super::document::{self, Statement, strings};
use super::{Opinion, Question, opinion};
use crate::aws::credentials::Caller;
use crate::world;

/// The principal of a call that assumes a role.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Principal<'a> {
    /// The session of another role.
    Session(&'a Caller),
    /// A person whom this SAML provider vouches for.
    Provider(&'a str),
}

/// Whether a trust policy allows a call.
pub(crate) fn judge_trust(policy: &str, caller: Principal<'_>, question: &Question<'_>) -> bool {
    let mut statements = document::statements(policy);
    statements.retain(|statement| is_about(statement, caller));
    for statement in &mut statements {
        statement.elements.remove("Principal");
        statement.elements.remove("NotPrincipal");
        statement.elements.insert("Resource".to_owned(), Value::String("*".to_owned()));
    }
    opinion(statements, question) == Opinion::Allow
}

fn is_about(statement: &Statement, caller: Principal<'_>) -> bool {
    match (statement.get("Principal"), statement.get("NotPrincipal")) {
        (Some(principal), _) => names(principal, caller),
        (None, Some(principal)) => !names(principal, caller),
        (None, None) => false,
    }
}

/// Whether an element `Principal` names somebody.
fn names(element: &Value, caller: Principal<'_>) -> bool {
    let Some(kinds) = element.as_object() else { return element.as_str() == Some("*") };
    kinds.iter().any(|(kind, values)| {
        strings(values).iter().any(|value| match (kind.as_str(), caller) {
            ("AWS", Principal::Session(session)) => names_session(value, session),
            ("Federated", Principal::Provider(provider)) => value == provider,
            _ => false,
        })
    })
}

/// Whether a principal of the kind `AWS` is a session: by its role, its own name, or its account.
fn names_session(principal: &str, caller: &Caller) -> bool {
    let session = &caller.session;
    let is_account = principal.ends_with(":root") && world::account(principal) == session.account;
    principal == "*"
        || principal == session.account
        || is_account
        || principal == session.role_arn
        || principal == session.arn
}
