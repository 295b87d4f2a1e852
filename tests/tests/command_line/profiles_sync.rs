//! `profiles sync` with the files of other programs as people have them.
#![cfg(unix)]

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::process::Stdio;

use serde_json::{Value, json};
use tempaccess_sandbox::Sandbox;
use tempaccess_tests::ada::{demo, itself, json, login};
use tempaccess_tests::aws_clients::aws_clis;
use tempaccess_tests::cli::{Machine, Ran, binary};

const PROFILES: &str =
    "[profiles.default]\nregion = 'eu-west-1'\n[profiles.work]\nbase = 'default'\nrole = 'ReadOnly'\n";

/// Writes a file into the home of the machine.
fn put(machine: &Machine, name: &str, text: &str) -> PathBuf {
    let file = machine.home().join(name);
    fs::create_dir_all(file.parent().unwrap()).unwrap();
    fs::write(&file, text).unwrap();
    file
}

fn configured(profiles: &str) -> Machine {
    let machine = Machine::alone();
    put(&machine, ".config/tempaccess/config.toml", profiles);
    machine
}

fn synced(ran: &Ran) -> Value {
    assert_eq!(ran.code, 0, "{ran}");
    json(ran)
}

/// The command of a profile, as words.
fn command_of(aws_config: &str, header: &str) -> Vec<String> {
    let section = aws_config.split(&format!("{header}\n")).nth(1).unwrap_or_else(|| panic!("{aws_config}"));
    let line = section.lines().find_map(|line| line.strip_prefix("credential_process = ")).unwrap();
    line.split(' ').map(|word| word.trim_matches('\'').to_owned()).collect()
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

#[test]
fn an_indented_file_keeps_its_profiles_and_nothing_is_left_behind() {
    let machine = configured(PROFILES);
    let before = "  [default]\n  region = us-east-1\n  output = json\n\n  [profile work]\n  role_arn = arn:aws:iam::111122223333:role/Old\n  source_profile = default\n";
    let file = put(&machine, ".aws/config", before);
    let done = synced(&machine.run("profiles sync --output json"));
    assert_eq!(done["left_alone"], json!(["default", "work"]));
    assert_eq!(done["adoptable"], json!(["default"]));
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(names(&machine.home().join(".aws")), ["config"]);
    assert_eq!(names(&machine.home().join(".local/state/tempaccess/edits")), [""; 0]);
}

#[test]
fn what_the_aws_cli_sets_in_a_managed_profile_stays() {
    let machine = configured(PROFILES);
    let file = machine.home().join(".aws/config");
    assert_eq!(machine.run("profiles sync").code, 0);
    for aws in aws_clis() {
        for (key, value) in [("output", "json"), ("region", "us-west-2")] {
            let set = ["configure", "set", key, value, "--profile", "work"];
            assert!(machine.program(&aws).args(set).status().unwrap().success());
        }
        let done = synced(&machine.run("profiles sync --output json"));
        assert_eq!((&done["written"], &done["region_kept"]), (&json!(["default", "work"]), &json!(["work"])));
        let get = |key: &str| {
            let output = machine.program(&aws).args(["configure", "get", key, "--profile", "work"]).output().unwrap();
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            String::from_utf8(output.stdout).unwrap().trim().to_owned()
        };
        assert_eq!((get("output"), get("region")), ("json".to_owned(), "us-west-2".to_owned()));
        assert!(get("credential_process").ends_with("credentials --profile work --output credential-process"));
        let text = fs::read_to_string(&file).unwrap();
        assert_eq!((text.matches("\nregion").count(), text.matches("\noutput").count()), (2, 1), "{text}");
        fs::remove_file(&file).unwrap();
        assert_eq!(machine.run("profiles sync").code, 0);
    }
}

#[test]
fn a_file_that_botocore_cannot_read_is_an_error_with_the_line() {
    let machine = configured(PROFILES);
    for (text, what) in [
        ("[profile a]\nx = 1\n\n[profile a]\n", "line 4: there is another section `[profile a]` before it"),
        ("\u{feff}[default]\n", "line 1: the file begins with a byte order mark"),
    ] {
        let file = put(&machine, ".aws/config", text);
        let ran = machine.run("profiles sync");
        assert!(ran.code == 3 && ran.stderr.contains(what) && ran.stderr.contains("hint: "), "{ran}");
        assert_eq!(fs::read_to_string(file).unwrap(), text);
    }
}

#[test]
fn one_unfit_name_does_not_stop_the_others() {
    let machine =
        configured("[profiles.\"it's\"]\n[profiles.-x]\n[profiles.\"a b\"]\n[profiles.bad]\nregion = 'eu west'\n");
    let done = synced(&machine.run("profiles sync --output json"));
    assert_eq!(done["written"], json!(["-x", "a b"]));
    let skipped: Vec<_> = done["skipped"].as_array().unwrap().iter().map(|skipped| &skipped["name"]).collect();
    assert_eq!(skipped, ["bad", "it's"]);
    let ran = machine.run("profiles sync");
    assert!(
        ran.code == 0 && ran.stdout.contains("skipped: it's: `it's` cannot be the name of an AWS profile"),
        "{ran}"
    );
    // Alone, it is an error.
    let ran = machine.run("profiles sync it's");
    assert!(ran.code == 2 && ran.stderr.contains("no profile was written"), "{ran}");
}

#[test]
fn a_name_that_begins_with_a_dash_is_one_word() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    put(&machine, ".config/tempaccess/config.toml", "[profiles.-x]\n");
    assert_eq!(machine.run("profiles sync").code, 0);
    let text = fs::read_to_string(machine.home().join(".aws/config")).unwrap();
    let words = command_of(&text, "[profile -x]");
    assert!(words.contains(&"--profile=-x".to_owned()), "{text}");
    let words: Vec<_> = words.iter().skip(1).map(String::as_str).collect();
    assert_eq!(json(&machine.run_words(&words, b""))["AccountId"], "111122223333");
}

/// Whatever says how to sign in is in the command, and means the same from another folder.
#[test]
fn the_command_has_every_setting_and_depends_on_no_folder() {
    let machine = configured(PROFILES);
    let here = machine.home().join("here");
    fs::create_dir(&here).unwrap();
    fs::copy(machine.home().join(".config/tempaccess/config.toml"), here.join("c.toml")).unwrap();
    let options = [
        ("--source", "saml:metadata.xml", format!("saml:{}/metadata.xml", here.display())),
        ("--auth", "idx", "idx".to_owned()),
        ("--client-id", "0oa1", "0oa1".to_owned()),
        ("--username", "ada", "ada".to_owned()),
        ("--factor", "push", "push".to_owned()),
        ("--browser", "./chromium", format!("{}/chromium", here.display())),
        ("--acs-url", "http://127.0.0.1:35001/x", "http://127.0.0.1:35001/x".to_owned()),
        ("--store", "file", "file".to_owned()),
        ("--config", "c.toml", format!("{}/c.toml", here.display())),
    ];
    let mut command = itself(&machine, "profiles");
    command.current_dir(&here).args(["sync", "work", "--headless", "--remember-device"]);
    command.args(options.iter().flat_map(|(option, value, _)| [option, value]));
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
    let text = fs::read_to_string(machine.home().join(".aws/config")).unwrap();
    let words = command_of(&text, "[profile work]");
    assert!(Path::new(&words[0]).is_absolute());
    for (option, _, value) in &options {
        let at = words.iter().position(|word| word == option).unwrap_or_else(|| panic!("{option}: {text}"));
        assert_eq!(words[at + 1], *value);
    }
    for switch in ["--headless", "--remember-device"] {
        assert!(words.contains(&switch.to_owned()), "{switch}: {text}");
    }
    assert!(text.ends_with("--output credential-process\nregion = eu-west-1\n"), "{text}");
    // What comes from the environment counts from the current folder too.
    let mut command = itself(&machine, "profiles");
    command.current_dir(&here).env("TEMPACCESS_CONFIG", "c.toml").args(["sync", "work"]);
    assert!(command.stdout(Stdio::null()).status().unwrap().success());
    let text = fs::read_to_string(machine.home().join(".aws/config")).unwrap();
    assert!(command_of(&text, "[profile work]").contains(&format!("{}/c.toml", here.display())), "{text}");
    let ran = machine.run("profiles sync --source -");
    assert!(ran.code == 2 && ran.stderr.contains("standard input"), "{ran}");
}

#[test]
fn every_role_gets_the_region_of_the_profile() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    put(&machine, ".config/tempaccess/config.toml", "[profiles.default]\nregion = 'eu-west-1'\n");
    assert_eq!(machine.run("profiles sync --roles --no-interactive").code, 0);
    let text = fs::read_to_string(machine.home().join(".aws/config")).unwrap();
    assert_eq!((text.matches("\nregion = eu-west-1\n").count(), text.matches("[profile ").count()), (5, 5), "{text}");
}

#[test]
fn tilde_and_variables_in_the_places_of_aws_files_are_expanded() {
    for place in ["~/.aws/other", "$HOME/.aws/other", "${HOME}/.aws/other"] {
        let mut machine = configured(PROFILES);
        put(&machine, ".aws/keys", "[work]\naws_access_key_id = AKIA\n");
        machine.set("AWS_CONFIG_FILE", place);
        machine.set("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/keys");
        let done = synced(&machine.run("profiles sync --output json"));
        assert_eq!(done["hidden_by_keys"], json!(["work"]), "{place}");
        assert_eq!(names(&machine.home().join(".aws")), ["keys", "other"]);
    }
    let mut machine = configured(PROFILES);
    machine.set("AWS_CONFIG_FILE", "~nobody-of-this-name/config");
    let ran = machine.run("profiles sync");
    assert!(ran.code == 4 && ran.stderr.contains("is not known (`AWS_CONFIG_FILE`)"), "{ran}");
}

#[test]
fn a_profile_without_credentials_is_adopted_when_asked() {
    let before = "[default]\nregion = us-east-1\noutput = json\n";
    let machine = configured("[profiles.default]\nrole = 'ReadOnly'\n");
    let file = put(&machine, ".aws/config", before);
    let ran = machine.run("profiles sync");
    let note = "the profile `default` exists without credentials: add them with `--adopt`";
    assert!(ran.code == 0 && ran.stdout.contains(note), "{ran}");
    assert_eq!(fs::read_to_string(&file).unwrap(), before);
    assert_eq!(synced(&machine.run("profiles sync --adopt --output json"))["written"], json!(["default"]));
    let adopted = fs::read_to_string(&file).unwrap();
    assert!(
        adopted.ends_with(
            "credentials --profile default --output credential-process\nregion = us-east-1\noutput = json\n"
        )
    );
    // Once it is managed, it is updated without being asked again, and goes back to what it was.
    assert_eq!(synced(&machine.run("profiles sync --output json"))["written"], json!(["default"]));
    put(&machine, ".config/tempaccess/config.toml", "[profiles.work]\n");
    assert_eq!(synced(&machine.run("profiles sync --prune --output json"))["removed"], json!(["default"]));
    assert!(fs::read_to_string(&file).unwrap().starts_with(before));
}

/// Some AWS tools read the header as `work]`, and others as `work`.
#[test]
fn a_section_that_tools_disagree_about_is_not_pruned() {
    let machine = configured("[profiles.work]\nrole = 'ReadOnly'\n");
    machine.run("profiles sync");
    let path = machine.home().join(".aws/config");
    let odd = fs::read_to_string(&path).unwrap().replace("[profile work]", "[profile work]]");
    fs::write(&path, &odd).unwrap();
    let ran = machine.run("profiles sync --prune");
    assert!(ran.stdout.contains("disagree about the section header") || ran.stderr.contains("disagree"), "{ran}");
    assert_eq!(fs::read_to_string(&path).unwrap(), odd);
}

#[test]
fn a_terminal_is_asked_whether_to_adopt() {
    for (answer, adopts) in [("y", true), ("", false), ("n", false)] {
        let machine = configured("[profiles.default]\n");
        let file = put(&machine, ".aws/config", "[default]\nregion = us-east-1\n");
        let mut command = machine.program(binary());
        command.env("NO_COLOR", "1").args(["profiles", "sync"]);
        let mut terminal = rexpect::session::spawn_command(command, Some(60_000)).unwrap();
        terminal.exp_string("? Add credentials to what exists without any: default (y/N): ").unwrap();
        terminal.send_line(answer).unwrap();
        terminal.exp_string(if adopts { "written: default" } else { "add them with `--adopt`" }).unwrap();
        terminal.exp_eof().unwrap();
        assert_eq!(fs::read_to_string(file).unwrap().contains("credential_process"), adopts);
    }
}

/// Runs a script where this user may mount. Nothing where the system does not allow that.
#[cfg(target_os = "linux")]
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn with_mounts(machine: &Machine, script: &str) -> Option<Ran> {
    let unshare = ["--mount", "--map-root-user", "sh", "-ec"];
    if !machine.program("unshare").args(unshare).arg("true").status().is_ok_and(|status| status.success()) {
        eprintln!("skipped: this system does not let its user mount (unshare --mount --map-root-user)");
        return None;
    }
    let mut command = machine.program("unshare");
    command.args(unshare).arg(script).arg(binary()).current_dir(machine.home());
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) })
}

#[cfg(target_os = "linux")]
#[test]
fn a_mounted_file_is_written_in_place() {
    const READ_ONLY: &str = "mount --bind .aws .aws; mount -o remount,bind,ro .aws;";
    let (below, above) = ("[default]\nregion = us-east-1\n", "[default]\nregion = us-east-2\n");
    for script in ["", READ_ONLY] {
        let machine = configured(PROFILES);
        let file = put(&machine, ".aws/config", below);
        let outside = put(&machine, "outside", above);
        let script = format!("{script} mount --bind outside .aws/config; \"$0\" profiles sync work");
        let Some(ran) = with_mounts(&machine, &script) else { return };
        assert_eq!(ran.code, 0, "{ran}");
        // It was written through the mount, and what is below is as it was.
        let text = fs::read_to_string(&outside).unwrap();
        assert!(text.starts_with(&format!("{above}\n[profile work]\n")), "{text}");
        assert_eq!(fs::read_to_string(&file).unwrap(), below);
        assert_eq!(names(&machine.home().join(".local/state/tempaccess/edits")), [""; 0]);
    }
    // Nothing helps where the file itself cannot be written.
    let machine = configured(PROFILES);
    let file = put(&machine, ".aws/config", below);
    let Some(ran) = with_mounts(&machine, &format!("{READ_ONLY} \"$0\" profiles sync work")) else { return };
    assert!(ran.code == 4 && ran.stderr.contains("name another file with `AWS_CONFIG_FILE`"), "{ran}");
    assert_eq!(fs::read_to_string(&file).unwrap(), below);
}

#[test]
fn what_cannot_be_written_says_how_to_go_on() {
    let machine = configured(PROFILES);
    let text = "[default]\nregion = us-east-1\n";
    let store = put(&machine, "store/config", text);
    fs::set_permissions(&store, fs::Permissions::from_mode(0o444)).unwrap();
    let link = machine.home().join(".aws/config");
    fs::create_dir(link.parent().unwrap()).unwrap();
    symlink(&store, &link).unwrap();
    let ran = machine.run("profiles sync");
    assert!(ran.code == 4 && ran.stderr.contains("is a link to") && ran.stderr.contains("AWS_CONFIG_FILE"), "{ran}");
    fs::remove_file(&link).unwrap();
    fs::create_dir(&link).unwrap();
    let ran = machine.run("profiles sync");
    assert!(
        ran.code == 4 && ran.stderr.contains("it is a directory") && ran.stderr.contains("AWS_CONFIG_FILE"),
        "{ran}"
    );
    assert_eq!(fs::read_to_string(&store).unwrap(), text);
    // A file that disables the configuration stays what it is.
    let mut machine = configured(PROFILES);
    machine.set("AWS_CONFIG_FILE", "/dev/null");
    let ran = machine.run("profiles sync");
    assert!(ran.code == 4 && ran.stderr.contains("it is not a regular file"), "{ran}");
}

/// The lock of a file, as another process takes it.
#[cfg(target_os = "linux")]
fn lock_of(machine: &Machine, file: &Path) -> (PathBuf, fs::File) {
    use sha2::{Digest, Sha256};

    let folder = machine.home().join(".local/state/tempaccess/edits");
    std::os::unix::fs::DirBuilderExt::mode(fs::DirBuilder::new().recursive(true), 0o700).create(&folder).unwrap();
    let path = file.parent().unwrap().canonicalize().unwrap().join(file.file_name().unwrap());
    let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
    let key: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
    let path = folder.join(format!("{key}.lock"));
    let lock = fs::File::create(&path).unwrap();
    lock.lock().unwrap();
    (path, lock)
}

#[cfg(target_os = "linux")]
#[test]
fn ctrl_c_ends_what_waits_for_a_lock() {
    for (place, arguments) in [
        (".aws/config", &["profiles", "sync"][..]),
        (
            ".config/tempaccess/config.toml",
            &["configure", "new", "--source", "https://acme.okta.com/x/1", "--no-interactive"],
        ),
    ] {
        let machine = configured(PROFILES);
        put(&machine, ".aws/config", "");
        let (path, lock) = lock_of(&machine, &machine.home().join(place));
        let mut child = machine.program(binary());
        let mut child = child.args(arguments).stderr(Stdio::null()).stdout(Stdio::null()).spawn().unwrap();
        // It waits once it has the file open.
        let descriptors = format!("/proc/{}/fd", child.id());
        let waits = || {
            let open = fs::read_dir(&descriptors).into_iter().flatten().flatten();
            open.map(|entry| fs::read_link(entry.path())).any(|target| target.is_ok_and(|target| target == path))
        };
        while !waits() {
            assert!(child.try_wait().unwrap().is_none(), "{place}: it did not wait");
            std::thread::yield_now();
        }
        let interrupt = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
        assert!(interrupt.success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{place}");
        drop(lock);
    }
}

#[test]
fn many_at_once_lose_nothing() {
    let machine = Machine::alone();
    let mut children = Vec::new();
    for number in 0..12 {
        let config = put(&machine, &format!("{number}.toml"), &format!("[profiles.p{number}]\n"));
        let mut command = itself(&machine, "profiles");
        command.args(["sync", "--config"]).arg(config).stdout(Stdio::null());
        children.push(command.spawn().unwrap());
    }
    assert!(children.into_iter().all(|mut child| child.wait().unwrap().success()));
    let text = fs::read_to_string(machine.home().join(".aws/config")).unwrap();
    assert_eq!(text.matches("[profile p").count(), 12, "{text}");
    assert_eq!(names(&machine.home().join(".aws")), ["config"]);
}

/// The sandbox's own profile, with a policy that is a file next to the configuration.
#[test]
fn paths_in_the_configuration_count_from_its_folder() {
    let (sandbox, machine): (Sandbox, Machine) = demo();
    let profiles = "[profiles.narrow]\nusername = 'ada@example.com'\npassword_command = './password.sh'\nrole = '111122223333/ReadOnly'\npolicy = 'policy.json'\nduration = 3600\naudit_log = 'audit.jsonl'\n[profiles.home]\nbase = 'narrow'\npolicy = '~/.config/tempaccess/policy.json'\npassword_command = 'cat ~/.config/tempaccess/password'\n";
    put(&machine, ".config/tempaccess/config.toml", profiles);
    put(&machine, ".config/tempaccess/policy.json", "{\"Statement\":[]}");
    put(&machine, ".config/tempaccess/password", "correct horse\n");
    let script = put(&machine, ".config/tempaccess/password.sh", "#!/bin/sh\necho correct horse\n");
    fs::set_permissions(script, fs::Permissions::from_mode(0o700)).unwrap();
    for name in ["narrow", "home"] {
        let mut command = itself(&machine, "credentials");
        command.current_dir("/").args(["--profile", name, "--output", "json", "--no-interactive"]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{name}: {}", String::from_utf8_lossy(&output.stderr));
        let given: Value = serde_json::from_slice(&output.stdout).unwrap();
        assert!(given["policy_sha256"].is_string() && given["duration_asked"] == 3600, "{given}");
    }
    assert!(machine.home().join(".config/tempaccess/audit.jsonl").exists());
    // An argument counts from the current folder, and `~` is home there too.
    put(&machine, "here/other.json", "{\"Statement\":[]}");
    for policy in ["other.json", "~/here/other.json"] {
        let mut command = itself(&machine, "credentials");
        command.current_dir(machine.home().join("here")).args([
            "--profile",
            "narrow",
            "--policy",
            policy,
            "--output",
            "json",
        ]);
        let output = command.output().unwrap();
        assert!(output.status.success(), "{policy}: {}", String::from_utf8_lossy(&output.stderr));
    }
    drop(sandbox);
}

#[test]
fn a_backup_that_another_user_has_prepared_is_not_restored() {
    if !tempaccess_tests::other_user::is_root() {
        return tempaccess_tests::parts::missing("tests of a second user need root");
    }
    let mut machine = configured(PROFILES);
    let config = put(&machine, ".aws/config", "[default]\nregion = us-east-1\n");
    let state = tempaccess_tests::other_user::shared_folder();
    let edits = state.path().join("tempaccess/edits");
    fs::create_dir_all(&edits).unwrap();
    machine.set("XDG_STATE_HOME", state.path().to_str().unwrap());
    tempaccess_tests::other_user::give(&edits);
    for (mode, why) in [(0o777, "it belongs to another user (uid 65534)"), (0o700, "it belongs to another user")] {
        fs::set_permissions(&edits, fs::Permissions::from_mode(mode)).unwrap();
        let ran = machine.run("profiles sync");
        assert!(ran.code != 0 && ran.stderr.contains(why), "{ran}");
        assert_eq!(fs::read_to_string(&config).unwrap(), "[default]\nregion = us-east-1\n");
    }
    // One of one's own that is open to others is closed first.
    std::os::unix::fs::chown(&edits, Some(0), Some(0)).unwrap();
    fs::set_permissions(&edits, fs::Permissions::from_mode(0o770)).unwrap();
    let ran = machine.run("profiles sync");
    assert!(ran.code != 0 && ran.stderr.contains("chmod 700"), "{ran}");
    fs::set_permissions(&edits, fs::Permissions::from_mode(0o700)).unwrap();
    assert_eq!(machine.run("profiles sync").code, 0);
}
