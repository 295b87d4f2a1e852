//! The layout of a trail's bucket ("CloudTrail log file name format", CloudTrail user guide):
//! `AWSLogs/[ORGANIZATION/]ACCOUNT/CloudTrail/REGION/YYYY/MM/DD/FILE`.

use jiff::{SignedDuration, Timestamp};

use super::TrailQuery;

/// How deep folders are searched.
pub(super) const MAX_DEPTH: usize = 16;

/// The days whose files can have the events of a query.
pub(super) struct Days {
    /// As `YYYY/MM/DD`, which are in order as texts.
    first: String,
    last: String,
}

/// A file can be delivered on the day after its events.
const DELIVERY: SignedDuration = SignedDuration::from_hours(24);

impl Days {
    pub(super) fn of(query: &TrailQuery) -> Self {
        let day = |at: Timestamp| at.strftime("%Y/%m/%d").to_string();
        let last = |until: Timestamp| day(until.checked_add(DELIVERY).unwrap_or(until));
        Self {
            first: query.from.map_or_else(String::new, day),
            last: query.until.map_or_else(|| "9999".to_owned(), last),
        }
    }

    /// Whether a file or folder of this path can have events of these days. Paths of another layout can have anything.
    pub(super) fn can_have<'a>(&self, path: impl IntoIterator<Item = &'a str>) -> bool {
        let mut parts = path.into_iter();
        // What a bucket has for other services, and digests, is next to the events.
        let account = |part: &&str| part.len() == 12 && part.bytes().all(|byte| byte.is_ascii_digit());
        if !parts.by_ref().any(|part| part == "AWSLogs") || !parts.by_ref().any(|part| account(&part)) {
            return true;
        }
        match parts.next() {
            None => return true,
            Some("CloudTrail") => {}
            Some(_) => return false,
        }
        let date: Vec<_> = parts.skip(1).take(3).collect();
        let date = date.join("/");
        let bound = |bound: &str| bound.get(..date.len()).unwrap_or(bound).to_owned();
        date.is_empty() || (bound(&self.first) <= date && date <= bound(&self.last))
    }
}

/// Whether a file has events, by its name.
pub(super) fn is_event_file(name: &str) -> bool {
    name.ends_with(".json.gz") || name.ends_with(".json")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_out_of_the_period_and_other_services_are_left_out() {
        let query = TrailQuery {
            from: Some("2026-11-30T22:00:00Z".parse().unwrap()),
            until: Some("2026-12-01T01:00:00Z".parse().unwrap()),
            ..TrailQuery::default()
        };
        let days = Days::of(&query);
        let can = |path: &str| days.can_have(path.split('/'));
        for path in [
            "AWSLogs",
            "logs/AWSLogs/111122223333",
            "AWSLogs/o-exampleorgid/111122223333/CloudTrail/us-east-1",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/30/file.json.gz",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/12/02/file.json.gz",
            "my/copy/of/some.json.gz",
        ] {
            assert!(can(path), "{path}");
        }
        for path in [
            "AWSLogs/111122223333/Config/us-east-1/2026/11/30/file.json.gz",
            "AWSLogs/111122223333/CloudTrail-Digest",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2025",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/10",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/29",
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/12/03/file.json.gz",
        ] {
            assert!(!can(path), "{path}");
        }
        let all = Days::of(&TrailQuery::default());
        assert!(all.can_have("AWSLogs/111122223333/CloudTrail/us-east-1/2026/12/03/x.json.gz".split('/')));
    }
}
