//! What `setup check` reads besides roles: attached policies, the documents of managed policies, SAML providers.

use async_trait::async_trait;

use super::answer::{GetPolicy, GetPolicyVersion, GetSamlProvider, ListAttachedRolePolicies};
use super::client::unreadable;
use super::refusal::IamCall;
use super::{Iam, IamClient};
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result};

/// A managed policy that is attached to a role.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct AttachedPolicy {
    /// `PolicyName`.
    pub name: String,
    /// `PolicyArn`.
    pub arn: String,
}

/// The calls of IAM that compare an account with a setup. They only read.
#[async_trait]
pub trait AccountPolicies: Iam {
    /// Returns the managed policies that are attached to a role (ListAttachedRolePolicies).
    ///
    /// # Errors
    ///
    /// As [`role`](Iam::role).
    async fn attached_policies(&self, credentials: &SessionCredentials, role: &str) -> Result<Vec<AttachedPolicy>>;

    /// Returns the document of a managed policy in its default version (GetPolicy, GetPolicyVersion). `None` if there is no such
    /// policy.
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_unavailable`.
    async fn managed_policy(&self, credentials: &SessionCredentials, arn: &str) -> Result<Option<String>>;

    /// Returns the metadata of a SAML provider (GetSAMLProvider). `None` if there is no such provider.
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_unavailable`.
    async fn saml_provider(&self, credentials: &SessionCredentials, arn: &str) -> Result<Option<String>>;
}

/// Turns the error for something that does not exist into `None`.
fn existing<T>(answer: Result<T>) -> Result<Option<T>> {
    let is_missing = |error: &Error| error.kind() == ErrorKind::GrantNotFound;
    match answer {
        Ok(answer) => Ok(Some(answer)),
        Err(error) if is_missing(&error) => Ok(None),
        Err(error) => Err(error),
    }
}

#[async_trait]
impl AccountPolicies for IamClient {
    async fn attached_policies(&self, credentials: &SessionCredentials, role: &str) -> Result<Vec<AttachedPolicy>> {
        let iam_call = IamCall { action: "ListAttachedRolePolicies", name: Some(role) };
        self.list(credentials, iam_call, |answer: ListAttachedRolePolicies| Some(answer.into_page())).await
    }

    async fn managed_policy(&self, credentials: &SessionCredentials, arn: &str) -> Result<Option<String>> {
        let iam_call = IamCall { action: "GetPolicy", name: Some(arn) };
        let answer = self.call::<GetPolicy>(credentials, iam_call, &[("PolicyArn", arn)]).await;
        let Some((policy, _)) = existing(answer)? else { return Ok(None) };
        let version = policy.into_version();
        let iam_call = IamCall { action: "GetPolicyVersion", name: Some(arn) };
        let parameters = [("PolicyArn", arn), ("VersionId", version.as_str())];
        let (answer, _) = self.call::<GetPolicyVersion>(credentials, iam_call, &parameters).await?;
        answer.into_document().map(Some).ok_or_else(|| unreadable("GetPolicyVersion"))
    }

    async fn saml_provider(&self, credentials: &SessionCredentials, arn: &str) -> Result<Option<String>> {
        let iam_call = IamCall { action: "GetSAMLProvider", name: Some(arn) };
        let answer = self.call::<GetSamlProvider>(credentials, iam_call, &[("SAMLProviderArn", arn)]).await;
        Ok(existing(answer)?.map(|(provider, _)| provider.into_metadata()))
    }
}
