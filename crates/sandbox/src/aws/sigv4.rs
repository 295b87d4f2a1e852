//! Verifies AWS Signature Version 4 ("Signing AWS API requests", IAM user guide).

use axum::http::HeaderMap;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::received::Received;
use crate::http::{decode_component, encode_component};

/// The `Authorization` header of a request.
pub(super) struct Signed<'a> {
    pub(super) access_key: &'a str,
    /// `date/region/service/aws4_request`.
    pub(super) scope: &'a str,
    headers: Vec<&'a str>,
    pub(super) signature: &'a str,
    pub(super) date: &'a str,
    pub(super) token: Option<&'a str>,
}

impl<'a> Signed<'a> {
    /// Returns the region that the request is signed for.
    pub(super) fn region(&self) -> &'a str {
        self.scope.split('/').nth(1).unwrap_or_default()
    }

    /// Returns the service that the request is signed for.
    pub(super) fn service(&self) -> &'a str {
        self.scope.split('/').nth(2).unwrap_or_default()
    }
}

pub(super) fn read(headers: &HeaderMap) -> Option<Signed<'_>> {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    let fields = text("authorization")?.strip_prefix("AWS4-HMAC-SHA256")?;
    let field = |name: &'static str| {
        fields.split(',').map(str::trim).find_map(move |field| field.strip_prefix(name)?.strip_prefix('='))
    };
    let (access_key, scope) = field("Credential")?.split_once('/')?;
    Some(Signed {
        access_key,
        scope,
        headers: field("SignedHeaders")?.split(';').collect(),
        signature: field("Signature")?,
        date: text("x-amz-date")?,
        token: text("x-amz-security-token"),
    })
}

/// Whether the signature is that of the request. Its body is signed as well, unless the header `x-amz-content-sha256` says
/// that it is not, or that its chunks have signatures of their own.
pub(super) fn verify(signed: &Signed<'_>, request: Received<'_>, secret: &str) -> bool {
    let digest = hex(&Sha256::digest(request.body));
    let payload = match request.header("x-amz-content-sha256") {
        Some(stated) if stated == "UNSIGNED-PAYLOAD" || stated.starts_with("STREAMING-") => stated,
        Some(stated) if stated != digest => return false,
        _ => &digest,
    };
    // The path stays as it was sent. Other services than S3 have the path `/`, so that nothing is encoded twice.
    let mut canonical =
        format!("{}\n{}\n{}\n", request.method, request.uri.path(), canonical_query(request.uri.query()));
    for name in &signed.headers {
        let values: Vec<_> =
            request.headers.get_all(*name).iter().filter_map(|value| value.to_str().ok()).map(collapsed).collect();
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    canonical.push_str(&format!("\n{}\n{payload}", signed.headers.join(";")));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", signed.date, signed.scope, hex(&Sha256::digest(&canonical)));
    sign(signed.scope, secret, &to_sign) == signed.signature
}

/// Signs a text with the key of a scope.
pub(super) fn sign(scope: &str, secret: &str, text: &str) -> String {
    let key = scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
    hex(&hmac(&key, text))
}

fn canonical_query(query: Option<&str>) -> String {
    let pairs = query.unwrap_or_default().split('&').filter(|pair| !pair.is_empty());
    let mut pairs: Vec<_> = pairs
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let encoded = |text| encode_component(&decode_component(text));
            format!("{}={}", encoded(name), encoded(value))
        })
        .collect();
    pairs.sort_unstable();
    pairs.join("&")
}

/// Trims white space and collapses runs of it to one space.
fn collapsed(value: &str) -> String {
    value.split_ascii_whitespace().collect::<Vec<_>>().join(" ")
}

fn hmac(key: &[u8], text: &str) -> Vec<u8> {
    // HMAC accepts keys of any length.
    let Ok(mut mac) = Hmac::<Sha256>::new_from_slice(key) else { return Vec::new() };
    mac.update(text.as_bytes());
    mac.finalize().into_bytes().to_vec()
}

pub(super) fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
