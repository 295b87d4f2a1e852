use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::arn::{self, ProviderArn, RoleArn};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::RoleOffer;
#[cfg(feature = "grants")]
use crate::text::excerpt;

/// Names of accounts, by account id. SAML does not carry them, so people set them in the configuration.
pub type AccountNames = BTreeMap<String, String>;

/// Selects one of the offered roles.
///
/// Each part narrows the selection; [`choose`](Self::choose) requires that exactly one role is left.
///
/// ```
/// use tempaccess_core::{role::AccountNames, RoleOffer, RoleQuery};
///
/// let offers = ["ReadOnly", "Admin"].map(|name| {
///     let value = format!("arn:aws:iam::123456789012:role/{name},arn:aws:iam::123456789012:saml-provider/Okta");
///     RoleOffer::from_attribute_value(&value).unwrap()
/// });
/// let names = AccountNames::from([("123456789012".into(), "billing".into())]);
/// for wanted in ["ReadOnly", "1", "Read*", "billing/ReadOnly", "arn:aws:iam::123456789012:role/ReadOnly"] {
///     assert_eq!(RoleQuery::new().role(wanted).choose(&offers, &names)?.role().name(), "ReadOnly");
/// }
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct RoleQuery {
    role: Option<String>,
    account: Option<String>,
    provider: Option<String>,
}

impl RoleQuery {
    /// Returns a query that matches every role.
    pub fn new() -> Self {
        Self::default()
    }

    /// Returns a query with these parts.
    pub fn from_parts(role: Option<String>, account: Option<String>, provider: Option<String>) -> Self {
        Self { role, account, provider }
    }

    /// Whether the role is selected by its position in the list of offers.
    pub(crate) fn is_numbered(&self) -> bool {
        self.role.as_deref().and_then(number).is_some()
    }

    /// Returns the parts: role, account, provider.
    pub(crate) fn parts(&self) -> (Option<&str>, Option<&str>, Option<&str>) {
        (self.role.as_deref(), self.account.as_deref(), self.provider.as_deref())
    }

    /// Selects by role: its ARN, its name, its path and name, `ACCOUNT/NAME`, a glob over any of these (`*`, `?`), or its
    /// position in the list of offers, counted from 1.
    #[must_use]
    pub fn role(mut self, wanted: impl Into<String>) -> Self {
        self.role = Some(wanted.into());
        self
    }

    /// Selects by account: its id, its name, or a glob over either.
    #[must_use]
    pub fn account(mut self, wanted: impl Into<String>) -> Self {
        self.account = Some(wanted.into());
        self
    }

    /// Selects by SAML provider: its ARN, its name, or a glob over either.
    #[must_use]
    pub fn provider(mut self, wanted: impl Into<String>) -> Self {
        self.provider = Some(wanted.into());
        self
    }

    /// Whether the query matches every role.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }

    /// Returns the matching offers, in their order.
    pub fn matches<'a>(&self, offers: &'a [RoleOffer], names: &AccountNames) -> Vec<&'a RoleOffer> {
        let number = self.role.as_deref().and_then(number);
        let fits = |(at, offer): &(usize, &RoleOffer)| {
            let account = account_of(offer, names);
            let role_fits = match (number, &self.role) {
                (Some(number), _) => number == at + 1,
                (None, Some(wanted)) => role_fits(wanted, offer, &account),
                (None, None) => true,
            };
            let provider = offer.provider();
            role_fits
                && self.account.as_ref().is_none_or(|wanted| account.iter().any(|text| glob(wanted, text)))
                && self
                    .provider
                    .as_ref()
                    .is_none_or(|wanted| glob(wanted, provider.as_str()) || glob(wanted, provider.name()))
        };
        offers.iter().enumerate().filter(fits).map(|(_, offer)| offer).collect()
    }

    /// Returns the one matching offer.
    ///
    /// # Errors
    ///
    /// `role_not_offered` or `role_ambiguous`. [`Error::roles`] lists the roles to choose from; the hint names the likely one.
    pub fn choose<'a>(&self, offers: &'a [RoleOffer], names: &AccountNames) -> Result<&'a RoleOffer> {
        match self.matches(offers, names).as_slice() {
            [one] => Ok(one),
            [] => Err(self.not_offered(offers, names)),
            several => Err(self.ambiguous(several, names)),
        }
    }

    /// Returns the role, if the query names its ARN.
    #[cfg(feature = "runtime")]
    pub(crate) fn named_role(&self) -> Option<RoleArn> {
        self.role.as_ref()?.parse().ok()
    }

    /// Returns the pair that the query names in full, for an assertion that cannot be read here.
    pub fn named_pair(&self) -> Option<RoleOffer> {
        let role: RoleArn = self.role.as_ref()?.parse().ok()?;
        let provider: ProviderArn = self.provider.as_ref()?.parse().ok()?;
        Some(RoleOffer::new(role, provider))
    }

    fn not_offered(&self, offers: &[RoleOffer], names: &AccountNames) -> Error {
        let all: Vec<_> = offers.iter().collect();
        let advice = match (self.probably_meant(offers, names), self.unknown_account(names)) {
            (Some(meant), _) => format!("did you mean `{meant}`?"),
            (None, Some(account)) => {
                format!("no account is named `{account}`: give its 12 digits, or name it in `[accounts]` of the configuration")
            }
            (None, None) => "choose one of the offered roles, or ask the administrator of the identity provider to assign the one you need".to_owned(),
        };
        let message = match self.role.as_deref().and_then(number) {
            Some(number) if number > offers.len() => {
                format!("there is no role number {number}: the assertion offers {} roles", offers.len())
            }
            _ => format!("the assertion offers no role that matches {}", self.describe()),
        };
        Error::new(ErrorKind::RoleNotOffered, Stage::Role, message)
            .with_hint(format!("{advice}\noffered roles:{}", list(&all, names)))
            .with_roles(unique_roles(&all))
    }

    fn ambiguous(&self, several: &[&RoleOffer], names: &AccountNames) -> Error {
        let message = if self.is_empty() {
            format!("the assertion offers {} roles and none was chosen", several.len())
        } else {
            format!("{} roles match {}", several.len(), self.describe())
        };
        let same_role = several.windows(2).all(|pair| matches!(pair, [a, b] if a.role() == b.role()));
        let hint = if same_role {
            "choose the provider with `--provider`"
        } else {
            "choose one with `--role`, and with `--account` if several accounts have it"
        };
        Error::new(ErrorKind::RoleAmbiguous, Stage::Role, message)
            .with_hint(format!("{hint}\nmatching roles:{}", list(several, names)))
            .with_roles(unique_roles(several))
    }

    fn describe(&self) -> String {
        let part = |what: &str, wanted: &Option<String>| wanted.as_ref().map(|wanted| format!("{what} `{wanted}`"));
        let parts = [part("role", &self.role), part("account", &self.account), part("provider", &self.provider)];
        parts.into_iter().flatten().collect::<Vec<_>>().join(", ")
    }

    /// Returns the account that is asked for by a name that no account has.
    fn unknown_account(&self, names: &AccountNames) -> Option<&str> {
        let of_role = self.role.as_deref().and_then(|role| role.split_once('/')).map(|(account, _)| account);
        let is_known = |account: &str| arn::is_account_id(account) || names.values().any(|name| name == account);
        let accounts = [self.account.as_deref(), of_role].into_iter().flatten();
        accounts.filter(|account| !is_glob(account) && !account.starts_with("arn:")).find(|account| !is_known(account))
    }

    /// Returns the one known text that differs by a typing mistake.
    fn probably_meant(&self, offers: &[RoleOffer], names: &AccountNames) -> Option<String> {
        let near = |wanted: &str, candidate: &str| {
            candidate.eq_ignore_ascii_case(wanted) || strsim::damerau_levenshtein(wanted, candidate) == 1
        };
        let account_fits = |offer: &RoleOffer| {
            let wanted = Self { role: None, provider: None, ..self.clone() };
            !wanted.matches(std::slice::from_ref(offer), names).is_empty()
        };
        if let Some(wanted) = self.role.as_deref().filter(|wanted| !is_glob(wanted)) {
            let texts = offers
                .iter()
                .filter(|offer| account_fits(offer))
                .flat_map(|offer| role_texts(offer.role(), &account_of(offer, names)));
            if let Some(meant) = texts.into_iter().find(|text| near(wanted, text)) {
                return Some(meant);
            }
        }
        let wanted = self.account.as_deref().filter(|wanted| !is_glob(wanted))?;
        offers.iter().flat_map(|offer| account_of(offer, names)).find(|text| near(wanted, text)).map(str::to_owned)
    }
}

/// Parses a position in the list. A text of 12 digits is an account.
fn number(wanted: &str) -> Option<usize> {
    if arn::is_account_id(wanted) { None } else { wanted.parse().ok() }
}

/// Returns the account that a text identifies: by its id, or by its name.
#[cfg(feature = "grants")]
pub(crate) fn account_named<'a>(text: &'a str, names: &'a AccountNames) -> Option<&'a str> {
    let named = names.iter().find(|(_, name)| name.as_str() == text).map(|(id, _)| id.as_str());
    arn::is_account_id(text).then_some(text).or(named)
}

/// Returns the role of this text. A name without an account is in the account of `near`, and names are in its partition.
#[cfg(feature = "grants")]
pub(crate) fn resolve_role(text: &str, near: &RoleArn, names: &AccountNames) -> Result<RoleArn> {
    if text.starts_with("arn:") {
        return text
            .parse()
            .map_err(|error| unresolved(format!("`{}` is not the ARN of a role: it {error}", excerpt(text))));
    }
    let (account, name) = match text.split_once('/') {
        Some((first, rest)) => match account_named(first, names) {
            Some(account) => (account, rest),
            None if rest.contains('/') => (near.account_id(), text),
            None => {
                return Err(unresolved(format!("`{}` is not an account", excerpt(first)))
                    .with_hint("give its 12 digits, or the name that `accounts` of the configuration has for it"));
            }
        },
        None => (near.account_id(), text),
    };
    let arn = format!("arn:{}:iam::{account}:role/{name}", near.partition());
    arn.parse().map_err(|error| unresolved(format!("`{}` is not a role: it {error}", excerpt(text))))
}

#[cfg(feature = "grants")]
fn unresolved(message: String) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Role, message)
}

/// The texts that identify the account of an offer: its id, and its name if it has one.
fn account_of<'a>(offer: &'a RoleOffer, names: &'a AccountNames) -> Vec<&'a str> {
    let id = offer.role().account_id();
    std::iter::once(id).chain(names.get(id).map(String::as_str)).collect()
}

/// The texts that identify a role, in an account that these texts identify.
pub(crate) fn role_texts(role: &RoleArn, account: &[&str]) -> Vec<String> {
    let mut texts = vec![role.name().to_owned(), role.path_and_name().to_owned(), role.as_str().to_owned()];
    texts.extend(account.iter().map(|account| format!("{account}/{}", role.name())));
    texts
}

fn role_fits(wanted: &str, offer: &RoleOffer, account: &[&str]) -> bool {
    role_texts(offer.role(), account).iter().any(|text| glob(wanted, text))
}

/// Whether a text matches others than itself.
pub(crate) fn is_glob(pattern: &str) -> bool {
    pattern.contains(['*', '?'])
}

/// Whether a pattern matches a whole text: `*` matches any characters, `?` exactly one, everything else itself.
pub(crate) fn glob(pattern: &str, text: &str) -> bool {
    // After a mismatch, matching continues after the last star, one character further than before.
    let (mut pattern, mut text) = (pattern.chars(), text.chars());
    let mut retry = None;
    loop {
        let mut rest = pattern.clone();
        match (rest.next(), text.clone().next()) {
            (Some('*'), _) => {
                retry = Some((rest.clone(), text.clone()));
                pattern = rest;
            }
            (Some(wanted), Some(found)) if wanted == '?' || wanted == found => {
                pattern = rest;
                text.next();
            }
            (None, None) => return true,
            _ => {
                let Some((after, from)) = &mut retry else { return false };
                if from.next().is_none() {
                    return false;
                }
                (pattern, text) = (after.clone(), from.clone());
            }
        }
    }
}

/// How many roles an error lists before it only counts the rest.
const LISTED: usize = 20;

/// The roles of offers, each once.
fn unique_roles(offers: &[&RoleOffer]) -> Vec<RoleArn> {
    let mut seen = std::collections::HashSet::new();
    offers.iter().map(|offer| offer.role()).filter(|role| seen.insert(*role)).cloned().collect()
}

fn list(offers: &[&RoleOffer], names: &AccountNames) -> String {
    let mut text = String::new();
    for offer in offers.iter().take(LISTED) {
        let role = offer.role();
        let _ = write!(text, "\n  {role}");
        if let Some(name) = names.get(role.account_id()) {
            let _ = write!(text, "  ({name})");
        }
        if offers.iter().any(|other| other.role() == role && other.provider() != offer.provider()) {
            let _ = write!(text, "  through {}", offer.provider());
        }
    }
    if offers.len() > LISTED {
        let _ = write!(text, "\n  and {} more", offers.len() - LISTED);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn offers() -> Vec<RoleOffer> {
        [
            ("111111111111", "ReadOnly", "Okta"),
            ("111111111111", "teams/ops/Admin", "Okta"),
            ("222222222222", "ReadOnly", "Okta"),
            ("222222222222", "ReadOnly", "Old"),
        ]
        .map(|(account, role, provider)| {
            RoleOffer::from_attribute_value(&format!(
                "arn:aws:iam::{account}:role/{role},arn:aws:iam::{account}:saml-provider/{provider}"
            ))
            .unwrap()
        })
        .into()
    }

    fn names() -> AccountNames {
        AccountNames::from([("111111111111".into(), "billing".into())])
    }

    fn chosen(query: &RoleQuery) -> Result<(String, String)> {
        let offers = offers();
        let offer = query.choose(&offers, &names())?;
        Ok((offer.role().account_id()[..1].to_owned() + offer.role().name(), offer.provider().name().to_owned()))
    }

    #[test]
    fn every_way_to_name_a_role() {
        let role = |wanted: &str| RoleQuery::new().role(wanted);
        for (query, expected) in [
            (role("Admin"), "1Admin"),
            (role("2"), "1Admin"),
            (role("teams/ops/Admin"), "1Admin"),
            (role("arn:aws:iam::111111111111:role/teams/ops/Admin"), "1Admin"),
            (role("A*n"), "1Admin"),
            (role("teams/*"), "1Admin"),
            (role("billing/ReadOnly"), "1ReadOnly"),
            (role("111111111111/Read????"), "1ReadOnly"),
            (role("ReadOnly").account("billing"), "1ReadOnly"),
            (role("ReadOnly").account("1111*"), "1ReadOnly"),
            (RoleQuery::new().account("222222222222").provider("Old"), "2ReadOnly"),
            (RoleQuery::new().provider("arn:aws:iam::222222222222:saml-provider/Old"), "2ReadOnly"),
        ] {
            assert_eq!(chosen(&query).unwrap().0, expected, "{query:?}");
        }
    }

    #[test]
    fn more_than_one_is_an_error_that_lists_them() {
        let error = chosen(&RoleQuery::new().role("ReadOnly")).unwrap_err();
        assert_eq!(error.message(), "3 roles match role `ReadOnly`");
        insta::assert_snapshot!(error.hint().unwrap(), @r"
        choose one with `--role`, and with `--account` if several accounts have it
        matching roles:
          arn:aws:iam::111111111111:role/ReadOnly  (billing)
          arn:aws:iam::222222222222:role/ReadOnly  through arn:aws:iam::222222222222:saml-provider/Okta
          arn:aws:iam::222222222222:role/ReadOnly  through arn:aws:iam::222222222222:saml-provider/Old
        ");
        let error = chosen(&RoleQuery::new().account("222222222222")).unwrap_err();
        assert!(error.hint().unwrap().starts_with("choose the provider with `--provider`"));
        assert!(chosen(&RoleQuery::new()).unwrap_err().message().starts_with("the assertion offers 4 roles and none"));
    }

    #[test]
    fn none_is_an_error_that_says_what_was_meant() {
        let hint = |query: RoleQuery| {
            let error = chosen(&query).unwrap_err();
            error.hint().unwrap().lines().next().unwrap().to_owned()
        };
        assert_eq!(hint(RoleQuery::new().role("Amdin")), "did you mean `Admin`?");
        assert_eq!(hint(RoleQuery::new().role("admin")), "did you mean `Admin`?");
        assert_eq!(hint(RoleQuery::new().role("Admin").account("biling")), "did you mean `billing`?");
        assert!(hint(RoleQuery::new().role("Owner")).starts_with("choose one of the offered roles"));
        // The name of an account does not select a role, even if the account has only one.
        assert!(hint(RoleQuery::new().role("billing")).starts_with("choose one of the offered roles"));
        assert!(hint(RoleQuery::new().role("5")).starts_with("choose one of the offered roles"));
    }

    #[test]
    fn globs_match_whole_texts() {
        for (pattern, text, fits) in [
            ("*", "", true),
            ("a*c", "abbc", true),
            ("a*c", "abcd", false),
            ("?", "", false),
            ("**a", "ba", true),
            ("a*b*c", "aXbXbXc", true),
            ("abc", "ab", false),
            ("", "", true),
            ("", "a", false),
            ("*", "a", true),
            ("a*", "a", true),
            ("a*a", "a", false),
            // A character, however many bytes it has.
            ("?", "\u{e4}", true),
            ("B?ro", "B\u{fc}ro", true),
            ("??", "\u{fc}", false),
            ("*?\u{fc}", "a\u{1f600}\u{fc}", true),
        ] {
            assert_eq!(glob(pattern, text), fits, "{pattern} {text}");
        }
    }

    #[cfg(feature = "grants")]
    #[test]
    fn roles_are_found_near_the_administrator() {
        let near: RoleArn = "arn:aws-us-gov:iam::111122223333:role/AccessAdmin".parse().unwrap();
        let names: AccountNames = [("444455556666".to_owned(), "ledger".to_owned())].into_iter().collect();
        let role = |text: &str| resolve_role(text, &near, &names).map(|role| role.to_string());
        assert_eq!(role("Granted").unwrap(), "arn:aws-us-gov:iam::111122223333:role/Granted");
        assert_eq!(role("ledger/Granted").unwrap(), "arn:aws-us-gov:iam::444455556666:role/Granted");
        assert_eq!(role("444455556666/ops/Granted").unwrap(), "arn:aws-us-gov:iam::444455556666:role/ops/Granted");
        assert_eq!(role("arn:aws:iam::444455556666:role/x").unwrap(), "arn:aws:iam::444455556666:role/x");
        assert!(role("payroll/Granted").is_err() && role("arn:aws:s3:::x").is_err());
    }
}
