//! The version of the workspace, which several files repeat.

use crate::Done;
use crate::tasks::{cargo, root, run};

/// The places that contain it: a file, and the text right before it.
const PLACES: [(&str, &str); 4] = [
    ("Cargo.toml", "[workspace.package]\nversion = \""),
    ("Cargo.toml", "tempaccess-core = { path = \"crates/core\", version = \""),
    ("Cargo.toml", "tempaccess-sandbox = { path = \"crates/sandbox\", version = \""),
    ("crates/node/package.json", "\n  \"version\": \""),
];

/// Splits a file into the text up to the version, the version, and the text after it.
fn split<'t>(text: &'t str, before: &str) -> Option<(&'t str, &'t str, &'t str)> {
    let start = text.find(before)? + before.len();
    let (head, rest) = text.split_at_checked(start)?;
    let (version, _) = rest.split_once('"')?;
    Some((head, version, rest.strip_prefix(version)?))
}

fn read(file: &str) -> Result<String, String> {
    std::fs::read_to_string(root().join(file)).map_err(|error| format!("{file}: {error}"))
}

/// The newest release in the changelog.
fn released(changelog: &str) -> Option<&str> {
    let headings = changelog.lines().filter_map(|line| line.strip_prefix("## "));
    headings.filter_map(|heading| heading.split(' ').next()).find(|version| *version != "Unreleased")
}

/// The version, if every place has the same.
pub(crate) fn current() -> Result<String, String> {
    let mut versions = Vec::new();
    for (file, before) in PLACES {
        let text = read(file)?;
        let (_, version, _) = split(&text, before).ok_or_else(|| format!("{file} has no version after `{before}`"))?;
        versions.push((file, version.to_owned()));
    }
    versions.extend(released(&read("CHANGELOG.md")?).map(|version| ("CHANGELOG.md", version.to_owned())));
    let version = versions.first().map(|(_, version)| version.clone()).unwrap_or_default();
    match versions.iter().find(|(_, other)| *other != version) {
        None => Ok(version),
        Some((file, other)) => Err(format!("Cargo.toml has version {version}, and {file} has {other}")),
    }
}

/// Writes the version into every place except the changelog, whose heading is written by hand.
pub(crate) fn set(version: &str) -> Done {
    let is_number = |part: &str| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit());
    if version.split('.').count() != 3 || !version.split('.').all(is_number) {
        return Err(format!("invalid version `{version}`: write it as 1.2.3"));
    }
    for (file, before) in PLACES {
        let text = read(file)?;
        let (head, _, tail) = split(&text, before).ok_or_else(|| format!("{file} has no version after `{before}`"))?;
        std::fs::write(root().join(file), format!("{head}{version}{tail}")).map_err(|error| error.to_string())?;
    }
    run(&mut cargo(&["update", "--workspace", "--offline"]))?;
    run(&mut cargo(&["update", "--offline", "--manifest-path", "fuzz/Cargo.toml", "--package", "tempaccess-core"]))
}

#[cfg(test)]
mod tests {
    use super::{current, released, split};

    #[test]
    fn every_place_has_the_same_version() {
        assert_eq!(current().as_deref(), Ok(env!("CARGO_PKG_VERSION")));
    }

    #[test]
    fn the_python_package_takes_its_version_from_cargo() {
        let project = super::read("crates/py/pyproject.toml").unwrap_or_default();
        assert!(project.contains("\ndynamic = [\"version\"]\n"), "{project}");
    }

    #[test]
    fn a_version_is_found_and_the_text_around_it_preserved() {
        assert_eq!(split("a = \"1.2.3\"\nb", "a = \""), Some(("a = \"", "1.2.3", "\"\nb")));
        assert_eq!(split("a = \"1.2.3\"", "b = \""), None);
    }

    #[test]
    fn the_newest_release_is_read_from_the_changelog() {
        assert_eq!(released("# Changelog\n\n## Unreleased\n\n## 0.2.0 - 2026-12-01\n\n## 0.1.0\n"), Some("0.2.0"));
        assert_eq!(released("# Changelog\n\n## Unreleased\n\n### Added\n"), None);
    }
}
