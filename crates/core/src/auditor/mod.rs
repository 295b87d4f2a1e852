//! The audit of grants: checks of the records, queries to CloudTrail, exports, and reports.
//!
//! An [`Auditor`] reads the records that [`Grants`] writes. It needs the right to read them and, for CloudTrail, to read its
//! events.
//!
//! ```
//! use std::sync::Arc;
//! use tempaccess_core::auditor::{Auditor, TrailInput};
//! use tempaccess_core::config::{Config, Settings};
//! use tempaccess_core::source::NoPrompter;
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<(), Box<dyn std::error::Error>> {
//! # let folder = tempfile::tempdir()?;
//! # let file = folder.path().join("config.toml");
//! # std::fs::create_dir(folder.path().join("records"))?;
//! # std::fs::create_dir(folder.path().join("trail"))?;
//! # std::fs::write(folder.path().join("trail/events.json"), r#"{"Records":[]}"#)?;
//! # tempaccess_core::seal::KeyFile::create(&folder.path().join("key"), "ada")?;
//! # std::fs::write(folder.path().join("access.signers"), "")?;
//! # std::fs::write(&file, "[grants]\nrecords = \"records\"\nsigners = \"access.signers\"\nsign_with = \"key\"")?;
//! let (config, mut settings) = (Config::load(&file)?, Settings::default());
//! # settings.source = Some("file:response.html".to_owned());
//! let grants = settings.grants(&config, None, Arc::new(NoPrompter)).await?;
//! let auditor = Auditor::new(&grants, &settings, &config);
//! assert!(auditor.verify().await?.defects.is_empty());
//! // What was done with the grants of a person, from the files of a trail.
//! let mut input = TrailInput::default();
//! input.to = Some("grace@example.com".to_owned());
//! input.files = Some(folder.path().join("trail").display().to_string());
//! for event in auditor.query(&input, &mut |_| {}).await?.events {
//!     println!("{} {}", event.time, event.call());
//! }
//! # Ok(())
//! # }
//! ```

mod input;
mod place;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

pub use self::input::{ReportInput, TrailInput};
use self::place::{PlaceOptions, TrailPlace};
use crate::background::run_blocking;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Settings};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grants::lazy::LazyGrants;
use crate::grants::{GrantFilter, GrantHistories, GrantId, Grants, UnreadableGrant};
use crate::records::GrantHistory;
use crate::report::{Export, Period, Report};
use crate::trail::{
    Comparison, RecordedSessions, TrailEvent, TrailFinding, TrailQuery, compare, grant_of_call, query_text,
};

/// Verifies, queries and exports the records of grants.
#[derive(Debug, Clone, Copy)]
pub struct Auditor<'a> {
    grants: &'a Grants,
    settings: &'a Settings,
    config: &'a Config,
}

/// The result of a check of the records. The shape is stable.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RecordsVerification {
    /// The place of the records.
    pub records: String,
    /// How many grants were checked.
    pub grants: usize,
    /// How many events were checked.
    pub events: usize,
    /// The defects.
    pub defects: Vec<RecordDefect>,
}

/// Why the records of a grant cannot be trusted.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct RecordDefect {
    /// The grant.
    pub id: GrantId,
    /// One line.
    pub defect: String,
}

/// Events of CloudTrail, compared with the records. The shape is stable.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct TrailAnswer {
    /// The events, oldest first.
    pub events: Vec<TrailEvent>,
    /// How many lines of the audit logs are not records.
    pub unreadable: usize,
    /// The comparison.
    #[serde(flatten)]
    pub comparison: Comparison,
}

/// The format of exported events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
#[non_exhaustive]
pub enum ExportFormat {
    /// CSV with a header line (RFC 4180); cells that look like formulas are escaped.
    Csv,
    /// The records as they are, in an array.
    Json,
    /// Open Cybersecurity Schema Framework 1.3, one JSON object per line.
    Ocsf,
}

/// An export or a report, and how many of its grants cannot be trusted.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct AuditText {
    /// The text.
    pub text: String,
    /// How many grants it has.
    pub grants: usize,
    /// How many of them have records that cannot be trusted.
    pub untrusted: usize,
    /// How many everyday sign-ins it has.
    pub sign_ins: usize,
    /// How many lines of the audit logs are not records.
    pub unreadable_lines: usize,
    /// The grants that are not in it, since a record of theirs cannot be parsed.
    pub unreadable: Vec<UnreadableGrant>,
}

impl LazyGrants {
    /// Returns what accounts for the grants.
    ///
    /// # Errors
    ///
    /// Those of the parts.
    pub async fn auditor(&self) -> Result<Auditor<'_>> {
        Ok(Auditor::new(self.grants().await?, &self.settings, &self.config))
    }
}

impl<'a> Auditor<'a> {
    /// Reads the records of these grants. `settings` and `config` say where CloudTrail is, and how accounts are named.
    pub fn new(grants: &'a Grants, settings: &'a Settings, config: &'a Config) -> Self {
        Self { grants, settings, config }
    }

    async fn histories(&self) -> Result<GrantHistories> {
        self.grants.histories(&GrantFilter::default()).await
    }

    /// Checks every record: the signatures, the digests that chain them, and that none is missing.
    ///
    /// # Errors
    ///
    /// `audit_failed` if the place of the records cannot be read.
    pub async fn verify(&self) -> Result<RecordsVerification> {
        let found = self.histories().await?;
        let of_history = |history: &GrantHistory| {
            let defect = |defect: &String| RecordDefect { id: history.id().clone(), defect: defect.clone() };
            history.defects().iter().map(defect).collect::<Vec<_>>()
        };
        let unreadable = |grant: &UnreadableGrant| RecordDefect { id: grant.id.clone(), defect: grant.reason.clone() };
        Ok(RecordsVerification {
            records: self.grants.records().describe(),
            grants: found.histories.len() + found.unreadable.len(),
            events: found.histories.iter().map(|history| history.events().count()).sum(),
            defects: found
                .histories
                .iter()
                .flat_map(of_history)
                .chain(found.unreadable.iter().map(unreadable))
                .collect(),
        })
    }

    /// Returns the grants that events are compared with: the one that is named, or all, since an administrator's events are
    /// about the grants of others.
    async fn compared(&self, input: &TrailInput) -> Result<Vec<GrantHistory>> {
        let Some(id) = &input.id else { return Ok(self.histories().await?.histories) };
        match self.grants.show(&id.parse()?).await {
            Ok(history) => Ok(vec![history]),
            // CloudTrail can have a grant that nobody recorded. Its event history is asked by person, role or key.
            Err(error) if error.kind() == ErrorKind::GrantNotFound && input.place()? != TrailPlace::History => {
                Ok(Vec::new())
            }
            Err(error) if error.kind() == ErrorKind::GrantNotFound => Err(error.with_further_hint(
                "the event history of CloudTrail is asked for a grant without records by `--to`, `--role` or `--access-key`; its files have it by its id",
            )),
            Err(error) => Err(error),
        }
    }

    /// Returns the events of CloudTrail that are wanted, compared with the records. `progress` gets a line from time to time.
    ///
    /// For an assertion, CloudTrail is asked twice: for the sign-ins, since more than one can use it, and for what was done with
    /// the access keys that they got.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, `grant_not_found`, and those of the place: `iam_refused`, `iam_unavailable`, `io`, `network`,
    /// `deadline_exceeded`.
    pub async fn query(&self, input: &TrailInput, progress: &mut (dyn FnMut(&str) + Send)) -> Result<TrailAnswer> {
        let place = input.place()?;
        let histories = self.compared(input).await?;
        let RecordedSessions { sign_ins, unreadable, .. } = read_logs(&input.audit_logs).await?;
        let now = SystemClock.now();
        let mut query = input.query(&histories, &sign_ins, now)?;
        if place == TrailPlace::History
            && let Some(role) = input.role_alone()
        {
            // AssumeRole has the role's ARN, calls of IAM have its name, and what was done has the name of the session.
            let known = self.grants.named_role(role).await.ok();
            query.add_role_lookups(known.as_ref(), &histories);
        }
        let options = PlaceOptions {
            regions: &input.regions,
            workgroup: input.workgroup.as_deref(),
            results: input.results.as_deref(),
        };
        let mut events = self.events_of(&place, &query, options, progress).await?;
        if query.assertion.is_some() {
            let known = query.access_keys.len();
            query.access_keys.extend(events.iter().filter_map(|event| event.issued_key.clone()));
            query.access_keys.sort();
            query.access_keys.dedup();
            if query.access_keys.len() > known {
                events = self.events_of(&place, &query, options, progress).await?;
            }
        }
        let comparison = compare(&query, &events, &histories, &sign_ins, now);
        Ok(TrailAnswer { events, unreadable, comparison })
    }

    /// Returns the query that somebody else can run in the engine that has the events.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if no engine is named, `grant_not_found`.
    pub async fn query_text(&self, input: &TrailInput) -> Result<String> {
        let TrailPlace::Engine(engine) = input.place()? else {
            let message = "no query engine is named";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                .with_hint("name a log group, a table of Athena, or an event data store of CloudTrail Lake"));
        };
        let histories = self.compared(input).await?;
        let sign_ins = read_logs(&input.audit_logs).await?.sign_ins;
        Ok(query_text(&input.query(&histories, &sign_ins, SystemClock.now())?, &engine))
    }

    /// Returns the events of grants for another program: of these, or of all if none is named.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, `grant_not_found`, `audit_failed`.
    pub async fn export(&self, format: ExportFormat, ids: &[String], period: &Period) -> Result<AuditText> {
        let ids: BTreeSet<GrantId> = ids.iter().map(|id| id.parse()).collect::<Result<_>>()?;
        let mut found = self.histories().await?;
        if !ids.is_empty() {
            found.histories.retain(|history| ids.contains(history.id()));
            found.unreadable.retain(|grant| ids.contains(&grant.id));
            let known: BTreeSet<&GrantId> = found
                .histories
                .iter()
                .map(GrantHistory::id)
                .chain(found.unreadable.iter().map(|grant| &grant.id))
                .collect();
            if let Some(unknown) = ids.iter().find(|id| !known.contains(id)) {
                let message = format!("there is no grant {unknown} in {}", self.grants.records().describe());
                return Err(Error::new(ErrorKind::GrantNotFound, Stage::Grant, message)
                    .with_hint("`tempaccess grant list --ended` lists all grants in the records"));
            }
        }
        let export = Export::new(&found.histories, period);
        let text = match format {
            ExportFormat::Csv => export.csv(),
            ExportFormat::Json => export.json()?,
            ExportFormat::Ocsf if export.is_empty() => String::new(),
            ExportFormat::Ocsf => export.ocsf()?,
        };
        let untrusted = found.histories.iter().filter(|history| !history.defects().is_empty()).count();
        Ok(AuditText {
            text,
            grants: found.histories.len(),
            untrusted: untrusted + found.unreadable.len(),
            sign_ins: 0,
            unreadable_lines: 0,
            unreadable: found.unreadable,
        })
    }

    /// Returns the page that shows who had access to what, when and why, with what the input names.
    ///
    /// # Errors
    ///
    /// `audit_failed`, `io`, and those of the files of a trail.
    pub async fn report(
        &self,
        period: Period,
        input: &ReportInput,
        progress: &mut (dyn FnMut(&str) + Send),
    ) -> Result<AuditText> {
        let found = self.histories().await?;
        let RecordedSessions { sign_ins, unreadable, .. } = read_logs(&input.audit_logs).await?;
        let (calls, findings) = match &input.files {
            Some(files) => {
                let mut query = TrailQuery::for_all(&found.histories);
                query.people.extend(sign_ins.iter().filter_map(|sign_in| sign_in.session_name.clone()));
                query.people.sort();
                query.people.dedup();
                query.from = period.from;
                query.until = period.until;
                let options = PlaceOptions { regions: &input.regions, ..PlaceOptions::default() };
                let events = self.events_of(&TrailPlace::files(files.to_owned()), &query, options, progress).await?;
                let mut findings = compare(&query, &events, &found.histories, &sign_ins, SystemClock.now()).findings;
                // The files may begin after the records do.
                let begin = events.first().map_or(Timestamp::MAX, |event| event.time);
                findings.retain(
                    |finding| !matches!(finding, TrailFinding::RecordWithoutIssuance { at, .. } if *at < begin),
                );
                (events, findings)
            }
            None => Default::default(),
        };
        let mut page = Report::new(&found, Timestamp::now())
            .period(period)
            .records(self.grants.records().describe())
            .accounts(self.config.accounts.clone())
            .sign_ins(&sign_ins)
            .findings(&findings);
        for call in &calls {
            if let Some(id) = grant_of_call(call, &found.histories) {
                page = page.calls(id, [call.into()]);
            } else if let Some(key) = &call.access_key_id {
                page = page.sign_in_calls(key, [call.into()]);
            }
        }
        let (text, grants, untrusted, sign_ins) = (page.html()?, page.len(), page.untrusted(), page.sign_in_count());
        let unreadable_lines = unreadable;
        Ok(AuditText { text, grants, untrusted, sign_ins, unreadable_lines, unreadable: found.unreadable })
    }
}

/// Reads the audit logs that are named.
async fn read_logs(logs: &[PathBuf]) -> Result<RecordedSessions> {
    let logs = logs.to_vec();
    run_blocking(move || {
        let mut found = RecordedSessions::default();
        logs.iter().try_for_each(|log| found.read(log))?;
        Ok(found)
    })
    .await
}
