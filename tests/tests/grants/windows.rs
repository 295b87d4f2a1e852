//! Whatever the scope of a policy grant is, it allows nothing outside its window and to nobody else. The judge of the sandbox
//! decides.

use http::Method;
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use tempaccess_core::grants::{PolicyWindow, dated_policy};
use tempaccess_sandbox::Sandbox;
use tempaccess_tests::aws::{Call, Credentials, sign_in};
use tempaccess_tests::office::{Office, PEOPLE};

fn statement() -> impl Strategy<Value = String> {
    let actions = prop_oneof![
        Just(r#""s3:GetObject""#.to_owned()),
        Just(r#"["s3:ListBucket","s3:GetObject"]"#.to_owned()),
        Just(r#""s3:*""#.to_owned()),
        Just(r#""*""#.to_owned()),
    ];
    let resources = prop_oneof![
        Just(r#""*""#.to_owned()),
        Just(r#"["arn:aws:s3:::ledger","arn:aws:s3:::ledger/*"]"#.to_owned()),
        Just(r#""arn:aws:s3:::vault/*""#.to_owned()),
    ];
    let conditions = prop_oneof![
        Just(String::new()),
        Just(r#","Condition":{"StringLike":{"s3:prefix":"*"}}"#.to_owned()),
        Just(r#","Condition":{"StringEquals":{"aws:PrincipalAccount":"111122223333"}}"#.to_owned()),
        Just(r#","Condition":{"DateGreaterThan":{"aws:CurrentTime":"2020-01-01T00:00:00Z"}}"#.to_owned()),
        Just(
            r#","Condition":{"StringNotEquals":{"aws:userid":"nobody"},"IpAddress":{"aws:SourceIp":"0.0.0.0/0"}}"#
                .to_owned()
        ),
    ];
    let effects = prop_oneof![3 => Just("Allow"), 1 => Just("Deny")];
    (effects, actions, resources, conditions).prop_map(|(effect, action, resource, condition)| {
        format!(r#"{{"Effect":"{effect}","Action":{action},"Resource":{resource}{condition}}}"#)
    })
}

async fn status(sandbox: &Sandbox, keys: &Credentials) -> u16 {
    let path = "/ledger/README.txt";
    let call = Call { service: "s3", method: Method::GET, path, query: &[], headers: &[] };
    call.send(sandbox, keys, b"").await.status
}

#[test]
fn a_dated_policy_allows_nothing_outside_its_window() {
    let office = Office::open();
    let sandbox = &office.sandbox;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let (grace, ada) = runtime.block_on(async {
        let keys = async |login: &str| sign_in(sandbox, login, PEOPLE).await.credentials();
        (keys("grace@example.com").await, keys("ada@example.com").await)
    });
    let id = "k7q3m5xw2p4a".parse().unwrap();
    let (from, until) = ("2026-11-25T14:10:00Z".parse().unwrap(), "2026-11-25T14:20:00Z".parse().unwrap());
    let allowed = std::cell::Cell::new(0);
    let config = Config { cases: 64, failure_persistence: None, ..Config::default() };
    TestRunner::new(config)
        .run(&prop::collection::vec(statement(), 1..4), |statements| {
            let policy = format!(r#"{{"Version":"2012-10-17","Statement":[{}]}}"#, statements.join(","));
            let window = PolicyWindow::new(grace.role_id.clone(), from, until);
            let dated = dated_policy(&id, &policy.parse().unwrap(), &window).unwrap();
            sandbox.iam().put_role_policy(PEOPLE, "tempaccess-grant-k7q3m5xw2p4a", &dated);
            let at = |time: &str| {
                sandbox.clock().stop_at(format!("2026-11-25T14:{time}Z").parse().unwrap());
                runtime.block_on(async { (status(sandbox, &grace).await, status(sandbox, &ada).await) })
            };
            prop_assert_eq!(at("09:59"), (403, 403), "before: {}", dated);
            let (inside, other) = at("10:00");
            prop_assert_eq!(other, 403, "somebody else: {}", dated);
            prop_assert_eq!(at("19:59").0, inside, "at the end: {}", dated);
            prop_assert_eq!(at("20:00"), (403, 403), "after: {}", dated);
            allowed.set(allowed.get() + usize::from(inside == 200));
            Ok(())
        })
        .unwrap();
    assert!(allowed.get() > 5, "{} of 64 policies allowed anything", allowed.get());
}
