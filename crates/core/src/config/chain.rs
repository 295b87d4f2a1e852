use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::sts::ChainedRole;

/// A role to go on to from the session of the one before, as a profile has it.
///
/// ```
/// use tempaccess_core::config::Config;
///
/// let config = Config::parse(r#"
///     [profiles.deploy]
///     role = "hub/Jump"
///     chain = [{ role_arn = "arn:aws:iam::444455556666:role/Deploy", external_id = "contract-17" }]
/// "#)?;
/// assert_eq!(config.profile("deploy")?.chained_roles()?[0].role().name(), "Deploy");
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, expecting = "a role with its `role_arn`")]
#[non_exhaustive]
pub struct NextRole {
    /// Its ARN.
    pub role_arn: String,
    /// The name of its session; by default that of the session before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub session_name: Option<String>,
    /// The source identity to set.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub source_identity: Option<String>,
    /// What the role's trust policy asks of third parties.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub external_id: Option<String>,
    /// Session tags.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// The tags that go on to sessions after this one.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub transitive_tag_keys: Vec<String>,
}

impl NextRole {
    /// The role of this ARN.
    pub fn new(role_arn: impl Into<String>) -> Self {
        Self { role_arn: role_arn.into(), ..Self::default() }
    }

    /// The role, checked.
    ///
    /// # Errors
    ///
    /// `invalid_argument` where the ARN is none of a role; `invalid_scope` where STS would refuse one of the others.
    pub fn chained(&self) -> Result<ChainedRole> {
        let role = self.role_arn.parse().map_err(|error| {
            Error::new(
                ErrorKind::InvalidArgument,
                Stage::Configuration,
                format!("`{}` is not the ARN of a role: it {error}", self.role_arn),
            )
            .with_hint("a chained role is given by its ARN, such as `arn:aws:iam::123456789012:role/Deploy`")
        })?;
        let mut role = ChainedRole::new(role).transitive_tag_keys(self.transitive_tag_keys.clone());
        if let Some(name) = &self.session_name {
            role = role.session_name(name)?;
        }
        if let Some(identity) = &self.source_identity {
            role = role.source_identity(identity)?;
        }
        if let Some(id) = &self.external_id {
            role = role.external_id(id)?;
        }
        self.tags.iter().try_fold(role, |role, (key, value)| role.tag(key, value))
    }
}
