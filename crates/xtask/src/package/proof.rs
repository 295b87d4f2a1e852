//! Installs the packages of this machine into empty environments, from the files that are published, and runs the vectors.

use std::path::{Path, PathBuf};
use std::process::Command;

use super::platform::Platform;
use super::{contents, empty, folder, npm, write};
use crate::Done;
use crate::parts::{environment, npm, with_pinned_maturin};
use crate::tasks::{root, run, target};

/// The licence files of packages with compiled code, and of those without.
const ALL: [&str; 3] = ["LICENSE-APACHE", "LICENSE-MIT", contents::LICENCES];
const OURS: &[&str] = &["LICENSE-APACHE", "LICENSE-MIT"];

pub(super) fn prove(version: &str, platform: Platform) -> Done {
    let python = folder("python");
    let wheel = find(&python, &format!("tempaccess-{version}-cp310-abi3-"))?;
    prove_python("wheel", &wheel, &ALL)?;
    let sdist = python.join(format!("tempaccess-{version}.tar.gz"));
    prove_python("sdist", &sdist, OURS)?;
    prove_npm(version, platform)
}

/// The file whose name begins with this.
fn find(folder: &Path, beginning: &str) -> Result<PathBuf, String> {
    let files = std::fs::read_dir(folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let mut paths = files.filter_map(|file| Some(file.ok()?.path()));
    let fits = |path: &PathBuf| path.file_name().is_some_and(|name| name.to_string_lossy().starts_with(beginning));
    paths.find(fits).ok_or_else(|| format!("{} has no file {beginning}…", folder.display()))
}

fn prove_python(name: &str, package: &Path, licences: &[&str]) -> Done {
    let place = folder("proof").join(name);
    empty(&place)?;
    let python = environment(&place)?;
    let mut install = Command::new(&python);
    install.args(["-m", "pip", "install", "--quiet", "--no-deps", "--no-cache-dir"]).arg(package);
    // An sdist must compile without network access.
    install.env("CARGO_NET_OFFLINE", "true").env("MATURIN_PEP517_ARGS", "--profile=dev");
    run(with_pinned_maturin(install.env("CARGO_TARGET_DIR", target().join("package/sdist"))))?;
    run(Command::new(&python).args(["-c", CONTENTS]).args(licences))?;
    run(Command::new(&python).args(["-m", "unittest", "crates/py/tests/test_vectors.py"]))
}

/// Checks the files next to the installed package's metadata: the licences named in its arguments, and a bill of materials.
const CONTENTS: &str = r#"
import importlib.metadata, sys
paths = [path.parts[1:] for path in importlib.metadata.files("tempaccess") if path.parts[0].endswith(".dist-info")]
assert sorted(path[-1] for path in paths if path[0] == "licenses") == sys.argv[1:], paths
assert any(path[0] == "sboms" for path in paths), paths
"#;

/// Installs the packages into an empty project, offline: the registry does not have them yet.
fn prove_npm(version: &str, platform: Platform) -> Done {
    let place = folder("proof").join("npm");
    empty(&place)?;
    write(&place.join("package.json"), "{ \"private\": true }\n")?;
    let packages = folder("npm");
    let mut install = npm();
    install.args(["install", "--offline", "--ignore-scripts", "--no-audit", "--no-fund", "--prefix"]).arg(&place);
    install.arg(packages.join(format!("tempaccess-{version}.tgz")));
    install.arg(packages.join(format!("tempaccess-{}-{version}.tgz", platform.npm)));
    run(&mut install)?;
    let modules = place.join("node_modules");
    for (package, licences) in [("tempaccess".to_owned(), OURS), (npm::name(platform), &ALL)] {
        if let Some(lacking) = licences.iter().find(|file| !modules.join(&package).join(file).exists()) {
            return Err(format!("{package} lacks {lacking}"));
        }
    }
    let program = place.join("read.mjs");
    write(&program, READ)?;
    run(Command::new("node").arg(&program).arg(root().join("tests/vectors/read/okta.json")))
}

/// Reads a vector through both module systems.
const READ: &str = r#"
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { join } from "node:path";
import { read } from "tempaccess";

const file = process.argv[2];
const vector = JSON.parse(readFileSync(file));
const response = readFileSync(join(file, "..", vector.input));
for (const way of [read, createRequire(import.meta.url)("tempaccess").read]) {
  assert.deepEqual(way(response).inspect({ at: vector.at }), vector.expect);
}
"#;
