//! Grants for the bindings: values are texts, and every change can be planned first.

use std::sync::Arc;

use tokio::sync::OnceCell;

use super::{
    ApprovalInput, Cleaned, GrantFilter, GrantId, GrantInput, GrantListing, GrantPlan, Grants, IssuedGrant,
    RequestText, RevocationPlan, RevocationTarget, parse_duration,
};
use crate::config::{Config, Settings};
use crate::error::Result;
use crate::records::{GrantEvent, GrantHistory};
use crate::secret::SecretString;
use crate::source::{AssertionSource, Prompter};

/// The grants of an administrator, set up at the first use: that may need a sign-in, or an agent that has the key.
#[derive(Debug)]
pub struct LazyGrants {
    pub(crate) config: Config,
    pub(crate) settings: Settings,
    password: Option<SecretString>,
    prompter: Arc<dyn Prompter>,
    source: Option<Arc<dyn AssertionSource>>,
    grants: OnceCell<Grants>,
}

/// What an administrator gives, or gives longer.
#[derive(Debug)]
#[non_exhaustive]
pub enum GrantChange {
    /// A session grant.
    Issue(GrantInput),
    /// A policy grant.
    Permit(GrantInput),
    /// More time for a grant.
    Extend {
        /// Its id.
        id: String,
        /// How much.
        duration: String,
        /// Why.
        reason: String,
    },
    /// What somebody asked for.
    Approve {
        /// The request and its approvals.
        text: String,
        /// The limits of what is given.
        limits: ApprovalInput,
    },
}

impl LazyGrants {
    /// Uses these settings. `source` replaces their source.
    pub fn new(
        config: Config,
        settings: Settings,
        password: Option<SecretString>,
        prompter: Arc<dyn Prompter>,
        source: Option<Arc<dyn AssertionSource>>,
    ) -> Self {
        Self { config, settings, password, prompter, source, grants: OnceCell::new() }
    }

    pub(crate) async fn grants(&self) -> Result<&Grants> {
        let prompter = Arc::clone(&self.prompter);
        let build = || async {
            match &self.source {
                Some(source) => self.settings.grants_from(Arc::clone(source), &self.config, prompter).await,
                None => self.settings.grants(&self.config, self.password.clone(), prompter).await,
            }
        };
        self.grants.get_or_try_init(build).await
    }

    /// Checks a change. Nothing is given yet.
    ///
    /// # Errors
    ///
    /// Those of the plan, and of the values.
    pub async fn plan(&self, change: GrantChange) -> Result<GrantPlan> {
        let (grants, signers) = (self.grants().await?, self.config.signers()?);
        match change {
            GrantChange::Issue(input) => grants.plan_issue(&input.into_spec(&signers)?).await,
            GrantChange::Permit(input) => grants.plan_permit(&input.into_spec(&signers)?).await,
            GrantChange::Extend { id, duration, reason } => {
                grants.plan_extend(&id.parse()?, parse_duration(&duration)?, &reason).await
            }
            GrantChange::Approve { text, limits } => {
                grants.plan_approve(&RequestText::parse(&text)?, &limits.into_limits()?).await
            }
        }
    }

    /// Gives what was planned.
    ///
    /// # Errors
    ///
    /// As [`Grants::carry_out`].
    pub async fn carry_out(&self, plan: GrantPlan) -> Result<IssuedGrant> {
        self.grants().await?.carry_out(plan).await
    }

    /// Makes a change.
    ///
    /// # Errors
    ///
    /// Those of [`plan`](Self::plan) and [`carry_out`](Self::carry_out).
    pub async fn give(&self, change: GrantChange) -> Result<IssuedGrant> {
        self.carry_out(self.plan(change).await?).await
    }

    /// Signs an approval. Returns the request with it.
    ///
    /// # Errors
    ///
    /// As [`Grants::sign_approval`].
    pub async fn sign_approval(&self, text: &str, limits: ApprovalInput) -> Result<String> {
        let (text, limits) = (RequestText::parse(text)?, limits.into_limits()?);
        Ok(self.grants().await?.sign_approval(&text, &limits).await?.to_text())
    }

    /// Denies a request.
    ///
    /// # Errors
    ///
    /// As [`Grants::deny`].
    pub async fn deny(&self, text: &str, reason: &str) -> Result<GrantEvent> {
        self.grants().await?.deny(&RequestText::parse(text)?, reason).await
    }

    /// Reviews a grant that was given in an emergency.
    ///
    /// # Errors
    ///
    /// As [`Grants::review`].
    pub async fn review(&self, id: &str, reason: &str) -> Result<GrantEvent> {
        self.grants().await?.review(&id.parse()?, reason).await
    }

    /// Plans to end access early.
    ///
    /// # Errors
    ///
    /// As [`Grants::plan_revoke`].
    pub async fn plan_revoke(&self, target: &RevocationTarget, reason: &str) -> Result<RevocationPlan> {
        self.grants().await?.plan_revoke(target, reason).await
    }

    /// Ends access early. Returns what was changed.
    ///
    /// # Errors
    ///
    /// As [`Grants::plan_revoke`] and [`Grants::carry_out_revocation`].
    pub async fn revoke(&self, target: &RevocationTarget, reason: &str) -> Result<RevocationPlan> {
        let plan = self.plan_revoke(target, reason).await?;
        self.grants().await?.carry_out_revocation(&plan).await?;
        Ok(plan)
    }

    /// Plans to undo revocations.
    ///
    /// # Errors
    ///
    /// As [`Grants::plan_restore`].
    pub async fn plan_restore(&self, ids: &[String], reason: &str) -> Result<RevocationPlan> {
        let ids: Vec<GrantId> = ids.iter().map(|text| text.parse()).collect::<Result<_>>()?;
        self.grants().await?.plan_restore(&ids, reason).await
    }

    /// Undoes revocations. Returns what was changed.
    ///
    /// # Errors
    ///
    /// As [`Grants::plan_restore`] and [`Grants::carry_out_revocation`].
    pub async fn restore(&self, ids: &[String], reason: &str) -> Result<RevocationPlan> {
        let plan = self.plan_restore(ids, reason).await?;
        self.grants().await?.carry_out_revocation(&plan).await?;
        Ok(plan)
    }

    /// Lists grants.
    ///
    /// # Errors
    ///
    /// As [`Grants::list`].
    pub async fn list(&self, filter: &GrantFilter) -> Result<GrantListing> {
        self.grants().await?.list(filter).await
    }

    /// Returns a grant with its events.
    ///
    /// # Errors
    ///
    /// As [`Grants::show`].
    pub async fn show(&self, id: &str) -> Result<GrantHistory> {
        self.grants().await?.show(&id.parse()?).await
    }

    /// Compares the records with IAM.
    ///
    /// # Errors
    ///
    /// As [`Grants::check`].
    pub async fn check(&self, roles: &[String]) -> Result<super::GrantCheck> {
        self.grants().await?.check(roles).await
    }

    /// Finds policies that have no effect any more.
    ///
    /// # Errors
    ///
    /// As [`Grants::plan_clean`].
    pub async fn plan_clean(&self, roles: &[String]) -> Result<Vec<Cleaned>> {
        self.grants().await?.plan_clean(roles).await
    }

    /// Removes policies that have no effect any more. Returns those that were removed.
    ///
    /// # Errors
    ///
    /// As [`Grants::plan_clean`] and [`Grants::clean`].
    pub async fn clean(&self, roles: &[String]) -> Result<Vec<Cleaned>> {
        let found = self.plan_clean(roles).await?;
        self.grants().await?.clean(&found).await?;
        Ok(found)
    }
}
