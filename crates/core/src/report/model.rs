//! The data of the page: the grants with what follows from their events.

use std::borrow::Cow;
use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Serialize, Serializer};
use serde_json::{Map, Value};

use super::facts::{Step, approvers, origin, other_fields, spans};
use super::{GrantCall, Report};
use crate::grants::UnreadableGrant;
use crate::policy::summary as policy_summary;
use crate::records::{EventKind, GrantEvent, GrantHistory, GrantState};
use crate::role::AccountNames;
use crate::trail::RecordedSession;

/// The kind of a sign-in, besides those of grants.
const SIGN_IN: &str = "sign_in";
/// The person of a sign-in whose record names none.
const UNKNOWN: &str = "unknown";

/// Writes an instant as JavaScript has it.
pub(super) fn milliseconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.serialize_i64(at.as_millisecond())
}

/// All that the page shows. Policies are in a list of their own, as many grants have the same.
#[derive(Debug, Serialize)]
pub(super) struct Model<'a> {
    version: &'static str,
    generated: i64,
    from: Option<i64>,
    until: Option<i64>,
    records: &'a str,
    accounts: &'a AccountNames,
    policies: Vec<Policy<'a>>,
    grants: Vec<Grant<'a>>,
    unreadable: &'a [UnreadableGrant],
    /// What CloudTrail and the records do not agree about, a line each.
    findings: &'a [String],
}

#[derive(Debug, Serialize)]
struct Policy<'a> {
    summary: String,
    text: &'a str,
}

#[derive(Debug, Serialize)]
struct Grant<'a> {
    /// The id, or the access key of a sign-in.
    id: &'a str,
    to: &'a str,
    /// The administrator, or where a person signed in.
    by: &'a str,
    kind: &'static str,
    role: &'a str,
    state: &'static str,
    reason: Cow<'a, str>,
    /// When access begins and ends by plan.
    from: i64,
    until: i64,
    /// When the person really had access.
    spans: Vec<[i64; 2]>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    agreed: Vec<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    preset: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    policy: Option<usize>,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    policy_arns: &'a [String],
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    from_ip: &'a [String],
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    break_glass: bool,
    #[serde(skip_serializing_if = "<[String]>::is_empty")]
    defects: &'a [String],
    events: Vec<Event<'a>>,
    #[serde(skip_serializing_if = "<[GrantCall]>::is_empty")]
    calls: &'a [GrantCall],
}

#[derive(Debug, Serialize)]
struct Event<'a> {
    /// `None` for a request, an approval and a sign-in.
    #[serde(skip_serializing_if = "Option::is_none")]
    seq: Option<u32>,
    at: i64,
    event: EventKind,
    by: Cow<'a, str>,
    until: i64,
    reason: Cow<'a, str>,
    /// Why this event cannot be trusted.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    defects: Vec<&'a str>,
    #[serde(skip_serializing_if = "Map::is_empty")]
    more: Map<String, Value>,
}

impl<'a> Report<'a> {
    /// Whether anything of a grant is in the period.
    pub(super) fn includes(&self, history: &GrantHistory) -> bool {
        let happened = history.events().any(|event| self.period.contains(event.at));
        happened || spans(history).iter().any(|(from, until)| self.period.overlaps(*from, *until))
    }

    /// The sign-ins that gave access in the period, with their roles.
    pub(super) fn included_sign_ins(&self) -> impl Iterator<Item = (&'a RecordedSession, &'a str)> {
        let in_period = |sign_in: &&RecordedSession| self.period.overlaps(sign_in.at, sign_in.expiration);
        self.sign_ins.iter().filter(in_period).filter_map(|sign_in| Some((sign_in, sign_in.role_arn.as_deref()?)))
    }
}

impl<'a> Model<'a> {
    pub(super) fn new(report: &'a Report<'a>) -> Self {
        let mut policies = Policies::default();
        let histories = report.grants.histories.iter().filter(|history| report.includes(history));
        let grants = histories.map(|history| Grant::new(history, report, &mut policies));
        let sign_ins = report.included_sign_ins().map(|(sign_in, role)| Grant::from_sign_in(sign_in, role, report));
        let grants = grants.chain(sign_ins).collect();
        Self {
            version: env!("CARGO_PKG_VERSION"),
            generated: report.now.as_millisecond(),
            from: report.period.from.map(Timestamp::as_millisecond),
            until: report.period.until.map(Timestamp::as_millisecond),
            records: &report.records,
            accounts: &report.accounts,
            policies: policies.list,
            grants,
            unreadable: &report.grants.unreadable,
            findings: &report.findings,
        }
    }
}

impl<'a> Grant<'a> {
    fn new(history: &'a GrantHistory, report: &'a Report<'a>, policies: &mut Policies<'a>) -> Self {
        let summary = history.summary(report.now);
        // Later events repeat what the first one carries.
        let before = history.events().next().map(|first| Event::preceding(first, history)).unwrap_or_default();
        let events = before.into_iter().chain(history.events().map(|event| Event::new(event, history))).collect();
        Self {
            id: summary.id.as_str(),
            to: summary.to,
            by: summary.by,
            kind: summary.kind.as_str(),
            role: summary.role_arn,
            state: summary.state.as_str(),
            reason: summary.reason,
            from: summary.from.as_millisecond(),
            until: summary.until.as_millisecond(),
            spans: spans(history).iter().map(|(a, b)| [a.as_millisecond(), b.as_millisecond()]).collect(),
            agreed: approvers(history),
            preset: summary.preset,
            policy: summary.policy.map(|policy| policies.number(policy)),
            policy_arns: summary.policy_arns,
            from_ip: summary.from_ip,
            break_glass: summary.break_glass,
            defects: summary.defects,
            events,
            calls: report.calls.get(history.id().as_str()).map(Vec::as_slice).unwrap_or_default(),
        }
    }

    /// Returns a sign-in in the form of a grant.
    fn from_sign_in(sign_in: &'a RecordedSession, role: &'a str, report: &'a Report<'a>) -> Self {
        let (from, until) = (sign_in.at.as_millisecond(), sign_in.expiration.as_millisecond());
        let state = if report.now < sign_in.expiration { GrantState::Live } else { GrantState::Ended };
        let reason = Cow::Borrowed(sign_in.reason.as_deref().unwrap_or_default());
        let more = [
            ("access_key_id", Some(&sign_in.access_key_id)),
            ("assertion_id", sign_in.assertion_id.as_ref()),
            ("chained_from", sign_in.chained_from.as_ref()),
            ("policy_sha256", sign_in.policy_sha256.as_ref()),
        ];
        let more = more.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?.as_str().into())));
        let event = Event {
            seq: None,
            at: from,
            event: EventKind::Issued,
            by: Cow::Borrowed(&sign_in.source),
            until,
            reason: reason.clone(),
            defects: Vec::new(),
            more: more.collect(),
        };
        Self {
            id: &sign_in.access_key_id,
            to: sign_in.session_name.as_deref().unwrap_or(UNKNOWN),
            by: &sign_in.source,
            kind: SIGN_IN,
            role,
            state: state.as_str(),
            reason,
            from,
            until,
            spans: if until > from { vec![[from, until]] } else { Vec::new() },
            agreed: Vec::new(),
            preset: None,
            policy: None,
            policy_arns: &sign_in.policy_arns,
            from_ip: &[],
            break_glass: false,
            defects: &[],
            events: vec![event],
            calls: report.calls.get(&sign_in.access_key_id).map(Vec::as_slice).unwrap_or_default(),
        }
    }
}

impl<'a> Event<'a> {
    /// Returns the request and the approvals that led to a grant, in the form of events.
    fn preceding(first: &'a GrantEvent, history: &'a GrantHistory) -> Vec<Self> {
        let shown = |step: Step| Self {
            seq: None,
            at: step.at.as_millisecond(),
            event: step.kind,
            by: Cow::Owned(step.by),
            until: first.until.as_millisecond(),
            reason: step.reason.map_or(Cow::Borrowed(&first.reason), Cow::Owned),
            defects: history.defects_of(first.seq).collect(),
            more: Map::new(),
        };
        origin(first).into_iter().map(shown).collect()
    }

    fn new(event: &'a GrantEvent, history: &'a GrantHistory) -> Self {
        Self {
            seq: Some(event.seq),
            at: event.at.as_millisecond(),
            event: event.event,
            by: Cow::Borrowed(&event.by),
            until: event.until.as_millisecond(),
            reason: Cow::Borrowed(&event.reason),
            defects: history.defects_of(event.seq).collect(),
            more: other_fields(event),
        }
    }
}

/// The different policies, numbered.
#[derive(Debug, Default)]
struct Policies<'a> {
    list: Vec<Policy<'a>>,
    numbers: HashMap<&'a str, usize>,
}

impl<'a> Policies<'a> {
    fn number(&mut self, text: &'a str) -> usize {
        *self.numbers.entry(text).or_insert_with(|| {
            self.list.push(Policy { summary: policy_summary(text), text });
            self.list.len() - 1
        })
    }
}
