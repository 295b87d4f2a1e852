//! What a package contains besides us: its licences, and a bill of materials.

use std::path::Path;

use super::copy;
use super::platform::Platform;
use crate::Done;
use crate::tasks::{cargo, root, run};

/// The file of licences in every package with compiled code.
pub(super) const LICENCES: &str = "LICENSE-THIRD-PARTY";

/// The bill of materials (CycloneDX). maturin writes that of a wheel, where PEP 770 wants it.
pub(super) const BILL: &str = "tempaccess.cdx.json";

/// Writes the licences of all that is compiled into a crate, from the sources of these.
pub(super) fn licences(name: &str, platform: Platform, to: &Path) -> Done {
    let manifest = format!("crates/{name}/Cargo.toml");
    let mut about =
        cargo(&["about", "generate", "--locked", "--fail", "--config", "about.toml", "--manifest-path", &manifest]);
    about.args(["--target", platform.triple, "--output-file"]).arg(to).arg("about.hbs");
    run(&mut about).map_err(|why| format!("{why}; if it is missing: cargo install --locked cargo-about --features cli"))
}

/// Writes the bill of materials of a crate.
pub(super) fn bill(name: &str, platform: Platform, to: &Path) -> Done {
    let manifest = format!("crates/{name}/Cargo.toml");
    let mut cyclonedx =
        cargo(&["cyclonedx", "--format", "json", "--spec-version", "1.5", "--manifest-path", &manifest]);
    cyclonedx.args(["--target", platform.triple, "--override-filename", "bill"]);
    run(&mut cyclonedx).map_err(|why| format!("{why}; if it is missing: cargo install --locked cargo-cyclonedx"))?;
    copy(&root().join("crates").join(name).join("bill.json"), to)
}
