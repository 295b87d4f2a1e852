//! The cache: answers without a sign-in, for any number of processes, whole or not at all.
#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempaccess_sandbox::{Sandbox, Service, World};
use tempaccess_tests::ada::{asked, demo, itself, json, login};
use tempaccess_tests::cli::{Machine, binary};

pub(crate) const PROCESS: &str = "credentials --output credential-process --no-interactive";

#[test]
fn a_sign_in_serves_every_later_question_without_a_request() {
    let (sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let before = sandbox.requests().len();
    let kept = json(&machine.run(PROCESS));
    assert_eq!(kept["AccountId"], "111122223333");
    // The same from every way to ask.
    let all = json(&machine.run("credentials --output json"));
    assert_eq!(all["access_key_id"], kept["AccessKeyId"]);
    assert_eq!(all["secret_access_key"], kept["SecretAccessKey"]);
    let exact =
        "--role arn:aws:iam::111122223333:role/ReadOnly --provider arn:aws:iam::111122223333:saml-provider/Okta";
    assert_eq!(json(&machine.run(&format!("{PROCESS} {exact}")))["AccessKeyId"], kept["AccessKeyId"]);
    assert_eq!(sandbox.requests().len(), before);
    assert_eq!(machine.audit().len(), 1);
}

#[test]
fn nothing_crosses_over() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let first = json(&machine.run(PROCESS))["AccessKeyId"].clone();
    // Another role, scope, region, person: none of them is answered from the entry of this one.
    for other in ["--role Migration", "--duration 20m", "--region eu-west-1"] {
        let ran = machine.run(&format!("{PROCESS} {other}"));
        assert_ne!(json(&ran)["AccessKeyId"], first, "{other}: {ran}");
    }
    let ran = machine.run(&format!("{PROCESS} --username alan@example.com"));
    assert_eq!(ran.code, 7, "{ran}");
}

#[test]
fn a_cached_session_signs_in_silently_with_one_request() {
    let (sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let before = sandbox.requests().len();
    // No password, nobody to ask.
    let ran = machine.run("login --no-interactive --role Migration");
    assert_eq!(ran.code, 0, "{ran}");
    let requests = sandbox.requests().split_off(before);
    // Besides, STS was connected to meanwhile.
    let asked = requests.iter().filter(|request| request.method != "HEAD");
    let asked: Vec<_> = asked.map(|request| request.what.rsplit('/').next().unwrap()).collect();
    assert_eq!(asked, ["272", "AssumeRoleWithSAML"]);
    // Unless the person wants to sign in.
    assert_eq!(machine.run("login --no-interactive --force").code, 7);
}

#[test]
fn of_64_processes_one_signs_in() {
    let (sandbox, machine) = demo();
    let password = machine.home().join("password");
    std::fs::write(&password, "correct horse\n").unwrap();
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    std::fs::write(config, format!("[profiles.default]\npassword_command = \"cat '{}'\"\n", password.display()))
        .unwrap();
    let start = || {
        let mut command = machine.command(PROCESS.split(' '));
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
    };
    let children: Vec<_> = (0..64).map(|_| start()).collect();
    let mut keys = Vec::new();
    for child in children {
        let output = child.wait_with_output().unwrap();
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        let given: Value = serde_json::from_slice(&output.stdout).unwrap();
        keys.push(given["AccessKeyId"].as_str().unwrap().to_owned());
    }
    keys.dedup();
    assert_eq!(keys.len(), 1);
    assert_eq!(asked(&sandbox, Service::Okta, "/api/v1/authn/factors"), 4);
    assert_eq!(asked(&sandbox, Service::Sts, "AssumeRoleWithSAML"), 1);
    assert_eq!(machine.audit().len(), 1);
}

#[test]
fn without_a_store_credentials_are_returned_all_the_same() {
    let (_sandbox, mut machine) = demo();
    machine.set("TEMPACCESS_STORE_DIR", "/proc/nowhere");
    let ran = login(&machine, "");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(
        ran.stderr.contains("Credentials are not cached: cannot write to the store folder `/proc/nowhere`"),
        "{ran}"
    );
    machine.set("TEMPACCESS_STORE", "none");
    let ran = login(&machine, "");
    assert_eq!((ran.code, ran.stderr.contains("cached")), (0, false), "{ran}");
    machine.set("TEMPACCESS_STORE", "cloud");
    assert_eq!(login(&machine, "").code, 2);
}

#[test]
fn entries_are_for_the_owner_alone() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let mode = |path: &std::path::Path| std::fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&machine.store()), 0o700);
    let files = std::fs::read_dir(machine.store()).unwrap().map(|entry| entry.unwrap().path());
    assert!(files.map(|file| mode(&file)).all(|mode| mode == 0o600));
}

#[test]
fn a_loose_umask_opens_no_file() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    let response = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(&response, sandbox.mint(&sandbox.claims_of("ada@example.com").unwrap()).unwrap()).unwrap();
    machine.set("TEMPACCESS_SOURCE", format!("file:{}", response.path().display()));
    machine.set("TEMPACCESS_ROLE", "Migration");
    let home = machine.home().display().to_string();
    let trust = format!("grant trust ada@example.com {home}/.ssh/tempaccess_ed25519.pub --yes");
    let roles = "--admin-role Admin --granted-role Granted";
    let template =
        format!("setup grants --account 111122223333 --provider Okta {roles} --emit terraform --out {home}/grants.tf");
    let lines =
        ["login", "credentials --write-profile legacy", "profiles sync --roles", "grant key --new", &trust, &template];
    for line in lines {
        let mut command = machine.program("setsid");
        command.args(["--wait", "sh", "-c", "umask 000; exec \"$@\"", "sh"]).arg(binary());
        let output = command.args(line.split(' ')).output().unwrap();
        assert!(output.status.success(), "{line}: {}", String::from_utf8_lossy(&output.stderr));
    }
    let mut folders = vec![machine.home().to_owned()];
    let mut files = 0;
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().map(|entry| entry.unwrap()) {
            let metadata = entry.metadata().unwrap();
            let mode = metadata.permissions().mode() & 0o777;
            assert_eq!(mode & 0o022, 0, "others can write {} ({mode:o})", entry.path().display());
            let is_public = entry.path().extension().is_some_and(|extension| extension == "pub" || extension == "tf");
            assert!(metadata.is_dir() || is_public || mode & 0o077 == 0, "{} ({mode:o})", entry.path().display());
            if metadata.is_dir() {
                folders.push(entry.path());
            } else {
                files += 1;
            }
        }
    }
    assert!(files >= 8, "{files}");
}

#[test]
fn killed_processes_leave_entries_whole() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    let response = machine.home().join("response.txt");
    let claims = sandbox.claims_of("alan@example.com").unwrap();
    std::fs::write(&response, sandbox.mint(&claims).unwrap()).unwrap();
    machine.set("TEMPACCESS_SOURCE", format!("file:{}", response.display()));
    let mut finished = 0;
    for round in 0..200_u64 {
        let mut child = itself(&machine, "login").stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Somewhere on the way, from its very beginning to a little after its end.
        let end = std::time::Instant::now() + std::time::Duration::from_micros(round * 397 % 60_000);
        while std::time::Instant::now() < end && child.try_wait().unwrap().is_none() {
            std::thread::yield_now();
        }
        finished += usize::from(child.try_wait().unwrap().is_some());
        let _ = child.kill();
        let _ = child.wait();
        // Each entry parses, or is not there.
        machine.entries();
        assert_eq!(machine.run("status --output json").code, 0);
    }
    // The lock of a dead process is free, and the entry is returned.
    let ran = machine.run("credentials --output credential-process");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(finished < 200, "nobody was killed on the way");
}

#[test]
fn the_kernel_keeps_one_key_for_all_entries() {
    let (_sandbox, machine) = demo();
    let ran = login(&machine, "--store kernel");
    assert_eq!(ran.code, 0, "{ran}");
    if ran.stderr.contains("the kernel's keyring cannot be used here") {
        tempaccess_tests::parts::skip("the kernel's keyring cannot be used here");
        return;
    }
    for (file, entry) in machine.entries() {
        assert_eq!(entry["vault"], "sealed-kernel", "{}", file.display());
    }
    assert_eq!(machine.run(&format!("{PROCESS} --store kernel")).code, 0);
    // Another store cannot decrypt them, so it cannot end the session, but it removes them.
    let ran = machine.run("logout --all");
    assert!(ran.code == 4 && ran.stderr.contains("in a form (`sealed-kernel`)"), "{ran}");
    assert!(machine.entries().is_empty());
}

#[test]
fn status_and_logout() {
    let (sandbox, machine) = demo();
    assert!(machine.run("status").stdout.contains("Nothing is cached."));
    assert_eq!(login(&machine, "--duration 40m").code, 0);
    let ran = machine.run("status");
    for part in ["assumed-role/ReadOnly/ada@example.com", "(40m)", "okta:127.0.0.1", "Session"] {
        assert!(ran.stdout.contains(part), "{part}: {ran}");
    }
    // No secret in either form.
    let secret = json(&machine.run(&format!("{PROCESS} --duration 40m")));
    let ran = machine.run("status --output json");
    for name in ["SecretAccessKey", "SessionToken"] {
        assert!(!ran.stdout.contains(secret[name].as_str().unwrap()));
    }
    let entries = json(&ran)["entries"].as_array().unwrap().clone();
    let count = |kind: &str| entries.iter().filter(|entry| entry["kind"] == kind).count();
    assert_eq!((count("credentials"), count("session"), count("org"), entries.len()), (2, 1, 1, 4));

    let ran = machine.run("logout");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("the session has ended, cached credentials removed: 1"), "{ran}");
    assert_eq!(asked(&sandbox, Service::Okta, "/api/v1/sessions/me"), 1);
    // What is left is what is known of the org, which is nobody's session.
    let kinds: Vec<_> = machine.entries().into_iter().map(|(_, entry)| entry["info"]["kind"].clone()).collect();
    assert_eq!(kinds, ["org"]);
    assert_eq!(machine.run(PROCESS).code, 7);
    let ran = machine.run("logout --all --output json");
    assert_eq!(json(&ran)[0]["session_ended"], false);
    assert!(machine.entries().is_empty());
}

#[test]
fn logging_out_is_one_persons_business() {
    let (sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let ran = machine.run("logout --username alan@example.com");
    assert!(ran.stdout.contains("there was no session, cached credentials removed: 0"), "{ran}");
    assert_eq!(machine.run(PROCESS).code, 0);
    // What keeps one from ending keeps nothing else from it.
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let profiles = format!("[profiles.a]\nsource = 'nonsense'\n[profiles.b]\nsource = '{}'\n", sandbox.app_url());
    std::fs::write(config, profiles).unwrap();
    machine.set("TEMPACCESS_SOURCE", "");
    let damaged = machine.store().join(format!("{}.json", "0".repeat(32)));
    std::fs::write(&damaged, "damaged").unwrap();
    let ran = machine.run("logout --all");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stdout.contains("the session has ended, cached credentials removed: 1"), "{ran}");
    assert!(ran.stdout.contains("other cached entries removed: 2") && !damaged.exists(), "{ran}");
    assert!(ran.stderr.contains("`nonsense` is not a source"), "{ran}");
    assert_eq!(asked(&sandbox, Service::Okta, "/api/v1/sessions/me"), 1);
}

#[test]
fn entries_of_another_vault_are_kept() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    for (file, _) in machine.entries() {
        let text = std::fs::read_to_string(&file).unwrap().replace("\"plain\"", "\"sealed\"");
        std::fs::write(&file, text).unwrap();
    }
    let before = machine.entries();
    let ran = machine.run(PROCESS);
    assert_eq!(ran.code, 7, "{ran}");
    assert!(ran.stderr.contains("its secret is in a form (`sealed`) that the chosen store cannot read"), "{ran}");
    assert_eq!(machine.entries(), before);
}

#[test]
fn a_failure_of_another_time_is_nobodys() {
    let (_sandbox, machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    // As it is next to the lock after a failure, and from a clock that runs ahead.
    let failure = r#"{"at":99999999999999,"kind":"account_locked","stage":"sign_in","message":"no","hint":null}"#;
    for (file, _) in machine.entries() {
        std::fs::write(file.with_extension("lock"), failure).unwrap();
    }
    assert_eq!(machine.run("login --no-interactive").code, 0);
    for (file, _) in machine.entries().iter().filter(|(_, entry)| entry["info"]["kind"] == "credentials") {
        let lock = std::fs::read_to_string(file.with_extension("lock")).unwrap_or_default();
        assert!(lock.is_empty() || lock == failure, "{lock}");
    }
}

#[test]
fn a_pipe_is_read_once() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let machine = Machine::at(&sandbox);
    let pipe = machine.home().join("pipe");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let response = sandbox.mint(&sandbox.claims_of("alan@example.com").unwrap()).unwrap();
    let source = format!("file:{}", pipe.display());
    let writer = std::thread::spawn({
        let pipe = pipe.clone();
        move || std::fs::write(pipe, response).unwrap()
    });
    let ran = machine.run_words(&["login", "--source", &source], b"");
    assert_eq!(ran.code, 0, "{ran}");
    writer.join().unwrap();
}

#[test]
fn arguments_that_are_not_text_are_refused_and_not_a_crash() {
    use std::os::unix::ffi::OsStrExt;
    let machine = Machine::alone();
    let bad = std::ffi::OsStr::from_bytes(b"\xff");
    for place in [0, 1, 2] {
        let mut words: Vec<&std::ffi::OsStr> =
            ["credentials", "--profile", "x"].iter().map(|word| (*word).as_ref()).collect();
        words[place] = bad;
        let output = machine.command(words).output().unwrap();
        assert_eq!(output.status.code(), Some(2), "{}", String::from_utf8_lossy(&output.stderr));
    }
}

#[test]
fn a_shared_folder_is_not_used_as_a_store() {
    let (_sandbox, mut machine) = demo();
    let shared = tempaccess_tests::other_user::shared_folder();
    let victim = machine.home().join("victim");
    std::fs::write(&victim, "precious").unwrap();
    machine.set("TEMPACCESS_STORE_DIR", shared.path().display().to_string());
    // Every entry and lock that could be there leads to a file of the person's.
    let private = machine.home().join("private");
    std::fs::create_dir(&private).unwrap();
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o700)).unwrap();
    let ran = login(&machine, "");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("it is open to other users (mode 0777); close it with `chmod 700"), "{ran}");
    assert_eq!(std::fs::read_dir(shared.path()).unwrap().count(), 0);

    machine.set("TEMPACCESS_STORE_DIR", private.display().to_string());
    assert_eq!(login(&machine, "").code, 0);
    let locks: Vec<_> = std::fs::read_dir(&private).unwrap().map(|entry| entry.unwrap().path()).collect();
    for lock in locks {
        std::fs::remove_file(&lock).unwrap();
        std::os::unix::fs::symlink(&victim, &lock).unwrap();
    }
    let ran = login(&machine, "");
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(std::fs::read_to_string(&victim).unwrap(), "precious");
}

#[test]
fn a_folder_of_another_user_is_not_used_as_a_store() {
    use tempaccess_tests::other_user;
    if !other_user::is_root() {
        tempaccess_tests::parts::missing("tests of a second user need root");
        return;
    }
    let (_sandbox, mut machine) = demo();
    let shared = other_user::shared_folder();
    let store = shared.path().join("store");
    other_user::shell(&format!(
        "mkdir -m 700 '{0}' && mkdir -m 777 '{0}/browser' && touch '{0}/x.json'",
        store.display()
    ));
    machine.set("TEMPACCESS_STORE_DIR", store.display().to_string());
    let ran = login(&machine, "");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("it belongs to another user (uid 65534)"), "{ran}");
    assert_eq!(machine.run("status").code, 4);
    assert_eq!(std::fs::read_dir(&store).unwrap().count(), 2);
}
