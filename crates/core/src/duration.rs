//! Durations as people write them: `40m`, `1h30m`, `3d`.

use jiff::SignedDuration;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::text::excerpt;

/// Parses a duration: `40m`, `1h30m`, `3d`, or seconds.
///
/// # Errors
///
/// `invalid_argument` if it is not one, or not positive.
pub fn parse_duration(text: &str) -> Result<SignedDuration> {
    let text = text.trim();
    let seconds = text.parse::<i64>().ok();
    let days = text.strip_suffix('d').and_then(|days| days.trim().parse::<i64>().ok());
    let duration = match (seconds, days) {
        (Some(seconds), _) => Some(SignedDuration::from_secs(seconds)),
        (None, Some(days)) => days.checked_mul(24).map(SignedDuration::from_hours),
        (None, None) => text.parse().ok(),
    };
    duration.filter(|duration| duration.as_secs() > 0).ok_or_else(|| {
        Error::new(ErrorKind::InvalidArgument, Stage::Grant, format!("invalid duration `{}`", excerpt(text)))
            .with_hint("write it as `40m`, `1h30m`, `3d`, or in seconds")
    })
}

/// Formats a duration in its two largest units: `40m`, `1h 30m`, `3d`.
pub fn format_duration(duration: SignedDuration) -> String {
    let seconds = duration.as_secs().max(0);
    let parts = [(seconds / 86_400, "d"), (seconds / 3_600 % 24, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let shown: Vec<_> =
        parts.iter().filter(|(number, _)| *number > 0).map(|(number, unit)| format!("{number}{unit}")).collect();
    // Two units are precise enough for people.
    let shown = shown.get(..2.min(shown.len())).unwrap_or_default();
    if shown.is_empty() { "0s".to_owned() } else { shown.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_are_read_and_written() {
        for (text, seconds) in [("40m", 2_400), ("1h30m", 5_400), ("3d", 259_200), ("90", 90)] {
            assert_eq!(parse_duration(text).unwrap().as_secs(), seconds);
        }
        assert!(parse_duration("0").is_err() && parse_duration("-1h").is_err() && parse_duration("soon").is_err());
        assert_eq!(format_duration(SignedDuration::from_secs(93_784)), "1d 2h");
        assert_eq!(format_duration(SignedDuration::from_mins(40)), "40m");
        assert_eq!(format_duration(SignedDuration::ZERO), "0s");
    }
}
