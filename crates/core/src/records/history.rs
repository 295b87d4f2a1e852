//! What the events of a grant say: who has what, until when, and whether it still counts.

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;
use sha2::{Digest, Sha256};

use super::{EventKind, GrantEvent, GrantKind, Records};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grants::{GrantId, verify_origin};
use crate::saml::hex;
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
        }
    }
}

/// How far the clocks of two administrators may differ.
const TOLERATED_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// The events of a grant, oldest first. There is at least one.
#[derive(Debug, Clone)]
pub struct GrantHistory {
    first: GrantEvent,
    later: Vec<GrantEvent>,
    /// The number and the file of the last record, be it an event or not. The next one follows it.
    last: (u32, Vec<u8>),
    /// Whether each event can be trusted.
    trusted: Vec<bool>,
    /// Why the records cannot be trusted, one line each.
    defects: Vec<String>,
    /// The event that each defect is about. A missing event is not one.
    suspects: Vec<Option<u32>>,
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

    /// Puts events together from their numbers and files.
    pub(crate) fn from_files(files: Vec<(u32, Vec<u8>)>, id: &GrantId, signers: &Signers) -> Result<Option<Self>> {
        let mut history: Option<Self> = None;
        let mut previous: Option<String> = None;
        let mut expected = 1;
        for (number, file) in files {
            let event = match (GrantEvent::parse(&file), &mut history) {
                (Ok(event), _) => event,
                (Err(error), None) => return Err(error),
                // Somebody who can write a file there must not be able to hide the grant with it.
                (Err(error), Some(history)) => {
                    history.suspects.push(Some(number));
                    history.defects.push(format!("event {number} is not one: {}", error.message()));
                    expected = number.saturating_add(1);
                    previous = Some(hex(&Sha256::digest(&file)));
                    history.last = (number, file);
                    continue;
                }
            };
            let mut found = Vec::new();
            if event.id != *id {
                found.push((Some(number), format!("event {number} belongs to the grant {}", event.id)));
            }
            if let Some(before) = history.as_ref().map(Self::last) {
                let changed = before.changed_facts(&event);
                if !changed.is_empty() {
                    let text = format!("event {number} changes what no event can: {}", changed.join(", "));
                    found.push((Some(number), text));
                }
                // Whose key was removed could sign for a time before that. Clocks differ a little.
                if before.at.duration_since(event.at) > TOLERATED_SKEW {
                    found.push((Some(number), format!("event {number} is dated before the one that it follows")));
                }
            }
            match number.saturating_sub(expected) {
                0 => {}
                1 => found.push((None, format!("event {expected} is missing"))),
                _ => found.push((None, format!("the events {expected} to {} are missing", number - 1))),
            }
            if event.seq != number || number == 0 {
                found.push((Some(number), format!("event {number} says that it is event {}", event.seq)));
            } else if number == expected && event.prev != previous {
                let text = format!("event {number} does not follow the one before it: one of them was changed");
                found.push((Some(number), text));
            }
            if let Err(error) = event.verify(&file, signers) {
                found.push((Some(number), format!("event {number}: {}", error.message())));
            } else if let Err(error) = verify_origin(&event, signers) {
                found.push((Some(number), format!("event {number}: {}", error.message())));
            }
            expected = number.saturating_add(1);
            previous = Some(hex(&Sha256::digest(&file)));
            let history = match &mut history {
                None => history.insert(Self {
                    first: event,
                    later: Vec::new(),
                    last: (number, file),
                    trusted: Vec::new(),
                    defects: Vec::new(),
                    suspects: Vec::new(),
                }),
                Some(history) => {
                    history.later.push(event);
                    history.last = (number, file);
                    history
                }
            };
            history.trusted.push(found.is_empty());
            for (suspect, defect) in found {
                history.suspects.push(suspect);
                history.defects.push(defect);
            }
        }
        Ok(history)
    }

    /// The id of the grant.
    pub fn id(&self) -> &GrantId {
        &self.first.id
    }

    /// The events, oldest first.
    pub fn events(&self) -> impl DoubleEndedIterator<Item = &GrantEvent> {
        std::iter::once(&self.first).chain(&self.later)
    }

    /// The events that can be trusted, oldest first, and in any case the first. If that one cannot be, none of the others is.
    ///
    /// Decisions are based on them: nobody ends, hides or moves access by adding events that no trusted administrator signed, nor
    /// keeps administrators from ending it. Each of them is signed together with its number and the digest of the record before it.
    fn trusted_events(&self) -> impl DoubleEndedIterator<Item = &GrantEvent> {
        let is_founded = !self.is_unfounded();
        let flags = self.trusted.iter().skip(1).map(move |is_trusted| *is_trusted && is_founded);
        let flags: Vec<bool> = flags.collect();
        let later = self.later.iter().zip(flags).filter(|(_, is_trusted)| *is_trusted).map(|(event, _)| event);
        std::iter::once(&self.first).chain(later)
    }

    /// The last event that can be trusted.
    pub fn last(&self) -> &GrantEvent {
        self.trusted_events().next_back().unwrap_or(&self.first)
    }

    /// Whether no event can be trusted, not even the first.
    pub(crate) fn is_unfounded(&self) -> bool {
        self.trusted.first() != Some(&true)
    }

    /// Returns the next event: the facts are those of the last trusted one, and the chain goes on from the last record.
    pub(crate) fn next_event(&self, event: EventKind, at: Timestamp) -> GrantEvent {
        let (number, file) = &self.last;
        GrantEvent::following(self.last(), number.saturating_add(1), file, event, at)
    }

    /// Why the records cannot be trusted, one line each: events that were changed, are missing, or are not signed by a trusted
    /// administrator.
    pub fn defects(&self) -> &[String] {
        &self.defects
    }

    /// The defects of one event: it was changed, is not signed by a trusted administrator, or does not follow the one before it.
    pub fn defects_of(&self, seq: u32) -> impl Iterator<Item = &str> {
        let concerns = move |(suspect, defect): (&Option<u32>, _)| (*suspect == Some(seq)).then_some(defect);
        self.suspects.iter().zip(&self.defects).filter_map(concerns).map(String::as_str)
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
        // What IAM refused is taken back by an event that moves the end back, and counts as none.
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

    /// Whether a deny ends it at AWS, or its policy was removed early.
    pub(crate) fn is_revoked(&self) -> bool {
        let decisive =
            self.trusted_events().rev().find(|event| matches!(event.event, EventKind::Revoked | EventKind::Restored));
        decisive.is_some_and(|event| event.event == EventKind::Revoked)
    }

    /// Whether it was given in an emergency, and nobody has reviewed it: nobody but those who gave, extended and got it, and after
    /// the last extension.
    pub fn needs_review(&self) -> bool {
        let gives = |event: &&GrantEvent| event.event.gives();
        let last = self.trusted_events().filter(gives).map(|event| event.seq).max();
        let is_review = |event: &GrantEvent| {
            event.event == EventKind::Reviewed
                && Some(event.seq) > last
                && event.by != self.first.to
                && !self.trusted_events().filter(gives).any(|giver| giver.by == event.by)
        };
        self.trusted_events().any(|event| event.break_glass) && !self.trusted_events().any(is_review)
    }

    /// Whether this administrator gave or extended it.
    pub(crate) fn involves(&self, name: &str) -> bool {
        self.trusted_events().any(|event| event.event.gives() && event.by == name)
    }

    /// The state at a time.
    pub fn state(&self, now: Timestamp) -> GrantState {
        if !self.trusted_events().any(|event| event.event.begins()) {
            let is_denied = self.trusted_events().any(|event| event.event == EventKind::Denied);
            return if is_denied { GrantState::Denied } else { GrantState::Pending };
        }
        if self.is_revoked() {
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

    /// The grant with its events as `--output json` and the bindings show it.
    pub fn details(&self, now: Timestamp) -> GrantDetails<'_> {
        GrantDetails { grant: self.summary(now), events: self.events().collect() }
    }

    /// The grant as `--output json` and the bindings show it.
    pub fn summary(&self, now: Timestamp) -> GrantSummary<'_> {
        let last = self.last();
        GrantSummary {
            id: self.id(),
            state: self.state(now),
            kind: self.kind(),
            to: self.to(),
            by: self.by(),
            role_arn: &last.role_arn,
            from: self.first.from,
            until: last.until,
            reason: &self.first.reason,
            preset: self.first.preset.as_deref(),
            extensions: self.extensions(),
            break_glass: self.events().any(|event| event.break_glass),
            needs_review: self.needs_review(),
            policy: last.policy.as_deref(),
            policy_arns: &last.policy_arns,
            from_ip: &last.from_ip,
            defects: &self.defects,
        }
    }
}

/// A grant with its events, in a form that is stable: what `grant show --output json` prints.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GrantDetails<'a> {
    /// What the events say together.
    pub grant: GrantSummary<'a>,
    /// The events, oldest first.
    pub events: Vec<&'a GrantEvent>,
}

/// The facts of a grant, in a form that is stable.
#[derive(Debug, Serialize)]
#[non_exhaustive]
pub struct GrantSummary<'a> {
    /// The id.
    pub id: &'a GrantId,
    /// Whether it counts.
    pub state: GrantState,
    /// How access is given.
    pub kind: GrantKind,
    /// The person.
    pub to: &'a str,
    /// The administrator who gave it.
    pub by: &'a str,
    /// The role.
    pub role_arn: &'a str,
    /// When access begins.
    pub from: Timestamp,
    /// When access ends.
    pub until: Timestamp,
    /// Why it was given.
    pub reason: &'a str,
    /// The preset that was used.
    pub preset: Option<&'a str>,
    /// How often it was extended.
    pub extensions: u32,
    /// Whether it was given in an emergency, without approvals.
    pub break_glass: bool,
    /// Whether somebody else has to review that.
    pub needs_review: bool,
    /// The policy.
    pub policy: Option<&'a str>,
    /// The managed session policies.
    pub policy_arns: &'a [String],
    /// The networks that access is limited to.
    pub from_ip: &'a [String],
    /// Why the records cannot be trusted.
    pub defects: &'a [String],
}
