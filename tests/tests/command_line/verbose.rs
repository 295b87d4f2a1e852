//! `-v`: the steps and requests of a sign-in, and no secret among them.

use tempaccess_tests::ada::{demo, json, login};

#[test]
fn steps_and_requests_are_shown_when_asked_for() {
    let (_sandbox, machine) = demo();
    let quiet = login(&machine, "");
    assert_eq!(quiet.code, 0, "{quiet}");
    assert!(!quiet.stderr.contains("sign_in"), "{quiet}");
    let steps = login(&machine, "--force -v");
    for step in ["sign_in{source=", "exchange{role=arn:aws:iam::111122223333:role/ReadOnly}", "audit", "store"] {
        assert!(steps.stderr.contains(step), "{step}: {steps}");
    }
    assert!(!steps.stderr.contains("answer method="), "{steps}");
    let requests = login(&machine, "--force -vv");
    assert!(requests.stderr.contains("answer method=POST host=\"127.0.0.1\" status=200"), "{requests}");
    let failed = machine.run_with("login --force -v --password-stdin --no-interactive", "wrong\n");
    assert!(
        failed.stderr.contains("failed milliseconds=") && failed.stderr.contains("authentication_failed"),
        "{failed}"
    );
}

#[test]
fn the_environment_asks_too_and_nothing_has_a_secret() {
    let (_sandbox, mut machine) = demo();
    for level in ["trace", "tempaccess=debug", "hyper=trace,reqwest=trace,aws_smithy_runtime=trace,tempaccess=trace"] {
        machine.set("RUST_LOG", level);
        let shown = login(&machine, "--force -vv");
        assert_eq!(shown.code, 0, "{shown}");
        assert!(shown.stderr.contains("exchange"), "{level}: {shown}");
        let credentials = machine.run("credentials --output json");
        let keys = json(&credentials);
        let cached = machine.entries();
        let mut secrets = vec!["correct horse".to_owned(), "SAMLResponse".to_owned(), "sessionToken".to_owned()];
        secrets
            .extend(["secret_access_key", "session_token"].map(|name| keys[name].as_str().unwrap_or("?").to_owned()));
        secrets.extend(cached.iter().filter_map(|(_, entry)| entry["secret"].as_str().map(str::to_owned)));
        for secret in &secrets {
            assert!(!shown.stderr.contains(secret) && !credentials.stderr.contains(secret), "{level}: {secret}");
        }
    }
    machine.set("RUST_LOG", "hyper=trace");
    let others = login(&machine, "--force");
    assert!(!others.stderr.contains("exchange") && !others.stderr.contains("hyper"), "{others}");
}
