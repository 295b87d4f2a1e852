//! `audit query`: what was done with a grant, from CloudTrail's event history and from its files.

use std::time::Duration;

use http::Method;
use jiff::SignedDuration;
use tempaccess_core::ErrorKind;
use tempaccess_core::auditor::{Auditor, ReportInput, TrailInput};
use tempaccess_core::config::{Config, Settings};
use tempaccess_core::grants::GrantFilter;
use tempaccess_core::report::Period;
use tempaccess_core::trail::{
    LookupEvents, RecordedSessions, TrailBucket, TrailEvent, TrailFiles, TrailFinding, TrailQuery, compare,
};
use tempaccess_sandbox::World;
use tempaccess_tests::aws::{Call, Credentials};
use tempaccess_tests::contractor::{people, sandbox};
use tempaccess_tests::office::{GRANTED, Office, PEOPLE};

pub(crate) async fn get(office: &Office, keys: &Credentials, path: &str) -> u16 {
    let call = Call { service: "s3", method: Method::GET, path, query: &[], headers: &[] };
    call.send(&office.sandbox, keys, b"").await.status
}

/// A grant of the ledger, used within its scope and beyond, and after its revocation.
async fn used_grant(office: &Office) -> tempaccess_core::records::GrantHistory {
    let grants = office.grants();
    let issued = grants.issue(&office.session_for_grace(40)).await.unwrap();
    let session = office.opener("grace@example.com").open(&issued.sealed).await.unwrap().session;
    let keys = Credentials::from(&session);
    assert_eq!(get(office, &keys, "/ledger/README.txt").await, 200);
    assert_eq!(get(office, &keys, "/vault/combination.txt").await, 403);
    office.advance(5);
    grants.revoke(&issued.event.id, "done early").await.unwrap();
    office.advance(1);
    assert_eq!(get(office, &keys, "/ledger/README.txt").await, 403);
    office.advance(30);
    grants.show(&issued.event.id).await.unwrap()
}

/// The files that the trail has delivered so far.
fn delivered(office: &Office) -> (tempfile::TempDir, TrailFiles) {
    let folder = tempfile::tempdir().unwrap();
    office.sandbox.trail().write_files(folder.path()).unwrap();
    let files = TrailFiles::find(folder.path()).unwrap();
    (folder, files)
}

fn event_history(office: &Office) -> LookupEvents {
    LookupEvents::builder()
        .endpoint_url(office.sandbox.sts_url())
        .clock(std::sync::Arc::new(office.clock.clone()))
        .interval(Duration::ZERO)
        .build()
        .unwrap()
}

fn names(events: &[TrailEvent]) -> Vec<&str> {
    events.iter().map(|event| event.name.as_str()).collect()
}

#[tokio::test]
async fn files_have_every_call_of_a_grant() {
    let office = Office::open();
    let history = used_grant(&office).await;
    let (_folder, files) = delivered(&office);
    let query = TrailQuery::for_grant(&history);
    let events = files.events(&query).unwrap();
    let names = names(&events);
    for name in ["AssumeRole", "GetObject", "PutRolePolicy"] {
        assert!(names.contains(&name), "{name}: {names:?}");
    }
    let comparison = compare(&query, &events, std::slice::from_ref(&history), &[], office.now());
    let found = |wanted: &dyn Fn(&TrailFinding) -> bool| comparison.findings.iter().any(wanted);
    assert!(found(&|finding| matches!(finding, TrailFinding::Denied { call, .. } if call == "s3:GetObject")));
    assert!(found(&|finding| matches!(finding, TrailFinding::UsedAfterEnd { denied: true, .. })));
    assert!(!found(&|finding| matches!(finding, TrailFinding::IssuedWithoutRecord { .. })), "{comparison:?}");
    assert!(!found(&|finding| matches!(finding, TrailFinding::RecordWithoutIssuance { .. })), "{comparison:?}");
    // Without the records, CloudTrail still has the grant, and who gave it.
    let alone = compare(&query, &events, &[], &[], office.now());
    let by = alone.findings.iter().find_map(|finding| match finding {
        TrailFinding::IssuedWithoutRecord { by, .. } => by.as_deref(),
        _ => None,
    });
    assert_eq!(by, Some("ada@example.com"));
}

#[tokio::test]
async fn the_event_history_has_who_gave_and_ended_it() {
    let office = Office::open();
    let history = used_grant(&office).await;
    let lookup = event_history(&office);
    let query = TrailQuery::for_grant(&history);
    let regions = ["us-east-1".to_owned()];
    let events = office.grants().look_up(&lookup, &regions, &query, |_, _| {}).await.unwrap();
    let names = names(&events);
    assert!(names.contains(&"AssumeRole") && names.contains(&"PutRolePolicy"), "{names:?}");
    // Data events are not in it.
    assert!(!names.contains(&"GetObject"), "{names:?}");
    let mut person = TrailQuery::default();
    person.session = Some("ada@example.com".to_owned());
    person.from = office.now().checked_sub(SignedDuration::from_hours(2)).ok();
    assert!(!office.grants().look_up(&lookup, &regions, &person, |_, _| {}).await.unwrap().is_empty());
    let all = office.grants().histories(&GrantFilter::all()).await.unwrap();
    assert_eq!(all.histories.len(), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_bucket_of_a_trail_has_what_its_files_have() {
    let mut world = World::demo();
    world.trail.bucket = Some("access-records".to_owned());
    let office = Office::of(world);
    let history = used_grant(&office).await;
    let query = TrailQuery::for_grant(&history);
    let bucket = |url: &str| TrailBucket::open(url, office.bucket_access()).unwrap();
    // Reading makes events too, and so the files are delivered with the first call, which is a listing.
    let mut progress = Vec::new();
    let events =
        bucket("s3://access-records/AWSLogs").events(&query, |done, of| progress.push((done, of))).await.unwrap();
    let (_folder, files) = delivered(&office);
    assert_eq!(events, files.events(&query).unwrap());
    assert!(!events.is_empty() && progress.last().is_some_and(|(done, of)| done == of), "{progress:?}");
    // Another day has no files, and a bucket without a trail has none at all.
    let mut earlier = TrailQuery::default();
    earlier.until = "2026-11-01T00:00:00Z".parse().ok();
    let error = bucket("s3://access-records").events(&earlier, |_, _| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidArgument, "{error}");
    let error = bucket("s3://ledger/AWSLogs").events(&query, |_, _| {}).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.hint().is_some_and(|hint| hint.contains("s3:ListBucket")), "{error}");
}

#[tokio::test]
async fn a_person_is_found_in_every_session() {
    let office = Office::open();
    let history = used_grant(&office).await;
    let (_folder, files) = delivered(&office);
    let histories = std::slice::from_ref(&history);
    let query = TrailQuery::for_person("grace@example.com", histories);
    let events = files.events(&query).unwrap();
    assert!(names(&events).contains(&"GetObject"), "{events:?}");
    assert!(
        events.iter().all(|event| event.principal_session() == Some(&format!("grace@example.com+{}", history.id())))
    );
    // Those who gave the access made the calls that issued it: they are not missing here.
    let compared = compare(&query, &events, histories, &[], office.now());
    let is_missing = |finding: &TrailFinding| matches!(finding, TrailFinding::RecordWithoutIssuance { .. });
    assert!(!compared.findings.iter().any(is_missing), "{compared:?}");
    let query = TrailQuery::for_grant(&history);
    let mut events = files.events(&query).unwrap();
    events.retain(|event| event.name != "AssumeRole");
    let earlier = TrailEvent::parse(br#"{"eventTime":"2026-11-25T13:59:00Z","eventName":"GetRole"}"#);
    events.extend(earlier);
    let compared = compare(&query, &events, histories, &[], office.now());
    assert!(compared.findings.iter().any(is_missing), "{compared:?}");
}

/// Somebody has removed the records of a grant, or has never written any.
#[tokio::test(flavor = "multi_thread")]
async fn a_grant_without_records_is_found_by_its_id_and_reported() {
    let office = Office::open();
    let history = used_grant(&office).await;
    let id = history.id().to_string();
    std::fs::remove_dir_all(office.folder.path().join("records").join(&id)).unwrap();
    // Another one, which is recorded.
    let second = office.grants().issue(&office.session_for_grace(40)).await.unwrap().event.id;
    office.advance(30);
    let (folder, _) = delivered(&office);
    let files = folder.path().display().to_string();
    let (settings, config, grants) = (Settings::default(), Config::default(), office.grants());
    let auditor = Auditor::new(&grants, &settings, &config);
    let mut input = TrailInput::default();
    (input.id, input.files, input.from) = (Some(id.clone()), Some(files.clone()), Some("2026-11-01".to_owned()));
    let answer = auditor.query(&input, &mut |_| {}).await.unwrap();
    assert!(answer.events.iter().any(|event| event.name == "GetObject"), "{:?}", names(&answer.events));
    let finding =
        answer.comparison.findings.iter().map(ToString::to_string).find(|finding| finding.contains(&id)).unwrap();
    assert!(finding.contains("the records do not have it"), "{finding}");
    // The event history is not asked by id.
    input.files = None;
    let error = auditor.query(&input, &mut |_| {}).await.unwrap_err();
    assert!(error.kind() == ErrorKind::GrantNotFound && error.hint().unwrap().contains("--to"), "{error}");
    let mut report = ReportInput::default();
    report.files = Some(files.clone());
    let report = auditor.report(Period::default(), &report, &mut |_| {}).await.unwrap();
    assert!(report.text.contains(&format!("{id} was given by ada@example.com")), "{id}");
    assert!(!report.text.contains(&format!("credentials of {second}")));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_event_history_of_a_role_has_the_sessions_of_its_grants() {
    let office = Office::open();
    let history = used_grant(&office).await;
    let mut settings = Settings::default();
    (settings.region, settings.cloudtrail_endpoint_url) =
        (Some("us-east-1".to_owned()), Some(office.sandbox.sts_url()));
    let (config, grants) = (Config::default(), office.grants());
    let auditor = Auditor::new(&grants, &settings, &config);
    for role in ["Granted", "111122223333/Granted", GRANTED] {
        let mut input = TrailInput::default();
        (input.role, input.from) = (Some(role.to_owned()), Some("2026-11-01".to_owned()));
        let answer = auditor.query(&input, &mut |_| {}).await.unwrap();
        let names = names(&answer.events);
        assert!(names.contains(&"AssumeRole") && names.contains(&"PutRolePolicy"), "{role}: {names:?}");
        let accusation = |finding: &TrailFinding| matches!(finding, TrailFinding::RecordWithoutIssuance { .. });
        assert!(!answer.comparison.findings.iter().any(accusation), "{role}: {:?}", answer.comparison.findings);
    }
    assert_eq!(history.kind(), tempaccess_core::records::GrantKind::Session);
}

#[tokio::test]
async fn an_everyday_sign_in_is_found_by_its_key_and_its_person() {
    let office = Office::open();
    let session = office.access("grace@example.com", PEOPLE).credentials().await.unwrap();
    let key = session.answer.credentials.access_key_id.clone();
    office.advance(10);
    let mut by_key = TrailQuery::default();
    by_key.access_keys = vec![key.clone()];
    let by_person = TrailQuery::for_person("grace@example.com", &[]);
    let lookup = event_history(&office);
    let regions = ["us-east-1".to_owned()];
    let found = office.grants().look_up(&lookup, &regions, &by_key, |_, _| {}).await.unwrap();
    let sign_in = found.iter().find(|event| event.name == "AssumeRoleWithSAML").unwrap();
    assert_eq!((sign_in.issued_key.as_ref(), sign_in.session()), (Some(&key), Some("grace@example.com")));
    assert!(sign_in.assertion_id.is_some());
    let (_folder, files) = delivered(&office);
    for query in [by_key, by_person] {
        let events = files.events(&query).unwrap();
        assert_eq!(names(&events), ["AssumeRoleWithSAML"], "{query:?}");
    }
}

/// A line of an audit log.
fn signed_in(at: &str, person: &str, assertion: &str, key: &str) -> String {
    serde_json::json!({
        "version": 1, "at": at, "outcome": "issued", "reason": "OPS-123", "source": "okta:acme.okta.com",
        "session_name": person, "assertion_id": assertion, "role_arn": PEOPLE, "access_key_id": key,
        "expiration": "2026-11-25T15:00:00Z", "chained_from": null,
    })
    .to_string()
}

#[tokio::test]
async fn everyday_sign_ins_are_compared_with_audit_logs() {
    let office = Office::open();
    let session = office.access("grace@example.com", PEOPLE).credentials().await.unwrap();
    let recorded = session.answer.credentials.access_key_id.clone();
    assert_eq!(get(&office, &Credentials::from(&session), "/vault/combination.txt").await, 403);
    let unrecorded = office.access("grace@example.com", PEOPLE).credentials().await.unwrap();
    let unrecorded = unrecorded.answer.credentials.access_key_id.clone();
    let other = office.access("ada@example.com", PEOPLE).credentials().await.unwrap();
    office.advance(30);
    let folder = tempfile::tempdir().unwrap();
    office.sandbox.trail().write_files(&folder.path().join("trail")).unwrap();
    let log = folder.path().join("audit.jsonl");
    let lines = [
        signed_in("2026-11-25T14:00:00Z", "grace@example.com", "a-1", &recorded),
        signed_in("2026-11-25T14:00:05Z", "grace@example.com", "a-2", "ASIANOTATAWS"),
    ];
    std::fs::write(&log, lines.join("\n")).unwrap();
    let mut logs = RecordedSessions::default();
    logs.read(&log).unwrap();
    let mut query = TrailQuery::default();
    query.role = Some("People".to_owned());
    let events = TrailFiles::find(&folder.path().join("trail")).unwrap().events(&query).unwrap();
    let compared = compare(&query, &events, &[], &logs.sign_ins, office.now());
    let keys = |wanted: &str| {
        let keys = compared.findings.iter().filter_map(|finding| {
            let finding = serde_json::to_value(finding).unwrap();
            (finding["finding"] == wanted).then(|| finding["access_key_id"].as_str().unwrap().to_owned())
        });
        keys.collect::<Vec<_>>()
    };
    // Ada's log is not at hand.
    assert!(events.iter().any(|event| event.issued_key.as_ref() == Some(&other.answer.credentials.access_key_id)));
    assert_eq!(keys("issued_without_record"), [unrecorded]);
    assert_eq!(keys("record_without_issuance"), ["ASIANOTATAWS"]);
    assert_eq!(keys("denied"), std::slice::from_ref(&recorded));
    assert_eq!(compared.sign_ins.len(), 1);
    assert_eq!(compared.sign_ins[0].sign_in.access_key_id, recorded);
    assert_eq!(compared.sign_ins[0].calls["s3:GetObject"], 1);
    // What is in another account, or before the first record of a person, is nobody's fault.
    let elsewhere = signed_in("2026-11-25T14:00:05Z", "grace@example.com", "a-3", "ASIAELSEWHERE");
    let elsewhere = elsewhere.replace("111122223333", "444455556666");
    let later = signed_in("2026-11-25T14:20:00Z", "ada@example.com", "a-4", "ASIALATER");
    std::fs::write(&log, [elsewhere, later].join("\n")).unwrap();
    let mut others = RecordedSessions::default();
    others.read(&log).unwrap();
    let compared = compare(&query, &events, &[], &others.sign_ins[..1], office.now());
    assert!(!compared.findings.iter().any(|finding| matches!(finding, TrailFinding::RecordWithoutIssuance { .. })));
    let compared = compare(&query, &events, &[], &others.sign_ins[1..], office.now());
    assert!(!compared.findings.iter().any(|finding| matches!(finding, TrailFinding::IssuedWithoutRecord { .. })));
    // A question about Ada misses no sign-in of Grace.
    let query = TrailQuery::for_person("ada@example.com", &[]);
    let events: Vec<_> = events.into_iter().filter(|event| query.fits(event)).collect();
    assert!(!events.is_empty());
    assert_eq!(compare(&query, &events, &[], &logs.sign_ins, office.now()).findings, []);
}

#[test]
fn an_assertion_leads_to_every_session_that_it_got() {
    let sandbox = sandbox();
    sandbox.trail().delay(SignedDuration::ZERO);
    let (alan, _) = people(&sandbox);
    alan.ok("login admin --reason OPS-123");
    let log = ".local/state/tempaccess/audit.jsonl";
    let record: serde_json::Value = serde_json::from_str(alan.read(log).lines().last().unwrap()).unwrap();
    let (assertion, key) = (record["assertion_id"].as_str().unwrap(), record["access_key_id"].as_str().unwrap());
    // CloudTrail alone has the sign-in, and the calls by its key.
    let answer: serde_json::Value = serde_json::from_str(
        &alan.ok(&format!("audit query --assertion {assertion} --profile admin --output json")).stdout,
    )
    .unwrap();
    let events = answer["events"].as_array().unwrap();
    assert!(events.iter().any(|event| event["assertion_id"] == assertion), "{answer}");
    assert!(events.iter().any(|event| event["access_key_id"] == key), "{answer}");
    assert_eq!(answer["sign_ins"], serde_json::json!([]));
    // The log says who it was, and why.
    let shown = alan.ok(&format!("audit query --assertion {assertion} --audit-log {log} --profile admin")).stdout;
    assert!(shown.contains("session: alan@example.com signed in at"), "{shown}");
    assert!(shown.contains("(OPS-123)"), "{shown}");
    let printed =
        alan.ok(&format!("audit query --assertion {assertion} --audit-log {log} --athena t --profile admin")).stdout;
    assert!(printed.contains(&format!("useridentity.accesskeyid = '{key}'")), "{printed}");
    let nobody = alan.ok("audit query --assertion nothing --profile admin");
    assert!(nobody.stdout.starts_with("no events"), "{}", nobody.stdout);
    let missing = alan.run("audit query --assertion nothing --audit-log missing.jsonl --profile admin");
    assert!(missing.stderr.contains("the audit log `missing.jsonl` cannot be read"), "{}", missing.stderr);
}
