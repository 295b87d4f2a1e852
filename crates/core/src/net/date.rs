//! The time of a server, as the header `Date` of its answers has it.

use jiff::Timestamp;

/// Parses an HTTP date (RFC 9110, section 5.6.7), a subset of RFC 2822.
pub(crate) fn http_date(text: &str) -> Option<Timestamp> {
    jiff::fmt::rfc2822::parse(text).ok().map(|zoned| zoned.timestamp())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_dates_are_read() {
        assert_eq!(http_date("Tue, 24 Nov 2026 03:42:50 GMT"), "2026-11-24T03:42:50Z".parse().ok());
        assert_eq!(http_date("yesterday"), None);
    }
}
