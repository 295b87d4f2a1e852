//! Calls of the sandbox's AWS, signed by hand, so that a test sees every byte of the answer.

use std::collections::BTreeMap;
use std::sync::Arc;

use hmac::{Hmac, KeyInit, Mac};
use http::{HeaderMap, Method};
use serde_json::Value;
use sha2::{Digest, Sha256};
use tempaccess_core::IssuedSession;
use tempaccess_core::net::{HttpTransport, Transport};
use tempaccess_sandbox::Sandbox;

use crate::browse::form;

/// The credentials of a session.
#[derive(Debug, Clone)]
pub struct Credentials {
    /// The access key id.
    pub access_key: String,
    /// The secret access key.
    pub secret: String,
    /// The session token.
    pub token: String,
    /// `AssumedRoleUser/AssumedRoleId`.
    pub role_id: String,
}

impl From<&IssuedSession> for Credentials {
    fn from(session: &IssuedSession) -> Self {
        let credentials = &session.answer.credentials;
        Self {
            access_key: credentials.access_key_id.clone(),
            secret: credentials.secret_access_key.expose().to_owned(),
            token: credentials.session_token.expose().to_owned(),
            role_id: session.answer.assumed_role_id.clone().unwrap_or_default(),
        }
    }
}

/// The answer to a call.
#[derive(Debug, Clone)]
pub struct Answer {
    /// The HTTP status.
    pub status: u16,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub text: String,
}

impl Answer {
    /// Returns the text of the first element with this name.
    pub fn get(&self, element: &str) -> Option<&str> {
        let (_, rest) = self.text.split_once(&format!("<{element}>"))?;
        Some(rest.split_once(&format!("</{element}>"))?.0)
    }

    /// Returns the status and, for errors, the code.
    pub fn outcome(&self) -> (u16, &str) {
        (self.status, self.get("Code").unwrap_or_default())
    }

    /// Returns the credentials in the answer of STS.
    pub fn credentials(&self) -> Credentials {
        let text = |element: &str| self.get(element).unwrap_or_else(|| panic!("{element}: {}", self.text)).to_owned();
        Credentials {
            access_key: text("AccessKeyId"),
            secret: text("SecretAccessKey"),
            token: text("SessionToken"),
            role_id: text("AssumedRoleId"),
        }
    }
}

/// Exchanges an assertion of a person for a role.
pub async fn sign_in(sandbox: &Sandbox, login: &str, role: &str) -> Answer {
    sign_in_with(sandbox, login, role, &[]).await
}

/// Exchanges an assertion of a person for a role, with further parameters.
pub async fn sign_in_with(sandbox: &Sandbox, login: &str, role: &str, more: &[(&str, &str)]) -> Answer {
    let claims = sandbox.claims_of(login).expect("a person of this world");
    let assertion = sandbox.mint(&claims).expect("a response");
    let account = role.split(':').nth(4).unwrap_or_default();
    let provider = format!("arn:aws:iam::{account}:saml-provider/Okta");
    let own = [("Action", "AssumeRoleWithSAML"), ("RoleArn", role), ("PrincipalArn", &provider)];
    let parameters = [&own[..], &[("SAMLAssertion", &assertion)], more].concat();
    let request = http::Request::builder().method(Method::POST).uri(sandbox.sts_url());
    send(sandbox, request.body(form(&parameters).into_bytes()).expect("a request")).await
}

/// Calls a service of the query protocol: `iam` or `sts`.
pub async fn query(sandbox: &Sandbox, credentials: &Credentials, service: &str, parameters: &[(&str, &str)]) -> Answer {
    let headers = [("content-type", "application/x-www-form-urlencoded")];
    let call = Call { service, method: Method::POST, path: "/", query: &[], headers: &headers };
    call.send(sandbox, credentials, form(parameters).as_bytes()).await
}

/// Reads an object of S3 and returns the HTTP status.
pub async fn get_object(sandbox: &Sandbox, credentials: &Credentials, path: &str) -> u16 {
    let call = Call { service: "s3", method: Method::GET, path, query: &[], headers: &[] };
    call.send(sandbox, credentials, b"").await.status
}

/// Calls LookupEvents of CloudTrail.
pub async fn lookup_events(sandbox: &Sandbox, credentials: &Credentials, input: &Value) -> Answer {
    let target = "com.amazonaws.cloudtrail.v20131101.CloudTrail_20131101.LookupEvents";
    let headers = [("content-type", "application/x-amz-json-1.1"), ("x-amz-target", target)];
    let call = Call { service: "cloudtrail", method: Method::POST, path: "/", query: &[], headers: &headers };
    call.send(sandbox, credentials, input.to_string().as_bytes()).await
}

/// Returns the result of LookupEvents, or the code that it is refused with.
pub async fn looked_up(sandbox: &Sandbox, credentials: &Credentials, input: &Value) -> Result<Value, String> {
    let answer = lookup_events(sandbox, credentials, input).await;
    let body: Value = serde_json::from_str(&answer.text).expect("JSON");
    if answer.status == 200 { Ok(body) } else { Err(body["__type"].as_str().unwrap_or_default().to_owned()) }
}

/// A call to sign and send.
#[derive(Debug)]
pub struct Call<'a> {
    /// The service that it is signed for.
    pub service: &'a str,
    /// The method.
    pub method: Method,
    /// The path, encoded.
    pub path: &'a str,
    /// The query, in any order.
    pub query: &'a [(&'a str, &'a str)],
    /// Further headers, which are signed. `x-amz-content-sha256` replaces the digest of the body.
    pub headers: &'a [(&'a str, &'a str)],
}

impl Call<'_> {
    /// Signs and sends the call.
    pub async fn send(&self, sandbox: &Sandbox, credentials: &Credentials, body: &[u8]) -> Answer {
        let url = sandbox.sts_url();
        let host = url.rsplit('/').next().unwrap_or_default();
        let digest = hex(&Sha256::digest(body));
        let date = jiff::Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let mut headers: BTreeMap<_, _> = self.headers.iter().copied().collect();
        let digest = *headers.entry("x-amz-content-sha256").or_insert(&digest);
        headers.extend([("host", host), ("x-amz-date", &date), ("x-amz-security-token", &credentials.token)]);
        let mut pairs: Vec<_> =
            self.query.iter().map(|(name, value)| format!("{}={}", encode(name), encode(value))).collect();
        pairs.sort();
        let query = pairs.join("&");
        let lines: String = headers.iter().map(|(name, value)| format!("{name}:{value}\n")).collect();
        let names = headers.keys().copied().collect::<Vec<_>>().join(";");
        let canonical = format!("{}\n{}\n{query}\n{lines}\n{names}\n{digest}", self.method, self.path);
        let scope = format!("{}/us-east-1/{}/aws4_request", &date[..8], self.service);
        let to_sign = format!("AWS4-HMAC-SHA256\n{date}\n{scope}\n{}", hex(&Sha256::digest(canonical)));
        let signature = signature(&credentials.secret, &scope, &to_sign);
        let authorization = format!(
            "AWS4-HMAC-SHA256 Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
            credentials.access_key
        );
        let mark = if query.is_empty() { "" } else { "?" };
        let mut request = http::Request::builder()
            .method(self.method.clone())
            .uri(format!("{url}{}{mark}{query}", self.path))
            .header("authorization", authorization);
        for (name, value) in headers {
            request = request.header(name, value);
        }
        send(sandbox, request.body(body.to_vec()).expect("a request")).await
    }
}

/// Signs a text with the key of a scope.
pub fn signature(secret: &str, scope: &str, text: &str) -> String {
    let hmac = |key: &[u8], text: &str| {
        let mut mac = Hmac::<Sha256>::new_from_slice(key).expect("a key");
        mac.update(text.as_bytes());
        mac.finalize().into_bytes().to_vec()
    };
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
    hex(&hmac(&key, text))
}

async fn send(sandbox: &Sandbox, request: http::Request<Vec<u8>>) -> Answer {
    let transport = transport(sandbox);
    let answer = transport.send(request).await.expect("an answer");
    let (parts, body) = answer.into_parts();
    let text = String::from_utf8_lossy(&body).into_owned();
    Answer { status: parts.status.as_u16(), headers: parts.headers, text }
}

thread_local! {
    /// The transport of a test without TLS. It is made once: loading the certificates of the system takes its time.
    static PLAIN: Arc<HttpTransport> = Arc::default();
}

/// Returns a transport that trusts the sandbox.
fn transport(sandbox: &Sandbox) -> Arc<HttpTransport> {
    let Some(pem) = sandbox.ca_pem() else { return PLAIN.with(Arc::clone) };
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("ca.pem");
    std::fs::write(&file, pem).expect("a file");
    Arc::new(HttpTransport::builder().extra_ca_file(file).build().expect("a transport"))
}

/// Percent-encodes a text.
pub fn encode(text: &str) -> String {
    text.bytes()
        .map(|byte| match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => char::from(byte).to_string(),
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
