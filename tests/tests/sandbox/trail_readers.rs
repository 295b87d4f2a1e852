//! Programs read the sandbox's CloudTrail as they read AWS's: core's readers, boto3 and the AWS CLI.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use serde_json::{Value, json};
use tempaccess_core::grants::GrantId;
use tempaccess_core::records::GrantHistory;
use tempaccess_core::trail::{LookupEvents, TrailEvent, TrailFiles, TrailFinding, TrailQuery, TrailSubject, compare};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::aws::{Credentials, get_object, looked_up, query, sign_in};
use tempaccess_tests::aws_clients::{aws_cli, aws_clis, client, stdout};
use tempaccess_tests::office::{ADMIN, GRANTED, Office, START};
use tempaccess_tests::parts;

/// Returns the words for what an event is about.
fn words(event: &TrailEvent) -> String {
    let by = event.principal_session().unwrap_or("?");
    let refused = event.error_code.as_deref().map(|code| format!(" {code}")).unwrap_or_default();
    format!("{by} {}{refused}", event.name)
}

async fn history(office: &Office, id: &GrantId) -> GrantHistory {
    office.grants().show(id).await.unwrap()
}

#[tokio::test]
async fn a_grant_is_found_in_the_event_history_and_in_files() {
    let office = Office::open();
    let sandbox = &office.sandbox;
    let issued = office.grants().issue(&office.session_for_grace(40)).await.unwrap();
    let id = &issued.event.id;
    // Events of one second have no order.
    office.advance(1);
    let opened = office.opener("grace@example.com").open(&issued.sealed).await.unwrap();
    let grace = Credentials::from(&opened.session);
    office.advance(1);
    assert_eq!(get_object(sandbox, &grace, "/ledger/README.txt").await, 200);
    assert_eq!(get_object(sandbox, &grace, "/vault/combination.txt").await, 403);
    office.advance(1);
    let histories = [history(&office, id).await];
    let about = TrailQuery::for_grant(&histories[0]);
    let session = format!("grace@example.com+{id}");

    let lookup = LookupEvents::builder().endpoint_url(sandbox.sts_url()).interval(Duration::ZERO);
    let lookup = lookup.clock(Arc::new(office.clock.clone())).build().unwrap();
    let ada = office.access("ada@example.com", ADMIN).credentials().await.unwrap();
    let found = lookup.events(&ada.answer.credentials, "us-east-1", &about, |_| {}).await.unwrap();
    let management = ["ada@example.com AssumeRole".to_owned(), format!("{session} GetCallerIdentity")];
    assert_eq!(found.iter().map(words).collect::<Vec<_>>(), management);
    assert_eq!(found[0].session_name.as_ref(), Some(&session));
    assert_eq!(found[0].tags["TempaccessGrant"], id.as_str());
    assert_eq!(found[0].issued_key.as_ref(), Some(&grace.access_key));
    assert_eq!(found[1].source_identity.as_deref(), Some("ada@example.com"));
    assert_eq!(found[1].access_key_id.as_ref(), Some(&grace.access_key));

    let folder = tempfile::tempdir().unwrap();
    let written = sandbox.trail().write_files(folder.path()).unwrap();
    assert_eq!(sandbox.trail().write_files(folder.path()).unwrap(), written);
    let files = TrailFiles::find(folder.path()).unwrap();
    assert_eq!(files.len(), written.len());
    let found = files.events(&about).unwrap();
    let data = [format!("{session} GetObject"), format!("{session} GetObject AccessDenied")];
    assert_eq!(found.iter().map(words).collect::<Vec<_>>()[..2], management);
    let mut last: Vec<_> = found[2..].iter().map(words).collect();
    last.sort();
    assert_eq!(last, data);

    let compared = compare(&about, &found, &histories, &[], office.now());
    let denied = TrailFinding::Denied {
        subject: TrailSubject::Id(id.clone()),
        call: "s3:GetObject".to_owned(),
        count: 1,
        resources: vec!["arn:aws:s3:::vault/combination.txt".to_owned()],
    };
    assert_eq!(compared.findings, [denied]);
    assert_eq!(compared.calls[id]["s3:GetObject"], 2);
}

#[tokio::test]
async fn a_policy_grant_and_its_end_are_found() {
    let office = Office::open();
    let permitted = office.grants().permit(&office.ledger_for_grace(10).role("People")).await.unwrap();
    let id = &permitted.event.id;
    office.advance(1);
    office.grants().revoke(id, "done early").await.unwrap();
    office.advance(1);
    let about = TrailQuery::for_grant(&history(&office, id).await);
    let lookup = LookupEvents::builder().endpoint_url(office.sandbox.sts_url()).interval(Duration::ZERO);
    let lookup = lookup.clock(Arc::new(office.clock.clone())).build().unwrap();
    let ada = office.access("ada@example.com", ADMIN).credentials().await.unwrap();
    let found = lookup.events(&ada.answer.credentials, "us-east-1", &about, |_| {}).await.unwrap();
    let changes = found.iter().filter(|event| event.name.ends_with("eRolePolicy") || event.name.starts_with("Put"));
    let changes: Vec<_> = changes.map(words).collect();
    assert_eq!(changes, ["ada@example.com PutRolePolicy", "ada@example.com DeleteRolePolicy"]);
}

#[tokio::test]
async fn events_have_no_secrets() {
    let office = Office::open();
    let sandbox = &office.sandbox;
    let issued = office.grants().issue(&office.session_for_grace(40)).await.unwrap();
    let opened = office.opener("grace@example.com").open(&issued.sealed).await.unwrap();
    let grace = Credentials::from(&opened.session);
    let ada = Credentials::from(&office.access("ada@example.com", ADMIN).credentials().await.unwrap());
    assert_eq!(get_object(sandbox, &grace, "/ledger/README.txt").await, 200);
    assert_eq!(looked_up(sandbox, &ada, &json!({})).await.map(|_| ()), Ok(()));
    let claims = sandbox.claims_of("ada@example.com").unwrap();
    let assertion = sandbox.mint(&claims).unwrap();
    let text = sandbox.trail().events().concat();
    assert!(text.contains(&grace.access_key) && text.contains(&ada.access_key));
    let secrets = [&grace.secret, &grace.token, &ada.secret, &ada.token];
    for secret in secrets {
        assert!(!text.contains(secret.as_str()));
    }
    for part in ["SAMLAssertion", "sAMLAssertion\"", "sessionToken", "SecretAccessKey", "Signature=", &assertion[..40]]
    {
        assert!(!text.contains(part), "{part}");
    }
}

#[tokio::test]
async fn a_trail_delivers_files_to_a_bucket_of_the_world() {
    let mut world = World::demo();
    world.trail.bucket = Some("logs".to_owned());
    assert_eq!(Sandbox::start(world.clone()).unwrap_err().to_string(), "the trail: there is no bucket logs");
    let mut bucket = world.buckets[0].clone();
    bucket.name = "logs".to_owned();
    world.buckets.push(bucket);
    let sandbox = Sandbox::start(world).unwrap();
    sandbox.clock().stop_at("2026-11-25T14:01:00Z".parse().unwrap());
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    let call = async || query(&sandbox, &ada, "sts", &[("Action", "GetCallerIdentity")]).await.status;
    sandbox.clock().advance(SignedDuration::from_mins(4));
    assert_eq!((call().await, sandbox.buckets().keys("logs").len()), (200, 0));
    for _ in 0..2 {
        sandbox.clock().advance(SignedDuration::from_secs(5));
        assert_eq!((call().await, sandbox.buckets().keys("logs").len()), (200, 1));
    }
    let folder = tempfile::tempdir().unwrap();
    let key = sandbox.buckets().keys("logs").remove(0);
    let start =
        "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/25/111122223333_CloudTrail_us-east-1_20261125T1405Z_";
    assert!(key.starts_with(start) && key.ends_with(".json.gz"), "{key}");
    let file = folder.path().join("one.json.gz");
    std::fs::write(&file, sandbox.buckets().object("logs", &key).unwrap()).unwrap();
    let events = TrailFiles::find(&file).unwrap().events(&TrailQuery::default()).unwrap();
    let names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    assert_eq!(names, ["AssumeRoleWithSAML"]);
}

#[test]
fn boto3_and_the_aws_cli_read_events() {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let sandbox = Sandbox::start(World::demo()).unwrap();
    sandbox.clock().stop_at(START.parse().unwrap());
    sandbox.trail().delay(SignedDuration::ZERO);
    let ada = runtime.block_on(sign_in(&sandbox, "ada@example.com", ADMIN)).credentials();
    let home = tempfile::tempdir().unwrap();
    if let Some(python) = parts::python() {
        let script = tempaccess_tests::workspace().join("tests/parts/boto3_trail.py");
        let output = client(&python, &sandbox, &ada, home.path()).arg(script).output().unwrap();
        let seen: Vec<Value> = serde_json::from_str(&stdout(&output)).unwrap();
        let column = |name: &str| seen.iter().map(|event| event[name].clone()).collect::<Vec<_>>();
        assert_eq!(column("name"), ["PutRolePolicy", "AssumeRole", "AssumeRoleWithSAML"]);
        assert_eq!(column("read_only"), ["false", "true", "true"]);
        assert_eq!(column("error"), [json!("AccessDenied"), Value::Null, Value::Null]);
        assert_eq!(column("user"), ["ada@example.com"; 3]);
        assert_eq!(column("source"), ["iam.amazonaws.com", "sts.amazonaws.com", "sts.amazonaws.com"]);
        assert!(seen[1]["resources"].as_array().unwrap().contains(&json!(["AWS::IAM::Role", GRANTED])), "{seen:?}");
    }
    for aws in aws_clis() {
        let attribute = "AttributeKey=EventName,AttributeValue=AssumeRoleWithSAML";
        let output = aws_cli(&aws, &sandbox, &ada, home.path())
            .args(["cloudtrail", "lookup-events", "--lookup-attributes", attribute, "--output", "json"])
            .output()
            .unwrap();
        let answer: Value = serde_json::from_str(&stdout(&output)).unwrap();
        let listed = answer["Events"].as_array().unwrap();
        assert_eq!(listed.len(), 1, "{answer}");
        let event: Value = serde_json::from_str(answer["Events"][0]["CloudTrailEvent"].as_str().unwrap()).unwrap();
        assert_eq!(event["requestParameters"]["roleSessionName"], "ada@example.com");
    }
}
