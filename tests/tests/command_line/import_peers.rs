//! Importers, compared with the parsers of the other tools on random configurations.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempaccess_core::config::OtherTool;
use tempaccess_tests::{parts, workspace};

use crate::import::LINK;

/// A number that depends on the ones before it alone.
fn next(state: &mut u64, below: usize) -> usize {
    *state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
    (*state >> 33) as usize % below
}

/// Configurations made of what the dialect's grammar turns on.
fn configurations(count: usize) -> Vec<String> {
    const PIECES: [&str; 28] = [
        "ada",
        " ",
        "@x",
        "%%",
        "%",
        "%(x)s",
        "%(OKTA_USERNAME)s",
        "%(none)s",
        "#",
        " ;",
        "\"",
        "=",
        ":",
        "\n",
        "\n ",
        "\n\t",
        "\n\n",
        "\n  # c\n",
        "\r\n  ",
        "\r",
        "\u{a0}",
        "\u{1c}",
        "é",
        "[b]",
        "None",
        "True",
        "\u{b}",
        "`",
    ];
    const KEYS: [&str; 7] =
        ["okta_username = ", "OKTA_username:", " okta_username=", "x = ", "X: ", "inherits = a\n; ", "inherits = "];
    const HEADERS: [&str; 8] = ["[a]\n", "[b]\n", "[c] x\n", "[DEFAULT]\n", " [d]\n", "[ a ]\n", "[e\n", "[x]y]\n"];
    let mut state = 1;
    let text = |state: &mut u64| {
        let mut text = format!("[DEFAULT]\napp_url = {LINK}\n");
        for _ in 0..next(state, 4) {
            if next(state, 3) > 0 {
                text += HEADERS[next(state, HEADERS.len())];
            }
            for _ in 0..next(state, 3) {
                text += KEYS[next(state, KEYS.len())];
                for _ in 0..next(state, 5) {
                    text += PIECES[next(state, PIECES.len())];
                }
                text += ["\n", "\r\n", "\n\n"][next(state, 3)];
            }
        }
        text
    };
    (0..count).map(|_| text(&mut state)).collect()
}

/// The real parser agrees: which files can be read, which profiles there are, and what their values are.
#[test]
fn gimme_aws_creds_reads_the_same() {
    let Some(python) = parts::python() else { return };
    let texts = configurations(1500);
    let mut command = Command::new(python);
    command.arg(workspace().join("tests/parts/gimme_config.py")).env("PYTHONUTF8", "1");
    let mut child = command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    child.stdin.take().unwrap().write_all(&serde_json::to_vec(&texts).unwrap()).unwrap();
    let output = child.wait_with_output().unwrap();
    let results: Vec<Value> = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(results.len(), texts.len());
    let (mut unreadable, mut compared) = (0, 0);
    for (text, theirs) in texts.iter().zip(&results) {
        let ours = OtherTool::GimmeAwsCreds.import(text);
        let Some(sections) = theirs.as_object() else {
            unreadable += 1;
            assert!(ours.is_err(), "{text:?}: {ours:?}");
            continue;
        };
        let ours = ours.unwrap_or_else(|error| panic!("{text:?}: {error}"));
        for (section, values) in sections {
            let name = if section == "DEFAULT" { "default" } else { section };
            // gimme-aws-creds refuses a section with any unreadable value; an import may ignore a key that it does not use.
            let Some(values) = values.as_object() else { continue };
            let Some(profile) = ours.profiles.get(name) else {
                let is_noted = ours.notes.iter().any(|note| note.contains("not imported"));
                assert!(name.trim().is_empty() || is_noted && name != "default", "{text:?}: {section}: {ours:?}");
                continue;
            };
            let username = match values.get("okta_username") {
                Some(Value::String(text)) => Some(text.as_str()),
                Some(Value::Bool(true)) => Some("True"),
                _ => None,
            };
            let can_be_shown =
                |text: &&str| !text.trim().is_empty() && *text != "None" && !text.contains(char::is_control);
            assert_eq!(profile.username.as_deref(), username.filter(can_be_shown), "{text:?}: {section}");
            compared += 1;
        }
    }
    assert!(unreadable > 50 && compared > 500, "{unreadable} {compared}");
}
