//! The documentation as a book: every page is in it, every link leads somewhere, and what a page shows is well formed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempaccess_core::config::{Config, Settings, SourceSpec};
use tempaccess_tests::workspace;

fn docs() -> PathBuf {
    workspace().join("docs").canonicalize().unwrap()
}

/// Every Markdown file beneath a folder.
fn pages(folder: &Path) -> BTreeSet<PathBuf> {
    let mut pages = BTreeSet::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            pages.extend(self::pages(&path));
        } else if path.extension().is_some_and(|extension| extension == "md") {
            pages.insert(path);
        }
    }
    pages
}

fn read(path: &Path) -> String {
    std::fs::read_to_string(path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A page in two parts: its text, and its fenced blocks with what each is of.
fn taken_apart(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks, mut open) = (String::new(), Vec::new(), false);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(of), false) => {
                blocks.push((of.trim().to_owned(), String::new()));
                open = true;
            }
            (Some(_), true) => open = false,
            (None, true) => {
                let (_, block) = blocks.last_mut().unwrap();
                block.push_str(line);
                block.push('\n');
            }
            (None, false) => {
                prose.push_str(line);
                prose.push('\n');
            }
        }
    }
    (prose, blocks)
}

/// Where the links of a text lead, but for those in code and to other hosts.
fn links(prose: &str) -> Vec<String> {
    let without_code: String = prose.split('`').step_by(2).collect();
    let targets = without_code.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).filter(|target| !target.contains(':')).collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> Vec<String> {
    let (prose, _) = taken_apart(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let kept = heading.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
            kept.map(|character| if character == ' ' { '-' } else { character }).collect()
        })
        .collect()
}

#[test]
fn every_page_is_in_the_book() {
    let docs = docs();
    let summary = docs.join("SUMMARY.md");
    let listed: BTreeSet<_> = links(&taken_apart(&read(&summary)).0)
        .iter()
        .map(|link| docs.join(link))
        .filter(|page| page.starts_with(&docs) && !page.components().any(|part| part.as_os_str() == ".."))
        .collect();
    let mut there = pages(&docs);
    there.remove(&summary);
    let missing: Vec<_> = there.difference(&listed).collect();
    assert!(missing.is_empty(), "SUMMARY.md lacks {missing:?}");
}

#[test]
fn every_link_leads_somewhere() {
    let mut lost = Vec::new();
    for page in pages(&docs()).into_iter().chain([workspace().join("README.md")]) {
        let (prose, _) = taken_apart(&read(&page));
        for link in links(&prose) {
            let (file, anchor) = link.split_once('#').unwrap_or((&link, ""));
            let target = if file.is_empty() { page.clone() } else { page.parent().unwrap().join(file) };
            let is_page = target.extension().is_some_and(|extension| extension == "md");
            let leads = target.exists()
                && (anchor.is_empty() || !is_page || anchors(&read(&target)).iter().any(|known| known == anchor));
            if !leads {
                lost.push(format!("{}: {link}", page.display()));
            }
        }
    }
    assert!(lost.is_empty(), "{lost:#?}");
}

/// The pages of the administrators, whose blocks people copy.
fn pages_to_copy_from() -> Vec<PathBuf> {
    pages(&docs().join("providers")).into_iter().chain([docs().join("administrators.md")]).collect()
}

#[test]
fn profiles_and_policies_that_are_shown_are_well_formed() {
    let (mut profiles, mut policies) = (0, 0);
    for page in pages_to_copy_from() {
        for (of, block) in taken_apart(&read(&page)).1 {
            let place = page.display();
            match of.as_str() {
                "toml" => {
                    let config = Config::parse(&block).unwrap_or_else(|error| panic!("{place}: {error}\n{block}"));
                    for (name, settings) in &config.profiles {
                        if let Some(source) = &settings.source {
                            assert!(source.parse::<SourceSpec>().is_ok(), "{place}: {name}");
                        }
                        // The file of a policy is the reader's.
                        let shown = Settings { policy: None, ..settings.clone() };
                        shown.scope().unwrap_or_else(|error| panic!("{place}: {name}: {error}"));
                        shown.chain().unwrap_or_else(|error| panic!("{place}: {name}: {error}"));
                    }
                    profiles += config.profiles.len();
                }
                "json" => {
                    let policy: Result<serde_json::Value, _> = serde_json::from_str(&block);
                    policy.unwrap_or_else(|error| panic!("{place}: {error}\n{block}"));
                    policies += 1;
                }
                _ => {}
            }
        }
    }
    assert!(profiles > 5 && policies > 3, "{profiles} {policies}");
}

#[test]
fn what_a_page_includes_is_there() {
    for page in pages(&docs()) {
        for (_, block) in taken_apart(&read(&page)).1 {
            for included in block.lines().filter_map(|line| line.strip_prefix("{{#include ")) {
                let file = page.parent().unwrap().join(included.trim_end_matches("}}"));
                assert!(file.is_file(), "{}: {}", page.display(), file.display());
            }
        }
    }
}

#[test]
fn mdbook_makes_it() {
    // Not where it is not installed: nothing else needs it.
    let Ok(version) = Command::new("mdbook").arg("--version").output() else { return };
    assert!(version.status.success(), "{version:?}");
    let folder = tempfile::tempdir().unwrap();
    let ran = Command::new("mdbook").arg("build").arg(docs()).arg("--dest-dir").arg(folder.path()).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stderr);
    assert!(ran.status.success() && !said.contains("ERROR"), "{said}");
    let page = read(&folder.path().join("administrators.html"));
    assert!(page.contains("AWSTemplateFormatVersion") && page.contains("aws_iam_saml_provider"), "{said}");
}
