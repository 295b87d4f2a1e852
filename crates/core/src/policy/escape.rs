//! What a scope must not allow: actions with which a person could keep access after the grant ends.

use serde_json::Value;

use super::{has_effect, is_about, statements, texts};
use crate::scope::SessionPolicy;

/// Actions that change who has access, or that create credentials or sessions of another principal. A grant that has one of
/// them could outlive its own end.
const ESCAPES: [&str; 37] = [
    "iam:putrolepolicy",
    "iam:deleterolepolicy",
    "iam:attachrolepolicy",
    "iam:detachrolepolicy",
    "iam:updateassumerolepolicy",
    "iam:putrolepermissionsboundary",
    "iam:deleterolepermissionsboundary",
    "iam:createpolicyversion",
    "iam:setdefaultpolicyversion",
    "iam:passrole",
    "iam:createrole",
    "iam:createuser",
    "iam:createaccesskey",
    "iam:createloginprofile",
    "iam:updateloginprofile",
    "iam:putuserpolicy",
    "iam:attachuserpolicy",
    "iam:addusertogroup",
    "iam:putgrouppolicy",
    "iam:attachgrouppolicy",
    "iam:createsamlprovider",
    "iam:updatesamlprovider",
    "iam:createopenidconnectprovider",
    "iam:addclientidtoopenidconnectprovider",
    "iam:updateopenidconnectproviderthumbprint",
    "iam:addroletoinstanceprofile",
    "iam:updateaccesskey",
    "iam:createservicespecificcredential",
    "iam:resetservicespecificcredential",
    "iam:uploadsshpublickey",
    "iam:uploadsigningcertificate",
    "ec2:associateiaminstanceprofile",
    "ec2:replaceiaminstanceprofileassociation",
    "sso:createaccountassignment",
    "sts:assumerole",
    "sts:assumeroot",
    "sts:getfederationtoken",
];

/// Returns the actions with which somebody who has this scope could keep access after its end. Names are in lower case.
pub(crate) fn escapes(policy: &SessionPolicy) -> Vec<&'static str> {
    let Ok(document) = serde_json::from_str::<Value>(policy.as_str()) else { return Vec::new() };
    let statements = statements(&document);
    let is_allowed = |action: &str| {
        let allowed = statements.iter().any(|statement| has_effect(statement, "Allow") && is_about(statement, action));
        // Only a deny of everything, always, is certain to hold.
        let is_total = |statement: &Value| {
            statement.get("Condition").is_none() && texts(statement, "Resource").is_some_and(|all| all.contains(&"*"))
        };
        let denied = statements
            .iter()
            .any(|statement| has_effect(statement, "Deny") && is_total(statement) && is_about(statement, action));
        allowed && !denied
    };
    ESCAPES.into_iter().filter(|action| is_allowed(action)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(statements: &str) -> Vec<&'static str> {
        escapes(&format!(r#"{{"Statement":{statements}}}"#).parse().unwrap())
    }

    #[test]
    fn actions_that_undo_an_end_are_found() {
        assert!(found(r#"[{"Effect":"Allow","Action":["s3:ListBucket","s3:GetObject"],"Resource":"*"}]"#).is_empty());
        assert_eq!(found(r#"{"Effect":"Allow","Action":"iam:PutRole*","Resource":"*"}"#).len(), 2);
        assert_eq!(found(r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#).len(), ESCAPES.len());
        assert_eq!(found(r#"{"Effect":"Allow","Action":"STS:assumerole","Resource":"*"}"#), ["sts:assumerole"]);
        let others = found(r#"{"Effect":"Allow","NotAction":"iam:*","Resource":"*"}"#);
        assert!(others.contains(&"sts:assumerole") && !others.iter().any(|action| action.starts_with("iam:")));
    }

    #[test]
    fn only_a_total_deny_counts() {
        let all = r#"{"Effect":"Allow","Action":"*","Resource":"*"}"#;
        let deny = r#"{"Effect":"Deny","Action":["iam:*","sts:*","ec2:*","sso:*"],"Resource":"*"}"#;
        assert!(found(&format!("[{all},{deny}]")).is_empty());
        let conditional = deny.replace(r#""Resource":"*""#, r#""Resource":"*","Condition":{"Bool":{"a":"b"}}"#);
        assert!(!found(&format!("[{all},{conditional}]")).is_empty());
        let partial = deny.replace(r#""Resource":"*""#, r#""Resource":"arn:aws:iam::1:role/x""#);
        assert!(!found(&format!("[{all},{partial}]")).is_empty());
    }
}
