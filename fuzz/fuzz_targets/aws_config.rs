//! The AWS config file: other sections stay, and the second run changes nothing.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::config::{AwsProfiles, SyncOptions, aws_config_with};

/// The lines that are not of tempaccess, without blank ones and headers.
fn other_lines(text: &str) -> Vec<&str> {
    let is_ours = |line: &&str| {
        let line = line.trim_start().to_lowercase();
        line.starts_with("# managed by tempaccess")
            || line.starts_with("credential_process")
            || line.starts_with("region")
    };
    let lines = text.split(['\r', '\n']).map(str::trim);
    lines.filter(|line| !is_ours(line) && !line.is_empty() && !line.starts_with('[')).collect()
}

fuzz_target!(|input: (&str, &str, bool, bool)| {
    let (text, name, prune, adopt) = input;
    let mut profiles = AwsProfiles::default();
    profiles.add(name, &["tempaccess", "credentials", "a b"], Some("eu-west-1"));
    let options = SyncOptions::default().prune(prune).adopt(adopt);
    let Ok((once, done)) = aws_config_with(text, &profiles, options) else { return };
    let (twice, again) = aws_config_with(&once, &profiles, options).expect("it can be read again");
    assert_eq!(once, twice);
    assert!(again.removed.is_empty());
    assert_eq!(done.written.len() + done.left_alone.len() + done.skipped.iter().filter(|s| s.name == name).count(), 1);
    assert_eq!(other_lines(text), other_lines(&once));
    if done.written.is_empty() {
        assert!(prune || once == text);
    }
});
