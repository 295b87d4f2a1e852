//! What one language can, every language can, or the table says why not. The Python and Node tests hold their own names
//! against the same table.

use std::collections::BTreeSet;
use std::path::Path;

use serde::Deserialize;
use tempaccess_core::config::Settings;
use tempaccess_tests::cli::Machine;
use tempaccess_tests::workspace;

#[derive(Deserialize)]
struct Table {
    capabilities: Vec<Row>,
}

#[derive(Deserialize)]
struct Row {
    what: String,
    #[serde(default)]
    rust: Vec<String>,
    #[serde(default)]
    python: Vec<String>,
    #[serde(default)]
    node: Vec<String>,
    #[serde(default)]
    cli: Vec<String>,
    #[serde(default)]
    why_not: std::collections::BTreeMap<String, String>,
}

fn table() -> Vec<Row> {
    let text = std::fs::read_to_string(workspace().join("tests/parity/capabilities.json")).unwrap();
    serde_json::from_str::<Table>(&text).unwrap().capabilities
}

#[test]
fn a_language_that_lacks_something_says_why() {
    for row in table() {
        let languages = [("rust", &row.rust), ("python", &row.python), ("node", &row.node), ("cli", &row.cli)];
        for (language, names) in languages {
            assert_ne!(names.is_empty(), !row.why_not.contains_key(language), "{}: {language}", row.what);
        }
        assert!(row.why_not.values().all(|why| !why.is_empty()), "{}", row.what);
    }
}

/// The names that `pub use` exports from the root of core.
fn exported() -> BTreeSet<String> {
    let lib = std::fs::read_to_string(workspace().join("crates/core/src/lib.rs")).unwrap();
    let uses = lib.split("\npub use ").skip(1).map(|rest| rest.split(';').next().unwrap());
    let names = uses.flat_map(|path| match path.split_once('{') {
        Some((_, list)) => list.trim_end_matches('}').split(',').map(str::to_owned).collect::<Vec<_>>(),
        None => vec![path.rsplit("::").next().unwrap().to_owned()],
    });
    names.map(|name| name.trim().to_owned()).filter(|name| !name.is_empty()).collect()
}

fn sources(folder: &Path, text: &mut String) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, text);
        } else {
            text.push_str(&std::fs::read_to_string(&path).unwrap());
        }
    }
}

#[test]
fn what_core_exports_is_in_the_table_and_is_there() {
    let rows = table();
    let named: BTreeSet<_> = rows.iter().flat_map(|row| &row.rust).collect();
    // A name can be listed by itself, or as the start of a path.
    let heads: BTreeSet<_> = named.iter().map(|name| name.split("::").next().unwrap().to_owned()).collect();
    let exported = exported();
    assert!(exported.len() > 15, "{exported:?}");
    let missing: Vec<_> = exported.difference(&heads).collect();
    assert!(missing.is_empty(), "not in tests/parity/capabilities.json: {missing:?}");

    let mut text = String::new();
    sources(&workspace().join("crates/core/src"), &mut text);
    let words: BTreeSet<_> = text.split(|c: char| !c.is_alphanumeric() && c != '_').collect();
    let gone: Vec<_> = named.iter().filter(|name| !name.split("::").all(|part| words.contains(part))).collect();
    assert!(gone.is_empty(), "not in core any more: {gone:?}");
}

/// The names of the subcommands under the heading of a help text.
fn subcommands(machine: &Machine, words: &[&str]) -> BTreeSet<String> {
    let ran = machine.run_words(&[words, &["--help"]].concat(), b"");
    let list = ran.stdout.split("Commands:\n").nth(1).and_then(|rest| rest.split("\n\n").next()).unwrap_or_default();
    let named = list.lines().filter(|line| line.starts_with("  ") && !line.starts_with("   "));
    named.filter_map(|line| line.split_whitespace().next()).map(str::to_owned).collect()
}

#[test]
fn every_command_is_in_the_table_and_is_there() {
    let machine = Machine::alone();
    let rows = table();
    let named: BTreeSet<_> = rows.iter().flat_map(|row| &row.cli).filter(|name| !name.starts_with('-')).collect();
    let heads: BTreeSet<_> = named.iter().map(|line| line.split(' ').next().unwrap().to_owned()).collect();
    let commands = subcommands(&machine, &[]);
    assert!(commands.len() > 10, "{commands:?}");
    assert_eq!(commands, heads);
    for line in named {
        let words: Vec<_> = line.split(' ').collect();
        let Some((last, before)) = words.split_last().filter(|(_, before)| !before.is_empty()) else { continue };
        let help = machine.run_words(&[before, &["--help"]].concat(), b"").stdout;
        assert!(help.split_whitespace().any(|word| word.trim_end_matches(',') == *last), "{line}");
    }
}

/// What a profile alone has: where another profile's settings count is written down, not said.
const OF_PROFILES: [&str; 1] = ["base"];

#[test]
fn every_setting_can_be_given_in_every_language() {
    let section = |file: &str, from: &str, to: &str| {
        let text = std::fs::read_to_string(workspace().join(file)).unwrap();
        text.split(from).nth(1).and_then(|rest| rest.split(to).next()).unwrap_or_default().to_owned()
    };
    let python = section("crates/py/python/tempaccess/_settings.py", "class Settings(TypedDict", "\n\n\n");
    let node = section("crates/node/index.d.ts", "export interface SessionOptions {", "\n}");
    let camel = |key: &str| {
        let mut words = key.split('_');
        let first = words.next().unwrap_or_default().to_owned();
        words.fold(first, |name, word| name + &word[..1].to_uppercase() + &word[1..])
    };
    for key in Settings::KEYS.iter().filter(|key| !OF_PROFILES.contains(key)) {
        assert!(python.contains(&format!("\n    {key}: ")), "`{key}` is missing in Python's Settings");
        assert!(node.contains(&format!("\n  {}?: ", camel(key))), "`{key}` is missing in Node's SessionOptions");
    }
}
