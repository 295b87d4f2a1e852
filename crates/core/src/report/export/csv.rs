//! A table by RFC 4180.

use std::borrow::Cow;

use serde_json::Value;

use crate::records::{EventKind, GrantEvent, GrantHistory};
use crate::report::facts::origin;

/// The columns: fields of the records, and what follows from them.
const COLUMNS: [&str; 26] = [
    "at",
    "id",
    "seq",
    "event",
    "to",
    "by",
    "role_arn",
    "how",
    "from",
    "until",
    "reason",
    "preset",
    "policy",
    "policy_arns",
    "from_ip",
    "session",
    "by_arn",
    "access_key_id",
    "sts_request_id",
    "iam_policy_name",
    "recipients",
    "requested_at",
    "approved_by",
    "break_glass",
    "trusted",
    "defects",
];

/// Returns the table, with a header line.
pub(super) fn table(events: &[(&GrantHistory, &GrantEvent)]) -> String {
    let mut text = COLUMNS.join(",");
    text.push_str("\r\n");
    for (history, event) in events {
        let fields = serde_json::to_value(event).unwrap_or_default();
        let origin = origin(event);
        let defects: Vec<_> = history.defects_of(event.seq).collect();
        let cells = COLUMNS.map(|column| match column {
            // A grant whose records have a gap is not trusted as a whole.
            "trusted" => if history.defects().is_empty() { "yes" } else { "no" }.to_owned(),
            "defects" => defects.join("; "),
            "requested_at" => origin
                .first()
                .filter(|step| step.kind == EventKind::Requested)
                .map(|step| step.at.to_string())
                .unwrap_or_default(),
            "approved_by" => {
                let approvals = origin.iter().filter(|step| step.kind == EventKind::Approved);
                approvals.map(|step| step.by.as_str()).collect::<Vec<_>>().join(" ")
            }
            _ => fields.get(column).map(cell_text).unwrap_or_default(),
        });
        for (number, cell) in cells.iter().enumerate() {
            if number > 0 {
                text.push(',');
            }
            push_cell(&mut text, cell);
        }
        text.push_str("\r\n");
    }
    text
}

/// Returns a value as the text of a cell. Lists are separated by spaces: no name, ARN or network has one.
fn cell_text(value: &Value) -> String {
    match value {
        Value::Null => String::new(),
        Value::String(text) => text.clone(),
        Value::Array(values) => values.iter().map(cell_text).collect::<Vec<_>>().join(" "),
        other => other.to_string(),
    }
}

/// Appends a cell, quoted if it must be, and never as a formula: spreadsheets evaluate cells that begin with one of these
/// characters, quoted or not. Where commas are in numbers, they take `;` for the end of a cell. Control characters are escaped: the
/// text may be shown on a terminal.
fn push_cell(line: &mut String, cell: &str) {
    let cell = crate::text::printable(cell);
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n', '＝', '＋', '－', '＠']);
    let safe = if is_formula { Cow::Owned(format!("'{cell}")) } else { cell };
    if safe.contains([',', ';', '"']) {
        line.push('"');
        line.push_str(&safe.replace('"', "\"\""));
        line.push('"');
    } else {
        line.push_str(&safe);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cells_are_quoted_and_are_no_formulas() {
        let cell = |text: &str| {
            let mut line = String::new();
            push_cell(&mut line, text);
            line
        };
        for (text, expected) in [
            ("OPS-123", "OPS-123"),
            ("", ""),
            ("a,b", "\"a,b\""),
            ("say \"hi\"", "\"say \"\"hi\"\"\""),
            ("two\nlines", "two\\nlines"),
            ("x;=1+1", "\"x;=1+1\""),
            ("=1+1", "'=1+1"),
            ("=HYPERLINK(\"http://evil\",\"x\")", "\"'=HYPERLINK(\"\"http://evil\"\",\"\"x\"\")\""),
            ("+4917", "'+4917"),
            ("-2", "'-2"),
            ("@SUM(A1)", "'@SUM(A1)"),
            ("\t=1", "\\t=1"),
            ("\r=1", "\\r=1"),
            ("\u{1b}[2J", "\\u{1b}[2J"),
            ("＝1", "'＝1"),
            ("a=b", "a=b"),
        ] {
            assert_eq!(cell(text), expected);
        }
        assert_eq!(cell_text(&serde_json::json!(["a", "b"])), "a b");
    }
}
