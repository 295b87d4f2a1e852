//! The limits of an approval.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{GrantSpec, parse_duration};
use crate::config::{WrongArgument, read_arguments, read_policy};
use crate::error::Result;
use crate::scope::SessionPolicy;

/// The limits of an approval. Without any, access is given as requested.
#[derive(Debug, Clone, Default)]
#[non_exhaustive]
pub struct ApprovalLimits {
    /// The duration, if it is shorter than requested.
    pub duration: Option<SignedDuration>,
    /// The networks that access is limited to, as CIDR blocks.
    pub from_ip: Vec<String>,
    /// A policy that allows less than that of the preset.
    pub policy: Option<SessionPolicy>,
}

impl ApprovalLimits {
    /// Returns what is requested, within the limits.
    pub(super) fn limit(&self, spec: GrantSpec, duration: SignedDuration) -> GrantSpec {
        let spec = spec.duration(duration).from_ip(self.from_ip.iter().cloned());
        match &self.policy {
            Some(policy) => spec.policy(policy.clone()),
            None => spec,
        }
    }
}

impl From<SignedDuration> for ApprovalLimits {
    /// Limits the duration.
    fn from(duration: SignedDuration) -> Self {
        Self { duration: Some(duration), ..Self::default() }
    }
}

/// The limits of an approval as texts.
#[derive(Debug, Clone, Default, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct ApprovalInput {
    /// The duration: `40m`, or seconds.
    pub duration: Option<String>,
    /// Networks, as CIDR blocks.
    pub from_ip: Vec<String>,
    /// The policy: JSON, or the path of a file that has it.
    pub policy: Option<String>,
}

impl ApprovalInput {
    /// The names of the values.
    pub const KEYS: &[&str] = &["duration", "from_ip", "policy"];

    /// Reads the values that a program passes as a JSON object. `others` are the names of further arguments, which are
    /// suggested as well.
    ///
    /// # Errors
    ///
    /// The first argument that is unknown or has the wrong type.
    pub fn from_arguments(json: &str, others: &[&'static str]) -> Result<Self, WrongArgument> {
        read_arguments(json, Self::KEYS, others)
    }

    /// Reads the values.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, `invalid_scope`, or `io` if a file cannot be read.
    pub fn into_limits(self) -> Result<ApprovalLimits> {
        Ok(ApprovalLimits {
            duration: self.duration.as_deref().map(parse_duration).transpose()?,
            from_ip: self.from_ip,
            policy: self.policy.as_deref().map(read_policy).transpose()?,
        })
    }
}
