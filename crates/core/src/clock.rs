//! The two clocks that everything here reads: wall time for what the world dates, monotonic time for deadlines.

use std::fmt;
use std::time::Duration;

use jiff::Timestamp;

/// Reads the time. Every comparison with "now" in this crate goes through one of these, so that tests and embedders
/// control it.
///
/// A person or a time server can set the wall clock back or ahead at any moment. So only what carries a date from
/// elsewhere (an expiration, an assertion's validity) is compared with [`now`](Self::now); every deadline of a wait is
/// counted on [`monotonic`](Self::monotonic).
///
/// ```
/// use tempaccess_core::{Clock, clock::SystemClock};
///
/// let (wall, monotonic) = (SystemClock.now(), SystemClock.monotonic());
/// assert!(wall.as_second() > 0);
/// assert!(SystemClock.monotonic() >= monotonic);
/// ```
///
/// A clock for tests keeps both readings, and moves them apart to play a clock that is set:
///
/// ```
/// use std::time::Duration;
/// use jiff::Timestamp;
/// use tempaccess_core::Clock;
///
/// #[derive(Debug)]
/// struct Fixed { wall: Timestamp, monotonic: Duration }
///
/// impl Clock for Fixed {
///     fn now(&self) -> Timestamp {
///         self.wall
///     }
///
///     fn monotonic(&self) -> Duration {
///         self.monotonic
///     }
/// }
/// ```
pub trait Clock: fmt::Debug + Send + Sync {
    /// Returns the current wall time.
    fn now(&self) -> Timestamp;

    /// Returns the time since an arbitrary, fixed moment, which never decreases and does not follow changes of the wall
    /// clock. Readings of different clocks cannot be compared.
    ///
    /// There is deliberately no default: a double that fakes [`now`](Self::now) and took this from the machine would
    /// wait in real time.
    fn monotonic(&self) -> Duration;
}

/// A [`Clock`] that can also wait, for sources that poll.
#[cfg(feature = "runtime")]
#[async_trait::async_trait]
pub trait Timer: Clock {
    /// Returns once `duration` has passed on this clock's [`monotonic`](Clock::monotonic) reading.
    async fn sleep(&self, duration: Duration);
}

/// The machine's own clocks.
///
/// The monotonic one goes on while the machine is suspended, where the system has such a clock (Linux: `CLOCK_BOOTTIME`;
/// macOS: `CLOCK_MONOTONIC`; Windows: the performance counter): a push at the identity provider, a device code and an
/// assertion at AWS grow older meanwhile, too.
#[derive(Debug, Clone, Copy, Default)]
#[allow(clippy::exhaustive_structs, reason = "it has no fields")]
pub struct SystemClock;

impl Clock for SystemClock {
    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        system::monotonic()
    }
}

#[cfg(feature = "runtime")]
#[async_trait::async_trait]
impl Timer for SystemClock {
    async fn sleep(&self, duration: Duration) {
        tokio::time::sleep(duration).await;
    }
}

#[cfg(unix)]
mod system {
    use std::time::Duration;

    use rustix::time::{ClockId, clock_gettime};

    // std's `Instant` is CLOCK_MONOTONIC on Linux and CLOCK_UPTIME_RAW on macOS: both stand still during suspend.
    #[cfg(any(target_os = "linux", target_os = "android"))]
    const CLOCK: ClockId = ClockId::Boottime;
    #[cfg(not(any(target_os = "linux", target_os = "android")))]
    const CLOCK: ClockId = ClockId::Monotonic;

    pub(super) fn monotonic() -> Duration {
        // Never negative: it counts from the start of the machine.
        Duration::try_from(clock_gettime(CLOCK)).unwrap_or_default()
    }
}

#[cfg(not(unix))]
mod system {
    use std::sync::LazyLock;
    use std::time::{Duration, Instant};

    static START: LazyLock<Instant> = LazyLock::new(Instant::now);

    pub(super) fn monotonic() -> Duration {
        START.elapsed()
    }
}

/// A moment on a [`Clock`]'s monotonic reading at which a wait ends.
#[cfg(feature = "runtime")]
#[derive(Debug, Clone, Copy)]
pub(crate) struct Deadline(Duration);

#[cfg(feature = "runtime")]
impl Deadline {
    /// The deadline this long from now.
    pub(crate) fn after(clock: &(impl Clock + ?Sized), duration: Duration) -> Self {
        Self(clock.monotonic().saturating_add(duration))
    }

    /// Whether it has passed.
    #[cfg(feature = "okta")]
    pub(crate) fn has_passed(self, clock: &(impl Clock + ?Sized)) -> bool {
        self.remaining(clock).is_zero()
    }

    /// The time until it passes; zero once it has.
    pub(crate) fn remaining(self, clock: &(impl Clock + ?Sized)) -> Duration {
        self.0.saturating_sub(clock.monotonic())
    }
}
