//! Servers on loopback, and what other users of the machine can do to them.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::Duration;

use tempaccess_core::endpoint::CredentialsEndpoint;
use tempaccess_core::front_end::handoff;
#[cfg(target_os = "linux")]
use tempaccess_core::{
    AssertionSource,
    source::{AssertionRequest, NoPrompter, browser::AcsSource},
};
use tempaccess_sandbox::{Sandbox, World};
#[cfg(target_os = "linux")]
use tempaccess_tests::parts;
use tempaccess_tests::{browse, other_user};

use crate::session::access;

/// Opens a page fifty times over `/dev/tcp`, and closes each connection at once.
fn open_and_close(url: &str) -> String {
    let (host, path) = url.strip_prefix("http://").unwrap().split_once('/').unwrap();
    let (ip, port) = host.split_once(':').unwrap();
    format!(
        "trap '' PIPE; for i in {{1..50}}; do exec 3<>/dev/tcp/{ip}/{port}; \
         printf 'GET /{path} HTTP/1.1\\r\\nHost: {host}\\r\\n\\r\\n' >&3 2>&-; exec 3>&-; echo sent; done"
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn another_user_cannot_use_up_the_page_that_leads_to_the_console() {
    let page = handoff("https://signin.aws.amazon.com/federation?SigninToken=secret".into()).await.unwrap();
    let url = page.url().to_owned();
    let taken = tokio::spawn(page.taken());
    let Some(sent) = other_user::shell(&open_and_close(&url)) else { return };
    assert_eq!(sent.matches("sent").count(), 50);
    let stolen = other_user::shell(&format!("curl -s -o /dev/null -w '%{{http_code}}' '{url}'"));
    assert_eq!(stolen.as_deref(), Some("000"));
    assert!(!taken.is_finished());
    let location = browse::open(&url, None).await.location;
    assert_eq!(location.as_deref(), Some("https://signin.aws.amazon.com/federation?SigninToken=secret"));
    taken.await.unwrap();
}

/// Another user holds two thousand connections open while this user's browser asks.
#[tokio::test(flavor = "multi_thread")]
async fn connections_of_another_user_do_not_get_in_the_way() {
    let page = handoff("https://signin.aws.amazon.com/federation".into()).await.unwrap();
    let url = page.url().to_owned();
    let taken = tokio::spawn(page.taken());
    let host = url.strip_prefix("http://").unwrap().split_once('/').unwrap().0.to_owned();
    let port = host.rsplit_once(':').unwrap().1;
    let script = format!(
        "ulimit -n 4096; for i in {{1..2000}}; do exec {{fd}}<>/dev/tcp/127.0.0.1/{port}; done; echo open; read wait"
    );
    let Some(mut attacker) = other_user::command("bash") else { return };
    let mut attacker = attacker.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().unwrap();
    let mut line = String::new();
    let output = attacker.stdout.take().unwrap();
    std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
    assert_eq!(line, "open\n");
    let answered = tokio::time::timeout(Duration::from_secs(30), browse::open(&url, None)).await;
    assert_eq!(answered.unwrap().status, 302);
    attacker.kill().unwrap();
    attacker.wait().unwrap();
    taken.await.unwrap();
}

/// The other user binds the port first, and shares it: their socket could take the connection of this user's browser.
#[cfg(target_os = "linux")]
#[tokio::test(flavor = "multi_thread")]
async fn a_port_that_another_user_has_a_share_of_is_not_used() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let port = parts::free_port();
    let Some(attacker) = Sharing::start(port) else { return };
    assert!(attacker.has_port, "nobody had the port");
    let refused = CredentialsEndpoint::bind(access(&sandbox, None).0.build(), port).await.unwrap_err();
    assert!(refused.message().contains("in use"), "{refused}");
    let source = AcsSource::new(sandbox.metadata().as_bytes(), &format!("http://127.0.0.1:{port}/saml")).unwrap();
    let refused = source.saml_response(&AssertionRequest::new(&NoPrompter)).await.unwrap_err();
    assert_eq!(refused.message(), format!("another program uses port {port} of this machine"));
    drop(attacker);

    let endpoint = CredentialsEndpoint::bind(access(&sandbox, None).0.build(), port).await.unwrap();
    assert!(!Sharing::start(port).unwrap().has_port, "the port was shared");
    drop(endpoint);
}

/// A program of the other user that shares a port with everybody who lets it.
#[cfg(target_os = "linux")]
struct Sharing {
    program: std::process::Child,
    has_port: bool,
}

#[cfg(target_os = "linux")]
impl Sharing {
    fn start(port: u16) -> Option<Self> {
        let script = format!(
            "import socket, sys\n\
             shared = socket.socket()\n\
             shared.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)\n\
             try:\n    shared.bind(('127.0.0.1', {port}))\n    print('bound', flush=True)\n\
             except OSError as error:\n    print(error, flush=True)\n\
             sys.stdin.read()"
        );
        let mut program = other_user::command("python3")?;
        let program = program.args(["-c", &script]).stdin(Stdio::piped()).stdout(Stdio::piped()).spawn();
        let mut program = program.expect("Python runs");
        let mut line = String::new();
        let output = program.stdout.take().expect("it prints");
        std::io::BufRead::read_line(&mut std::io::BufReader::new(output), &mut line).unwrap();
        Some(Self { program, has_port: line == "bound\n" })
    }
}

#[cfg(target_os = "linux")]
impl Drop for Sharing {
    fn drop(&mut self) {
        let _ = self.program.kill();
        let _ = self.program.wait();
    }
}

/// With a short queue, the connections of another user that wait in it keep this user's out.
#[tokio::test]
async fn hundreds_of_connections_can_wait_to_be_accepted() {
    let sandbox = Sandbox::start(World::demo()).unwrap();
    // Nothing is accepted yet.
    let endpoint = CredentialsEndpoint::bind(access(&sandbox, None).0.build(), 0).await.unwrap();
    let [(_, url), _] = endpoint.environment();
    let host = url.expose().trim_start_matches("http://").split('/').next().unwrap().to_owned();
    let mut waiting = Vec::new();
    for _ in 0..400 {
        let connection = tokio::time::timeout(Duration::from_secs(30), tokio::net::TcpStream::connect(&host));
        waiting.push(connection.await.expect("the queue is long enough").unwrap());
    }
}

#[test]
fn bash_can_open_connections() {
    // The scripts above would prove nothing without this.
    let output = Command::new("bash").args(["-c", "exec 3<>/dev/tcp/127.0.0.1/1; echo $?"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("refused"), "{error}");
}
