//! What the events of a grant say: who has what, until when, and whether it still counts.

use std::borrow::Cow;
use std::collections::BTreeSet;

use jiff::Timestamp;
use serde::Serialize;

use super::judgement::{EventJudge, Judged, MAX_UNTRUSTED, missing, shorten};
use super::request::GrantRequest;
use super::{EventKind, GrantEvent, GrantKind, Records};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
use crate::seal::Signers;

/// Whether a grant counts.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
#[non_exhaustive]
pub enum GrantState {
    /// It was requested, and nobody has decided.
    Pending,
    /// The request was denied.
    Denied,
    /// It begins later.
    Planned,
    /// The person has access.
    Live,
    /// It ended at its time.
    Ended,
    /// It was ended early.
    Revoked,
    /// It was recorded and never given: IAM refused it, or another grant was given at the same time.
    Withdrawn,
}

impl GrantState {
    /// The stable name, as in `--output json`.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pending => "pending",
            Self::Denied => "denied",
            Self::Planned => "planned",
            Self::Live => "live",
            Self::Ended => "ended",
            Self::Revoked => "revoked",
            Self::Withdrawn => "withdrawn",
        }
    }
}

/// The events of a grant, oldest first. There is at least one.
///
/// Decisions follow from the events that can be trusted. Others who can add files next to the records must not be able to end, hide,
/// move or widen access with them, nor keep administrators from ending it: other files are [`defects`](Self::defects), wherever their
/// numbers are, and the chain of digests leads past them.
#[derive(Debug, Clone)]
pub struct GrantHistory {
    /// The id of the folder: an event may say that it belongs to another grant.
    id: GrantId,
    /// The first event that can be trusted, or else the first.
    first: GrantEvent,
    /// All events.
    events: Vec<Judged>,
    /// The file of the last event that can be trusted, or else of the last.
    last_file: Vec<u8>,
    /// The number of the next event: the first that is free after it.
    next: u32,
    /// Why the records cannot be trusted, one line each.
    defects: Vec<String>,
    /// The number of the event that each defect is about. `None` if an event is missing.
    defective: Vec<Option<u32>>,
}

impl GrantHistory {
    /// Reads the events of a grant and checks their chain and their signatures.
    ///
    /// # Errors
    ///
    /// `grant_not_found` if there is none, `audit_failed` if the records cannot be read. Events that were changed, are missing
    /// or are not signed by a trusted administrator are not errors: see [`defects`](Self::defects).
    pub async fn read(records: &dyn Records, id: &GrantId, signers: &Signers) -> Result<Self> {
        let files = records.events(id).await?;
        Self::from_files(files, id, signers)?.ok_or_else(|| {
            let message = format!("there is no grant {id} in {}", records.describe());
            Error::new(ErrorKind::GrantNotFound, Stage::Grant, message)
                .with_hint("`tempaccess grant list --ended` lists all grants in the records")
        })
    }

    /// Puts events together from their numbers and files, in the order of the numbers. `None` if there are no files.
    ///
    /// # Errors
    ///
    /// `audit_failed` if none of the files is an event.
    pub(crate) fn from_files(files: Vec<(u32, Vec<u8>)>, id: &GrantId, signers: &Signers) -> Result<Option<Self>> {
        let occupied: BTreeSet<u32> = files.iter().map(|(number, _)| *number).collect();
        let mut judge = EventJudge::new(id, signers);
        let (mut events, mut not_an_event, mut unsigned) = (Vec::new(), None, 0);
        for (number, file) in files {
            match GrantEvent::parse(&file) {
                Ok(event) => {
                    let judged = judge.judge(number, event, &file);
                    unsigned += usize::from(!judged.is_signed);
                    if judged.is_signed || unsigned <= MAX_UNTRUSTED {
                        events.push((judged, number, file));
                    }
                }
                Err(error) => {
                    judge.defects.push((Some(number), format!("file {number} is not an event: {}", error.message())));
                    not_an_event.get_or_insert(error);
                }
            }
        }
        shorten(&mut judge.defects);
        let is_trusted = |(judged, ..): &&(Judged, u32, Vec<u8>)| judged.is_trusted;
        let first = events.iter().find(is_trusted).or(events.first());
        let last = events.iter().rfind(is_trusted).or(events.last());
        let (Some((first, ..)), Some((_, number, last_file))) = (first, last) else {
            return not_an_event.map_or(Ok(None), Err);
        };
        let missing = missing(&occupied, *number).into_iter().map(|defect| (None, defect));
        let (defective, defects) = missing.chain(judge.defects).unzip();
        Ok(Some(Self {
            id: id.clone(),
            first: first.event.clone(),
            next: (number.saturating_add(1)..).find(|number| !occupied.contains(number)).unwrap_or(u32::MAX),
            last_file: last_file.clone(),
            events: events.into_iter().map(|(judged, ..)| judged).collect(),
            defects,
            defective,
        }))
    }

    /// The id of the grant.
    pub fn id(&self) -> &GrantId {
        &self.id
    }

    /// The events, oldest first, whether they can be trusted or not.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &GrantEvent> {
        self.events.iter().map(|judged| &judged.event)
    }

    /// The events that can be trusted, oldest first. If there is none, only the first of all.
    pub(crate) fn trusted_events(&self) -> impl DoubleEndedIterator<Item = &GrantEvent> {
        let trusted = self.events.iter().filter(|judged| judged.is_trusted).map(|judged| &judged.event);
        self.has_no_trusted_event().then_some(&self.first).into_iter().chain(trusted)
    }

    /// The events that a report tells of: those that can be trusted, or else all, which it says.
    pub(crate) fn reported_events(&self) -> impl Iterator<Item = &GrantEvent> {
        let has_no_trusted_event = self.has_no_trusted_event();
        self.events.iter().filter(move |judged| judged.is_trusted || has_no_trusted_event).map(|judged| &judged.event)
    }

    /// The first event that can be trusted, or else the first.
    pub(super) fn first(&self) -> &GrantEvent {
        &self.first
    }

    /// The last event that can be trusted. If none can be, the first event.
    pub fn last(&self) -> &GrantEvent {
        self.trusted_events().next_back().unwrap_or(&self.first)
    }

    /// Whether no event can be trusted.
    pub(crate) fn has_no_trusted_event(&self) -> bool {
        !self.events.iter().any(|judged| judged.is_trusted)
    }

    /// Returns the next event: the facts and the chain are those of the last trusted one.
    pub(crate) fn next_event(&self, event: EventKind, at: Timestamp) -> GrantEvent {
        GrantEvent::following(self.last(), self.next, &self.last_file, event, at)
    }

    /// Why the records cannot be trusted, one line each: events that were changed, are missing, or are not signed by a trusted
    /// administrator.
    pub fn defects(&self) -> &[String] {
        &self.defects
    }

    /// The defects of one event: it was changed, is not signed by a trusted administrator, or does not follow the one before it.
    pub fn defects_of(&self, seq: u32) -> impl Iterator<Item = &str> {
        let concerns = move |(number, defect): (&Option<u32>, _)| (*number == Some(seq)).then_some(defect);
        self.defective.iter().zip(&self.defects).filter_map(concerns).map(String::as_str)
    }

    /// Fails if the records cannot be trusted.
    pub(crate) fn require_sound(&self) -> Result<()> {
        match self.defects.first() {
            None => Ok(()),
            Some(defect) => {
                let message = format!("the records of the grant {} cannot be trusted: {defect}", self.id());
                Err(Error::new(ErrorKind::GrantNotGenuine, Stage::Grant, message)
                    .with_hint("compare them with CloudTrail; `tempaccess grant show` lists every event"))
            }
        }
    }

    /// How access is given.
    pub fn kind(&self) -> GrantKind {
        self.first.how
    }

    /// The person who gets access.
    pub fn to(&self) -> &str {
        &self.first.to
    }

    /// The administrator who gave it.
    pub fn by(&self) -> &str {
        let given = self.trusted_events().find(|event| event.event.begins());
        &given.unwrap_or(&self.first).by
    }

    /// When access ends.
    pub fn until(&self) -> Timestamp {
        self.last().until
    }

    /// How often it was extended.
    pub fn extensions(&self) -> u32 {
        // An extension that IAM refused is followed by an event that restores the old end; neither counts.
        let (mut count, mut before) = (0_u32, None);
        for event in self.trusted_events() {
            if event.event == EventKind::Extended {
                let is_longer = before.is_none_or(|before| event.until > before);
                count = if is_longer { count.saturating_add(1) } else { count.saturating_sub(1) };
            }
            before = Some(event.until);
        }
        count
    }

    /// Whether the records have a revocation that was not undone. A withdrawn grant has one, too.
    pub(crate) fn is_revoked(&self) -> bool {
        self.revocation().is_some()
    }

    /// Whether it was recorded and never given. A revocation names the policy that ends access; there was none.
    pub(crate) fn is_withdrawn(&self) -> bool {
        self.revocation().is_some_and(|event| event.iam_policy_name.is_none())
    }

    /// The event that ended it early, if it was not restored afterwards. One that an administrator has signed counts even if it
    /// follows another event than the last: two people may have written at the same time, and access must not come back by that.
    pub(crate) fn revocation(&self) -> Option<&GrantEvent> {
        let restored =
            self.trusted_events().filter(|event| event.event == EventKind::Restored).map(|event| event.seq).max();
        let signed = self.events.iter().filter(|judged| judged.is_signed).map(|judged| &judged.event);
        signed.rev().find(|event| event.event == EventKind::Revoked && Some(event.seq) > restored)
    }

    /// Whether it was given in an emergency and still needs a review. A review counts if it came after the last extension, and if its
    /// author neither gave, extended nor got the grant.
    pub fn needs_review(&self) -> bool {
        let trusted = || self.events.iter().filter(|judged| judged.is_trusted);
        let last = trusted().filter(|judged| judged.event.event.gives()).map(|judged| judged.event.seq).max();
        let is_review = |judged: &Judged| {
            judged.event.event == EventKind::Reviewed
                && Some(judged.event.seq) > last
                && !self.is_party(&judged.event.by, judged.key.as_deref())
        };
        trusted().any(|judged| judged.event.break_glass) && !trusted().any(is_review)
    }

    /// Whether somebody with this name or this key gave, extended or got it.
    pub(crate) fn is_party(&self, name: &str, key: Option<&str>) -> bool {
        let name = name.to_lowercase();
        let gave = |judged: &Judged| {
            judged.event.event.gives()
                && (judged.event.by.to_lowercase() == name || key.is_some() && judged.key.as_deref() == key)
        };
        self.first.to.to_lowercase() == name || self.events.iter().filter(|judged| judged.is_trusted).any(gave)
    }

    /// Whether this administrator gave or extended it.
    pub(crate) fn involves(&self, name: &str) -> bool {
        self.trusted_events().any(|event| event.event.gives() && event.by == name)
    }

    /// The state at a time.
    pub fn state(&self, now: Timestamp) -> GrantState {
        let is_decision =
            |event: &GrantEvent| matches!(event.event, EventKind::Requested | EventKind::Approved | EventKind::Denied);
        // The first event may be signed by a key that is no longer trusted.
        if self.trusted_events().all(is_decision) {
            let is_denied = self.trusted_events().any(|event| event.event == EventKind::Denied);
            return if is_denied { GrantState::Denied } else { GrantState::Pending };
        }
        if self.is_withdrawn() {
            GrantState::Withdrawn
        } else if self.is_revoked() {
            GrantState::Revoked
        } else if self.until() <= now {
            GrantState::Ended
        } else if self.first.from > now {
            GrantState::Planned
        } else {
            GrantState::Live
        }
    }

    /// Whether it gives access at a time, or will.
    pub(crate) fn is_running(&self, now: Timestamp) -> bool {
        matches!(self.state(now), GrantState::Live | GrantState::Planned)
    }

    /// Why access was given, or asked for: the reason of a denial is that of its event.
    pub fn reason(&self) -> Cow<'_, str> {
        let request = self.first.request.as_ref().filter(|_| self.first.event == EventKind::Denied);
        match request.and_then(|line| line.read::<GrantRequest>().ok()) {
            Some(request) => Cow::Owned(request.reason),
            None => Cow::Borrowed(&self.first.reason),
        }
    }
}
