//! The tables of the documentation are those of the code. `UPDATE_DOCS=1` renews them.

use std::fmt::Write as _;

use tempaccess_core::ErrorKind;
use tempaccess_core::config::ENVIRONMENT;

fn errors() -> String {
    let mut table = "| exit code | kind | fault | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    for kind in ErrorKind::ALL {
        let (code, name, fault, meaning) = (kind.exit_code(), kind.as_str(), kind.fault().as_str(), kind.meaning());
        let _ = writeln!(table, "| {code} | `{name}` | `{fault}` | {meaning} |");
    }
    table
}

fn environment() -> String {
    let mut table = "| variable | meaning |\n| --- | --- |\n".to_owned();
    for variable in ENVIRONMENT {
        let _ = writeln!(table, "| `{}` | {} |", variable.name, variable.doc);
    }
    table
}

/// The text with the table behind the marker replaced by this one.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let marker = format!("<!-- {name} -->\n\n");
    let (before, after) = text.split_once(&marker).expect("the marker is there");
    let rest = if after.starts_with('|') { after.split_once("\n\n").map_or("", |(_, rest)| rest) } else { after };
    format!("{before}{marker}{table}\n{rest}")
}

#[test]
fn the_tables_are_those_of_the_code() {
    let file = tempaccess_tests::workspace().join("docs/output.md");
    let text = std::fs::read_to_string(&file).unwrap();
    let expected = with_table(&with_table(&text, "errors", &errors()), "environment", &environment());
    if std::env::var_os("UPDATE_DOCS").is_some() {
        std::fs::write(&file, &expected).unwrap();
    } else {
        assert!(text == expected, "docs/output.md is behind; renew it with UPDATE_DOCS=1");
    }
}
