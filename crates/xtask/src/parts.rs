use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Done;
use crate::tasks::{root, run};

/// The Python of a virtual environment in this folder, made when it is first needed.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf, String> {
    let python = python_of(folder);
    if python.exists() { Ok(python) } else { fresh_environment(folder) }
}

fn python_of(folder: &Path) -> PathBuf {
    folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" })
}

/// The Python of a virtual environment with nothing in it, whatever was there before.
pub(crate) fn fresh_environment(folder: &Path) -> Result<PathBuf, String> {
    let system = if cfg!(windows) { "python" } else { "python3" };
    run(Command::new(system).args(["-m", "venv", "--clear"]).arg(folder))?;
    Ok(python_of(folder))
}

/// An npm project with nothing in it, within reach of the packages that are installed here.
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

/// Installs what comes from PyPI and npm; says what comes from the system.
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
        "Installed. SimpleSAMLphp, xmlsec1 and the AWS CLI 2 come from Debian:\n  apt-get install --no-install-recommends \
         simplesamlphp php-cli php-xml php-mbstring xmlsec1 awscli chromium"
    );
    Ok(())
}
