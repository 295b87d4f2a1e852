//! The Open Cybersecurity Schema Framework, <https://schema.ocsf.io/1.3.0/>.

use serde_json::{Map, Value, json};

use crate::arn::RoleArn;
use crate::policy::summary as policy_summary;
use crate::records::{EventKind, GrantEvent, GrantHistory};
use crate::report::facts::{origin, other_fields};

/// The version of the schema.
const SCHEMA: &str = "1.3.0";
/// The category Identity & Access Management.
const CATEGORY: u32 = 3;
/// The class User Access Management.
const USER_ACCESS: u32 = 3005;

/// The activity of an event, and its name.
fn activity_of(event: EventKind) -> (u32, &'static str) {
    match event {
        EventKind::Issued | EventKind::Permitted | EventKind::Extended | EventKind::Restored => {
            (1, "Assign Privileges")
        }
        EventKind::Revoked | EventKind::Ended => (2, "Revoke Privileges"),
        // The schema has no activity for these, and asks for the name that the source has.
        other => (99, other.as_str()),
    }
}

/// Returns an event in the schema. Text is as the records have it.
pub(super) fn event(history: &GrantHistory, event: &GrantEvent) -> Value {
    let (activity, activity_name) = activity_of(event.event);
    let further = other_fields(event);
    let defects: Vec<_> = history.defects_of(event.seq).collect();
    let is_trusted = history.defects().is_empty();
    let origin = origin(event);
    let requested_at = origin.iter().find(|step| step.kind == EventKind::Requested).map(|step| step.at);
    let approvals = origin.iter().filter(|step| step.kind == EventKind::Approved);
    let approved_by: Vec<_> = approvals.map(|step| step.by.as_str()).collect();
    let (severity_id, severity) = match (is_trusted, event.break_glass) {
        (false, _) => (4, "High"),
        (true, true) => (3, "Medium"),
        (true, false) => (1, "Informational"),
    };
    let role = event.role_arn.parse::<RoleArn>().ok();
    let account = role.as_ref().map(RoleArn::account_id).unwrap_or_default();
    let (status_id, status) = if event.event == EventKind::Denied { (2, "Failure") } else { (1, "Success") };
    let resource = json!({ "uid": event.role_arn, "name": role.as_ref().map(RoleArn::name), "type": "AWS::IAM::Role" });
    json!({
        "class_uid": USER_ACCESS,
        "class_name": "User Access Management",
        "category_uid": CATEGORY,
        "category_name": "Identity & Access Management",
        "activity_id": activity,
        "activity_name": activity_name,
        "type_uid": USER_ACCESS * 100 + activity,
        "severity_id": severity_id,
        "severity": severity,
        "status_id": status_id,
        "status": status,
        "time": event.at.as_millisecond(),
        "message": format!("{} {}: {}", event.by, event.event.as_str(), event.reason),
        "metadata": {
            "version": SCHEMA,
            "product": { "name": "tempaccess", "vendor_name": "tempaccess", "version": env!("CARGO_PKG_VERSION") },
            "profiles": ["cloud"],
            "uid": format!("{}/{:04}", event.id, event.seq),
            "correlation_uid": event.id,
            "event_code": event.event.as_str(),
            "sequence": event.seq,
        },
        "cloud": { "provider": "AWS", "account": { "uid": account, "type": "AWS Account", "type_id": 10 } },
        "user": user(&event.to),
        "actor": { "user": actor(event) },
        "privileges": privileges(event),
        "resource": resource,
        // What the schema has no attribute for, with the names of the records.
        "unmapped": {
            "grant": {
                "how": event.how,
                "from": event.from,
                "until": event.until,
                "reason": event.reason,
                "preset": event.preset,
                "from_ip": event.from_ip,
                "requested_at": requested_at,
                "approved_by": approved_by,
                "break_glass": event.break_glass,
                "trusted": is_trusted,
                "defects": defects,
                "record": further,
            },
        },
    })
}

/// A person: the records have a name, which is an e-mail address at most companies.
fn user(name: &str) -> Value {
    let mut user = object(json!({ "name": name, "type": "User", "type_id": 1 }));
    if name.contains('@') {
        user.insert("email_addr".to_owned(), name.into());
    }
    Value::Object(user)
}

/// Who acted.
fn actor(event: &GrantEvent) -> Value {
    let mut actor = object(user(&event.by));
    if let Some(arn) = &event.by_arn {
        actor.insert("uid".to_owned(), arn.as_str().into());
    }
    Value::Object(actor)
}

/// The privileges that were given or taken, in words: the schema requires a list of names.
fn privileges(event: &GrantEvent) -> Vec<String> {
    let of_policy = event.policy.as_deref().map(policy_summary);
    let privileges: Vec<_> = of_policy.into_iter().chain(event.policy_arns.iter().cloned()).collect();
    if privileges.is_empty() { vec!["all that the role allows".to_owned()] } else { privileges }
}

fn object(value: Value) -> Map<String, Value> {
    match value {
        Value::Object(fields) => fields,
        _ => Map::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::seal::Signers;

    fn exported(kind: &str) -> Value {
        let id = "k7q3m5xw2p4a".parse().unwrap();
        let file = format!(
            r#"{{"version":1,"id":"{id}","seq":1,"at":"2026-11-24T10:00:00Z","event":"{kind}","how":"policy","to":"grace@example.com","by":"ada@example.com","by_arn":"arn:aws:sts::111122223333:assumed-role/Admin/ada","role_arn":"arn:aws:iam::111122223333:role/People","policy":"{{\"Statement\":[{{\"Effect\":\"Allow\",\"Action\":\"s3:Get*\",\"Resource\":\"*\"}}]}}","from":"2026-11-24T10:00:00Z","until":"2026-11-24T11:00:00Z","reason":"OPS-1"}}"#
        );
        let history =
            GrantHistory::from_files(vec![(1, file.into_bytes())], &id, &Signers::default()).unwrap().unwrap();
        event(&history, history.last())
    }

    #[test]
    fn every_event_has_what_its_class_requires() {
        let kinds = [
            "requested",
            "approved",
            "denied",
            "issued",
            "permitted",
            "extended",
            "revoked",
            "restored",
            "ended",
            "reviewed",
        ];
        for kind in kinds {
            let event = exported(kind);
            let number = |name: &str| event.get(name).and_then(Value::as_u64).unwrap();
            assert_eq!(number("type_uid"), number("class_uid") * 100 + number("activity_id"), "{kind}");
            assert_eq!((number("category_uid"), number("time")), (3, 1_795_514_400_000), "{kind}");
            assert_eq!(event.pointer("/metadata/version").unwrap(), "1.3.0");
            assert_eq!(event.pointer("/metadata/product/vendor_name").unwrap(), "tempaccess");
            assert_eq!(event.pointer("/user/name").unwrap(), "grace@example.com");
            assert_eq!(event.pointer("/cloud/account/uid").unwrap(), "111122223333");
            // Unsigned: nobody is trusted here.
            assert_eq!(number("severity_id"), 4);
            assert_eq!(number("class_uid"), 3005);
            assert_eq!(event.pointer("/privileges/0").unwrap(), "s3:Get* on *");
        }
        assert_eq!(exported("revoked")["activity_id"], 2);
        assert_eq!(exported("requested")["activity_name"], "requested");
        assert_eq!(exported("issued")["actor"]["user"]["uid"], "arn:aws:sts::111122223333:assumed-role/Admin/ada");
    }
}
