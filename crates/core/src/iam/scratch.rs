//! What `setup verify` changes in a scratch account: roles that exist for a while.

use async_trait::async_trait;

use super::answer::GetRole;
use super::client::unreadable;
use super::refusal::IamCall;
use super::{Iam, IamClient, IamRole};
use crate::credentials::SessionCredentials;
use crate::error::{ErrorKind, Result};

/// The calls of IAM that create and delete roles.
#[async_trait]
pub trait ScratchRoles: Iam {
    /// Creates a role below a path (CreateRole).
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_limit`, `malformed_policy`, `iam_unavailable`.
    async fn create_role(
        &self,
        credentials: &SessionCredentials,
        path: &str,
        name: &str,
        trust: &str,
    ) -> Result<IamRole>;

    /// Deletes a role, which must have no policies (DeleteRole). Returns whether there was one.
    ///
    /// # Errors
    ///
    /// `iam_refused`, `iam_unavailable`.
    async fn delete_role(&self, credentials: &SessionCredentials, name: &str) -> Result<bool>;
}

#[async_trait]
impl ScratchRoles for IamClient {
    async fn create_role(
        &self,
        credentials: &SessionCredentials,
        path: &str,
        name: &str,
        trust: &str,
    ) -> Result<IamRole> {
        let iam_call = IamCall { action: "CreateRole", name: Some(name) };
        let description = "Created by tempaccess setup verify; can be deleted";
        let parameters = [
            ("Path", path),
            ("RoleName", name),
            ("AssumeRolePolicyDocument", trust),
            ("MaxSessionDuration", "3600"),
            ("Description", description),
        ];
        let (answer, _) = self.call::<GetRole>(credentials, iam_call, &parameters).await?;
        answer.into_role().ok_or_else(|| unreadable("CreateRole"))
    }

    async fn delete_role(&self, credentials: &SessionCredentials, name: &str) -> Result<bool> {
        let iam_call = IamCall { action: "DeleteRole", name: Some(name) };
        match self.send(credentials, iam_call, &[("RoleName", name)]).await {
            Ok(_) => Ok(true),
            Err(error) if error.kind() == ErrorKind::GrantNotFound => Ok(false),
            Err(error) => Err(error),
        }
    }
}
