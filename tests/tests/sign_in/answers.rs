//! What STS answers, and what answers in its place, is judged before anything of it is stored, printed or used.

use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use tempaccess_core::audit::AuditFile;
use tempaccess_core::net::{Transport, TransportError};
use tempaccess_core::store::{MemoryStore, Store};
use tempaccess_core::{
    Error, ErrorKind, Fault, Result, RoleQuery, Stage, StsExchange, TempAccess, TokenExchange,
    console::Console,
    sts::{ChainedRole, ExchangeRequest, SessionCredentials, StsAnswer},
};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::canned::{self, Answer};
use tempaccess_tests::cli::Machine;
use tempaccess_tests::minted::Minted;

const ADA: &str = "ada@example.com";

fn sandbox() -> Sandbox {
    Sandbox::start(World::demo()).unwrap()
}

fn minted(sandbox: &Sandbox) -> Minted {
    Minted::by(sandbox, ADA, |_| {})
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

/// Something that answers in STS's place: to AssumeRoleWithSAML with the first answer, to AssumeRole with the second.
#[derive(Debug)]
struct Canned([Option<Answer>; 2]);

#[async_trait::async_trait]
impl Transport for Canned {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        let is_chained = request.headers().contains_key("authorization");
        let answer = self.0[usize::from(is_chained)].as_ref().expect("an answer to this call");
        let mut response = http::Response::builder();
        if let Some(date) = &answer.date {
            response = response.header("date", date);
        }
        let action = if is_chained { "AssumeRole" } else { "AssumeRoleWithSAML" };
        Ok(response.body(answer.xml(action).into_bytes()).unwrap())
    }
}

async fn refused_answer(first: Answer, second: Option<Answer>) -> Error {
    let sandbox = sandbox();
    let chain = second.is_some();
    let sts = StsExchange::builder().transport(Arc::new(Canned([Some(first), second]))).build().unwrap();
    let log = tempfile::tempdir().unwrap();
    let audit = Arc::new(AuditFile::new(log.path().join("audit.jsonl")));
    let store = Arc::new(MemoryStore::new());
    let builder = TempAccess::builder(minted(&sandbox), sts).role(RoleQuery::new().role("1"));
    let builder = builder.store(store.clone()).audit(audit);
    let access = if chain { builder.chained_role(ChainedRole::new(DEPLOY.parse().unwrap())) } else { builder }.build();
    let error = access.credentials().await.unwrap_err();
    assert_eq!((error.stage(), error.fault()), (Stage::Exchange, Fault::Aws), "{error}");
    assert_eq!(error.kind(), ErrorKind::StsUnavailable, "{error}");
    assert!(!error.message().contains('\n') && !error.message().contains('\0'));
    // Neither is the refused answer stored, nor does the record hold any of it.
    let roles: Vec<_> =
        store.list().unwrap().iter().filter_map(|(_, about)| about.role_arn().map(str::to_owned)).collect();
    assert!(roles.iter().all(|role| chain && role != DEPLOY), "{roles:?}");
    let records = std::fs::read_to_string(log.path().join("audit.jsonl")).unwrap();
    let last: serde_json::Value = serde_json::from_str(records.lines().last().unwrap()).unwrap();
    assert_eq!((last["outcome"].as_str(), &last["access_key_id"]), (Some("failed"), &serde_json::Value::Null));
    error
}

const DEPLOY: &str = "arn:aws:iam::444455556666:role/Deploy";

#[tokio::test]
async fn an_incomplete_answer_is_refused() {
    let without = |part: &str| Answer { without: Some(part.to_owned()), ..Answer::good() };
    for (part, what) in [
        ("Credentials", "credentials"),
        ("AccessKeyId", "credentials"),
        ("SecretAccessKey", "credentials"),
        ("SessionToken", "credentials"),
        ("AssumedRoleUser", "principal"),
    ] {
        let error = refused_answer(without(part), None).await;
        assert_eq!(error.to_string(), format!("the answer of AWS STS has no {what}"), "{part}");
    }
}

/// Changes of an answer that make it refused.
fn hostile() -> Vec<Answer> {
    let good = Answer::good;
    let mut answers = Vec::new();
    for hostile in ["\u{2019}", "'; touch x; '", "a&#10;b", "a&#x7f;b", "a b", "a\"b", "$(id)", "a%b", "é"] {
        answers.push(Answer { id: format!("ASIAIOSFODNN7EXAMPLE{hostile}"), ..good() });
        answers.push(Answer { secret: format!("secret{hostile}"), ..good() });
        answers.push(Answer { token: format!("{hostile}token"), ..good() });
    }
    answers.push(Answer { id: "A".repeat(129), ..good() });
    answers.push(Answer { id: "ASIA".to_owned(), ..good() });
    answers.push(Answer { secret: "s".repeat(257), ..good() });
    answers.push(Answer { token: "t".repeat(16_385), ..good() });
    answers
}

#[tokio::test]
async fn keys_that_could_act_in_a_shell_or_a_file_are_refused() {
    for answer in hostile() {
        let error = refused_answer(answer, None).await;
        assert!(error.message().starts_with("the answer of AWS STS is not usable: its "), "{error}");
        assert!(error.hint().unwrap().contains("check what answers at the STS endpoint"));
    }
}

#[tokio::test]
async fn a_session_that_nobody_asked_for_is_refused() {
    let principal = |principal: &str| Answer { principal: principal.to_owned(), ..Answer::good() };
    for answer in [
        principal("arn:aws:sts::999999999999:assumed-role/ReadOnly/ada@example.com"),
        principal("arn:aws:sts::111122223333:assumed-role/Admin/ada@example.com"),
        principal("arn:aws:sts::111122223333:assumed-role/ReadOnly/bob@example.com"),
        principal("arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com&#10;x"),
        principal("arn:aws:sts::111122223333:federated-user/ada@example.com"),
        principal(""),
        Answer { role_id: "AROA1:bob@example.com".to_owned(), ..Answer::good() },
        Answer { source_identity: Some("mallory".to_owned()), ..Answer::good() },
    ] {
        let error = refused_answer(answer, None).await;
        assert!(error.message().starts_with("AWS STS answered for another "), "{error}");
    }
}

#[tokio::test]
async fn an_answer_for_a_chained_role_is_judged_as_well() {
    let chained = || Answer {
        principal: "arn:aws:sts::444455556666:assumed-role/Deploy/ada@example.com".to_owned(),
        ..Answer::good()
    };
    for hostile in hostile() {
        refused_answer(Answer::good(), Some(Answer { principal: chained().principal, ..hostile })).await;
    }
    let past = Some(Timestamp::now() - minutes(1));
    for answer in [
        Answer::good(),
        Answer { principal: chained().principal.replace("Deploy", "Admin"), ..chained() },
        Answer { principal: chained().principal.replace("ada@", "bob@"), ..chained() },
        Answer { role_id: "AROA1:bob@example.com".to_owned(), ..chained() },
        Answer { expiration: past, ..chained() },
    ] {
        refused_answer(Answer::good(), Some(answer)).await;
    }
}

#[tokio::test]
async fn what_has_expired_is_refused_with_and_without_a_date() {
    for ago in [0, 1, 60 * 24 * 365] {
        let now = Timestamp::now();
        for date in [None, Some(now)] {
            let expiration = Some(now - minutes(ago));
            let date = date.map(|date| date.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string());
            let error = refused_answer(Answer { expiration, date, ..Answer::good() }, None).await;
            assert!(error.message().starts_with("AWS STS answered with credentials that expired at "), "{error}");
        }
    }
}

#[tokio::test]
async fn more_time_than_asked_is_remarked_on_and_not_used() {
    for (more, excess) in [(minutes(0), None), (minutes(60), Some(3_600)), (minutes(60 * 24 * 365), Some(31_536_000))] {
        let sandbox = sandbox();
        let expiration = Some(Timestamp::now() + minutes(60) + more);
        let canned = Canned([Some(Answer { expiration, ..Answer::good() }), None]);
        let sts = StsExchange::builder().transport(Arc::new(canned)).build().unwrap();
        let access = TempAccess::builder(minted(&sandbox), sts).role(RoleQuery::new().role("1")).build();
        let issued = access.credentials().await.unwrap();
        let near = |seconds: i64, wanted: i64| (seconds - wanted).abs() <= 5;
        assert!(near(issued.granted_seconds.into(), 3_600), "{}", issued.granted_seconds);
        let seconds = issued.excess_seconds.map(i64::from);
        assert!(
            excess.is_none() == seconds.is_none() && near(seconds.unwrap_or(0), excess.unwrap_or(0)),
            "{seconds:?}"
        );
        let left = issued.answer.credentials.expiration.duration_since(Timestamp::now()).as_secs();
        assert!(near(left, 3_600), "{left}");
    }
}

/// An exchange of an embedder's own.
#[derive(Debug)]
struct Broker(fn(&mut StsAnswer));

#[async_trait::async_trait]
impl TokenExchange for Broker {
    async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer> {
        let end = Timestamp::now() + SignedDuration::from_secs(request.duration.seconds().into());
        let role = request.offer.role().clone();
        let credentials = SessionCredentials::new("ASIAIOSFODNN7EXAMPLE", "secret".into(), "token".into(), end, role);
        let mut answer = StsAnswer::new(credentials);
        (self.0)(&mut answer);
        Ok(answer)
    }
}

#[tokio::test]
async fn an_exchange_of_ones_own_is_judged_as_well() {
    let changes: [fn(&mut StsAnswer); 7] = [
        |answer| answer.credentials.access_key_id.push('\n'),
        |answer| answer.credentials.secret_access_key = "'".into(),
        |answer| answer.credentials.session_token = "".into(),
        |answer| answer.credentials.role = DEPLOY.parse().unwrap(),
        |answer| answer.credentials.region = Some("eu-west-1\n[default]".to_owned()),
        |answer| answer.credentials.expiration = Timestamp::now(),
        |answer| answer.assumed_role_arn = Some(DEPLOY.to_owned()),
    ];
    let sandbox = sandbox();
    let with = async |change: fn(&mut StsAnswer)| {
        let broker = Broker(change);
        TempAccess::builder(minted(&sandbox), broker).role(RoleQuery::new().role("1")).build().credentials().await
    };
    with(|_| {}).await.unwrap();
    for (at, change) in changes.into_iter().enumerate() {
        let error = with(change).await.unwrap_err();
        assert_eq!((error.kind(), error.stage()), (ErrorKind::StsUnavailable, Stage::Exchange), "{at}: {error}");
    }
}

/// A federation endpoint that answers with this token.
#[derive(Debug)]
struct Federation(String);

#[async_trait::async_trait]
impl Transport for Federation {
    async fn send(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        Ok(http::Response::new(serde_json::json!({ "SigninToken": self.0 }).to_string().into_bytes()))
    }
}

#[tokio::test]
async fn a_sign_in_token_that_cannot_be_one_is_refused() {
    let sandbox = sandbox();
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).build().unwrap();
    let access = TempAccess::builder(minted(&sandbox), sts).role(RoleQuery::new().role("1")).build();
    let issued = access.credentials().await.unwrap();
    let with = async |token: &str| Console::new().sign_in_url(&Federation(token.to_owned()), &issued).await;
    assert!(with("VCQgs5qZZt3Q6fn8Tr5EXAMPLEmLnwB7JjUc-SHwnUU_").await.is_ok());
    for token in ["", "a b", "a\nb", "a\u{2019}", "a&b", &"t".repeat(16_385)] {
        let error = with(token).await.unwrap_err();
        assert_eq!((error.kind(), error.stage()), (ErrorKind::StsUnavailable, Stage::Output), "{token:?}");
    }
}

#[test]
fn nothing_of_a_hostile_answer_is_printed_or_stored() {
    let sandbox = sandbox();
    let hostile = Answer { secret: "s3cret\u{2019}; touch /tmp/x".to_owned(), ..Answer::good() };
    let mut machine = Machine::at(&sandbox);
    machine.set("AWS_ENDPOINT_URL_STS", canned::serve(move || hostile.xml("AssumeRoleWithSAML")));
    let response = sandbox.mint(&sandbox.claims_of(ADA).unwrap()).unwrap();
    for output in ["env", "json", "credential-process"] {
        let line = format!("credentials --source - --role 1 --output {output}");
        let ran = machine.run_with(&line, &response);
        assert_eq!((ran.code, ran.stdout.as_str()), (50, ""), "{ran}");
        assert!(ran.stderr.contains("its secret access key has") && !ran.stderr.contains("s3cret"), "{ran}");
    }
    assert!(machine.entries().is_empty());
}
