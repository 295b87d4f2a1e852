//! The configuration as it is written, and the shell that completes from it.
#![cfg(unix)]

use std::process::Stdio;

use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::cli::{Machine, Ran, binary};

const LINK: &str = "https://acme.okta.com/home/amazon_aws/0oa1/272";

fn config(machine: &Machine) -> String {
    std::fs::read_to_string(machine.home().join(".config/tempaccess/config.toml")).unwrap_or_default()
}

/// Runs a shell line with the command on its path.
fn shell(machine: &Machine, shell: &str, line: &str) -> Ran {
    let mut command = machine.program(shell);
    let path = std::env::var("PATH").unwrap_or_default();
    command.env("PATH", format!("{}:{path}", binary().parent().unwrap().display()));
    let output = command.args(["-c", line]).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn configure_writes_a_profile_and_overwrites_none() {
    let machine = Machine::alone();
    let ran = machine.run(&format!(
        "configure work --source {LINK} --username ada --role ReadOnly --duration 8h --policy policy.json --no-interactive"
    ));
    assert_eq!(ran.code, 4, "a policy that is not there is told now: {ran}");
    assert_eq!(config(&machine), "");
    let ran = machine.run(&format!("configure work --source {LINK} --username ada --role ReadOnly --duration 8h"));
    assert_eq!(ran.code, 0, "{ran}");
    insta::assert_snapshot!(config(&machine), @r#"
    [profiles.work]
    source = "https://acme.okta.com/home/amazon_aws/0oa1/272"
    username = "ada"
    role = "ReadOnly"
    duration = "8h"
    "#);
    let before = config(&machine);
    let ran = machine.run("configure work --source file:response.txt");
    assert_eq!(ran.code, 2, "{ran}");
    assert!(ran.stderr.contains("profile `work` already exists and was not changed"), "{ran}");
    assert_eq!(config(&machine), before);
    let ran = machine.run("configure other --source file:response.txt --output json");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(config(&machine).starts_with(&before) && config(&machine).contains("source = \"file:/"));
    assert_eq!(machine.run("configure --no-interactive").code, 7);
    assert_eq!(machine.run("configure x --source nonsense").code, 2);
}

#[test]
fn configure_asks_on_a_terminal() {
    let machine = Machine::alone();
    let mut command = machine.program(binary());
    command.env("NO_COLOR", "1").args(["configure", "work", "--username", "ada"]);
    let mut terminal = rexpect::session::spawn_command(command, Some(30_000)).unwrap();
    terminal.exp_string("? Link of the AWS app at Okta").unwrap();
    terminal.send_line("").unwrap();
    terminal.exp_string("A source is required").unwrap();
    terminal.send_line(LINK).unwrap();
    terminal.exp_string("? Role (empty: choose each time): ").unwrap();
    terminal.send_line("billing/ReadOnly").unwrap();
    terminal.exp_string("? Duration").unwrap();
    terminal.send_line("").unwrap();
    terminal.exp_string("? Region").unwrap();
    terminal.send_line("eu-west-1").unwrap();
    terminal.exp_string("written: work into").unwrap();
    terminal.exp_eof().unwrap();
    insta::assert_snapshot!(config(&machine), @r#"
    [profiles.work]
    source = "https://acme.okta.com/home/amazon_aws/0oa1/272"
    username = "ada"
    role = "billing/ReadOnly"
    region = "eu-west-1"
    "#);
}

#[test]
fn an_imported_profile_signs_in() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_SOURCE", "");
    let theirs = format!(
        "[default]\nurl = {}\nusername = alan@example.com\nprovider = Okta\nmfa = Auto\naws_session_duration = 1800\n\n[other]\nprovider = ADFS\nurl = https://adfs.example.com\n",
        sandbox.app_url()
    );
    std::fs::write(machine.home().join(".saml2aws"), &theirs).unwrap();
    let ran = machine.run("import saml2aws");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(
        ran.stdout.contains("written: default into")
            && ran.stdout.contains("note: `other`: signing in at `ADFS` goes through a browser"),
        "{ran}"
    );
    let ran = machine.run_with("login --password-stdin --output json", "bombe\n");
    assert_eq!(ran.code, 0, "{ran}");
    let given: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!((&given["duration_asked"], &given["account_id"]), (&1800.into(), &"111122223333".into()));
    // Once more changes nothing.
    let before = config(&machine);
    let ran = machine.run("import saml2aws --output json");
    let said: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    assert_eq!(said["left_alone"], serde_json::json!(["default", "other"]));
    assert_eq!(config(&machine), before);
    assert_eq!(machine.run("import gimme-aws-creds").code, 4);
    assert_eq!(machine.run("import lastpass").code, 2);
}

#[test]
fn a_shell_completes_profiles_and_cached_roles() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_USERNAME", "alan@example.com");
    assert_eq!(machine.run(&format!("configure work --source {LINK}")).code, 0);
    assert_eq!(machine.run_with("login --password-stdin", "bombe\n").code, 0);
    let complete = |words: &str, at: usize| {
        let line = format!(
            "source <(tempaccess completions bash); COMP_WORDS=({words}); COMP_CWORD={at}; COMP_TYPE=9; \
             _clap_complete_tempaccess tempaccess \"${{COMP_WORDS[{at}]}}\" ''; printf '%s\\n' \"${{COMPREPLY[@]}}\""
        );
        let ran = shell(&machine, "bash", &line);
        ran.stdout.lines().map(str::to_owned).collect::<Vec<_>>()
    };
    assert_eq!(complete("tempaccess login --profile ''", 3), ["work"]);
    assert_eq!(complete("tempaccess exec ''", 2).first().unwrap(), "work");
    assert_eq!(complete("tempaccess login --role ''", 3), ["arn:aws:iam::111122223333:role/ReadOnly"]);
    assert!(complete("tempaccess lo", 1).iter().any(|word| word == "login"));
    for shell in ["zsh", "fish", "powershell"] {
        let ran = machine.run(&format!("completions {shell}"));
        assert!(ran.code == 0 && ran.stdout.contains("TEMPACCESS_COMPLETE"), "{ran}");
    }
}

#[test]
fn the_manual_has_a_page_for_each_command() {
    let machine = Machine::alone();
    let folder = machine.home().join("man1");
    assert_eq!(machine.run(&format!("man {}", folder.display())).code, 0);
    let page = std::fs::read_to_string(folder.join("tempaccess-profiles-sync.1")).unwrap();
    assert!(page.contains("prune"), "{page}");
    assert!(folder.join("tempaccess.1").exists());
}

#[test]
fn the_aliases_of_accounts_become_their_names_on_request() {
    let mut world = World::demo();
    let role = world.roles.iter_mut().find(|role| role.arn == "arn:aws:iam::111122223333:role/ReadOnly").unwrap();
    let policy = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"iam:List*","Resource":"*"}]}"#;
    role.policies.insert("Names".to_owned(), policy.to_owned());
    let sandbox = Sandbox::start(world).unwrap();
    let machine = Machine::at(&sandbox);
    let file = machine.home().join(".config/tempaccess/config.toml");
    let roles = |rest: &str| machine.run_with(&format!("roles --password-stdin --no-interactive {rest}"), "bombe\n");
    assert!(!roles("--username alan@example.com").stdout.contains("acme-ledger"));
    let named = roles("--username alan@example.com --names");
    assert_eq!(named.code, 0, "{named}");
    assert!(named.stdout.contains("acme-ledger"), "{named}");
    assert!(named.stderr.contains("names were added to `[accounts]`"), "{named}");
    assert!(std::fs::read_to_string(&file).unwrap().contains("111122223333 = \"acme-ledger\""));
    // The session may do nothing else, and is in the audit log.
    let audit = machine.audit();
    let record = audit.last().unwrap();
    assert_eq!((record["outcome"].as_str(), record["duration_asked"].as_u64()), (Some("issued"), Some(900)));
    assert!(record["policy_sha256"].is_string(), "{record}");
    // From now on the name is known, and nothing is looked up.
    let before = audit.len();
    let again = roles("--username alan@example.com --names");
    assert!(again.stdout.contains("acme-ledger") && !again.stderr.contains("names were added"), "{again}");
    assert_eq!(machine.audit().len(), before);
}
