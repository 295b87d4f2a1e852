//! Builds everything that is published into `target/package/`, and installs it from there as a user would.
//!
//! A release is built from `sources`, once, and from each platform, on a machine that can build it. Without an argument, the
//! task builds both for this machine and tests the result.

mod contents;
mod npm;
mod platform;
mod proof;

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tasks::{cargo, run, target};
use crate::{Done, parts, version};
use platform::Platform;

/// The crates that go to crates.io.
const CRATES: [&str; 3] = ["tempaccess-core", "tempaccess-sandbox", "tempaccess-cli"];

pub(crate) fn package(what: Option<&str>) -> Done {
    let version = version::current()?;
    let tools = Tools::install()?;
    match what {
        Some("sources") => sources(&tools, &version),
        Some(triple) => platform::build(&tools, &version, Platform::named(triple)?),
        None => {
            let here = Platform::named(&host()?)?;
            sources(&tools, &version)?;
            platform::build(&tools, &version, here)?;
            proof::prove(&version, here)
        }
    }
}

/// A folder for packages, next to cargo's own `.crate` files.
fn folder(name: &str) -> PathBuf {
    target().join("package").join(name)
}

/// Builds what compiles on the user's machine: the crates, the sdist, and the npm package that loads those of the platforms.
fn sources(tools: &Tools, version: &str) -> Done {
    let mut crates = cargo(&["package", "--locked"]);
    run(crates.args(CRATES.iter().flat_map(|name| ["--package", name])))?;
    run(tools
        .command("maturin")
        .args(["sdist", "--manifest-path", "crates/py/Cargo.toml", "--out"])
        .arg(folder("python")))?;
    npm::main(version)
}

/// The target triple of this machine.
fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output().map_err(|error| format!("rustc: {error}"))?;
    let version = String::from_utf8_lossy(&output.stdout);
    let host = version.lines().find_map(|line| line.strip_prefix("host: "));
    host.map(str::to_owned).ok_or_else(|| "rustc does not print its host".to_owned())
}

/// Creates an empty folder, in place of whatever was there.
fn empty(folder: &Path) -> Done {
    match std::fs::remove_dir_all(folder) {
        Err(error) if error.kind() != std::io::ErrorKind::NotFound => {
            return Err(format!("{}: {error}", folder.display()));
        }
        _ => {}
    }
    std::fs::create_dir_all(folder).map_err(|error| format!("{}: {error}", folder.display()))
}

fn copy(from: &Path, to: &Path) -> Done {
    std::fs::copy(from, to).map(drop).map_err(|error| format!("{} to {}: {error}", from.display(), to.display()))
}

fn write(file: &Path, text: &str) -> Done {
    std::fs::write(file, text).map_err(|error| format!("{}: {error}", file.display()))
}

/// maturin, and zig as a linker for systems older than this one.
struct Tools {
    programs: PathBuf,
}

impl Tools {
    fn install() -> Result<Self, String> {
        let python = parts::environment(&folder("tools"))?;
        let install = ["-m", "pip", "install", "--quiet", "--requirement", "crates/xtask/requirements.txt"];
        run(Command::new(&python).args(install))?;
        let programs = python.parent().ok_or("the virtual environment has no folder of programs")?;
        Ok(Self { programs: programs.to_owned() })
    }

    /// A command whose path begins with these tools.
    fn command(&self, program: &str) -> Command {
        let own = self.programs.join(program);
        let mut command = if own.exists() { Command::new(own) } else { Command::new(program) };
        let path = std::env::var_os("PATH").unwrap_or_default();
        let paths = std::iter::once(self.programs.clone()).chain(std::env::split_paths(&path));
        if let Ok(path) = std::env::join_paths(paths) {
            command.env("PATH", path);
        }
        command
    }
}
