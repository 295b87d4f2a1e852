//! Verifies AWS Signature Version 4 ("Signing AWS API requests", IAM user guide).

use axum::http::{HeaderMap, Method, Uri};
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

/// The `Authorization` header of a request.
pub(super) struct Signed<'a> {
    pub(super) access_key: &'a str,
    /// `date/region/service/aws4_request`.
    scope: &'a str,
    headers: Vec<&'a str>,
    signature: &'a str,
    date: &'a str,
    pub(super) token: Option<&'a str>,
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

pub(super) fn verify(
    signed: &Signed<'_>,
    method: &Method,
    uri: &Uri,
    headers: &HeaderMap,
    body: &[u8],
    secret: &str,
) -> bool {
    let mut canonical = format!("{method}\n{}\n{}\n", uri.path(), canonical_query(uri));
    for name in &signed.headers {
        let values: Vec<_> =
            headers.get_all(*name).iter().filter_map(|value| value.to_str().ok()).map(collapsed).collect();
        canonical.push_str(&format!("{name}:{}\n", values.join(",")));
    }
    canonical.push_str(&format!("\n{}\n{}", signed.headers.join(";"), hex(&Sha256::digest(body))));
    let to_sign = format!("AWS4-HMAC-SHA256\n{}\n{}\n{}", signed.date, signed.scope, hex(&Sha256::digest(&canonical)));
    let key = signed.scope.split('/').fold(format!("AWS4{secret}").into_bytes(), |key, part| hmac(&key, part));
    hex(&hmac(&key, &to_sign)) == signed.signature
}

fn canonical_query(uri: &Uri) -> String {
    let mut pairs: Vec<_> = uri.query().unwrap_or_default().split('&').filter(|pair| !pair.is_empty()).collect();
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

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
