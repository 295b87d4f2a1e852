//! The AWS config file: what others wrote stays, and doing it twice is doing it once.
#![no_main]

use libfuzzer_sys::fuzz_target;
use tempaccess_core::config::{AwsProfile, aws_config_with};

/// What the lines of others come to: every line that is none of ours, but blank ones.
fn of_others(text: &str) -> Vec<&str> {
    let ours = |line: &&str| {
        line.starts_with("# managed by tempaccess") || line.starts_with("credential_process") || line.starts_with("region")
    };
    let lines = text.lines().map(str::trim_end);
    lines.filter(|line| !ours(line) && !line.is_empty() && !line.starts_with('[')).collect()
}

fuzz_target!(|input: (&str, &str, bool)| {
    let (text, name, prune) = input;
    let Ok(profile) = AwsProfile::new(name, &["tempaccess", "credentials", "a b"], Some("eu-west-1")) else { return };
    let profiles = [profile];
    let (once, done) = aws_config_with(text, &profiles, prune);
    let (twice, again) = aws_config_with(&once, &profiles, prune);
    assert_eq!(once, twice);
    assert!(again.removed.is_empty());
    assert_eq!(done.written.len() + done.left_alone.len(), 1);
    assert_eq!(of_others(text), of_others(&once));
    if done.written.is_empty() {
        assert!(prune || once == text);
    }
});
