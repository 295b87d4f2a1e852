//! moto, a double of AWS that we did not write.

use std::process::{Command, Stdio};

use jiff::{SignedDuration, Timestamp};
use serde_json::Value;
use tempaccess_core::net::{HttpTransport, Transport};
use tempaccess_core::sts::SessionCredentials;

use crate::parts::{self, Server};

/// Keys that moto takes.
pub fn keys() -> SessionCredentials {
    let role = "arn:aws:iam::123456789012:role/Admin".parse().expect("a role");
    let end = Timestamp::now() + SignedDuration::from_hours(1);
    SessionCredentials::new("ASIAIOSFODNN7EXAMPLE", "secret".into(), "token".into(), end, role)
}

/// Starts moto, if it is installed.
pub fn moto() -> Option<(Server, String)> {
    let moto = parts::python_program("moto_server")?;
    let port = parts::free_port();
    let mut command = Command::new(moto);
    command.args(["-H", "127.0.0.1", "-p", &port.to_string()]).stdout(Stdio::null()).stderr(Stdio::null());
    Some((Server::start(&mut command, port), format!("http://127.0.0.1:{port}")))
}

/// Prepares moto by a request that it takes for one of this service.
pub async fn prepare(url: &str, service: &str, method: &str, path: &str, form: &str) {
    let request = http::Request::builder()
        .method(method)
        .uri(format!("{url}{path}"))
        .header("authorization", authorization(service))
        .header("content-type", "application/x-www-form-urlencoded");
    send(request.body(form.as_bytes().to_vec()).expect("a request")).await;
}

/// Calls an operation of a service that is called with JSON.
pub async fn json(url: &str, service: &str, target: &str, body: Value) -> Value {
    let request = http::Request::post(url)
        .header("authorization", authorization(service))
        .header("content-type", "application/x-amz-json-1.1")
        .header("x-amz-target", target);
    let body = send(request.body(body.to_string().into_bytes()).expect("a request")).await;
    serde_json::from_slice(&body).unwrap_or_default()
}

/// Posts to moto's own interface.
pub async fn post(url: &str, path: &str, body: &Value) {
    let request = http::Request::post(format!("{url}{path}")).header("content-type", "application/json");
    send(request.body(body.to_string().into_bytes()).expect("a request")).await;
}

fn authorization(service: &str) -> String {
    format!(
        "AWS4-HMAC-SHA256 Credential=AKIA/20260101/us-east-1/{service}/aws4_request, SignedHeaders=host, Signature=0"
    )
}

async fn send(request: http::Request<Vec<u8>>) -> Vec<u8> {
    let answer = HttpTransport::default().send(request).await.expect("an answer");
    assert!(answer.status().is_success(), "{}", String::from_utf8_lossy(answer.body()));
    answer.into_body()
}
