//! What follows from the events of a grant: when the person really had access, and who agreed.

use jiff::Timestamp;
use serde_json::{Map, Value};

use crate::records::{EventKind, GrantEvent, GrantHistory};
use crate::seal::SignedLine;

/// Returns the spans of time in which the person had access, as the records say: extensions prolong it, revocations cut it.
pub(super) fn spans(history: &GrantHistory) -> Vec<(Timestamp, Timestamp)> {
    let mut spans: Vec<(Timestamp, Timestamp)> = Vec::new();
    if history.is_withdrawn() {
        return spans;
    }
    for event in history.reported_events() {
        let last = spans.last_mut();
        match (event.event, last) {
            (EventKind::Issued | EventKind::Permitted | EventKind::Extended | EventKind::Restored, None) => {
                spans.push((event.from.max(event.at), event.until));
            }
            (EventKind::Extended | EventKind::Restored, Some(last)) => {
                // One that had ended or was revoked begins a second time.
                if last.1 >= event.at && event.event == EventKind::Extended {
                    last.1 = event.until;
                } else {
                    spans.push((event.from.max(event.at), event.until));
                }
            }
            (EventKind::Revoked | EventKind::Ended, Some(last)) => last.1 = last.1.min(event.at).max(last.0),
            _ => {}
        }
    }
    // A revocation ends all of it, whichever event it follows.
    if let Some(revocation) = history.revocation() {
        spans.iter_mut().for_each(|(_, until)| *until = (*until).min(revocation.at));
    }
    spans.retain(|(from, until)| from < until);
    spans
}

/// Returns the fields of an event that the page does not show elsewhere, under their names in the records.
pub(super) fn other_fields(event: &GrantEvent) -> Map<String, Value> {
    const SHOWN_ELSEWHERE: [&str; 24] = [
        "version",
        "id",
        "seq",
        "at",
        "event",
        "prev",
        "how",
        "to",
        "by",
        "role_arn",
        "role_id",
        "preset",
        "policy",
        "policy_sha256",
        "policy_arns",
        "from_ip",
        "from",
        "until",
        "reason",
        "signature",
        "recipient_keys",
        "request",
        "approvals",
        "break_glass",
    ];
    // Through JSON, so that a field that is new to the records is shown without a change here.
    let Ok(Value::Object(fields)) = serde_json::to_value(event) else { return Map::new() };
    fields.into_iter().filter(|(name, _)| !SHOWN_ELSEWHERE.contains(&name.as_str())).collect()
}

/// What somebody signed before a grant was given: they asked for it, or approved it.
#[derive(Debug, PartialEq)]
pub(super) struct Step {
    /// `Requested` or `Approved`.
    pub(super) kind: EventKind,
    pub(super) at: Timestamp,
    pub(super) by: String,
    /// Why it was asked for. Approvals give no reason.
    pub(super) reason: Option<String>,
}

/// Returns the request and the approvals that an event carries. Whether their signatures are valid is among the defects of the
/// event.
pub(super) fn origin(event: &GrantEvent) -> Vec<Step> {
    let request = event.request.iter().filter_map(|line| step(line, EventKind::Requested, "to"));
    let approvals = event.approvals.iter().filter_map(|line| step(line, EventKind::Approved, "by"));
    request.chain(approvals).collect()
}

/// Reads what all signed lines have in common, so that a report does not depend on the rest of them.
fn step(line: &SignedLine, kind: EventKind, signer: &str) -> Option<Step> {
    let fields: Value = serde_json::from_str(&line.text).ok()?;
    let text = |name: &str| fields.get(name).and_then(Value::as_str);
    Some(Step {
        kind,
        at: text("at")?.parse().ok()?,
        by: text(signer)?.to_owned(),
        reason: text("reason").map(str::to_owned),
    })
}

/// Returns who agreed to a grant before it was given, each once.
pub(super) fn approvers(history: &GrantHistory) -> Vec<String> {
    let mut names: Vec<String> = Vec::new();
    for event in history.reported_events() {
        let recorded = (event.event == EventKind::Approved).then(|| event.by.clone());
        let signed = origin(event).into_iter().filter(|step| step.kind == EventKind::Approved).map(|step| step.by);
        for name in recorded.into_iter().chain(signed) {
            if !names.contains(&name) {
                names.push(name);
            }
        }
    }
    names
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Signers;

    fn history(events: &[(&str, &str, &str)]) -> GrantHistory {
        let id = "k7q3m5xw2p4a".parse().unwrap();
        let file = |(number, (event, at, until)): (u32, &(&str, &str, &str))| {
            let policy = if *event == "revoked" { r#","iam_policy_name":"tempaccess-revoked""# } else { "" };
            let event = event.trim_start_matches("withdrawn-");
            let text = format!(
                r#"{{"version":1,"id":"{id}","seq":{number},"at":"2026-11-24T{at}:00Z","event":"{event}","how":"policy","to":"g","by":"a","role_arn":"r","from":"2026-11-24T10:00:00Z","until":"2026-11-24T{until}:00Z","reason":"x"{policy}}}"#
            );
            (number, text.into_bytes())
        };
        GrantHistory::from_files((1..).zip(events).map(file).collect(), &id, &Signers::default()).unwrap().unwrap()
    }

    fn shown(events: &[(&str, &str, &str)]) -> Vec<String> {
        let short = |at: Timestamp| at.strftime("%H:%M").to_string();
        spans(&history(events)).into_iter().map(|(from, until)| format!("{}-{}", short(from), short(until))).collect()
    }

    #[test]
    fn extensions_prolong_and_revocations_cut() {
        assert_eq!(shown(&[("requested", "09:00", "12:00")]), [""; 0]);
        assert_eq!(shown(&[("permitted", "09:00", "12:00")]), ["10:00-12:00"]);
        assert_eq!(shown(&[("issued", "10:00", "11:00"), ("extended", "10:30", "12:00")]), ["10:00-12:00"]);
        assert_eq!(shown(&[("issued", "10:00", "11:00"), ("revoked", "10:20", "11:00")]), ["10:00-10:20"]);
        let restored = [("issued", "10:00", "11:00"), ("revoked", "10:20", "11:00"), ("restored", "10:40", "11:00")];
        assert_eq!(shown(&restored), ["10:00-10:20", "10:40-11:00"]);
        // What was never given.
        assert_eq!(shown(&[("issued", "10:00", "11:00"), ("withdrawn-revoked", "10:00", "11:00")]), [""; 0]);
        // What is cleaned up later does not move the end.
        assert_eq!(shown(&[("permitted", "10:00", "11:00"), ("ended", "15:00", "11:00")]), ["10:00-11:00"]);
    }

    #[test]
    fn requests_and_approvals_are_read_from_what_was_signed() {
        let line = |text: &str| SignedLine { text: text.to_owned(), signature: String::new() };
        let mut event = history(&[("issued", "10:00", "11:00")]).last().clone();
        event.request = Some(line(r#"{"to":"grace@example.com","at":"2026-11-24T09:00:00Z","reason":"OPS-1"}"#));
        event.approvals = vec![line(r#"{"by":"alan@example.com","at":"2026-11-24T09:30:00Z"}"#), line("not JSON")];
        let shown: Vec<_> = origin(&event).into_iter().map(|step| (step.kind, step.by, step.reason)).collect();
        assert_eq!(
            shown,
            [
                (EventKind::Requested, "grace@example.com".to_owned(), Some("OPS-1".to_owned())),
                (EventKind::Approved, "alan@example.com".to_owned(), None)
            ]
        );
        assert!(
            other_fields(&event).keys().all(|name| !["request", "approvals", "signature"].contains(&name.as_str()))
        );
    }
}
