use url::{Host, Url};

use crate::error::{Error, ErrorKind, Result, Stage};

/// Reads a URL that secrets will be sent to: `https`, or `http` on this machine alone.
pub(crate) fn secure_url(what: &str, text: &str) -> Result<Url> {
    let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message);
    // What cannot be parsed is not repeated: a password may stand in it.
    let url = Url::parse(text).map_err(|error| invalid(format!("{what} is no URL: {error}")))?;
    let loopback = match url.host() {
        Some(Host::Domain(name)) => name == "localhost" || name.ends_with(".localhost"),
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        None => false,
    };
    if !url.username().is_empty() || url.password().is_some() {
        return Err(invalid(format!("{what} must not hold a user name or a password")));
    }
    match url.scheme() {
        "https" => Ok(url),
        "http" if loopback => Ok(url),
        _ => Err(invalid(format!("{what} `{text}` must begin with `https://`"))
            .with_hint("`http://` is for servers on this machine alone: passwords and assertions go there")),
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
        for good in ["https://acme.okta.com/x", "http://127.0.0.1:8080", "http://localhost:1", "http://[::1]:1"] {
            assert!(secure_url("the URL", good).is_ok(), "{good}");
        }
        for bad in [
            "http://acme.okta.com",
            "http://127.0.0.1.example.com",
            "ftp://localhost",
            "acme.okta.com",
            "https://me:secret@acme.okta.com",
            "file:///etc/passwd",
        ] {
            assert!(secure_url("the URL", bad).is_err(), "{bad}");
        }
    }
}
