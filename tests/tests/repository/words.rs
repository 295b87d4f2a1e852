//! The words that people read: help, messages, documentation and comments do not fall back into wordings that a native reader
//! has to read twice. CONTRIBUTING.md has the rules, and `WORDINGS` the usual words.

use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

use tempaccess_tests::cli::{Machine, binary};
use tempaccess_tests::workspace;

/// Wordings that are not used, and what to write instead. Words are compared without regard to case.
const WORDINGS: &[(&str, &str)] = &[
    ("anew", "again"),
    ("for ever", "forever, or: without a limit"),
    ("whoever", "anybody who, or: the caller, the user"),
    ("whosoever", "anybody who"),
    ("shall", "must, can or will"),
    ("shalt", "must"),
    ("beside", "next to, in addition to"),
    ("mend", "fix, change"),
    ("mends", "fixes, changes"),
    ("mended", "fixed, changed"),
    ("hears", "receives, gets"),
    ("what is kept", "what is cached"),
    ("what was kept", "what was cached"),
    ("is kept here", "is cached"),
    ("are kept here", "are cached"),
    ("a kept answer", "cached credentials"),
    ("the kept answer", "cached credentials"),
    ("kept credentials", "cached credentials"),
    ("stands there", "is there"),
    ("stand there", "are there"),
    ("stands in", "is in"),
    ("stands at", "is at"),
    ("stands under", "is under"),
    ("stands on", "is on"),
    ("as it stands", "unchanged"),
    ("walk the way", "check the steps"),
    ("walks the way", "checks the steps"),
    ("walks the whole way", "checks every step"),
    ("walk the whole way", "check every step"),
    ("comes to an end", "ends"),
    ("come to an end", "end"),
    ("ends by itself", "is temporary, expires"),
    ("end by themselves", "are temporary, expire"),
    ("renew themselves", "refresh themselves"),
    ("before they end", "before they expire"),
    ("as it is there", "inherited"),
    ("what is not said", "what is not set"),
    ("unless said otherwise", "by default"),
    ("unless it says otherwise", "by default"),
    ("as well written by hand", "also written by hand"),
    ("whose grammar", "which syntax"),
    ("is the administrator's to", "the administrator can"),
    ("the business of", "the task of"),
    ("in whose stead", "for whom"),
    ("gives up the", "cancels the"),
    ("gave it up", "cancelled it"),
    ("held to the vectors", "checked with the vectors"),
    ("no other's", "not another's"),
];

/// Words after "is no" with which it is plain English.
const AFTER_IS_NO: [&str; 8] = ["longer", "more", "less", "later", "better", "worse", "different", "need"];

/// A word or a mark that ends a phrase, and the line that it is on.
#[derive(Debug, PartialEq)]
struct Token {
    text: String,
    line: usize,
}

/// Splits a text into lower-case words. Line breaks and the marks of comments and lists do not end a phrase, other punctuation does.
fn tokens(text: &str) -> Vec<Token> {
    let mut tokens: Vec<Token> = Vec::new();
    for (number, line) in text.lines().enumerate() {
        let line_number = number + 1;
        let content = line.trim_start_matches([' ', '/', '!', '*', '#', '>', '\t']);
        let mut word = String::new();
        for character in content.chars().chain([' ']) {
            if character.is_alphanumeric() || matches!(character, '_' | '\'' | '’' | '-') {
                word.extend(character.to_lowercase().map(|letter| if letter == '’' { '\'' } else { letter }));
                continue;
            }
            if !word.is_empty() {
                tokens.push(Token { text: std::mem::take(&mut word), line: line_number });
            }
            if !character.is_whitespace() {
                tokens.push(Token { text: ".".to_owned(), line: line_number });
            }
        }
        if line.trim().is_empty() {
            tokens.push(Token { text: ".".to_owned(), line: line_number });
        }
    }
    tokens
}

/// The words of a wording, and what to write instead.
type Wording = (Vec<&'static str>, &'static str);

/// The wordings in a text that are not used: the line, and what is wrong.
fn findings(text: &str) -> Vec<(usize, String)> {
    static BY_FIRST_WORD: LazyLock<HashMap<&str, Vec<Wording>>> = LazyLock::new(|| {
        let mut wordings: HashMap<&str, Vec<Wording>> = HashMap::new();
        for (wording, instead) in WORDINGS {
            let words: Vec<_> = wording.split(' ').collect();
            wordings.entry(words[0]).or_default().push((words, instead));
        }
        wordings
    });
    let tokens = tokens(text);
    let word = |at: usize| tokens.get(at).map_or(".", |token| token.text.as_str());
    let mut findings = Vec::new();
    for (at, token) in tokens.iter().enumerate() {
        for (words, instead) in BY_FIRST_WORD.get(token.text.as_str()).into_iter().flatten() {
            if words.iter().enumerate().all(|(offset, part)| word(at + offset) == *part) {
                findings.push((token.line, format!("`{}`: write `{instead}`", words.join(" "))));
            }
        }
        let negated = matches!(token.text.as_str(), "is" | "are") && word(at + 1) == "no";
        let before = if at == 0 { "." } else { word(at - 1) };
        let plain = before == "there" || word(at + 2) == "." || AFTER_IS_NO.contains(&word(at + 2));
        if negated && !plain {
            findings.push((token.line, format!("`{} no {}`: write `is not a …`", token.text, word(at + 2))));
        }
    }
    findings
}

/// The comments and strings of Rust code, with everything else removed but line breaks.
fn prose_of_rust(code: &str) -> String {
    let characters: Vec<char> = code.chars().collect();
    let at = |index: usize| characters.get(index).copied().unwrap_or('\0');
    let mut prose = String::new();
    let mut index = 0;
    while index < characters.len() {
        match at(index) {
            '/' if at(index + 1) == '/' => {
                while index < characters.len() && at(index) != '\n' {
                    prose.push(at(index));
                    index += 1;
                }
            }
            'r' if matches!(at(index + 1), '"' | '#') => {
                let hashes = (index + 1..).take_while(|index| at(*index) == '#').count();
                index += 1 + hashes;
                if at(index) != '"' {
                    continue; // `r#name`
                }
                let ends = |index: usize| at(index) == '"' && (1..=hashes).all(|offset| at(index + offset) == '#');
                index += 1;
                while index < characters.len() && !ends(index) {
                    prose.push(at(index));
                    index += 1;
                }
                index += 1 + hashes;
                prose.push('.');
            }
            '"' => {
                index += 1;
                while index < characters.len() && at(index) != '"' {
                    let escaped = at(index) == '\\';
                    prose.push(if escaped && at(index + 1) != '\n' { '.' } else { at(index) });
                    index += if escaped && at(index + 1) != '\n' { 2 } else { 1 };
                }
                index += 1;
                prose.push('.');
            }
            // A character, and not a lifetime.
            '\'' if at(index + 1) == '\\' || at(index + 2) == '\'' => {
                index += if at(index + 1) == '\\' { 3 } else { 2 };
                while index < characters.len() && at(index) != '\'' {
                    index += 1;
                }
                index += 1;
            }
            character => {
                if character == '\n' {
                    prose.push('\n');
                }
                index += 1;
            }
        }
    }
    // A continued string literal has a backslash at the end of its line.
    prose.replace("\\\n", "\n")
}

/// Every file beneath a folder that people write.
fn files(folder: &Path) -> Vec<PathBuf> {
    let skipped = ["target", "node_modules", ".git", "dist", "corpus", "snapshots", "__pycache__", ".venv"];
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        let name = path.file_name().unwrap().to_string_lossy().into_owned();
        if path.is_dir() && !path.is_symlink() {
            if !skipped.contains(&name.as_str()) {
                found.extend(files(&path));
            }
        } else {
            found.push(path);
        }
    }
    found.sort();
    found
}

/// The texts that people read: where each is from, and the text.
fn texts() -> Vec<(String, String)> {
    let root = workspace().canonicalize().unwrap();
    let mut texts = Vec::new();
    for file in files(&root) {
        let path = file.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
        let extension = file.extension().map(|extension| extension.to_string_lossy().into_owned()).unwrap_or_default();
        let is_source = path.starts_with("crates/") && path.contains("/src/");
        let is_package = path.starts_with("crates/py/python/")
            || (path.starts_with("crates/node/") && path.matches('/').count() == 2);
        let read = || std::fs::read_to_string(&file).unwrap_or_else(|error| panic!("{path}: {error}"));
        match extension.as_str() {
            "md" => texts.push((path.clone(), read())),
            "rs" if is_source => texts.push((path.clone(), prose_of_rust(&read()))),
            "py" | "pyi" | "js" | "mjs" | "ts" if is_package => texts.push((path.clone(), read())),
            "rs" if path.ends_with("repository/words.rs") => {}
            "rs" | "js" | "mjs" | "ts" => texts.push((path.clone(), comments_and_names(&read(), "//"))),
            "py" | "toml" | "yml" | "sh" => texts.push((path.clone(), comments_and_names(&read(), "#"))),
            _ => {}
        }
    }
    texts
}

/// The comments of code, and the names of its functions and tests as words. Strings of tests are inputs, and say what they like.
fn comments_and_names(code: &str, marker: &str) -> String {
    let prose = |line: &str| {
        let line = line.trim_start();
        if let Some(comment) = line.strip_prefix(marker) {
            return comment.to_owned();
        }
        let name = ["fn ", "def "].iter().find_map(|word| line.split_once(word)).map(|(_, rest)| rest);
        let name = name.and_then(|rest| rest.split(['(', '<']).next()).unwrap_or_default();
        // A sentence of its own.
        format!(". {} .", name.replace('_', " "))
    };
    code.lines().map(prose).collect::<Vec<_>>().join("\n")
}

/// The help of a command and of its subcommands.
fn help(machine: &Machine, words: &[&str]) -> Vec<(String, String)> {
    let ran = machine.run_words(&[words, &["--help"]].concat(), b"");
    assert_eq!(ran.code, 0, "{words:?}: {ran}");
    let mut texts = vec![(format!("help/{}", words.join(" ")), ran.stdout.clone())];
    let commands = ran.stdout.split("\nCommands:\n").nth(1).and_then(|rest| rest.split("\n\n").next());
    for line in commands.unwrap_or_default().lines() {
        // Deeper lines continue a description.
        let name =
            line.strip_prefix("  ").filter(|rest| !rest.starts_with(' ')).and_then(|rest| rest.split(' ').next());
        if let Some(name) = name.filter(|name| *name != "help") {
            texts.extend(help(machine, &[words, &[name]].concat()));
        }
    }
    texts
}

#[test]
fn texts_use_the_usual_words() {
    let mut texts = texts();
    assert!(texts.iter().any(|(path, _)| path == "README.md") && texts.len() > 100, "{}", texts.len());
    let helps = help(&Machine::alone(), &[]);
    assert!(helps.len() > 15 && binary().exists(), "{}", helps.len());
    texts.extend(helps);

    let found: Vec<_> = (texts.iter())
        .flat_map(|(path, text)| findings(text).into_iter().map(move |(line, what)| format!("{path}:{line}: {what}")))
        .collect();
    assert!(found.is_empty(), "{} wordings to change:\n{}", found.len(), found.join("\n"));
}

#[test]
fn wordings_are_found_across_lines_and_not_across_sentences() {
    let lines = |text: &str| findings(text).into_iter().map(|(line, _)| line).collect::<Vec<_>>();
    assert_eq!(lines("It waits for\n/// ever."), [1]);
    assert_eq!(lines("What is it for? Ever since."), [0; 0]);
    assert_eq!(lines("Whoever asks\n\nshall get it anew."), [1, 3, 3]);
    assert_eq!(lines("besides, marshalling anewx"), [0; 0]);
}

#[test]
fn is_no_is_found_where_it_should_be_is_not_a() {
    assert_eq!(findings("`3d` is no duration").len(), 1);
    assert_eq!(findings("these are no settings").len(), 1);
    for plain in ["there is no keyring", "it is no longer valid", "There are no roles", "the answer is no"] {
        assert_eq!(findings(plain), [], "{plain}");
    }
}

#[test]
fn comments_and_strings_are_read_and_names_are_not() {
    let code = "fn anew<'a>(beside: &'a str) -> char { // whoever\n  f(\"shall \\\"x\\\"\", r#\"mend \"it\"\"#, 'x', '\\'');\n  \"for \\\n   ever\"\n}\n";
    let found = findings(&prose_of_rust(code));
    let words: Vec<_> = found.iter().map(|(line, what)| (*line, what.split('`').nth(1).unwrap())).collect();
    assert_eq!(words, [(1, "whoever"), (2, "shall"), (2, "mend"), (3, "for ever")]);
}
