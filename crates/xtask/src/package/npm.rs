//! The npm packages: `tempaccess`, and one with the native module for each platform.

use std::path::Path;
use std::process::Command;

use super::platform::{PLATFORMS, Platform};
use super::{contents, copy, empty, folder, write};
use crate::Done;
use crate::parts::npm;
use crate::tasks::{root, run_in};

/// The package of a platform. `crates/node/native.js` looks for this name.
pub(super) fn name(platform: Platform) -> String {
    format!("@tempaccess/{}", platform.npm)
}

/// The fields by which npm decides whether a package fits a machine.
fn conditions(platform: Platform) -> String {
    let mut parts = platform.npm.split('-');
    let (os, cpu) = (parts.next().unwrap_or_default(), parts.next().unwrap_or_default());
    let libc = match parts.next() {
        Some("gnu") => ",\n  \"libc\": [\"glibc\"]",
        Some("musl") => ",\n  \"libc\": [\"musl\"]",
        _ => "",
    };
    format!("\"os\": [\"{os}\"],\n  \"cpu\": [\"{cpu}\"]{libc}")
}

/// Builds the package that users install: `crates/node` without its sources, with the platforms' packages as dependencies.
pub(super) fn main(version: &str) -> Done {
    let packages = folder("npm");
    let package = packages.join("package");
    empty(&package)?;
    let file = format!("tempaccess-{version}.tgz");
    run_in(&packages, npm().arg("pack").arg(root().join("crates/node")))?;
    run_in(&packages, Command::new("tar").args(["-xzf", &file]))?;
    // npm packs no symbolic links.
    for file in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(file), &package.join(file))?;
    }
    let optional: Vec<_> = PLATFORMS.iter().map(|platform| format!("\"{}\":\"{version}\"", name(*platform))).collect();
    let optional = format!("optionalDependencies={{{}}}", optional.join(","));
    run_in(&package, npm().args(["pkg", "set", "--json", &optional]))?;
    // The published package builds nothing, so that users need not allow it to run scripts.
    run_in(&package, npm().args(["pkg", "delete", "scripts"]))?;
    run_in(&packages, npm().args(["pack", "./package"]))
}

/// Builds the package of one platform.
pub(super) fn platform(version: &str, platform: Platform, library: &Path) -> Done {
    let package = folder("npm").join(platform.npm);
    empty(&package)?;
    copy(library, &package.join("tempaccess.node"))?;
    for file in ["LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(file), &package.join(file))?;
    }
    contents::licences("node", platform, &package.join(contents::LICENCES))?;
    contents::bill("node", platform, &package.join(contents::BILL))?;
    write(
        &package.join("README.md"),
        &format!(
            "# {}\n\nThe native module of [tempaccess](https://www.npmjs.com/package/tempaccess) for {}.\n",
            name(platform),
            platform.triple
        ),
    )?;
    write(
        &package.join("package.json"),
        &format!(
            r#"{{
  "name": "{name}",
  "version": "{version}",
  "description": "The native module of tempaccess for {triple}",
  "license": "MIT OR Apache-2.0",
  "homepage": "https://github.com/tempaccess/tempaccess",
  "repository": {{
    "type": "git",
    "url": "git+https://github.com/tempaccess/tempaccess.git",
    "directory": "crates/node"
  }},
  "bugs": "https://github.com/tempaccess/tempaccess/issues",
  "engines": {{ "node": ">=18" }},
  "main": "tempaccess.node",
  "files": ["tempaccess.node", "LICENSE-*", "{bill}"],
  {conditions}
}}
"#,
            name = name(platform),
            triple = platform.triple,
            bill = contents::BILL,
            conditions = conditions(platform),
        ),
    )?;
    run_in(&folder("npm"), npm().arg("pack").arg(format!("./{}", platform.npm)))
}

#[cfg(test)]
mod tests {
    use super::conditions;
    use crate::package::platform::Platform;

    #[test]
    fn a_package_declares_its_system_processor_and_libc() {
        let musl = Platform::named("aarch64-unknown-linux-musl").map(conditions);
        assert_eq!(musl.as_deref(), Ok("\"os\": [\"linux\"],\n  \"cpu\": [\"arm64\"],\n  \"libc\": [\"musl\"]"));
        let mac = Platform::named("x86_64-apple-darwin").map(conditions);
        assert_eq!(mac.as_deref(), Ok("\"os\": [\"darwin\"],\n  \"cpu\": [\"x64\"]"));
    }
}
