//! A period of time, to which a report or an export is limited.

use jiff::Timestamp;
use jiff::civil::{Date, Time};
use jiff::tz::TimeZone;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// A period: from its begin, up to and without its end. Default: all time.
///
/// ```
/// use tempaccess_core::report::Period;
///
/// let day = Period::parse(Some("2026-11-24"), Some("2026-11-25"))?;
/// assert!(day.contains("2026-11-24T23:59:59Z".parse().expect("a time")));
/// assert!(!day.contains("2026-11-25T00:00:00Z".parse().expect("a time")));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct Period {
    /// The begin.
    pub from: Option<Timestamp>,
    /// The end, which does not belong to the period.
    pub until: Option<Timestamp>,
}

impl Period {
    /// Parses the begin and the end: an instant such as `2026-11-24T18:00:00Z`, or a date, which means 0:00 UTC.
    ///
    /// # Errors
    ///
    /// `invalid_argument`, including if the period ends before it begins.
    pub fn parse(from: Option<&str>, until: Option<&str>) -> Result<Self> {
        let period = Self { from: from.map(instant).transpose()?, until: until.map(instant).transpose()? };
        match (period.from, period.until) {
            (Some(from), Some(until)) if from >= until => {
                let message = format!("the period ends at {until}, before it begins at {from}");
                Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                    .with_hint("the end does not belong to the period: a day ends on the next one"))
            }
            _ => Ok(period),
        }
    }

    /// Whether the instant is in the period.
    pub fn contains(&self, at: Timestamp) -> bool {
        self.from.is_none_or(|from| at >= from) && self.until.is_none_or(|until| at < until)
    }

    /// Whether any part of `first` to `last` is in the period.
    pub fn overlaps(&self, first: Timestamp, last: Timestamp) -> bool {
        self.from.is_none_or(|from| last >= from) && self.until.is_none_or(|until| first < until)
    }
}

fn instant(text: &str) -> Result<Timestamp> {
    let midnight = |date: Date| TimeZone::UTC.to_timestamp(date.to_datetime(Time::midnight()));
    let of_date = || text.parse::<Date>().and_then(midnight);
    text.parse::<Timestamp>().or_else(|_| of_date()).map_err(|error| {
        let message = format!("`{}` is not a time", excerpt(text));
        Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
            .with_hint("write it as `2026-11-25T18:00:00Z`, or as a date")
            .with_source(error)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_and_instants_are_read() {
        let period = Period::parse(Some("2026-11-24"), Some("2026-11-24T12:00:00+01:00")).unwrap();
        assert_eq!(period.from.unwrap().to_string(), "2026-11-24T00:00:00Z");
        assert_eq!(period.until.unwrap().to_string(), "2026-11-24T11:00:00Z");
        let kind = |from, until| Period::parse(from, until).unwrap_err().kind();
        assert_eq!(kind(Some("yesterday"), None), ErrorKind::InvalidArgument);
        assert_eq!(kind(Some("2026-11-24"), Some("2026-11-24")), ErrorKind::InvalidArgument);
    }

    #[test]
    fn a_grant_that_ends_when_the_period_begins_touches_it() {
        let at = |hour: i8| format!("2026-11-24T{hour:02}:00:00Z").parse::<Timestamp>().unwrap();
        let period = Period { from: Some(at(10)), until: Some(at(12)) };
        assert!(period.overlaps(at(8), at(10)) && period.overlaps(at(11), at(20)) && period.overlaps(at(1), at(23)));
        assert!(!period.overlaps(at(8), at(9)) && !period.overlaps(at(12), at(13)));
    }
}
