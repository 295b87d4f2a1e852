//! Runs a query in the engine that has the events, and waits for its answer.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::json;
use sha2::{Digest, Sha256};

use super::aws_json::{Connection, Service};
use super::engine::{MAX_ROWS, logs_insights};
use super::event::put_in_order;
use super::lookup::CLOUDTRAIL;
use super::{QueryEngine, TrailEvent, TrailQuery, query_text};
use crate::clock::Clock;
use crate::credentials::SessionCredentials;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::Transport;
use crate::text::excerpt;

const LOGS: Service = Service { title: "CloudWatch Logs", name: "logs", target: "Logs_20140328" };
const ATHENA: Service = Service { title: "Athena", name: "athena", target: "AmazonAthena" };

/// How often the state of a query is asked for.
const INTERVAL: Duration = Duration::from_secs(1);
/// How long a query may take.
const TIMEOUT: Duration = Duration::from_mins(10);
/// How much later than its event a log line can be dated.
const DELIVERY: SignedDuration = SignedDuration::from_hours(1);

/// Runs queries in CloudWatch Logs Insights, Athena and CloudTrail Lake.
#[derive(Debug)]
pub struct QueryRunner {
    settings: QueryRunnerBuilder,
}

/// Builds a [`QueryRunner`].
#[derive(Debug, Clone)]
pub struct QueryRunnerBuilder {
    connection: Connection,
    logs_endpoint_url: Option<String>,
    athena_endpoint_url: Option<String>,
    cloudtrail_endpoint_url: Option<String>,
    workgroup: Option<String>,
    results: Option<String>,
    interval: Duration,
    timeout: Duration,
}

impl QueryRunnerBuilder {
    /// Sets the URL of the endpoint of CloudWatch Logs (`http` on loopback only).
    #[must_use]
    pub fn logs_endpoint_url(mut self, url: Option<String>) -> Self {
        self.logs_endpoint_url = url;
        self
    }

    /// Sets the URL of the endpoint of Athena.
    #[must_use]
    pub fn athena_endpoint_url(mut self, url: Option<String>) -> Self {
        self.athena_endpoint_url = url;
        self
    }

    /// Sets the URL of the endpoint of CloudTrail, which runs the queries of Lake.
    #[must_use]
    pub fn cloudtrail_endpoint_url(mut self, url: Option<String>) -> Self {
        self.cloudtrail_endpoint_url = url;
        self
    }

    /// Sets the workgroup of Athena. Default: that of the account, `primary`.
    #[must_use]
    pub fn workgroup(mut self, name: Option<String>) -> Self {
        self.workgroup = name;
        self
    }

    /// Sets where Athena stores results: `s3://BUCKET/PREFIX`. Default: as the workgroup says.
    #[must_use]
    pub fn results(mut self, place: Option<String>) -> Self {
        self.results = place;
        self
    }

    /// Sets the transport.
    #[must_use]
    pub fn transport(mut self, transport: Arc<dyn Transport>) -> Self {
        self.connection.transport = transport;
        self
    }

    /// Sets the clock that requests are dated with.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.connection.clock = clock;
        self
    }

    /// Sets how often the state of a query is asked for. Default: every second.
    #[must_use]
    pub fn interval(mut self, interval: Duration) -> Self {
        self.interval = interval;
        self.connection.pause = interval;
        self
    }

    /// Sets how long a query may take. Default: ten minutes.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.timeout = timeout;
        self
    }

    /// Builds the runner.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if an endpoint is not an `https` URL.
    pub fn build(self) -> Result<QueryRunner> {
        LOGS.check_endpoint(self.logs_endpoint_url.as_deref())?;
        ATHENA.check_endpoint(self.athena_endpoint_url.as_deref())?;
        CLOUDTRAIL.check_endpoint(self.cloudtrail_endpoint_url.as_deref())?;
        Ok(QueryRunner { settings: self })
    }
}

/// The state of a query, as an engine names it.
enum State {
    Running,
    Done,
    Failed(String),
}

impl State {
    fn of(name: &str, reason: Option<String>) -> Self {
        match name.to_ascii_uppercase().as_str() {
            "SCHEDULED" | "QUEUED" | "RUNNING" | "UNKNOWN" => Self::Running,
            "COMPLETE" | "SUCCEEDED" | "FINISHED" => Self::Done,
            _ => Self::Failed(reason.unwrap_or_else(|| format!("its state is {}", excerpt(name)))),
        }
    }
}

type Row = BTreeMap<String, String>;

impl QueryRunner {
    /// Returns a builder.
    pub fn builder() -> QueryRunnerBuilder {
        QueryRunnerBuilder {
            connection: Connection::default(),
            logs_endpoint_url: None,
            athena_endpoint_url: None,
            cloudtrail_endpoint_url: None,
            workgroup: None,
            results: None,
            interval: INTERVAL,
            timeout: TIMEOUT,
        }
    }

    /// Runs a query in one region, and returns the events that fit, oldest first, each once.
    ///
    /// # Errors
    ///
    /// `iam_refused` if AWS refuses or fails the query, `invalid_argument` if too many events fit, `deadline_exceeded`,
    /// `iam_unavailable`, `network`.
    pub async fn events(
        &self,
        credentials: &SessionCredentials,
        region: &str,
        engine: &QueryEngine,
        query: &TrailQuery,
    ) -> Result<Vec<TrailEvent>> {
        let run = Run { settings: &self.settings, credentials, region };
        let rows = async {
            match engine {
                QueryEngine::LogsInsights(group) => run.logs(group, query).await,
                QueryEngine::Athena(_) => run.athena(&query_text(query, engine)).await,
                QueryEngine::Lake(_) => run.lake(&query_text(query, engine)).await,
            }
        };
        let mut events = tokio::time::timeout(self.settings.timeout, rows).await.unwrap_or_else(|_| {
            let message = format!("the query did not end within {} s", self.settings.timeout.as_secs());
            Err(Error::new(ErrorKind::DeadlineExceeded, Stage::Grant, message)
                .with_hint("it may still run: see the console of AWS; a shorter period takes less time"))
        })?;
        events.retain(|event| query.fits(event));
        put_in_order(&mut events);
        Ok(events)
    }
}

/// One query that runs.
struct Run<'a> {
    settings: &'a QueryRunnerBuilder,
    credentials: &'a SessionCredentials,
    region: &'a str,
}

impl Run<'_> {
    async fn call<A: serde::de::DeserializeOwned>(
        &self,
        service: &Service,
        operation: &str,
        body: &serde_json::Value,
    ) -> Result<A> {
        let settings = self.settings;
        let endpoint_url = match service.name {
            "logs" => &settings.logs_endpoint_url,
            "athena" => &settings.athena_endpoint_url,
            _ => &settings.cloudtrail_endpoint_url,
        };
        let place = (self.region, endpoint_url.as_deref());
        service.call(&settings.connection, self.credentials, place, operation, body).await
    }

    /// Logs Insights (StartQuery, GetQueryResults; CloudWatch Logs API reference). A period with more lines than it returns is
    /// halved.
    async fn logs(&self, group: &str, query: &TrailQuery) -> Result<Vec<TrailEvent>> {
        let text = logs_insights(query, "@message");
        let now = self.settings.connection.clock.now();
        let from = query.from.unwrap_or(Timestamp::UNIX_EPOCH).as_second();
        let until = query.until.map_or(now, |until| until.checked_add(DELIVERY).unwrap_or(until).min(now));
        // The second that has begun counts.
        let until = until.as_second() + 1;
        let mut events = Vec::new();
        let mut periods = vec![(from, until)];
        while let Some((from, until)) = periods.pop() {
            let lines = self.log_lines(group, &text, from, until).await?;
            if lines.len() >= MAX_ROWS {
                let middle = from.midpoint(until);
                if middle == from {
                    return Err(too_many());
                }
                periods.extend([(from, middle), (middle, until)]);
                continue;
            }
            events.extend(lines.iter().filter_map(|line| TrailEvent::parse(line.as_bytes())));
        }
        Ok(events)
    }

    async fn log_lines(&self, group: &str, text: &str, from: i64, until: i64) -> Result<Vec<String>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "camelCase")]
        struct Started {
            query_id: String,
        }
        #[derive(Deserialize)]
        struct Field {
            field: Option<String>,
            value: Option<String>,
        }
        #[derive(Deserialize)]
        struct Answer {
            status: String,
            #[serde(default)]
            results: Vec<Vec<Field>>,
        }
        // The group of another account is named by its ARN.
        let groups = if group.starts_with("arn:") { "logGroupIdentifiers" } else { "logGroupNames" };
        let body =
            json!({ groups: [group], "startTime": from, "endTime": until, "queryString": text, "limit": MAX_ROWS });
        let started: Started = self.call(&LOGS, "StartQuery", &body).await?;
        let body = json!({ "queryId": started.query_id });
        loop {
            let answer: Answer = self.call(&LOGS, "GetQueryResults", &body).await?;
            if self.is_done(&LOGS, State::of(&answer.status, None)).await? {
                let fields = answer.results.into_iter().flatten();
                return Ok(fields
                    .filter(|field| field.field.as_deref() == Some("@message"))
                    .filter_map(|field| field.value)
                    .collect());
            }
        }
    }

    /// Athena (StartQueryExecution, GetQueryExecution, GetQueryResults; Athena API reference).
    async fn athena(&self, text: &str) -> Result<Vec<TrailEvent>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Started {
            query_execution_id: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Execution {
            query_execution: Status,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Status {
            status: StateOf,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct StateOf {
            state: String,
            state_change_reason: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            result_set: ResultSet,
            next_token: Option<String>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct ResultSet {
            #[serde(default)]
            rows: Vec<Cells>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Cells {
            #[serde(default)]
            data: Vec<Cell>,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Cell {
            var_char_value: Option<String>,
        }
        let mut body = json!({ "QueryString": text, "ClientRequestToken": self.token(text) });
        if let Some(workgroup) = &self.settings.workgroup {
            set(&mut body, "WorkGroup", json!(workgroup));
        }
        if let Some(results) = &self.settings.results {
            set(&mut body, "ResultConfiguration", json!({ "OutputLocation": results }));
        }
        let started: Started = self.call(&ATHENA, "StartQueryExecution", &body).await?;
        let mut body = json!({ "QueryExecutionId": started.query_execution_id });
        loop {
            let Execution { query_execution: Status { status } } =
                self.call(&ATHENA, "GetQueryExecution", &body).await?;
            if self.is_done(&ATHENA, State::of(&status.state, status.state_change_reason)).await? {
                break;
            }
        }
        let (mut columns, mut events) = (None, Vec::new());
        loop {
            let answer: Answer = self.call(&ATHENA, "GetQueryResults", &body).await?;
            for row in answer.result_set.rows {
                let cells: Vec<String> =
                    row.data.into_iter().map(|cell| cell.var_char_value.unwrap_or_default()).collect();
                // The first row has the names of the columns.
                let Some(columns) = &columns else {
                    columns = Some(cells);
                    continue;
                };
                let row: Row = columns.iter().cloned().zip(cells).collect();
                events.extend(TrailEvent::of_row(&row));
            }
            match answer.next_token {
                Some(token) => set(&mut body, "NextToken", json!(token)),
                None => return Ok(events),
            }
        }
    }

    /// CloudTrail Lake (StartQuery, GetQueryResults; CloudTrail API reference).
    async fn lake(&self, text: &str) -> Result<Vec<TrailEvent>> {
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Started {
            query_id: String,
        }
        #[derive(Deserialize)]
        #[serde(rename_all = "PascalCase")]
        struct Answer {
            query_status: String,
            error_message: Option<String>,
            #[serde(default)]
            query_result_rows: Vec<Vec<BTreeMap<String, Option<String>>>>,
            next_token: Option<String>,
        }
        let started: Started = self.call(&CLOUDTRAIL, "StartQuery", &json!({ "QueryStatement": text })).await?;
        let mut body = json!({ "QueryId": started.query_id });
        let mut events = Vec::new();
        loop {
            let answer: Answer = self.call(&CLOUDTRAIL, "GetQueryResults", &body).await?;
            if !self.is_done(&CLOUDTRAIL, State::of(&answer.query_status, answer.error_message)).await? {
                continue;
            }
            for row in answer.query_result_rows {
                // Each cell is an object of its own.
                let cells = row.into_iter().flatten();
                let row: Row =
                    cells.map(|(name, value)| (name.to_ascii_lowercase(), value.unwrap_or_default())).collect();
                events.extend(TrailEvent::of_row(&row));
            }
            match answer.next_token {
                Some(token) => set(&mut body, "NextToken", json!(token)),
                None => return Ok(events),
            }
        }
    }

    /// Whether a query has ended. If not, waits before it is asked again.
    async fn is_done(&self, service: &Service, state: State) -> Result<bool> {
        match state {
            State::Done => Ok(true),
            State::Running => {
                tokio::time::sleep(self.settings.interval).await;
                Ok(false)
            }
            State::Failed(reason) => {
                let message = format!("AWS {} could not run the query: {}", service.title, excerpt(&reason));
                Err(Error::new(ErrorKind::IamRefused, Stage::Grant, message)
                    .with_hint("print the query without `--run`, and try it in the console of AWS"))
            }
        }
    }

    /// A token by which AWS knows a repeated request (at least 32 characters).
    fn token(&self, text: &str) -> String {
        let now = self.settings.connection.clock.now();
        let digest = Sha256::digest(format!("{now}\n{}\n{text}", self.credentials.access_key_id));
        digest.iter().fold(String::new(), |mut token, byte| {
            let _ = write!(token, "{byte:02x}");
            token
        })
    }
}

fn set(body: &mut serde_json::Value, name: &str, value: serde_json::Value) {
    if let Some(fields) = body.as_object_mut() {
        fields.insert(name.to_owned(), value);
    }
}

fn too_many() -> Error {
    Error::new(ErrorKind::InvalidArgument, Stage::Grant, "too many events fit for Logs Insights to return them")
        .with_hint("query the files of the trail, or narrow the query")
}
