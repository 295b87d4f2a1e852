//! Handing out: an endpoint for programs that outlive a session, and the console.

#![cfg(unix)]

use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::os::unix::fs::PermissionsExt;
#[cfg(target_os = "linux")]
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempaccess_sandbox::{Sandbox, Service, World};
use tempaccess_tests::cli::{Machine, Ran, binary};
use tempaccess_tests::parts;

fn demo() -> (Sandbox, Machine) {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_USERNAME", "ada@example.com");
    machine.set("TEMPACCESS_ROLE", "111122223333/ReadOnly");
    machine.set("TEMPACCESS_FEDERATION_ENDPOINT_URL", sandbox.federation_url());
    let ran = machine.run_with("login --password-stdin --no-interactive", "correct horse\n");
    assert_eq!(ran.code, 0, "{ran}");
    (sandbox, machine)
}

fn issued(sandbox: &Sandbox) -> usize {
    let is_it = |what: &str| what == "AssumeRoleWithSAML";
    sandbox.requests().iter().filter(|request| request.service == Service::Sts && is_it(&request.what)).count()
}

/// Whether there is a curl to ask with.
fn curl() -> bool {
    parts::debian("/usr/bin/curl", "curl").is_some()
}

/// Runs a shell line whose `$BIN` is the command.
fn shell(machine: &Machine, line: &str) -> Ran {
    let mut command = machine.program("sh");
    let output = command.env("BIN", binary()).args(["-c", line]).stdin(Stdio::null()).output().unwrap();
    let text = |bytes| String::from_utf8(bytes).unwrap();
    Ran { code: output.status.code().unwrap_or(-1), stdout: text(output.stdout), stderr: text(output.stderr) }
}

#[test]
fn boto3_asks_the_endpoint_again_when_its_credentials_end() {
    let (sandbox, machine) = demo();
    let Some(python) = parts::python() else { return };
    let script = r#"
import boto3, botocore.session, datetime, sys
session = boto3.Session()
credentials = session.get_credentials()
assert type(credentials).__name__ == "RefreshableCredentials", type(credentials)
assert credentials.method == "container-role", credentials.method
client = session.client("sts", region_name="us-east-1")
print(client.get_caller_identity()["Arn"])
first = credentials.get_frozen_credentials().access_key
# As botocore sees it when they have ended.
credentials._expiry_time = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=1)
print(credentials.get_frozen_credentials().access_key == first)
"#;
    std::fs::write(machine.home().join("script.py"), script).unwrap();
    let line = format!("\"$BIN\" exec --serve --no-interactive -- '{}' \"$HOME/script.py\"", python.display());
    let ran = shell(&machine, &format!("AWS_ENDPOINT_URL_STS={} {line}", sandbox.sts_url()));
    assert_eq!(ran.code, 0, "{ran}");
    assert_eq!(ran.stdout, "arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com\nTrue\n");
    assert_eq!(issued(&sandbox), 1);
}

#[test]
fn only_callers_with_the_token_are_answered() {
    if !curl() {
        return;
    }
    let (_sandbox, machine) = demo();
    let line = r#""$BIN" exec --serve --no-interactive -- sh -c '
        ask() { curl -s -o /dev/null -w "%{http_code}\n" "$@"; }
        uri=$AWS_CONTAINER_CREDENTIALS_FULL_URI token=$AWS_CONTAINER_AUTHORIZATION_TOKEN
        ask -H "Authorization: $token" $uri
        ask $uri
        ask -H "Authorization: ${token}x" $uri
        ask -H "Authorization: $token" -X POST $uri
        ask -H "Authorization: $token" ${uri}x
        ask -H "Authorization: $token" -H "Host: evil.example" $uri
        ask -H "Authorization: $token" -H "Origin: https://evil.example" $uri
        env | grep -c AWS_SECRET_ACCESS_KEY'"#;
    let ran = shell(&machine, line);
    assert_eq!(ran.stdout, "200\n401\n401\n405\n404\n403\n403\n0\n", "{ran}");
}

/// Starts a program with `exec --serve`, and with signals as a terminal leaves them, whatever this test was started by.
fn served(machine: &Machine, program: &[&str]) -> Child {
    let mut command = machine.program("env");
    command.arg("--default-signal").arg(binary()).args(["exec", "--serve", "--no-interactive", "--"]).args(program);
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap()
}

/// Sends a signal to this process alone.
fn kill(signal: &str, process: u32) {
    let sent = Command::new("kill").args(["-s", signal, &process.to_string()]).status().unwrap();
    assert!(sent.success(), "{signal}");
}

/// The next line that a program prints.
fn line(output: &mut impl BufRead) -> String {
    let mut line = String::new();
    output.read_line(&mut line).unwrap();
    line.trim_end().to_owned()
}

/// Whether the endpoint at this address takes connections.
fn is_open(uri: &str) -> bool {
    let address = uri.strip_prefix("http://").unwrap().split('/').next().unwrap().to_owned();
    TcpStream::connect(address).is_ok()
}

/// Waits until the endpoint at this address has closed.
fn closes(uri: &str) {
    let end = Instant::now() + Duration::from_secs(60);
    while is_open(uri) {
        assert!(Instant::now() < end, "the endpoint outlives its program");
        std::thread::sleep(Duration::from_millis(10));
    }
}

#[test]
fn a_served_program_gets_every_signal_once_and_keeps_its_endpoint() {
    if !curl() {
        return;
    }
    let (_sandbox, machine) = demo();
    let signals =
        ["HUP", "INT", "QUIT", "USR1", "USR2", "ALRM", "WINCH", "TSTP", "TTIN", "TTOU", "CONT", "URG", "TERM"];
    let traps: String = signals.iter().map(|name| format!("trap 'got {name}' {name}; ")).collect();
    let script = format!(
        r#"got() {{
            curl -s -o /dev/null -w "$1 %{{http_code}}\n" -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"
            [ "$1" = TERM ] && exit 7
        }}
        {traps} echo $$; echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI"
        while :; do sleep 0.05; done"#
    );
    let mut child = served(&machine, &["sh", "-c", &script]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    // The program is the process that was started.
    assert_eq!(line(&mut output), child.id().to_string());
    let uri = line(&mut output);
    for name in signals {
        kill(name, child.id());
        assert_eq!(line(&mut output), format!("{name} 200"));
    }
    assert_eq!((child.wait().unwrap().code(), line(&mut output).as_str()), (Some(7), ""));
    closes(&uri);
}

#[test]
fn a_served_program_ends_as_it_ends_and_the_endpoint_with_it() {
    let (_sandbox, machine) = demo();
    for (program, code) in [("exit 7", Some(7)), ("kill -KILL $$", None), ("kill -TERM $$", None)] {
        let script = format!("echo \"$AWS_CONTAINER_CREDENTIALS_FULL_URI\"; {program}");
        let mut child = served(&machine, &["sh", "-c", &script]);
        let uri = line(&mut BufReader::new(child.stdout.take().unwrap()));
        assert_eq!(child.wait().unwrap().code(), code, "{program}");
        closes(&uri);
    }
    for serve in ["", "--serve"] {
        let shell = |line: &str| shell(&machine, &format!("\"$BIN\" exec {serve} --no-interactive -- {line}; echo $?"));
        for (line, code) in [
            ("sh -c 'exit 7'", "7\n"),
            ("sh -c 'kill -USR1 $$'", "138\n"),
            ("no-such-program", "127\n"),
            ("/no/such/program", "127\n"),
            ("/etc/passwd", "126\n"),
            ("/", "126\n"),
        ] {
            assert_eq!(shell(line).stdout, code, "{serve} {line}");
        }
        assert!(shell("no-such-program").stderr.contains("error: `no-such-program` cannot be run"));
    }
}

#[test]
fn a_signal_to_the_process_group_leaves_the_endpoint_alone() {
    if !curl() {
        return;
    }
    let (_sandbox, machine) = demo();
    let script = r#"
        for name in HUP INT QUIT USR1 USR2 ALRM TERM; do trap : $name; kill -s $name 0; done
        curl -s -o /dev/null -w '%{http_code}\n' -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI""#;
    let mut command = machine.command(["exec", "--serve", "--no-interactive", "--", "sh", "-c", script]);
    let output = command.stdin(Stdio::null()).output().unwrap();
    assert_eq!(String::from_utf8_lossy(&output.stdout), "200\n", "{output:?}");
}

/// The processes that run this command for this machine, and what others may read of them: arguments and environment.
#[cfg(target_os = "linux")]
fn processes(machine: &Machine, argument: &str) -> Vec<(u32, String, String)> {
    let read = |folder: &Path, name: &str| {
        std::fs::read(folder.join(name)).map(|bytes| String::from_utf8_lossy(&bytes).into_owned())
    };
    let home = format!("HOME={}\0", machine.home().display());
    let known = std::fs::read_dir("/proc").unwrap().filter_map(|entry| {
        let folder = entry.ok()?.path();
        let process = folder.file_name()?.to_str()?.parse().ok()?;
        Some((process, read(&folder, "cmdline").ok()?, read(&folder, "environ").ok()?))
    });
    known.filter(|(_, arguments, environment)| arguments.contains(argument) && environment.contains(&home)).collect()
}

#[cfg(target_os = "linux")]
#[test]
fn the_endpoint_is_a_process_of_its_own_and_nothing_secret_can_be_read_of_it() {
    let (_sandbox, machine) = demo();
    let script = r#"echo "$AWS_CONTAINER_CREDENTIALS_FULL_URI"; echo "$AWS_CONTAINER_AUTHORIZATION_TOKEN"
        cat /proc/$$/task/$$/children; echo; read -r word"#;
    let mut child = served(&machine, &["sh", "-c", script]);
    let mut output = BufReader::new(child.stdout.take().unwrap());
    let (uri, token, children) = (line(&mut output), line(&mut output), line(&mut output));
    // The program could wait for all of its children, and only `cat` was one.
    assert!(children.split_whitespace().count() <= 1, "{children}");
    let processes = processes(&machine, "serve-for-exec");
    let [(process, arguments, environment)] = processes.as_slice() else { panic!("{processes:?}") };
    assert_ne!(*process, child.id());
    assert!(!arguments.contains(&token) && !environment.contains(&token));
    assert!(!environment.contains("AWS_SECRET_ACCESS_KEY"));
    // It does not end when it is asked to, as long as its program runs.
    for signal in ["TERM", "INT", "HUP", "QUIT", "USR1"] {
        kill(signal, *process);
    }
    assert!(is_open(&uri));
    drop(child.stdin.take());
    child.wait().unwrap();
    closes(&uri);
}

#[test]
fn a_role_that_is_served_stays_the_same_and_credentials_are_asked_for_once() {
    if !curl() {
        return;
    }
    let (sandbox, machine) = demo();
    let before = issued(&sandbox);
    let script = r#"for i in 1 2 3; do curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"; echo; done"#;
    for (count, (options, role)) in [
        ("--role 2", "ops/Migration"),
        ("--role Migr*", "ops/Migration"),
        ("--role 1 --store none --password-stdin", "ReadOnly"),
    ]
    .into_iter()
    .enumerate()
    {
        let words: Vec<_> = "exec --serve --no-interactive".split(' ').chain(options.split(' ')).collect();
        let ran = machine.run_words(&[&words[..], &["--", "sh", "-c", script]].concat(), b"correct horse\n");
        let roles: Vec<serde_json::Value> =
            ran.stdout.lines().map(|line| serde_json::from_str(line).unwrap_or_else(|_| panic!("{ran}"))).collect();
        assert_eq!(roles.len(), 3, "{ran}");
        assert!(
            roles.iter().all(|given| given["RoleArn"] == format!("arn:aws:iam::111122223333:role/{role}")),
            "{ran}"
        );
        assert!(issued(&sandbox) <= before + count + 1, "{options}");
    }
}

#[test]
fn a_response_on_standard_input_cannot_be_served() {
    let (_sandbox, machine) = demo();
    for command in ["exec --serve --source - -- true", "serve --source -"] {
        let ran = machine.run(command);
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.contains("cannot be refreshed from a response on standard input"), "{ran}");
    }
}

#[test]
fn serve_prints_its_address_and_token_only() {
    if !curl() {
        return;
    }
    let (_sandbox, machine) = demo();
    let line = r#"
        "$BIN" serve --no-interactive > "$HOME/out" 2> "$HOME/err" &
        until grep -q Serving "$HOME/err"; do sleep 0.05; done
        eval "$(cat "$HOME/out")"
        curl -s -H "Authorization: $AWS_CONTAINER_AUTHORIZATION_TOKEN" "$AWS_CONTAINER_CREDENTIALS_FULL_URI"
        echo; kill -INT $!; wait $!; echo $?; wc -l < "$HOME/out"; grep -c "$AWS_CONTAINER_AUTHORIZATION_TOKEN" "$HOME/err""#;
    let ran = shell(&machine, line);
    let lines: Vec<_> = ran.stdout.lines().collect();
    let given: serde_json::Value = serde_json::from_str(lines[0]).unwrap_or_else(|_| panic!("{ran}"));
    assert_eq!(given["RoleArn"], "arn:aws:iam::111122223333:role/ReadOnly");
    assert_eq!(given["AccountId"], "111122223333");
    // What is removed, the two variables that lead there, and the account.
    assert_eq!(lines[2..], ["4", "0"], "{ran}");
}

#[test]
fn the_console_opens_once_and_its_address_is_in_no_argument() {
    if !curl() {
        return;
    }
    let (_sandbox, machine) = demo();
    let ran = machine.run("console --print --destination s3 --no-interactive");
    assert_eq!(ran.code, 0, "{ran}");
    let page = |ran: &Ran| shell(&machine, &format!("curl -s '{}'", ran.stdout.trim()));
    let expected = "signed in as arn:aws:sts::111122223333:assumed-role/ReadOnly/ada@example.com at https://console.aws.amazon.com/s3/home?region=us-east-1\n";
    assert_eq!(page(&ran).stdout, expected);
    assert_ne!(page(&ran).stdout, expected);

    // A browser that writes down what it was given and where that led.
    let folder = machine.home().join("bin");
    std::fs::create_dir(&folder).unwrap();
    let browser = folder.join("xdg-open");
    std::fs::write(&browser, "#!/bin/sh\necho \"$1\" > \"$HOME/opened\"\ncurl -sL \"$1\" > \"$HOME/page\"\ncurl -s -o /dev/null -w '%{http_code}' \"$1\" > \"$HOME/again\"\n")
        .unwrap();
    std::fs::set_permissions(&browser, std::fs::Permissions::from_mode(0o755)).unwrap();
    let line = format!("PATH=\"{}:$PATH\" \"$BIN\" console --no-interactive --console-duration 8h", folder.display());
    let ran = shell(&machine, &line);
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("The console is open as arn:aws:sts::111122223333"), "{ran}");
    let read = |name: &str| std::fs::read_to_string(machine.home().join(name)).unwrap();
    assert!(read("page").contains("https://console.aws.amazon.com/console/home"), "{}", read("page"));
    assert!(!read("opened").contains("SigninToken"));

    let ran = machine.run("console --print --destination https://evil.example/ --no-interactive");
    assert_eq!(ran.code, 2, "{ran}");
    let chain = "--chain arn:aws:iam::777788889999:role/Deploy --external-id contract-17 --no-interactive";
    assert_eq!(machine.run(&format!("console --print {chain}")).code, 0);
    assert_eq!(machine.run(&format!("console --print {chain} --console-duration 2h")).code, 2);
}

#[test]
fn the_console_opens_in_a_browser_for_each_account() {
    if !curl() {
        return;
    }
    let (_sandbox, machine) = demo();
    let home = machine.home();
    let folder = home.join("bin");
    std::fs::create_dir(&folder).unwrap();
    let browser = "#!/bin/sh\nfor url in \"$@\"; do :; done\necho \"$*\" > \"$HOME/opened\"\ncurl -sL \"$url\" > \"$HOME/page\"\n";
    for name in ["chromium", "container"] {
        std::fs::write(folder.join(name), browser).unwrap();
        std::fs::set_permissions(folder.join(name), std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    let console = |rest: &str| {
        let _ = std::fs::remove_file(home.join("page"));
        let ran =
            shell(&machine, &format!("PATH=\"{}:$PATH\" \"$BIN\" console --no-interactive {rest}", folder.display()));
        assert_eq!(ran.code, 0, "{ran}");
        std::fs::read_to_string(home.join("opened")).unwrap()
    };
    let opened = console("--separate");
    let profile = home.join(".local/state/tempaccess/store/console/111122223333");
    assert!(opened.starts_with(&format!("--user-data-dir={} ", profile.display())), "{opened}");
    assert_eq!(std::fs::metadata(&profile).unwrap().permissions().mode() & 0o777, 0o700);

    let configure = |browser: &str| {
        let config = format!("[accounts]\n111122223333 = \"ledger\"\n\n[console]\nbrowser = {browser}\n");
        std::fs::create_dir_all(home.join(".config/tempaccess")).unwrap();
        std::fs::write(home.join(".config/tempaccess/config.toml"), config).unwrap();
    };
    configure(r#"["container", "--name={account_name}", "--role={role}", "{url}"]"#);
    assert!(console("").starts_with("--name=ledger --role=ReadOnly http://127.0.0.1:"), "{}", console(""));
    configure(r#""separate""#);
    assert!(console("").starts_with("--user-data-dir="));
    for (browser, why) in [
        ("[]", "is empty"),
        (r#"["firefox"]"#, "no argument with `{url}`"),
        ("7", "\"separate\", or a list"),
        (r#""firefox""#, "\"separate\", or a list"),
    ] {
        configure(browser);
        let ran = machine.run("console --no-interactive");
        assert!(ran.code == 3 && ran.stderr.contains(why), "{browser}: {ran}");
    }
}
