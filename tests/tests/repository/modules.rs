//! The order of core's modules: what a module uses is below it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use tempaccess_tests::workspace;

/// The code of a file, without comments and unit tests.
fn code(path: &Path) -> String {
    let text = std::fs::read_to_string(path).unwrap();
    let code = text.split("#[cfg(test)]\nmod tests").next().unwrap_or_default();
    code.lines().filter(|line| !line.trim_start().starts_with("//")).collect::<Vec<_>>().join("\n")
}

fn sources(path: &Path) -> Vec<String> {
    if path.is_file() {
        return vec![code(path)];
    }
    let entries = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path());
    let of_tests = |path: &Path| path.file_stem().is_some_and(|name| name == "tests");
    entries
        .filter(|path| !of_tests(path))
        .filter(|path| path.is_dir() || path.extension().is_some_and(|ext| ext == "rs"))
        .flat_map(|path| sources(&path))
        .collect()
}

/// The names that follow `crate::` in a text, those in braces, too.
fn used(text: &str) -> BTreeSet<&str> {
    let word = |text: &str| {
        text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len())
    };
    text.match_indices("crate::")
        .flat_map(|(at, found)| {
            let rest = &text[at + found.len()..];
            match rest.strip_prefix('{') {
                Some(list) => {
                    let list = &list[..list.find("};").unwrap_or(list.len())];
                    list.split(',').map(str::trim).map(|item| &item[..word(item)]).collect::<Vec<_>>()
                }
                None => vec![&rest[..word(rest)]],
            }
        })
        .collect()
}

/// The module that each name at the root of the crate comes from.
fn reexported(root: &str) -> BTreeMap<&str, &str> {
    let uses =
        root.lines().filter_map(|line| line.strip_prefix("pub use ").or_else(|| line.strip_prefix("pub(crate) use ")));
    uses.filter_map(|line| {
        let (module, names) = line.trim_end_matches(';').split_once("::")?;
        Some(
            names
                .trim_matches(['{', '}'])
                .split(", ")
                .map(move |name| (name.rsplit("::").next().unwrap_or(name), module)),
        )
    })
    .flatten()
    .collect()
}

#[test]
fn the_modules_of_core_form_no_circle() {
    let folder = workspace().join("crates/core/src");
    let root = code(&folder.join("lib.rs"));
    let modules: BTreeMap<String, Vec<String>> = std::fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .map(|path| (path.file_stem().unwrap().to_str().unwrap().to_owned(), sources(&path)))
        .filter(|(name, _)| name != "lib")
        .collect();
    let from_root = reexported(&root);
    let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
    for (name, sources) in &modules {
        let names = sources.iter().flat_map(|text| used(text));
        let found = names.map(|used| from_root.get(used).copied().unwrap_or(used));
        uses.insert(name, found.filter(|found| modules.contains_key(*found) && found != name).collect());
    }
    assert!(uses["grants"].contains("records") && uses["session"].contains("sts"), "{uses:?}");
    // Modules that use nothing that is left are taken away, until only circles remain.
    loop {
        let left: BTreeSet<&str> = uses.keys().copied().collect();
        let lowest: Vec<&str> =
            uses.iter().filter(|(_, used)| used.is_disjoint(&left)).map(|(name, _)| *name).collect();
        if lowest.is_empty() {
            break;
        }
        uses.retain(|name, _| !lowest.contains(name));
    }
    let circle: Vec<_> = uses.keys().collect();
    assert!(circle.is_empty(), "these modules use each other, directly or not: {circle:?}");
}
