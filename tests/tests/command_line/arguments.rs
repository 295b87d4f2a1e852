//! The profile on the command line: by position, by option, by both.

use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::cli::{Machine, Ran};

/// A machine whose profiles `one` and `other` are Alan's and Grace's, and which has no other settings.
fn two_people() -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::alone();
    let profile = |name: &str, user: &str, password: &str| {
        format!(
            "[profiles.{name}]\nsource = '{}'\nsts_endpoint_url = '{}'\nusername = '{user}@example.com'\npassword_command = 'printf {password}'\n",
            sandbox.app_url(),
            sandbox.sts_url()
        )
    };
    let file = machine.home().join("profiles.toml");
    std::fs::write(&file, profile("one", "alan", "bombe") + &profile("other", "grace", "wrong")).unwrap();
    machine.set("TEMPACCESS_CONFIG", file.to_str().unwrap());
    machine.set("TEMPACCESS_FEDERATION_ENDPOINT_URL", sandbox.federation_url());
    (sandbox, machine)
}

const COMMANDS: [&str; 10] = [
    "login",
    "roles",
    "credentials --output json",
    "credentials --output credential-process",
    "env",
    "console --print",
    "doctor --no-sign-in",
    "status",
    "logout",
    "configure",
];

#[test]
fn every_command_takes_the_profile_by_position() {
    let (_sandbox, machine) = two_people();
    for command in &COMMANDS[..9] {
        let interactive = if command.starts_with("status") { "" } else { "--no-interactive" };
        let run = |profile: &str| machine.run(&format!("{command} {interactive} {profile}"));
        for profile in ["one", "--profile one", "one --profile one", "--profile=one one"] {
            let ran = run(profile);
            assert_eq!(ran.code, 0, "{command} {profile}: {ran}");
        }
        let ran = run("two");
        assert!(ran.code == 3 && ran.to_string().contains("`two`"), "{command}: {ran}");
    }
    for profile in ["one", "--profile one", "one --profile one"] {
        let ran = machine.run(&format!("exec {profile} -- env"));
        assert!(ran.code == 0 && ran.stdout.contains("AWS_ACCESS_KEY_ID=ASIA"), "{profile}: {ran}");
    }
}

#[test]
fn two_different_profiles_are_an_error() {
    let (_sandbox, machine) = two_people();
    let refused = |ran: Ran, command: &str| {
        assert_eq!(ran.code, 2, "{command}: {ran}");
        assert!(
            ran.stderr.contains("two different profiles are given: `one` and `--profile other`"),
            "{command}: {ran}"
        );
        assert_eq!(ran.stdout, "", "{command}");
    };
    for command in COMMANDS {
        refused(machine.run(&format!("{command} one --profile other")), command);
    }
    refused(machine.run("exec one --profile other -- env"), "exec");
    refused(machine.run("serve one --profile other"), "serve");
}

#[test]
fn status_of_a_profile_shows_what_came_from_its_source() {
    let (_sandbox, machine) = two_people();
    assert_eq!(machine.run("login one --no-interactive").code, 0);
    let file = machine.home().join("more.toml");
    let config = std::fs::read_to_string(machine.home().join("profiles.toml")).unwrap();
    std::fs::write(&file, config + "[profiles.elsewhere]\nsource = 'command:true'\n").unwrap();
    let roles = |profile: &str| {
        let ran = machine.run(&format!("status --config {} {profile} --output json", file.display()));
        let cached: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
        let entries = cached["entries"].as_array().unwrap().clone();
        entries.iter().filter(|entry| entry["kind"] == "credentials").count()
    };
    assert!(roles("") > 0);
    assert_eq!(roles("one"), roles(""));
    assert_eq!(roles("elsewhere"), 0);
}
