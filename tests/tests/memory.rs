//! What is left of secrets in the memory of the command, and who may read that memory.
#![cfg(target_os = "linux")]

use std::collections::HashMap;
use std::fs::File;
use std::os::unix::fs::FileExt;
use std::os::unix::process::ExitStatusExt;
use std::process::{Command, Stdio};

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
            eprintln!("skipped: the memory of another process cannot be read here: {error}");
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
            let count = bytes[..length].windows(writing.len()).filter(|window| window == writing).count();
            *found.entry(*name).or_default() += count;
        }
    }
    assert!(read > 1 << 20, "{read} bytes of memory were read");
    found.retain(|_, count| *count > 0);
    Some(found)
}

fn machine() -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let machine = Machine::at(&sandbox);
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
