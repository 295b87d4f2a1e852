//! `audit query --run`: queries that an engine of AWS runs. moto speaks for CloudWatch Logs and Athena; it has no CloudTrail Lake,
//! whose documented answers are recorded here.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempaccess_core::ErrorKind;
use tempaccess_core::net::{HttpTransport, Transport, TransportError};
use tempaccess_core::sts::SessionCredentials;
use tempaccess_core::trail::{QueryEngine, QueryRunner, QueryRunnerBuilder, TrailQuery};
use tempaccess_tests::ada::{demo, json, login};
use tempaccess_tests::moto::{self, moto};

const SESSION: &str = "grace@example.com+k7q3m5xw2p4a";

fn query() -> TrailQuery {
    let now = Timestamp::now();
    let mut query = TrailQuery::default();
    query.people = vec!["grace@example.com".to_owned()];
    query.from = now.checked_sub(SignedDuration::from_hours(1)).ok();
    query
}

fn keys() -> SessionCredentials {
    moto::keys()
}

fn runner() -> QueryRunnerBuilder {
    QueryRunner::builder().interval(Duration::ZERO)
}

/// An event of CloudTrail.
fn record(session: &str, name: &str) -> Value {
    serde_json::json!({
        "eventTime": Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string(),
        "eventID": format!("{session}-{name}"),
        "eventSource": "s3.amazonaws.com",
        "eventName": name,
        "userIdentity": { "arn": format!("arn:aws:sts::111122223333:assumed-role/Granted/{session}") },
    })
}

#[tokio::test]
async fn logs_insights_has_the_events_of_a_log_group() {
    let Some((_server, url)) = moto() else { return };
    let logs = async |operation: &str, body: Value| {
        moto::json(&url, "logs", &format!("Logs_20140328.{operation}"), body).await;
    };
    logs("CreateLogGroup", serde_json::json!({ "logGroupName": "trail" })).await;
    logs("CreateLogStream", serde_json::json!({ "logGroupName": "trail", "logStreamName": "1" })).await;
    let at = Timestamp::now().as_millisecond();
    let line = |record: Value| serde_json::json!({ "timestamp": at, "message": record.to_string() });
    let lines = [record(SESSION, "GetObject"), record("grace@example.com", "ListObjects"), record("eve", "GetObject")];
    let events = serde_json::json!({ "logGroupName": "trail", "logStreamName": "1", "logEvents": lines.map(line) });
    logs("PutLogEvents", events).await;
    let runner = runner().logs_endpoint_url(Some(url.clone())).build().unwrap();
    let engine = QueryEngine::LogsInsights("trail".to_owned());
    let events = runner.events(&keys(), "us-east-1", &engine, &query()).await.unwrap();
    let mut names: Vec<_> = events.iter().map(|event| event.name.as_str()).collect();
    names.sort_unstable();
    assert_eq!(names, ["GetObject", "ListObjects"]);
    let missing = QueryEngine::LogsInsights("nothing".to_owned());
    let error = runner.events(&keys(), "us-east-1", &missing, &query()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::IamRefused, "{error}");
    assert!(error.message().contains("ResourceNotFoundException"), "{error}");
}

#[tokio::test]
async fn athena_has_the_events_of_a_table() {
    let Some((_server, url)) = moto() else { return };
    let cells = |cells: &[&str]| serde_json::json!({ "Data": cells.iter().map(|cell| serde_json::json!({ "VarCharValue": cell })).collect::<Vec<_>>() });
    let at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let arn = format!("arn:aws:sts::111122223333:assumed-role/Granted/{SESSION}");
    let rows = [
        cells(&["eventtime", "eventid", "eventsource", "eventname", "arn", "errorcode"]),
        cells(&[&at, "1", "s3.amazonaws.com", "GetObject", &arn, "AccessDenied"]),
        cells(&[&at, "2", "s3.amazonaws.com", "GetObject", "arn:aws:iam::111122223333:user/eve", ""]),
    ];
    let results = serde_json::json!({ "results": [{ "rows": rows, "column_info": [] }] });
    moto::post(&url, "/moto-api/static/athena/query-results", &results).await;
    let runner =
        runner().athena_endpoint_url(Some(url.clone())).results(Some("s3://results/".to_owned())).build().unwrap();
    let engine = QueryEngine::Athena("trail".to_owned());
    let events = runner.events(&keys(), "us-east-1", &engine, &query()).await.unwrap();
    assert_eq!(events.len(), 1, "{events:?}");
    assert!(events[0].is_denied() && events[0].grant_of_session().is_some_and(|id| id.as_str() == "k7q3m5xw2p4a"));
    // The query that ran is the one that is printed.
    let ran = moto::json(&url, "athena", "AmazonAthena.ListQueryExecutions", serde_json::json!({})).await;
    let id = &ran["QueryExecutionIds"][0];
    let ran =
        moto::json(&url, "athena", "AmazonAthena.GetQueryExecution", serde_json::json!({ "QueryExecutionId": id }))
            .await;
    let asked = ran["QueryExecution"]["Query"].as_str().unwrap();
    assert!(asked.contains("LIKE '%:assumed-role/%/grace@example.com+%'"), "{asked}");
    assert_eq!(
        ran["QueryExecution"]["ResultConfiguration"]["OutputLocation"]
            .as_str()
            .map(|at| at.starts_with("s3://results/")),
        Some(true)
    );
}

/// Gives recorded answers, and keeps what was asked.
#[derive(Debug, Clone, Default)]
struct Recorded {
    answers: Arc<Mutex<VecDeque<(u16, Value)>>>,
    asked: Arc<Mutex<Vec<(String, Value)>>>,
}

impl Recorded {
    fn of(answers: impl IntoIterator<Item = (u16, Value)>) -> Self {
        Self { answers: Arc::new(Mutex::new(answers.into_iter().collect())), ..Self::default() }
    }
}

#[async_trait]
impl Transport for Recorded {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        let target = request.headers()["x-amz-target"].to_str().unwrap().rsplit('.').next().unwrap().to_owned();
        self.asked.lock().unwrap().push((target, serde_json::from_slice(request.body()).unwrap()));
        let (status, body) = self.answers.lock().unwrap().pop_front().expect("another answer");
        Ok(http::Response::builder().status(status).body(body.to_string().into_bytes()).unwrap())
    }
}

#[tokio::test]
async fn lake_has_the_events_of_a_data_store() {
    let arn = format!("arn:aws:sts::111122223333:assumed-role/Granted/{SESSION}");
    let at = Timestamp::now().strftime("%Y-%m-%d %H:%M:%S.000").to_string();
    let row = |id: &str| serde_json::json!([{ "eventTime": at }, { "eventID": id }, { "eventName": "GetObject" }, { "arn": arn }]);
    let recorded = Recorded::of([
        (200, serde_json::json!({ "QueryId": "q-1" })),
        (400, serde_json::json!({ "__type": "ThrottlingException", "message": "Rate exceeded" })),
        (200, serde_json::json!({ "QueryStatus": "RUNNING" })),
        (200, serde_json::json!({ "QueryStatus": "FINISHED", "QueryResultRows": [row("1")], "NextToken": "next" })),
        (200, serde_json::json!({ "QueryStatus": "FINISHED", "QueryResultRows": [row("2")] })),
    ]);
    let engine = QueryEngine::Lake("store".to_owned());
    let runner = runner().transport(Arc::new(recorded.clone())).build().unwrap();
    let events = runner.events(&keys(), "us-east-1", &engine, &query()).await.unwrap();
    assert_eq!(events.iter().map(|event| event.id.as_str()).collect::<Vec<_>>(), ["1", "2"]);
    let asked = recorded.asked.lock().unwrap().clone();
    assert_eq!(asked[0].0, "StartQuery");
    assert!(asked[0].1["QueryStatement"].as_str().unwrap().contains("FROM store"), "{asked:?}");
    assert_eq!(
        (&asked[4].1["QueryId"], &asked[4].1["NextToken"]),
        (&serde_json::json!("q-1"), &serde_json::json!("next"))
    );
}

#[tokio::test]
async fn a_query_that_fails_says_why() {
    let engine = QueryEngine::Lake("store".to_owned());
    let failed = |answers: Vec<(u16, Value)>| async {
        let runner = runner().transport(Arc::new(Recorded::of(answers))).build().unwrap();
        runner.events(&keys(), "us-east-1", &engine, &query()).await.unwrap_err()
    };
    let error = failed(vec![
        (200, serde_json::json!({ "QueryId": "q-1" })),
        (200, serde_json::json!({ "QueryStatus": "FAILED", "ErrorMessage": "no such store" })),
    ]);
    let error = error.await;
    assert_eq!(error.message(), "AWS CloudTrail could not run the query: no such store");
    let error =
        failed(vec![(400, serde_json::json!({ "__type": "AccessDeniedException", "message": "not authorized" }))])
            .await;
    assert_eq!(error.kind(), ErrorKind::IamRefused);
    assert_eq!(error.hint(), Some("the role that you signed in with needs `cloudtrail:StartQuery`"));
    let error =
        failed(vec![(200, serde_json::json!({ "QueryId": "q-1" })), (200, serde_json::json!({ "Something": "else" }))])
            .await;
    assert_eq!(error.kind(), ErrorKind::IamUnavailable, "{error}");
}

#[tokio::test]
async fn a_period_with_too_many_lines_is_halved() {
    let line = |name: &str| serde_json::json!([{ "field": "@message", "value": record(SESSION, name).to_string() }, { "field": "@ptr", "value": "x" }]);
    let full: Vec<_> = (0..10_000).map(|_| line("GetObject")).collect();
    let answer = |rows: Vec<Value>| (200, serde_json::json!({ "status": "Complete", "results": rows }));
    let started = |id: &str| (200, serde_json::json!({ "queryId": id }));
    let recorded = Recorded::of([
        started("1"),
        answer(full),
        started("2"),
        answer(vec![line("GetObject")]),
        started("3"),
        answer(vec![line("PutObject"), line("GetObject")]),
    ]);
    let runner = runner().transport(Arc::new(recorded.clone())).build().unwrap();
    let engine = QueryEngine::LogsInsights("arn:aws:logs:us-east-1:111122223333:log-group:trail".to_owned());
    let events = runner.events(&keys(), "us-east-1", &engine, &query()).await.unwrap();
    // An event of both halves is one event.
    assert_eq!(events.len(), 2, "{events:?}");
    let asked = recorded.asked.lock().unwrap().clone();
    let period = |body: &Value| (body["startTime"].as_i64().unwrap(), body["endTime"].as_i64().unwrap());
    let (whole, later, earlier) = (period(&asked[0].1), period(&asked[2].1), period(&asked[4].1));
    assert_eq!((earlier.0, later.1), whole);
    assert_eq!(earlier.1, later.0);
    assert!(asked[0].1["logGroupIdentifiers"][0].as_str().unwrap().starts_with("arn:"), "{asked:?}");
}

#[tokio::test]
async fn a_query_that_never_ends_is_given_up() {
    #[derive(Debug)]
    struct Forever;
    #[async_trait]
    impl Transport for Forever {
        async fn send(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
            Ok(http::Response::new(
                serde_json::json!({ "QueryId": "q-1", "QueryStatus": "RUNNING" }).to_string().into_bytes(),
            ))
        }
    }
    let runner = runner().transport(Arc::new(Forever)).timeout(Duration::from_millis(1)).build().unwrap();
    let engine = QueryEngine::Lake("store".to_owned());
    let error = runner.events(&keys(), "us-east-1", &engine, &query()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded, "{error}");
    let insecure = QueryRunner::builder().logs_endpoint_url(Some("http://logs.example.com".to_owned()));
    assert_eq!(
        insecure.transport(Arc::new(HttpTransport::default())).build().unwrap_err().kind(),
        ErrorKind::InvalidArgument
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_runs_the_query_that_it_prints() {
    let Some((_server, url)) = moto() else { return };
    let (_sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    machine.set("AWS_ENDPOINT_URL_ATHENA", &url);
    machine.set("AWS_REGION", "eu-west-1");
    let query = "audit query --to grace@example.com --athena trail";
    let printed = machine.run(query);
    assert_eq!(printed.code, 0, "{printed}");
    assert!(printed.stderr.contains("or here with `--run`"), "{printed}");
    let at = Timestamp::now().strftime("%Y-%m-%dT%H:%M:%SZ").to_string();
    let cells =
        |cells: [&str; 4]| serde_json::json!({ "Data": cells.map(|cell| serde_json::json!({ "VarCharValue": cell })) });
    let arn = format!("arn:aws:sts::111122223333:assumed-role/Granted/{SESSION}");
    let rows = [cells(["eventtime", "eventid", "eventname", "arn"]), cells([&at, "1", "GetObject", &arn])];
    let results = serde_json::json!({ "region": "eu-west-1", "results": [{ "rows": rows, "column_info": [] }] });
    moto::post(&url, "/moto-api/static/athena/query-results", &results).await;
    let ran = machine.run(&format!("{query} --run --results s3://results/ --output json"));
    assert_eq!(ran.code, 0, "{ran}");
    let answer = json(&ran);
    assert_eq!(answer["events"][0]["name"], "GetObject", "{ran}");
    assert_eq!(answer["calls"]["k7q3m5xw2p4a"], serde_json::json!({ ":GetObject": 1 }), "{ran}");
}
