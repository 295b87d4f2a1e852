use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result, Stage};

/// Parses a URL that secrets will be sent to: `https`, or `http` on this machine alone.
///
/// # Errors
///
/// `invalid_argument` for any other scheme or host, and for a user name or a password in the URL.
pub(crate) fn secure_url(what: &str, text: &str) -> Result<Url> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message);
    // What cannot be parsed is not repeated: it may contain a password.
    let url = Url::parse(text).map_err(|error| invalid(format!("{what} is not a valid URL: {error}")))?;
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(format!("{what} must not contain a user name or a password")));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if is_loopback(&url) => Ok(url),
        _ => Err(invalid(format!("{what} `{text}` must begin with `https://`")).with_hint(
            "passwords and assertions go there; `http://` is accepted for `localhost`, `127.0.0.1` and `[::1]` only",
        )),
    }
}

/// Whether a URL leads to this machine: `localhost`, 127.0.0.0/8, `[::1]`.
///
/// Names below `localhost` do not count: resolvers may ask DNS for them.
pub(super) fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Domain(name)) => name == "localhost",
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    }
}

#[cfg(test)]
mod tests {
    use super::secure_url;

    #[test]
    fn a_password_in_a_url_is_not_repeated() {
        for url in ["https://me:s3cret@acme.okta.com:99999/x", "https://me:s3cret@acme.okta.com/x"] {
            let error = secure_url("the URL", url).unwrap_err();
            assert!(!format!("{error:?}").contains("s3cret"), "{error:?}");
        }
    }

    #[test]
    fn secrets_travel_encrypted_or_not_at_all() {
        for good in [
            "https://acme.okta.com/x",
            "https://app.localhost",
            "http://127.0.0.1:8080",
            "http://127.8.9.10",
            "http://localhost:1",
            "http://LOCALHOST",
            "http://[::1]:1",
        ] {
            assert!(secure_url("the URL", good).is_ok(), "{good}");
        }
        for bad in [
            "http://acme.okta.com",
            "http://127.0.0.1.example.com",
            "http://app.localhost",
            "http://localhost.",
            "http://localhost.localdomain",
            "http://localhost6",
            "http://0.0.0.0",
            "http://128.0.0.1",
            "http://[::]",
            "http://[::2]",
            "http://[::ffff:127.0.0.1]",
            "ftp://localhost",
            "acme.okta.com",
            "https://me:secret@acme.okta.com",
            "file:///etc/passwd",
        ] {
            assert!(secure_url("the URL", bad).is_err(), "{bad}");
        }
    }
}
