//! The browser that a person has.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result, Stage};

/// What browsers of this kind are called, on a `PATH`.
#[cfg(not(target_os = "macos"))]
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
];

/// Where they are on macOS.
#[cfg(target_os = "macos")]
const PLACES: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// The first that is installed.
pub(super) fn installed() -> Option<PathBuf> {
    #[cfg(target_os = "macos")]
    return PLACES.iter().map(PathBuf::from).find(|path| path.is_file());
    #[cfg(not(target_os = "macos"))]
    {
        NAMES.iter().find_map(|name| on_path(Path::new(name)))
    }
}

/// Where a program of this name is: itself where it is a path.
pub(super) fn on_path(program: &Path) -> Option<PathBuf> {
    if program.components().count() > 1 {
        return Some(program.to_owned()).filter(|path| path.is_file());
    }
    let folders = std::env::var_os("PATH")?;
    std::env::split_paths(&folders).map(|folder| folder.join(program)).find(|path| path.is_file())
}

/// The same, or an error that says what to install.
pub(super) fn required() -> Result<PathBuf> {
    installed().ok_or_else(|| {
        Error::new(ErrorKind::Io, Stage::SignIn, "no Chromium, Chrome or Edge is found on this machine").with_hint(
            "install one, or name it with `--browser`; at an Okta org, `--auth device` needs none on this machine",
        )
    })
}

/// Whether a window could be shown.
pub(super) fn has_display() -> bool {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    cfg!(not(target_os = "linux")) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY")
}
