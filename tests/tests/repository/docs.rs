//! The tables of the documentation are generated from the code. `UPDATE_DOCS=1` updates them.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use tempaccess_core::config::{Config, ENVIRONMENT, Settings};
use tempaccess_core::source::okta::KNOWN_REFUSALS;
use tempaccess_core::{ErrorKind, saml::ProblemCode};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::cli::{Machine, binary};

fn errors() -> String {
    let mut table = "| exit code | kind | fault | meaning |\n| --- | --- | --- | --- |\n".to_owned();
    let codes = exit_codes();
    for kind in ErrorKind::ALL {
        let (name, fault, meaning) = (kind.as_str(), kind.fault().as_str(), kind.meaning());
        let code = &codes[name];
        let _ = writeln!(table, "| {code} | `{name}` | `{fault}` | {meaning} |");
    }
    table
}

/// The exit codes in the manual page of the command line, by the kind of error.
fn exit_codes() -> BTreeMap<String, String> {
    let machine = Machine::alone();
    let pages = machine.home().join("pages");
    let ran = machine.run(&format!("man {}", pages.display()));
    assert_eq!(ran.code, 0, "{ran}");
    let page = std::fs::read_to_string(pages.join("tempaccess.1")).unwrap();
    let (_, section) = page.split_once(".SH \"EXIT STATUS\"").expect("a section");
    let entries = section.split(".TP").filter_map(|entry| entry.trim().split_once('\n'));
    let code = |(code, text): (&str, &str)| {
        let name = text.split_once(':')?.0.replace('\\', "");
        Some((name, code.replace("\\fB", "").replace("\\fR", "")))
    };
    entries.filter_map(code).collect()
}

fn refusals() -> String {
    let mut table = "| Okta says | kind | what happened | what to do |\n| --- | --- | --- | --- |\n".to_owned();
    for known in KNOWN_REFUSALS {
        let codes = known.codes.iter().map(|code| format!("`{code}`")).collect::<Vec<_>>().join(", ");
        let words = if known.words.is_empty() { String::new() } else { format!(" … {} …", known.words) };
        let (kind, message, remedy) = (known.kind.as_str(), known.message, known.remedy("the org's sign-in page"));
        let _ = writeln!(table, "| {codes}{words} | `{kind}` | {message} | {remedy} |");
    }
    table
}

fn problems() -> String {
    let mut table = "| code | meaning |\n| --- | --- |\n".to_owned();
    for code in ProblemCode::ALL {
        let _ = writeln!(table, "| `{}` | {} |", code.as_str(), code.meaning());
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

/// Replaces the table after a marker.
fn with_table(text: &str, name: &str, table: &str) -> String {
    let marker = format!("<!-- {name} -->\n\n");
    let (before, after) = text.split_once(&marker).expect("the marker is there");
    let rest = if after.starts_with('|') { after.split_once("\n\n").map_or("", |(_, rest)| rest) } else { after };
    format!("{before}{marker}{table}\n{rest}")
}

fn settings() -> String {
    let mut table = "| key | meaning |\n| --- | --- |\n".to_owned();
    for (key, meaning) in Settings::MEANINGS {
        // Links to items of the code lead nowhere in the book.
        let meaning = meaning.split("; see [").next().unwrap_or_default().trim().trim_end_matches('.');
        let _ = writeln!(table, "| `{key}` | {meaning} |");
    }
    table
}

#[test]
fn tables_are_generated_from_the_code() {
    let tables = [
        ("docs/errors.md", "errors", errors()),
        ("docs/errors.md", "okta", refusals()),
        ("docs/errors.md", "problems", problems()),
        ("docs/output.md", "environment", environment()),
        ("docs/configuration.md", "settings", settings()),
    ];
    for (file, name, table) in tables {
        let path = tempaccess_tests::workspace().join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        let expected = with_table(&text, name, &table);
        if std::env::var_os("UPDATE_DOCS").is_some() {
            std::fs::write(&path, &expected).unwrap();
        } else {
            assert!(text == expected, "{file} is out of date; update it with UPDATE_DOCS=1");
        }
    }
}

#[test]
fn the_example_configuration_is_valid() {
    let text = std::fs::read_to_string(tempaccess_tests::workspace().join("docs/configuration.md")).unwrap();
    let example = text.split("```toml\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    let config = Config::parse(example).unwrap();
    assert_eq!(config.profile("deploy").unwrap().chained_roles().unwrap().len(), 1);
    assert_eq!(config.profile("count-objects").unwrap().username.as_deref(), Some("ada@example.com"));
}

/// Python and Node run their examples in their own tests.
#[test]
fn the_example_of_the_readme_gives_credentials() {
    let read = |file: &str| std::fs::read_to_string(tempaccess_tests::workspace().join(file)).unwrap();
    let readme = read("README.md");
    let example = readme.split("```rust,no_run\n").nth(1).and_then(|rest| rest.split("```").next()).unwrap();
    assert!(
        read("tests/src/bin/readme.rs").ends_with(example),
        "tests/src/bin/readme.rs is not the example of the README"
    );

    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    let config = machine.home().join("config.toml");
    let text = "[accounts]\n111122223333 = 'ledger'\n[profiles.default]\nusername = 'alan@example.com'\npassword_command = 'echo bombe'\n";
    std::fs::write(&config, text).unwrap();
    machine.set("TEMPACCESS_CONFIG", config.to_str().unwrap());
    let output = machine.program(binary().with_file_name("readme")).output().unwrap();
    let printed = String::from_utf8(output.stdout).unwrap();
    assert!(printed.starts_with("arn:aws:iam::111122223333:role/ReadOnly until "), "{printed}");
    assert_eq!(machine.audit().len(), 1);
}
