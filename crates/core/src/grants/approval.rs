//! The limits of an approval.

use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use super::{GrantSpec, VerifiedRequest, parse_duration};
use crate::config::{WrongArgument, read_arguments, read_policy};
use crate::duration::format_duration;
use crate::error::Result;
use crate::policy::outside;
use crate::records::refused;
use crate::scope::SessionPolicy;
use crate::text::excerpt;

/// The limits of an approval. Without any, access is given as requested and approved by others.
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
    /// Returns the grant to give: what is requested, narrowed by these limits. A limit that is not set here comes from the newest
    /// approval that sets it.
    ///
    /// # Errors
    ///
    /// `grant_refused` if these limits allow more than an earlier approval.
    pub(super) fn limit(&self, approved: &VerifiedRequest) -> Result<GrantSpec> {
        let longest = SignedDuration::from_secs(approved.agreed_seconds);
        let duration = self.duration.unwrap_or(longest);
        if duration > longest {
            let longest = format_duration(longest);
            return Err(refused(format!("the request and its approvals are for {longest} at most"))
                .with_hint("an approval can shorten a request, and not extend it"));
        }
        let approvals = || approved.narrowed.iter().rev();
        let from_ip = match self.from_ip.is_empty() {
            true => approvals().map(|last| &last.from_ip).find(|networks| !networks.is_empty()),
            false => Some(&self.from_ip),
        };
        let policy = match &self.policy {
            None => approvals().find_map(|last| last.policy.as_deref()).map(str::parse).transpose()?,
            Some(policy) => Some(policy.clone()),
        };
        for approval in &approved.narrowed {
            let by = excerpt(&approval.by);
            if let Some(network) = from_ip.and_then(|from_ip| outside(from_ip, &approval.from_ip)) {
                return Err(refused(format!("`{by}` did not approve the network `{}`", excerpt(network)))
                    .with_hint(format!("the approval is for networks within `{}`", approval.from_ip.join("`, `"))));
            }
            if !approval.permits(policy.as_ref().map(SessionPolicy::as_str)) {
                return Err(refused(format!("`{by}` did not approve all that the policy allows")).with_hint(
                    "each statement must be within one of the approved policy, which `--dry-run` shows, with all of its denies",
                ));
            }
        }
        let request = &approved.request;
        let spec = GrantSpec::to(&request.to).preset(&request.preset).reason(&request.reason).duration(duration);
        let spec = spec.from_ip(from_ip.into_iter().flatten().cloned());
        Ok(match policy {
            Some(policy) => spec.policy(policy),
            None => spec,
        })
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
