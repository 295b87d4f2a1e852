//! The time that a sign-in has taken, independent of the wall clock.

use std::sync::Mutex;
use std::sync::PoisonError;
use std::time::{Duration, Instant};

use crate::clock::Timer;

/// Measures how long a sign-in has taken.
///
/// Setting the wall clock back must not prolong a wait, so that the time is taken from the system's monotonic clock. Time
/// that an injected timer only pretends to sleep counts too: otherwise polling on such a timer would not end.
#[derive(Debug)]
pub(super) struct Stopwatch<'a> {
    timer: &'a dyn Timer,
    started: Instant,
    slept: Mutex<Duration>,
}

impl<'a> Stopwatch<'a> {
    pub(super) fn start(timer: &'a dyn Timer) -> Self {
        Self { timer, started: Instant::now(), slept: Mutex::new(Duration::ZERO) }
    }

    /// Returns the time since the start.
    pub(super) fn elapsed(&self) -> Duration {
        let slept = *self.slept.lock().unwrap_or_else(PoisonError::into_inner);
        self.started.elapsed().max(slept)
    }

    /// Waits for `duration`.
    pub(super) async fn sleep(&self, duration: Duration) {
        self.timer.sleep(duration).await;
        let mut slept = self.slept.lock().unwrap_or_else(PoisonError::into_inner);
        *slept = slept.saturating_add(duration);
    }
}
