//! Who may assume a role that gets a policy grant.

use serde_json::Value;

use super::{statements, texts};

/// Returns the principals in a trust policy that could assume the role under a session name of their own choice, one text each.
///
/// A policy grant names a person by the session name, which the identity provider sets in a SAML assertion. Everybody else
/// chooses it freely, and could take the name of the person.
pub(crate) fn unsafe_principals(trust_policy: &str) -> Vec<String> {
    let Ok(document) = serde_json::from_str::<Value>(trust_policy) else {
        return vec!["a trust policy that cannot be read".to_owned()];
    };
    let allowing = statements(&document).into_iter().filter(|statement| {
        !statement.get("Effect").and_then(Value::as_str).is_some_and(|effect| effect.eq_ignore_ascii_case("Deny"))
    });
    let mut found = Vec::new();
    for statement in allowing {
        let actions = texts(statement, "Action").unwrap_or_default();
        let sessions: Vec<_> = actions.iter().filter(|action| makes_sessions(action)).collect();
        if sessions.is_empty() && !actions.is_empty() {
            continue;
        }
        let Some(principals) = statement.get("Principal").and_then(Value::as_object) else {
            found.push("everybody (`*`)".to_owned());
            continue;
        };
        for (kind, _) in principals {
            for principal in texts(statement.get("Principal").unwrap_or(&Value::Null), kind).unwrap_or_default() {
                if kind != "Federated" || !principal.contains(":saml-provider/") {
                    found.push(format!("`{principal}`"));
                }
            }
        }
    }
    found.sort();
    found.dedup();
    found
}

/// Whether an action of a trust policy creates sessions. Tagging and source identities only accompany another action.
fn makes_sessions(action: &str) -> bool {
    !matches!(action.to_ascii_lowercase().as_str(), "sts:tagsession" | "sts:setsourceidentity")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(statement: &str) -> Vec<String> {
        unsafe_principals(&format!(r#"{{"Version":"2012-10-17","Statement":[{statement}]}}"#))
    }

    #[test]
    fn only_saml_providers_set_the_session_name() {
        let saml = r#"{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:saml-provider/Okta"},"Action":["sts:AssumeRoleWithSAML","sts:TagSession"]}"#;
        assert!(found(saml).is_empty());
        let role = r#"{"Effect":"Allow","Principal":{"AWS":["arn:aws:iam::111122223333:role/Admin"]},"Action":"sts:AssumeRole"}"#;
        assert_eq!(found(&format!("{saml},{role}")), ["`arn:aws:iam::111122223333:role/Admin`"]);
        let web = r#"{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::111122223333:oidc-provider/x"},"Action":"sts:AssumeRoleWithWebIdentity"}"#;
        assert_eq!(found(web).len(), 1);
        assert_eq!(found(r#"{"Effect":"Allow","Principal":"*","Action":"sts:AssumeRole"}"#), ["everybody (`*`)"]);
        let tags =
            r#"{"Effect":"Allow","Principal":{"AWS":"arn:aws:iam::111122223333:root"},"Action":"sts:TagSession"}"#;
        assert!(found(&format!("{saml},{tags}")).is_empty());
        assert_eq!(unsafe_principals("{").len(), 1);
    }
}
