//! The configuration, and the names of sources in it.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::config::{Config, SourceSpec};

fuzz_target!(|text: &str| {
    if let Ok(config) = Config::parse(text) {
        for settings in config.profiles.values() {
            let _ = settings.role_query();
        }
    }
    let _ = text.parse::<SourceSpec>();
});
