//! What an account should have, independent of the form that it is written in.

use serde::Serialize;
use serde_json::Value;

use crate::arn::RoleArn;

/// What an account should have.
#[derive(Debug, Clone, Default, PartialEq, Serialize)]
#[non_exhaustive]
pub struct SetupModel {
    /// What it is for, in a line.
    pub description: String,
    /// The partition.
    pub partition: String,
    /// The account.
    pub account: String,
    /// SAML providers to create.
    pub providers: Vec<ProviderPart>,
    /// Managed policies to create.
    pub policies: Vec<PolicyPart>,
    /// Roles to create or to change.
    pub roles: Vec<RolePart>,
    /// Buckets to create.
    pub buckets: Vec<BucketPart>,
    /// What is left to do by hand, one step each.
    pub notes: Vec<String>,
}

/// A SAML provider.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct ProviderPart {
    /// The name.
    pub name: String,
    /// The ARN that it will have.
    pub arn: String,
    /// The metadata of the identity provider.
    pub metadata: String,
}

/// A managed policy.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct PolicyPart {
    /// The name.
    pub name: String,
    /// The ARN that it will have.
    pub arn: String,
    /// What it is for.
    pub description: String,
    /// The document.
    pub document: Value,
}

/// A role.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct RolePart {
    /// The name, without its path.
    pub name: String,
    /// The path: `/`, or `/ops/`.
    pub path: String,
    /// The ARN.
    pub arn: String,
    /// What it is for.
    pub description: String,
    /// Whether the account has the role already, so that it is not created.
    pub exists: bool,
    /// The trust policy. `None` if that of an existing role does not matter.
    pub trust: Option<Value>,
    /// `MaxSessionDuration`, in seconds.
    pub max_session_duration: u32,
    /// The ARN of the permissions boundary.
    pub boundary: Option<String>,
    /// The ARNs of the attached policies.
    pub attached: Vec<String>,
}

/// A bucket for records, with versioning, Object Lock in governance mode, encryption, and no public access.
#[derive(Debug, Clone, PartialEq, Serialize)]
#[non_exhaustive]
pub struct BucketPart {
    /// The name.
    pub name: String,
    /// The ARN.
    pub arn: String,
    /// How many days no version can be deleted.
    pub object_lock_days: u32,
    /// The bucket policy.
    pub policy: Value,
}

impl SetupModel {
    pub(super) fn new(description: &str, partition: &str, account: &str) -> Self {
        Self {
            description: description.to_owned(),
            partition: partition.to_owned(),
            account: account.to_owned(),
            ..Self::default()
        }
    }

    /// Returns the ARN of a policy of the account.
    pub(super) fn policy_arn(&self, name: &str) -> String {
        format!("arn:{}:iam::{}:policy/{name}", self.partition, self.account)
    }

    /// Adds a policy and returns its ARN.
    pub(super) fn add_policy(&mut self, name: &str, description: &str, document: Value) -> String {
        let arn = self.policy_arn(name);
        let (name, description) = (name.to_owned(), description.to_owned());
        self.policies.push(PolicyPart { name, arn: arn.clone(), description, document });
        arn
    }

    /// Returns the roles that are created.
    pub(super) fn new_roles(&self) -> impl Iterator<Item = &RolePart> {
        self.roles.iter().filter(|role| !role.exists)
    }

    /// Returns the existing roles that a policy is attached to.
    pub(super) fn existing_roles_with<'a>(&'a self, policy_arn: &'a str) -> impl Iterator<Item = &'a RolePart> {
        self.roles.iter().filter(move |role| role.exists && role.attached.iter().any(|arn| arn == policy_arn))
    }
}

impl RolePart {
    pub(super) fn new(arn: &RoleArn, description: &str) -> Self {
        let path = arn.path_and_name().strip_suffix(arn.name()).unwrap_or_default();
        Self {
            name: arn.name().to_owned(),
            path: format!("/{path}"),
            arn: arn.to_string(),
            description: description.to_owned(),
            exists: false,
            trust: None,
            max_session_duration: 3600,
            boundary: None,
            attached: Vec::new(),
        }
    }
}
