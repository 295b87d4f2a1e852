//! What a person does on a page, without a browser.

use tempaccess_core::net::{HttpTransport, Transport};

/// An answer, without following redirects.
#[derive(Debug)]
pub struct Page {
    /// The HTTP status.
    pub status: u16,
    /// Where it redirects to.
    pub location: Option<String>,
    /// The cookie that it sets, as a browser sends it back.
    pub cookie: Option<String>,
    /// The body.
    pub text: String,
}

/// Opens pages one after the other. It belongs to the runtime of its first request.
#[derive(Debug, Default)]
pub struct Browser(HttpTransport);

impl Browser {
    /// Opens a page, with a cookie if there is one.
    pub async fn open(&self, url: &str, cookie: Option<&str>) -> Page {
        let mut request = http::Request::get(url);
        if let Some(cookie) = cookie {
            request = request.header("cookie", cookie);
        }
        send(&self.0, request.body(Vec::new()).expect("a request")).await
    }

    /// Sends a form.
    pub async fn submit(&self, url: &str, fields: &[(&str, &str)]) -> Page {
        let request = http::Request::post(url)
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form(fields).into_bytes())
            .expect("a request");
        send(&self.0, request).await
    }
}

async fn send(transport: &HttpTransport, request: http::Request<Vec<u8>>) -> Page {
    let answer = transport.send(request).await.expect("an answer");
    let header = |name: &str| answer.headers().get(name).map(|value| value.to_str().expect("ASCII").to_owned());
    Page {
        status: answer.status().as_u16(),
        location: header("location"),
        cookie: header("set-cookie").and_then(|cookie| cookie.split(';').next().map(str::to_owned)),
        text: String::from_utf8_lossy(answer.body()).into_owned(),
    }
}

/// Opens a page in a browser of its own, with a cookie if there is one.
pub async fn open(url: &str, cookie: Option<&str>) -> Page {
    Browser::default().open(url, cookie).await
}

/// Sends a form from a browser of its own.
pub async fn submit(url: &str, fields: &[(&str, &str)]) -> Page {
    Browser::default().submit(url, fields).await
}

/// The body of a form.
pub fn form(fields: &[(&str, &str)]) -> String {
    let fields: Vec<_> = fields.iter().map(|(name, value)| format!("{name}={}", escape(value))).collect();
    fields.join("&")
}

fn escape(text: &str) -> String {
    text.bytes()
        .map(|byte| if byte.is_ascii_alphanumeric() { char::from(byte).to_string() } else { format!("%{byte:02X}") })
        .collect()
}
