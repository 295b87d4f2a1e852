//! The sandbox's CloudTrail has events of all calls in AWS's form, and LookupEvents finds them.

use http::Method;
use jiff::SignedDuration;
use serde_json::{Value, json};
use tempaccess_sandbox::{Fault, Sandbox, Service, World};
use tempaccess_tests::aws::{Call, Credentials, get_object, looked_up, lookup_events, query, sign_in};
use tempaccess_tests::office::{ADMIN, GRANTED, START};

const ID: &str = "k7q3m5xw2p4a";

/// A sandbox whose clock is stopped, and whose events are visible at once.
async fn sandbox() -> (Sandbox, Credentials) {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    sandbox.clock().stop_at(START.parse().unwrap());
    sandbox.trail().delay(SignedDuration::ZERO);
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    (sandbox, ada)
}

/// Takes the role Granted for Grace.
async fn granted(sandbox: &Sandbox, ada: &Credentials) -> Credentials {
    let name = format!("grace@example.com+{ID}");
    let parameters = [
        ("Action", "AssumeRole"),
        ("RoleArn", GRANTED),
        ("RoleSessionName", &name),
        ("DurationSeconds", "900"),
        ("SourceIdentity", "ada@example.com"),
        ("Tags.member.1.Key", "TempaccessGrant"),
        ("Tags.member.1.Value", ID),
        ("TransitiveTagKeys.member.1", "TempaccessGrant"),
        (
            "Policy",
            r#"{"Version":"2012-10-17","Statement":{"Effect":"Allow","Action":"s3:*","Resource":"arn:aws:s3:::ledger/*"}}"#,
        ),
    ];
    query(sandbox, ada, "sts", &parameters).await.credentials()
}

fn names(answer: &Value) -> Vec<&str> {
    answer["Events"].as_array().unwrap().iter().map(|event| event["EventName"].as_str().unwrap()).collect()
}

fn by(key: &str, value: &str) -> Value {
    json!({ "LookupAttributes": [{ "AttributeKey": key, "AttributeValue": value }] })
}

/// Returns all events of a sandbox.
fn events(sandbox: &Sandbox) -> Vec<Value> {
    sandbox.trail().events().iter().map(|event| serde_json::from_str(event).unwrap()).collect()
}

#[tokio::test]
async fn a_sign_in_is_an_event_of_a_person() {
    let (sandbox, ada) = sandbox().await;
    let event = events(&sandbox).remove(0);
    assert_eq!(event["userIdentity"]["type"], "SAMLUser");
    assert_eq!(event["userIdentity"]["userName"], "ada@example.com");
    let qualifier = event["userIdentity"]["identityProvider"].as_str().unwrap();
    assert_eq!(event["userIdentity"]["principalId"], format!("{qualifier}:ada@example.com"));
    assert_eq!(event["responseElements"]["nameQualifier"], qualifier);
    let parameters = &event["requestParameters"];
    assert_eq!(parameters["roleArn"], ADMIN);
    assert_eq!(parameters["roleSessionName"], "ada@example.com");
    assert_eq!(parameters["principalTags"], json!({ "CostCenter": "4711", "Team": "storage" }));
    assert!(parameters["sAMLAssertionID"].as_str().is_some_and(|id| !id.is_empty()), "{event}");
    assert_eq!(event["responseElements"]["credentials"]["accessKeyId"], ada.access_key);
    assert_eq!(event["responseElements"]["credentials"]["expiration"], "Nov 25, 2026, 3:00:00 PM");
    assert_eq!(event["resources"][1]["type"], "AWS::IAM::SAMLProvider");
    assert_eq!(event["eventTime"], START);
    for (name, value) in [("readOnly", true), ("managementEvent", true)] {
        assert_eq!(event[name], value, "{name}");
    }
    assert_eq!((&event["awsRegion"], &event["recipientAccountId"]), (&json!("us-east-1"), &json!("111122223333")));
}

#[tokio::test]
async fn a_refused_assertion_is_an_event_of_nobody() {
    let (sandbox, _) = sandbox().await;
    assert_eq!(sign_in(&sandbox, "grace@example.com", ADMIN).await.outcome(), (400, "InvalidIdentityToken"));
    let event = events(&sandbox).remove(1);
    assert_eq!(event["userIdentity"]["type"], "Unknown");
    assert_eq!(event["errorCode"], "InvalidIdentityTokenException");
    assert_eq!(event["requestParameters"]["roleArn"], ADMIN);
    assert_eq!(event["responseElements"], Value::Null);
}

#[tokio::test]
async fn role_chaining_and_changes_of_policies_are_events_of_a_session() {
    let (sandbox, ada) = sandbox().await;
    let grace = granted(&sandbox, &ada).await;
    let event = events(&sandbox).remove(1);
    let identity = &event["userIdentity"];
    assert_eq!((&identity["type"], &identity["principalId"]), (&json!("AssumedRole"), &json!(ada.role_id)));
    assert_eq!(identity["arn"], "arn:aws:sts::111122223333:assumed-role/AccessAdmin/ada@example.com");
    assert_eq!(identity["accessKeyId"], ada.access_key);
    let context = &identity["sessionContext"];
    assert_eq!(context["sessionIssuer"]["arn"], ADMIN);
    assert_eq!(context["sourceIdentity"], "ada@example.com");
    assert_eq!(context["attributes"], json!({ "creationDate": START, "mfaAuthenticated": "false" }));
    let parameters = &event["requestParameters"];
    assert_eq!(parameters["tags"], json!([{ "key": "TempaccessGrant", "value": ID }]));
    assert_eq!(parameters["transitiveTagKeys"], json!(["TempaccessGrant"]));
    assert_eq!(
        (&parameters["durationSeconds"], &parameters["sourceIdentity"]),
        (&json!(900), &json!("ada@example.com"))
    );
    assert!(parameters["policy"].as_str().unwrap().contains("ledger"), "{event}");
    assert_eq!(event["responseElements"]["assumedRoleUser"]["assumedRoleId"], grace.role_id);
    assert_eq!(event["responseElements"]["credentials"]["accessKeyId"], grace.access_key);

    let put = [
        ("Action", "PutRolePolicy"),
        ("RoleName", "Granted"),
        ("PolicyName", "end"),
        ("PolicyDocument", r#"{"Version":"2012-10-17","Statement":{"Effect":"Deny","Action":"*","Resource":"*"}}"#),
    ];
    assert_eq!(query(&sandbox, &ada, "iam", &put).await.status, 200);
    assert_eq!(query(&sandbox, &grace, "iam", &put).await.status, 403);
    let missing = [("Action", "GetRole"), ("RoleName", "Nobody")];
    assert_eq!(query(&sandbox, &ada, "iam", &missing).await.status, 404);
    // A call without a valid signature, and one of an unknown action, are not events.
    let other = Credentials { secret: "0".repeat(40), ..ada.clone() };
    assert_eq!(query(&sandbox, &other, "iam", &put).await.status, 403);
    assert_eq!(query(&sandbox, &ada, "iam", &[("Action", "Nothing")]).await.status, 400);
    let events = events(&sandbox);
    let [done, denied, missing] = &events[2..] else { panic!("{events:?}") };
    assert_eq!((&done["readOnly"], &done["requestParameters"]["policyName"]), (&json!(false), &json!("end")));
    assert_eq!(done["requestParameters"]["policyDocument"], put[3].1);
    assert_eq!(denied["errorCode"], "AccessDenied");
    assert!(denied["errorMessage"].as_str().unwrap().contains("iam:PutRolePolicy"), "{denied}");
    assert_eq!(denied["requestParameters"], Value::Null);
    assert_eq!(missing["errorCode"], "NoSuchEntityException");
    assert_eq!(missing["requestParameters"], json!({ "roleName": "Nobody" }));
}

#[tokio::test]
async fn objects_have_data_events() {
    let (sandbox, ada) = sandbox().await;
    let grace = granted(&sandbox, &ada).await;
    assert_eq!(get_object(&sandbox, &grace, "/ledger/2026/10.csv").await, 200);
    assert_eq!(get_object(&sandbox, &grace, "/vault/combination.txt").await, 403);
    let list = [("list-type", "2"), ("prefix", "2026/")];
    let call = Call { service: "s3", method: Method::GET, path: "/ledger", query: &list, headers: &[] };
    assert_eq!(call.send(&sandbox, &grace, b"").await.status, 403);
    let events = events(&sandbox);
    let [read, denied, listed] = &events[2..] else { panic!("{events:?}") };
    for event in [read, denied, listed] {
        assert_eq!((&event["eventCategory"], &event["managementEvent"]), (&json!("Data"), &json!(false)));
    }
    assert_eq!(read["requestParameters"]["bucketName"], "ledger");
    assert_eq!(read["requestParameters"]["key"], "2026/10.csv");
    assert_eq!(read["resources"][0]["ARN"], "arn:aws:s3:::ledger/2026/10.csv");
    assert_eq!(read["resources"][1]["accountId"], "111122223333");
    assert_eq!(read["additionalEventData"]["bytesTransferredOut"], 29);
    assert_eq!((&denied["eventName"], &denied["errorCode"]), (&json!("GetObject"), &json!("AccessDenied")));
    assert!(denied["errorMessage"].as_str().unwrap().contains("no session policy allows"), "{denied}");
    assert_eq!(
        (&listed["eventName"], &listed["requestParameters"]["prefix"]),
        (&json!("ListObjects"), &json!("2026/"))
    );
    assert_eq!(listed["resources"][0]["ARNPrefix"], "arn:aws:s3:::ledger/");
}

#[tokio::test]
async fn the_account_of_a_role_learns_who_took_it() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let role = "arn:aws:iam::111122223333:role/ReadOnly";
    let alan = sign_in(&sandbox, "alan@example.com", role).await.credentials();
    let take = |id: &'static str| {
        [
            ("Action", "AssumeRole"),
            ("RoleArn", "arn:aws:iam::777788889999:role/Deploy"),
            ("RoleSessionName", "alan"),
            ("ExternalId", id),
        ]
    };
    assert_eq!(query(&sandbox, &alan, "sts", &take("contract-18")).await.status, 403);
    assert_eq!(query(&sandbox, &alan, "sts", &take("contract-17")).await.status, 200);
    let events = events(&sandbox);
    let [_, denied, own, other] = events.as_slice() else { panic!("{events:?}") };
    assert_eq!((&denied["recipientAccountId"], &denied["errorCode"]), (&json!("111122223333"), &json!("AccessDenied")));
    assert_eq!(
        (&own["recipientAccountId"], &other["recipientAccountId"]),
        (&json!("111122223333"), &json!("777788889999"))
    );
    assert_eq!(own["sharedEventID"], other["sharedEventID"]);
    assert_ne!(own["eventID"], other["eventID"]);
    let identity = json!({ "type": "AWSAccount", "principalId": alan.role_id, "accountId": "111122223333" });
    assert_eq!(other["userIdentity"], identity);
    assert_eq!(other["requestParameters"]["externalId"], "contract-17");
}

#[tokio::test]
async fn events_are_looked_up_by_one_attribute_in_pages() {
    let (sandbox, ada) = sandbox().await;
    sandbox.clock().advance(SignedDuration::from_mins(1));
    let grace = granted(&sandbox, &ada).await;
    sandbox.clock().advance(SignedDuration::from_mins(1));
    assert_eq!(query(&sandbox, &grace, "sts", &[("Action", "GetCallerIdentity")]).await.status, 200);
    assert_eq!(get_object(&sandbox, &grace, "/ledger/2026/10.csv").await, 200);
    let name = format!("grace@example.com+{ID}");
    let assumed = format!("arn:aws:sts::111122223333:assumed-role/Granted/{name}");
    let all = ["GetCallerIdentity", "AssumeRole", "AssumeRoleWithSAML"];
    let first = looked_up(&sandbox, &ada, &json!({})).await.unwrap();
    assert_eq!(names(&first), all);
    let id = first["Events"][1]["EventId"].as_str().unwrap();
    for (key, value, expected) in [
        ("EventId", id, &all[1..2]),
        ("EventName", "AssumeRole", &all[1..2]),
        ("Username", &name, &all[..1]),
        ("Username", "ada@example.com", &["LookupEvents", "AssumeRole", "AssumeRoleWithSAML"]),
        ("AccessKeyId", &grace.access_key, &all[..1]),
        ("ResourceName", GRANTED, &all[1..2]),
        ("ResourceName", &assumed, &all[1..2]),
        ("ResourceName", &grace.access_key, &all[1..2]),
        ("ResourceType", "AWS::IAM::SAMLProvider", &all[2..]),
        ("EventSource", "iam.amazonaws.com", &[]),
        ("ReadOnly", "false", &[]),
    ] {
        let answer = looked_up(&sandbox, &ada, &by(key, value)).await.unwrap();
        let found = names(&answer);
        // The lookups before are events as well.
        let lookups = found.iter().filter(|name| **name == "LookupEvents").count();
        assert_eq!(
            found[lookups.saturating_sub(usize::from(expected.contains(&"LookupEvents")))..],
            *expected,
            "{key}"
        );
    }
    // Pages do not shift by the events of the lookups themselves.
    let mut input = by("EventSource", "sts.amazonaws.com");
    input["MaxResults"] = json!(2);
    let page = looked_up(&sandbox, &ada, &input).await.unwrap();
    assert_eq!(names(&page), all[..2]);
    input["NextToken"] = page["NextToken"].clone();
    let page = looked_up(&sandbox, &ada, &input).await.unwrap();
    assert_eq!((names(&page), page.get("NextToken")), (all[2..].to_vec(), None));
    input["LookupAttributes"][0]["AttributeValue"] = json!("iam.amazonaws.com");
    assert_eq!(looked_up(&sandbox, &ada, &input).await.unwrap_err(), "InvalidNextTokenException");
    // Both times are included.
    let start: jiff::Timestamp = START.parse().unwrap();
    let mut input = by("EventSource", "sts.amazonaws.com");
    (input["StartTime"], input["EndTime"]) = (json!(start.as_second()), json!(start.as_second() + 60));
    assert_eq!(names(&looked_up(&sandbox, &ada, &input).await.unwrap()), all[1..]);
    input["EndTime"] = json!(start.as_second() - 1);
    assert_eq!(looked_up(&sandbox, &ada, &input).await.unwrap_err(), "InvalidTimeRangeException");
}

#[tokio::test]
async fn lookups_are_refused_as_aws_refuses_them() {
    let (sandbox, ada) = sandbox().await;
    let two = json!({ "LookupAttributes": [
        { "AttributeKey": "EventName", "AttributeValue": "x" }, { "AttributeKey": "ReadOnly", "AttributeValue": "true" }] });
    for (input, code) in [
        (two, "InvalidLookupAttributesException"),
        (by("Nothing", "x"), "InvalidLookupAttributesException"),
        (json!({ "MaxResults": 51 }), "InvalidMaxResultsException"),
        (json!({ "MaxResults": 0 }), "InvalidMaxResultsException"),
        (json!({ "NextToken": "x" }), "InvalidNextTokenException"),
        (json!({ "EventCategory": "data" }), "InvalidEventCategoryException"),
        (json!("x"), "SerializationException"),
    ] {
        assert_eq!(looked_up(&sandbox, &ada, &input).await.unwrap_err(), code);
    }
    let people = "arn:aws:iam::111122223333:role/People";
    let grace = sign_in(&sandbox, "grace@example.com", people).await.credentials();
    let answer = lookup_events(&sandbox, &grace, &json!({})).await;
    let message = "User: arn:aws:sts::111122223333:assumed-role/People/grace@example.com is not authorized to perform: cloudtrail:LookupEvents because no identity-based policy allows the cloudtrail:LookupEvents action";
    assert_eq!(
        serde_json::from_str::<Value>(&answer.text).unwrap(),
        json!({ "__type": "AccessDeniedException", "message": message })
    );
    let other = Credentials { secret: "0".repeat(40), ..ada.clone() };
    assert_eq!(looked_up(&sandbox, &other, &json!({})).await.unwrap_err(), "InvalidSignatureException");
    sandbox.fail_next(Service::CloudTrail, Fault::Throttling);
    assert_eq!(looked_up(&sandbox, &ada, &json!({})).await.unwrap_err(), "ThrottlingException");
    sandbox.clock().advance(SignedDuration::from_hours(2));
    assert_eq!(looked_up(&sandbox, &ada, &json!({})).await.unwrap_err(), "ExpiredTokenException");
}

#[tokio::test]
async fn two_lookups_a_second_are_answered() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    let lookup = async || looked_up(&sandbox, &ada, &json!({})).await.map(|_| ());
    // A slow machine takes longer than a second for three calls: ask until one is too many.
    let mut throttled = false;
    for _ in 0..30 {
        throttled = throttled || lookup().await == Err("ThrottlingException".to_owned());
    }
    assert!(throttled);
    sandbox.clock().advance(SignedDuration::from_secs(2));
    assert_eq!(lookup().await, Ok(()));
}

#[tokio::test]
async fn events_arrive_late_and_are_kept_for_90_days() {
    let (sandbox, ada) = sandbox().await;
    sandbox.trail().delay(SignedDuration::from_secs(5));
    let find = async |ada: &Credentials| {
        let answer = looked_up(&sandbox, ada, &by("EventName", "AssumeRoleWithSAML")).await.unwrap();
        names(&answer).len()
    };
    sandbox.clock().advance(SignedDuration::from_secs(4));
    assert_eq!(find(&ada).await, 0);
    sandbox.clock().advance(SignedDuration::from_secs(1));
    assert_eq!(find(&ada).await, 1);
    sandbox.clock().advance(SignedDuration::from_hours(90 * 24));
    let ada = sign_in(&sandbox, "ada@example.com", ADMIN).await.credentials();
    sandbox.clock().advance(SignedDuration::from_secs(5));
    assert_eq!(find(&ada).await, 1);
}
