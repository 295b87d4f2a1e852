//! The libraries that the benchmarks compare with, installed into `target/peers`.

use std::process::Command;

use crate::Done;
use crate::parts::{environment, npm, with_pinned_maturin};
use crate::tasks::{root, run};

/// Installs our own packages for Python and Node as they ship, and the libraries that they are compared with.
pub(crate) fn install() -> Done {
    let python = environment(&root().join("target/peers/venv"))?;
    let pip = |what: &[&str]| {
        let mut pip = Command::new(&python);
        run(with_pinned_maturin(pip.args(["-m", "pip", "install", "--quiet"]).args(what)))
    };
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
