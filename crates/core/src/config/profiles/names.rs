//! Names of profiles for roles.

use std::collections::{HashMap, HashSet};

use crate::role::{AccountNames, RoleOffer};

/// Returns a profile name for each role: `ACCOUNT-ROLE`, with the account's name where it is known. Where that names two roles, the
/// path, the account id and the provider are added, and a number in the end. Characters that not every AWS tool accepts in a
/// profile name become `-`.
pub fn names_for_roles(offers: &[RoleOffer], accounts: &AccountNames) -> Vec<String> {
    let fitting = |c: char| if c.is_alphanumeric() || "-_.@+:".contains(c) { c } else { '-' };
    let fit = |name: String| name.trim().chars().map(fitting).collect::<String>();
    let name = |offer: &RoleOffer, length: usize| {
        let (role, provider) = (offer.role(), offer.provider().name());
        let id = role.account_id();
        let account = accounts.get(id).map_or(id, String::as_str);
        fit(match length {
            0 => format!("{account}-{}", role.name()),
            1 => format!("{account}-{}", role.path_and_name()),
            2 => format!("{account}-{}-{provider}", role.path_and_name()),
            _ => format!("{id}-{}-{provider}", role.path_and_name()),
        })
    };
    let mut counts = HashMap::new();
    for offer in offers {
        // Each name once, however many lengths give it.
        let names: HashSet<_> = (0..4).map(|length| name(offer, length)).collect();
        names.into_iter().for_each(|name| *counts.entry(name).or_insert(0_usize) += 1);
    }
    let mut taken = HashSet::new();
    // By the longest name, the number that is tried next, so that many equal names take linear time.
    let mut numbers = HashMap::new();
    let mut unique = |offer: &RoleOffer| {
        let shortest = (0..4).map(|length| name(offer, length)).find(|name| counts.get(name) == Some(&1));
        let longest = name(offer, 3);
        let mut candidate = shortest.unwrap_or_else(|| longest.clone());
        while !taken.insert(candidate.clone()) {
            let number = numbers.entry(longest.clone()).or_insert(1_usize);
            *number += 1;
            candidate = format!("{longest}-{number}");
        }
        candidate
    };
    offers.iter().map(&mut unique).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_get_names_that_tell_them_apart() {
        let offer = |role: &str, provider: &str| {
            let value =
                format!("arn:aws:iam::123456789012:role/{role},arn:aws:iam::123456789012:saml-provider/{provider}");
            RoleOffer::from_attribute_value(&value).unwrap()
        };
        let offers = [offer("Admin", "Okta"), offer("a/Read", "Okta"), offer("b/Read", "Okta"), offer("b/Read", "Old")];
        let names = AccountNames::from([("123456789012".into(), "ledger".into())]);
        assert_eq!(
            names_for_roles(&offers, &names),
            ["ledger-Admin", "ledger-a-Read", "ledger-b-Read-Okta", "ledger-b-Read-Old"]
        );
        assert_eq!(names_for_roles(&offers[..1], &AccountNames::new()), ["123456789012-Admin"]);
        let names = AccountNames::from([("123456789012".into(), " [prod]'s\n\"".into())]);
        assert_eq!(names_for_roles(&offers[..1], &names), ["-prod--s---Admin"]);
        let names = AccountNames::from([("123456789012".into(), "my = new, account".into())]);
        assert_eq!(names_for_roles(&offers[..1], &names), ["my---new--account-Admin"]);
        let same = [offers[0].clone(), offers[0].clone(), offers[0].clone()];
        assert_eq!(
            names_for_roles(&same, &AccountNames::new()),
            ["123456789012-Admin-Okta", "123456789012-Admin-Okta-2", "123456789012-Admin-Okta-3"]
        );
        // However they are put together, no two are the same.
        let offer = |account: &str, role: &str| {
            let value = format!("arn:aws:iam::{account}:role/{role},arn:aws:iam::{account}:saml-provider/Okta");
            RoleOffer::from_attribute_value(&value).unwrap()
        };
        let (one, two) = ("111111111111", "222222222222");
        let offers = [
            offer(one, "eu-Admin"),
            offer(two, "Admin"),
            offer(one, "x/Read"),
            offer(one, "y/Read"),
            offer(one, "x-Read"),
        ];
        let names = AccountNames::from([(one.into(), "prod".into()), (two.into(), "prod-eu".into())]);
        let found = names_for_roles(&offers, &names);
        assert_eq!(found.iter().collect::<HashSet<_>>().len(), 5, "{found:?}");
        let alike = AccountNames::from([(one.into(), "same".into()), (two.into(), "same".into())]);
        let found = names_for_roles(&[offer(one, "A"), offer(two, "A")], &alike);
        assert_eq!(found, ["111111111111-A-Okta", "222222222222-A-Okta"]);
    }
}
