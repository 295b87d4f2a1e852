//! Reads the environment variables for proxies and private CAs. Upper case takes precedence over lower case.

use std::path::PathBuf;

use ::url::Url;

/// The variables that name files of additional CA certificates.
const CA_FILES: [&str; 2] = ["AWS_CA_BUNDLE", "SSL_CERT_FILE"];
/// The variables from which reqwest reads the proxies.
const PROXIES: [&str; 4] = ["HTTPS_PROXY", "HTTP_PROXY", "ALL_PROXY", "NO_PROXY"];

fn value(name: &str) -> Option<(String, std::ffi::OsString)> {
    [name.to_owned(), name.to_ascii_lowercase()]
        .into_iter()
        .find_map(|name| std::env::var_os(&name).filter(|value| !value.is_empty()).map(|value| (name, value)))
}

/// Returns the files of CA certificates that the environment names.
pub fn ca_files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = CA_FILES.into_iter().filter_map(|name| Some(value(name)?.1.into())).collect();
    files.dedup();
    files
}

/// Returns the proxy variables that are set, as `NAME=value`, without user names and passwords.
pub fn proxies() -> Vec<String> {
    let set = PROXIES.into_iter().filter_map(value);
    set.map(|(name, value)| format!("{name}={}", without_secrets(&value.to_string_lossy()))).collect()
}

fn without_secrets(value: &str) -> String {
    match Url::parse(value) {
        Ok(mut url) if url.password().is_some() || !url.username().is_empty() => {
            let _ = url.set_username("");
            let _ = url.set_password(None);
            url.into()
        }
        _ if value.contains('@') => "…".to_owned(),
        _ => value.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::without_secrets;

    #[test]
    fn credentials_of_a_proxy_are_not_shown() {
        assert_eq!(without_secrets("http://ada:s3cret@proxy.example.com:3128"), "http://proxy.example.com:3128/");
        assert_eq!(without_secrets("ada:s3cret@proxy.example.com:3128"), "…");
        assert_eq!(without_secrets("proxy.example.com:3128"), "proxy.example.com:3128");
        assert_eq!(without_secrets("localhost,.internal"), "localhost,.internal");
    }
}
