//! `assume`, which a person's shell defines from what `shell-init` prints.
#![cfg(unix)]

use std::process::Stdio;

use tempaccess_sandbox::Sandbox;
use tempaccess_tests::ada::{demo, json, login};
use tempaccess_tests::cli::{Machine, Ran, binary};
use tempaccess_tests::parts;

/// The shells, and how each loads the code.
const SHELLS: [(&str, &[&str], &str); 3] = [
    ("bash", &["--norc", "--noprofile"], r#"eval "$(tempaccess shell-init bash)""#),
    ("zsh", &["-f"], r#"eval "$(tempaccess shell-init zsh)""#),
    ("fish", &["--no-config"], "tempaccess shell-init fish | source"),
];

fn installed() -> impl Iterator<Item = (&'static str, &'static [&'static str], &'static str)> {
    SHELLS.into_iter().filter(|(name, ..)| parts::debian(&format!("/usr/bin/{name}"), name).is_some())
}

/// Ada's machine with the profiles `west` and `east`, and the command on its path.
fn profiles() -> (Sandbox, Machine) {
    let (sandbox, mut machine) = demo();
    let folder = machine.home().join(".config/tempaccess");
    std::fs::create_dir_all(&folder).unwrap();
    let profiles =
        "[profiles.west]\nregion = 'eu-west-1'\n[profiles.east]\nregion = 'us-east-2'\n[profiles.\"my work\"]\n";
    std::fs::write(folder.join("config.toml"), profiles).unwrap();
    for profile in ["west", "east"] {
        assert_eq!(login(&machine, profile).code, 0);
    }
    let path = std::env::var("PATH").unwrap_or_default();
    machine.set("PATH", format!("{}:{path}", binary().parent().unwrap().display()));
    machine.set("XDG_CONFIG_HOME", machine.home().join(".config").to_str().unwrap());
    (sandbox, machine)
}

fn shell(machine: &Machine, name: &str, options: &[&str], script: &str) -> Ran {
    let mut command = machine.program(name);
    let output = command.args(options).args(["-c", script]).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn assume_sets_credentials_in_the_running_shell_and_removes_them() {
    let (_sandbox, machine) = profiles();
    let key = |profile: &str| {
        let ran = machine.run(&format!("credentials {profile} --output credential-process --no-interactive"));
        json(&ran)["AccessKeyId"].as_str().unwrap().to_owned()
    };
    let (west, east) = (key("west"), key("east"));
    for (name, options, load) in installed() {
        let show = "tempaccess_show() { echo \"[$AWS_ACCESS_KEY_ID|$AWS_REGION|$AWS_PROFILE]\"; }";
        let show = if name == "fish" {
            "function tempaccess_show; echo \"[$AWS_ACCESS_KEY_ID|$AWS_REGION|$AWS_PROFILE]\"; end"
        } else {
            show
        };
        let script = format!(
            "{load}\n{show}\nexport AWS_PROFILE=prod\nassume west --no-interactive; tempaccess_show\nassume east; tempaccess_show\nassume --unset; tempaccess_show"
        );
        let ran = shell(&machine, name, options, &script);
        assert_eq!(ran.stdout, format!("[{west}|eu-west-1|]\n[{east}|us-east-2|]\n[||]\n"), "{name}: {ran}");
        assert_eq!(ran.stderr, "", "{name}: {ran}");
    }
}

#[test]
fn a_failed_assume_changes_nothing_and_says_so() {
    let (_sandbox, machine) = profiles();
    for (name, options, load) in installed() {
        let script = format!("{load}\nexport AWS_PROFILE=prod\nassume nobody\necho \"$AWS_PROFILE\"; assume nobody");
        let ran = shell(&machine, name, options, &script);
        assert_eq!((ran.code, ran.stdout.as_str()), (3, "prod\n"), "{name}: {ran}");
        assert!(ran.stderr.contains("`nobody`"), "{name}: {ran}");
        let ran = shell(&machine, name, options, &format!("{load}\nassume west --help"));
        assert!(ran.code == 0 && ran.stdout.contains("Usage: tempaccess env"), "{name}: {ran}");
    }
}

#[test]
fn assume_shows_no_secret_when_the_shell_is_traced() {
    let (_sandbox, machine) = profiles();
    let secret = json(&machine.run("credentials west --output json"))["secret_access_key"].as_str().unwrap().to_owned();
    for (name, options, load) in installed().filter(|(name, ..)| *name != "fish") {
        let ran = shell(&machine, name, options, &format!("{load}\nset -x; assume west; echo traced"));
        assert!(ran.stderr.contains("echo traced") && !ran.stderr.contains(&secret), "{name}: {ran}");
    }
}

#[test]
fn the_profile_of_assume_is_completed() {
    let (_sandbox, machine) = profiles();
    for (name, options, load) in installed() {
        let complete = match name {
            "bash" => {
                "COMP_LINE='assume my'; COMP_POINT=9; COMP_WORDS=(assume my); COMP_CWORD=1; _tempaccess_assume assume my assume; printf '%s\\n' \"${COMPREPLY[@]}\""
            }
            "fish" => "complete --do-complete 'assume my'",
            // zsh completes on a terminal only.
            _ => continue,
        };
        let ran = shell(&machine, name, options, &format!("{load}\n{complete}"));
        let expected = if name == "bash" { "my\\ work\n" } else { "my work\n" };
        assert_eq!(ran.stdout, expected, "{name}: {ran}");
    }
}
