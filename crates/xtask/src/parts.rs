//! What the tests need beyond Rust: Python environments, npm projects, and the servers and clients in them.

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use crate::Done;
use crate::tasks::{root, run};

const SYSTEM_PYTHON: &str = if cfg!(windows) { "python" } else { "python3" };

/// The Python of the virtual environment in this folder, created if there is none.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf, String> {
    let python = python_of(folder);
    if python.exists() { Ok(python) } else { fresh_environment(folder) }
}

fn python_of(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// The Python of a new, empty virtual environment. Replaces whatever was in the folder.
pub(crate) fn fresh_environment(folder: &Path) -> Result<PathBuf, String> {
    run(Command::new(SYSTEM_PYTHON).args(["-m", "venv", "--clear"]).arg(folder))?;
    Ok(python_of(folder))
}

/// Creates a new, empty npm project, which finds the packages installed in the folders above it.
pub(crate) fn fresh_project(folder: &Path) -> Done {
    let failed = |error: std::io::Error| format!("{}: {error}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(folder).map_err(failed)?;
    }
    std::fs::create_dir_all(folder).map_err(failed)?;
    std::fs::write(folder.join("package.json"), "{ \"private\": true }\n").map_err(failed)
}

pub(crate) fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// Makes pip build wheels with the maturin of `cargo xtask package`, and not with the newest one.
pub(crate) fn with_pinned_maturin(pip: &mut Command) -> &mut Command {
    let constraints = std::path::absolute(root().join("crates/xtask/requirements.txt")).unwrap_or_default();
    // pip 25.3 gave the constraints of builds a variable of their own.
    pip.env("PIP_CONSTRAINT", &constraints).env("PIP_BUILD_CONSTRAINT", constraints)
}

/// Whether this machine can create virtual environments. Debian installs the module that fills them apart.
pub(crate) fn has_python() -> bool {
    succeeds(Command::new(SYSTEM_PYTHON).args(["-c", "import venv, ensurepip"]))
}

/// Whether this machine can run JavaScript and install npm packages.
pub(crate) fn has_node() -> bool {
    succeeds(Command::new("node").arg("--version")) && succeeds(npm().arg("--version"))
}

fn succeeds(command: &mut Command) -> bool {
    command.stdout(Stdio::null()).stderr(Stdio::null()).status().is_ok_and(|status| status.success())
}

/// Installs what comes from PyPI and npm, and names what comes from the system.
pub(crate) fn install() -> Done {
    let python = environment(&root().join("target/parts/venv"))?;
    run(Command::new(python).args([
        "-m",
        "pip",
        "install",
        "--quiet",
        "--requirement",
        "tests/parts/requirements.txt",
    ]))?;
    let node = root().join("target/parts/node");
    std::fs::create_dir_all(&node).map_err(|error| error.to_string())?;
    std::fs::copy(root().join("tests/parts/sdk-js/package.json"), node.join("package.json"))
        .map_err(|error| error.to_string())?;
    run(npm().args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"]).arg(&node))?;
    println!(
        "Installed. SimpleSAMLphp, xmlsec1, the AWS CLI 2 and Chromium come from Debian:\n  \
         apt-get install --no-install-recommends simplesamlphp php-cli php-xml php-mbstring xmlsec1 awscli chromium"
    );
    Ok(())
}
