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

/// Installs what comes from PyPI; says what comes from the system.
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
    println!(
        "Installed. SimpleSAMLphp, xmlsec1 and the AWS CLI 2 come from Debian:\n  apt-get install --no-install-recommends \
         simplesamlphp php-cli php-xml php-mbstring xmlsec1 awscli"
    );
    Ok(())
}
