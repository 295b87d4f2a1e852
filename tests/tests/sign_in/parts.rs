//! Servers and clients that we did not write keep the doubles honest, and us.

use std::path::Path;
use std::process::{Command, Output, Stdio};

use serde_json::Value;
use tempaccess_sandbox::{Provider, Sandbox, World};
use tempaccess_tests::aws_clients::aws_clis;
use tempaccess_tests::browse;
use tempaccess_tests::cli::Machine;
use tempaccess_tests::parts::{self, Server};

const ALAN: &str = "--username alan@example.com --password-stdin --no-interactive";
const PRINCIPAL: &str = "arn:aws:sts::111122223333:assumed-role/ReadOnly/alan@example.com";

fn output(command: &mut Command) -> Output {
    command.stdin(Stdio::null()).output().expect("the program runs")
}

fn json(command: &mut Command) -> Value {
    let output = output(command);
    serde_json::from_slice(&output.stdout).unwrap_or_else(|error| {
        panic!("{error}: {}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
    })
}

/// A program with nothing of this machine's environment.
fn clean(program: impl AsRef<Path>, home: &Path) -> Command {
    let mut command = Command::new(program.as_ref());
    let path = std::env::var_os("PATH").unwrap_or_default();
    command.env_clear().env("PATH", path).env("HOME", home).env("AWS_DEFAULT_REGION", "us-east-1");
    command
}

/// Alan's credentials, as the AWS CLI and the SDKs read them from the environment.
fn with_credentials(command: &mut Command, machine: &Machine) {
    let ran = machine.run_with(&format!("credentials --output json {ALAN}"), "bombe\n");
    let given: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
    for (variable, name) in [
        ("AWS_ACCESS_KEY_ID", "access_key_id"),
        ("AWS_SECRET_ACCESS_KEY", "secret_access_key"),
        ("AWS_SESSION_TOKEN", "session_token"),
    ] {
        command.env(variable, given[name].as_str().unwrap());
    }
}

#[test]
fn the_aws_cli_uses_what_is_given_out_and_gets_the_same_answer_from_sts() {
    for aws in aws_clis() {
        let sandbox = Sandbox::start(World::demo()).unwrap();
        let machine = Machine::at(&sandbox);
        let aws = |arguments: &[&str]| {
            let mut command = clean(&aws, machine.home());
            command.args(["--endpoint-url", &sandbox.sts_url(), "--output", "json", "sts"]).args(arguments);
            command
        };
        let mut who = aws(&["get-caller-identity"]);
        with_credentials(&mut who, &machine);
        assert_eq!(json(&mut who)["Arn"], PRINCIPAL);

        let claims = sandbox.claims_of("alan@example.com").unwrap();
        let assertion = sandbox.mint(&claims).unwrap();
        let theirs = json(&mut aws(&[
            "assume-role-with-saml",
            "--role-arn=arn:aws:iam::111122223333:role/ReadOnly",
            "--principal-arn=arn:aws:iam::111122223333:saml-provider/Okta",
            &format!("--saml-assertion={assertion}"),
        ]));
        assert_eq!(theirs["AssumedRoleUser"]["Arn"], PRINCIPAL);
        assert_eq!(theirs["Audience"], "https://signin.aws.amazon.com/saml");
        let ours = machine.audit().remove(0);
        assert_eq!(ours["assumed_role_arn"], theirs["AssumedRoleUser"]["Arn"]);
        assert_eq!(ours["assumed_role_id"], theirs["AssumedRoleUser"]["AssumedRoleId"]);
        assert_eq!((&ours["subject"], &ours["issuer"]), (&theirs["Subject"], &theirs["Issuer"]));

        // A signature over other bytes is invalid, and so is a session that has ended.
        let mut forged = aws(&["get-caller-identity"]);
        with_credentials(&mut forged, &machine);
        forged.env("AWS_SECRET_ACCESS_KEY", "0000000000000000000000000000000000000000");
        assert!(String::from_utf8_lossy(&output(&mut forged).stderr).contains("SignatureDoesNotMatch"));
        let mut ended = aws(&["get-caller-identity"]);
        with_credentials(&mut ended, &machine);
        sandbox.clock().advance(jiff::SignedDuration::from_hours(2));
        assert!(String::from_utf8_lossy(&output(&mut ended).stderr).contains("ExpiredToken"));
    }
}

#[test]
fn boto3_uses_a_credential_process() {
    let Some(python) = parts::python() else { return };
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let machine = Machine::at(&sandbox);
    let password = machine.home().join("password");
    std::fs::write(&password, "bombe\n").unwrap();
    let process = format!(
        "{} credentials --output credential-process --no-interactive --username alan@example.com --source {} --sts-endpoint-url {} --password-stdin",
        tempaccess_tests::cli::binary().display(),
        sandbox.app_url(),
        sandbox.sts_url(),
    );
    let script = machine.home().join("process.sh");
    std::fs::write(&script, format!("#!/bin/sh\nexec {process} < {}\n", password.display())).unwrap();
    let config = machine.home().join("aws-config");
    std::fs::write(&config, format!("[default]\ncredential_process = /bin/sh {}\n", script.display())).unwrap();
    let mut command = clean(python, machine.home());
    command.env("AWS_CONFIG_FILE", config).env("AWS_ENDPOINT_URL_STS", sandbox.sts_url());
    command.args(["-c", "import boto3, json; c = boto3.client('sts'); print(json.dumps([c.get_caller_identity()['Arn'], boto3.Session().get_credentials().get_frozen_credentials().account_id]))"]);
    assert_eq!(json(&mut command), serde_json::json!([PRINCIPAL, "111122223333"]));
}

#[test]
fn gimme_aws_creds_signs_in_to_the_sandbox() {
    let Some(gimme) = parts::python_program("gimme-aws-creds") else { return };
    // Without TLS, it asks a Classic Engine org for a device token in vain.
    let world = |pipeline: &str| World { pipeline: pipeline.to_owned(), ..World::demo() };
    let sandboxes =
        [Sandbox::builder(world("idx")), Sandbox::builder(world("idx")).tls(), Sandbox::builder(world("v1")).tls()];
    for sandbox in sandboxes {
        let sandbox = sandbox.start().unwrap();
        let machine = Machine::at(&sandbox);
        let config = format!(
            "[DEFAULT]\nokta_org_url = {}\nokta_auth_server =\nclient_id =\ngimme_creds_server = appurl\naws_appname =\n\
             aws_rolename = arn:aws:iam::111122223333:role/ReadOnly\nwrite_aws_creds = False\ncred_profile = role\n\
             okta_username = alan@example.com\nokta_password = bombe\napp_url = {}\nresolve_aws_alias = False\n\
             preferred_mfa_type =\naws_default_duration = 3600\noutput_format = json\nforce_classic = True\nenable_keychain = False\n",
            sandbox.okta_url(),
            sandbox.app_url()
        );
        std::fs::write(machine.home().join(".okta_aws_login_config"), config).unwrap();
        let mut command = clean(&gimme, machine.home());
        command.env("AWS_ENDPOINT_URL_STS", sandbox.sts_url());
        if let Some(pem) = sandbox.ca_pem() {
            let ca = machine.home().join("ca.pem");
            std::fs::write(&ca, pem).unwrap();
            command.env("REQUESTS_CA_BUNDLE", &ca).env("AWS_CA_BUNDLE", &ca);
        }
        let output = output(&mut command);
        let printed = String::from_utf8_lossy(&output.stdout);
        let given = printed.lines().find_map(|line| serde_json::from_str::<Value>(line).ok());
        let given = given.unwrap_or_else(|| panic!("{printed}{}", String::from_utf8_lossy(&output.stderr)));
        assert!(given["credentials"]["aws_access_key_id"].as_str().unwrap().starts_with("ASIA"));
    }
}

/// Device authorization: the address that it prints is gone to, as a person would.
#[test]
fn gimme_aws_creds_signs_in_over_device_authorization() {
    let Some(gimme) = parts::python_program("gimme-aws-creds") else { return };
    let world = World { pipeline: "idx".to_owned(), ..World::demo() };
    let client = world.clients[0].id.clone();
    let sandbox = Sandbox::start(world).unwrap();
    let machine = Machine::at(&sandbox);
    let config = format!(
        "[DEFAULT]\nokta_org_url = {}\nokta_auth_server =\nclient_id = {client}\ngimme_creds_server = appurl\naws_appname =\n\
         aws_rolename = arn:aws:iam::111122223333:role/ReadOnly\nwrite_aws_creds = False\ncred_profile = role\n\
         okta_username = alan@example.com\napp_url = {}\nresolve_aws_alias = False\npreferred_mfa_type =\n\
         aws_default_duration = 3600\noutput_format = json\nforce_classic = False\nopen_browser = False\nenable_keychain = False\n",
        sandbox.okta_url(),
        sandbox.app_url()
    );
    std::fs::write(machine.home().join(".okta_aws_login_config"), config).unwrap();
    let mut command = clean(gimme, machine.home());
    command.env("AWS_ENDPOINT_URL_STS", sandbox.sts_url()).env("PYTHONUNBUFFERED", "1");
    let mut child = command.stdout(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
    let (told, lines) = std::sync::mpsc::channel();
    for stream in [
        Box::new(child.stdout.take().unwrap()) as Box<dyn std::io::Read + Send>,
        Box::new(child.stderr.take().unwrap()),
    ] {
        let told = told.clone();
        std::thread::spawn(move || {
            let lines = std::io::BufRead::lines(std::io::BufReader::new(stream));
            lines.map_while(Result::ok).for_each(|line| drop(told.send(line)));
        });
    }
    drop(told);
    let mut said = Vec::new();
    for line in lines {
        if let Some((_, code)) = line.split_once("/activate?user_code=") {
            let fields = [("user_code", code.trim()), ("username", "alan@example.com"), ("password", "bombe")];
            let page = format!("{}/activate", sandbox.okta_url());
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
            assert_eq!(runtime.block_on(browse::submit(&page, &fields)).status, 200);
        }
        said.push(line);
    }
    child.wait().unwrap();
    let given = said.iter().find_map(|line| serde_json::from_str::<Value>(line).ok());
    let given = given.unwrap_or_else(|| panic!("{said:#?}"));
    assert!(given["credentials"]["aws_access_key_id"].as_str().unwrap().starts_with("ASIA"));
}

#[test]
fn moto_answers_our_exchange() {
    let Some(moto) = parts::python_program("moto_server") else { return };
    let port = parts::free_port();
    let mut command = Command::new(moto);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    let _server = Server::start(&mut command, port);
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let mut machine = Machine::at(&sandbox);
    machine.set("AWS_ENDPOINT_URL_STS", format!("http://127.0.0.1:{port}"));
    let ran = machine.run_with(&format!("login --output json {ALAN}"), "bombe\n");
    let given: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
    assert_eq!(given["role_arn"], "arn:aws:iam::111122223333:role/ReadOnly");
    assert!((3_590..=3_600).contains(&given["duration_granted"].as_u64().unwrap()), "{given}");
}

/// A key and a certificate of its own for an identity provider, and a sandbox whose STS trusts it.
fn trusting(name: &str, issuer: &str, folder: &Path) -> Option<Sandbox> {
    let python = parts::python()?;
    let make = Command::new(python)
        .arg(tempaccess_tests::workspace().join("tests/parts/make_key.py"))
        .arg(folder)
        .status()
        .expect("python runs");
    assert!(make.success());
    let mut world = World::demo();
    world.providers.push(Provider {
        arn: format!("arn:aws:iam::111122223333:saml-provider/{name}"),
        issuer: Some(issuer.to_owned()),
        certificate: Some(std::fs::read_to_string(folder.join("idp.crt")).unwrap()),
    });
    Some(Sandbox::start(world).unwrap())
}

#[test]
fn simplesamlphp_signs_in_and_sts_takes_it() {
    let packages = "simplesamlphp php-cli php-xml php-mbstring";
    let Some(www) = parts::debian("/usr/share/simplesamlphp/www", packages) else { return };
    let Some(php) = parts::debian("/usr/bin/php", packages) else { return };
    let scratch = tempfile::tempdir().unwrap();
    let issuer = "https://idp.example.com/simplesamlphp";
    let Some(sandbox) = trusting("SimpleSAMLphp", issuer, scratch.path()) else { return };
    let folder = tempaccess_tests::workspace().join("tests/parts");
    let port = parts::free_port();
    let url = format!("http://127.0.0.1:{port}");
    let mut command = Command::new(php);
    command
        .args(["-S", &format!("127.0.0.1:{port}"), "-t"])
        .arg(www)
        .env("SIMPLESAMLPHP_CONFIG_DIR", folder.join("simplesamlphp/config").canonicalize().unwrap())
        .env("TEMPACCESS_SSP", scratch.path())
        .env("TEMPACCESS_SSP_URL", &url)
        .env("TEMPACCESS_SSP_ISSUER", issuer)
        .stdout(Stdio::null())
        .stderr(Stdio::null());
    let _server = Server::start(&mut command, port);

    let mut machine = Machine::at(&sandbox);
    let python = parts::python().unwrap();
    let login = folder.join("simplesamlphp_login.py");
    machine.set(
        "TEMPACCESS_SOURCE",
        format!("command:'{}' '{}' {url} ada 'correct horse'", python.display(), login.display()),
    );
    let ran = machine.run("login --role Migration --output json");
    let given: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
    assert_eq!(given["assumed_role_arn"], "arn:aws:sts::111122223333:assumed-role/Migration/ada@example.com");
    assert_eq!(machine.audit()[0]["issuer"], issuer);
    // A wrong password answers with the sign-in page again, and that is what the person is told.
    machine.set("TEMPACCESS_SOURCE", format!("command:'{}' '{}' {url} ada wrong", python.display(), login.display()));
    let ran = machine.run("login");
    assert_eq!(ran.code, 20, "{ran}");
    assert!(ran.stderr.contains("it is a sign-in page: the sign-in did not finish"), "{ran}");
}

#[test]
fn a_response_of_pysaml2_is_read_and_sts_takes_it() {
    if parts::debian("/usr/bin/xmlsec1", "xmlsec1").is_none() {
        return;
    }
    let scratch = tempfile::tempdir().unwrap();
    let Some(sandbox) = trusting("pysaml2", "https://idp.example.com/pysaml2", scratch.path()) else { return };
    let mint = tempaccess_tests::workspace().join("tests/parts/pysaml2_mint.py");
    let minted = output(Command::new(parts::python().unwrap()).arg(mint).arg(scratch.path()));
    let mut machine = Machine::at(&sandbox);
    machine.set("TEMPACCESS_SOURCE", "-");
    let text = String::from_utf8(minted.stdout).unwrap();
    let ran = machine.run_with("login --output json", &text);
    let given: Value = serde_json::from_str(&ran.stdout).unwrap_or_else(|_| panic!("{ran}"));
    assert_eq!(given["provider_arn"], "arn:aws:iam::111122223333:saml-provider/pysaml2");
    let inspected = machine.run_with("inspect --output json", &text);
    let facts: Value = serde_json::from_str(&inspected.stdout).unwrap();
    assert_eq!(facts["signed"], serde_json::json!({ "response": false, "assertion": true }));
    assert_eq!(facts["problems"], serde_json::json!([]));
}

#[test]
fn a_private_ca_is_trusted_where_it_is_named_and_only_there() {
    let Some(python) = parts::python() else { return };
    let scratch = tempfile::tempdir().unwrap();
    let port = parts::free_port();
    let mut command = Command::new(python);
    command
        .arg(tempaccess_tests::workspace().join("tests/parts/https_server.py"))
        .arg(scratch.path())
        .arg(port.to_string());
    let _server = Server::start(command.stderr(Stdio::null()), port);
    let mut machine = Machine::alone();
    machine.set("TEMPACCESS_SOURCE", format!("https://localhost:{port}/home/amazon_aws/0oa1/272"));
    let login = format!("login {ALAN}");
    let ran = machine.run_with(&login, "bombe\n");
    assert_eq!(ran.code, 5, "{ran}");
    assert!(ran.stderr.contains("invalid peer certificate: UnknownIssuer"), "{ran}");
    assert!(ran.stderr.contains("name its CA file in `AWS_CA_BUNDLE` or `SSL_CERT_FILE`"), "{ran}");
    for variable in ["AWS_CA_BUNDLE", "SSL_CERT_FILE"] {
        let mut machine = Machine::alone();
        machine.set("TEMPACCESS_SOURCE", format!("https://localhost:{port}/home/amazon_aws/0oa1/272"));
        machine.set(variable, scratch.path().join("ca.crt").to_str().unwrap());
        // The connection holds: what is left is that the server is not Okta.
        let ran = machine.run_with(&login, "bombe\n");
        assert!(ran.stderr.contains("unexpected HTTP status 501 from `localhost`"), "{ran}");
    }
    machine.set("AWS_CA_BUNDLE", "/nowhere/ca.crt");
    let ran = machine.run_with(&login, "bombe\n");
    assert_eq!(ran.code, 3, "{ran}");
}
