//! `xs:dateTime` as SAML uses it (SAML core 1.3.3).

use jiff::civil::{Date, Time};
use jiff::{SignedDuration, Timestamp};

/// Parses an instant, in UTC unless it has an offset.
///
/// An instant outside the years that [`Timestamp`] covers, such as .NET's `DateTime.MaxValue` (9999-12-31T23:59:59.9999999Z)
/// or Java's `Instant.MAX`, becomes the last or the first instant that it can represent.
pub(crate) fn parse(text: &str) -> Option<Timestamp> {
    // Not what jiff takes besides: other receivers would refuse that.
    parse_date_time(text.trim_ascii())
}

/// Parses what XML Schema (part 2, section 3.2.7) allows: with an offset or without, years of more than four digits, negative years,
/// fractions of any length, midnight as `24:00:00`.
fn parse_date_time(text: &str) -> Option<Timestamp> {
    let (date, time) = text.split_once('T')?;
    let (time, offset) = split_offset(time)?;
    let (time, is_end_of_day) = parse_time(time)?;
    let date = match parse_date(date)? {
        FoundDate::InRange(date) => date,
        FoundDate::Before => return Some(Timestamp::MIN),
        FoundDate::After => return Some(Timestamp::MAX),
    };
    let since_epoch = date.to_datetime(time).duration_since(Date::new(1970, 1, 1).ok()?.to_datetime(Time::midnight()));
    let day = SignedDuration::from_hours(if is_end_of_day { 24 } else { 0 });
    let instant = since_epoch.checked_add(day)?.checked_sub(offset)?;
    Some(match Timestamp::from_duration(instant) {
        Ok(instant) => instant,
        Err(_) if instant.is_negative() => Timestamp::MIN,
        Err(_) => Timestamp::MAX,
    })
}

enum FoundDate {
    InRange(Date),
    /// A date before those that [`Date`] covers.
    Before,
    After,
}

fn parse_date(text: &str) -> Option<FoundDate> {
    // Java writes a plus before years beyond 9999.
    let (is_negative, text) = match text.strip_prefix('-') {
        Some(text) => (true, text),
        None => (false, text.strip_prefix('+').unwrap_or(text)),
    };
    let (year, rest) = text.split_once('-')?;
    let (month, day) = rest.split_once('-')?;
    let (month, day) = (two_digits(month)?, two_digits(day)?);
    if year.len() < 4 || !year.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    match year.parse::<i16>().ok().filter(|year| *year <= 9999) {
        Some(year) => Date::new(if is_negative { -year } else { year }, month, day).ok().map(FoundDate::InRange),
        // The calendar repeats every 400 years, so the last four digits tell whether the day exists.
        None => {
            let cycle = year.get(year.len() - 4..)?.parse().ok()?;
            Date::new(cycle, month, day).ok()?;
            Some(if is_negative { FoundDate::Before } else { FoundDate::After })
        }
    }
}

/// The time of day, and whether it is `24:00:00`, which is given as midnight.
fn parse_time(text: &str) -> Option<(Time, bool)> {
    let (text, nanosecond) = match text.split_once('.') {
        Some((text, fraction)) => (text, nanosecond(fraction)?),
        None => (text, 0),
    };
    let (hour, rest) = text.split_once(':')?;
    let (minute, second) = rest.split_once(':')?;
    let (hour, minute, second) = (two_digits(hour)?, two_digits(minute)?, two_digits(second)?);
    if (hour, minute, second, nanosecond) == (24, 0, 0, 0) {
        return Some((Time::midnight(), true));
    }
    Some((Time::new(hour, minute, second, nanosecond).ok()?, false))
}

/// A fraction of a second, cut at nanoseconds.
fn nanosecond(fraction: &str) -> Option<i32> {
    if fraction.is_empty() || !fraction.bytes().all(|byte| byte.is_ascii_digit()) {
        return None;
    }
    format!("{:0<9}", fraction.get(..9).unwrap_or(fraction)).parse().ok()
}

/// Splits the offset, `Z` or `±hh:mm`, from a time.
fn split_offset(text: &str) -> Option<(&str, SignedDuration)> {
    if let Some(time) = text.strip_suffix('Z') {
        return Some((time, SignedDuration::ZERO));
    }
    let Some(at) = text.find(['+', '-']) else { return Some((text, SignedDuration::ZERO)) };
    let (time, offset) = text.split_at_checked(at)?;
    let (hours, minutes) = offset.get(1..)?.split_once(':')?;
    let (hours, minutes) = (two_digits(hours)?, two_digits(minutes)?);
    // XML Schema ends at 14 hours, Java at 18.
    if hours > 18 || minutes > 59 {
        return None;
    }
    let size = SignedDuration::from_mins(i64::from(hours) * 60 + i64::from(minutes));
    Some((time, if offset.starts_with('-') { -size } else { size }))
}

fn two_digits(text: &str) -> Option<i8> {
    if text.len() == 2 && text.bytes().all(|byte| byte.is_ascii_digit()) { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn utc_with_and_without_an_offset() {
        let instant = parse("2026-11-24T10:00:00Z").unwrap();
        for same in [
            "2026-11-24T10:00:00",
            "2026-11-24T10:00:00.000Z",
            "2026-11-24T10:00:00.00000000000000",
            " 2026-11-24T11:00:00+01:00\n",
            "2026-11-23T20:00:00.000000000000-14:00",
        ] {
            assert_eq!(parse(same), Some(instant), "{same}");
        }
        assert_eq!(parse("2026-11-24T24:00:00"), parse("2026-11-25T00:00:00Z"));
        assert_eq!(parse("2026-11-24T24:00:00Z"), parse("2026-11-25T00:00:00Z"));
        assert_eq!(parse("2026-11-24T10:00:00.1234567899Z"), parse("2026-11-24T10:00:00.123456789Z"));
    }

    #[test]
    fn the_first_and_last_instants_of_other_platforms() {
        for last in [
            // .NET and Python, whose last years are those of `Timestamp`, which ends a day earlier.
            "9999-12-31T23:59:59Z",
            "9999-12-31T23:59:59.9999999Z",
            "9999-12-31T23:59:59.9999999",
            "9999-12-31T23:59:59.999999+00:00",
            "9999-12-31T23:59:59.9999999-08:00",
            "9999-12-31T24:00:00Z",
            // Java: `Instant`, `OffsetDateTime`, `Long.MAX_VALUE` milliseconds.
            "+1000000000-12-31T23:59:59.999999999Z",
            "+999999999-12-31T23:59:59.999999999-18:00",
            "292278994-08-17T07:12:55.807Z",
            "+292278994-08-17T07:12:55.807Z",
            "10000-01-01T00:00:00Z",
            "99999999999999999999-02-28T00:00:00Z",
        ] {
            assert_eq!(parse(last), Some(Timestamp::MAX), "{last}");
        }
        for first in [
            "-1000000000-01-01T00:00:00Z",
            "-292275055-05-16T16:47:04.192Z",
            "-9999-01-01T00:00:00Z",
            "-32769-01-01T00:00:00",
        ] {
            assert_eq!(parse(first), Some(Timestamp::MIN), "{first}");
        }
        assert_eq!(parse("0001-01-01T00:00:00").unwrap(), "0001-01-01T00:00:00Z".parse().unwrap());
        assert_eq!(parse("0001-01-01T00:00:00.0000000+14:00").unwrap(), "0000-12-31T10:00:00Z".parse().unwrap());
        assert_eq!(parse("2038-01-19T03:14:07Z").unwrap().as_second(), i64::from(i32::MAX));
    }

    #[test]
    fn what_is_not_an_instant() {
        for not in [
            "",
            "2026-11-24",
            "yesterday",
            "2026-13-01T00:00:00Z",
            "2026-02-29T00:00:00",
            "12026-02-29T00:00:00Z",
            "2026-11-24T10:00:00-",
            "2026-11-24T10:00:00+30:00",
            "2026-11-24T10:00:00+01:00:00:00",
            "2026-11-24T24:00:01Z",
            "2026-11-24T25:00:00Z",
            "2026-11-24T10:60:00",
            "2026-11-24T10:00",
            "2026-11-24T10:00:00.",
            "2026-11-24T10:00:00.5x",
            "226-11-24T10:00:00",
            "+-2026-11-24T10:00:00",
            "2026-1-24T10:00:00",
            "20261-11--24T10:00:00",
            "é",
        ] {
            assert_eq!(parse(not), None, "{not}");
        }
    }
}
