//! The element `userIdentity`: who made a call.

use serde_json::{Value, json};

use super::event::instant;
use crate::aws::credentials::Caller;
use crate::world;

/// Who made a call.
#[derive(Debug, Clone)]
pub(super) struct Identity {
    /// `userIdentity`.
    pub(super) element: Value,
    /// `Username` of LookupEvents.
    pub(super) username: Option<String>,
    pub(super) access_key: Option<String>,
}

impl Identity {
    /// Returns the identity of a session.
    pub(super) fn session(caller: &Caller) -> Self {
        let session = &caller.session;
        let (role_id, name) = session.user_id.split_once(':').unwrap_or((&session.user_id, ""));
        let mut context = json!({
            "sessionIssuer": {
                "type": "Role",
                "principalId": role_id,
                "arn": session.role_arn,
                "accountId": session.account,
                "userName": world::name(&session.role_arn),
            },
            "attributes": { "creationDate": instant(session.issued_at), "mfaAuthenticated": "false" },
        });
        if let (Some(identity), Some(context)) = (&session.source_identity, context.as_object_mut()) {
            context.insert("sourceIdentity".to_owned(), json!(identity));
        }
        let element = json!({
            "type": "AssumedRole",
            "principalId": session.user_id,
            "arn": session.arn,
            "accountId": session.account,
            "accessKeyId": caller.access_key,
            "sessionContext": context,
        });
        Self { element, username: Some(name.to_owned()), access_key: Some(caller.access_key.clone()) }
    }

    /// Returns the identity of a person whom a SAML provider vouches for.
    pub(super) fn saml(name_qualifier: &str, subject: &str) -> Self {
        let element = json!({
            "type": "SAMLUser",
            "principalId": format!("{name_qualifier}:{subject}"),
            "userName": subject,
            "identityProvider": name_qualifier,
        });
        Self { element, username: Some(subject.to_owned()), access_key: None }
    }

    /// Returns the identity of somebody whose assertion was refused.
    pub(super) fn unknown(account: &str) -> Self {
        let element = json!({ "type": "Unknown", "principalId": "", "accountId": account, "userName": "" });
        Self { element, username: None, access_key: None }
    }

    /// Returns what another account learns about a session that takes one of its roles.
    pub(super) fn foreign(caller: &Caller) -> Self {
        let session = &caller.session;
        let element = json!({ "type": "AWSAccount", "principalId": session.user_id, "accountId": session.account });
        Self { element, username: None, access_key: None }
    }
}
