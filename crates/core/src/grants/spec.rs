//! What an administrator wants to give.

use std::net::IpAddr;

use jiff::{SignedDuration, Timestamp};

use super::plan::Origin;
use crate::arn::{PolicyArn, RoleArn, is_name_byte};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::{AccountNames, account_named};
use crate::scope::SessionPolicy;
use crate::seal::Recipient;
use crate::text::excerpt;

/// The longest name of a person: a session name has 64 characters, 13 of which are `+` and the id.
const MAX_NAME: usize = 51;
/// The longest reason: that of a session tag.
const MAX_REASON: usize = 256;

/// The access that a person gets: which role, narrowed by what, until when, and why.
///
/// ```
/// use tempaccess_core::grants::GrantSpec;
///
/// let spec = GrantSpec::to("grace@example.com")
///     .role("ledger/Granted")
///     .policy(r#"{"Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}"#.parse()?)
///     .duration("40m".parse().unwrap())
///     .reason("OPS-123");
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct GrantSpec {
    pub(crate) to: String,
    pub(crate) role: Option<String>,
    pub(crate) policy: Option<SessionPolicy>,
    pub(crate) policy_arns: Vec<PolicyArn>,
    pub(crate) duration: Option<SignedDuration>,
    pub(crate) from: Option<Timestamp>,
    pub(crate) until: Option<Timestamp>,
    pub(crate) from_ip: Vec<String>,
    pub(crate) reason: String,
    pub(crate) preset: Option<String>,
    pub(crate) seal_to: Vec<Recipient>,
    pub(crate) allows_escape: bool,
    pub(crate) needs_no_ceiling: bool,
    pub(crate) origin: Origin,
}

impl GrantSpec {
    /// Begins a grant to the person of this name: for a policy grant, their role session name at the identity provider.
    pub fn to(name: impl Into<String>) -> Self {
        Self { to: name.into(), ..Self::default() }
    }

    /// Sets the role: its ARN, `ACCOUNT/NAME`, or a name in the administrator's own account.
    #[must_use]
    pub fn role(mut self, role: impl Into<String>) -> Self {
        self.role = Some(role.into());
        self
    }

    /// Sets the policy: it narrows a session grant, and is what a policy grant adds.
    #[must_use]
    pub fn policy(mut self, policy: SessionPolicy) -> Self {
        self.policy = Some(policy);
        self
    }

    /// Narrows a session grant by managed policies.
    #[must_use]
    pub fn policy_arns(mut self, arns: impl IntoIterator<Item = PolicyArn>) -> Self {
        self.policy_arns.extend(arns);
        self
    }

    /// Sets how long the access lasts.
    #[must_use]
    pub fn duration(mut self, duration: SignedDuration) -> Self {
        self.duration = Some(duration);
        self
    }

    /// Sets when a policy grant begins. Default: now.
    #[must_use]
    pub fn from(mut self, from: Timestamp) -> Self {
        self.from = Some(from);
        self
    }

    /// Sets when a policy grant ends, in place of a duration.
    #[must_use]
    pub fn until(mut self, until: Timestamp) -> Self {
        self.until = Some(until);
        self
    }

    /// Limits the access to networks: CIDR blocks such as `192.0.2.0/24`.
    #[must_use]
    pub fn from_ip(mut self, blocks: impl IntoIterator<Item = String>) -> Self {
        self.from_ip.extend(blocks);
        self
    }

    /// Sets why the access is given.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.reason = reason.into();
        self
    }

    /// Sets the preset of the configuration whose values and limits apply.
    #[must_use]
    pub fn preset(mut self, preset: impl Into<String>) -> Self {
        self.preset = Some(preset.into());
        self
    }

    /// Seals a session grant to a key of the person. Several keys can each open it.
    #[must_use]
    pub fn seal_to(mut self, recipient: Recipient) -> Self {
        if !self.seal_to.contains(&recipient) {
            self.seal_to.push(recipient);
        }
        self
    }

    /// Allows a scope with which the person could keep access after the grant ends, for emergencies.
    #[must_use]
    pub fn allow_escape(mut self) -> Self {
        self.allows_escape = true;
        self
    }

    /// Allows a policy grant on a role without a permissions boundary.
    #[must_use]
    pub fn without_ceiling(mut self) -> Self {
        self.needs_no_ceiling = true;
        self
    }

    /// Checks what can be checked without asking anybody.
    pub(crate) fn check(&self) -> Result<()> {
        if !(2..=MAX_NAME).contains(&self.to.len()) || !self.to.bytes().all(is_name_byte) {
            let message = match self.to.is_empty() {
                true => "no person is named".to_owned(),
                false => format!("`{}` cannot be the name of a person in a grant", excerpt(&self.to)),
            };
            return Err(invalid(message)
                .with_hint("a name has 2 to 51 letters, digits and `_+=,.@-`, such as an e-mail address"));
        }
        check_reason(&self.reason)?;
        for block in &self.from_ip {
            check_network(block)?;
        }
        Ok(())
    }
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
}

/// Checks a reason, which CloudTrail records as a session tag.
pub(crate) fn check_reason(reason: &str) -> Result<()> {
    if reason.trim().is_empty() {
        return Err(
            invalid("a reason is required").with_hint("give one with `--reason`, such as the number of a ticket")
        );
    }
    if reason.chars().count() > MAX_REASON {
        return Err(invalid("the reason is too long")
            .with_hint("a reason has up to 256 characters: give the number of a ticket"));
    }
    Ok(())
}

/// Returns the reason as the value of a session tag: characters that AWS does not accept there become `_`.
pub(crate) fn tag_value(reason: &str) -> String {
    let fits = |character: char| {
        character.is_alphanumeric()
            || character == ' '
            || matches!(character, '_' | '.' | ':' | '/' | '=' | '+' | '-' | '@')
    };
    reason.chars().map(|character| if fits(character) { character } else { '_' }).collect()
}

/// Parses a CIDR block: its first address as a number, the bits of an address, and the length of the prefix.
fn parse_network(block: &str) -> Option<(u128, u8, u8)> {
    let (address, length) = block.split_once('/').map_or((block, None), |(address, length)| (address, Some(length)));
    let (number, bits) = match address.parse().ok()? {
        IpAddr::V4(address) => (u128::from(u32::from(address)), 32),
        IpAddr::V6(address) => (u128::from(address), 128),
    };
    let length = length.map_or(Some(bits), |length| length.parse().ok()).filter(|length| *length <= bits)?;
    Some((number, bits, length))
}

/// Whether a CIDR block has every address of another one.
pub(crate) fn contains(block: &str, other: &str) -> bool {
    let (Some((start, bits, length)), Some((inner, inner_bits, inner_length))) =
        (parse_network(block), parse_network(other))
    else {
        return false;
    };
    let prefix = |number: u128| number.checked_shr(u32::from(bits - length)).unwrap_or(0);
    bits == inner_bits && inner_length >= length && prefix(start) == prefix(inner)
}

fn check_network(block: &str) -> Result<()> {
    match parse_network(block) {
        Some(_) => Ok(()),
        None => Err(invalid(format!("invalid network `{}`", excerpt(block)))
            .with_hint("write it as a CIDR block, such as `192.0.2.0/24` or `2001:db8::/32`")),
    }
}

/// Returns the role of this text. A name without an account is in the account of `near`, and names are in its partition.
pub(crate) fn resolve_role(text: &str, near: &RoleArn, names: &AccountNames) -> Result<RoleArn> {
    if text.starts_with("arn:") {
        return text
            .parse()
            .map_err(|error| invalid(format!("`{}` is not the ARN of a role: it {error}", excerpt(text))));
    }
    let (account, name) = match text.split_once('/') {
        Some((first, rest)) => match account_named(first, names) {
            Some(account) => (account, rest),
            None if rest.contains('/') => (near.account_id(), text),
            None => {
                return Err(invalid(format!("`{}` is not an account", excerpt(first)))
                    .with_hint("give its 12 digits, or the name that `accounts` of the configuration has for it"));
            }
        },
        None => (near.account_id(), text),
    };
    let arn = format!("arn:{}:iam::{account}:role/{name}", near.partition());
    arn.parse().map_err(|error| invalid(format!("`{}` is not a role: it {error}", excerpt(text))))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_reasons_and_networks_are_checked() {
        let spec = |to: &str| GrantSpec::to(to).reason("OPS-1").check();
        assert!(spec("grace@example.com").is_ok());
        assert!(spec("g").is_err() && spec("grace hopper").is_err() && spec(&"g".repeat(52)).is_err());
        assert!(GrantSpec::to("grace").check().unwrap_err().message().contains("a reason is required"));
        for (block, fits) in [
            ("192.0.2.0/24", true),
            ("2001:db8::/32", true),
            ("192.0.2.1", true),
            ("192.0.2.0/33", false),
            ("x", false),
        ] {
            let spec = GrantSpec::to("grace").reason("x").from_ip([block.to_owned()]);
            assert_eq!(spec.check().is_ok(), fits, "{block}");
        }
        for (block, other, expected) in [
            ("10.0.0.0/8", "10.1.2.3/32", true),
            ("10.0.0.0/8", "10.1.2.3", true),
            ("10.0.0.0/8", "0.0.0.0/0", false),
            ("0.0.0.0/0", "10.0.0.0/8", true),
            ("::/0", "2001:db8::/32", true),
            ("::/0", "10.0.0.0/8", false),
            ("2001:db8::/32", "2001:db9::/48", false),
        ] {
            assert_eq!(contains(block, other), expected, "{block} {other}");
        }
        assert_eq!(tag_value("OPS-1: grüße, #2"), "OPS-1: grüße_ _2");
    }

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
