//! The configurations of other tools: no file names a program, widens a session, or acts on a terminal.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::config::{OtherTool, Settings};
use tempaccess_core::front_end::printable;

/// A profile with nothing but what an import may set.
fn is_harmless(settings: &Settings) -> bool {
    let mut allowed = Settings::default();
    allowed.source = settings.source.clone();
    allowed.auth = settings.auth.clone();
    allowed.client_id = settings.client_id.clone();
    allowed.username = settings.username.clone();
    allowed.factor = settings.factor.clone();
    allowed.remember_device = settings.remember_device;
    allowed.headless = settings.headless;
    allowed.role = settings.role.clone();
    allowed.provider = settings.provider.clone();
    allowed.chain = settings.chain.clone();
    allowed.duration = settings.duration.clone();
    allowed.policy = settings.policy.clone();
    allowed.policy_arns = settings.policy_arns.clone();
    allowed.region = settings.region.clone();
    let source = settings.source.as_deref().unwrap_or_default();
    let address = source.strip_prefix("browser:").unwrap_or(source);
    *settings == allowed
        && (address.starts_with("https://") || address.starts_with("http://"))
        && settings
            .role
            .iter()
            .chain(&settings.provider)
            .all(|arn| arn.starts_with("arn:") && !arn.contains(['*', '?']))
        && settings.policy.iter().all(|policy| policy.starts_with('/'))
        && settings.chained_roles().is_ok()
}

fuzz_target!(|text: &str| {
    for tool in OtherTool::ALL {
        let Ok(imported) = tool.import(text) else { continue };
        for (name, settings) in &imported.profiles {
            assert!(is_harmless(settings), "{settings:?}");
            assert!(!name.starts_with('-') && printable(name) == name.as_str());
        }
        assert!(imported.notes.iter().all(|note| printable(note) == note.as_str()));
        assert!(imported.accounts.keys().all(|id| id.len() == 12));
    }
});
