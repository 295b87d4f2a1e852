//! Builds what is compiled for one platform: wheels, the npm package with the native module, the command line.

use std::path::PathBuf;
use std::process::Command;

use super::{Tools, contents, copy, empty, folder, npm};
use crate::Done;
use crate::tasks::{root, run, run_in, target};

/// A platform, as Rust and as npm name it.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) struct Platform {
    pub(super) triple: &'static str,
    /// `os-cpu` or `os-cpu-abi`.
    pub(super) npm: &'static str,
}

const fn platform(triple: &'static str, npm: &'static str) -> Platform {
    Platform { triple, npm }
}

pub(super) const PLATFORMS: [Platform; 8] = [
    platform("x86_64-unknown-linux-gnu", "linux-x64-gnu"),
    platform("aarch64-unknown-linux-gnu", "linux-arm64-gnu"),
    platform("x86_64-unknown-linux-musl", "linux-x64-musl"),
    platform("aarch64-unknown-linux-musl", "linux-arm64-musl"),
    platform("x86_64-apple-darwin", "darwin-x64"),
    platform("aarch64-apple-darwin", "darwin-arm64"),
    platform("x86_64-pc-windows-msvc", "win32-x64-msvc"),
    platform("aarch64-pc-windows-msvc", "win32-arm64-msvc"),
];

/// Python without the GIL, which cannot load the wheel of the stable ABI.
const FREE_THREADED: &str = "python3.14t";

impl Platform {
    pub(super) fn named(triple: &str) -> Result<Self, String> {
        let known = || PLATFORMS.map(|platform| platform.triple).join(", ");
        let found = PLATFORMS.into_iter().find(|platform| platform.triple == triple);
        found.ok_or_else(|| format!("unsupported platform `{triple}`; these are published: {}", known()))
    }

    fn is_linux(self) -> bool {
        self.triple.contains("-linux-")
    }

    fn is_musl(self) -> bool {
        self.triple.ends_with("-musl")
    }

    /// The compatibility tag of the wheels.
    fn compatibility(self) -> &'static str {
        match (self.is_linux(), self.is_musl()) {
            (true, true) => "musllinux_1_2",
            (true, false) => "manylinux_2_17",
            _ => "pypi",
        }
    }

    /// The file name of a shared library.
    fn library(self, name: &str) -> String {
        match self.npm.split('-').next() {
            Some("win32") => format!("{name}.dll"),
            Some("darwin") => format!("lib{name}.dylib"),
            _ => format!("lib{name}.so"),
        }
    }

    /// Builds a crate and returns the folder of the result.
    fn cargo(self, tools: &Tools, package: &str, profile: &str) -> Result<PathBuf, String> {
        // zig links against an old glibc, so that the result runs on old and new systems.
        let (subcommand, triple) = match (self.is_linux(), self.is_musl()) {
            (true, false) => ("zigbuild", format!("{}.2.17", self.triple)),
            (true, true) => ("zigbuild", self.triple.to_owned()),
            _ => ("build", self.triple.to_owned()),
        };
        let mut build = tools.command("cargo");
        build.args([subcommand, "--locked", "--package", package, "--profile", profile, "--target", &triple]);
        if self.is_musl() && profile == "release" {
            // A shared library uses the libc of the process that loads it.
            build.env("RUSTFLAGS", "-C target-feature=-crt-static");
        }
        run(&mut build)?;
        Ok(target().join(self.triple).join(profile))
    }
}

/// Builds everything that is published for a platform.
pub(super) fn build(tools: &Tools, version: &str, platform: Platform) -> Done {
    wheels(tools, platform)?;
    let built = platform.cargo(tools, "tempaccess-node", "release")?;
    npm::platform(version, platform, &built.join(platform.library("tempaccess_node")))?;
    // On Linux the static build of musl is published for all.
    if platform.is_linux() && !platform.is_musl() { Ok(()) } else { command_line(tools, version, platform) }
}

fn wheels(tools: &Tools, platform: Platform) -> Done {
    let licences = root().join("crates/py").join(contents::LICENCES);
    contents::licences("py", platform, &licences)?;
    let builds: [&[&str]; 2] = [&[], &["--no-default-features", "--interpreter", FREE_THREADED]];
    let done = builds.into_iter().try_for_each(|kind| {
        let mut maturin = tools.command("maturin");
        maturin.args(["build", "--release", "--locked", "--manifest-path", "crates/py/Cargo.toml"]);
        maturin.args(["--target", platform.triple, "--compatibility", platform.compatibility()]);
        if platform.is_linux() {
            maturin.arg("--zig");
        }
        run(maturin.args(kind).arg("--out").arg(folder("python")))
    });
    // The sdist contains our code only, so that this file does not belong in it.
    std::fs::remove_file(&licences).map_err(|error| format!("{}: {error}", licences.display()))?;
    done
}

/// Packs the two programs into an archive, with their documentation and licences.
fn command_line(tools: &Tools, version: &str, platform: Platform) -> Done {
    let built = platform.cargo(tools, "tempaccess-cli", "dist")?;
    let name = format!("tempaccess-{version}-{}", platform.triple);
    let archive = folder("cli");
    let inside = archive.join(&name);
    empty(&inside)?;
    let suffix = if platform.npm.starts_with("win32") { ".exe" } else { "" };
    for program in ["tempaccess", "tempaccess-main"] {
        let program = format!("{program}{suffix}");
        copy(&built.join(&program), &inside.join(&program))?;
    }
    for file in ["README.md", "CHANGELOG.md", "LICENSE-APACHE", "LICENSE-MIT"] {
        copy(&root().join(file), &inside.join(file))?;
    }
    contents::licences("cli", platform, &inside.join(contents::LICENCES))?;
    contents::bill("cli", platform, &inside.join(contents::BILL))?;
    // Some versions of tar read the drive letter of a path as a host name.
    run_in(&archive, Command::new("tar").args(["-czf", &format!("{name}.tar.gz"), &name]))
}

#[cfg(test)]
mod tests {
    use super::{PLATFORMS, Platform};

    #[test]
    fn a_platform_is_found_by_its_triple_and_others_are_refused() {
        assert!(Platform::named("aarch64-apple-darwin").is_ok_and(|found| found.npm == "darwin-arm64"));
        assert!(Platform::named("sparc64-unknown-linux-gnu").is_err_and(|why| why.contains("x86_64-pc-windows-msvc")));
    }

    #[test]
    fn a_library_is_named_as_its_system_names_libraries() {
        let names = PLATFORMS.map(|platform| platform.library("x"));
        assert_eq!(names.map(|name| name.starts_with("lib")), [true, true, true, true, true, true, false, false]);
    }
}
