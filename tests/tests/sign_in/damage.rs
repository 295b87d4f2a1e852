//! Entries of the cache that somebody or something has damaged.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::path::PathBuf;
use std::process::Command;

use serde_json::Value;
use tempaccess_tests::ada::{demo, login};

const PROCESS: &str = "credentials --output credential-process --no-interactive";

#[test]
fn entries_that_cannot_be_used_count_as_missing() {
    let (sandbox, machine) = demo();
    // A power cut leaves an empty or a torn file, which nobody needs to hear of.
    for (damage, why) in [
        ("", ""),
        ("{\"version\":1,\"key\":\"", ""),
        ("\u{0}\u{1}", ""),
        ("{\"version\":99}", "it was written by a newer version of tempaccess (format 99)"),
    ] {
        assert_eq!(login(&machine, "").code, 0);
        for (file, _) in machine.entries() {
            std::fs::write(file, damage).unwrap();
        }
        let ran = machine
            .run_with("credentials --output credential-process --no-interactive --password-stdin", "correct horse\n");
        assert_eq!(ran.code, 0, "{ran}");
        assert!(ran.stderr.contains(why) && (why.is_empty() != ran.stderr.contains("ignored")), "{ran}");
    }
    // One that others can write to, one behind a link, one that was renamed from another key, a pipe.
    type Spoil = fn(&std::path::Path, &std::path::Path);
    let spoils: [(Spoil, &str); 4] = [
        (
            |file, _| std::fs::set_permissions(file, std::fs::Permissions::from_mode(0o666)).unwrap(),
            "others can write to it",
        ),
        (
            |file, home| {
                std::fs::rename(file, home.join("elsewhere")).unwrap();
                std::os::unix::fs::symlink(home.join("elsewhere"), file).unwrap();
            },
            "it is a link",
        ),
        (
            |file, _| {
                let text = std::fs::read_to_string(file).unwrap();
                let key = file.file_stem().unwrap().to_str().unwrap();
                std::fs::write(file, text.replace(key, &"0".repeat(32))).unwrap();
            },
            "it is the entry of another key",
        ),
        (
            |file, _| {
                std::fs::remove_file(file).unwrap();
                assert!(Command::new("mkfifo").arg(file).status().unwrap().success());
            },
            "it is not a regular file",
        ),
    ];
    for (spoil, why) in spoils {
        assert_eq!(login(&machine, "").code, 0);
        for (file, about) in machine.entries() {
            if about["info"]["kind"] == "credentials" {
                spoil(&file, machine.home());
            }
        }
        let ran = machine.run(PROCESS);
        assert_eq!(ran.code, 0, "{ran}");
        assert!(ran.stderr.contains(why), "{why}: {ran}");
    }
    drop(sandbox);
}

/// Damages an entry in every way that a text can be: cut off, a bit that fell over, and each of its values missing, empty or of
/// another type. Whatever a program reads there, the person gets credentials, and no wrong ones.
#[test]
fn however_an_entry_is_damaged_credentials_are_returned() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let is_credentials = |(_, entry): &(PathBuf, Value)| entry["info"]["kind"] == "credentials";
    let entries: Vec<_> = machine.entries().into_iter().filter(is_credentials).map(|(file, _)| file).collect();
    let text = std::fs::read_to_string(&entries[0]).unwrap();
    let mut damaged = Vec::new();
    for part in 0..8 {
        damaged.push(text.as_bytes()[..text.len() * part / 8].to_vec());
        let mut flipped = text.clone().into_bytes();
        flipped[text.len() * part / 8 + 3] ^= 1 << part;
        damaged.push(flipped);
    }
    damaged.push([text.as_bytes(), text.as_bytes()].concat());
    damaged.push(vec![b'['; 200_000]);
    damaged.push(vec![b' '; 32 << 20]);
    let whole: Value = serde_json::from_str(&text).unwrap();
    for path in paths(&whole) {
        for value in
            [Value::Null, Value::from(""), Value::from(-1), Value::from("\u{0}\u{1b}[31m"), Value::from(u64::MAX)]
        {
            let mut entry = whole.clone();
            *entry.pointer_mut(&path).unwrap() = value;
            damaged.push(entry.to_string().into_bytes());
        }
    }
    assert!(damaged.len() > 100, "{}", damaged.len());
    // Cached credentials are complete, or a sign-in gives new ones.
    let used: Value = serde_json::from_str(&machine.run("credentials --output json").stdout).unwrap();
    for content in damaged {
        for file in &entries {
            std::fs::write(file, &content).unwrap();
        }
        let ran = machine.run_with("credentials --output json --no-interactive --password-stdin", "correct horse\n");
        let shown = String::from_utf8_lossy(&content[..content.len().min(2_000)]).into_owned();
        assert_eq!(ran.code, 0, "{shown}: {ran}");
        let given: Value = serde_json::from_str(&ran.stdout).unwrap();
        assert_eq!(given["role_arn"], used["role_arn"], "{shown}");
        assert!(given["expiration"].as_str() <= Some("2100"), "{shown}: {ran}");
        assert!(!ran.stderr.contains('\u{1b}'), "{shown}: {ran}");
    }
}

/// The JSON pointers to all values within a value.
fn paths(value: &Value) -> Vec<String> {
    let children: Vec<(String, &Value)> = match value {
        Value::Object(fields) => fields.iter().map(|(name, value)| (name.clone(), value)).collect(),
        Value::Array(items) => items.iter().enumerate().map(|(at, value)| (at.to_string(), value)).collect(),
        _ => Vec::new(),
    };
    let below = |(name, value): (String, &Value)| {
        let path = format!("/{name}");
        let deeper: Vec<_> = paths(value).into_iter().map(|rest| format!("{path}{rest}")).collect();
        std::iter::once(path).chain(deeper)
    };
    children.into_iter().flat_map(below).collect()
}
