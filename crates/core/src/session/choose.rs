//! The choice of a role among those that an assertion offers.

use std::collections::HashMap;

use super::TempAccess;
use crate::error::{ErrorKind, Result};
use crate::role::RoleOffer;
use crate::saml::Assertion;
use crate::text::printable;

impl TempAccess {
    /// Chooses the role that the query names, or asks the person.
    pub(super) async fn choose_role(&self, assertion: &Assertion) -> Result<RoleOffer> {
        let offers = match assertion.offers() {
            Ok(offers) => offers,
            Err(error) if error.kind() == ErrorKind::EncryptedAssertion => {
                return self.query.named_pair().ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let error = match self.query.choose(offers, &self.account_names) {
            Ok(offer) => return Ok(offer.clone()),
            Err(error) if error.kind() == ErrorKind::RoleAmbiguous => error,
            Err(error) => return Err(error),
        };
        let matching = self.query.matches(offers, &self.account_names);
        let choices = self.labels(&matching);
        match self.prompter.choose("Role", &choices).await {
            Ok(chosen) => matching.get(chosen).map(|offer| (*offer).clone()).ok_or(error),
            // Nobody can be asked: the list of roles is more helpful than that.
            Err(refused) if refused.kind() == ErrorKind::InteractionRequired => Err(error),
            Err(refused) => Err(refused),
        }
    }

    /// Labels offers for a person: `billing/ReadOnly  arn:…`, with the provider if the same role is offered through several.
    fn labels(&self, offers: &[&RoleOffer]) -> Vec<String> {
        let mut providers = HashMap::<_, usize>::new();
        for offer in offers {
            *providers.entry(offer.role()).or_default() += 1;
        }
        let label = |offer: &&RoleOffer| {
            let role = offer.role();
            let account = self.account_names.get(role.account_id()).map_or(role.account_id(), String::as_str);
            let several = providers.get(role).is_some_and(|count| *count > 1);
            let provider = if several { format!(" through {}", offer.provider().name()) } else { String::new() };
            printable(&format!("{account}/{}{provider}  {role}", role.name())).into_owned()
        };
        offers.iter().map(label).collect()
    }
}
