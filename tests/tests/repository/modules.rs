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
    names_after(text, "crate::")
}

/// The names that follow a path in a text, those in braces, too.
fn names_after<'t>(text: &'t str, path: &str) -> BTreeSet<&'t str> {
    let word = |text: &str| {
        text.find(|character: char| !character.is_alphanumeric() && character != '_').unwrap_or(text.len())
    };
    text.match_indices(path)
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
    let circle = circle(uses);
    assert!(circle.is_empty(), "these modules use each other, directly or not: {circle:?}");
}

/// Takes the modules away that use none that is left, until only circles remain.
fn circle<'m>(mut uses: BTreeMap<&'m str, BTreeSet<&'m str>>) -> Vec<&'m str> {
    loop {
        let left: BTreeSet<&str> = uses.keys().copied().collect();
        let lowest: Vec<&str> =
            uses.iter().filter(|(_, used)| used.is_disjoint(&left)).map(|(name, _)| *name).collect();
        if lowest.is_empty() {
            return uses.into_keys().collect();
        }
        uses.retain(|name, _| !lowest.contains(name));
    }
}

/// The names that each file of a folder uses of the files next to it. A folder in it counts as a file: its `mod.rs`, and what its files
/// use of the folder above.
fn uses_in(folder: &Path) -> BTreeMap<String, BTreeSet<String>> {
    let entries = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let named = entries.filter_map(|path| Some((path.file_stem()?.to_str()?.to_owned(), path)));
    let names_in = |text: &str, path: &str| names_after(text, path).into_iter().map(str::to_owned).collect::<Vec<_>>();
    let used = |path: &Path| -> BTreeSet<String> {
        if path.is_file() {
            return names_in(&code(path), "super::").into_iter().collect();
        }
        let inside = std::fs::read_dir(path).unwrap().map(|entry| entry.unwrap().path()).filter(|path| path.is_file());
        inside
            .flat_map(|file| {
                names_in(&code(&file), if file.ends_with("mod.rs") { "super::" } else { "super::super::" })
            })
            .collect()
    };
    let is_part = |name: &String| !["mod", "lib", "tests"].contains(&name.as_str());
    named
        .filter(|(name, _)| is_part(name))
        .map(|(name, path)| {
            let used = used(&path);
            (name, used)
        })
        .collect()
}

/// Every file may use the folder that it is part of; files next to each other use each other in one direction.
#[test]
fn the_files_of_a_module_form_no_circle() {
    let mut folders = vec![workspace().join("crates/core/src")];
    let (mut checked, mut circles) = (0, Vec::new());
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(&folder).unwrap().map(|entry| entry.unwrap().path());
        folders.extend(entries.filter(|path| path.is_dir()));
        let parts = uses_in(&folder);
        let mut uses: BTreeMap<&str, BTreeSet<&str>> = BTreeMap::new();
        for (name, used) in &parts {
            let next_to_it = used.iter().filter(|found| *found != name && parts.contains_key(*found));
            uses.insert(name, next_to_it.map(String::as_str).collect());
        }
        checked += uses.values().map(BTreeSet::len).sum::<usize>();
        let circle = circle(uses);
        if !circle.is_empty() {
            circles.push(format!("{}: {circle:?}", folder.display()));
        }
    }
    assert!(checked > 200, "{checked}");
    assert!(circles.is_empty(), "these files use each other, directly or not: {circles:#?}");
}
