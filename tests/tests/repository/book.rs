//! The documentation: every page is in the book, every link leads somewhere, and examples and pictures are well formed.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::Command;

use tempaccess_core::config::{Config, SourceSpec};
use tempaccess_tests::{parts, workspace};

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

/// Splits a page into its text, and its fenced blocks with the language of each.
fn split_page(text: &str) -> (String, Vec<(String, String)>) {
    let (mut prose, mut blocks, mut open) = (String::new(), Vec::new(), false);
    for line in text.lines() {
        match (line.trim_start().strip_prefix("```"), open) {
            (Some(language), false) => {
                blocks.push((language.trim().to_owned(), String::new()));
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

/// The targets of the links in a text, except those in code and those to other hosts.
fn links(prose: &str) -> Vec<String> {
    let without_code: String = prose.split('`').step_by(2).collect();
    let targets = without_code.split("](").skip(1).filter_map(|rest| rest.split_once(')'));
    targets.map(|(target, _)| target.to_owned()).filter(|target| !target.contains(':')).collect()
}

/// The anchors of a page's headings, as GitHub and mdBook make them.
fn anchors(text: &str) -> Vec<String> {
    let (prose, _) = split_page(text);
    let headings = prose.lines().filter(|line| line.starts_with('#'));
    headings
        .map(|line| {
            let heading = line.trim_start_matches('#').trim().to_lowercase();
            let allowed = heading.chars().filter(|character| character.is_alphanumeric() || " -_".contains(*character));
            allowed.map(|character| if character == ' ' { '-' } else { character }).collect()
        })
        .collect()
}

#[test]
fn every_page_is_in_the_book() {
    let docs = docs();
    let summary = docs.join("SUMMARY.md");
    let listed: BTreeSet<_> = links(&split_page(&read(&summary)).0)
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
    let root = workspace().canonicalize().unwrap();
    let mut all = pages(&docs());
    all.extend(pages(&root.join(".github")));
    all.insert(root.join("tests/vectors/README.md"));
    for folder in [root.clone()]
        .into_iter()
        .chain(["core", "cli", "sandbox", "py", "node"].map(|name| root.join("crates").join(name)))
    {
        let files = std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
        all.extend(files.filter(|file| file.extension().is_some_and(|extension| extension == "md")));
    }
    let mut lost = Vec::new();
    for page in all {
        let (prose, _) = split_page(&read(&page));
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

/// The pages for administrators, from which people copy blocks.
fn pages_to_copy_from() -> Vec<PathBuf> {
    pages(&docs().join("providers")).into_iter().chain([docs().join("administrators.md")]).collect()
}

#[test]
fn profiles_and_policies_that_are_shown_are_well_formed() {
    let (mut profiles, mut policies) = (0, 0);
    for page in pages_to_copy_from() {
        for (language, block) in split_page(&read(&page)).1 {
            let place = page.display();
            match language.as_str() {
                "toml" => {
                    let config = Config::parse(&block).unwrap_or_else(|error| panic!("{place}: {error}\n{block}"));
                    for (name, settings) in &config.profiles {
                        if let Some(source) = &settings.source {
                            assert!(source.parse::<SourceSpec>().is_ok(), "{place}: {name}");
                        }
                        // The policy file exists on the reader's machine only.
                        let mut shown = settings.clone();
                        shown.policy = None;
                        shown.scope().unwrap_or_else(|error| panic!("{place}: {name}: {error}"));
                        shown.chained_roles().unwrap_or_else(|error| panic!("{place}: {name}: {error}"));
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
fn files_that_pages_include_exist() {
    for page in pages(&docs()) {
        for (_, block) in split_page(&read(&page)).1 {
            for included in block.lines().filter_map(|line| line.strip_prefix("{{#include ")) {
                let file = page.parent().unwrap().join(included.trim_end_matches("}}"));
                assert!(file.is_file(), "{}: {}", page.display(), file.display());
            }
        }
    }
}

#[test]
fn pictures_are_accessible_and_used() {
    let texts: Vec<_> =
        pages(&docs()).into_iter().chain([workspace().join("README.md")]).map(|page| read(&page)).collect();
    let pictures: Vec<_> =
        std::fs::read_dir(docs().join("pictures")).unwrap().map(|entry| entry.unwrap().path()).collect();
    assert!(pictures.len() >= 5, "{pictures:?}");
    for picture in pictures {
        let text = read(&picture);
        let svg = roxmltree::Document::parse(&text).unwrap_or_else(|error| panic!("{}: {error}", picture.display()));
        let root = svg.root_element();
        let has = |name: &str| {
            root.children()
                .any(|child| child.has_tag_name(("http://www.w3.org/2000/svg", name)) && child.text().is_some())
        };
        assert!(root.attribute("role") == Some("img") && has("title") && has("desc"), "{}", picture.display());
        assert!(text.contains("@media (prefers-color-scheme: dark)"), "{}", picture.display());
        let link = format!("pictures/{})", picture.file_name().unwrap().to_string_lossy());
        let uses = texts.iter().flat_map(|text| text.lines()).filter(|line| line.contains(&link));
        let alternatives: Vec<_> =
            uses.map(|line| line.split("![").nth(1).map_or("", |rest| rest.split(']').next().unwrap())).collect();
        assert!(!alternatives.is_empty(), "no page shows {}", picture.display());
        assert!(alternatives.iter().all(|text| text.len() > 40), "{}: {alternatives:?}", picture.display());
    }
}

#[test]
fn the_book_builds_and_its_links_lead_somewhere() {
    if parts::tool("mdbook").is_none() {
        return;
    }
    let built = Command::new(env!("CARGO")).args(["xtask", "book"]).current_dir(workspace()).output().unwrap();
    let messages = String::from_utf8_lossy(&built.stderr);
    assert!(built.status.success() && !messages.contains("ERROR"), "{messages}");
    let index = String::from_utf8(built.stdout).unwrap();
    let page = read(&Path::new(index.trim()).with_file_name("administrators.html"));
    assert!(page.contains("AWSTemplateFormatVersion") && page.contains("aws_iam_saml_provider"), "{index}");
}
