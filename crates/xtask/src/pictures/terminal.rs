//! The picture of a terminal, from a transcript.

use regex_lite::{Captures, Regex};

use super::svg::{Canvas, ROW_COLUMN};

const COLUMNS: usize = 100;
const LINE: u32 = 19;
const MARGIN: u32 = 20;

/// Values that differ from run to run, and what stands for them in the picture. The first pattern that matches counts.
const VOLATILE: [(&str, &str); 14] = [
    (r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d:\d\d(?:\.\d+)?Z?", "2026-11-24T12:40:00Z"),
    (r"\b\d{4}-\d\d-\d\d\b", "2026-11-24"),
    (r"\b\d{8}T\d{6}Z\b", "20261124T132000Z"),
    (r"\b\d\d:\d\d(?::\d\d)?\b", "12:40"),
    (r"\b39m 5\ds\b", "39m 59s"),
    (r"SHA256:[A-Za-z0-9+/]{43}", "SHA256:J41ipU7YcO7Bq0Zr2hV9eXAMPLEnTq5KdW3sLfM1xGk"),
    (r"127\.0\.0\.1:\d+", "127.0.0.1:8700"),
    (r"\bASIA[A-Z0-9]{12,}\b", "ASIAEXAMPLEEXAMPLE01"),
    (r"\bAROA[A-Z0-9]{12,}\b", "AROAEXAMPLEEXAMPLE01"),
    (r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", "c382c646-0447-5227-f478-d0fdb6676a65"),
    (r"\b[a-hj-km-np-z2-9]{12}\b", "k7q3m5xw2p4a"),
    (r"\bid[A-Za-z0-9]{20}\b", "idEXAMPLE0123456789ab"),
    (r"[A-Za-z0-9+/=]{64,}", "IQoJb3JpZ2luX2VjEXAMPLE…"),
    (r"[A-Za-z0-9+/=]{40}", "wJalrXUtnFEMIK7MDENGbPxRfiCYEXAMPLEKEY01"),
];

/// Replaces times, ids and keys with examples of the same kind.
fn normalize(transcript: &str) -> Result<String, regex_lite::Error> {
    let patterns: Vec<_> = VOLATILE.iter().map(|(pattern, _)| format!("({pattern})")).collect();
    let any = Regex::new(&patterns.join("|"))?;
    let example = |found: &Captures<'_>| {
        let matched =
            VOLATILE.iter().zip(found.iter().skip(1)).find_map(|(known, group)| Some((known.1, group?.as_str())));
        match matched {
            // An account, which could be the id of a grant.
            Some((_, text)) if text.len() == 12 && text.bytes().all(|byte| byte.is_ascii_digit()) => text.to_owned(),
            Some((example, _)) => example.to_owned(),
            None => String::new(),
        }
    };
    Ok(any.replace_all(transcript, example).into_owned())
}

/// Breaks a line into rows, at spaces where there are any.
fn rows(line: &str) -> Vec<String> {
    let mut rows = Vec::new();
    let mut row: Vec<char> = line.trim_end().chars().collect();
    while row.len() > COLUMNS {
        let space =
            row.iter().take(COLUMNS).rposition(|character| *character == ' ').filter(|space| *space > COLUMNS / 2);
        let rest = row.split_off(space.map_or(COLUMNS, |space| space + 1));
        rows.push(row.iter().collect::<String>().trim_end().to_owned());
        row = "    ".chars().chain(rest).collect();
    }
    rows.push(row.into_iter().collect());
    rows
}

/// How a line of the demo is shown.
fn classes(line: &str) -> &'static str {
    match line {
        _ if line.starts_with("== ") => "bold accent",
        _ if line.starts_with("$ ") => "bold",
        _ => "",
    }
}

/// Draws the transcript of the demo.
pub(super) fn draw(transcript: &str) -> String {
    let text = normalize(transcript).unwrap_or_default();
    let rows: Vec<_> =
        text.lines().flat_map(|line| rows(line).into_iter().map(move |row| (classes(line), row))).collect();
    let count = u32::try_from(rows.len()).unwrap_or_default();
    let description = "The output of the demo in a terminal: a sign-in at Okta, the roles that it offers, a session \
                       of one role for 40 minutes, credentials of another, the audit record, and a grant to somebody else \
                       from issue to revocation.";
    let width = (COLUMNS as f64 * ROW_COLUMN) as u32 + 2 * MARGIN;
    let mut canvas = Canvas::new(width, count * LINE + 2 * MARGIN, "A run of cargo xtask demo", description);
    for (number, (classes, row)) in (1..).zip(&rows) {
        if !row.is_empty() {
            canvas.row(MARGIN, MARGIN + number * LINE - 5, classes, row);
        }
    }
    canvas.finish()
}

#[cfg(test)]
mod tests {
    use super::{COLUMNS, normalize, rows};

    #[test]
    fn two_runs_look_the_same() {
        let run = |time: &str, key: &str, id: &str| {
            normalize(&format!("Until {time} (40m)\nAccess key {key}\nassertion_id {id}\n")).ok()
        };
        let first = run("2026-11-26T02:04:24Z", "ASIAXACSMJZDWREFCCHL", "idUMynJH4zlTuf6zdW5D0U");
        let second = run("2027-01-02T03:04:05.678Z", "ASIABVHFRAA7OK2KJYEX", "idfUbCqFeQNX6z5tWnBnek");
        assert!(first.is_some() && first == second, "{first:?} {second:?}");
    }

    #[test]
    fn accounts_roles_and_durations_stay_as_they_are() {
        let line = "1  111122223333  arn:aws:iam::111122223333:role/ops/Migration  4h  count objects";
        assert_eq!(normalize(line).as_deref(), Ok(line));
    }

    #[test]
    fn long_lines_are_broken_at_spaces() {
        let line = format!("{} {}", "a".repeat(60), "b".repeat(60));
        assert_eq!(rows(&line), ["a".repeat(60), format!("    {}", "b".repeat(60))]);
        assert!(rows(&"c".repeat(350)).iter().all(|row| row.len() <= COLUMNS));
        assert_eq!(rows(""), [""]);
    }
}
