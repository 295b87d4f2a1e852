//! Tests that were skipped, collected for one list at the end of a run. libtest counts a test that returns early as passed,
//! so that its own summary does not show them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::Write;
use std::path::PathBuf;

use crate::tasks::target;

/// The file to which each test that is skipped appends a line: its name, a tab, and the reason (`tests/src/parts.rs`).
fn file() -> PathBuf {
    target().join("skipped-tests")
}

/// Forgets what earlier runs skipped.
pub(crate) fn clear() {
    let _ = std::fs::remove_file(file());
}

/// Notes that a group of tests was left out.
pub(crate) fn record(what: &str, why: &str) {
    let opened = std::fs::OpenOptions::new().create(true).append(true).open(file());
    let _ = opened.and_then(|mut opened| opened.write_all(format!("{what}\t{why}\n").as_bytes()));
}

/// Prints what was left out since `clear`.
pub(crate) fn report() {
    eprint!("{}", summary(&std::fs::read_to_string(file()).unwrap_or_default()));
}

/// The list for the end of a run, by reason.
fn summary(lines: &str) -> String {
    let mut reasons = BTreeMap::<&str, BTreeSet<&str>>::new();
    for (what, why) in lines.lines().filter_map(|line| line.split_once('\t')) {
        reasons.entry(why).or_default().insert(what);
    }
    let count: usize = reasons.values().map(BTreeSet::len).sum();
    if count == 0 {
        return String::new();
    }
    let mut text = format!("\n{count} skipped (counted as passed above):\n");
    for (why, skipped) in reasons {
        text.push_str(&format!("  {why}\n"));
        skipped.iter().for_each(|what| text.push_str(&format!("    {what}\n")));
    }
    text
}

#[cfg(test)]
mod tests {
    use super::summary;

    #[test]
    fn skipped_tests_are_counted_and_listed_by_reason() {
        let lines = "b\tcurl is missing\na\tcurl is missing\nc\troot is needed\na\tcurl is missing\n";
        let expected =
            "\n3 skipped (counted as passed above):\n  curl is missing\n    a\n    b\n  root is needed\n    c\n";
        assert_eq!(summary(lines), expected);
    }

    #[test]
    fn nothing_is_printed_where_nothing_was_skipped() {
        assert_eq!(summary(""), "");
    }
}
