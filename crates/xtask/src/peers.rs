//! What the benchmarks compare with, installed into `target/peers`.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::Done;
use crate::tasks::{root, run};

/// The Python of a virtual environment in this folder, made when it is first needed.
pub(crate) fn environment(folder: &Path) -> Result<PathBuf, String> {
    let python = folder.join(if cfg!(windows) { "Scripts/python.exe" } else { "bin/python" });
    if !python.exists() {
        let system = if cfg!(windows) { "python" } else { "python3" };
        run(Command::new(system).args(["-m", "venv"]).arg(folder))?;
    }
    Ok(python)
}

pub(crate) fn npm() -> Command {
    Command::new(if cfg!(windows) { "npm.cmd" } else { "npm" })
}

/// Installs our own packages for Python and Node as they ship, beside what they are compared with.
pub(crate) fn install() -> Done {
    let python = environment(&root().join("target/peers/venv"))?;
    let pip = |what: &[&str]| run(Command::new(&python).args(["-m", "pip", "install", "--quiet"]).args(what));
    pip(&["--requirement", "benches/peers/requirements.txt"])?;
    pip(&["--force-reinstall", "--no-deps", "./crates/py"])?;
    let node = root().join("target/peers/node");
    std::fs::create_dir_all(&node).map_err(|error| error.to_string())?;
    std::fs::copy(root().join("benches/peers/package.json"), node.join("package.json"))
        .map_err(|error| error.to_string())?;
    let install = ["install", "--no-audit", "--no-fund", "--prefix"];
    run(npm().args(install).arg(&node).arg("--ignore-scripts"))?;
    run(npm().args(install).arg(&node).arg("./crates/node"))
}
