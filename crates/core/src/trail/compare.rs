//! Puts records and the events of CloudTrail together.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::{RecordedSession, TrailEvent, TrailQuery};
use crate::arn::RoleArn;
use crate::grant_id::GrantId;
use crate::records::{GrantHistory, GrantKind};

/// How long CloudTrail may take to deliver an event. Younger ones are not reported as missing.
const DELAY: SignedDuration = SignedDuration::from_mins(15);

/// How many resources of refused calls are named.
const EXAMPLES: usize = 5;

/// What a finding is about. In JSON it is one field, `id` or `access_key_id`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum TrailSubject {
    /// A grant.
    Id(GrantId),
    /// A sign-in, by the access key of its session.
    AccessKeyId(String),
}

/// Something that records and events do not agree about, or that the scope of a session lacked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(tag = "finding", rename_all = "snake_case")]
#[non_exhaustive]
pub enum TrailFinding {
    /// CloudTrail has a grant that the records do not have, or a sign-in that the audit logs do not have.
    IssuedWithoutRecord {
        /// The grant or sign-in.
        #[serde(flatten)]
        subject: TrailSubject,
        /// Who gave it, or signed in.
        by: Option<String>,
        /// When.
        at: Timestamp,
    },
    /// The records have credentials that CloudTrail does not have, where the query asks for the event that issued them.
    RecordWithoutIssuance {
        /// The grant or sign-in.
        #[serde(flatten)]
        subject: TrailSubject,
        /// When.
        at: Timestamp,
    },
    /// The session was used after the grant had ended, or after it had expired.
    UsedAfterEnd {
        /// The grant or sign-in.
        #[serde(flatten)]
        subject: TrailSubject,
        /// The call.
        call: String,
        /// When.
        at: Timestamp,
        /// Whether AWS refused the call.
        denied: bool,
    },
    /// One grant or session was used from several addresses.
    SeveralAddresses {
        /// The grant or sign-in.
        #[serde(flatten)]
        subject: TrailSubject,
        /// The addresses.
        addresses: Vec<String>,
    },
    /// Calls that AWS refused: what the scope lacked, or what was tried.
    Denied {
        /// The grant or sign-in.
        #[serde(flatten)]
        subject: TrailSubject,
        /// The call: `s3:GetObject`.
        call: String,
        /// How often.
        count: usize,
        /// Some of what it was about.
        resources: Vec<String>,
    },
}

/// A grant by its id, a sign-in by its access key.
impl fmt::Display for TrailSubject {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Id(id) => write!(f, "{id}"),
            Self::AccessKeyId(key) => write!(f, "session {key}"),
        }
    }
}

/// The finding in a line. Names in it are as they were found, and can have any characters.
impl fmt::Display for TrailFinding {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let person = |by: &Option<String>| by.clone().unwrap_or_else(|| "somebody".to_owned());
        match self {
            Self::IssuedWithoutRecord { subject: TrailSubject::AccessKeyId(key), by, at } => {
                write!(f, "{} signed in at {at} and got {key}, and the audit logs do not have it", person(by))
            }
            Self::IssuedWithoutRecord { subject, by, at } => {
                write!(f, "{subject} was given by {} at {at}, and the records do not have it", person(by))
            }
            Self::RecordWithoutIssuance { subject, at } => {
                write!(f, "the records have credentials of {subject} from {at}, and CloudTrail does not have them")
            }
            Self::UsedAfterEnd { subject, call, at, denied } => {
                let refused = if *denied { " (refused)" } else { "" };
                write!(f, "{subject} was used after its end: {call} at {at}{refused}")
            }
            Self::SeveralAddresses { subject, addresses } => {
                write!(f, "{subject} was used from {} addresses: {}", addresses.len(), addresses.join(", "))
            }
            Self::Denied { subject, call, count, resources } => {
                let times = if *count == 1 { "once".to_owned() } else { format!("{count} times") };
                let on = if resources.is_empty() { String::new() } else { format!(" on {}", resources.join(", ")) };
                write!(f, "{subject} was denied {call}{on}, {times}")
            }
        }
    }
}

/// A sign-in, and what was done with its session.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SessionCalls {
    /// The sign-in.
    #[serde(flatten)]
    pub sign_in: RecordedSession,
    /// The calls, with their counts.
    pub calls: BTreeMap<String, usize>,
}

/// Events and records, put together.
#[derive(Debug, Clone, Default, Serialize)]
#[non_exhaustive]
pub struct Comparison {
    /// What they do not agree about, and what was refused.
    pub findings: Vec<TrailFinding>,
    /// The calls of each grant's sessions, with their counts.
    pub calls: BTreeMap<GrantId, BTreeMap<String, usize>>,
    /// The sign-ins that the events are of.
    pub sign_ins: Vec<SessionCalls>,
}

/// Compares the events of a query with the records of grants and with sign-ins. `now` decides what CloudTrail may not have yet.
pub fn compare(
    query: &TrailQuery,
    events: &[TrailEvent],
    histories: &[GrantHistory],
    sign_ins: &[RecordedSession],
    now: Timestamp,
) -> Comparison {
    let by_id: BTreeMap<_, _> = histories
        .iter()
        .filter(|history| !history.has_no_trusted_event())
        .map(|history| (history.id(), history))
        .collect();
    let by_key: BTreeMap<_, _> = sign_ins.iter().map(|sign_in| (sign_in.access_key_id.as_str(), sign_in)).collect();
    let mut by_person = BTreeMap::<&str, Vec<&RecordedSession>>::new();
    for sign_in in sign_ins {
        by_person.entry(sign_in.session_name.as_deref().unwrap_or_default()).or_default().push(sign_in);
    }
    let mut findings = Vec::new();
    let mut use_of = BTreeMap::<TrailSubject, Use>::new();
    let mut unrecorded = BTreeSet::new();
    let mut issued_keys = BTreeSet::new();
    for event in events {
        if event.error_code.is_none() {
            issued_keys.extend(event.issued_key.as_deref());
        }
        let by = event.session().map(str::to_owned);
        if let Some(id) = event.grant_of_request().filter(|_| event.error_code.is_none()) {
            let gives = event.name == "AssumeRole" || event.name == "PutRolePolicy";
            if gives && !by_id.contains_key(&id) && unrecorded.insert(id.clone()) {
                findings.push(TrailFinding::IssuedWithoutRecord { subject: TrailSubject::Id(id), by, at: event.time });
            }
        } else if let Some(key) = unrecorded_sign_in(event, &by_person) {
            let subject = TrailSubject::AccessKeyId(key.to_owned());
            findings.push(TrailFinding::IssuedWithoutRecord { subject, by, at: event.time });
        }
        let grant = grant_of_call(event, histories);
        let sign_in = event.access_key_id.as_deref().and_then(|key| by_key.get(key));
        let ends = [
            grant.as_ref().and_then(|id| by_id.get(id)).map(|history| end_of(history)),
            sign_in.map(|sign_in| sign_in.expiration),
        ];
        let subjects =
            [grant.map(TrailSubject::Id), sign_in.map(|known| TrailSubject::AccessKeyId(known.access_key_id.clone()))];
        for (subject, end) in subjects.into_iter().zip(ends) {
            let Some(subject) = subject else { continue };
            if end.is_some_and(|end| event.time > end) {
                let (call, denied) = (event.call(), event.error_code.is_some());
                let subject = subject.clone();
                findings.push(TrailFinding::UsedAfterEnd { subject, call, at: event.time, denied });
            }
            use_of.entry(subject).or_default().add(event);
        }
    }
    let histories: Vec<_> = histories.iter().filter(|history| query.has_issuance(history)).collect();
    let sign_ins: Vec<_> = sign_ins.iter().filter(|sign_in| query.has_sign_in(sign_in)).collect();
    findings.extend(missing(query, &histories, &sign_ins, &issued_keys, events, now));
    for (subject, used) in &use_of {
        if used.addresses.len() > 1 {
            let addresses = used.addresses.iter().cloned().collect();
            findings.push(TrailFinding::SeveralAddresses { subject: subject.clone(), addresses });
        }
    }
    for (subject, used) in &use_of {
        findings.extend(used.denied.iter().map(|(call, (count, about))| TrailFinding::Denied {
            subject: subject.clone(),
            call: call.clone(),
            count: *count,
            resources: about.iter().take(EXAMPLES).cloned().collect(),
        }));
    }
    let (mut calls, mut by_sign_in) = (BTreeMap::new(), Vec::new());
    for (subject, used) in use_of {
        match subject {
            TrailSubject::Id(id) => drop(calls.insert(id, used.calls)),
            TrailSubject::AccessKeyId(key) => by_sign_in.extend(
                by_key.get(key.as_str()).map(|sign_in| SessionCalls { sign_in: (*sign_in).clone(), calls: used.calls }),
            ),
        }
    }
    by_sign_in.sort_by_key(|found| found.sign_in.at);
    Comparison { findings, calls, sign_ins: by_sign_in }
}

/// How a grant or a session was used.
#[derive(Default)]
struct Use {
    calls: BTreeMap<String, usize>,
    addresses: BTreeSet<String>,
    /// How often calls were denied, and for what.
    denied: BTreeMap<String, (usize, BTreeSet<String>)>,
}

impl Use {
    fn add(&mut self, event: &TrailEvent) {
        let call = event.call();
        // The address of a service says nothing about the person.
        let address = event.source_address.as_ref().filter(|address| address.parse::<std::net::IpAddr>().is_ok());
        self.addresses.extend(address.cloned());
        if event.is_denied() {
            let (count, about) = self.denied.entry(call.clone()).or_default();
            *count += 1;
            about.extend(event.resources.first().cloned());
        }
        *self.calls.entry(call).or_default() += 1;
    }
}

/// Returns the key of a sign-in that should be in the audit logs: they have earlier ones of the same person. Nothing can be said
/// about people whose logs are not at hand.
fn unrecorded_sign_in<'a>(event: &'a TrailEvent, by_person: &BTreeMap<&str, Vec<&RecordedSession>>) -> Option<&'a str> {
    let key =
        event.issued_key.as_deref().filter(|_| event.name == "AssumeRoleWithSAML" && event.error_code.is_none())?;
    let session = event.session()?;
    let of_person = by_person.get(session)?;
    let has_log = of_person.iter().any(|sign_in| sign_in.at <= event.time);
    (has_log && of_person.iter().all(|sign_in| sign_in.access_key_id != key)).then_some(key)
}

/// Returns the grant by which a call was made: by its session name; for policy grants, by the person and the time.
pub fn grant_of_call(event: &TrailEvent, histories: &[GrantHistory]) -> Option<GrantId> {
    if let Some(id) = event.grant_of_session() {
        return Some(id);
    }
    let session = event.principal_session()?;
    let during = |history: &&GrantHistory| {
        history.kind() == GrantKind::Policy
            && history.to() == session
            && history.last().from <= event.time
            // Afterwards, it is the person's own role again.
            && event.time <= end_of(history)
            && event.principal.as_deref().is_some_and(|arn| is_session_of(arn, &history.last().role_arn))
    };
    histories.iter().find(during).map(|history| history.id().clone())
}

/// Whether a principal is a session of a role. Roles of one name are in many accounts of an organization.
fn is_session_of(principal: &str, role_arn: &str) -> bool {
    let Ok(role) = role_arn.parse::<RoleArn>() else { return false };
    let prefix = format!("arn:{}:sts::{}:assumed-role/{}/", role.partition(), role.account_id(), role.name());
    principal.starts_with(&prefix)
}

/// When the access of a grant ended: at its time, or when it was revoked.
fn end_of(history: &GrantHistory) -> Timestamp {
    history.revocation().map_or(history.until(), |event| event.at.min(history.until()))
}

/// Credentials in the records that CloudTrail does not have.
fn missing(
    query: &TrailQuery,
    histories: &[&GrantHistory],
    sign_ins: &[&RecordedSession],
    issued_keys: &BTreeSet<&str>,
    events: &[TrailEvent],
    now: Timestamp,
) -> Vec<TrailFinding> {
    // Without any event of this time, nothing can be said.
    let first =
        |is_one: fn(&TrailEvent) -> bool| events.iter().filter(|event| is_one(event)).map(|event| event.time).min();
    let is_missing = |first: Option<Timestamp>, key: &str, at: Timestamp| {
        let is_due = now.duration_since(at) > DELAY && query.has_time(at) && first.is_some_and(|first| at >= first);
        is_due && !issued_keys.contains(key)
    };
    let mut found = Vec::new();
    let any = first(|_| true);
    for history in histories {
        for event in history.events() {
            if event.access_key_id.as_ref().is_some_and(|key| is_missing(any, key, event.at)) {
                let subject = TrailSubject::Id(history.id().clone());
                found.push(TrailFinding::RecordWithoutIssuance { subject, at: event.at });
            }
        }
    }
    let signed_in = first(|event| event.name == "AssumeRoleWithSAML");
    // A log has the sign-ins of all accounts, and a trail those of some.
    let account = |arn: &str| arn.split(':').nth(4).unwrap_or_default().to_owned();
    let seen: BTreeSet<_> = events
        .iter()
        .filter(|event| event.name == "AssumeRoleWithSAML")
        .filter_map(|event| event.role.as_deref().map(account))
        .collect();
    let in_seen =
        |sign_in: &&&RecordedSession| sign_in.role_arn.as_deref().is_some_and(|arn| seen.contains(&account(arn)));
    for sign_in in sign_ins.iter().filter(|sign_in| sign_in.chained_from.is_none()).filter(in_seen) {
        if is_missing(signed_in, &sign_in.access_key_id, sign_in.at) {
            let subject = TrailSubject::AccessKeyId(sign_in.access_key_id.clone());
            found.push(TrailFinding::RecordWithoutIssuance { subject, at: sign_in.at });
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Signers;

    #[test]
    fn a_call_by_a_role_of_the_same_name_in_another_account_is_not_of_the_grant() {
        let id: GrantId = "k7q3m5xw2p4a".parse().unwrap();
        let record = format!(
            r#"{{"version":1,"id":"{id}","seq":1,"at":"2026-11-24T10:00:00Z","event":"permitted","how":"policy","to":"grace@example.com","by":"ada","role_arn":"arn:aws:iam::111122223333:role/team/People","from":"2026-11-24T10:00:00Z","until":"2026-11-24T12:00:00Z","reason":"x"}}"#
        );
        let history = GrantHistory::from_files(vec![(1, record.into_bytes())], &id, &Signers::default());
        let histories = [history.unwrap().unwrap()];
        let grant = |principal: &str| {
            let event = format!(
                r#"{{"eventTime":"2026-11-24T11:00:00Z","eventID":"1","eventSource":"s3.amazonaws.com","eventName":"DeleteBucket","awsRegion":"us-east-1","userIdentity":{{"type":"AssumedRole","arn":"{principal}"}}}}"#
            );
            grant_of_call(&TrailEvent::parse(event.as_bytes()).unwrap(), &histories)
        };
        assert_eq!(grant("arn:aws:sts::111122223333:assumed-role/People/grace@example.com"), Some(id));
        assert_eq!(grant("arn:aws:sts::444455556666:assumed-role/People/grace@example.com"), None);
        assert_eq!(grant("arn:aws-cn:sts::111122223333:assumed-role/People/grace@example.com"), None);
        assert_eq!(grant("arn:aws:sts::111122223333:assumed-role/OtherPeople/grace@example.com"), None);
    }
}
