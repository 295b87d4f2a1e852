//! What core's features bring, and what it does without them.

use std::collections::BTreeSet;
use std::process::Command;

use tempaccess_tests::workspace;

/// The crates that core is built with, on any system, without its default features.
fn crates() -> BTreeSet<String> {
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let output = Command::new(cargo)
        .args(["tree", "--locked", "--package", "tempaccess-core", "--no-default-features"])
        .args(["--edges", "normal,build", "--target", "all", "--prefix", "none", "--format", "{p}"])
        .current_dir(workspace())
        .output()
        .unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = String::from_utf8(output.stdout).unwrap();
    text.lines().filter_map(|line| line.split(' ').next()).map(str::to_owned).collect()
}

#[test]
fn without_features_there_is_no_network_no_async_runtime_and_no_c() {
    let crates = crates();
    assert!(crates.contains("quick-xml"), "{crates:?}");
    let network = ["reqwest", "hyper", "http", "rustls", "socket2", "aws-sdk-sts"];
    let runtime = ["tokio", "async-std", "smol", "futures-executor"];
    let c = ["ring", "cc", "cmake", "bindgen", "pkg-config", "vcpkg", "openssl-sys"];
    for name in network.iter().chain(&runtime).chain(&c) {
        assert!(!crates.contains(*name), "core brings {name} without any of its features");
    }
}

#[test]
fn every_feature_is_documented() {
    let manifest = std::fs::read_to_string(workspace().join("crates/core/Cargo.toml")).unwrap();
    let lib = std::fs::read_to_string(workspace().join("crates/core/src/lib.rs")).unwrap();
    let features = manifest.split("[features]").nth(1).and_then(|rest| rest.split("\n[").next()).unwrap();
    let mut lines = features.lines().filter_map(|line| line.split_once(" = ")).map(|(name, _)| name);
    let shown = manifest.split("[package.metadata.docs.rs]").nth(1).unwrap();
    let documented = lines.by_ref().filter(|name| !["default", "net", "runtime"].contains(name));
    for name in documented {
        assert!(
            lib.contains(&format!("//! | `{name}` | ")),
            "`{name}` is not in the table of the crate's documentation"
        );
        // What links a C library that docs.rs does not have stays out.
        assert!(name == "samael" || shown.contains(&format!("\"{name}\"")), "docs.rs does not show `{name}`");
    }
}
