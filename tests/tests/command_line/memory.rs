//! What is left of secrets in the memory of the command, and who may read that memory.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::{FileExt, PermissionsExt};
use std::os::unix::process::ExitStatusExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::time::Duration;

use base64::Engine as _;
use rexpect::session::{PtySession, spawn_command};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::ada;
use tempaccess_tests::cli::{Machine, binary};

const LOGIN: &str = "grace@example.com";
const PASSWORD: &str = "battery staple";

/// Starts a script on a terminal, and gives back its process id too: that of the command, where the script becomes it.
fn on_terminal(machine: &Machine, script: &str) -> (PtySession, u32) {
    let mut shell = machine.program("sh");
    let script = format!("stty echo; echo pid $$; {}", script.replace("tempaccess", &binary().display().to_string()));
    shell.env("TERM", "xterm").env("NO_COLOR", "1").args(["-c", &script]);
    let mut terminal = spawn_command(shell, Some(60_000)).expect("a terminal");
    let (_, pid) = terminal.exp_regex("pid [0-9]+").expect("its id");
    (terminal, pid.trim_start_matches("pid ").parse().expect("a number"))
}

/// Every way in which a text could be written.
fn writings(secret: &str) -> Vec<(&'static str, Vec<u8>)> {
    let base64 = base64::engine::general_purpose::STANDARD_NO_PAD.encode(secret);
    let utf16 = secret.encode_utf16().flat_map(u16::to_le_bytes).collect();
    vec![
        ("text", secret.as_bytes().to_vec()),
        ("form", secret.replace(' ', "+").into_bytes()),
        ("percent", secret.replace(' ', "%20").into_bytes()),
        // Without the last characters, which depend on what follows.
        ("base64", base64.as_bytes()[..base64.len() - 2].to_vec()),
        ("utf-16", utf16),
        // A part of it is worth something, too.
        ("part", secret.as_bytes()[2..secret.len() - 1].to_vec()),
    ]
}

/// How often each writing of a text is in the memory of a process; nothing where this machine does not let even root look.
fn copies(pid: u32, secret: &str) -> Option<HashMap<&'static str, usize>> {
    let maps = std::fs::read_to_string(format!("/proc/{pid}/maps")).expect("a process");
    let memory = match File::open(format!("/proc/{pid}/mem")) {
        Ok(memory) => memory,
        Err(error) => {
            tempaccess_tests::parts::skip(&format!("the memory of another process cannot be read here: {error}"));
            return None;
        }
    };
    let writings = writings(secret);
    let mut found = HashMap::new();
    let mut read = 0;
    for line in maps.lines().filter(|line| line.split(' ').nth(1).is_some_and(|modes| modes.starts_with('r'))) {
        let (from, to) = line.split(' ').next().and_then(|range| range.split_once('-')).expect("a range");
        let [from, to] = [from, to].map(|text| u64::from_str_radix(text, 16).expect("an address"));
        let mut bytes = vec![0; (to - from) as usize];
        // Some cannot be read: those of the kernel.
        let Ok(length) = memory.read_at(&mut bytes, from) else { continue };
        read += length;
        for (name, writing) in &writings {
            let count = memchr::memmem::find_iter(&bytes[..length], writing).count();
            *found.entry(*name).or_default() += count;
        }
    }
    assert!(read > 1 << 20, "{read} bytes of memory were read");
    found.retain(|_, count| *count > 0);
    Some(found)
}

fn machine() -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_ROLE", "111122223333/ReadOnly");
    (sandbox, machine)
}

#[test]
fn a_password_that_was_typed_is_nowhere_once_it_was_used() {
    let (_sandbox, machine) = machine();
    let (mut terminal, pid) = on_terminal(&machine, &format!("exec tempaccess login --username {LOGIN}"));
    terminal.exp_string(&format!("? Password of {LOGIN}: ")).unwrap();
    terminal.send_line(PASSWORD).unwrap();
    terminal.exp_string("? Code: Google Authenticator code").unwrap();
    let Some(found) = copies(pid, PASSWORD) else { return };
    assert!(found.is_empty(), "{found:?}");
    // The search does find what is there.
    assert!(copies(pid, LOGIN).unwrap().contains_key("text"));
    terminal.send_line("000000").unwrap();
    terminal.exp_string("? Code: Google Authenticator code").unwrap();
    terminal.send_line("123456").unwrap();
    terminal.exp_string("assumed-role/ReadOnly/grace@example.com").unwrap();
}

/// The secret parts of the credentials in the store of a machine.
fn stored_secrets(machine: &Machine) -> Vec<String> {
    let entries = machine.entries();
    let secrets = entries.iter().filter(|(_, entry)| entry["info"]["kind"] == "credentials");
    let keys = secrets.map(|(_, entry)| serde_json::from_str::<serde_json::Value>(entry["secret"].as_str().unwrap()));
    keys.flat_map(|keys| {
        let keys = keys.unwrap();
        ["secret_access_key", "session_token"].map(|name| keys[name].as_str().unwrap().to_owned())
    })
    .collect()
}

#[test]
fn what_serves_credentials_holds_none_while_nobody_asks() {
    let (_sandbox, machine) = machine();
    let (mut terminal, pid) = on_terminal(&machine, &format!("exec tempaccess serve --username {LOGIN}"));
    terminal.exp_string(&format!("? Password of {LOGIN}: ")).unwrap();
    terminal.send_line(PASSWORD).unwrap();
    terminal.exp_string("? Code: Google Authenticator code").unwrap();
    terminal.send_line("123456").unwrap();
    terminal.exp_string("Serving at").unwrap();
    let Some(found) = copies(pid, PASSWORD) else { return };
    assert!(found.is_empty(), "{found:?}");
    let secrets = stored_secrets(&machine);
    assert!(secrets.len() >= 2);
    for secret in secrets {
        let found = copies(pid, &secret).unwrap();
        assert!(found.is_empty(), "{found:?}");
    }
}

#[test]
fn the_identity_engine_leaves_no_password_either() {
    let world = World { pipeline: "idx".to_owned(), ..World::demo() };
    let sandbox = Sandbox::start(world).unwrap();
    let machine = Machine::at(&sandbox);
    let (mut terminal, pid) = on_terminal(&machine, &format!("exec tempaccess login --auth idx --username {LOGIN}"));
    terminal.exp_string(&format!("? Password of {LOGIN}: ")).unwrap();
    terminal.send_line(PASSWORD).unwrap();
    terminal.exp_string("? Code: Google Authenticator").unwrap();
    let Some(found) = copies(pid, PASSWORD) else { return };
    assert!(found.is_empty(), "{found:?}");
}

#[test]
fn a_password_from_standard_input_is_in_memory_once() {
    let (_sandbox, machine) = machine();
    let script = format!("printf '%s\\n' '{PASSWORD}' | tempaccess login --password-stdin --username {LOGIN} & wait");
    let (mut terminal, shell) = on_terminal(&machine, &script);
    terminal.exp_string("? Code: Google Authenticator code").unwrap();
    let children = std::fs::read_to_string(format!("/proc/{shell}/task/{shell}/children")).expect("its children");
    let is_ours = |pid: &&str| {
        std::fs::read_to_string(format!("/proc/{pid}/comm")).is_ok_and(|name| name.starts_with("tempaccess"))
    };
    let pid = children.split_whitespace().find(is_ours).expect("the command").parse().unwrap();
    let Some(found) = copies(pid, PASSWORD) else { return };
    // The source has it, to send it again where the org asks again; and the sign-in, to remember that it was refused.
    assert!(found.get("text").is_some_and(|count| *count <= 2), "{found:?}");
    assert!(found.keys().all(|writing| ["text", "part"].contains(writing)), "{found:?}");
}

/// The limit on core dumps of a process, as the system shows it: soft and hard.
fn core_limit(limits: &str) -> (&str, &str) {
    let line = limits.lines().find(|line| line.starts_with("Max core file size")).expect("a limit");
    let mut words = line.trim_start_matches("Max core file size").split_whitespace();
    (words.next().expect("soft"), words.next().expect("hard"))
}

/// A process that waits for a password on standard input, once it does.
struct Waiting(Child);

impl Waiting {
    /// Runs a script that becomes `program`.
    fn start(mut command: Command, program: &str) -> Self {
        let waiting = Self(command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap());
        let name = format!("/proc/{}/comm", waiting.0.id());
        // What it protects itself by comes before anything else; until then it is still the program before.
        let is_there = || {
            let is_it = std::fs::read_to_string(&name).is_ok_and(|name| name.trim() == program);
            let state = std::fs::read_to_string(format!("/proc/{}/stat", waiting.0.id())).unwrap_or_default();
            is_it && state.contains(") S ")
        };
        for _ in 0..6_000 {
            if is_there() {
                return waiting;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        panic!("`{program}` never waited");
    }

    fn limits(&self) -> String {
        std::fs::read_to_string(format!("/proc/{}/limits", self.0.id())).unwrap()
    }

    fn aborted(mut self) -> ExitStatus {
        let pid = self.0.id().to_string();
        assert!(Command::new("kill").args(["-ABRT", &pid]).status().unwrap().success());
        self.0.wait().unwrap()
    }
}

impl Drop for Waiting {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

#[test]
fn there_are_no_core_dumps() {
    let (_sandbox, machine) = machine();
    let folder = tempfile::tempdir().unwrap();
    let waiting = |words: &str, program: &str| {
        let mut command = machine.program("sh");
        command.current_dir(folder.path()).args(["-c", &format!("ulimit -c unlimited; exec {words}")]);
        Waiting::start(command, program)
    };
    // A program that is not ours, to see whether this machine writes any.
    if !waiting("cat", "cat").aborted().core_dumped() {
        tempaccess_tests::parts::skip("this machine writes no core dumps: only their limit is tested");
    }
    let words = format!("'{}' login --password-stdin --username {LOGIN}", binary().display());
    let ours = waiting(&words, "tempaccess-main");
    assert_eq!(core_limit(&ours.limits()), ("0", "unlimited"));
    let status = ours.aborted();
    assert_eq!((status.signal(), status.core_dumped()), (Some(6), false));
}

/// Programs by which root runs something as another user.
fn as_nobody(words: &[&str]) -> Command {
    let mut command = Command::new("setpriv");
    command.args(["--reuid", "65534", "--regid", "65534", "--clear-groups", "--"]).args(words);
    command
}

#[test]
fn other_processes_of_the_same_user_cannot_read_it() {
    let folder = tempfile::Builder::new().permissions(PermissionsExt::from_mode(0o755)).tempdir().unwrap();
    for name in ["tempaccess", "tempaccess-main"] {
        std::fs::copy(binary().with_file_name(name), folder.path().join(name)).unwrap();
    }
    if !as_nobody(&["true"]).status().is_ok_and(|status| status.success()) {
        tempaccess_tests::parts::skip("tests of a second user need root and setpriv");
        return;
    }
    let program = folder.path().join("tempaccess").display().to_string();
    let mut ours = as_nobody(&[&program, "login", "--password-stdin", "--username", "x", "--source"]);
    ours.arg("http://127.0.0.1:1/home/amazon_aws/x/272").env("HOME", folder.path());
    for (command, name, is_readable) in [(as_nobody(&["cat"]), "cat", true), (ours, "tempaccess-main", false)] {
        let waiting = Waiting::start(command, name);
        for file in ["environ", "mem", "maps"] {
            let path = format!("/proc/{}/{file}", waiting.0.id());
            let read = as_nobody(&["sh", "-c", &format!("exec 3< '{path}'")]).status().unwrap();
            assert_eq!(read.success(), is_readable, "{name} {file}");
        }
    }
}

#[test]
fn programs_that_are_run_get_the_callers_limit_on_core_dumps() {
    let (_sandbox, machine) = ada::demo();
    assert_eq!(ada::login(&machine, "").code, 0);
    for how in ["", "--serve"] {
        let command = format!("'{}' exec {how} -- cat /proc/self/limits", binary().display());
        for (limit, shown) in [("ulimit -c 0", ("0", "0")), ("ulimit -S -c 4; ulimit -H -c 8", ("", ""))] {
            let ran =
                machine.program("sh").args(["-c", &format!("{limit}; cat /proc/self/limits; {command}")]).output();
            let text = String::from_utf8(ran.unwrap().stdout).unwrap();
            let (before, after) = text.split_once("Max realtime timeout").expect("limits twice");
            assert_eq!(core_limit(before), core_limit(after), "{how} {limit}");
            assert!(shown.0.is_empty() || core_limit(after) == shown);
        }
    }
}
