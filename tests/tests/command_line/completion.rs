//! Completion in real shells: names of any kind are completed, and none of them runs.
#![cfg(unix)]

use std::path::PathBuf;
use std::process::Stdio;

use rexpect::session::{PtySession, spawn_command};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::cli::{Machine, Ran, binary};
use tempaccess_tests::parts;

/// Names that a shell would act on, each with a first letter of its own.
const HOSTILE: [&str; 15] = [
    "a$(touch harm)x",
    "b`touch harm`x",
    "c;touch harm;x",
    "d e",
    "f'g\"h",
    "i*?[j]",
    "k\\l",
    "m~{n,o}",
    "p#q",
    "r&s|t<u>v",
    "u!x",
    "y$HOME",
    "z=(touch harm)",
    "é\u{2019}ü",
    "A:B@C",
];

/// Names that are not offered: as arguments they would be options, or end a line.
const UNFIT: [&str; 4] = ["-x", "--all", "line\nbreak", "escape\u{1b}[2J"];

/// A machine with a profile of each name, in a folder with files that a glob would match.
fn machine() -> Machine {
    let mut machine = Machine::alone();
    let profiles: String = HOSTILE
        .iter()
        .chain(&UNFIT)
        .chain(&["*", "work"])
        .map(|name| format!("[profiles.{}]\n", serde_json::to_string(name).unwrap()))
        .collect();
    let file = machine.home().join("config.toml");
    std::fs::write(&file, profiles).unwrap();
    machine.set("TEMPACCESS_CONFIG", file.to_str().unwrap());
    let path = std::env::var("PATH").unwrap_or_default();
    machine.set("PATH", format!("{}:{path}", binary().parent().unwrap().display()));
    machine.set("XDG_CONFIG_HOME", machine.home().join(".config").to_str().unwrap());
    std::fs::write(machine.home().join("file-here"), "").unwrap();
    machine
}

fn harm(machine: &Machine) -> Vec<PathBuf> {
    let folders = [machine.home().to_owned(), std::env::current_dir().unwrap()];
    folders.iter().map(|folder| folder.join("harm")).filter(|file| file.exists()).collect()
}

/// What bash would insert for the line that is typed up to here.
fn bash(machine: &Machine, typed: &str) -> Ran {
    // bash gives what it replaces: what follows the last break of a word.
    let script = r#"
        source <(tempaccess completions bash)
        COMP_LINE=$1 COMP_POINT=${#1} COMP_TYPE=9
        COMP_WORDS=($2) COMP_CWORD=$((${#COMP_WORDS[@]} - 1))
        _clap_complete_tempaccess tempaccess "$3" ''
        printf '%s\n' "${COMPREPLY[@]}""#;
    let escaped = typed.replace("\\ ", "__");
    let tail = &typed[escaped.rfind([' ', ':', '=', '@', '\'', '"']).map_or(0, |at| at + 1)..];
    let mut command = machine.program("bash");
    command.current_dir(machine.home()).args(["-c", script, "bash", typed, "tempaccess x y", tail]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn bash_reads_each_candidate_as_the_name_that_it_is_for() {
    let machine = machine();
    for before in
        ["tempaccess exec ", "tempaccess login --profile ", "tempaccess login --profile=", "tempaccess exec \""]
    {
        let ran = bash(&machine, before);
        let quote = if before.ends_with('"') { "\"" } else { "" };
        let mut names = Vec::new();
        for candidate in ran.stdout.lines().filter(|candidate| !candidate.starts_with("--")) {
            let mut command = machine.program("bash");
            let line = format!("printf %s {quote}{candidate}{quote}");
            let output = command.current_dir(machine.home()).args(["-c", &line]).output().unwrap();
            names.push(String::from_utf8(output.stdout).unwrap());
        }
        let mut expected: Vec<_> = HOSTILE.into_iter().chain(["*", "work"]).collect();
        // Within double quotes, an exclamation mark has no escape.
        expected.retain(|name| quote.is_empty() || !name.contains('!'));
        expected.sort_unstable();
        names.sort_unstable();
        assert_eq!(names, expected, "{before} {ran}");
    }
    // What was typed is continued as it was typed.
    for (typed, candidate) in [
        ("tempaccess exec d\\ ", "d\\ e"),
        ("tempaccess exec 'd ", "d e"),
        ("tempaccess exec 'a$", "a$(touch harm)x"),
        ("tempaccess exec A:B", "B@C"),
        ("tempaccess exec A:B@", "C"),
        ("tempaccess login --profile=A", "A:B@C"),
        ("tempaccess login --profile='d", "d e"),
    ] {
        let ran = bash(&machine, typed);
        assert_eq!(ran.stdout, format!("{candidate}\n"), "{typed} {ran}");
    }
    assert_eq!(harm(&machine), Vec::<PathBuf>::new());
}

/// A shell on a terminal, with its completions loaded.
struct Interactive {
    terminal: PtySession,
}

impl Interactive {
    fn start(machine: &Machine, program: &str, options: &[&str], load: &str) -> Self {
        let mut shell = machine.program(program);
        shell.env("TERM", "dumb").env("LC_ALL", "C.UTF-8").current_dir(machine.home()).args(options);
        let mut terminal = spawn_command(shell, Some(60_000)).expect("a terminal");
        terminal.send_line(load).unwrap();
        terminal.send_line("echo load''ed").unwrap();
        terminal.exp_string("loaded").unwrap();
        Self { terminal }
    }

    /// Types this, completes it, and returns the arguments that the shell would run then.
    fn completes(&mut self, typed: &str) -> String {
        self.completes_line(&format!("tempaccess {typed}"))
    }

    fn completes_line(&mut self, typed: &str) -> String {
        self.terminal.send(typed).unwrap();
        self.terminal.send("\t").unwrap();
        self.terminal.flush().unwrap();
        // To the start of the line: the words are printed, and `tempaccess` does not run.
        self.terminal.send("\u{1}printf '<%s>' ").unwrap();
        self.terminal.send_line("").unwrap();
        let (_, shown) = self.terminal.exp_regex("<(tempaccess|assume)>.*>").unwrap();
        // The library reads each byte as a character.
        String::from_utf8(shown.chars().map(|byte| u8::try_from(byte).unwrap()).collect()).unwrap()
    }
}

impl Drop for Interactive {
    fn drop(&mut self) {
        // An interactive shell ignores the signal that the library ends it with.
        let _ = self.terminal.send_line("exit");
        let _ = self.terminal.exp_eof();
    }
}

/// The start of a name that a person types to have it completed, where it needs no quotes.
fn start(name: &str) -> String {
    name.chars().next().unwrap().to_string()
}

fn check(machine: &Machine, mut shell: Interactive) {
    for name in HOSTILE {
        assert_eq!(shell.completes(&format!("exec {}", start(name))), format!("<tempaccess><exec><{name}>"));
    }
    for (typed, expected) in [
        ("login --profile wo", "<tempaccess><login><--profile><work>"),
        ("login --profile=wo", "<tempaccess><login><--profile=work>"),
        ("exec 'd ", "<tempaccess><exec><d e>"),
        ("exec 'a$", "<tempaccess><exec><a$(touch harm)x>"),
        ("exec d\\ ", "<tempaccess><exec><d e>"),
        ("exec A:", "<tempaccess><exec><A:B@C>"),
    ] {
        assert_eq!(shell.completes(typed), expected, "{typed}");
    }
    assert_eq!(harm(machine), Vec::<PathBuf>::new());
}

#[test]
fn bash_completes_hostile_names() {
    let machine = machine();
    let load =
        "source <(tempaccess completions bash); bind 'set bell-style none'; bind 'set enable-bracketed-paste off'";
    check(&machine, Interactive::start(&machine, "bash", &["--norc", "--noprofile", "-i"], load));
}

#[test]
fn zsh_completes_hostile_names() {
    if parts::debian("/usr/bin/zsh", "zsh").is_none() {
        return;
    }
    let machine = machine();
    let load = "autoload -Uz compinit; compinit -u -d $HOME/dump; source <(tempaccess completions zsh); unsetopt beep prompt_sp zle_bracketed_paste; bindkey -e";
    check(&machine, Interactive::start(&machine, "zsh", &["-f", "-i"], load));
    let load = load.replace("source <(tempaccess completions zsh)", "eval \"$(tempaccess shell-init zsh)\"");
    let mut shell = Interactive::start(&machine, "zsh", &["-f", "-i"], &load);
    assert_eq!(shell.completes("exec a"), "<tempaccess><exec><a$(touch harm)x>");
    assert_eq!(shell.completes_line("assume d"), "<assume><d e>");
}

#[test]
fn fish_completes_hostile_names() {
    if parts::debian("/usr/bin/fish", "fish").is_none() {
        return;
    }
    let machine = machine();
    let load = "function fish_prompt; echo '$ '; end; tempaccess completions fish | source";
    check(&machine, Interactive::start(&machine, "fish", &["--no-config", "-i"], load));
}

#[test]
fn a_role_whose_path_is_a_command_does_not_run() {
    let role = "arn:aws:iam::111122223333:role/$(touch$IFS''harm)/X";
    let mut world = World::demo();
    let pair = format!("{role},arn:aws:iam::111122223333:saml-provider/Okta");
    world.user_mut("alan@example.com").unwrap().roles = vec![pair];
    world.roles[0].arn = role.to_owned();
    let sandbox = Sandbox::start(world).unwrap();
    let mut machine = machine();
    machine.set("TEMPACCESS_SOURCE", sandbox.app_url());
    machine.set("AWS_ENDPOINT_URL_STS", sandbox.sts_url());
    let ran = machine.run_with("login --username alan@example.com --password-stdin", "bombe\n");
    assert_eq!(ran.code, 0, "{ran}");
    let mut shell = Interactive::start(
        &machine,
        "bash",
        &["--norc", "--noprofile", "-i"],
        "source <(tempaccess completions bash); bind 'set enable-bracketed-paste off'",
    );
    let shown = shell.completes("login --role ");
    assert_eq!(shown, format!("<tempaccess><login><--role><{role}>"));
    assert_eq!(harm(&machine), Vec::<PathBuf>::new());
}

#[test]
fn powershell_gets_quoted_candidates() {
    let mut machine = machine();
    machine.set("TEMPACCESS_COMPLETE", "powershell");
    machine.set("_CLAP_COMPLETE_INDEX", "2");
    let ran = machine.run_words(&["--", "tempaccess", "exec"], b"");
    for line in ["'a$(touch harm)x'", "'f''g\"h'", "'é\u{2019}\u{2019}ü'", "'*'", "work", "'A:B@C'"] {
        assert!(ran.stdout.lines().any(|known| known == line), "{line} {ran}");
    }
    assert!(!ran.stdout.contains("break") && !ran.stdout.contains("escape"), "{ran}");
    let script = Machine::alone().run("completions powershell");
    assert!(!script.stdout.contains("Invoke-Expression"), "what was typed is not evaluated: {script}");
}
