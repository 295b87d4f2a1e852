//! Handing out: an endpoint for programs that outlive a session, and the console.

use std::os::unix::fs::PermissionsExt;
use std::process::Stdio;

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
    parts::program("/usr/bin/curl", "apt-get install curl").is_some()
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
fn only_whoever_has_the_token_is_answered() {
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

#[test]
fn a_served_program_ends_as_it_ends_and_hears_signals() {
    let (_sandbox, machine) = demo();
    assert_eq!(shell(&machine, r#""$BIN" exec --serve --no-interactive -- sh -c 'exit 7'"#).code, 7);
    assert_eq!(shell(&machine, r#""$BIN" exec --serve --no-interactive -- no-such-program"#).code, 4);
    let line = r#"
        "$BIN" exec --serve --no-interactive -- sh -c 'trap "echo heard; exit 3" TERM; echo ready; while :; do sleep 0.1; done' > "$HOME/out" &
        until grep -q ready "$HOME/out"; do sleep 0.05; done
        kill -TERM $!; wait $!; echo $?; cat "$HOME/out""#;
    let ran = shell(&machine, line);
    assert_eq!(ran.stdout, "3\nready\nheard\n", "{ran}");
}

#[test]
fn serve_prints_the_way_to_it_and_nothing_else() {
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
    assert_eq!(lines[2..], ["2", "0"], "{ran}");
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
    let chain = "--then arn:aws:iam::777788889999:role/Deploy --external-id contract-17 --no-interactive";
    assert_eq!(machine.run(&format!("console --print {chain}")).code, 0);
    assert_eq!(machine.run(&format!("console --print {chain} --console-duration 2h")).code, 2);
}
