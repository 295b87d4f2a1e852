//! What signing in needs: a SAML provider, and roles that trust it.

use super::documents::saml_trust;
use super::model::{ProviderPart, RolePart, SetupModel};
use super::{check_account, invalid};
use crate::arn::{PolicyArn, ProviderArn, RoleArn};
use crate::error::Result;
use crate::text::excerpt;

/// The limits of IAM on `MaxSessionDuration`, in seconds.
const SESSION_SECONDS: std::ops::RangeInclusive<u32> = 3600..=43_200;

/// An account in which people sign in and take roles.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct AwsSetup {
    /// The ARN of the SAML provider.
    pub provider: ProviderArn,
    /// The metadata of the identity provider.
    pub metadata: String,
    /// The roles to create.
    pub roles: Vec<RoleArn>,
    /// `MaxSessionDuration` of the roles, in seconds.
    pub max_session_duration: u32,
    /// The recipients that assertions may have (`SAML:aud`).
    pub recipients: Vec<String>,
    /// Managed policies to attach to each role.
    pub policy_arns: Vec<PolicyArn>,
}

/// Returns the address of AWS sign-in of a partition, which assertions usually have as their recipient.
pub fn default_recipient(partition: &str) -> &'static str {
    match partition {
        "aws-cn" => "https://signin.amazonaws.cn/saml",
        "aws-us-gov" => "https://signin.amazonaws-us-gov.com/saml",
        _ => "https://signin.aws.amazon.com/saml",
    }
}

impl AwsSetup {
    /// Describes an account with a provider and no roles yet.
    pub fn new(provider: ProviderArn, metadata: impl Into<String>) -> Self {
        let recipients = vec![default_recipient(provider.partition()).to_owned()];
        Self {
            provider,
            metadata: metadata.into(),
            roles: Vec::new(),
            max_session_duration: 3600,
            recipients,
            policy_arns: Vec::new(),
        }
    }

    /// Returns what the account should have.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if a part is missing or outside the limits of IAM.
    pub fn model(&self) -> Result<SetupModel> {
        let (partition, account) = (self.provider.partition(), self.provider.account_id());
        check_account(account)?;
        if self.roles.is_empty() {
            return Err(invalid("there is no role to create").with_hint("name one with `--role`"));
        }
        if !SESSION_SECONDS.contains(&self.max_session_duration) {
            return Err(invalid("the maximum session duration of a role is 1 to 12 hours")
                .with_hint("give another one with `--max-duration`"));
        }
        if self.recipients.is_empty() {
            return Err(invalid("the trust policies need a recipient").with_hint("give one with `--recipient`"));
        }
        let mut model =
            SetupModel::new("A SAML provider, and roles that people take by signing in at it.", partition, account);
        model.providers.push(ProviderPart {
            name: self.provider.name().to_owned(),
            arn: self.provider.to_string(),
            metadata: self.metadata.clone(),
        });
        for arn in &self.roles {
            require_account(arn, account)?;
            let mut role = RolePart::new(arn, "Taken by signing in at the identity provider.");
            role.trust = Some(saml_trust(self.provider.as_str(), &self.recipients));
            role.max_session_duration = self.max_session_duration;
            role.attached = self.policy_arns.iter().map(ToString::to_string).collect();
            model.roles.push(role);
        }
        if self.policy_arns.is_empty() {
            model.notes.push("the roles allow nothing yet: attach policies to them".to_owned());
        }
        Ok(model)
    }
}

/// Fails if a role is in another account than the one that is set up.
pub(super) fn require_account(role: &RoleArn, account: &str) -> Result<()> {
    if role.account_id() == account {
        return Ok(());
    }
    Err(invalid(format!("the role `{}` is not in the account {account}", excerpt(role.as_str())))
        .with_hint("set up each account by itself, with `--account`"))
}
