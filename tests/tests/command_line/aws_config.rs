//! The AWS config file: whatever is in it, botocore reads what was meant afterwards.

use std::io::Write;
use std::path::Path;
use std::process::{Command, Stdio};

use serde_json::{Value, json};
use tempaccess_core::config::{AwsProfiles, SyncOptions, Synced, aws_config_with};
use tempaccess_tests::{parts, vectors};

/// What botocore reads in these texts.
fn botocore_reads(python: &Path, texts: &[String]) -> Vec<Value> {
    let script = tempaccess_tests::workspace().join("tests/parts/botocore_reads.py");
    let mut command = Command::new(python);
    command.arg(script).env("PYTHONUTF8", "1").stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut child = command.spawn().expect("python runs");
    let mut input = child.stdin.take().unwrap();
    let texts = serde_json::to_string(texts).unwrap();
    let writer = std::thread::spawn(move || input.write_all(texts.as_bytes()));
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap().unwrap();
    serde_json::from_slice(&output.stdout).expect("JSON")
}

fn process(name: &str) -> String {
    let name = if name.contains(' ') { format!("'{name}'") } else { name.to_owned() };
    format!("tempaccess credentials --profile {name} --output json")
}

fn wanted<'a>(profiles: impl IntoIterator<Item = (&'a str, Option<&'a str>)>) -> AwsProfiles {
    let mut wanted = AwsProfiles::default();
    for (name, region) in profiles {
        wanted.add(name, &["tempaccess", "credentials", "--profile", name, "--output", "json"], region);
    }
    wanted
}

/// Runs a vector: the text and what was done, or the error.
fn run(case: &Value) -> Value {
    let profiles = case["profiles"].as_array().unwrap();
    let profiles = wanted(profiles.iter().map(|p| (p["name"].as_str().unwrap(), p["region"].as_str())));
    let flag = |name: &str| case[name].as_bool().unwrap_or_default();
    let options = SyncOptions::default().prune(flag("prune")).adopt(flag("adopt"));
    match aws_config_with(case["before"].as_str().unwrap(), &profiles, options) {
        Ok((text, synced)) => json!({ "after": text, "synced": synced }),
        Err(error) => json!({ "error": error.message() }),
    }
}

#[test]
fn files_are_changed_as_the_vectors_say_and_botocore_reads_that() {
    let mut file = vectors::Vector::load(&vectors::folder().join("aws_config.json"));
    let python = parts::python();
    let is_update = vectors::updating();
    let cases = file.json.as_array_mut().unwrap();
    let results: Vec<_> = cases.iter().map(run).collect();
    let texts: Vec<_> = results.iter().map(|result| result["after"].as_str().unwrap_or_default().to_owned()).collect();
    let before: Vec<_> = cases.iter().map(|case| case["before"].as_str().unwrap().to_owned()).collect();
    let read = python.as_ref().map(|python| (botocore_reads(python, &before), botocore_reads(python, &texts)));
    for (at, (case, result)) in cases.iter_mut().zip(&results).enumerate() {
        if is_update {
            case["expect"] = result.clone();
        }
        assert_eq!(case["expect"], *result, "{}", case["about"]);
        let Some((before, after)) = &read else { continue };
        if is_update {
            case["reads"] = after[at]["profiles"].clone();
        }
        // Refused is what botocore does not read, and nothing else.
        assert_eq!(result["error"].is_string(), before[at]["error"].is_string() && result["after"].is_null(), "{case}");
        assert_eq!(case["reads"], after[at]["profiles"], "{}", case["about"]);
    }
    if is_update {
        file.save();
    }
}

/// Numbers that are the same in each run.
struct Numbers(u64);

impl Numbers {
    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        (self.0 % end as u64) as usize
    }

    fn of<'a>(&mut self, texts: &[&'a str]) -> &'a str {
        texts[self.below(texts.len())]
    }
}

const NAMES: [&str; 5] = ["a", "b", "c d", "default", "e"];

/// A file as people, editors, tools and accidents leave them.
fn generated(numbers: &mut Numbers) -> String {
    const HEADERS: [&str; 24] = [
        "[default]",
        "[profile a]",
        "[profile b]",
        "[profile \"c d\"]",
        "[profile e]",
        "[profile 'a']",
        "[profile  b ]",
        "[ profile a ]",
        "[profile default]",
        "[profile c\\ d]",
        "[DEFAULT]",
        "[sso-session s]",
        "[plugins]",
        "[profiles a]",
        "[profile a] # x",
        "[profile b] ; [x]",
        "[]",
        "[profile 'a]",
        "[profile a b]",
        "[profile\te]",
        "[e]",
        "[profile",
        "profile a]",
        "[profile a#]",
    ];
    const LINES: [&str; 28] = [
        "region = x",
        "region=eu-west-1",
        "REGION : y",
        "output = json",
        "role_arn = x",
        "Role_ARN=x",
        "aws_access_key_id = AKIA",
        "credential_process = old",
        "credential_process = tempaccess credentials --profile a --output json",
        "Credential_Process: old",
        "s3 =",
        "max = 1",
        "# comment",
        "; comment",
        "# region = x",
        "",
        "   ",
        "nonsense",
        "= x",
        "a = b = c",
        "a: [x]",
        "sso_session = s",
        "# managed by tempaccess",
        "# managed by tempaccess: `tempaccess profiles sync` writes credential_process, region = x",
        "# managed by tempaccess: x, region = eu-west-1",
        "k = \u{e4}\u{a0}",
        "b = # x",
        "c =",
    ];
    const INDENTS: [&str; 8] = ["", "", "", "", "", "  ", "    ", "\t"];
    let end = numbers.of(&["\n", "\n", "\n", "\r\n", "\r"]);
    let mut text = numbers.of(&["", "", "", "", "", "", "", "\u{feff}", "# top\n", "\n"]).to_owned();
    // Most files are sane: a wild line in each would leave nothing to compare.
    let is_wild = numbers.below(3) == 0;
    for _ in 0..numbers.below(6) {
        let header = HEADERS[numbers.below(if is_wild { HEADERS.len() } else { 16 })];
        text += if is_wild { numbers.of(&INDENTS) } else { "" };
        text += header;
        text += end;
        for _ in 0..numbers.below(6) {
            let line = loop {
                let line = numbers.of(&LINES);
                let key = line.split(['=', ':']).next().unwrap().trim().to_lowercase();
                let section = text.rsplit('[').next().unwrap().to_lowercase();
                // A key that is there already, or nonsense, makes the whole file unreadable: seldom.
                let is_bad = ["nonsense", "= x"].contains(&line)
                    || (!line.starts_with('#') && section.contains(&key) && !key.is_empty());
                if is_wild || !is_bad {
                    break line;
                }
            };
            text += if numbers.below(3) == 0 { numbers.of(&INDENTS) } else { "" };
            text += line;
            text += end;
        }
    }
    if numbers.below(4) == 0 {
        text.truncate(text.trim_end().len());
    }
    text
}

fn without_ours(profile: &mut Value) {
    if let Some(keys) = profile.as_object_mut() {
        keys.retain(|key, _| !["credential_process", "region"].contains(&key.as_str()));
    }
}

/// Compares what botocore reads before and after, for thousands of files.
#[test]
fn generated_files_stay_readable_and_mean_the_same_but_for_our_keys() {
    let Some(python) = parts::python() else { return };
    let mut numbers = Numbers(0x5eed_0001);
    let mut cases = Vec::new();
    for _ in 0..4_000 {
        let before = generated(&mut numbers);
        let names: Vec<_> = NAMES.into_iter().filter(|_| numbers.below(2) == 0).collect();
        let options = SyncOptions::default().prune(numbers.below(2) == 0).adopt(numbers.below(2) == 0);
        let region = [None, Some("eu-west-1"), Some("x")][numbers.below(3)];
        cases.push((before, names, region, options));
    }
    let results: Vec<_> = cases
        .iter()
        .map(|(before, names, region, options)| {
            aws_config_with(before, &wanted(names.iter().map(|name| (*name, *region))), *options)
        })
        .collect();
    let texts =
        |result: &Result<(String, Synced), _>| result.as_ref().map(|(text, _)| text.clone()).unwrap_or_default();
    let before = botocore_reads(&python, &cases.iter().map(|(text, ..)| text.clone()).collect::<Vec<_>>());
    let after = botocore_reads(&python, &results.iter().map(texts).collect::<Vec<_>>());
    let (mut refused, mut written, mut adopted) = (0, 0, 0);
    for (at, ((text, names, region, _), result)) in cases.iter().zip(&results).enumerate() {
        let (before, after) = (&before[at], &after[at]);
        let Ok((changed, synced)) = result else {
            // Sections inherit from `[DEFAULT]`: what is wrong there counts once there is one.
            let has_none = before["sections"].as_object().is_some_and(|sections| sections.is_empty());
            assert!(before["error"].is_string() || (has_none && text.contains("[DEFAULT]")), "{text:?}: {result:?}");
            refused += 1;
            continue;
        };
        let shown = format!("--- before\n{text}\n--- after\n{changed}\n--- {synced:?} {text:?}");
        assert!(after["error"].is_null(), "{shown}");
        let (_, _, _, options) = &cases[at];
        let again = aws_config_with(changed, &wanted(names.iter().map(|name| (*name, *region))), *options);
        assert_eq!(again.map(|(text, _)| text).ok().as_ref(), Some(changed), "{shown}");
        written += synced.written.len();
        let has = |names: &[String], name: &str| names.iter().any(|known| known == name);
        for name in names {
            let places = [
                has(&synced.written, name),
                has(&synced.left_alone, name),
                synced.skipped.iter().any(|s| s.name == *name),
            ];
            assert_eq!(places.iter().filter(|is| **is).count(), 1, "{name}: {shown}");
            if has(&synced.written, name) {
                let profile = &after["profiles"][name];
                assert_eq!(profile["credential_process"], process(name), "{name}: {shown}");
                if let (Some(region), false) = (region, has(&synced.region_kept, name)) {
                    assert_eq!(profile["region"], *region, "{name}: {shown}");
                }
            }
        }
        if before["error"].is_string() {
            continue;
        }
        for (name, profile) in before["profiles"].as_object().unwrap() {
            let (mut old, mut new) = (profile.clone(), after["profiles"][name].clone());
            if has(&synced.written, name) || has(&synced.removed, name) {
                adopted += usize::from(old["credential_process"].is_null());
                without_ours(&mut old);
                without_ours(&mut new);
            }
            // Behind a section that is removed, another one of the same profile may come to light.
            let is_behind = has(&synced.removed, name)
                && before["sections"].as_object().unwrap().values().any(|section| {
                    let mut section = section.clone();
                    without_ours(&mut section);
                    new == section
                });
            let is_empty = old.as_object().is_some_and(|keys| keys.is_empty()) || text.contains("[DEFAULT]");
            let is_gone = has(&synced.removed, name) && new.is_null() && is_empty;
            assert!(old == new || is_behind || is_gone, "{name}: {old} {new}: {shown}");
        }
        for (name, section) in before["sections"].as_object().unwrap() {
            if !name.starts_with("profile") && name != "default" {
                assert_eq!(after["sections"][name], *section, "{name}: {shown}");
            }
        }
    }
    // The comparison is worth something.
    assert!(refused > 100 && written > 2_000 && adopted > 50, "{refused} {written} {adopted}");
}
