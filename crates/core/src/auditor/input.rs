//! What CloudTrail is asked, as a front end takes it.

use std::path::PathBuf;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};

use super::place::TrailPlace;
use crate::config::{WrongArgument, read_arguments};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::GrantHistory;
use crate::report::Period;
use crate::trail::{QueryEngine, RecordedSession, TrailQuery, role_name};

/// How far back events are looked for unless a grant or an argument says.
const DEFAULT_SPAN: SignedDuration = SignedDuration::from_hours(7 * 24);

/// What a report shows besides the records of grants.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct ReportInput {
    /// The files of a trail, for what was done: a folder, or `s3://BUCKET/PREFIX`.
    pub files: Option<String>,
    /// The regions whose files are read. Default: all.
    pub regions: Vec<String>,
    /// Audit logs of people, for everyday sign-ins.
    pub audit_logs: Vec<PathBuf>,
}

/// Which events of CloudTrail are wanted, and where they are: arguments of the command line, keyword arguments, properties of an
/// object.
///
/// ```
/// use tempaccess_core::auditor::TrailInput;
///
/// let input: TrailInput = serde_json::from_str(
///     r#"{"to": "grace@example.com", "from": "2026-11-24", "files": "s3://acme-trail/AWSLogs"}"#,
/// ).unwrap();
/// assert_eq!(input.to.as_deref(), Some("grace@example.com"));
/// ```
#[derive(Debug, Clone, Default, PartialEq, Eq, Deserialize, Serialize)]
#[serde(deny_unknown_fields, default)]
#[non_exhaustive]
pub struct TrailInput {
    /// Events of this grant.
    pub id: Option<String>,
    /// Events of this person: their role session name.
    pub to: Option<String>,
    /// Events of sessions of this role, by its name.
    pub role: Option<String>,
    /// Events of this access key.
    pub access_key: Option<String>,
    /// Events of the sessions that this SAML assertion got, by its id.
    pub assertion: Option<String>,
    /// Audit logs of people, whose sign-ins the events are compared with.
    pub audit_logs: Vec<PathBuf>,
    /// The start of the period. Default: that of the grant or the sign-in, or seven days ago.
    pub from: Option<String>,
    /// The end of the period, which does not belong to it.
    pub until: Option<String>,
    /// The regions to ask. Default: that of the profile, and us-east-1 for the event history of IAM.
    pub regions: Vec<String>,
    /// The files of a trail: a folder, or `s3://BUCKET/PREFIX`.
    pub files: Option<String>,
    /// The log group of a trail, in CloudWatch Logs.
    pub logs: Option<String>,
    /// The table of a trail's files, in Athena.
    pub athena: Option<String>,
    /// The event data store, in CloudTrail Lake.
    pub lake: Option<String>,
    /// The workgroup of Athena.
    pub workgroup: Option<String>,
    /// Where Athena stores results: `s3://BUCKET/PREFIX`.
    pub results: Option<String>,
}

impl TrailInput {
    /// The names of the values.
    pub const KEYS: &[&str] = &[
        "id",
        "to",
        "role",
        "access_key",
        "assertion",
        "audit_logs",
        "from",
        "until",
        "regions",
        "files",
        "logs",
        "athena",
        "lake",
        "workgroup",
        "results",
    ];

    /// Reads the values that a program passes as a JSON object. `others` are the names of further arguments, which are
    /// suggested as well.
    ///
    /// # Errors
    ///
    /// The first argument that is unknown or has the wrong type.
    pub fn from_arguments(json: &str, others: &[&'static str]) -> Result<Self, WrongArgument> {
        read_arguments(json, Self::KEYS, others)
    }

    /// Returns where the events are.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if several places are named.
    pub(super) fn place(&self) -> Result<TrailPlace> {
        let text = |value: &Option<String>| value.clone();
        let named = [
            text(&self.files).map(TrailPlace::files),
            text(&self.logs).map(|group| TrailPlace::Engine(QueryEngine::LogsInsights(group))),
            text(&self.athena).map(|table| TrailPlace::Engine(QueryEngine::Athena(table))),
            text(&self.lake).map(|store| TrailPlace::Engine(QueryEngine::Lake(store))),
        ];
        let mut named = named.into_iter().flatten();
        let place = named.next().unwrap_or(TrailPlace::History);
        match named.next() {
            None => Ok(place),
            Some(_) => Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Grant,
                "only one of `files`, `logs`, `athena` and `lake` can be given",
            )),
        }
    }

    /// The role, if nothing else is named.
    pub(super) fn role_alone(&self) -> Option<&str> {
        let others = [&self.id, &self.to, &self.access_key, &self.assertion];
        self.role.as_deref().filter(|_| others.into_iter().all(Option::is_none))
    }

    /// Returns which events are wanted. `histories` has the grant that is named, or all of them.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if nothing is named, or a time is not one.
    pub(super) fn query(
        &self,
        histories: &[GrantHistory],
        sign_ins: &[RecordedSession],
        now: Timestamp,
    ) -> Result<TrailQuery> {
        if [&self.id, &self.to, &self.role, &self.access_key, &self.assertion].into_iter().all(Option::is_none) {
            let message = "no grant, person, role, assertion or access key is named";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                .with_hint("name a grant, a person, a role, an assertion or an access key"));
        }
        if self.access_key.is_some() && self.assertion.is_some() {
            let message = "both an access key and an assertion are named";
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message));
        }
        let by_key = |sign_in: &&RecordedSession| self.access_key.as_ref() == Some(&sign_in.access_key_id);
        let by_assertion =
            |sign_in: &&RecordedSession| self.assertion.is_some() && self.assertion == sign_in.assertion_id;
        let known = TrailQuery::for_sessions(sign_ins.iter().filter(|known| by_key(known) || by_assertion(known)));
        let access_keys = self.access_key.clone().map_or_else(|| known.access_keys.clone(), |key| vec![key]);
        let mut query = match (&self.id, histories.first(), &self.to) {
            (Some(_), Some(history), _) => TrailQuery::for_grant(history),
            (Some(id), None, _) => TrailQuery { grant: Some(id.parse()?), ..known },
            (_, _, Some(person)) => TrailQuery::for_person(person, histories),
            _ => known,
        };
        // A role can be named with its account, or by its ARN; sessions have its name.
        query.role = self.role.as_deref().map(|role| role_name(role).to_owned());
        query.access_keys = access_keys;
        query.assertion.clone_from(&self.assertion);
        let period = Period::parse(self.from.as_deref(), self.until.as_deref())?;
        query.from = period.from.or(query.from).or_else(|| now.checked_sub(DEFAULT_SPAN).ok());
        query.until = period.until.or(query.until);
        Ok(query)
    }
}
