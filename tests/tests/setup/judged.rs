//! Accounts that `tempaccess setup` describes: in a sandbox that is built from the template, grants work and everything else is
//! refused.

use std::sync::Arc;

use http::Method;
use tempaccess_core::ErrorKind;
use tempaccess_core::grants::{GrantSpec, Grants};
use tempaccess_core::records::ObjectRecords;
use tempaccess_core::seal::KeyFileSigner;
use tempaccess_core::source::NoPrompter;
use tempaccess_tests::account::{PROVIDER, emitted, setup, world};
use tempaccess_tests::aws::{Answer, Call, Credentials, query, sign_in};
use tempaccess_tests::office::{ADMIN, GRANTED, Office, PEOPLE};

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
    assert!(!reads(&office, &grace, "/acme-access/grants/x").await);
    assert!(reads(&office, &grace, COMBINATION).await);
    for role in ["Granted", "People", "AccessAdmin"] {
        assert_eq!(put(&grace, role).await, 403, "{role}");
    }
    let trust = [("Action", "UpdateAssumeRolePolicy"), ("RoleName", "Granted"), ("PolicyDocument", all)];
    for who in [&ada, &grace] {
        assert_eq!(query(&office.sandbox, who, "iam", &trust).await.outcome(), (403, "AccessDenied"));
    }
}
