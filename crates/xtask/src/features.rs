//! Compiles core with each of its features alone and with each pair, since Cargo enables what a feature lacks wherever another
//! one brings it.

use std::process::Command;

use serde_json::Value;

use crate::Done;
use crate::tasks::{cargo, missing_for_samael, root, run};

const PACKAGE: &str = "tempaccess-core";

/// Runs clippy on the library for each feature and each pair of features.
pub(crate) fn check() -> Done {
    let features = features()?;
    let alone = features.iter().map(|feature| vec![feature.as_str()]);
    let pairs = features.iter().enumerate().flat_map(|(index, first)| {
        features.iter().skip(index + 1).map(move |second| vec![first.as_str(), second.as_str()])
    });
    let failed: Vec<String> = alone
        .chain(pairs)
        .filter_map(|set| {
            let set = set.join(",");
            let mut clippy = cargo(&["clippy", "--quiet", "--package", PACKAGE, "--lib", "--no-default-features"]);
            clippy.args(["--features", &set, "--", "--deny", "warnings"]);
            run(&mut clippy).err().map(|_| set)
        })
        .collect();
    if failed.is_empty() { Ok(()) } else { Err(format!("these features do not compile: {}", failed.join("; "))) }
}

/// The features of core, without those whose C libraries are not installed.
fn features() -> Result<Vec<String>, String> {
    let output = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()))
        .args(["metadata", "--no-deps", "--format-version", "1"])
        .current_dir(root())
        .output()
        .map_err(|error| format!("cargo cannot be run: {error}"))?;
    let metadata: Value = serde_json::from_slice(&output.stdout).map_err(|error| format!("cargo metadata: {error}"))?;
    let packages = metadata.get("packages").and_then(Value::as_array);
    let core = packages
        .and_then(|packages| {
            packages.iter().find(|package| package.get("name").and_then(Value::as_str) == Some(PACKAGE))
        })
        .and_then(|package| package.get("features")?.as_object())
        .ok_or_else(|| format!("cargo metadata has no features of {PACKAGE}"))?;
    let is_left_out = |name: &str| name == "default" || (name == "samael" && missing_for_samael().is_some());
    Ok(core.keys().filter(|name| !is_left_out(name)).cloned().collect())
}
