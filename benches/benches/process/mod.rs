//! What the benchmarks of whole processes share.

use std::path::{Path, PathBuf};

/// Returns the program that is measured: that of `TEMPACCESS_BIN`, or the one that is published. `None`, after saying so, if it is
/// not built.
pub(crate) fn tempaccess() -> Option<PathBuf> {
    let published = || Path::new(env!("CARGO_MANIFEST_DIR")).join("../target/dist/tempaccess");
    let binary = std::env::var_os("TEMPACCESS_BIN").map_or_else(published, PathBuf::from);
    if !binary.exists() {
        println!("skipped: build it first: cargo build --profile dist --package tempaccess-cli");
        return None;
    }
    Some(binary)
}
