use std::sync::{Arc, Mutex, PoisonError};

use jiff::{SignedDuration, Timestamp};

/// The clock of the sandbox: the machine's, or what a test sets.
#[derive(Debug, Clone, Default)]
pub struct SandboxClock(Arc<Mutex<Reading>>);

#[derive(Debug, Default)]
struct Reading {
    fixed: Option<Timestamp>,
    ahead: SignedDuration,
}

impl SandboxClock {
    /// Returns the current time in the sandbox.
    pub fn now(&self) -> Timestamp {
        let reading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let base = reading.fixed.unwrap_or_else(Timestamp::now);
        base.checked_add(reading.ahead).unwrap_or(base)
    }

    /// Stops the clock at this instant. [`advance`](Self::advance) still moves it.
    pub fn stop_at(&self, instant: Timestamp) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Reading { fixed: Some(instant), ..Reading::default() };
    }

    /// Whether the clock is stopped.
    pub(crate) fn is_stopped(&self) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).fixed.is_some()
    }

    /// Moves the clock forward, or back if `by` is negative.
    pub fn advance(&self, by: SignedDuration) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).ahead += by;
    }
}
