use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::{Serialize, Serializer};

use super::invalid;
use crate::error::{Error, Result};

/// The duration of a session: 900 to 43,200 seconds (STS: `DurationSeconds`); one hour by default.
///
/// ```
/// use tempaccess_core::SessionDuration;
///
/// let duration: SessionDuration = "1h30m".parse()?;
/// assert_eq!(duration.seconds(), 5400);
/// assert_eq!(duration.to_string(), "1h 30m");
/// assert!("5m".parse::<SessionDuration>().is_err());
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct SessionDuration(u32);

impl SessionDuration {
    /// The shortest duration that STS accepts: 15 minutes.
    pub const MIN: Self = Self(900);
    /// The longest duration that a role can allow: 12 hours.
    pub const MAX: Self = Self(43_200);

    /// Returns a duration of this many seconds.
    ///
    /// # Errors
    ///
    /// `invalid_scope` outside 900 to 43,200.
    pub fn from_seconds(seconds: i64) -> Result<Self> {
        match u32::try_from(seconds) {
            Ok(seconds) if (Self::MIN.0..=Self::MAX.0).contains(&seconds) => Ok(Self(seconds)),
            Ok(seconds) if seconds < Self::MIN.0 => {
                Err(invalid(format!("a session of {} is too short", human(seconds)))
                    .with_hint("STS accepts 15 minutes or more; to end access sooner, revoke the session"))
            }
            Ok(seconds) => Err(invalid(format!("a session of {} is too long", human(seconds)))
                .with_hint("STS accepts 12 hours at most, and each role has a maximum of its own")),
            Err(_) => Err(invalid(format!("invalid duration: {seconds} seconds")).with_hint(GRAMMAR)),
        }
    }

    /// The duration in seconds.
    pub const fn seconds(self) -> u32 {
        self.0
    }
}

const GRAMMAR: &str = "write it as `45m`, `1h30m`, `12h`, or in seconds as `3600`";

impl Default for SessionDuration {
    fn default() -> Self {
        Self(3600)
    }
}

impl FromStr for SessionDuration {
    type Err = Error;

    fn from_str(text: &str) -> Result<Self> {
        let text = text.trim();
        let seconds = match text.parse::<i64>() {
            Ok(seconds) => Some(seconds),
            Err(_) => {
                text.parse::<SignedDuration>().ok().filter(|duration| duration.subsec_nanos() == 0).map(|d| d.as_secs())
            }
        };
        let seconds = seconds.ok_or_else(|| invalid(format!("invalid duration `{text}`")).with_hint(GRAMMAR))?;
        Self::from_seconds(seconds)
    }
}

impl fmt::Display for SessionDuration {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&human(self.0))
    }
}

impl Serialize for SessionDuration {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_u32(self.0)
    }
}

/// Formats seconds as `12h`, `1h 30m`, `45m`, `20s`.
pub(crate) fn human(seconds: u32) -> String {
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let said: Vec<_> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    if said.is_empty() { "0s".to_owned() } else { said.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_forms_that_people_write() {
        for (text, seconds) in [
            ("45m", 2700),
            ("1h30m", 5400),
            ("1h 30m", 5400),
            ("3600", 3600),
            ("900s", 900),
            ("12h", 43_200),
            ("1 hour", 3600),
            ("PT1H", 3600),
            (" 20m ", 1200),
        ] {
            assert_eq!(text.parse::<SessionDuration>().unwrap().seconds(), seconds, "{text}");
        }
    }

    #[test]
    fn what_is_no_duration_says_why() {
        let message = |text: &str| text.parse::<SessionDuration>().unwrap_err().message().to_owned();
        assert_eq!(message("10m"), "a session of 10m is too short");
        assert_eq!(message("13h"), "a session of 13h is too long");
        assert_eq!(message("-1h"), "invalid duration: -3600 seconds");
        assert_eq!(message("soon"), "invalid duration `soon`");
        assert_eq!(message("99999999999999999999"), "invalid duration `99999999999999999999`");
        assert_eq!(message("1h0.5s"), "invalid duration `1h0.5s`");
    }
}
