//! The facts of a grant in the form that is shown.

use std::borrow::Cow;

use jiff::Timestamp;
use serde::Serialize;

use super::{GrantEvent, GrantHistory, GrantKind, GrantState};
use crate::grant_id::GrantId;

/// A grant with its events, in a form that is stable: what `grant show --output json` prints.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GrantDetails<'a> {
    /// What the events say together.
    pub grant: GrantSummary<'a>,
    /// The events, oldest first.
    pub events: Vec<&'a GrantEvent>,
}

/// The facts of a grant, in a form that is stable.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GrantSummary<'a> {
    /// The id.
    pub id: &'a GrantId,
    /// Whether it counts.
    pub state: GrantState,
    /// How access is given.
    pub kind: GrantKind,
    /// The person.
    pub to: &'a str,
    /// The administrator who gave it.
    pub by: &'a str,
    /// The role.
    pub role_arn: &'a str,
    /// When access begins.
    pub from: Timestamp,
    /// When access ends.
    pub until: Timestamp,
    /// Why it was given.
    pub reason: Cow<'a, str>,
    /// The preset that was used.
    pub preset: Option<&'a str>,
    /// How often it was extended.
    pub extensions: u32,
    /// Whether it was given in an emergency, without approvals.
    pub break_glass: bool,
    /// Whether somebody else has to review that.
    pub needs_review: bool,
    /// The policy.
    pub policy: Option<&'a str>,
    /// The managed session policies.
    pub policy_arns: &'a [String],
    /// The networks that access is limited to.
    pub from_ip: &'a [String],
    /// Why the records cannot be trusted.
    pub defects: &'a [String],
}

impl GrantHistory {
    /// The grant with its events as `--output json` and the bindings show it.
    pub fn details(&self, now: Timestamp) -> GrantDetails<'_> {
        GrantDetails { grant: self.summary(now), events: self.events().collect() }
    }

    /// The grant as `--output json` and the bindings show it.
    pub fn summary(&self, now: Timestamp) -> GrantSummary<'_> {
        let last = self.last();
        GrantSummary {
            id: self.id(),
            state: self.state(now),
            kind: self.kind(),
            to: self.to(),
            by: self.by(),
            role_arn: &last.role_arn,
            from: self.first().from,
            until: last.until,
            reason: self.reason(),
            preset: self.first().preset.as_deref(),
            extensions: self.extensions(),
            break_glass: self.trusted_events().any(|event| event.break_glass),
            needs_review: self.needs_review(),
            policy: last.policy.as_deref(),
            policy_arns: &last.policy_arns,
            from_ip: &last.from_ip,
            defects: self.defects(),
        }
    }
}
