//! What an administrator wants to give.

use jiff::{SignedDuration, Timestamp};

use crate::arn::PolicyArn;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
use crate::policy::is_network;
use crate::records::{check_name, check_reason};
use crate::scope::SessionPolicy;
use crate::seal::{Recipient, SignedLine};
use crate::text::excerpt;

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
        check_name(&self.to)?;
        check_reason(&self.reason)?;
        for block in &self.from_ip {
            if !is_network(block) {
                return Err(invalid(format!("invalid network `{}`", excerpt(block)))
                    .with_hint("write it as a CIDR block, such as `192.0.2.0/24` or `2001:db8::/32`"));
            }
        }
        Ok(())
    }
}

/// How a grant came about: a request and its approvals, or an emergency.
#[derive(Debug, Clone, Default)]
pub(crate) struct Origin {
    /// The id that the request determines.
    pub(crate) id: Option<GrantId>,
    pub(crate) request: Option<SignedLine>,
    pub(crate) approvals: Vec<SignedLine>,
    pub(crate) break_glass: bool,
}

impl Origin {
    /// Returns the id that a new grant gets.
    pub(super) fn new_id(&self) -> Result<GrantId> {
        self.id.clone().map_or_else(GrantId::random, Ok)
    }
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
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
        assert_eq!(tag_value("OPS-1: grüße, #2"), "OPS-1: grüße_ _2");
    }
}
