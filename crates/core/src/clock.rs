//! Time, injected: what is it now, and wake me later.

use std::fmt;
#[cfg(feature = "runtime")]
use std::time::Duration;

use jiff::Timestamp;

/// Tells the time. Everything in this crate that compares an instant with "now" asks one of these.
///
/// ```
/// use tempaccess_core::{Clock, SystemClock};
///
/// let before = SystemClock.now();
/// assert!(SystemClock.now() >= before);
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// The current instant.
    fn now(&self) -> Timestamp;
}

/// A [`Clock`] that can also wait, for sources that poll.
#[cfg(feature = "runtime")]
#[async_trait::async_trait]
pub trait Timer: Clock {
    /// Returns once `duration` has passed on this clock.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clock.
#[derive(Debug, Clone, Copy, Default)]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }
}

#[cfg(feature = "runtime")]
#[async_trait::async_trait]
impl Timer for SystemClock {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}
