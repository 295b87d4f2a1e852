//! Credentials in the AWS credentials file, for programs that read nothing else.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Stdio;

use tempaccess_tests::ada::{demo, json, login};
use tempaccess_tests::parts;

const OTHERS: &str = "# mine\n[default]\naws_access_key_id = AKIADEFAULT\naws_secret_access_key = x\n\n[last] ; a note\nregion = eu-west-1\n";

fn mode(file: &Path) -> u32 {
    std::fs::metadata(file).unwrap().permissions().mode() & 0o777
}

#[test]
fn a_profile_is_written_for_programs_that_know_nothing_else() {
    let (_sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let real = machine.home().join("dotfiles/credentials");
    std::fs::create_dir(real.parent().unwrap()).unwrap();
    std::fs::write(&real, OTHERS).unwrap();
    std::fs::set_permissions(&real, std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = machine.home().join(".aws/credentials");
    std::fs::create_dir(link.parent().unwrap()).unwrap();
    symlink("../dotfiles/credentials", &link).unwrap();

    let ran = machine.run("credentials --write-profile legacy --no-interactive");
    assert_eq!(ran.code, 0, "{ran}");
    let credentials = json(&machine.run("credentials --output json --no-interactive"));
    let (expiration, text) = (credentials["expiration"].as_str().unwrap(), std::fs::read_to_string(&real).unwrap());
    assert_eq!(
        ran.stdout,
        format!("Wrote profile `legacy` to `{}`; it expires at {expiration}\n", link.display()),
        "{ran}"
    );
    assert!(
        text.starts_with(&format!("{OTHERS}\n[legacy]\n# written by tempaccess: expires {expiration}\n")),
        "{text}"
    );
    assert!(text.ends_with(&format!("\nx_security_token_expires = {expiration}\n")), "{text}");
    assert!(std::fs::symlink_metadata(&link).unwrap().is_symlink());
    // It holds a secret now.
    assert_eq!(mode(&real), 0o600);

    // Once more is the same; a profile of others needs consent.
    assert_eq!(machine.run("credentials --write-profile legacy --no-interactive").code, 0);
    assert_eq!(std::fs::read_to_string(&real).unwrap(), text);
    let ran = machine.run("credentials --write-profile default --no-interactive");
    assert!(ran.code == 2 && ran.stderr.contains("has a profile `default` that tempaccess did not write"), "{ran}");
    assert_eq!(std::fs::read_to_string(&real).unwrap(), text);
    let ran = machine.run("credentials --write-profile default --overwrite --output json --no-interactive");
    assert_eq!(json(&ran)["account_id"], "111122223333");
    assert!(!std::fs::read_to_string(&real).unwrap().contains("AKIADEFAULT"));
    for line in ["credentials --write-profile a]b", "credentials --write-profile x --all", "credentials --overwrite"] {
        assert_eq!(machine.run(line).code, 2, "{line}");
    }

    // As botocore reads it, in a file that is named as botocore expands it.
    machine.set("AWS_SHARED_CREDENTIALS_FILE", "~/other/credentials");
    let ran = machine.run_words(&["credentials", "--write-profile", "my work", "--no-interactive"], b"");
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(mode(&machine.home().join("other/credentials")), 0o600);
    let Some(python) = parts::python() else { return };
    let script = "import boto3; c = boto3.Session(profile_name='my work').get_credentials(); print(c.access_key, c.secret_key, c.token)";
    let output = machine.program(python).args(["-c", script]).output().unwrap();
    let secret = |name: &str| credentials[name].as_str().unwrap().to_owned();
    let expected = ["access_key_id", "secret_access_key", "session_token"].map(secret).join(" ");
    assert_eq!(String::from_utf8_lossy(&output.stdout).trim(), expected, "{output:?}");
}

/// A profile whose section in the config file wins, and a file that no AWS tool can read.
#[test]
fn keys_that_nobody_would_use_are_not_written_in_silence() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let aws = machine.home().join(".aws");
    std::fs::create_dir_all(&aws).unwrap();
    std::fs::write(aws.join("config"), "[profile w2]\nrole_arn = x\nsource_profile = b\n[profile w3]\nregion = x\n")
        .unwrap();
    let ran = machine.run("credentials --write-profile=w2");
    assert!(
        ran.code == 0 && ran.stderr.contains("gives the profile `w2` other credentials (`role_arn`), which win"),
        "{ran}"
    );
    let ran = machine.run("credentials --write-profile=w3");
    assert!(ran.code == 0 && !ran.stderr.contains("which win"), "{ran}");
    std::fs::write(aws.join("credentials"), "[a\nx = 1\n").unwrap();
    let ran = machine.run("credentials --write-profile=w3");
    assert!(ran.code != 0 && ran.stderr.contains("cannot read it: line 1"), "{ran}");
    assert_eq!(ran.stderr.matches("credentials`").count(), 1, "{ran}");
    let folder = machine.home().join(".config/tempaccess");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), "[profiles.work]\nrole = \"ReadOnly\"\n").unwrap();
    let ran = machine.run("profiles sync");
    assert!(
        ran.code == 0 && ran.stdout.contains("cannot read the credentials file") && ran.stdout.contains("line 1"),
        "{ran}"
    );
    // What a new section inherits.
    std::fs::write(aws.join("config"), "[DEFAULT]\nrole_arn = x\nsource_profile = b\n").unwrap();
    let ran = machine.run("profiles sync");
    assert!(ran.stdout.contains("other settings for credentials in the profile `work`"), "{ran}");
}

#[test]
fn profiles_that_are_written_at_once_are_all_there() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let children: Vec<_> = (0..12)
        .map(|at| {
            let profile = format!("p{at}");
            let mut command = machine.command(["credentials", "--no-interactive", "--write-profile", &profile]);
            command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
        })
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    let text = std::fs::read_to_string(machine.home().join(".aws/credentials")).unwrap();
    let headers: Vec<_> = text.lines().filter(|line| line.starts_with('[')).collect();
    assert!((0..12).all(|at| headers.contains(&format!("[p{at}]").as_str())) && headers.len() == 12, "{headers:?}");
}
