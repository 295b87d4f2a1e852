//! What an input is that contains no SAML response, so that the error can say it.

use crate::error::{Error, ErrorKind, Stage};

const COPY_THE_REQUEST: &str =
    "copy the request to `https://signin.aws.amazon.com/saml`, or the value of its form field `SAMLResponse`";

/// The error for a text in which no SAML response was found.
pub(super) fn no_response_in(text: &str) -> Error {
    let error = |message: String| Error::new(ErrorKind::NoSamlResponse, Stage::Assertion, message);
    let shape = shape(text);
    if text.contains("SAMLRequest") {
        let input = shape.unwrap_or("a text");
        return error(format!("the input is {input} with a SAML request, which asks for a SAML response"))
            .with_hint("use what the identity provider answers: the form field `SAMLResponse`");
    }
    match shape {
        Some(shape) => error(format!("the input is {shape} without a SAML response")).with_hint(COPY_THE_REQUEST),
        None => error("the input contains no SAML response: it is neither XML, nor HTML, nor base64".to_owned())
            .with_hint(COPY_THE_REQUEST),
    }
}

/// What a text is, with its article.
pub(super) fn shape(text: &str) -> Option<&'static str> {
    let starts = |start: &str| text.get(..start.len()).is_some_and(|found| found.eq_ignore_ascii_case(start));
    let contains = |part: &str| memchr::memmem::find(text.as_bytes(), part.as_bytes()).is_some();
    Some(if starts("{") && contains("\"log\"") && contains("\"entries\"") {
        "a HAR file"
    } else if starts("curl ") || starts("curl.exe ") || contains(" curl ") || contains("\ncurl ") {
        "a cURL command"
    } else if starts("wget ") {
        "a wget command"
    } else if contains("Invoke-WebRequest") || contains("Invoke-RestMethod") {
        "a PowerShell command"
    } else if contains("fetch(") {
        "a `fetch` call"
    } else if starts("{") || starts("[") || starts("\"") {
        "JSON"
    } else if starts("https://") || starts("http://") {
        "an address"
    } else if starts("eyJ") {
        "a JSON Web Token"
    } else if starts("HTTP/") || has_headers(text) {
        "a list of HTTP headers"
    } else {
        return None;
    })
}

/// Whether a text starts with the lines of an HTTP message: a request line, or names and values.
fn has_headers(text: &str) -> bool {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let second = lines.next().unwrap_or_default();
    first.contains(" HTTP/1.") || first.contains(" HTTP/2") || (is_header(first) && is_header(second))
}

fn is_header(line: &str) -> bool {
    let name = line.strip_prefix(':').unwrap_or(line).split(':').next().unwrap_or_default();
    name.len() < line.len()
        && name.starts_with(|c: char| c.is_ascii_alphabetic())
        && name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
}

/// The body of an HTTP message and its `Content-Type`, if the text is a message.
pub(super) fn http_body(text: &[u8]) -> Option<(&[u8], Option<&str>)> {
    let (end, length) = [&b"\r\n\r\n"[..], b"\n\n"]
        .into_iter()
        .filter_map(|blank| memchr::memmem::find(text, blank).map(|end| (end, blank.len())))
        .min()?;
    let head = std::str::from_utf8(text.get(..end)?).ok()?;
    if !head.starts_with("HTTP/") && !has_headers(head) {
        return None;
    }
    let content_type = head.lines().find_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.trim().eq_ignore_ascii_case("content-type").then(|| value.trim())
    });
    Some((text.get(end + length..)?, content_type))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn shapes() {
        for (text, expected) in [
            ("curl 'https://example.com' -H 'a: b'", Some("a cURL command")),
            ("$ curl https://example.com", Some("a cURL command")),
            ("Invoke-WebRequest -Uri x", Some("a PowerShell command")),
            ("$session = New-Object x\nInvoke-WebRequest -Uri x", Some("a PowerShell command")),
            ("fetch('https://example.com')", Some("a `fetch` call")),
            ("wget https://example.com", Some("a wget command")),
            ("{\"log\":{\"entries\":[]}}", Some("a HAR file")),
            ("{\"a\": 1}", Some("JSON")),
            ("[]", Some("JSON")),
            ("https://example.com/", Some("an address")),
            ("eyJhbGciOiJub25lIn0.e30.", Some("a JSON Web Token")),
            ("HTTP/2 200 OK\nserver: x", Some("a list of HTTP headers")),
            ("GET / HTTP/1.1\nHost: x", Some("a list of HTTP headers")),
            (":authority: example.com\n:method: POST", Some("a list of HTTP headers")),
            ("Host: example.com\nAccept: */*", Some("a list of HTTP headers")),
            ("hello, world", None),
        ] {
            assert_eq!(shape(text), expected, "{text}");
        }
    }

    #[test]
    fn bodies_of_messages() {
        let found = |text: &'static str| {
            let (body, content_type) = http_body(text.as_bytes())?;
            Some((std::str::from_utf8(body).unwrap(), content_type))
        };
        assert_eq!(
            found("HTTP/1.1 200 OK\r\nContent-Type: text/html; charset=x\r\n\r\n<p>\n\n"),
            Some(("<p>\n\n", Some("text/html; charset=x")))
        );
        assert_eq!(found("content-type: a\nserver: b\n\nbody"), Some(("body", Some("a"))));
        assert_eq!(found("HTTP/1.1 200 OK\nserver: b"), None);
        assert_eq!(found("hello\n\nworld"), None);
    }
}
