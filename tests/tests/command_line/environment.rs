//! Credentials in the environment of a shell or a program: what is set, what is removed, and what programs make of it.
#![cfg(unix)]

use std::collections::BTreeMap;
use std::process::Stdio;

use tempaccess_tests::ada::{demo, json, login};
use tempaccess_tests::cli::{Machine, Ran, binary};
use tempaccess_tests::parts;

const PROCESS: &str = "credentials --output credential-process --no-interactive";

/// Variables that would win over credentials, or that describe others.
const STALE: [(&str, &str); 19] = [
    ("AWS_ACCESS_KEY_ID", "AKIASTALE"),
    ("AWS_SECRET_ACCESS_KEY", "stale"),
    ("AWS_SESSION_TOKEN", "stale"),
    ("AWS_SECURITY_TOKEN", "stale"),
    ("AWS_ACCESS_KEY", "stale"),
    ("AWS_SECRET_KEY", "stale"),
    ("AWS_CREDENTIAL_EXPIRATION", "2020-01-01T00:00:00Z"),
    ("AWS_SESSION_EXPIRATION", "2020-01-01T00:00:00Z"),
    ("AWS_ACCOUNT_ID", "999999999999"),
    ("AWS_CREDENTIAL_FILE", "/stale"),
    ("AWS_PROFILE", "prod"),
    ("AWS_DEFAULT_PROFILE", "prod"),
    ("AWS_ROLE_ARN", "arn:aws:iam::999999999999:role/Stale"),
    ("AWS_ROLE_SESSION_NAME", "stale"),
    ("AWS_WEB_IDENTITY_TOKEN_FILE", "/stale"),
    ("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI", "/stale"),
    ("AWS_CONTAINER_CREDENTIALS_FULL_URI", "http://127.0.0.1:1/stale"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN", "stale"),
    ("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE", "/stale"),
];

/// A shell, the option of `env` for its syntax, and how it evaluates what `env` prints.
const SHELLS: [(&str, &str, &str); 5] = [
    ("sh", "posix", r#"eval "$("$BIN" env)" && env"#),
    ("dash", "posix", r#"eval "$("$BIN" env)" && env"#),
    ("bash", "posix", r#"set -eu; eval "$("$BIN" env)"; env"#),
    ("zsh", "posix", r#"setopt rcquotes; eval "$("$BIN" env)" && env"#),
    ("fish", "fish", r#""$BIN" env --shell fish | source; and env"#),
];

fn run(mut command: std::process::Command) -> Ran {
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

/// Runs a line of this shell, where `$BIN` is the command.
fn shell(machine: &Machine, program: &str, line: &str) -> Ran {
    let mut command = machine.program(program);
    command.env("BIN", binary()).env("XDG_CONFIG_HOME", machine.home().join(".config")).args(["-c", line]);
    run(command)
}

/// The AWS variables of what `env` of the system printed.
fn aws(environment: &str) -> BTreeMap<&str, &str> {
    let variables = environment.lines().filter_map(|line| line.split_once('='));
    variables.filter(|(name, _)| name.starts_with("AWS_") && !name.starts_with("AWS_ENDPOINT_URL_")).collect()
}

/// The variables that these credentials should have, as `env` prints them.
fn expected(credentials: &serde_json::Value) -> BTreeMap<&str, &str> {
    BTreeMap::from([
        ("AWS_ACCESS_KEY_ID", credentials["AccessKeyId"].as_str().unwrap()),
        ("AWS_SECRET_ACCESS_KEY", credentials["SecretAccessKey"].as_str().unwrap()),
        ("AWS_SESSION_TOKEN", credentials["SessionToken"].as_str().unwrap()),
        ("AWS_CREDENTIAL_EXPIRATION", credentials["Expiration"].as_str().unwrap()),
        ("AWS_ACCOUNT_ID", "111122223333"),
    ])
}

/// A machine with Ada's credentials in its cache, and stale variables of every kind.
fn stale() -> (tempaccess_sandbox::Sandbox, Machine, serde_json::Value) {
    let (sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let credentials = json(&machine.run(PROCESS));
    STALE.iter().for_each(|(name, value)| machine.set(name, *value));
    (sandbox, machine, credentials)
}

#[test]
fn shells_have_these_credentials_and_no_others() {
    let (_sandbox, machine, credentials) = stale();
    for (program, syntax, line) in SHELLS {
        let package = if program == "sh" { "dash" } else { program };
        if parts::debian(&format!("/usr/bin/{program}"), package).is_none() {
            continue;
        }
        let ran = shell(&machine, program, line);
        assert_eq!(ran.code, 0, "{program}: {ran}");
        assert_eq!(aws(&ran.stdout), expected(&credentials), "{program}");
        // And without any once they are removed again.
        let removed = line.replace(" env)", " env --unset)").replace(" env --shell", " env --unset --shell");
        assert_ne!(removed, line);
        let ran = shell(&machine, program, &removed);
        assert_eq!((ran.code, aws(&ran.stdout)), (0, BTreeMap::new()), "{program}: {ran}");
        let ran = machine.run(&format!("env --shell {syntax}"));
        assert!(ran.stderr.is_empty(), "{ran}");
    }
    let ran = shell(&machine, "sh", r#"eval "$("$BIN" credentials --output env)" && env"#);
    assert_eq!(aws(&ran.stdout), expected(&credentials), "{ran}");
    assert_eq!(machine.run("env work --unset").code, 2);
}

#[test]
fn a_universal_variable_of_fish_does_not_win() {
    if parts::debian("/usr/bin/fish", "fish").is_none() {
        return;
    }
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let line = r#"set -Ux AWS_PROFILE prod; env | grep AWS_PROFILE; "$BIN" env --shell fish | source; env"#;
    let ran = shell(&machine, "fish", line);
    assert!(ran.stdout.starts_with("AWS_PROFILE=prod\n"), "{ran}");
    assert_eq!(ran.stdout.matches("AWS_PROFILE").count(), 1, "{ran}");
    assert!(ran.stderr.contains("tempaccess: erased the universal variable AWS_PROFILE"), "{ran}");
}

#[test]
fn files_hold_bare_values() {
    let (_sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let credentials = json(&machine.run(PROCESS));
    for syntax in ["dotenv", "github-actions"] {
        let ran = machine.run(&format!("env --shell {syntax} --region eu-west-1"));
        assert_eq!(ran.code, 0, "{ran}");
        // As `docker run --env-file` reads it: what follows `=` is the value, to the end of the line.
        let read: BTreeMap<_, _> =
            ran.stdout.lines().map(|line| line.split_once('=').expect("an assignment")).collect();
        let mut expected = expected(&credentials);
        expected.extend([("AWS_REGION", "eu-west-1"), ("AWS_DEFAULT_REGION", "eu-west-1")]);
        // The region belongs to another cache entry.
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY", "AWS_SESSION_TOKEN", "AWS_CREDENTIAL_EXPIRATION"] {
            expected.insert(name, read[name]);
            assert!(!read[name].contains(['\'', '"']), "{ran}");
        }
        assert_eq!(read, expected);
        assert_eq!(ran.stderr, "");
    }
    machine.set("AWS_PROFILE", "prod");
    let ran = machine.run("env --shell dotenv");
    assert_eq!(ran.stderr, "note: this file cannot unset `AWS_PROFILE`: unset it where the file is used\n");
}

#[test]
fn programs_have_these_credentials_and_no_others() {
    let (_sandbox, machine, credentials) = stale();
    let ran = machine.run("exec --no-interactive -- env");
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(aws(&ran.stdout), expected(&credentials));
    let leads = ["AWS_ACCOUNT_ID", "AWS_CONTAINER_AUTHORIZATION_TOKEN", "AWS_CONTAINER_CREDENTIALS_FULL_URI"];
    let ran = machine.run("exec --serve --no-interactive -- env");
    let environment = aws(&ran.stdout);
    assert_eq!(environment.keys().copied().collect::<Vec<_>>(), leads, "{ran}");
    assert_eq!(environment["AWS_ACCOUNT_ID"], "111122223333");
    assert_ne!(environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"], "stale");
    let line = r#""$BIN" serve --no-interactive > "$HOME/out" 2> "$HOME/err" &
        until grep -q Serving "$HOME/err"; do sleep 0.05; done
        kill -TERM $!; wait $!; eval "$(cat "$HOME/out")"; env"#;
    let ran = shell(&machine, "sh", line);
    let environment = aws(&ran.stdout);
    assert_eq!(environment.keys().copied().collect::<Vec<_>>(), leads, "{ran}");
    assert_eq!(environment["AWS_ACCOUNT_ID"], "111122223333");
}

/// The regions in the environment of a program, under both names.
fn regions(ran: &Ran) -> (String, String) {
    let environment = aws(&ran.stdout);
    let region = |name| environment.get(name).copied().filter(|region| !region.is_empty()).unwrap_or("none").to_owned();
    (region("AWS_REGION"), region("AWS_DEFAULT_REGION"))
}

#[test]
fn a_region_comes_from_the_profile_unless_there_is_one() {
    let (_sandbox, mut machine) = demo();
    let folder = machine.home().join(".config/tempaccess");
    std::fs::create_dir_all(&folder).unwrap();
    let profiles = "[profiles.west]\nregion = 'eu-west-1'\n[profiles.east]\nregion = 'us-east-2'\n[profiles.plain]\n";
    std::fs::write(folder.join("config.toml"), profiles).unwrap();
    for profile in ["west", "east", "plain"] {
        assert_eq!(login(&machine, profile).code, 0);
    }
    let pair = |region: &str| (region.to_owned(), region.to_owned());
    for serve in ["", "--serve"] {
        for (profile, region) in [("west", "eu-west-1"), ("plain", "none")] {
            let ran = machine.run(&format!("exec {profile} {serve} --no-interactive -- env"));
            assert_eq!(regions(&ran), pair(region), "{ran}");
        }
    }
    let env = |profile: &str| format!(r#"eval "$("$BIN" env {profile} --no-interactive)""#);
    // The next profile's region takes the place of the one before, and none that the person chose.
    let ran = shell(&machine, "sh", &format!("{}; {}; env", env("west"), env("east")));
    assert_eq!(regions(&ran), pair("us-east-2"), "{ran}");
    let ran = shell(&machine, "sh", &format!("{}; {}; env", env("west"), env("plain")));
    assert_eq!(regions(&ran), pair("none"), "{ran}");
    let ran = shell(&machine, "sh", &format!("{}; {}; env", env("west"), env("--unset")));
    assert_eq!(regions(&ran), pair("none"), "{ran}");
    let ran = shell(&machine, "sh", &format!("{}; export AWS_REGION=us-west-2; {}; env", env("west"), env("east")));
    assert_eq!(regions(&ran), pair("us-west-2"), "{ran}");
    // The region that the person chose goes to programs that read the other name, too.
    for name in ["AWS_REGION", "AWS_DEFAULT_REGION"] {
        machine.set(name, "us-west-2");
        for profile in ["west", "plain"] {
            let exec = machine.run(&format!("exec {profile} --no-interactive -- env"));
            for ran in [exec, shell(&machine, "sh", &(env(profile) + "; env"))] {
                assert_eq!(regions(&ran), pair("us-west-2"), "{name}: {ran}");
            }
        }
        machine.set(name, "");
    }
}

#[test]
fn the_sdk_for_javascript_uses_them_whatever_profile_was_set() {
    let Some(sdk_js) = parts::sdk_js() else { return };
    let (sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let folder = machine.home().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    let keys = "[prod]\naws_access_key_id = AKIAPRODPRODPRODPROD\naws_secret_access_key = prod\n";
    std::fs::write(folder.join("credentials"), keys).unwrap();
    machine.set("AWS_PROFILE", "prod");
    machine.set("SDK_FOLDER", sdk_js.to_string_lossy());
    let script = r#"
        const load = require("module").createRequire(process.env.SDK_FOLDER + "/package.json");
        const { STSClient, GetCallerIdentityCommand } = load("@aws-sdk/client-sts");
        const client = new STSClient({ region: "us-east-1", endpoint: process.argv[2] });
        client.send(new GetCallerIdentityCommand({})).then(({ Arn }) => console.log(Arn), (error) => console.log(error.name));
    "#;
    let file = machine.home().join("caller.cjs");
    std::fs::write(&file, script).unwrap();
    let caller = format!("node '{}' '{}'", file.display(), sandbox.sts_url());
    let before = shell(&machine, "sh", &caller);
    assert!(!before.stdout.contains("assumed-role"), "{before}");
    for line in [
        format!(r#"eval "$("$BIN" env)"; {caller}"#),
        format!(r#""$BIN" exec -- {caller}"#),
        format!(r#""$BIN" exec --serve -- {caller}"#),
    ] {
        let ran = shell(&machine, "sh", &line);
        assert_eq!(ran.stdout, "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com\n", "{line}: {ran}");
    }
}

#[test]
fn a_default_profile_that_wins_over_an_endpoint_is_noted() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let note = "note: the AWS CLI and the SDKs prefer the credentials of the profile `default`";
    assert_eq!(machine.run("exec --serve --no-interactive -- true").stderr, "");
    let folder = machine.home().join(".aws");
    std::fs::create_dir(&folder).unwrap();
    std::fs::write(folder.join("config"), "[default]\nregion = eu-west-1\n").unwrap();
    assert_eq!(machine.run("exec --serve --no-interactive -- true").stderr, "");
    std::fs::write(folder.join("credentials"), "[default]\naws_access_key_id = AKIAX\n").unwrap();
    let ran = machine.run("exec --serve --no-interactive -- true");
    assert!(ran.code == 0 && ran.stderr.starts_with(note), "{ran}");
    // Credentials in the environment win over it.
    assert_eq!(machine.run("exec --no-interactive -- true").stderr, "");
}
