//! Finds an installed browser.

use std::path::{Path, PathBuf};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::executable;

/// Names of suitable browsers on the `PATH`.
#[cfg(not(target_os = "macos"))]
const NAMES: [&str; 6] = [
    "chromium",
    "chromium-browser",
    "google-chrome",
    "google-chrome-stable",
    "microsoft-edge",
    "microsoft-edge-stable",
];

/// Paths of suitable browsers on macOS.
#[cfg(target_os = "macos")]
const PATHS: [&str; 3] = [
    "/Applications/Google Chrome.app/Contents/MacOS/Google Chrome",
    "/Applications/Microsoft Edge.app/Contents/MacOS/Microsoft Edge",
    "/Applications/Chromium.app/Contents/MacOS/Chromium",
];

/// Returns the first one that is installed.
pub(crate) fn installed() -> Option<PathBuf> {
    #[cfg(target_os = "macos")]
    return PATHS.iter().map(PathBuf::from).find(|path| path.is_file());
    #[cfg(not(target_os = "macos"))]
    {
        NAMES.iter().find_map(|name| executable::find(Path::new(name)))
    }
}

/// Returns the first one that is installed, or an error that names what to install.
pub(super) fn required() -> Result<PathBuf> {
    installed().ok_or_else(|| {
        Error::new(ErrorKind::Io, Stage::SignIn, "no Chromium, Chrome or Edge is installed").with_hint(
            "install one, or give its path with `--browser`; at an Okta org, `--auth device` needs no browser on this machine",
        )
    })
}

/// Returns the path of a program: a path as it is, a name from the `PATH`.
pub(super) fn named(program: &Path) -> Result<PathBuf> {
    let unusable = |what: &str| {
        Error::new(ErrorKind::Io, Stage::SignIn, format!("browser `{}` {what}", program.display()))
            .with_hint("choose another one with `--browser`")
    };
    let found = executable::find(program).ok_or_else(|| unusable("not found"))?;
    if executable::is_path(program) {
        crate::input::require_trusted_program(&found).map_err(|error| unusable(&format!("is not used: {error}")))?;
    }
    Ok(found)
}

/// Checks that a window can be shown.
pub(super) fn display() -> Result<()> {
    let is_set = |name| std::env::var_os(name).is_some_and(|value| !value.is_empty());
    if cfg!(not(target_os = "linux")) || is_set("DISPLAY") || is_set("WAYLAND_DISPLAY") {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, Stage::SignIn, "no display to show a browser window on").with_hint(
        "sign in on a machine with a display, or with `--headless` if no person is needed; at an Okta org, `--auth device` needs no \
         browser on this machine",
    ))
}
