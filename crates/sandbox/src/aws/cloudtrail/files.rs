//! The files of a trail: all events, data events included, in the layout of its bucket.

use std::collections::BTreeMap;
use std::fs;
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use jiff::{SignedDuration, Timestamp};

use super::event::Event;
use super::state::Trail;
use crate::aws::Buckets;
use crate::aws::unique_id::unique_id;

/// The events of so many seconds are in one file.
const WINDOW: i64 = 300;

/// A file of a trail.
struct TrailFile {
    /// `AWSLogs/ACCOUNT/CloudTrail/REGION/2026/11/25/…`
    key: String,
    content: Vec<u8>,
}

impl Trail {
    /// Writes all events that are visible to files below a folder, named like the objects in the bucket of a trail, and
    /// returns the files. Management and data events of all accounts and regions are written.
    ///
    /// # Errors
    ///
    /// If a file cannot be written.
    pub fn write_files(&self, folder: &Path) -> io::Result<Vec<PathBuf>> {
        let now = self.clock.now();
        let files = {
            let state = self.lock();
            files(state.events.iter().filter(|event| state.is_visible(event, now)))?
        };
        let write = |file: TrailFile| {
            let path = folder.join(&file.key);
            fs::create_dir_all(path.parent().unwrap_or(folder))?;
            fs::write(&path, file.content)?;
            Ok(path)
        };
        files.into_iter().map(write).collect()
    }

    /// Adds files with the events of every window that is over to a bucket. Each event is delivered once.
    pub(crate) fn deliver(&self, buckets: &Buckets, bucket: &str) {
        let now = self.clock.now();
        let files = {
            let mut state = self.lock();
            let delay = state.delay;
            let is_due = |event: &&mut Event| {
                let due = window_end(event.time).and_then(|end| end.checked_add(delay).ok());
                !event.is_delivered && due.is_some_and(|due| due <= now)
            };
            let due: Vec<&Event> = state
                .events
                .iter_mut()
                .filter(is_due)
                .map(|event| {
                    event.is_delivered = true;
                    &*event
                })
                .collect();
            // Compressing in memory does not fail.
            files(due).unwrap_or_default()
        };
        for file in files {
            buckets.put_object(bucket, &file.key, file.content);
        }
    }
}

/// Returns the files with these events.
fn files<'a>(events: impl IntoIterator<Item = &'a Event>) -> io::Result<Vec<TrailFile>> {
    let mut groups = BTreeMap::<_, Vec<&Event>>::new();
    for event in events {
        let end = window_end(event.time).unwrap_or(event.time);
        groups.entry((event.account.as_str(), event.region.as_str(), end)).or_default().push(event);
    }
    let file = |((account, region, end), events): ((&str, &str, Timestamp), Vec<&Event>)| {
        let first = events.first().map_or("", |event| event.id.as_str());
        Ok(TrailFile { key: key(account, region, end, first), content: content(&events)? })
    };
    groups.into_iter().map(file).collect()
}

/// Returns when the files with the events of a time are written.
fn window_end(time: Timestamp) -> Option<Timestamp> {
    let start = time.as_second().div_euclid(WINDOW) * WINDOW;
    Timestamp::from_second(start).ok()?.checked_add(SignedDuration::from_secs(WINDOW)).ok()
}

/// Returns the name of a file. It is the same for the same events, so that writing them again replaces the file.
fn key(account: &str, region: &str, end: Timestamp, first_id: &str) -> String {
    let unique: String = unique_id("", first_id).chars().take(16).collect();
    let (day, minute) = (end.strftime("%Y/%m/%d"), end.strftime("%Y%m%dT%H%MZ"));
    format!("AWSLogs/{account}/CloudTrail/{region}/{day}/{account}_CloudTrail_{region}_{minute}_{unique}.json.gz")
}

fn content(events: &[&Event]) -> io::Result<Vec<u8>> {
    let records: Vec<_> = events.iter().map(|event| event.record.as_str()).collect();
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(format!("{{\"Records\":[{}]}}", records.join(",")).as_bytes())?;
    encoder.finish()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_of_a_trail() {
        let end = window_end("2026-11-25T23:57:10Z".parse().unwrap()).unwrap();
        let expected =
            "AWSLogs/111122223333/CloudTrail/us-east-1/2026/11/26/111122223333_CloudTrail_us-east-1_20261126T0000Z_";
        let name = key("111122223333", "us-east-1", end, "1");
        let unique = name.strip_prefix(expected).unwrap().strip_suffix(".json.gz").unwrap();
        assert_eq!(unique.len(), 16);
        assert_eq!(name, key("111122223333", "us-east-1", end, "1"));
        assert_ne!(name, key("111122223333", "us-east-1", end, "2"));
    }
}
