//! What a person does on a page, without a browser.

use tempaccess_core::net::{HttpTransport, Transport};

/// Sends a form, and gives back the status and the page that came.
pub async fn submit(url: &str, fields: &[(&str, &str)]) -> (u16, String) {
    let body: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    let request = http::Request::post(url)
        .header("content-type", "application/x-www-form-urlencoded")
        .body(body.join("&").into_bytes())
        .expect("a request");
    let answer = HttpTransport::default().send(request).await.expect("an answer");
    (answer.status().as_u16(), String::from_utf8_lossy(answer.body()).into_owned())
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
