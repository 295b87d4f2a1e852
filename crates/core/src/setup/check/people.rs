//! Roles that people sign in to, and the SAML providers that they trust.

use std::collections::BTreeSet;

use serde_json::Value;

use super::facts::{Account, parsed};
use super::{CREATE, Report, readable};
use crate::arn::RoleArn;
use crate::error::Result;
use crate::policy::{statements, texts, unsafe_principals};
use crate::setup::GrantSetup;

/// Checks a role. Returns the ARN of its permissions boundary, and the SAML providers that it trusts.
pub(super) async fn check(
    setup: &GrantSetup,
    account: &Account<'_>,
    role: &RoleArn,
    mut report: Report<'_>,
) -> Result<(Option<String>, BTreeSet<String>)> {
    let Some(facts) = account.role(role, &mut report).await? else { return Ok((None, BTreeSet::new())) };
    let expected = setup.ceiling_arn();
    let set = format!(
        "`aws iam put-role-permissions-boundary --role-name {} --permissions-boundary {expected}`",
        role.name()
    );
    match facts.role.permissions_boundary.as_deref() {
        Some(arn) if arn == expected => report.good(format!("the permissions boundary is {arn}")),
        Some(arn) => report.warning(
            format!("the permissions boundary is {arn}, not {expected}"),
            format!("name it with `--ceiling {arn}`, or set the other one: {set}"),
        ),
        None => report.failed(
            "there is no permissions boundary: a policy grant could allow anything",
            format!("write the policy, then set it: {set}; {CREATE}"),
        ),
    }
    let others = unsafe_principals(&facts.role.trust_policy);
    if !others.is_empty() {
        report.failed(
            format!("others choose their session names, and could take the name of a person: {}", others.join(", ")),
            "leave only SAML providers in the trust policy",
        );
    }
    let providers = saml_providers(&parsed(&facts.role.trust_policy));
    if providers.is_empty() {
        report.failed(
            "nobody can sign in to the role: its trust policy names no SAML provider",
            "`tempaccess setup aws` creates a role with one",
        );
    } else if others.is_empty() {
        report.good("people assume the role by signing in, and nobody else can");
    }
    Ok((facts.role.permissions_boundary, providers))
}

/// Returns the SAML providers whose users may assume a role.
fn saml_providers(trust: &Value) -> BTreeSet<String> {
    let allowing = statements(trust).into_iter().filter(|statement| {
        statement.get("Effect").and_then(Value::as_str) == Some("Allow")
            && texts(statement, "Action")
                .unwrap_or_default()
                .iter()
                .any(|action| ["sts:assumerolewithsaml", "sts:*", "*"].contains(&action.to_ascii_lowercase().as_str()))
    });
    let principals = allowing.filter_map(|statement| texts(statement.get("Principal")?, "Federated"));
    principals.flatten().filter(|arn| arn.contains(":saml-provider/")).map(str::to_owned).collect()
}

/// Checks that a SAML provider exists.
pub(super) async fn check_provider(account: &Account<'_>, arn: &str, mut report: Report<'_>) -> Result<()> {
    match readable(account.iam.saml_provider(account.credentials, arn).await)? {
        Ok(Some(_)) => report.good("the SAML provider exists"),
        Ok(None) => report.failed("there is no such SAML provider", "`tempaccess setup aws` creates one"),
        Err(error) => report.unread(&error),
    }
    Ok(())
}
