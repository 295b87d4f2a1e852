//! What leaves this machine: plain HTTP never does, and what is meant for this machine goes to no proxy and to no DNS.

use tempaccess_core::net::{HttpTransport, Transport, TransportErrorKind};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::canned::{self, Answer};
use tempaccess_tests::cli::Machine;
use tempaccess_tests::{ada, proxy};

/// A machine whose variables name a proxy for everything. `NO_PROXY` is set as given.
fn behind_a_proxy(machine: &mut Machine, port: u16, no_proxy: Option<&str>) {
    for name in ["HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"] {
        machine.set(name, format!("http://127.0.0.1:{port}"));
        machine.set(&name.to_lowercase(), format!("http://127.0.0.1:{port}"));
    }
    if let Some(no_proxy) = no_proxy {
        machine.set("NO_PROXY", no_proxy);
        machine.set("no_proxy", no_proxy);
    }
}

#[test]
fn a_sign_in_on_this_machine_goes_to_no_proxy() {
    for no_proxy in [None, Some(""), Some("example.com")] {
        let (_sandbox, mut machine) = ada::demo();
        let (port, asked) = proxy::start();
        behind_a_proxy(&mut machine, port, no_proxy);
        let ran = ada::login(&machine, "");
        assert_eq!(ran.code, 0, "{ran}");
        let ran = machine.run("console --print --no-interactive");
        // The console is AWS's own: that one does go through the proxy, encrypted.
        assert_eq!(ran.code, 5, "{ran}");
        let asked = asked.lock().unwrap();
        assert!(asked.iter().all(|line| line.starts_with("CONNECT signin.aws.amazon.com:443 ")), "{asked:?}");
    }
}

#[test]
fn localhost_goes_to_no_proxy_in_any_spelling() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let response = sandbox.mint(&sandbox.claims_of("ada@example.com").unwrap()).unwrap();
    let address = canned::serve(|| Answer::good().xml("AssumeRoleWithSAML"));
    let port_of_sts = address.rsplit_once(':').unwrap().1;
    for host in ["localhost", "LocalHost", "127.0.0.1", "127.1", "2130706433"] {
        let (port, asked) = proxy::start();
        let mut machine = Machine::alone();
        behind_a_proxy(&mut machine, port, Some(""));
        machine.set("AWS_ENDPOINT_URL_STS", format!("http://{host}:{port_of_sts}"));
        let ran = machine.run_with("login --source - --role 1", &response);
        assert_eq!(ran.code, 0, "{host}: {ran}");
        assert!(asked.lock().unwrap().is_empty(), "{host}: {asked:?}");
    }
}

#[test]
fn names_below_localhost_are_refused_before_anything_is_sent() {
    let (port, asked) = proxy::start();
    let mut machine = Machine::alone();
    behind_a_proxy(&mut machine, port, Some(""));
    for host in ["app.localhost", "localhost.", "localhost.example.com", "0.0.0.0", "[::ffff:127.0.0.1]", "128.0.0.1"] {
        let line =
            format!("login --source http://{host}:{port}/home/amazon_aws/x/272 --password-stdin --no-interactive");
        let ran = machine.run_with(&format!("{line} --username ada"), "correct horse\n");
        assert_eq!(ran.code, 2, "{ran}");
        assert!(ran.stderr.contains("must begin with `https://`"), "{ran}");
        assert!(ran.stderr.contains("accepted for `localhost`, `127.0.0.1` and `[::1]` only"), "{ran}");
        machine.set("AWS_ENDPOINT_URL_STS", format!("http://{host}:{port}"));
        let ran = machine.run_with("login --source - --role 1", "<Response/>");
        assert_eq!(ran.code, 2, "{ran}");
        machine.set("AWS_ENDPOINT_URL_STS", "");
    }
    assert!(asked.lock().unwrap().is_empty(), "{asked:?}");
}

/// A system whose hosts file, and with it its resolver, sends `localhost` elsewhere. Needs root for the mount.
#[cfg(target_os = "linux")]
#[test]
fn localhost_is_not_resolved() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let response = sandbox.mint(&sandbox.claims_of("ada@example.com").unwrap()).unwrap();
    let address = canned::serve(|| Answer::good().xml("AssumeRoleWithSAML"));
    let mut machine = Machine::alone();
    machine.set("AWS_ENDPOINT_URL_STS", address.replace("127.0.0.1", "localhost"));
    let folder = tempfile::tempdir().unwrap();
    let at = |name: &str| folder.path().join(name).display().to_string();
    // 192.0.2.1 is an address for documentation, where nobody answers (RFC 5737).
    std::fs::write(at("hosts"), "192.0.2.1 localhost\n").unwrap();
    std::fs::write(at("response"), response).unwrap();
    let isolated = |script: &str| {
        let script = format!("mount --bind '{}' /etc/hosts && {script}", at("hosts"));
        machine.program("unshare").args(["--mount", "sh", "-c", &script]).output().unwrap()
    };
    let resolved = isolated("getent hosts localhost");
    if !resolved.status.success() {
        let error = String::from_utf8_lossy(&resolved.stderr).trim().replace('\n', " ");
        tempaccess_tests::parts::skip(&format!("this user cannot mount files: {error}"));
        return;
    }
    assert!(resolved.stdout.starts_with(b"192.0.2.1"), "{resolved:?}");
    let binary = tempaccess_tests::cli::binary().display().to_string();
    let ran = isolated(&format!("timeout 60 '{binary}' login --source 'file:{}' --role 1", at("response")));
    assert!(ran.status.success(), "{ran:?}");
}

#[tokio::test]
async fn plain_http_does_not_leave_this_machine() {
    let transport = HttpTransport::default();
    for url in ["http://192.0.2.1/", "http://acme.okta.com/", "http://app.localhost/", "http://[2001:db8::1]/"] {
        let request = http::Request::post(url).body(b"s3cret".to_vec()).unwrap();
        let error = transport.send(request).await.unwrap_err();
        assert_eq!(error.kind, TransportErrorKind::Request, "{error}");
        assert!(error.message.starts_with("only `https` leaves this machine"), "{error}");
    }
}
