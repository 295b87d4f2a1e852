//! Where files of tempaccess are on each platform.

use std::path::PathBuf;

use etcetera::app_strategy::choose_native_strategy;
use etcetera::{AppStrategy, AppStrategyArgs};

use super::env;

fn places() -> Option<impl AppStrategy> {
    choose_native_strategy(AppStrategyArgs {
        top_level_domain: "dev".to_owned(),
        author: "tempaccess".to_owned(),
        app_name: "tempaccess".to_owned(),
    })
    .ok()
}

/// Returns where the configuration file is on this platform: `~/.config/tempaccess/config.toml` on Linux.
pub fn default_config_file() -> Option<PathBuf> {
    Some(places()?.in_config_dir("config.toml"))
}

/// Returns a place of this name in the folder for state: `~/.local/state/tempaccess/NAME` on Linux, and
/// `%LOCALAPPDATA%\\tempaccess\\tempaccess\\state\\NAME` on Windows.
pub(crate) fn state_place(name: &str) -> Option<PathBuf> {
    let places = places()?;
    if cfg!(windows) {
        // The folder for data roams: it is copied to the other machines of the person. That for caches does not.
        return Some(places.cache_dir().with_file_name("state").join(name));
    }
    Some(places.in_state_dir(name).unwrap_or_else(|| places.in_data_dir(name)))
}

/// Returns where audit records go on this platform by default: `~/.local/state/tempaccess/audit.jsonl` on Linux.
pub fn default_audit_log() -> Option<PathBuf> {
    state_place("audit.jsonl")
}

/// Returns the folder that credentials and sessions are stored in: `TEMPACCESS_STORE_DIR`, or
/// `~/.local/state/tempaccess/store` on Linux.
pub fn default_store_folder() -> Option<PathBuf> {
    env::path(env::STORE_DIR).ok().flatten().or_else(|| state_place("store"))
}

/// Returns the folder of the browser profiles that the console opens in, one for each account.
pub(super) fn default_console_folder() -> Option<PathBuf> {
    Some(default_store_folder()?.join("console"))
}

/// Returns the default folder of browser profiles, which is in the store's folder, and as private.
pub(super) fn default_browser_folder() -> Option<PathBuf> {
    Some(default_store_folder()?.join("browser"))
}
