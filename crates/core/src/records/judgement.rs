//! The judgement of the events of a grant: whether each can be trusted.

use std::collections::{BTreeMap, BTreeSet};

use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use super::GrantEvent;
use super::request::verify_origin;
use crate::grant_id::GrantId;
use crate::saml::hex;
use crate::seal::Signers;

/// How far the clocks of two administrators may differ.
const TOLERATED_EVENT_SKEW: SignedDuration = SignedDuration::from_mins(15);

/// How many files and defects are kept of those that anybody can add: thousands must not fill the memory.
pub(super) const MAX_UNTRUSTED: usize = 100;

/// Leaves out the defects beyond the first ones, and says so.
pub(super) fn shorten(defects: &mut Vec<(Option<u32>, String)>) {
    if defects.len() > MAX_UNTRUSTED {
        let further = defects.len() - MAX_UNTRUSTED;
        defects.truncate(MAX_UNTRUSTED);
        defects.push((None, format!("{further} further defects, such as files that are not events")));
    }
}

/// An event, and whether it can be trusted.
#[derive(Debug, Clone)]
pub(super) struct Judged {
    pub(super) event: GrantEvent,
    /// The fingerprint of the key that has signed it.
    pub(super) key: Option<String>,
    /// Whether an administrator who is trusted has signed it as this event of this grant.
    pub(super) is_signed: bool,
    /// Whether it follows the last event that can be trusted, too.
    pub(super) is_trusted: bool,
}

/// The judgement of events, one after the other.
pub(super) struct EventJudge<'a> {
    id: &'a GrantId,
    signers: &'a Signers,
    /// The numbers of the files so far, by their digests.
    earlier: BTreeMap<String, u32>,
    /// The last event that can be trusted, and its number.
    last: Option<(u32, GrantEvent)>,
    pub(super) defects: Vec<(Option<u32>, String)>,
}

impl<'a> EventJudge<'a> {
    pub(super) fn new(id: &'a GrantId, signers: &'a Signers) -> Self {
        Self { id, signers, earlier: BTreeMap::new(), last: None, defects: Vec::new() }
    }

    pub(super) fn judge(&mut self, number: u32, event: GrantEvent, file: &[u8]) -> Judged {
        let mut found = Vec::new();
        if event.id != *self.id {
            found.push(format!("event {number} belongs to the grant {}", event.id));
        }
        if event.seq != number {
            found.push(format!("event {number} says that it is event {}", event.seq));
        }
        if let Some((_, before)) = &self.last {
            let changed = before.changed_facts(&event);
            if !changed.is_empty() {
                found.push(format!("event {number} changes what must stay the same: {}", changed.join(", ")));
            }
        }
        let mut key = None;
        let signed = event.verified_key(file, self.signers).map(|found| key = Some(found));
        let mut excess = Vec::new();
        match signed.and_then(|()| verify_origin(&event, self.signers)) {
            Ok(beyond) => excess = beyond,
            Err(error) => found.push(format!("event {number}: {}", error.message())),
        }
        let is_signed = found.is_empty();
        // Somebody whose key was removed could date an event before the removal. Clocks differ a little.
        if let Some((_, before)) = &self.last
            && before.at.duration_since(event.at) > TOLERATED_EVENT_SKEW
        {
            found.push(format!("event {number} is dated before the one that it follows"));
        }
        if event.seq == number {
            found.extend(self.broken_chain(number, &event));
        }
        self.earlier.insert(hex(&Sha256::digest(file)), number);
        let is_trusted = found.is_empty();
        // An event that exceeds its approvals stays trusted, so that its access can be ended.
        found.extend(excess.into_iter().map(|beyond| format!("event {number}: {beyond}")));
        self.defects.extend(found.into_iter().map(|defect| (Some(number), defect)));
        if is_trusted {
            self.last = Some((number, event.clone()));
        }
        Judged { event, key, is_signed, is_trusted }
    }

    /// Why an event does not follow the last one that can be trusted. Events in between are ignored: they may be signed with a key that
    /// is no longer trusted, or not be events.
    fn broken_chain(&self, number: u32, event: &GrantEvent) -> Option<String> {
        let trusted = self.last.as_ref().map(|(number, _)| *number);
        match (&event.prev, trusted) {
            (None, None) => None,
            (None, _) => Some(format!("event {number} says that it is the first")),
            (Some(digest), trusted) => match self.earlier.get(digest) {
                None => Some(format!("event {number} follows an event that was changed or removed")),
                Some(followed) if Some(*followed) < trusted => {
                    Some(format!("event {number} does not follow event {}", trusted.unwrap_or_default()))
                }
                Some(_) => None,
            },
        }
    }
}

/// Says which numbers up to the last event are missing.
pub(super) fn missing(occupied: &BTreeSet<u32>, last: u32) -> Vec<String> {
    let mut expected = 1;
    let mut missing = Vec::new();
    for number in occupied.range(..=last) {
        match number.saturating_sub(expected) {
            0 => {}
            1 => missing.push(format!("event {expected} is missing")),
            _ => missing.push(format!("the events {expected} to {} are missing", number - 1)),
        }
        expected = number.saturating_add(1);
    }
    missing
}
