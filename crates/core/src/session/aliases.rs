//! The aliases of accounts, as names for those that the configuration does not name.

use std::collections::BTreeMap;

use super::{SignedIn, TempAccess};
use crate::error::{Error, Result};
use crate::iam::IamClient;
use crate::role::{AccountNames, RoleOffer};
use crate::scope::{SessionDuration, SessionPolicy, SessionScope};

/// All that the sessions may do that aliases are looked up with.
const POLICY: &str =
    r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:ListAccountAliases","Resource":"*"}]}"#;

/// How many roles of an account are tried: most accounts have one that may read the alias, or none.
const MAX_ROLES: usize = 3;

/// The aliases of accounts.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct AccountAliases {
    /// The aliases, by the ids of accounts.
    pub names: AccountNames,
    /// Accounts without an alias.
    pub unnamed: Vec<String>,
    /// Accounts whose alias could not be looked up with any role.
    pub failed: BTreeMap<String, Error>,
}

impl TempAccess {
    /// Looks up the aliases of the offered accounts that have no name. Each takes a session of 15 minutes that may do nothing
    /// else, and an audit record.
    ///
    /// # Errors
    ///
    /// As [`Assertion::offers`](crate::Assertion::offers). What fails for an account is in the answer.
    pub async fn account_aliases(&self, signed_in: &SignedIn, iam: &IamClient) -> Result<AccountAliases> {
        let mut offers = BTreeMap::<&str, Vec<&RoleOffer>>::new();
        for offer in signed_in.assertion.offers()? {
            let account = offer.role().account_id();
            if !self.account_names.contains_key(account) {
                offers.entry(account).or_default().push(offer);
            }
        }
        let mut access = self.clone();
        access.scope = SessionScope::new(SessionDuration::MIN).with_policy(POLICY.parse::<SessionPolicy>()?)?;
        let mut aliases = AccountAliases::default();
        for (account, offers) in offers {
            match access.account_alias(signed_in, &offers, iam).await {
                Ok(Some(alias)) => drop(aliases.names.insert(account.to_owned(), alias)),
                Ok(None) => aliases.unnamed.push(account.to_owned()),
                Err(error) => drop(aliases.failed.insert(account.to_owned(), error)),
            }
        }
        Ok(aliases)
    }

    async fn account_alias(
        &self,
        signed_in: &SignedIn,
        offers: &[&RoleOffer],
        iam: &IamClient,
    ) -> Result<Option<String>> {
        let mut result = Ok(None);
        for offer in offers.iter().take(MAX_ROLES) {
            result = match self.audited(self.exchange_role(signed_in, offer, || {})).await {
                Ok(issued) => iam.account_alias(&issued.answer.credentials).await,
                Err(error) => Err(error),
            };
            if result.is_ok() {
                break;
            }
        }
        result
    }
}
