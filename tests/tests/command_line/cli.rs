//! The command line as a person meets it: output, messages, exit codes, and what stays behind when something fails.

use std::time::Duration;

use jiff::SignedDuration;
use tempaccess_sandbox::{Fault, PushAnswer, Sandbox, Service, UserStatus, World};
use tempaccess_tests::cli::{Machine, Ran};
use tempaccess_tests::{parts, vectors};

/// Compares what a command did with its snapshot, whatever differs from run to run left out.
macro_rules! snapshot {
    ($name:literal, $ran:expr) => {{
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.add_filter(r"127\.0\.0\.1:\d+", "127.0.0.1:PORT");
        settings.add_filter(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?Z", "TIME");
        settings.add_filter(r"ASIA[A-Z2-7]{16}", "ACCESS-KEY");
        settings.add_filter(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", "REQUEST-ID");
        settings.add_filter(r"(secret_access_key|SecretAccessKey)(.{1,4})[A-Za-z0-9]{40}", "$1${2}SECRET");
        settings.add_filter(r"(SECRET_ACCESS_KEY=')[A-Za-z0-9]{40}", "${1}SECRET");
        settings.add_filter(r"[A-Za-z0-9]{320}", "SESSION-TOKEN");
        settings.add_filter(r"\bid[A-Za-z0-9]{20}\b", "SAML-ID");
        settings.add_filter(r"(\d+m )?\d+s ago", "SOME-TIME ago");
        settings.add_filter(r"[0-9a-f]{64}", "SHA-256");
        settings.add_filter(r"/tmp/\.tmp[A-Za-z0-9]+", "FOLDER");
        settings.bind(|| insta::assert_snapshot!($name, $ran.to_string()));
    }};
}

const ALAN: &str = "--username alan@example.com --password-stdin --no-interactive";

fn demo() -> (Sandbox, Machine) {
    with(|_| {})
}

fn with(change: impl FnOnce(&mut World)) -> (Sandbox, Machine) {
    let mut world = World::demo();
    change(&mut world);
    let sandbox = Sandbox::start(world).unwrap();
    let machine = Machine::at(&sandbox);
    (sandbox, machine)
}

/// Alan, with his password.
fn alan(machine: &Machine, line: &str) -> Ran {
    machine.run_with(&format!("{line} {ALAN}"), "bombe\n")
}

/// Ada, with her password and her telephone.
fn ada(machine: &Machine, line: &str) -> Ran {
    machine.run_with(&format!("{line} --username ada@example.com --password-stdin --no-interactive"), "correct horse\n")
}

/// Nothing was handed out, and the audit log says so.
fn check_nothing_given(machine: &Machine, ran: &Ran, kind: &str) {
    assert_eq!(ran.stdout, "");
    let audit = machine.audit();
    let last = audit.last().expect("a failure is on record");
    assert_eq!((last["outcome"].as_str(), last["error"]["kind"].as_str()), (Some("failed"), Some(kind)));
    assert!(last["access_key_id"].is_null());
}

#[test]
fn help_names_everything() {
    let machine = Machine::alone();
    for (name, line) in [("help", "--help"), ("help-login", "login --help"), ("help-inspect", "inspect --help")] {
        let ran = machine.run(line);
        assert_eq!(ran.code, 0);
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(name, ran.stdout));
    }
}

#[test]
fn login() {
    let (_sandbox, machine) = demo();
    snapshot!("login", alan(&machine, "login"));
    snapshot!(
        "login-narrowed",
        alan(
            &machine,
            "login --duration 40m --policy {\"Statement\":[{\"Effect\":\"Allow\",\"Action\":\"s3:*\",\"Resource\":\"*\"}]} --policy-arn arn:aws:iam::aws:policy/ReadOnlyAccess"
        )
    );
    snapshot!("login-json", alan(&machine, "login --output json"));
    snapshot!("login-stepped-down", ada(&machine, "login --role Migration --duration 4h"));
}

#[test]
fn roles() {
    let (_sandbox, mut machine) = demo();
    let config = machine.home().join("config.toml");
    std::fs::write(&config, "[accounts]\n111122223333 = 'ledger'\n").unwrap();
    machine.set("TEMPACCESS_CONFIG", config.to_str().unwrap());
    snapshot!("roles", ada(&machine, "roles"));
    snapshot!("roles-json", alan(&machine, "roles --output json"));
    assert!(machine.audit().is_empty());
}

#[test]
fn credentials() {
    let (_sandbox, machine) = demo();
    snapshot!("credentials-env", alan(&machine, "credentials --output env"));
    snapshot!("credentials-json", alan(&machine, "credentials --output json"));
    snapshot!("credentials-process", alan(&machine, "credentials --output credential-process"));
    let audit = machine.audit();
    // Given once, and kept.
    assert_eq!(audit.len(), 1);
    assert_eq!(audit[0]["outcome"], "issued");
}

#[test]
fn the_audit_record_holds_what_joins_it_to_cloudtrail_and_no_secret() {
    let (_sandbox, machine) = demo();
    let ran = machine.run_words(
        &[
            "credentials",
            "--output",
            "json",
            "--role",
            "1",
            "--reason",
            "count objects",
            "--username",
            "ada@example.com",
            "--password-stdin",
            "--no-interactive",
        ],
        b"correct horse\n",
    );
    let given: serde_json::Value = serde_json::from_str(&ran.stdout).unwrap();
    let record = machine.audit().remove(0);
    for name in ["role_arn", "provider_arn", "assumed_role_arn", "duration_asked", "duration_granted", "access_key_id"]
    {
        assert_eq!(record[name], given[name], "{name}");
    }
    assert_eq!(record["sts_request_id"], given["request_id"]);
    assert_eq!(record["reason"], "count objects");
    assert_eq!(record["session_name"], "ada@example.com");
    assert_eq!(record["source_identity"], "ada@example.com");
    assert_eq!(record["tags"]["Team"], "storage");
    assert_eq!(record["assertion_sha256"].as_str().unwrap().len(), 64);
    let text = record.to_string();
    for secret in
        [given["secret_access_key"].as_str().unwrap(), given["session_token"].as_str().unwrap(), "correct horse"]
    {
        assert!(!text.contains(secret) && !ran.stderr.contains(secret));
    }
}

#[test]
fn inspect() {
    let machine = Machine::alone();
    let file = |name: &str| vectors::folder().join("read").join(name).to_str().unwrap().to_owned();
    let inspect =
        |name: &str, rest: &str| machine.run(&format!("inspect {} --at 2026-11-24T10:01:00Z {rest}", file(name)));
    snapshot!("inspect", inspect("tags.xml", ""));
    snapshot!("inspect-json", inspect("okta.xml", "--output json"));
    snapshot!("inspect-problems", inspect("wrong-attribute-names.xml", ""));
    snapshot!("inspect-failed", inspect("failed.xml", ""));
    snapshot!("inspect-dtd", inspect("dtd.xml", ""));
    snapshot!("inspect-dtd-json", inspect("dtd.xml", "--output json"));
    snapshot!("inspect-cut-off", inspect("cut-off-base64.txt", ""));
    snapshot!("inspect-no-file", machine.run("inspect /nowhere/response.xml"));
    let page = std::fs::read(file("page.html")).unwrap();
    let ran = machine.run_words(&["inspect", "-", "--output", "json"], &page);
    assert_eq!(ran.code, 0);
    let long = std::fs::read_to_string(file("okta.xml")).unwrap().replace("ada@example.com", &"a".repeat(60_000));
    let ran = machine.run_with("inspect --output json", &long);
    assert!(ran.stdout.contains("\"code\": \"too_long\""), "{ran}");
    let large = machine.run_words(&["inspect"], &vec![b'A'; 50 << 20]);
    snapshot!("inspect-50-mb", large);
}

#[test]
fn inspect_and_verify() {
    let machine = Machine::alone();
    let folder = vectors::folder().join("verify");
    let verify = |name: &str, key: &str, rest: &str| {
        let vector =
            vectors::signed().into_iter().find(|vector| vector.file.ends_with(format!("{name}.vector"))).unwrap();
        let line = format!("inspect --at 2026-11-24T10:01:00Z --verify {} {rest}", folder.join(key).display());
        machine.run_with(&line, &vector.document)
    };
    snapshot!("verify", verify("both", "metadata.xml", ""));
    snapshot!("verify-json", verify("assertion", "rsa.pem", "--output json"));
    snapshot!("verify-changed", verify("changed-role", "rsa.pem", ""));
    snapshot!("verify-other-key", verify("attacker-key-info", "rsa.pem", ""));
    snapshot!("verify-wrapped", verify("signature-moved-to-response", "rsa.pem", ""));
    assert_eq!(verify("sha1", "rsa.pem", "").code, 27);
    assert_eq!(verify("sha1", "rsa.pem", "--allow-sha1").code, 0);
    assert_eq!(verify("expired-certificate", "expired.pem", "--allow-expired-certificate").code, 0);
    assert_eq!(verify("short-rsa", "short.pem", "--allow-short-rsa").code, 0);
    let own = "--audience urn:other --recipient https://signin.aws.amazon.com/saml";
    assert_eq!(verify("other-audience", "rsa.pem", own).code, 0);
    assert_eq!(verify("both", "rsa.pem", own).code, 28);
    snapshot!("verify-no-key", verify("both", "../README.md", ""));
}

#[test]
fn text_from_elsewhere_cannot_act_on_the_terminal() {
    let machine = Machine::alone();
    let xml = "<Assertion xmlns='urn:oasis:names:tc:SAML:2.0:assertion' ID='a&#x202e;b'><Issuer>x&#x9b;31mred</Issuer></Assertion>";
    let ran = machine.run_with("inspect", xml);
    assert!(ran.stdout.contains(r"a\u{202e}b") && ran.stdout.contains(r"x\u{9b}31mred"), "{ran}");
}

#[test]
fn an_identity_provider_cannot_write_lines_of_its_own() {
    let machine = Machine::alone();
    let status = |message: &str| {
        format!(
            "<p:Response xmlns:p='urn:oasis:names:tc:SAML:2.0:protocol'><p:Status><p:StatusCode Value='x:Responder'/>\
             <p:StatusMessage>{message}</p:StatusMessage></p:Status></p:Response>"
        )
    };
    let ran = machine.run_with("roles --source -", &status("no\nhint: run this"));
    snapshot!("injected-line", ran);
    let ran = machine.run_with("roles --source -", &status(&"x".repeat(100_000)));
    assert!(ran.stderr.len() < 1_000, "{}", ran.stderr.len());
    let large = machine.run_with("inspect", &format!("<a></{}>", "x".repeat(1_000_000)));
    assert!(large.stderr.len() < 1_000, "{}", large.stderr.len());
}

#[test]
fn a_secret_in_the_wrong_place_is_not_repeated() {
    let machine = Machine::alone();
    for source in [
        "command:idp --password 's3cret",
        "https://me:s3cret@acme.okta.com:99999/x",
        "s3cret-and-much-more-of-it-pasted",
    ] {
        let ran = machine.run_words(&["roles", "--source", source], b"");
        assert_eq!(ran.code, 2, "{ran}");
        assert!(
            !ran.stderr.contains("s3cret'") && !ran.stderr.contains("s3cret@") && !ran.stderr.contains("pasted"),
            "{ran}"
        );
    }
}

#[test]
fn a_wrong_password() {
    let (_sandbox, machine) = demo();
    let ran = machine.run_with(&format!("login {ALAN}"), "wrong\n");
    snapshot!("wrong-password", ran);
    check_nothing_given(&machine, &ran, "authentication_failed");
}

#[test]
fn a_code_and_nobody_to_ask() {
    let (_sandbox, machine) = demo();
    let ran = machine.run_with("login --username grace@example.com --password-stdin", "battery staple\n");
    snapshot!("no-terminal", ran);
    check_nothing_given(&machine, &ran, "interaction_required");
}

#[test]
fn a_push_that_is_rejected_and_one_that_times_out() {
    for (name, answer, kind) in [
        ("push-rejected", PushAnswer::Reject, "factor_failed"),
        ("push-timed-out", PushAnswer::Timeout, "deadline_exceeded"),
    ] {
        let (_sandbox, machine) = with(|world| {
            let factor = world.user_mut("ada@example.com").unwrap().factors.first_mut().unwrap();
            (factor.push.answer, factor.push.after_polls) = (answer, 0);
        });
        let ran = ada(&machine, "login --role 1");
        let mut settings = insta::Settings::clone_current();
        settings.set_prepend_module_to_snapshot(false);
        settings.bind(|| insta::assert_snapshot!(name, ran.to_string()));
        check_nothing_given(&machine, &ran, kind);
    }
}

#[test]
fn a_locked_account() {
    let (_sandbox, machine) = with(|world| world.user_mut("alan@example.com").unwrap().status = UserStatus::LockedOut);
    let ran = alan(&machine, "login");
    snapshot!("locked-account", ran);
    check_nothing_given(&machine, &ran, "account_locked");
}

#[test]
fn no_roles_one_that_is_not_offered_and_several() {
    let (_sandbox, machine) = with(|world| world.user_mut("alan@example.com").unwrap().roles.clear());
    let ran = alan(&machine, "login");
    snapshot!("no-roles", ran);
    check_nothing_given(&machine, &ran, "no_roles");

    let (_sandbox, machine) = demo();
    let ran = ada(&machine, "login --role Migraton");
    snapshot!("role-not-offered", ran);
    check_nothing_given(&machine, &ran, "role_not_offered");
    let ran = ada(&machine, "login --role ReadOnly --output json");
    snapshot!("role-ambiguous-json", ran);
    check_nothing_given(&machine, &ran, "role_ambiguous");
}

#[test]
fn an_expired_assertion() {
    let (sandbox, mut machine) = demo();
    let claims = sandbox.claims_of("alan@example.com").unwrap();
    let file = machine.home().join("response.txt");
    std::fs::write(&file, sandbox.mint(&claims).unwrap()).unwrap();
    machine.set("TEMPACCESS_SOURCE", format!("file:{}", file.display()));
    assert_eq!(machine.run("login").code, 0);
    sandbox.clock().advance(SignedDuration::from_mins(6));
    let ran = machine.run("login");
    snapshot!("expired-assertion", ran);
    check_nothing_given(&machine, &ran, "assertion_expired");
}

#[test]
fn a_clock_ten_minutes_off() {
    let (sandbox, machine) = demo();
    sandbox.clock().advance(SignedDuration::from_mins(10));
    let ran = alan(&machine, "login");
    assert_eq!(ran.code, 0);
    assert!(ran.stdout.contains("(1h)"), "{ran}");
    assert!(ran.stdout.contains("note: this machine's clock is 10m behind AWS's; set the clock"), "{ran}");
}

#[test]
fn a_policy_that_is_too_long_is_refused_before_anything_is_sent() {
    let (sandbox, machine) = demo();
    let file = machine.home().join("policy.json");
    let action = format!("s3:{}", "x".repeat(2048));
    std::fs::write(&file, format!(r#"{{"Statement":[{{"Action":"{action}"}}]}}"#)).unwrap();
    let ran = alan(&machine, &format!("login --policy {}", file.display()));
    snapshot!("policy-too-long", ran);
    assert!(sandbox.requests().is_empty());
}

#[test]
fn an_sts_that_is_down_and_one_that_throttles() {
    let (sandbox, machine) = demo();
    (0..4).for_each(|_| sandbox.fail_next(Service::Sts, Fault::ErrorPage(503)));
    let ran = alan(&machine, "login");
    snapshot!("sts-down", ran);
    check_nothing_given(&machine, &ran, "sts_unavailable");
    (0..4).for_each(|_| sandbox.fail_next(Service::Sts, Fault::Throttling));
    let ran = alan(&machine, "login");
    snapshot!("sts-throttled", ran);
    check_nothing_given(&machine, &ran, "sts_throttled");
    let mut machine = Machine::at(&sandbox);
    machine.set("AWS_ENDPOINT_URL_STS", format!("http://127.0.0.1:{}", parts::free_port()));
    let ran = alan(&machine, "login");
    snapshot!("sts-not-there", ran);
    check_nothing_given(&machine, &ran, "network");
}

#[test]
fn an_audit_log_that_cannot_be_written_hands_nothing_out() {
    let (sandbox, machine) = demo();
    let ran = alan(&machine, "credentials --output env --audit-log /proc/audit.jsonl");
    snapshot!("audit-not-writable", ran);
    assert!(sandbox.requests().is_empty());
    // The disk fills up between the check and the record.
    let ran = alan(&machine, "credentials --output env --audit-log /dev/full");
    snapshot!("audit-disk-full", ran);
}

#[test]
fn settings_that_make_no_sense() {
    let mut machine = Machine::alone();
    snapshot!("no-source", machine.run("login"));
    snapshot!("source-unknown", machine.run("login --source okta"));
    snapshot!("source-not-encrypted", machine.run("login --source http://acme.okta.com/home/amazon_aws/x/272"));
    snapshot!("duration-too-short", machine.run("login --duration 5m"));
    let config = machine.home().join("config.toml");
    std::fs::write(&config, "[profiles.default]\nsorce = '-'\n").unwrap();
    machine.set("TEMPACCESS_CONFIG", config.to_str().unwrap());
    snapshot!("config-unknown-key", machine.run("login"));
    snapshot!("usage", machine.run("exec"));
}

#[test]
fn a_profile_with_a_password_command_needs_no_argument() {
    let (sandbox, mut machine) = demo();
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let text = format!(
        "[profiles.work]\nsource = '{}'\nsts_endpoint_url = '{}'\nusername = 'alan@example.com'\npassword_command = 'printf bombe'\nduration = '20m'\n",
        sandbox.app_url(),
        sandbox.sts_url()
    );
    std::fs::write(config, text).unwrap();
    machine.set("TEMPACCESS_SOURCE", "");
    machine.set("AWS_ENDPOINT_URL_STS", "");
    let ran = machine.run("login --profile work");
    assert_eq!(ran.code, 0, "{ran}");
    assert!(ran.stdout.contains("(20m)"), "{ran}");
    assert_eq!(machine.run("login --profile wrok").code, 3);
}

#[test]
fn a_program_signs_in_with_a_password_that_was_corrected() {
    let (sandbox, mut machine) = demo();
    let password = machine.home().join("password");
    let config = machine.home().join(".config/tempaccess/config.toml");
    std::fs::create_dir_all(config.parent().unwrap()).unwrap();
    let command = format!("password_command = \"cat '{}'\"\nusername = 'alan@example.com'\n", password.display());
    std::fs::write(config, format!("[profiles.default]\n{command}")).unwrap();
    machine.set("TEMPACCESS_STORE", "file");
    let sent = || sandbox.requests().iter().filter(|request| request.what.ends_with("/authn")).count();
    for (content, code, count) in [("stale", 10, 1), ("stale", 10, 1), ("older", 10, 2), ("bombe", 0, 3)] {
        std::fs::write(&password, content).unwrap();
        let ran = machine.run("credentials --output credential-process");
        assert_eq!((ran.code, sent()), (code, count), "{content}: {ran}");
        assert!(!ran.stderr.contains("programs do not try again"), "{content}: {ran}");
    }
}

#[test]
fn a_command_as_the_source() {
    let (sandbox, mut machine) = demo();
    let claims = sandbox.claims_of("alan@example.com").unwrap();
    let file = machine.home().join("my response.txt");
    std::fs::write(&file, sandbox.mint(&claims).unwrap()).unwrap();
    machine.set("TEMPACCESS_SOURCE", format!("command:cat '{}'", file.display()));
    assert_eq!(machine.run("login").code, 0);
    machine.set("TEMPACCESS_SOURCE", "command:false");
    snapshot!("command-failed", machine.run("login"));
    machine.set("TEMPACCESS_SOURCE", "command:no-such-program");
    assert_eq!(machine.run("login").code, 4);
}

#[test]
fn an_encrypted_assertion_needs_the_role_and_the_provider_by_name() {
    let (_sandbox, mut machine) = demo();
    let file = vectors::folder().join("read/encrypted.xml");
    machine.set("TEMPACCESS_SOURCE", format!("file:{}", file.display()));
    snapshot!("encrypted", machine.run("login"));
    // With both named it goes to STS as it is, and STS has the last word.
    let named =
        "login --role arn:aws:iam::111122223333:role/ReadOnly --provider arn:aws:iam::111122223333:saml-provider/Okta";
    let ran = machine.run(named);
    assert_eq!(ran.code, 42, "{ran}");
}

#[test]
fn an_okta_that_is_silent() {
    let (sandbox, machine) = demo();
    sandbox.fail_next(Service::Okta, Fault::Silence(Duration::ZERO));
    let ran = alan(&machine, "login");
    snapshot!("okta-gateway-timeout", ran);
}
