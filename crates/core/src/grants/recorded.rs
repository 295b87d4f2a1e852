//! Reads, signs and stores the records of grants, and tells others about them.

use futures_util::{StreamExt, TryStreamExt, stream};
use jiff::Timestamp;
use serde::Serialize;

use super::{GrantFilter, GrantId, Grants};
use crate::arn::RoleArn;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::policy::{DatedPolicy, PolicyWindow};
use crate::records::{EventKind, GrantEvent, GrantHistory, GrantKind};
use crate::source::Notice;

/// How many roles, policies and grants are read at once.
pub(super) const CONCURRENT: usize = 16;

/// The recorded grants with all their events.
///
/// [`Grants::histories`] reads them.
#[derive(Debug, Default)]
#[non_exhaustive]
pub struct GrantHistories {
    /// The grants, in the order of their ids.
    pub histories: Vec<GrantHistory>,
    /// The grants with a record that cannot be parsed. No filter applies to them: nobody knows whose they are.
    pub unreadable: Vec<UnreadableGrant>,
}

/// A grant with a record that cannot be parsed.
#[derive(Debug, Clone, Serialize)]
#[non_exhaustive]
pub struct UnreadableGrant {
    /// The id, from the name of the folder.
    pub id: GrantId,
    /// Why, in one line.
    pub reason: String,
}

impl UnreadableGrant {
    pub(super) fn note(&self) -> String {
        format!("the records of the grant {} were left out: {}", self.id, self.reason)
    }
}

impl Grants {
    /// Runs the `notify` program. Its failure changes nothing.
    pub(super) async fn notify(&self, event: &GrantEvent) {
        if let Some(reason) = self.rules.run_notify(&NotifiedEvent::new(event)).await {
            let text =
                format!("the event `{}` was recorded, but the `notify` program failed: {reason}", event.event.as_str());
            self.access.prompter().notify(&Notice::Other(text));
        }
    }

    /// Reads the events of a grant, which must be trusted.
    pub(super) async fn history(&self, id: &GrantId) -> Result<GrantHistory> {
        let history = GrantHistory::read(&*self.records, id, &self.signers).await?;
        history.require_sound()?;
        Ok(history)
    }

    /// Reads the events of a grant and checks them, for display.
    ///
    /// # Errors
    ///
    /// As [`GrantHistory::read`].
    pub async fn show(&self, id: &GrantId) -> Result<GrantHistory> {
        GrantHistory::read(&*self.records, id, &self.signers).await
    }

    /// Signs an event and stores it. Returns the event with its signature, and its file.
    pub(super) async fn record(&self, event: GrantEvent) -> Result<(GrantEvent, Vec<u8>)> {
        let (event, file) = event.into_file(&*self.signer).await?;
        self.records.create(&event.id, event.seq, file.clone()).await?;
        Ok((event, file))
    }

    /// Fails if the administrator's signatures would not be trusted: nobody could open or extend the grant.
    pub(super) fn require_trusted_signer(&self, name: &str) -> Result<()> {
        let key = self.signer.public_key()?;
        if self.signers.trusts(name, &key, self.clock.now()) {
            return Ok(());
        }
        let message =
            format!("your signatures would not be trusted: the signers have no line for `{name}` and your key");
        Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Grant, message).with_hint(format!(
            "add it with `tempaccess grant trust {name} '{key}'`, and give the line to your colleagues"
        )))
    }

    /// Reads the recorded grants that fit a filter, regardless of their state.
    pub(super) async fn recorded(&self, filter: &GrantFilter) -> Result<Vec<GrantHistory>> {
        let found = self.histories(filter).await?;
        for grant in &found.unreadable {
            self.access.prompter().notify(&Notice::Other(grant.note()));
        }
        Ok(found.histories)
    }

    /// Reads the recorded grants that fit a filter with all their events, for an audit: regardless of their state, and without
    /// asking IAM. Records that cannot be parsed hide no other grant.
    ///
    /// # Errors
    ///
    /// `audit_failed` if the place of the records cannot be read.
    pub async fn histories(&self, filter: &GrantFilter) -> Result<GrantHistories> {
        let ids = self.records.ids().await?;
        let reads = stream::iter(ids).map(|id| async move {
            let files = self.records.events(&id).await?;
            Ok::<_, Error>(match GrantHistory::from_files(files, &id, &self.signers) {
                Ok(history) => history.map(Ok),
                Err(error) => Some(Err(UnreadableGrant { id, reason: error.message().to_owned() })),
            })
        });
        let mut found = GrantHistories::default();
        for read in reads.buffered(CONCURRENT).try_collect::<Vec<_>>().await?.into_iter().flatten() {
            match read {
                Ok(history) if filter.fits(&history) => found.histories.push(history),
                Ok(_) => {}
                Err(unreadable) => found.unreadable.push(unreadable),
            }
        }
        Ok(found)
    }
}

/// Returns the policy of a policy grant as its records have it.
pub(super) fn recorded_policy(history: &GrantHistory) -> Option<DatedPolicy> {
    let last = history.last();
    let window = PolicyWindow {
        user_id: format!("{}:{}", last.role_id.as_deref()?, last.to),
        from: last.from,
        until: last.until,
        from_ip: last.from_ip.clone(),
    };
    DatedPolicy::new(history.id(), &last.policy.as_deref()?.parse().ok()?, &window).ok()
}

/// The error for records that lack what they must have.
pub(super) fn incomplete(id: &GrantId) -> Error {
    Error::new(ErrorKind::AuditFailed, Stage::Grant, format!("the records of the grant {id} are not complete"))
}

/// Parses the role of a record.
pub(super) fn recorded_role(arn: &str) -> Result<RoleArn> {
    arn.parse()
        .map_err(|_| Error::new(ErrorKind::AuditFailed, Stage::Grant, "the records have a role without a valid ARN"))
}

/// An event as the programs of `notify` get it: without signatures.
#[derive(Serialize)]
struct NotifiedEvent<'a> {
    id: &'a GrantId,
    event: EventKind,
    kind: GrantKind,
    at: Timestamp,
    to: &'a str,
    by: &'a str,
    role_arn: &'a str,
    until: Timestamp,
    reason: &'a str,
    preset: Option<&'a str>,
    approved_by: Vec<String>,
    break_glass: bool,
}

impl<'a> NotifiedEvent<'a> {
    fn new(event: &'a GrantEvent) -> Self {
        Self {
            id: &event.id,
            event: event.event,
            kind: event.how,
            at: event.at,
            to: &event.to,
            by: &event.by,
            role_arn: &event.role_arn,
            until: event.until,
            reason: &event.reason,
            preset: event.preset.as_deref(),
            approved_by: event.approvers(),
            break_glass: event.break_glass,
        }
    }
}
