use std::path::PathBuf;
use std::process::Command;

use crate::Done;
use crate::tasks::{root, run};

fn folder() -> PathBuf {
    root().join("target/parts/venv")
}

/// The Python of a virtual environment of our own, made when it is first needed.
pub(crate) fn virtual_environment() -> Result<PathBuf, String> {
    let python = folder().join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.exists() {
        let system = if cfg!(windows) { "python" } else { "python3" };
        run(Command::new(system).args(["-m", "venv"]).arg(folder()))?;
    }
    Ok(python)
}

/// Installs what comes from PyPI and npm; says what comes from the system.
pub(crate) fn install() -> Done {
    let python = virtual_environment()?;
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
    run(Command::new("npm")
        .args(["install", "--no-audit", "--no-fund", "--ignore-scripts", "--silent", "--prefix"])
        .arg(&node))?;
    println!(
        "Installed. SimpleSAMLphp, xmlsec1 and the AWS CLI 2 come from Debian:\n  apt-get install --no-install-recommends \
         simplesamlphp php-cli php-xml php-mbstring xmlsec1 awscli"
    );
    Ok(())
}
