//! The public API of core as a listing: what changes in it shows in review, and which types of other crates are in it.

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::process::Command;

use crate::Done;
use crate::tasks::{cargo, nightly, root, run};
use crate::tools::{CARGO_PUBLIC_API, CARGO_SEMVER_CHECKS};

/// All features but `samael`, which needs C libraries and has nothing public of its own.
const FEATURES: &str = "aws-config,grants,keyring,terminal,tracing";

/// Crates whose traits are implemented; nobody needs to name them.
const TRAITS: [&str; 4] = ["alloc", "core", "serde_core", "std"];

fn file() -> PathBuf {
    root().join("crates/core/public-api.txt")
}

/// Writes the listing again.
pub(crate) fn write() -> Done {
    std::fs::write(file(), listing()?).map_err(|error| format!("{}: {error}", file().display()))
}

/// Compares the listing with the code.
pub(crate) fn check() -> Done {
    let listing = listing()?;
    let written = std::fs::read_to_string(file()).map_err(|error| format!("{}: {error}", file().display()))?;
    let (before, now): (BTreeSet<_>, BTreeSet<_>) = (written.lines().collect(), listing.lines().collect());
    if before == now {
        return Ok(());
    }
    let removed = before.difference(&now).map(|line| format!("-{line}"));
    let added = now.difference(&before).map(|line| format!("+{line}"));
    let changes: Vec<_> = removed.chain(added).collect();
    Err(format!(
        "the public API of core is not that of its listing; `cargo xtask api` updates it:\n{}",
        changes.join("\n")
    ))
}

/// Finds changes since the last release that its version does not allow, by the rules of
/// [SemVer in Cargo](https://doc.rust-lang.org/cargo/reference/semver.html).
pub(crate) fn check_semver() -> Done {
    let output = Command::new("git")
        .args(["tag", "--list", "v*", "--merged", "HEAD^", "--sort", "creatordate"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("git cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("git failed: {}", String::from_utf8_lossy(&output.stderr).trim()));
    }
    let tag = String::from_utf8_lossy(&output.stdout).lines().last().unwrap_or_default().to_owned();
    if tag.is_empty() {
        eprintln!("there is no release yet");
        return Ok(());
    }
    CARGO_SEMVER_CHECKS.require()?;
    let checks = ["semver-checks", "--package", "tempaccess-core", "--baseline-rev", &tag];
    run(cargo(&checks).args(["--only-explicit-features", "--features", &format!("default,{FEATURES}")]))
}

/// Makes the listing, which needs a nightly compiler, and checks the types of other crates in it.
fn listing() -> Result<String, String> {
    CARGO_PUBLIC_API.require()?;
    let arguments = ["public-api", "--package", "tempaccess-core", "--features", FEATURES, "-sss"];
    eprintln!("\n$ cargo +nightly {}", arguments.join(" "));
    let output = nightly(&arguments).current_dir(root()).stderr(std::process::Stdio::inherit()).output();
    let output = output.map_err(|error| format!("cargo-public-api cannot be run: {error}"))?;
    if !output.status.success() {
        return Err(format!("cargo-public-api failed: {}", output.status));
    }
    let listing = String::from_utf8(output.stdout).map_err(|error| error.to_string())?;
    check_foreign(&listing)?;
    Ok(listing)
}

/// Refuses types of crates that `external` does not re-export: users could not name them in the version that fits.
fn check_foreign(listing: &str) -> Done {
    let exported = |name: &str| listing.contains(&format!("pub use tempaccess_core::external::{name}\n"));
    let missing: BTreeSet<_> =
        crates(listing).into_iter().filter(|name| *name != "tempaccess_core" && !exported(name)).collect();
    if missing.is_empty() {
        return Ok(());
    }
    Err(format!("types of these crates are public and not in tempaccess_core::external: {missing:?}"))
}

/// Returns the crates that paths in a listing begin with.
fn crates(listing: &str) -> BTreeSet<&str> {
    let is_name = |character: char| character.is_alphanumeric() || character == '_' || character == ':';
    let paths = listing.split(|character| !is_name(character)).filter_map(|path| path.split_once("::"));
    let names = paths.map(|(name, _)| name).filter(|name| name.starts_with(|first: char| first.is_lowercase()));
    names.filter(|name| !TRAITS.contains(name)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTING: &str = "pub use tempaccess_core::external::jiff\n\
        pub fn tempaccess_core::clock::Clock::now(&self) -> jiff::timestamp::Timestamp\n\
        pub fn tempaccess_core::X::new(alloc::sync::Arc<dyn object_store::ObjectStore>, &str) -> Self\n";

    #[test]
    fn crates_that_are_not_exported_are_found() {
        assert_eq!(crates(LISTING), BTreeSet::from(["tempaccess_core", "jiff", "object_store"]));
        assert!(check_foreign(LISTING).unwrap_err().contains("{\"object_store\"}"));
    }
}
