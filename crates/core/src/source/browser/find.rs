//! The browser that a person has.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::source::on_path;

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

/// The same, or an error that says what to install.
pub(super) fn required() -> Result<PathBuf> {
    installed().ok_or_else(|| {
        Error::new(ErrorKind::Io, Stage::SignIn, "no Chromium, Chrome or Edge is found on this machine").with_hint(
            "install one, or name it with `--browser`; at an Okta org, `--auth device` needs none on this machine",
        )
    })
}

/// Where a program of this name is: itself where it is a path.
pub(super) fn named(program: &Path) -> Result<PathBuf> {
    let found = if program.components().count() > 1 {
        Some(program.to_owned()).filter(|path| path.is_file())
    } else {
        on_path(program)
    };
    found.ok_or_else(|| {
        Error::new(ErrorKind::Io, Stage::SignIn, format!("there is no browser `{}`", program.display()))
            .with_hint("name another with `--browser`")
    })
}

/// That a window can be shown.
pub(super) fn display() -> Result<()> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(not(target_os = "linux")) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, Stage::SignIn, "there is no display to show a browser on").with_hint(
        "sign in where there is one, or with `--headless` where no person is needed; at an Okta org, `--auth device` needs no \
         browser on this machine",
    ))
}
