//! What a package contains besides our code: the licences of its dependencies, and a bill of materials.

use std::path::Path;

use super::copy;
use super::platform::Platform;
use crate::Done;
use crate::tasks::{root, run};
use crate::tools::{CARGO_ABOUT, CARGO_CYCLONEDX};

/// The file of licences in every package with compiled code.
pub(super) const LICENCES: &str = "LICENSE-THIRD-PARTY";

/// The bill of materials (CycloneDX). For a wheel, maturin writes one to the place that PEP 770 defines.
pub(super) const BILL: &str = "tempaccess.cdx.json";

/// Writes the licences of everything that is compiled into a crate, taken from the sources.
pub(super) fn licences(name: &str, platform: Platform, to: &Path) -> Done {
    let manifest = format!("crates/{name}/Cargo.toml");
    let mut about = CARGO_ABOUT.command();
    about.args(["generate", "--locked", "--fail", "--config", "about.toml", "--manifest-path", &manifest]);
    about.args(["--target", platform.triple, "--output-file"]).arg(to).arg("about.hbs");
    run(&mut about).map_err(|why| format!("{why}; if it is missing: {}", CARGO_ABOUT.install_line()))
}

/// Writes the bill of materials of a crate.
pub(super) fn bill(name: &str, platform: Platform, to: &Path) -> Done {
    let manifest = format!("crates/{name}/Cargo.toml");
    let mut cyclonedx = CARGO_CYCLONEDX.command();
    cyclonedx.args(["--format", "json", "--spec-version", "1.5", "--manifest-path", &manifest]);
    cyclonedx.args(["--target", platform.triple, "--override-filename", "bill"]);
    run(&mut cyclonedx).map_err(|why| format!("{why}; if it is missing: {}", CARGO_CYCLONEDX.install_line()))?;
    copy(&root().join("crates").join(name).join("bill.json"), to)
}
