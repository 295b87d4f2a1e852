//! Accounts that `tempaccess setup` describes: in a sandbox that is built from the template, grants work and everything else is
//! refused.

use std::sync::Arc;

use http::Method;
use serde_json::{Value, json};
use tempaccess_core::ErrorKind;
use tempaccess_core::grants::{GrantSpec, Grants};
use tempaccess_core::records::ObjectRecords;
use tempaccess_core::seal::KeyFileSigner;
use tempaccess_core::source::NoPrompter;
use tempaccess_tests::account::{PROVIDER, emitted, setup, world};
use tempaccess_tests::aws::{Answer, Call, Credentials, query, sign_in};
use tempaccess_tests::office::{ADMIN, GRANTED, Office, PEOPLE};
use tempaccess_tests::second_opinion::second_opinion;

const ID: &str = "k7q3m5xw2p4a";

/// Returns the grants of Ada, with the records in the bucket.
fn grants(office: &Office) -> Grants {
    let records = ObjectRecords::s3("s3://acme-access/grants", office.bucket_access()).unwrap();
    let signer = KeyFileSigner::new(office.key("ada@example.com"), Arc::new(NoPrompter)).unwrap();
    Grants::builder(
        office.access("ada@example.com", ADMIN),
        Arc::new(office.iam()),
        Arc::new(records),
        Arc::new(signer),
    )
    .signers(office.signers())
    .clock(Arc::new(office.clock.clone()))
    .build()
}

async fn s3(office: &Office, keys: &Credentials, method: Method, path: &str, headers: &[(&str, &str)]) -> Answer {
    Call { service: "s3", method, path, query: &[], headers }.send(&office.sandbox, keys, b"{}").await
}

async fn reads(office: &Office, keys: &Credentials, path: &str) -> bool {
    s3(office, keys, Method::GET, path, &[]).await.status == 200
}

const README: &str = "/ledger/README.txt";
const COMBINATION: &str = "/vault/combination.txt";

#[tokio::test]
async fn session_grants_work_in_an_account_of_the_template() {
    let office = Office::of(world(&emitted(&setup())));
    let grants = grants(&office);
    let issued = grants.issue(&office.session_for_grace(30)).await.unwrap();
    let opened = office.opener("grace@example.com").open(&issued.sealed).await.unwrap();
    let grace = Credentials::from(&opened.session);
    assert!(reads(&office, &grace, README).await && !reads(&office, &grace, COMBINATION).await);
    office.advance(5);
    let extended = grants.extend(&issued.event.id, "20m".parse().unwrap(), "OPS-123").await.unwrap();
    let extended = Credentials::from(&office.opener("grace@example.com").open(&extended.sealed).await.unwrap().session);
    assert!(reads(&office, &extended, README).await);
    grants.revoke(&issued.event.id, "done early").await.unwrap();
    assert!(!reads(&office, &grace, README).await && !reads(&office, &extended, README).await);
    // The records are in the bucket, complete, and nobody overwrites or deletes one.
    let history = grants.show(&issued.event.id).await.unwrap();
    assert!(history.defects().is_empty() && history.events().count() == 3);
    let ada = Credentials::from(&office.access("ada@example.com", ADMIN).credentials().await.unwrap());
    let record = format!("/acme-access/grants/{}/0001.json", issued.event.id);
    for (method, headers, outcome) in [
        (Method::GET, &[][..], (200, "")),
        (Method::PUT, &[], (403, "AccessDenied")),
        (Method::PUT, &[("if-none-match", "*")], (400, "InvalidRequest")),
        (
            Method::PUT,
            &[("if-none-match", "*"), ("content-md5", "mZFLkyvTelC5g8XnyQrpOw==")],
            (412, "PreconditionFailed"),
        ),
        (Method::DELETE, &[], (403, "AccessDenied")),
    ] {
        let answer = s3(&office, &ada, method.clone(), &record, headers).await;
        assert_eq!(answer.outcome(), outcome, "{method} {headers:?}: {}", answer.text);
    }
    let elsewhere = s3(&office, &ada, Method::PUT, "/acme-access/other.json", &[("if-none-match", "*")]).await;
    assert_eq!(elsewhere.status, 403);
    assert!(!reads(&office, &Credentials::from(&opened.session), &record).await);
}

#[tokio::test]
async fn policy_grants_work_in_an_account_of_the_template() {
    let office = Office::of(world(&emitted(&setup())));
    let grants = grants(&office);
    let session = async |login: &str| Credentials::from(&office.access(login, PEOPLE).credentials().await.unwrap());
    let (grace, ada) = (session("grace@example.com").await, session("ada@example.com").await);
    assert!(!reads(&office, &grace, README).await);
    let permitted = grants.permit(&office.ledger_for_grace(10).role("People")).await.unwrap();
    assert!(reads(&office, &grace, README).await && !reads(&office, &ada, README).await);
    office.advance(9);
    grants.extend(&permitted.event.id, "10m".parse().unwrap(), "OPS-123").await.unwrap();
    office.advance(5);
    assert!(reads(&office, &grace, README).await);
    grants.revoke(&permitted.event.id, "done").await.unwrap();
    assert!(!reads(&office, &grace, README).await);
    // The ceiling bounds what an administrator can give.
    let vault = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:GetObject","Resource":"arn:aws:s3:::vault/*"}]}"#;
    let spec = GrantSpec::to("grace@example.com").policy(vault.parse().unwrap()).duration("10m".parse().unwrap());
    grants.permit(&spec.role("People").reason("OPS-9")).await.unwrap();
    assert!(!reads(&office, &grace, COMBINATION).await);
    // Others choose the session names of this role.
    let error = grants.permit(&office.ledger_for_grace(10).role("Granted")).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantUnsafe);
}

/// Sends AssumeRole for the granted role.
async fn assume(office: &Office, keys: &Credentials, name: &str, tags: &[(&str, &str)], transitive: bool) -> Answer {
    let mut parameters = vec![
        ("Action".to_owned(), "AssumeRole".to_owned()),
        ("RoleArn".to_owned(), GRANTED.to_owned()),
        ("RoleSessionName".to_owned(), name.to_owned()),
    ];
    for (at, (key, value)) in tags.iter().enumerate() {
        parameters.push((format!("Tags.member.{}.Key", at + 1), (*key).to_owned()));
        parameters.push((format!("Tags.member.{}.Value", at + 1), (*value).to_owned()));
    }
    if transitive {
        parameters.push(("TransitiveTagKeys.member.1".to_owned(), "TempaccessGrant".to_owned()));
    }
    let parameters: Vec<_> = parameters.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
    query(&office.sandbox, keys, "sts", &parameters).await
}

#[tokio::test]
async fn a_granted_role_is_taken_as_a_grant_only() {
    let mut world = world(&emitted(&setup()));
    // The identity provider offers the granted role by mistake.
    world.user_mut("ada@example.com").unwrap().roles.push(format!("{PROVIDER},{GRANTED}"));
    let office = Office::of(world);
    let ada = sign_in(&office.sandbox, "ada@example.com", ADMIN).await.credentials();
    let grace = sign_in(&office.sandbox, "grace@example.com", PEOPLE).await.credentials();
    let name = format!("grace@example.com+{ID}");
    let tag = ("TempaccessGrant", ID);
    for (what, who, name, tags, transitive, status) in [
        ("a grant", &ada, name.as_str(), &[tag][..], true, 200),
        ("no tag", &ada, &name, &[], false, 403),
        ("not transitive", &ada, &name, &[tag], false, 403),
        ("a name without the id", &ada, "grace@example.com", &[tag], true, 403),
        ("the id of another grant", &ada, "grace@example.com+m3t8wq2nd5yk", &[tag], true, 403),
        ("nobody", &ada, &format!("+{ID}"), &[tag], true, 403),
        ("a foreign tag", &ada, &name, &[tag, ("Team", "storage")], true, 403),
        ("another role", &grace, &name, &[tag], true, 403),
    ] {
        let answer = assume(&office, who, name, tags, transitive).await;
        assert_eq!(answer.status, status, "{what}: {}", answer.text);
    }
    // Nobody signs in to it.
    assert_eq!(sign_in(&office.sandbox, "ada@example.com", GRANTED).await.status, 403);
}

#[tokio::test]
async fn neither_grants_nor_administrators_get_more_than_they_should() {
    let office = Office::of(world(&emitted(&setup())));
    let ada = sign_in(&office.sandbox, "ada@example.com", ADMIN).await.credentials();
    let name = format!("grace@example.com+{ID}");
    let grace = assume(&office, &ada, &name, &[("TempaccessGrant", ID)], true).await.credentials();
    let all = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"*","Resource":"*"}]}"#;
    let put = async |who: &Credentials, role: &str| {
        let parameters =
            [("Action", "PutRolePolicy"), ("RoleName", role), ("PolicyName", "x"), ("PolicyDocument", all)];
        query(&office.sandbox, who, "iam", &parameters).await.status
    };
    // An administrator writes policies on these two, and not on their own role or on others.
    for (role, status) in [("People", 200), ("Granted", 200), ("AccessAdmin", 403), ("ReadOnly", 403)] {
        assert_eq!(put(&ada, role).await, status, "{role}");
    }
    // The role allows everything now, and its boundary and the guard hold.
    let written = s3(&office, &grace, Method::PUT, "/acme-access/grants/x/0001.json", &[("if-none-match", "*")]).await;
    assert_eq!(written.outcome(), (403, "AccessDenied"));
    assert!(reads(&office, &grace, COMBINATION).await);
    for role in ["Granted", "People", "AccessAdmin"] {
        assert_eq!(put(&grace, role).await, 403, "{role}");
    }
    let trust = [("Action", "UpdateAssumeRolePolicy"), ("RoleName", "Granted"), ("PolicyDocument", all)];
    for who in [&ada, &grace] {
        assert_eq!(query(&office.sandbox, who, "iam", &trust).await.outcome(), (403, "AccessDenied"));
    }
}

/// What a role of the template has: its policies, its boundary and its trust policy.
fn role_of(template: &Value, arn: &str) -> Value {
    let named = |kind: &str, arn: &Value| {
        template[kind].as_array().unwrap().iter().find(|part| part["arn"] == *arn).unwrap_or(&Value::Null).clone()
    };
    let role = named("roles", &arn.into());
    let attached = role["attached"].as_array().unwrap().iter();
    let identity: Vec<_> = attached.map(|arn| named("policies", arn)["document"].clone()).collect();
    json!({"identity": identity, "boundary": named("policies", &role["boundary"])["document"], "trust": role["trust"]})
}

/// A call of a session of a role, for a second opinion.
fn call(role: &Value, session: &str, action: &str, resource: &str, context: &[(&str, Value)]) -> Value {
    let mut case = role.clone();
    let (name, person) = session.split_once('/').unwrap();
    let mut all = json!({
        "aws:PrincipalArn": format!("arn:aws:iam::111122223333:role/{name}"),
        "aws:PrincipalAccount": "111122223333",
        "aws:userid": format!("AROAEXAMPLE:{person}"),
        "aws:CurrentTime": "2026-11-25T14:05:00Z",
        "aws:TokenIssueTime": "2026-11-25T14:00:00Z",
        "aws:SourceIp": "203.0.113.7",
        "aws:SecureTransport": "true",
    });
    for (key, value) in context {
        all[key] = value.clone();
    }
    // The trust policy is that of the role that is taken.
    if !action.starts_with("sts:") {
        case["trust"] = Value::Null;
    }
    for (field, value) in [
        ("principal", format!("arn:aws:sts::111122223333:assumed-role/{session}").into()),
        ("action", action.into()),
        ("resource", resource.into()),
        ("context", all),
    ] {
        case[field] = value;
    }
    case
}

/// The tests above ask the sandbox about these calls; a program that we did not write says the same of them.
#[tokio::test]
async fn a_second_opinion_agrees_about_the_template() {
    let template = emitted(&setup());
    let office = Office::of(world(&template));
    let given = grants(&office).permit(&office.ledger_for_grace(10).role("People")).await.unwrap();
    let (name, dated) = office.sandbox.iam().role_policies(PEOPLE).into_iter().next().unwrap();
    assert!(name.ends_with(given.event.id.as_str()));
    let user_id = format!("{}:grace@example.com", given.event.role_id.unwrap());
    let (granted, people, admin) = (role_of(&template, GRANTED), role_of(&template, PEOPLE), role_of(&template, ADMIN));
    let with = |role: &Value, more: Value| {
        let mut role = role.clone();
        role["identity"].as_array_mut().unwrap().push(more);
        role
    };
    let narrow = |role: &Value, session: Value| {
        let mut role = role.clone();
        role["session"] = session;
        role
    };
    let statement = |actions: Value, resources: Value| json!({"Version": "2012-10-17", "Statement": [{"Effect": "Allow", "Action": actions, "Resource": resources}]});
    let ledger =
        statement(json!(["s3:GetObject", "s3:ListBucket"]), json!(["arn:aws:s3:::ledger", "arn:aws:s3:::ledger/*"]));
    let (readme, combination) = ("arn:aws:s3:::ledger/README.txt", "arn:aws:s3:::vault/combination.txt");
    let record = "arn:aws:s3:::acme-access/grants/k7q3m5xw2p4a/0001.json";
    let session = narrow(&granted, ledger);
    let everything = with(&granted, statement("*".into(), "*".into()));
    let permitted = with(&people, serde_json::from_str(&dated).unwrap());
    let (grant, grace, ada) =
        ("Granted/grace@example.com+k7q3m5xw2p4a", "People/grace@example.com", "AccessAdmin/ada@example.com");
    let id: &[_] = &[("aws:userid", user_id.as_str().into())];
    let at = |time: &str| vec![("aws:userid", Value::from(user_id.as_str())), ("aws:CurrentTime", time.into())];
    let mut calls = vec![
        (call(&session, grant, "s3:GetObject", readme, &[]), true),
        (call(&session, grant, "s3:GetObject", combination, &[]), false),
        (call(&everything, grant, "s3:GetObject", combination, &[]), true),
        (call(&everything, grant, "s3:PutObject", record, &[]), false),
        (call(&people, grace, "s3:GetObject", readme, id), false),
        (call(&permitted, grace, "s3:GetObject", readme, id), true),
        (call(&permitted, grace, "s3:GetObject", readme, &at("2026-11-25T13:59:00Z")), false),
        (call(&permitted, grace, "s3:GetObject", readme, &at("2026-11-25T14:10:01Z")), false),
        (call(&permitted, "People/ada@example.com", "s3:GetObject", readme, &[]), false),
        (call(&with(&people, statement("*".into(), "*".into())), grace, "s3:GetObject", combination, &[]), false),
        (call(&admin, ada, "s3:GetObject", record, &[]), true),
        (call(&admin, ada, "s3:PutObject", record, &[("s3:if-none-match", "*".into())]), true),
        (call(&admin, ada, "s3:PutObject", record, &[]), false),
        (call(&admin, ada, "s3:DeleteObject", record, &[]), false),
        (call(&admin, ada, "iam:UpdateAssumeRolePolicy", GRANTED, &[]), false),
    ];
    let (ceiling, most) = ("policy/GrantCeiling", "policy/GrantedAccess");
    let others = "arn:aws:iam::111122223333:role/ReadOnly";
    for (role, boundary, is_allowed) in [
        (PEOPLE, ceiling, true),
        (PEOPLE, "policy/Other", false),
        (GRANTED, most, true),
        (ADMIN, ceiling, false),
        (others, ceiling, false),
    ] {
        let boundary = [("iam:PermissionsBoundary", format!("arn:aws:iam::111122223333:{boundary}").into())];
        calls.push((call(&admin, ada, "iam:PutRolePolicy", role, &boundary), is_allowed));
        calls.push((call(&everything, grant, "iam:PutRolePolicy", role, &boundary), false));
    }
    // Who takes the granted role, and how: the trust policy is its own, the right to ask for it the caller's.
    let asks = |action: &str, who: &Value, session: &str, name: &str, tags: &[(&str, &str)], transitive: &[&str]| {
        let mut who = who.clone();
        who["trust"] = granted["trust"].clone();
        let mut context = vec![("sts:RoleSessionName", Value::from(name))];
        let keys: Vec<_> =
            tags.iter().map(|(key, value)| (format!("aws:RequestTag/{key}"), Value::from(*value))).collect();
        context.extend(keys.iter().map(|(key, value)| (key.as_str(), value.clone())));
        if !tags.is_empty() {
            context.push(("aws:TagKeys", tags.iter().map(|(key, _)| *key).collect::<Vec<_>>().into()));
        }
        if !transitive.is_empty() {
            context.push(("sts:TransitiveTagKeys", transitive.to_vec().into()));
        }
        call(&who, session, action, GRANTED, &context)
    };
    let (name, tag) = (format!("grace@example.com+{ID}"), ("TempaccessGrant", ID));
    let key = &["TempaccessGrant"][..];
    // AWS asks about both actions where a call has tags.
    let (assume, tags) = ("sts:AssumeRole", "sts:TagSession");
    calls.extend([
        (asks(assume, &admin, ada, &name, &[tag], key), true),
        (asks(tags, &admin, ada, &name, &[tag], key), true),
        (asks(assume, &admin, ada, &name, &[], &[]), false),
        (asks(assume, &admin, ada, &name, &[tag], &[]), false),
        (asks(assume, &admin, ada, "grace@example.com", &[tag], key), false),
        (asks(assume, &admin, ada, "grace@example.com+m3t8wq2nd5yk", &[tag], key), false),
        (asks(tags, &admin, ada, &name, &[tag, ("Team", "storage")], key), false),
        (asks(assume, &people, grace, &name, &[tag], key), false),
    ]);
    let cases: Vec<_> = calls.iter().map(|(case, _)| case.clone()).collect();
    let Some(opinions) = second_opinion(&cases) else { return };
    for ((case, is_allowed), opinion) in calls.iter().zip(opinions) {
        assert_eq!(opinion == "Allowed", *is_allowed, "{opinion}: {case:#}");
        assert!(opinion.ends_with("llowed") || opinion.ends_with("Denied"), "{opinion}: {case:#}");
    }
}
