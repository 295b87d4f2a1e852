//! The commands that the documentation shows: each is one that the command line accepts.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

use tempaccess_tests::cli::Machine;
use tempaccess_tests::workspace;

fn pages(folder: &Path) -> Vec<PathBuf> {
    let mut pages = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(self::pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.push(path);
        }
    }
    pages
}

/// The code of a page: its code spans, and the lines of its shell blocks.
fn code(page: &str) -> Vec<String> {
    let (mut code, mut block) = (Vec::new(), None);
    for line in page.lines() {
        match (line.trim_start().strip_prefix("```"), block) {
            (Some(language), None) => block = Some(language.trim()),
            (Some(_), Some(_)) => block = None,
            (None, Some("sh")) => code.push(line.to_owned()),
            (None, Some("console")) => code.extend(line.strip_prefix("$ ").map(str::to_owned)),
            (None, Some(_)) => {}
            (None, None) => code.extend(line.split('`').skip(1).step_by(2).map(str::to_owned)),
        }
    }
    code
}

/// The words of the call of `tempaccess` in a line of shell, without what is around it.
fn call(line: &str) -> Option<Vec<String>> {
    let (before, rest) = line.split_once("tempaccess ")?;
    // A part of a longer word, such as an address or a package.
    if before.ends_with(|last: char| last.is_alphanumeric() || "/-_.".contains(last)) {
        return None;
    }
    let mut end = rest.len();
    let mut quote = None;
    for (at, character) in rest.char_indices() {
        match (quote, character) {
            (None, '\'' | '"') if character == '"' && rest[at..].starts_with("\")") => break,
            (None, '\'' | '"') => quote = Some(character),
            (Some(open), _) if open == character => quote = None,
            (None, '|' | '>' | ';' | ')' | '#' | '\\') => {
                end = at;
                break;
            }
            _ => {}
        }
    }
    let words = shell_words::split(&rest[..end]).ok()?;
    let is_placeholder = |word: &String| {
        word.contains('…') || (word.len() > 1 && word.chars().all(|letter| letter.is_ascii_uppercase()))
    };
    (!words.iter().any(is_placeholder) && !words.is_empty()).then_some(words)
}

#[test]
fn every_command_that_is_shown_is_accepted() {
    let root = workspace();
    let mut files = pages(&root.join("docs"));
    files.extend(
        ["README.md", "crates/cli/README.md", "crates/py/README.md", "crates/node/README.md"]
            .map(|file| root.join(file)),
    );
    let mut calls = BTreeSet::new();
    for file in files {
        let text = std::fs::read_to_string(&file).unwrap();
        calls.extend(code(&text).iter().filter_map(|line| call(line)));
    }
    assert!(calls.len() > 40, "{calls:?}");
    let machine = Machine::alone();
    let mut refused = Vec::new();
    for call in calls {
        // Help is printed once everything before it is accepted.
        let own = call.iter().position(|word| word == "--").unwrap_or(call.len());
        let words: Vec<_> = call[..own].iter().map(String::as_str).chain(["--help"]).collect();
        let ran = machine.run_words(&words, b"");
        if ran.code != 0 {
            refused.push(format!("tempaccess {}: {}", call.join(" "), ran.stderr.lines().next().unwrap_or_default()));
        }
    }
    assert!(refused.is_empty(), "{}", refused.join("\n"));
}

#[test]
fn calls_are_found_in_the_lines_around_them() {
    let words = |line: &str| call(line).map(|words| words.join(" "));
    assert_eq!(words("eval \"$(tempaccess env work)\"").as_deref(), Some("env work"));
    assert_eq!(words("tempaccess login   # signs in").as_deref(), Some("login"));
    assert_eq!(words("tempaccess env work --shell dotenv > .env").as_deref(), Some("env work --shell dotenv"));
    assert_eq!(words("x --reason 'a; b' tempaccess login --reason 'a; b'").as_deref(), Some("login --reason a; b"));
    for other in ["cargo run -p my-tempaccess x", "tempaccess completions SHELL", "tempaccess exec work -- …"] {
        assert_eq!(words(other), None, "{other}");
    }
}
