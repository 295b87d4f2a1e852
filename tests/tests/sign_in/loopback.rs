//! Servers on loopback, and what other users of the machine can do to them.
#![cfg(unix)]

use std::process::{Command, Stdio};
use std::time::Duration;

use tempaccess_core::front_end::handoff;
use tempaccess_tests::{browse, other_user};

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

#[test]
fn bash_can_open_connections() {
    // The scripts above would prove nothing without this.
    let output = Command::new("bash").args(["-c", "exec 3<>/dev/tcp/127.0.0.1/1; echo $?"]).output().unwrap();
    let error = String::from_utf8_lossy(&output.stderr);
    assert!(error.contains("refused"), "{error}");
}
