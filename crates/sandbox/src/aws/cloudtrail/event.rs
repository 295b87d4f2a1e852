//! An event, and what LookupEvents finds it by.

use jiff::Timestamp;

/// An event of CloudTrail.
#[derive(Debug, Clone)]
pub(super) struct Event {
    /// The account whose events it is among.
    pub(super) account: String,
    pub(super) region: String,
    /// When the call was made. `eventTime` is in whole seconds.
    pub(super) time: Timestamp,
    pub(super) id: String,
    pub(super) source: &'static str,
    pub(super) name: String,
    pub(super) is_read_only: bool,
    /// Whether it is about the content of a bucket. LookupEvents does not return such events.
    pub(super) is_data: bool,
    pub(super) username: Option<String>,
    pub(super) access_key: Option<String>,
    pub(super) resources: Vec<Resource>,
    /// Whether it is in the bucket of the trail.
    pub(super) is_delivered: bool,
    /// The event as JSON.
    pub(super) record: String,
}

/// A resource that LookupEvents finds an event by.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Resource {
    pub(super) kind: &'static str,
    pub(super) name: String,
}

/// Formats a time as the elements of requests and responses have it: `Nov 25, 2026, 2:40:00 PM`.
pub(crate) fn readable_time(time: Timestamp) -> String {
    time.strftime("%b %-d, %Y, %-I:%M:%S %p").to_string()
}

/// Formats a time as `eventTime` has it.
pub(super) fn instant(time: Timestamp) -> String {
    time.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}

#[cfg(test)]
mod tests {
    #[test]
    fn times_in_elements_are_those_of_java() {
        let shown = |text: &str| super::readable_time(text.parse().unwrap());
        assert_eq!(shown("2026-11-25T14:40:00Z"), "Nov 25, 2026, 2:40:00 PM");
        assert_eq!(shown("2026-03-02T00:05:09Z"), "Mar 2, 2026, 12:05:09 AM");
    }
}
