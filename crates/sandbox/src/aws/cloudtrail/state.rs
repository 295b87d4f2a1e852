//! The events so far.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use jiff::{SignedDuration, Timestamp};

use super::draft::Draft;
use super::event::Event;
use crate::clock::SandboxClock;

/// How long an event takes until it is visible, unless a test sets it. At AWS, it is about five minutes.
const DELAY: SignedDuration = SignedDuration::from_secs(5);
/// The calls of LookupEvents that are answered in each second, for each account and region.
const LOOKUPS_PER_SECOND: usize = 2;

/// CloudTrail: an event for every call of STS, IAM, S3 and CloudTrail.
#[derive(Debug)]
pub struct Trail {
    pub(super) clock: SandboxClock,
    state: Mutex<State>,
}

#[derive(Debug)]
pub(super) struct State {
    /// In the order of the calls.
    pub(super) events: Vec<Event>,
    pub(super) delay: SignedDuration,
    /// The times of the last calls of LookupEvents, by account and region.
    lookups: HashMap<(String, String), Vec<Timestamp>>,
}

impl State {
    /// Whether an event is visible.
    pub(super) fn is_visible(&self, event: &Event, now: Timestamp) -> bool {
        event.time.checked_add(self.delay).is_ok_and(|visible| visible <= now)
    }
}

impl Trail {
    pub(crate) fn new(clock: SandboxClock) -> Self {
        let state = State { events: Vec::new(), delay: DELAY, lookups: HashMap::new() };
        Self { clock, state: Mutex::new(state) }
    }

    pub(super) fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Sets how long events take until LookupEvents and files have them, by the sandbox's clock. It applies to earlier
    /// events as well. Default: 5 seconds.
    pub fn delay(&self, delay: SignedDuration) {
        self.lock().delay = delay;
    }

    /// Returns all events so far as JSON, in the order of the calls, including those that are not visible yet.
    pub fn events(&self) -> Vec<String> {
        self.lock().events.iter().map(|event| event.record.clone()).collect()
    }

    /// Records the event of a call.
    pub(crate) fn record(&self, draft: Draft) {
        self.lock().events.extend(draft.finish());
    }

    /// Whether an account calls LookupEvents too often. A stopped clock has no rate.
    pub(super) fn is_throttled(&self, account: &str, region: &str) -> bool {
        if self.clock.is_stopped() {
            return false;
        }
        let now = self.clock.now();
        let mut state = self.lock();
        let times = state.lookups.entry((account.to_owned(), region.to_owned())).or_default();
        times.retain(|time| now.duration_since(*time).abs() < SignedDuration::from_secs(1));
        if times.len() >= LOOKUPS_PER_SECOND {
            return true;
        }
        times.push(now);
        false
    }
}
