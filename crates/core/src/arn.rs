//! Amazon Resource Names, parsed once into types: roles, SAML providers, managed policies.
//!
//! The grammar is that of the IAM reference, "Identify AWS resources with Amazon Resource Names", and is generic over
//! partitions: `aws`, `aws-cn`, `aws-us-gov`, `aws-eusc`, the isolated ones, and those still to come.

use std::fmt;
use std::hash::{Hash, Hasher};
use std::str::FromStr;
use std::sync::Arc;

use serde::{Serialize, Serializer};

/// The reason why a text is not the expected ARN.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ArnError(&'static str);

impl fmt::Display for ArnError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0)
    }
}

impl std::error::Error for ArnError {}

/// The length limit of ARNs at IAM and STS, in characters (`arnType` of the STS API).
const MAX_LENGTH: usize = 2048;

/// An ARN of the `iam` service, with the positions of its parts.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord)]
struct IamArn {
    /// Shared, since bindings and programs copy offers by the hundred.
    text: Arc<str>,
    account_at: u16,
    /// The position of the resource's path and name, after `role/`.
    resource_at: u16,
    name_at: u16,
}

/// The positions follow from the text.
impl Hash for IamArn {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.text.hash(state);
    }
}

/// The type of resource that an ARN of IAM identifies.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Resource {
    Role,
    Provider,
    Policy,
}

impl Resource {
    /// The resource without its type and slash.
    fn split(text: &str) -> Option<(Self, &str)> {
        let inside = |kind, start| Some((kind, text.strip_prefix(start)?));
        inside(Self::Role, "role/")
            .or_else(|| inside(Self::Provider, "saml-provider/"))
            .or_else(|| inside(Self::Policy, "policy/"))
    }
}

impl IamArn {
    fn parse(text: &str, wanted: Resource) -> Result<Self, ArnError> {
        Self::parse_one_of(text, |kind| kind == wanted).map(|(arn, _)| arn)
    }

    /// Parses an ARN of one of the wanted types, and returns which one it is.
    fn parse_one_of(text: &str, is_wanted: impl Fn(Resource) -> bool) -> Result<(Self, Resource), ArnError> {
        if text.len() > MAX_LENGTH {
            return Err(ArnError("longer than 2,048 characters"));
        }
        let rest = text.strip_prefix("arn:").ok_or(ArnError("does not begin with `arn:`"))?;
        let (partition, rest) = at_colon(rest).ok_or(ArnError("has too few parts"))?;
        if !is_partition(partition) {
            return Err(ArnError("names no partition"));
        }
        let rest = rest.strip_prefix("iam::").ok_or(ArnError("is not an ARN of IAM"))?;
        let account_at = text.len() - rest.len();
        let (account, resource) = at_colon(rest).ok_or(ArnError("has too few parts"))?;
        let (kind, resource) = Resource::split(resource)
            .filter(|(kind, _)| is_wanted(*kind))
            .ok_or(ArnError("names another kind of resource"))?;
        let is_aws_own = account == "aws" && kind == Resource::Policy;
        if !is_aws_own && !is_account_id(account) {
            return Err(ArnError("has no 12-digit account id"));
        }
        let resource_at = text.len() - resource.len();
        let name_at = resource_at + resource.bytes().rposition(|byte| byte == b'/').map_or(0, |slash| slash + 1);
        let name = text.get(name_at..).unwrap_or_default();
        if name.is_empty() {
            return Err(ArnError("has no name"));
        }
        // IAM: paths are of \u0021-\u007E, names of [\w+=,.@-]; a comma would also end the ARN in a SAML role pair.
        let path = text.get(resource_at..name_at).unwrap_or_default();
        if !all(path, IN_PATHS) || !all(name, IN_NAMES) {
            return Err(ArnError(if all(resource, IN_PATHS) {
                "has a name with a character that IAM does not allow"
            } else {
                "has a character that IAM does not allow"
            }));
        }
        let arn = Self {
            text: text.into(),
            account_at: account_at as u16,
            resource_at: resource_at as u16,
            name_at: name_at as u16,
        };
        Ok((arn, kind))
    }

    fn part(&self, from: usize, to: usize) -> &str {
        self.text.get(from..to).unwrap_or_default()
    }

    fn partition(&self) -> &str {
        self.part("arn:".len(), usize::from(self.account_at) - ":iam::".len())
    }

    fn account(&self) -> &str {
        let rest = self.part(self.account_at.into(), self.text.len());
        rest.split_once(':').map_or(rest, |(account, _)| account)
    }

    fn name(&self) -> &str {
        self.part(self.name_at.into(), self.text.len())
    }

    fn path_and_name(&self) -> &str {
        self.part(self.resource_at.into(), self.text.len())
    }
}

/// Splits at the first colon. The texts are short: going byte by byte is the fastest.
fn at_colon(text: &str) -> Option<(&str, &str)> {
    let colon = text.bytes().position(|byte| byte == b':')?;
    Some((text.get(..colon)?, text.get(colon + 1..)?))
}

/// The characters of names at IAM and STS: `[\w+=,.@-]`.
pub(crate) fn is_name_byte(byte: u8) -> bool {
    class(byte) & IN_NAMES != 0
}

const IN_PATHS: u8 = 1;
const IN_NAMES: u8 = 2;

/// Whether all bytes are of a class. The texts are short: checking all costs less than stopping at the first mismatch.
fn all(text: &str, wanted: u8) -> bool {
    text.bytes().fold(wanted, |left, byte| left & class(byte)) != 0
}

fn class(byte: u8) -> u8 {
    CLASSES.get(usize::from(byte)).copied().unwrap_or_default()
}

const CLASSES: [u8; 256] = {
    let mut table = [0; 256];
    let mut byte = b'!';
    while byte <= b'~' {
        #[allow(clippy::indexing_slicing, reason = "evaluated at compile time")]
        let class = &mut table[byte as usize];
        *class = match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'_' | b'+' | b'=' | b',' | b'.' | b'@' | b'-' => {
                IN_PATHS | IN_NAMES
            }
            _ => IN_PATHS,
        };
        byte += 1;
    }
    table
};

fn is_partition(text: &str) -> bool {
    if text == "aws" {
        return true;
    }
    text.split('-').next() == Some("aws")
        && text
            .split('-')
            .all(|part| !part.is_empty() && part.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit()))
}

pub(crate) fn is_account_id(text: &str) -> bool {
    text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit())
}

/// Whether a text can be a region, such as `eu-west-1`. Regions become part of host names and environments.
pub(crate) fn is_region(text: &str) -> bool {
    let is_letter = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=63).contains(&text.len()) && text.bytes().all(is_letter) && !text.starts_with('-') && !text.ends_with('-')
}

macro_rules! iam_arn {
    ($(#[$doc:meta])* $name:ident, $resource:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, Hash, PartialOrd, Ord)]
        pub struct $name(IamArn);

        impl $name {
            /// The ARN in its original form.
            pub fn as_str(&self) -> &str {
                &self.0.text
            }

            /// The partition, such as `aws` or `aws-us-gov`.
            pub fn partition(&self) -> &str {
                self.0.partition()
            }

            /// The account's 12 digits (`aws` for the policies that AWS manages).
            pub fn account_id(&self) -> &str {
                self.0.account()
            }

            /// The name without its path.
            pub fn name(&self) -> &str {
                self.0.name()
            }

            /// The path and the name, without a slash at the front.
            pub fn path_and_name(&self) -> &str {
                self.0.path_and_name()
            }
        }

        impl FromStr for $name {
            type Err = ArnError;

            fn from_str(text: &str) -> Result<Self, ArnError> {
                IamArn::parse(text, Resource::$resource).map(Self)
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(self.as_str())
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                serializer.serialize_str(self.as_str())
            }
        }
    };
}

iam_arn! {
    /// The ARN of an IAM role.
    ///
    /// ```
    /// use tempaccess_core::arn::RoleArn;
    ///
    /// let role: RoleArn = "arn:aws-us-gov:iam::123456789012:role/teams/ops/ReadOnly".parse()?;
    /// assert_eq!((role.partition(), role.account_id(), role.name()), ("aws-us-gov", "123456789012", "ReadOnly"));
    /// # Ok::<(), tempaccess_core::arn::ArnError>(())
    /// ```
    RoleArn, Role
}

iam_arn! {
    /// The ARN of an IAM SAML provider.
    ProviderArn, Provider
}

iam_arn! {
    /// The ARN of a managed policy: the account's own, or one that AWS manages (`arn:aws:iam::aws:policy/ReadOnlyAccess`).
    PolicyArn, Policy
}

/// One part of a value of the SAML attribute `Role`.
pub(crate) enum OfferedArn {
    Role(RoleArn),
    Provider(ProviderArn),
}

impl OfferedArn {
    pub(crate) fn parse(text: &str) -> Result<Self, ArnError> {
        match IamArn::parse_one_of(text, |kind| kind != Resource::Policy)? {
            (arn, Resource::Provider) => Ok(Self::Provider(ProviderArn(arn))),
            (arn, _) => Ok(Self::Role(RoleArn(arn))),
        }
    }
}

impl RoleArn {
    /// Whether IAM Identity Center owns the role: AssumeRoleWithSAML does not accept those.
    pub fn is_reserved(&self) -> bool {
        self.name().starts_with("AWSReservedSSO_")
    }
}

/// Returns the partition of a region, by the prefix of its name. An unknown prefix counts as `aws`.
pub fn partition_of_region(region: &str) -> &'static str {
    const PREFIXES: [(&str, &str); 7] = [
        ("cn-", "aws-cn"),
        ("us-gov-", "aws-us-gov"),
        ("eusc-", "aws-eusc"),
        ("us-iso-", "aws-iso"),
        ("us-isob-", "aws-iso-b"),
        ("eu-isoe-", "aws-iso-e"),
        ("us-isof-", "aws-iso-f"),
    ];
    PREFIXES.iter().find(|(prefix, _)| region.starts_with(prefix)).map_or("aws", |(_, partition)| partition)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn roles_of_every_partition() {
        for partition in ["aws", "aws-cn", "aws-us-gov", "aws-eusc", "aws-iso", "aws-iso-b"] {
            let text = format!("arn:{partition}:iam::123456789012:role/a/b/Admin");
            let role: RoleArn = text.parse().unwrap();
            assert_eq!(role.partition(), partition);
            assert_eq!(role.account_id(), "123456789012");
            assert_eq!(role.path_and_name(), "a/b/Admin");
            assert_eq!(role.name(), "Admin");
        }
    }

    #[test]
    fn what_is_not_a_role_says_why() {
        let why = |text: &str| text.parse::<RoleArn>().unwrap_err().to_string();
        assert_eq!(why("role/Admin"), "does not begin with `arn:`");
        assert_eq!(why("arn:aws"), "has too few parts");
        assert_eq!(why("arn:AWS:iam::123456789012:role/Admin"), "names no partition");
        assert_eq!(why("arn:aws:sts::123456789012:role/Admin"), "is not an ARN of IAM");
        assert_eq!(why("arn:aws:iam::12345678901:role/Admin"), "has no 12-digit account id");
        assert_eq!(why("arn:aws:iam::aws:role/Admin"), "has no 12-digit account id");
        assert_eq!(why("arn:aws:iam::123456789012:user/Admin"), "names another kind of resource");
        assert_eq!(why("arn:aws:iam::123456789012:role/"), "has no name");
        assert_eq!(why("arn:aws:iam::123456789012:role/a b"), "has a character that IAM does not allow");
        assert_eq!(why("arn:aws:iam::123456789012:role/a:b"), "has a name with a character that IAM does not allow");
        assert_eq!(
            why(&format!("arn:aws:iam::123456789012:role/{}", "a".repeat(2048))),
            "longer than 2,048 characters"
        );
    }

    #[test]
    fn policies_may_be_aws_own() {
        let policy: PolicyArn = "arn:aws:iam::aws:policy/job-function/ViewOnlyAccess".parse().unwrap();
        assert_eq!((policy.account_id(), policy.name()), ("aws", "ViewOnlyAccess"));
    }
}
