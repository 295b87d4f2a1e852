use std::fmt;

use serde::Serialize;
use serde::ser::{SerializeStruct, Serializer};

use crate::arn::{ArnError, OfferedArn, ProviderArn, RoleArn};
use crate::text::trim;

/// A pair of role and SAML provider, as in a value of the attribute `Role`.
///
/// It is a pair because one role can be offered through two providers.
///
/// ```
/// use tempaccess_core::RoleOffer;
///
/// let offer = RoleOffer::from_attribute_value(
///     "arn:aws:iam::123456789012:saml-provider/Okta,arn:aws:iam::123456789012:role/ReadOnly",
/// )?;
/// assert_eq!(offer.role().name(), "ReadOnly");
/// # Ok::<(), tempaccess_core::role::RoleValueError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct RoleOffer {
    role: RoleArn,
    provider: ProviderArn,
}

/// The reason why a value of the attribute `Role` is not a pair of a role and a provider.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum RoleValueError {
    /// It is empty, or has only white space and commas.
    Empty,
    /// It is a role without a provider, or a provider without a role.
    OnePart,
    /// It has more than two ARNs.
    TooManyParts,
    /// It has two roles, or two providers.
    SameKind,
    /// A part is neither the ARN of a role nor that of a SAML provider.
    NotAnArn(ArnError),
    /// Role and provider belong to different partitions.
    Partitions,
}

impl fmt::Display for RoleValueError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Empty => f.write_str("is empty"),
            Self::OnePart => f.write_str("is one ARN where a role and a provider should be, joined by a comma"),
            Self::TooManyParts => {
                f.write_str("joins more than one role and one provider; each pair needs an `AttributeValue` of its own")
            }
            Self::SameKind => f.write_str("joins two ARNs of one kind where a role and a provider should be"),
            Self::NotAnArn(error) => write!(f, "holds a part that is neither a role nor a SAML provider: it {error}"),
            Self::Partitions => f.write_str("joins a role and a provider of different partitions"),
        }
    }
}

impl std::error::Error for RoleValueError {}

impl RoleOffer {
    /// Returns this pair, for an assertion that cannot be read here (one that is encrypted).
    pub fn new(role: RoleArn, provider: ProviderArn) -> Self {
        Self { role, provider }
    }

    /// Parses a value of the attribute `https://aws.amazon.com/SAML/Attributes/Role`: two ARNs joined by a comma, in either
    /// order. White space around them and trailing commas are allowed.
    ///
    /// # Errors
    ///
    /// See [`RoleValueError`].
    pub fn from_attribute_value(value: &str) -> Result<Self, RoleValueError> {
        let mut parts = at_commas(value).map(trim).filter(|part| !part.is_empty());
        let (first, second) = match (parts.next(), parts.next(), parts.next()) {
            (Some(first), Some(second), None) => (first, second),
            (None, ..) => return Err(RoleValueError::Empty),
            (_, None, _) => return Err(RoleValueError::OnePart),
            _ => return Err(RoleValueError::TooManyParts),
        };
        let parse = |text| OfferedArn::parse(text).map_err(RoleValueError::NotAnArn);
        let (role, provider) = match (parse(first)?, parse(second)?) {
            (OfferedArn::Role(role), OfferedArn::Provider(provider))
            | (OfferedArn::Provider(provider), OfferedArn::Role(role)) => (role, provider),
            _ => return Err(RoleValueError::SameKind),
        };
        if role.partition() != provider.partition() {
            return Err(RoleValueError::Partitions);
        }
        Ok(Self { role, provider })
    }

    /// The role.
    pub fn role(&self) -> &RoleArn {
        &self.role
    }

    /// The SAML provider through which it is offered.
    pub fn provider(&self) -> &ProviderArn {
        &self.provider
    }
}

/// The non-empty parts between commas.
fn at_commas(text: &str) -> impl Iterator<Item = &str> {
    let mut rest = Some(text);
    std::iter::from_fn(move || {
        let text = rest?;
        let comma = memchr::memchr(b',', text.as_bytes());
        rest = comma.and_then(|comma| text.get(comma + 1..));
        Some(comma.and_then(|comma| text.get(..comma)).unwrap_or(text))
    })
}

/// `{role_arn, provider_arn, partition, account_id, name}`.
impl Serialize for RoleOffer {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut offer = serializer.serialize_struct("RoleOffer", 5)?;
        offer.serialize_field("role_arn", &self.role)?;
        offer.serialize_field("provider_arn", &self.provider)?;
        offer.serialize_field("partition", self.role.partition())?;
        offer.serialize_field("account_id", self.role.account_id())?;
        offer.serialize_field("name", self.role.name())?;
        offer.end()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/Admin";
    const PROVIDER: &str = "arn:aws:iam::123456789012:saml-provider/Okta";

    #[test]
    fn both_orders_and_what_stands_around_them() {
        let offer = RoleOffer::new(ROLE.parse().unwrap(), PROVIDER.parse().unwrap());
        for value in [
            format!("{ROLE},{PROVIDER}"),
            format!("{PROVIDER},{ROLE}"),
            format!("\n\t{PROVIDER}\r\n ,\n {ROLE} \n"),
            format!("{ROLE},{PROVIDER},"),
            format!(",{ROLE},,{PROVIDER} , "),
        ] {
            assert_eq!(RoleOffer::from_attribute_value(&value), Ok(offer.clone()), "{value:?}");
        }
    }

    #[test]
    fn each_bad_value_says_why() {
        let why = |value: String| RoleOffer::from_attribute_value(&value).unwrap_err();
        assert_eq!(why(" , ".into()), RoleValueError::Empty);
        assert_eq!(why(ROLE.into()), RoleValueError::OnePart);
        assert_eq!(why(format!("{ROLE},{ROLE}")), RoleValueError::SameKind);
        assert_eq!(why(format!("{ROLE},{PROVIDER},{ROLE}")), RoleValueError::TooManyParts);
        assert_eq!(why(format!("{ROLE},{}", PROVIDER.replace("aws:", "aws-cn:"))), RoleValueError::Partitions);
        assert_eq!(
            why(format!("Admin,{PROVIDER}")).to_string(),
            "holds a part that is neither a role nor a SAML provider: it does not begin with `arn:`"
        );
    }
}
