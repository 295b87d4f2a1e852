//! The key of the cache in the keyring of the system, which may be missing, locked or silent.

#![cfg(unix)]

use std::os::unix::fs::PermissionsExt;
use std::process::{Command, Stdio};

use serde_json::Value;
use tempaccess_tests::ada::{demo, itself, login};
use tempaccess_tests::cli::{Machine, Ran, binary};
use tempaccess_tests::parts;
#[cfg(target_os = "linux")]
use tempaccess_tests::{
    contractor::{self, Person},
    other_user,
};

use crate::store::PROCESS;

/// Runs a shell line in a session with a keyring of its own, unlocked or not.
fn with_secret_service(machine: &Machine, unlock: bool, line: &str) -> Option<Ran> {
    let packages = "gnome-keyring dbus-x11";
    let session = parts::debian("/usr/bin/dbus-run-session", packages)?;
    parts::debian("/usr/bin/gnome-keyring-daemon", packages)?;
    let runtime = machine.home().join("run");
    std::fs::create_dir_all(&runtime).unwrap();
    std::fs::set_permissions(&runtime, std::fs::Permissions::from_mode(0o700)).unwrap();
    let daemon =
        if unlock { "printf pw | gnome-keyring-daemon --unlock --components=secrets >/dev/null 2>&1; " } else { "" };
    let mut command = machine.program(session);
    command.env("XDG_RUNTIME_DIR", runtime).env("BIN", binary());
    let output = command.args(["--", "sh", "-c", &format!("{daemon}{line}")]).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Some(Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) })
}

#[test]
fn entries_are_sealed_with_a_key_in_the_keyring() {
    let (_sandbox, mut machine) = demo();
    machine.set("TEMPACCESS_STORE", "auto");
    let line = "echo 'correct horse' | $BIN login --password-stdin --no-interactive >/dev/null && $BIN credentials --output credential-process --no-interactive && $BIN status";
    let Some(ran) = with_secret_service(&machine, true, line) else { return };
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("encrypted with a key in the system keyring"), "{ran}");
    let first = ran.stdout.lines().next().unwrap();
    let given: Value = serde_json::from_str(first).unwrap_or_else(|_| panic!("{ran}"));
    for (file, entry) in machine.entries() {
        assert_eq!(entry["vault"], "sealed", "{}", file.display());
        assert!(!entry.to_string().contains(given["SecretAccessKey"].as_str().unwrap()));
    }
}

#[test]
fn without_a_keyring_a_notice_tells_that_entries_are_not_encrypted() {
    let (_sandbox, mut machine) = demo();
    machine.set("TEMPACCESS_STORE", "auto");
    machine.set("DBUS_SESSION_BUS_ADDRESS", "unix:path=/nowhere");
    let ran = login(&machine, "");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("cached credentials are stored unencrypted (mode 0600)"), "{ran}");
    assert!(machine.run("status").stdout.contains("unencrypted (mode 0600)"));
    // Once a day is enough to know.
    let again = login(&machine, "--force");
    assert!(again.code == 0 && !again.stderr.contains("unencrypted"), "{again}");
    // If the keyring was chosen, nothing is cached without it.
    machine.set("TEMPACCESS_STORE", "keyring");
    let ran = login(&machine, "--force");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("Credentials are not cached: no system keyring found"), "{ran}");
}

#[test]
fn a_locked_keyring_is_reported_and_not_waited_for() {
    let (_sandbox, mut machine) = demo();
    machine.set("TEMPACCESS_STORE", "keyring");
    let login = "echo 'correct horse' | $BIN login --password-stdin --no-interactive >/dev/null";
    let Some(ran) = with_secret_service(&machine, true, login) else { return };
    assert_eq!(ran.code, 0, "{ran}");
    // The same keyring in another session, where nobody has unlocked it and nobody can.
    let line = format!(
        "gnome-keyring-daemon --start --components=secrets >/dev/null 2>&1; {}; $BIN {PROCESS}; echo code $?; $BIN status",
        login.replace(">/dev/null", "--force >/dev/null")
    );
    let before = machine.entries();
    let Some(ran) = with_secret_service(&machine, false, &line) else { return };
    assert!(ran.stderr.contains("Credentials are not cached: the system keyring is locked"), "{ran}");
    assert!(ran.stderr.contains("is ignored: the system keyring is locked"), "{ran}");
    assert!(ran.stdout.starts_with("code 7\n") && ran.stdout.contains("Session"), "{ran}");
    assert_eq!(machine.entries(), before, "what is locked now may be unlocked later");
    // With a new keyring the key is lost.
    let _ = std::fs::remove_dir_all(machine.home().join(".local/share/keyrings"));
    let Some(ran) = with_secret_service(&machine, true, &format!("$BIN {PROCESS}")) else { return };
    assert!(ran.stderr.contains("its secret can no longer be decrypted"), "{ran}");
}

/// Gives a machine a keyring whose bus accepts connections and never answers. Returns the bus.
fn silent_bus(machine: &mut Machine) -> std::os::unix::net::UnixListener {
    let path = machine.home().join("bus");
    machine.set("TEMPACCESS_STORE", "auto");
    machine.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", path.display()));
    std::os::unix::net::UnixListener::bind(path).unwrap()
}

#[test]
fn a_silent_keyring_counts_as_missing() {
    let (_sandbox, mut machine) = demo();
    let bus = silent_bus(&mut machine);
    let ran = login(&machine, "");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("the system keyring does not answer"), "{ran}");
    assert_eq!(machine.run(PROCESS).code, 0);
    let ran = machine.run("status");
    assert!(ran.code == 0 && ran.stdout.contains("unencrypted (mode 0600)"), "{ran}");
    assert_eq!(machine.run("doctor --no-interactive").code, 0);
    // Other processes do not wait for it again: nobody has connected since the first one did.
    bus.set_nonblocking(true).unwrap();
    assert_eq!(std::iter::from_fn(|| bus.accept().ok()).count(), 1);
}

/// Listing roles stores the session at Okta, and says how.
#[test]
fn a_silent_keyring_is_reported_when_roles_are_listed() {
    let (_sandbox, mut machine) = demo();
    let _bus = silent_bus(&mut machine);
    let ran = machine.run_with(
        "roles --no-interactive --password-stdin --username ada@example.com --factor push",
        "correct horse\n",
    );
    assert!(ran.stderr.contains("the system keyring does not answer"), "{ran}");
}

/// A bus that authenticates its client and then says nothing is as good as a silent one.
#[test]
fn a_keyring_that_stops_answering_counts_as_missing() {
    use std::io::{Read, Write};
    let (_sandbox, mut machine) = demo();
    let bus = silent_bus(&mut machine);
    std::thread::spawn(move || {
        let clients = bus.incoming().filter_map(|client| {
            let mut client = client.ok()?;
            let _ = client.read(&mut [0; 256]);
            client.write_all(b"OK 0123456789abcdef0123456789abcdef\r\n").ok()?;
            Some(client)
        });
        clients.collect::<Vec<_>>()
    });
    let ran = login(&machine, "");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stderr.contains("the system keyring does not answer"), "{ran}");
}

#[test]
fn signals_end_a_command_that_waits_for_a_keyring_or_a_lock() {
    let (_sandbox, mut machine) = demo();
    let _bus = silent_bus(&mut machine);
    let state = machine.home().join(".local/state/tempaccess");
    std::fs::create_dir_all(&state).unwrap();
    let audit = std::fs::File::create(state.join("audit.jsonl")).unwrap();
    audit.lock().unwrap();
    for (signal, line) in [("INT", "status"), ("TERM", "status"), ("HUP", "status"), ("INT", "login")] {
        let mut child = itself(&machine, line).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        // Once it has its signal handlers.
        while !handles(child.id(), 2) {
            assert!(child.try_wait().unwrap().is_none());
            std::thread::yield_now();
        }
        let kill = Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap();
        assert!(kill.success());
        assert_eq!(child.wait().unwrap().code(), Some(130), "{signal} {line}");
    }
}

/// The address of a bus that has ended can be taken by anybody, and then leads to their keyring.
#[cfg(target_os = "linux")]
#[test]
fn the_bus_of_another_user_is_not_used() {
    let (_sandbox, mut machine) = demo();
    let shared = other_user::shared_folder();
    let path = shared.path().join("bus");
    let script = format!(
        "import os, socket, sys; os.umask(0); s = socket.socket(socket.AF_UNIX); s.bind('{}'); s.listen(); print('up', flush=True); sys.stdin.read()",
        path.display()
    );
    let Some(mut bus) = other_user::command("python3") else { return };
    let mut bus = bus.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(bus.stdout.take().unwrap()), &mut line).unwrap();
    assert_eq!(line, "up\n");
    machine.set("DBUS_SESSION_BUS_ADDRESS", format!("unix:path={}", path.display()));
    let ran = login(&machine, "--store keyring");
    assert!(ran.code == 0 && ran.stderr.contains("not cached: the session bus belongs to another user"), "{ran}");
    machine.set("TEMPACCESS_STORE", "auto");
    let ran = login(&machine, "");
    assert!(ran.code == 0 && ran.stderr.contains("belongs to another user"), "{ran}");
    bus.kill().unwrap();
    bus.wait().unwrap();
}

/// The session is issued, and is not handed out before it is recorded.
#[cfg(target_os = "linux")]
#[test]
fn signals_end_a_command_that_waits_for_the_audit_log() {
    let sandbox = contractor::sandbox();
    let alan = Person::at(&sandbox, contractor::CONFIG);
    let state = alan.0.home().join(".local/state/tempaccess");
    std::fs::create_dir_all(&state).unwrap();
    let log = state.join("audit.jsonl");
    let audit = std::fs::File::create(&log).unwrap();
    audit.lock().unwrap();
    for signal in ["INT", "TERM", "HUP"] {
        let mut child = itself(&alan.0, "credentials");
        child.args(["admin", "--store", "none", "--no-interactive", "--output", "json"]);
        let mut child = child.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let descriptors = format!("/proc/{}/fd", child.id());
        let waits = || {
            let open = std::fs::read_dir(&descriptors).into_iter().flatten().flatten();
            open.map(|entry| std::fs::read_link(entry.path())).any(|target| target.is_ok_and(|target| target == log))
        };
        while !waits() {
            assert!(child.try_wait().unwrap().is_none(), "it did not wait");
            std::thread::yield_now();
        }
        assert!(
            Command::new("kill").args([&format!("-{signal}"), &child.id().to_string()]).status().unwrap().success()
        );
        let ended = child.wait_with_output().unwrap();
        assert_eq!((ended.status.code(), ended.stdout.len()), (Some(130), 0), "{signal}");
    }
    drop(audit);
    assert_eq!(alan.run("credentials admin --store none --no-interactive --output json").code, 0);
}

/// Whether a process has a handler for a signal (`SigCgt` of proc(5)).
fn handles(process: u32, signal: u32) -> bool {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).unwrap_or_default();
    let caught = status.lines().find_map(|line| line.strip_prefix("SigCgt:")).unwrap_or("0").trim();
    u64::from_str_radix(caught, 16).unwrap() >> (signal - 1) & 1 == 1
}
