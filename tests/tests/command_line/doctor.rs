//! `doctor`: every step of the way as it should be, and each of them as it should not.

use serde_json::Value;
use tempaccess_sandbox::{Claims, Sandbox, World};
use tempaccess_tests::ada::json;
use tempaccess_tests::cli::{Machine, Ran};
use tempaccess_tests::proxy;

const ALAN: &str = "--username alan@example.com --password-stdin --no-interactive";

fn doctor(machine: &Machine, rest: &str) -> Ran {
    machine.run_with(&format!("doctor {ALAN} {rest}"), "bombe\n")
}

/// How a step went, from the JSON.
fn step<'d>(diagnosis: &'d Value, name: &str) -> &'d Value {
    let findings = diagnosis["findings"].as_array().unwrap();
    findings.iter().find(|finding| finding["step"] == name).unwrap_or_else(|| panic!("{name}: {diagnosis:#}"))
}

#[test]
fn a_sign_in_that_works() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let machine = Machine::at(&sandbox);
    let ran = doctor(&machine, "");
    let place = |text: &str| {
        text.replace(&machine.home().display().to_string(), "~").replace(&sandbox.sts_url(), "http://127.0.0.1:STS")
    };
    assert_eq!(ran.code, 0, "{ran}");
    insta::assert_snapshot!(place(&ran.stdout));
    let ran = doctor(&machine, "--output json");
    let diagnosis = json(&ran);
    assert_eq!(diagnosis["healthy"], true);
    assert_eq!(diagnosis["findings"].as_array().unwrap().len(), 10);
    // A support ticket is read by many.
    let told = format!("{}{}", ran.stdout, ran.stderr);
    for secret in ["bombe", "SAMLResponse", "sid=", "DI0"] {
        assert!(!told.contains(secret), "{told}");
    }
    // Nothing was handed out.
    assert!(!sandbox.requests().iter().any(|request| request.what.contains("AssumeRole")));
}

#[test]
fn each_step_that_fails_says_what_to_change_and_who_can() {
    type Change = fn(&mut Machine);
    let cases: [(Change, &str, &str, &str, i32); 6] = [
        (|machine| machine.set("TEMPACCESS_SOURCE", ""), "configuration", "no source is configured", "you", 2),
        (
            |machine| machine.set("TEMPACCESS_STORE_DIR", "/proc/nowhere"),
            "store",
            "/proc/nowhere",
            "machine_administrator",
            4,
        ),
        (
            |machine| machine.set("TEMPACCESS_AUDIT_LOG", "/proc/nowhere/audit.jsonl"),
            "audit",
            "/proc/nowhere",
            "machine_administrator",
            60,
        ),
        (|machine| machine.set("AWS_CA_BUNDLE", "/nowhere/ca.pem"), "network", "CA file", "you", 3),
        (
            |machine| machine.set("TEMPACCESS_SOURCE", "http://127.0.0.1:9/home/amazon_aws/0oa1/272"),
            "identity_provider",
            "no connection to `127.0.0.1`",
            "machine_administrator",
            5,
        ),
        (
            |machine| machine.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9"),
            "sts",
            "no connection to `http://127.0.0.1:9`",
            "machine_administrator",
            5,
        ),
    ];
    for (change, name, words, who, code) in cases {
        let sandbox = Sandbox::start(World::demo()).unwrap();
        let mut machine = Machine::at(&sandbox);
        change(&mut machine);
        let ran = doctor(&machine, "--output json");
        let diagnosis = json(&ran);
        let found = step(&diagnosis, name);
        assert_eq!(found["outcome"], "failed", "{diagnosis:#}");
        assert!(found["message"].as_str().unwrap().contains(words), "{found:#}");
        assert_eq!(found["who"], who, "{found:#}");
        assert_eq!(diagnosis["healthy"], false);
        assert_eq!(ran.code, code, "{ran}");
    }
}

#[test]
fn what_the_identity_provider_has_to_fix() {
    // The sign-in.
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let machine = Machine::at(&sandbox);
    let ran = machine.run_with(&format!("doctor {ALAN} --output json"), "wrong\n");
    assert_eq!((ran.code, &step(&json(&ran), "sign_in")["kind"]), (10, &Value::from("authentication_failed")), "{ran}");
    // The policy of the AWS app.
    let mut world = World { pipeline: "idx".to_owned(), ..World::demo() };
    world.clients[0].device_authorization = false;
    let sandbox = Sandbox::start(world).unwrap();
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_CLIENT_ID", sandbox.world().clients[0].id.clone());
    let diagnosis = json(&machine.run("doctor --output json"));
    let found = step(&diagnosis, "sign_in");
    assert!(found["hint"].as_str().unwrap().contains("Grant type"), "{found:#}");
    assert_eq!(found["who"], "identity_provider_administrator");
    assert!(step(&diagnosis, "identity_provider")["message"].as_str().unwrap().contains("has the Identity Engine"));
    // The assertion: each thing that AWS would refuse.
    let change = |mut claims: Claims| {
        claims.audience = "urn:example".to_owned();
        claims.attributes.retain(|(name, _)| !name.ends_with("RoleSessionName"));
        claims
    };
    let sandbox = Sandbox::builder(World::demo()).mint(change).start().unwrap();
    let diagnosis = json(&doctor(&Machine::at(&sandbox), "--output json"));
    let failed = diagnosis["findings"].as_array().unwrap().iter().filter(|finding| finding["outcome"] == "failed");
    let steps: Vec<_> = failed.map(|finding| finding["step"].as_str().unwrap()).collect();
    assert_eq!(steps, ["assertion", "assertion"]);
    // The role.
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let ran = doctor(&Machine::at(&sandbox), "--role Admin --output json");
    assert_eq!((ran.code, &step(&json(&ran), "roles")["kind"]), (31, &Value::from("role_not_offered")));
}

#[test]
fn without_a_sign_in_nobody_is_asked() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let ran = Machine::at(&sandbox).run("doctor --no-sign-in --no-interactive --output json");
    assert_eq!(ran.code, 0, "{ran}");
    for name in ["sign_in", "assertion", "roles"] {
        assert_eq!(step(&json(&ran), name)["outcome"], "skipped");
    }
}

#[test]
fn a_clock_that_is_wrong_is_noticed() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    sandbox.clock().advance(jiff::SignedDuration::from_mins(-20));
    let diagnosis = json(&doctor(&Machine::at(&sandbox), "--no-sign-in --output json"));
    let found = step(&diagnosis, "clock");
    assert_eq!(found["outcome"], "warning", "{found:#}");
    assert_eq!(found["message"], "this machine's clock is 20m ahead of AWS's");
}

#[test]
fn proxies_are_taken_from_variables_in_either_case() {
    for name in ["HTTPS_PROXY", "https_proxy"] {
        let (port, asked) = proxy::start();
        let mut machine = Machine::alone();
        machine.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
        machine.set("TEMPACCESS_SOURCE", "https://acme.example.com/home/amazon_aws/0oa1/272");
        machine.set(name, format!("http://ada:s3cret@127.0.0.1:{port}"));
        let ran = doctor(&machine, "--output json");
        assert!(asked.lock().unwrap().contains(&"CONNECT acme.example.com:443 HTTP/1.1".to_owned()), "{ran}");
        let shown = step(&json(&ran), "network")["message"].as_str().unwrap().to_owned();
        assert_eq!(shown, format!("{name}=http://127.0.0.1:{port}/"));
        assert!(!ran.stdout.contains("s3cret"), "{ran}");
        // And around it, where that is said.
        for name in ["NO_PROXY", "no_proxy"] {
            asked.lock().unwrap().clear();
            let sandbox = Sandbox::start(World::demo()).unwrap();
            let mut machine = Machine::at(&sandbox);
            machine.set("ALL_PROXY", format!("http://127.0.0.1:{port}"));
            machine.set(name, "127.0.0.1");
            assert_eq!(doctor(&machine, "").code, 0);
            assert_eq!(*asked.lock().unwrap(), Vec::<String>::new());
        }
    }
}

#[test]
fn private_cas_are_taken_from_variables_in_either_case() {
    for name in ["ssl_cert_file", "aws_ca_bundle", "SSL_CERT_FILE", "AWS_CA_BUNDLE"] {
        let mut machine = Machine::alone();
        machine.set("AWS_ENDPOINT_URL_STS", "http://127.0.0.1:9");
        machine.set("TEMPACCESS_SOURCE", "https://acme.example.com/home/amazon_aws/0oa1/272");
        machine.set(name, "/nowhere/ca.pem");
        let ran = doctor(&machine, "--output json");
        assert!(step(&json(&ran), "network")["message"].as_str().unwrap().contains("/nowhere/ca.pem"), "{ran}");
    }
}
