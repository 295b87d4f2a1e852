//! The scope of a session: its duration and session policies, checked against the limits of STS before any network call.
//!
//! Session policies only narrow: the session may do what both the role and they allow. They bind a person only if another
//! program does the exchange and hands out the result: anyone who holds the assertion can exchange it without them.

mod duration;
mod policy;

pub use duration::SessionDuration;
pub(crate) use duration::human;
pub use policy::SessionPolicy;

use crate::arn::{PolicyArn, RoleArn};
use crate::error::{Error, ErrorKind, Result, Stage};

/// The limit of STS for inline and managed session policies together, in characters of plain text.
const MAX_POLICY_CHARACTERS: usize = 2048;
/// The limit of STS for managed session policies.
const MAX_POLICY_ARNS: usize = 10;

/// The duration of a session, and the session policies that narrow it.
///
/// ```
/// use tempaccess_core::{SessionPolicy, SessionScope};
///
/// let policy: SessionPolicy = r#"{
///     "Version": "2012-10-17",
///     "Statement": [{"Effect": "Allow", "Action": "s3:List*", "Resource": "*"}]
/// }"#.parse()?;
/// let scope = SessionScope::new("40m".parse()?).with_policy(policy)?;
/// assert_eq!(scope.duration().seconds(), 2400);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SessionScope {
    duration: SessionDuration,
    policy: Option<SessionPolicy>,
    policy_arns: Vec<PolicyArn>,
}

impl SessionScope {
    /// Returns the scope of everything that the role allows, for this duration.
    pub fn new(duration: SessionDuration) -> Self {
        Self { duration, policy: None, policy_arns: Vec::new() }
    }

    /// Returns the same scope with another duration.
    #[must_use]
    pub fn lasting(mut self, duration: SessionDuration) -> Self {
        self.duration = duration;
        self
    }

    /// Narrows by an inline session policy (STS: `Policy`).
    ///
    /// # Errors
    ///
    /// `invalid_scope` if the policies together exceed the limit of STS.
    pub fn with_policy(mut self, policy: SessionPolicy) -> Result<Self> {
        self.policy = Some(policy);
        self.check_size()
    }

    /// Narrows by managed policies (STS: `PolicyArns`), of the role's account or of AWS.
    ///
    /// # Errors
    ///
    /// `invalid_scope` if there are more than 10, or the policies together exceed the limit of STS.
    pub fn with_policy_arns(mut self, arns: impl IntoIterator<Item = PolicyArn>) -> Result<Self> {
        for arn in arns {
            if !self.policy_arns.contains(&arn) {
                self.policy_arns.push(arn);
            }
        }
        if self.policy_arns.len() > MAX_POLICY_ARNS {
            return Err(invalid(format!(
                "{} managed session policies exceed the limit of STS, which is 10",
                self.policy_arns.len()
            ))
            .with_hint("combine some of them in one managed policy"));
        }
        self.check_size()
    }

    fn check_size(self) -> Result<Self> {
        let inline = self.policy.as_ref().map_or(0, |policy| policy.as_str().chars().count());
        let arns: usize = self.policy_arns.iter().map(|arn| arn.as_str().len()).sum();
        if inline + arns > MAX_POLICY_CHARACTERS {
            return Err(invalid(format!(
                "the session policies have {} characters together; STS accepts 2,048",
                inline + arns
            ))
            .with_hint(
                "shorten the inline policy, or create a managed policy in the role's account and give its ARN",
            ));
        }
        Ok(self)
    }

    /// The duration.
    pub fn duration(&self) -> SessionDuration {
        self.duration
    }

    /// The inline session policy.
    pub fn policy(&self) -> Option<&SessionPolicy> {
        self.policy.as_ref()
    }

    /// The managed session policies.
    pub fn policy_arns(&self) -> &[PolicyArn] {
        &self.policy_arns
    }

    /// Whether the session may do less than the role.
    pub fn is_narrowed(&self) -> bool {
        self.policy.is_some() || !self.policy_arns.is_empty()
    }

    /// Checks that the managed policies can be used with this role.
    ///
    /// # Errors
    ///
    /// `invalid_scope` if a policy belongs to another account or partition.
    pub fn check_for(&self, role: &RoleArn) -> Result<()> {
        for arn in &self.policy_arns {
            let own = arn.account_id() == role.account_id() || arn.account_id() == "aws";
            if !own || arn.partition() != role.partition() {
                return Err(invalid(format!(
                    "the managed session policy `{arn}` does not belong to the account of the role `{role}`"
                ))
                .with_hint(format!(
                    "STS accepts policies of the account {} and policies that AWS manages (`arn:{}:iam::aws:policy/…`)",
                    role.account_id(),
                    role.partition()
                )));
            }
        }
        Ok(())
    }

    /// Describes the scope in a few words: `45m`, `45m, narrowed by an inline policy and 2 managed policies`.
    pub fn describe(&self) -> String {
        let managed = (!self.policy_arns.is_empty()).then(|| match self.policy_arns.len() {
            1 => "1 managed policy".to_owned(),
            several => format!("{several} managed policies"),
        });
        let parts: Vec<_> =
            self.policy.as_ref().map(|_| "an inline policy".to_owned()).into_iter().chain(managed).collect();
        match parts.as_slice() {
            [] => self.duration.to_string(),
            parts => format!("{}, narrowed by {}", self.duration, parts.join(" and ")),
        }
    }
}

pub(super) fn invalid(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::InvalidScope, Stage::Scope, message)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ROLE: &str = "arn:aws:iam::123456789012:role/Admin";

    fn arn(name: &str) -> PolicyArn {
        format!("arn:aws:iam::123456789012:policy/{name}").parse().unwrap()
    }

    #[test]
    fn policies_together_are_bounded() {
        let policy = |length: usize| -> SessionPolicy {
            format!(r#"{{"Statement":[],"Id":"{}"}}"#, "x".repeat(length - 24)).parse().unwrap()
        };
        assert_eq!(policy(2048).as_str().len(), 2048);
        assert!(SessionScope::default().with_policy(policy(2048)).is_ok());
        let error = SessionScope::default().with_policy(policy(2049)).unwrap_err();
        assert_eq!(error.message(), "the session policies have 2049 characters together; STS accepts 2,048");
        let error =
            SessionScope::default().with_policy(policy(2040)).unwrap().with_policy_arns([arn("a")]).unwrap_err();
        assert_eq!(error.message(), "the session policies have 2074 characters together; STS accepts 2,048");
        let eleven = (0..11).map(|number| arn(&number.to_string()));
        let error = SessionScope::default().with_policy_arns(eleven).unwrap_err();
        assert_eq!(error.message(), "11 managed session policies exceed the limit of STS, which is 10");
    }

    #[test]
    fn managed_policies_belong_to_the_role_or_to_aws() {
        let role = ROLE.parse().unwrap();
        let check =
            |arn: &str| SessionScope::default().with_policy_arns([arn.parse().unwrap()]).unwrap().check_for(&role);
        assert!(check("arn:aws:iam::123456789012:policy/a").is_ok());
        assert!(check("arn:aws:iam::aws:policy/ReadOnlyAccess").is_ok());
        assert!(check("arn:aws:iam::210987654321:policy/a").is_err());
        assert!(check("arn:aws-cn:iam::aws:policy/ReadOnlyAccess").is_err());
    }

    #[test]
    fn a_scope_says_what_it_is() {
        let scope = SessionScope::new("45m".parse().unwrap());
        assert_eq!(scope.describe(), "45m");
        let scope = scope.with_policy(r#"{"Statement":[]}"#.parse().unwrap()).unwrap();
        assert_eq!(scope.describe(), "45m, narrowed by an inline policy");
        let scope = scope.with_policy_arns([arn("a"), arn("b"), arn("a")]).unwrap();
        assert_eq!(scope.describe(), "45m, narrowed by an inline policy and 2 managed policies");
    }
}
