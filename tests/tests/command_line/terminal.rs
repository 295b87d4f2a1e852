//! The command line in a real terminal: prompts, the picker, Ctrl-C.
#![cfg(unix)]

use rexpect::session::{PtySession, spawn_command};
use tempaccess_sandbox::{PushAnswer, Sandbox, Service, World};
use tempaccess_tests::ada::asked;
use tempaccess_tests::cli::{Machine, binary};

/// Starts the command on a terminal of its own, which shows what is typed. The shell outlives the command and tells
/// how it ended and how it left the terminal.
fn on_terminal(machine: &Machine, arguments: &str) -> PtySession {
    let mut shell = machine.program("sh");
    let script = format!("trap : INT; stty echo; '{}' {arguments}; echo code $?; stty -a", binary().display());
    shell.env("TERM", "xterm").env("NO_COLOR", "1").args(["-c", &script]);
    spawn_command(shell, Some(60_000)).expect("a terminal")
}

/// The end: the exit code, and a terminal that shows what is typed.
fn ends_with(terminal: &mut PtySession, code: i32) -> String {
    let before = terminal.exp_string(&format!("code {code}")).expect("the exit code");
    let modes = terminal.exp_eof().expect("the end");
    assert!(modes.contains(" echo ") && !modes.contains(" -echo "), "{modes}");
    before
}

fn demo() -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let machine = Machine::at(&sandbox);
    (sandbox, machine)
}

#[test]
fn name_password_push_and_picker() {
    let (_sandbox, machine) = demo();
    let mut terminal = on_terminal(&machine, "login");
    terminal.exp_string("? User name at 127.0.0.1: ").unwrap();
    terminal.send_line("ada@example.com").unwrap();
    terminal.exp_string("? Password of ada@example.com: ").unwrap();
    terminal.send_line("correct horse").unwrap();
    let shown = terminal.exp_string("Approve it on the phone").unwrap();
    assert!(!shown.contains("correct horse"), "{shown}");
    terminal.exp_string("Tap the number 42 on the phone").unwrap();
    terminal.exp_string("Role").unwrap();
    terminal.exp_string("444455556666/ReadOnly").unwrap();
    terminal.send("Migr").unwrap();
    terminal.flush().unwrap();
    terminal.exp_string("Migration").unwrap();
    terminal.send("\r").unwrap();
    terminal.flush().unwrap();
    terminal.exp_string("assumed-role/Migration/ada@example.com").unwrap();
    assert!(ends_with(&mut terminal, 0).contains("Until"));
}

/// The AWS CLI runs `credential_process` again for each command, on the terminal of the person.
#[test]
fn programs_do_not_repeat_a_push_that_was_rejected() {
    let mut world = World::demo();
    let push = &mut world.user_mut("ada@example.com").unwrap().factors[0].push;
    (push.after_polls, push.answer) = (0, PushAnswer::Reject);
    let sandbox = Sandbox::start(world).unwrap();
    let machine = Machine::at(&sandbox);
    let pushes = || asked(&sandbox, Service::Okta, "/verify");

    let for_program = "credentials --output credential-process --username ada@example.com --role Migration";
    let mut terminal = on_terminal(&machine, for_program);
    terminal.exp_string("? Password of ada@example.com: ").unwrap();
    terminal.send_line("correct horse").unwrap();
    terminal.exp_string("the push was rejected on the phone").unwrap();
    ends_with(&mut terminal, 11);
    let sent = pushes();
    assert!(sent > 0);
    for _ in 0..3 {
        let mut terminal = on_terminal(&machine, for_program);
        terminal.exp_string("programs do not try again before").unwrap();
        ends_with(&mut terminal, 11);
    }
    assert_eq!(pushes(), sent);

    // A person who asks is asked again.
    let mut terminal = on_terminal(&machine, "login --username ada@example.com --role Migration");
    terminal.exp_string("? Password of ada@example.com: ").unwrap();
    terminal.send_line("correct horse").unwrap();
    terminal.exp_string("the push was rejected on the phone").unwrap();
    ends_with(&mut terminal, 11);
    assert!(pushes() > sent);
}

#[test]
fn a_wrong_code_and_then_the_right_one() {
    let (_sandbox, machine) = demo();
    let mut terminal = on_terminal(&machine, "login --username grace@example.com --role ReadOnly");
    terminal.exp_string("? Password of grace@example.com: ").unwrap();
    terminal.send_line("battery staple").unwrap();
    terminal.exp_string("? Code: Google Authenticator code (grace@example.com): ").unwrap();
    terminal.send_line("000000").unwrap();
    terminal.exp_string("Okta rejected the second factor").unwrap();
    terminal.exp_string("? Code: Google Authenticator code (grace@example.com): ").unwrap();
    terminal.send_line("123456").unwrap();
    terminal.exp_string("assumed-role/ReadOnly/grace@example.com").unwrap();
    ends_with(&mut terminal, 0);
}

#[test]
fn three_wrong_codes() {
    let (_sandbox, machine) = demo();
    let mut terminal = on_terminal(&machine, "login --username grace@example.com");
    terminal.exp_string("? Password of grace@example.com: ").unwrap();
    terminal.send_line("battery staple").unwrap();
    for _ in 0..3 {
        terminal.exp_string("? Code: Google Authenticator code (grace@example.com): ").unwrap();
        terminal.send_line("000000").unwrap();
    }
    terminal.exp_string("error: Okta rejected the second factor (E0000068: Invalid Passcode/Answer").unwrap();
    ends_with(&mut terminal, 11);
    assert_eq!(machine.audit()[0]["error"]["kind"], "factor_failed");
}

#[test]
fn ctrl_c_at_a_hidden_prompt_shows_again_what_is_typed() {
    let (_sandbox, machine) = demo();
    let mut terminal = on_terminal(&machine, "login --username ada@example.com");
    terminal.exp_string("? Password of ada@example.com: ").unwrap();
    terminal.send_control('c').unwrap();
    terminal.exp_string("error: cancelled").unwrap();
    ends_with(&mut terminal, 130);
    // It was given up before anything was given, and that is on record.
    let record = machine.audit().remove(0);
    assert_eq!((record["outcome"].as_str(), record["error"]["kind"].as_str()), (Some("failed"), Some("cancelled")));
}

/// What the command shows until the address to sign in at, and the code that is in it.
fn invited(terminal: &mut PtySession) -> String {
    let (_, address) = terminal.exp_regex("/activate\\?user_code=[A-Z0-9]{8}").expect("an address");
    address.rsplit_once('=').expect("a code").1.to_owned()
}

/// Does at the page what a person does there.
fn at_the_page(sandbox: &Sandbox, code: &str, does: &[(&str, &str)]) {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    let page = format!("{}/activate", sandbox.okta_url());
    let fields = [&[("user_code", code)], does].concat();
    assert_eq!(runtime.block_on(tempaccess_tests::browse::submit(&page, &fields)).status, 200);
}

fn with_device_authorization() -> (Sandbox, Machine, String) {
    let world = World { pipeline: "idx".to_owned(), ..World::demo() };
    let client = world.clients[0].id.clone();
    let sandbox = Sandbox::start(world).unwrap();
    let machine = Machine::at(&sandbox);
    let login = format!("login --client-id {client} --no-open");
    (sandbox, machine, login)
}

#[test]
fn a_sign_in_that_is_finished_elsewhere() {
    let (sandbox, machine, login) = with_device_authorization();
    let mut terminal = on_terminal(&machine, &format!("{login} --qr"));
    terminal.exp_string("127.0.0.1 has the Identity Engine: signing in with your own browser").unwrap();
    let code = invited(&mut terminal);
    terminal.exp_string(&format!("the code there is {code}")).unwrap();
    // The quiet zone above the QR code, as this library reads UTF-8.
    terminal.exp_string(&"\u{e2}\u{96}\u{88}".repeat(29)).unwrap();
    terminal
        .exp_string("Open it in a browser, on this machine or another; waiting for you there (Ctrl-C gives up)")
        .unwrap();
    at_the_page(&sandbox, &code, &[("username", "alan@example.com"), ("password", "bombe")]);
    terminal.exp_string("assumed-role/ReadOnly/alan@example.com").unwrap();
    ends_with(&mut terminal, 0);
    // The next one needs nobody.
    let ran = machine.run(&format!("{login} --no-interactive"));
    assert_eq!(ran.code, 0, "{ran}");
}

#[test]
fn a_sign_in_that_is_declined_or_given_up_elsewhere() {
    let (sandbox, machine, login) = with_device_authorization();
    let mut terminal = on_terminal(&machine, &login);
    let code = invited(&mut terminal);
    at_the_page(&sandbox, &code, &[("decline", "yes")]);
    terminal.exp_string("error: the sign-in was declined, or a policy denied it (access_denied: ").unwrap();
    ends_with(&mut terminal, 15);
    let mut terminal = on_terminal(&machine, &login);
    invited(&mut terminal);
    terminal.exp_string("Ctrl-C gives up").unwrap();
    terminal.send_control('c').unwrap();
    terminal.exp_string("error: cancelled").unwrap();
    ends_with(&mut terminal, 130);
    let ran = machine.run(&format!("{login} --no-interactive"));
    assert!(ran.stderr.contains("nobody can be asked: sign in with the browser"), "{ran}");
    assert_eq!(ran.code, 7, "{ran}");
}

#[test]
fn a_served_program_has_the_terminal_to_itself() {
    let (_sandbox, machine) = demo();
    let ran = machine.run_with("login --username alan@example.com --password-stdin", "bombe\n");
    assert_eq!(ran.code, 0, "{ran}");
    let program = machine.home().join("program");
    let script = r#"#!/bin/bash
        # Shown once curl has ended: a key that is pressed then is not for curl.
        check() { code=$(curl -s -o /dev/null -w "%{http_code}" -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"); echo "$1 $code"; }
        trap 'check INT' INT; trap 'check QUIT' QUIT; trap 'check WINCH' WINCH
        check ready
        # A signal between the check for traps and the wait for a line waits for that line: so no wait is long.
        while :; do
            read -r -t 1 word
            case $? in 0) check "read $word"; [ "$word" = end ] && exit 7 ;; 1) exit 1 ;; esac
        done"#;
    std::fs::write(&program, script).unwrap();
    // A shell with job control, as a person has it.
    let mut shell = machine.program("bash");
    shell.env("TERM", "xterm").env("PS1", "$ ").args(["--norc", "--noprofile", "-i"]);
    let mut terminal = spawn_command(shell, Some(60_000)).expect("a terminal");
    terminal.send_line("set +o history; stty -echo").unwrap();
    let command =
        format!("'{}' exec --serve --username alan@example.com -- bash {}", binary().display(), program.display());
    terminal.send_line(&command).unwrap();
    terminal.exp_string("ready 200").unwrap();
    for (key, shown) in [('c', "INT 200"), ('\\', "QUIT 200"), ('c', "INT 200")] {
        terminal.send_control(key).unwrap();
        terminal.exp_string(shown).unwrap();
    }
    terminal.send_line("one").unwrap();
    // Each key was one signal: nothing else was shown in between.
    let between = terminal.exp_string("read one 200").unwrap();
    assert!(!between.contains("INT") && !between.contains("QUIT"), "{between}");
    terminal.send_control('z').unwrap();
    terminal.exp_string("Stopped").unwrap();
    terminal.send_line("jobs; fg").unwrap();
    terminal.send_line("two").unwrap();
    terminal.exp_string("read two 200").unwrap();
    terminal.send_line("end").unwrap();
    terminal.exp_string("read end 200").unwrap();
    terminal.send_line("echo code $?; exit").unwrap();
    terminal.exp_string("code 7").unwrap();
    terminal.exp_eof().unwrap();
}

#[test]
fn steps_are_shown_on_a_terminal() {
    let machine = Machine::alone();
    let mut shell = machine.program("sh");
    let script = format!("stty echo; '{}' -vv status; echo code $?; stty -a", binary().display());
    shell.env("TERM", "xterm-256color").env_remove("NO_COLOR").args(["-c", &script]);
    let mut terminal = spawn_command(shell, Some(60_000)).expect("a terminal");
    let shown = ends_with(&mut terminal, 0);
    assert!(!shown.contains("panicked"), "{shown}");
}
