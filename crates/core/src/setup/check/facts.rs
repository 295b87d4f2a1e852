//! What an account has: roles with all their policies, each document read once.

use std::collections::BTreeMap;

use serde_json::Value;
use tokio::sync::Mutex;

use super::{Report, readable};
use crate::arn::RoleArn;
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result};
use crate::iam::{AccountPolicies, IamRole};

/// The account of a session.
pub(super) struct Account<'a> {
    pub(super) iam: &'a dyn AccountPolicies,
    pub(super) credentials: &'a SessionCredentials,
    /// The documents of managed policies by their ARNs: several roles can have the same one.
    managed: Mutex<BTreeMap<String, Value>>,
}

/// A role, with its policies.
pub(super) struct RoleFacts {
    pub(super) role: IamRole,
    /// The documents of its inline and attached policies.
    pub(super) policies: Vec<Value>,
    /// The document of its permissions boundary.
    pub(super) boundary: Option<Value>,
    /// Why a policy could not be read, the first of them.
    pub(super) unread: Option<Error>,
}

impl<'a> Account<'a> {
    pub(super) fn new(iam: &'a dyn AccountPolicies, credentials: &'a SessionCredentials) -> Self {
        Self { iam, credentials, managed: Mutex::default() }
    }

    /// Reads a role. If it is missing or cannot be read, that is reported.
    pub(super) async fn role(&self, arn: &RoleArn, report: &mut Report<'_>) -> Result<Option<RoleFacts>> {
        let name = arn.name();
        let role = match self.iam.role(self.credentials, name).await {
            Err(error) if error.kind() == ErrorKind::GrantNotFound => {
                report.failed("there is no such role", super::CREATE);
                return Ok(None);
            }
            answer => match readable(answer)? {
                Ok(role) => role,
                Err(error) => {
                    report.unread(&error);
                    return Ok(None);
                }
            },
        };
        let mut facts = RoleFacts { role, policies: Vec::new(), boundary: None, unread: None };
        match readable(self.iam.role_policies(self.credentials, name).await)? {
            Ok(names) => {
                for policy in names {
                    match readable(self.iam.role_policy(self.credentials, name, &policy).await)? {
                        Ok(document) => facts.policies.extend(document.as_deref().map(parsed)),
                        Err(error) => drop(facts.unread.get_or_insert(error)),
                    }
                }
            }
            Err(error) => drop(facts.unread.get_or_insert(error)),
        }
        match readable(self.iam.attached_policies(self.credentials, name).await)? {
            Ok(attached) => {
                for policy in attached {
                    let document = self.managed(&policy.arn, &mut facts.unread).await?;
                    facts.policies.extend(document);
                }
            }
            Err(error) => drop(facts.unread.get_or_insert(error)),
        }
        if let Some(boundary) = facts.role.permissions_boundary.clone() {
            facts.boundary = self.managed(&boundary, &mut facts.unread).await?;
        }
        Ok(Some(facts))
    }

    /// Returns the document of a managed policy. `None` if it cannot be read, which is noted in `unread`.
    async fn managed(&self, arn: &str, unread: &mut Option<Error>) -> Result<Option<Value>> {
        if let Some(known) = self.managed.lock().await.get(arn) {
            return Ok(Some(known.clone()));
        }
        match readable(self.iam.managed_policy(self.credentials, arn).await)? {
            Ok(document) => {
                let document = document.as_deref().map(parsed).unwrap_or_default();
                self.managed.lock().await.insert(arn.to_owned(), document.clone());
                Ok(Some(document))
            }
            Err(error) => {
                unread.get_or_insert(error);
                Ok(None)
            }
        }
    }
}

/// Parses a document, which IAM has checked. One that is not JSON allows and denies nothing.
pub(super) fn parsed(document: &str) -> Value {
    serde_json::from_str(document).unwrap_or_default()
}
