//! The time that a sign-in has taken, independent of the wall clock.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::clock::Timer;

/// Measures how long a sign-in has taken.
///
/// Setting the wall clock back must not prolong a wait, so that the time is taken from the system's monotonic clock. An
/// injected timer may return from `sleep` early, because its time is not that of the system. What is missing then is added:
/// otherwise polling on such a timer would not end.
#[derive(Debug)]
pub(super) struct Stopwatch<'a> {
    timer: &'a dyn Timer,
    started: Instant,
    added: Mutex<Duration>,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn start(timer: &'a dyn Timer) -> Self {
        Self { timer, started: Instant::now(), added: Mutex::new(Duration::ZERO) }
    }

    /// Returns the time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        let added = *self.added.lock().unwrap_or_else(PoisonError::into_inner);
        self.started.elapsed().saturating_add(added)
    }

    /// Waits for `duration`.
    pub(super) async fn sleep(&self, duration: Duration) {
        let before = Instant::now();
        self.timer.sleep(duration).await;
        let missing = duration.saturating_sub(before.elapsed());
        let mut added = self.added.lock().unwrap_or_else(PoisonError::into_inner);
        *added = added.saturating_add(missing);
    }
}
