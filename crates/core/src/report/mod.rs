//! The records of grants as a report that people look at, and as exports for other programs.
//!
//! A [`Report`] is one HTML page that needs nothing else: no network, no font, no script but its own, which its
//! Content-Security-Policy names by digest. The data is in the page as JSON, and its script puts text into the page as text, so that
//! names and reasons in the records cannot act.

mod embed;
mod export;
mod facts;
mod model;
mod period;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

pub use export::Export;
pub use period::Period;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grants::{GrantHistories, GrantId};
use crate::records::GrantHistory;
use crate::role::AccountNames;
use crate::trail::{RecordedSession, TrailEvent, TrailFinding};

/// A call that was made with a granted session, as CloudTrail has it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct GrantCall {
    /// When.
    #[serde(serialize_with = "model::milliseconds")]
    pub at: Timestamp,
    /// The service and the name of the call, such as `s3:GetObject`.
    pub name: String,
    /// The error code, such as `AccessDenied`. `None` if the call succeeded.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub error: Option<String>,
    /// Whether AWS refused the call for want of a right.
    #[serde(skip_serializing_if = "std::ops::Not::not")]
    pub denied: bool,
    /// What the call was about: an ARN, or a name.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resource: Option<String>,
    /// The address that the call came from.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub source: Option<String>,
}

impl GrantCall {
    /// Creates a call that succeeded.
    pub fn new(at: Timestamp, name: impl Into<String>) -> Self {
        Self { at, name: name.into(), error: None, denied: false, resource: None, source: None }
    }
}

impl From<&TrailEvent> for GrantCall {
    fn from(event: &TrailEvent) -> Self {
        Self {
            at: event.time,
            name: event.call(),
            error: event.error_code.clone(),
            denied: event.is_denied(),
            resource: event.resources.first().cloned(),
            source: event.source_address.clone(),
        }
    }
}

/// A report of grants: who had access to what, when and why, who agreed, and how it ended.
///
/// ```
/// use tempaccess_core::{grants::GrantHistories, report::Report};
///
/// let page = Report::new(&GrantHistories::default(), "2026-11-25T00:00:00Z".parse().expect("a time")).html()?;
/// assert!(page.starts_with("<!doctype html>"));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug)]
#[must_use = "a report is not written anywhere by itself"]
pub struct Report<'a> {
    grants: &'a GrantHistories,
    now: Timestamp,
    period: Period,
    records: String,
    accounts: AccountNames,
    sign_ins: &'a [RecordedSession],
    /// By the id of a grant, or the access key of a sign-in.
    calls: BTreeMap<String, Vec<GrantCall>>,
    findings: Vec<String>,
}

impl<'a> Report<'a> {
    /// Reports these grants, as of `now`.
    pub fn new(grants: &'a GrantHistories, now: Timestamp) -> Self {
        Self {
            grants,
            now,
            period: Period::default(),
            records: String::new(),
            accounts: AccountNames::new(),
            sign_ins: &[],
            calls: BTreeMap::new(),
            findings: Vec::new(),
        }
    }

    /// Leaves out grants of which nothing happened and which gave no access in the period. Default: all are reported.
    pub fn period(mut self, period: Period) -> Self {
        self.period = period;
        self
    }

    /// Names the place of the records.
    pub fn records(mut self, place: impl Into<String>) -> Self {
        self.records = place.into();
        self
    }

    /// Names accounts.
    pub fn accounts(mut self, names: AccountNames) -> Self {
        self.accounts = names;
        self
    }

    /// Adds everyday sign-ins, from audit logs: they give access as well, and nobody has signed those logs.
    pub fn sign_ins(mut self, sign_ins: &'a [RecordedSession]) -> Self {
        self.sign_ins = sign_ins;
        self
    }

    /// Adds calls that were made with the session of a grant.
    pub fn calls(self, id: GrantId, calls: impl IntoIterator<Item = GrantCall>) -> Self {
        self.further_calls(id.to_string(), calls)
    }

    /// Adds calls that were made with the session of a sign-in, by its access key.
    pub fn sign_in_calls(self, access_key_id: &str, calls: impl IntoIterator<Item = GrantCall>) -> Self {
        self.further_calls(access_key_id.to_owned(), calls)
    }

    fn further_calls(mut self, key: String, calls: impl IntoIterator<Item = GrantCall>) -> Self {
        self.calls.entry(key).or_default().extend(calls);
        self
    }

    /// Adds what CloudTrail and the records do not agree about. Denied calls are shown with their grants.
    pub fn findings<'f>(mut self, findings: impl IntoIterator<Item = &'f TrailFinding>) -> Self {
        let contradicts = |finding: &&TrailFinding| !matches!(finding, TrailFinding::Denied { .. });
        self.findings.extend(findings.into_iter().filter(contradicts).map(ToString::to_string));
        self
    }

    /// How many grants are reported, those included whose records cannot be parsed.
    pub fn len(&self) -> usize {
        self.grants.unreadable.len() + self.grants.histories.iter().filter(|history| self.includes(history)).count()
    }

    /// How many sign-ins are reported.
    pub fn sign_in_count(&self) -> usize {
        self.included_sign_ins().count()
    }

    /// How many of the reported grants have records that cannot be trusted.
    pub fn untrusted(&self) -> usize {
        let untrusted = |history: &&GrantHistory| !history.defects().is_empty() && self.includes(history);
        self.grants.unreadable.len() + self.grants.histories.iter().filter(untrusted).count()
    }

    /// Whether no grant is reported.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Returns the page.
    ///
    /// # Errors
    ///
    /// `audit_failed` if an event cannot be written.
    pub fn html(&self) -> Result<String> {
        let model = model::Model::new(self);
        let json = serde_json::to_string(&model).map_err(|error| {
            Error::new(ErrorKind::AuditFailed, Stage::Grant, format!("the report cannot be written: {error}"))
        })?;
        Ok(embed::page(&json))
    }
}
