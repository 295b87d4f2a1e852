//! Checks the links of a folder of HTML pages: files, and anchors within them.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use html5gum::{Token, Tokenizer};

/// Elements that lead somewhere, and the attribute that says where.
const LINKS: [(&[u8], &[u8]); 5] =
    [(b"a", b"href"), (b"link", b"href"), (b"img", b"src"), (b"script", b"src"), (b"iframe", b"src")];

/// What a page offers and what it needs.
#[derive(Debug, Default)]
struct Page {
    anchors: BTreeSet<String>,
    links: BTreeSet<String>,
}

impl Page {
    fn parse(html: &str) -> Self {
        let mut page = Self::default();
        let mut emitter = html5gum::DefaultEmitter::<()>::default();
        // Text in scripts and styles is not markup.
        emitter.naively_switch_states(true);
        for token in Tokenizer::new_with_emitter(html, emitter).flatten() {
            let Token::StartTag(tag) = token else { continue };
            let attribute =
                |name: &[u8]| tag.attributes.get(name).map(|value| String::from_utf8_lossy(&value.value).into_owned());
            page.anchors.extend(attribute(b"id"));
            let leading = LINKS.iter().filter(|(element, _)| tag.name.as_slice() == *element);
            page.links.extend(leading.filter_map(|(_, name)| attribute(name)));
        }
        page
    }
}

/// Every HTML file beneath a folder, with its text.
fn pages(folder: &Path, found: &mut BTreeMap<PathBuf, Page>) -> Result<(), String> {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    for entry in std::fs::read_dir(folder).map_err(failed)? {
        let path = entry.map_err(failed)?.path();
        if path.is_dir() {
            pages(&path, found)?;
        } else if path.extension().is_some_and(|extension| extension == "html") {
            let html = std::fs::read_to_string(&path).map_err(failed)?;
            found.insert(path, Page::parse(&html));
        }
    }
    Ok(())
}

/// The path without `.` and `..`.
fn normalize(path: &Path) -> PathBuf {
    let mut normal = PathBuf::new();
    for part in path.components() {
        match part {
            std::path::Component::CurDir => {}
            std::path::Component::ParentDir => {
                normal.pop();
            }
            part => normal.push(part),
        }
    }
    normal
}

/// Whether a link leaves the folder for another host or program.
fn is_external(link: &str) -> bool {
    let scheme = link.split(['/', '#', '?']).next().unwrap_or_default();
    scheme.contains(':') || link.starts_with("//")
}

/// A reference of one page to a file, and an anchor in it, that does not exist.
fn is_broken(pages: &BTreeMap<PathBuf, Page>, folder: &Path, page: &Path, link: &str) -> bool {
    let (file, anchor) = link.split_once('#').unwrap_or((link, ""));
    let file = file.split('?').next().unwrap_or_default();
    let target = match file {
        "" => page.to_owned(),
        // The page for addresses that do not exist counts from the root of the site.
        file if file.starts_with('/') => normalize(&folder.join(file.trim_start_matches('/'))),
        file => normalize(&page.parent().unwrap_or(folder).join(file)),
    };
    let target = if target.is_dir() { target.join("index.html") } else { target };
    if !target.starts_with(folder) || !target.is_file() {
        return true;
    }
    let known = pages.get(&target);
    !anchor.is_empty() && known.is_some_and(|page| !page.anchors.contains(anchor))
}

/// The links that lead nowhere, each as `page: link`.
pub(super) fn broken(folder: &Path) -> Result<Vec<String>, String> {
    // Links are resolved without `..`, so that the folder's own path must not have any.
    let folder = &std::fs::canonicalize(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut found = BTreeMap::new();
    pages(folder, &mut found)?;
    if found.is_empty() {
        return Err(format!("{} contains no pages", folder.display()));
    }
    let mut broken = Vec::new();
    for (path, page) in &found {
        for link in page.links.iter().filter(|link| !is_external(link)) {
            if is_broken(&found, folder, path, link) {
                broken.push(format!("{}: {link}", path.strip_prefix(folder).unwrap_or(path).display()));
            }
        }
    }
    Ok(broken)
}

#[cfg(test)]
#[allow(clippy::unwrap_used, reason = "tests")]
mod tests {
    use super::{Page, broken, is_external};

    fn book(pages: &[(&str, &str)]) -> Vec<String> {
        let name = format!("xtask-links-{}-{:?}", std::process::id(), std::thread::current().id());
        let folder = std::env::temp_dir().join(name);
        for (path, html) in pages {
            let file = folder.join(path);
            std::fs::create_dir_all(file.parent().unwrap()).unwrap();
            std::fs::write(file, html).unwrap();
        }
        let found = broken(&folder).unwrap();
        std::fs::remove_dir_all(folder).unwrap();
        found
    }

    #[test]
    fn links_to_pages_and_anchors_that_exist_are_fine() {
        let index = r##"<h1 id="top">x</h1><a href="a/b.html#part">b</a><a href="#top">t</a><a href="a/">a</a>"##;
        let b = r#"<p id="part"><a href="../index.html#top">up</a><a href="https://example.com/#x">out</a></p>"#;
        let pages = [("index.html", index), ("a/b.html", b), ("a/index.html", "<img src='../p.svg'>"), ("p.svg", "")];
        assert_eq!(book(&pages), [""; 0]);
    }

    #[test]
    fn links_to_anything_else_are_reported() {
        let index = r##"<a href="b.html">b</a><a href="#nowhere">n</a><a href="../up.html">u</a><img src="no.svg">"##;
        let found = book(&[("index.html", index)]);
        let expected = ["index.html: #nowhere", "index.html: ../up.html", "index.html: b.html", "index.html: no.svg"];
        assert_eq!(found, expected);
    }

    #[test]
    fn text_in_scripts_and_comments_is_not_a_link() {
        let page = Page::parse("<script>'<a href=\"x\">'</script><!-- <a href=\"y\"> --><a href=\"a&amp;b\">");
        assert_eq!(page.links.into_iter().collect::<Vec<_>>(), ["a&b"]);
    }

    #[test]
    fn other_hosts_and_schemes_are_external() {
        for link in ["https://example.com", "mailto:a@example.com", "//example.com/x", "data:image/png;base64,"] {
            assert!(is_external(link), "{link}");
        }
        for link in ["a.html", "a/b.html#c:d", "#a:b", "?q=a:b"] {
            assert!(!is_external(link), "{link}");
        }
    }
}
