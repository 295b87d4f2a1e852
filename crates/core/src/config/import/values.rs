//! What a value from another tool's file may become. Each function returns why a value is refused, without repeating it:
//! an address may hold a password, and any value may hold characters that act on a terminal.

use std::path::{Path, PathBuf};

use crate::arn::{PolicyArn, ProviderArn, RoleArn};
use crate::net::secure_url;
use crate::scope::{SessionDuration, SessionScope};
use crate::text::printable;

/// The longest value that is imported, in bytes. IAM's and STS's own limits are below it.
pub(super) const MAX_VALUE: usize = 4096;

/// Why a value was refused, as the end of the sentence "`key` is not imported: …".
pub(super) type Refusal = String;

/// Returns an address to sign in at: `https`, or `http` on this machine.
pub(super) fn address(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let url = secure_url("the address", text)
        .ok()
        .filter(|_| text.len() <= MAX_VALUE)
        .ok_or("it is not an `https://` address without a user name and a password")?;
    // An address as people write it stays as they wrote it.
    let is_same = url.as_str() == text || url.as_str().strip_suffix('/') == Some(text);
    Ok(if is_same { text.to_owned() } else { String::from(url) })
}

/// Returns the ARN of a role. Names, numbers and patterns mean something else in a profile than in the other tools.
pub(super) fn role(text: &str) -> Result<String, Refusal> {
    let arn: RoleArn = text.trim().parse().map_err(|error| format!("it is not the ARN of a role: it {error}"))?;
    literal(arn.as_str())
}

/// Returns the ARN of a SAML provider.
pub(super) fn provider(text: &str) -> Result<String, Refusal> {
    let arn: ProviderArn =
        text.trim().parse().map_err(|error| format!("it is not the ARN of a SAML provider: it {error}"))?;
    literal(arn.as_str())
}

/// Paths in ARNs may hold the characters that make a pattern of them in a profile.
fn literal(arn: &str) -> Result<String, Refusal> {
    if arn.contains(['*', '?']) { Err("it would be read as a pattern".to_owned()) } else { Ok(arn.to_owned()) }
}

/// Returns the session policies of a list that is separated by commas.
pub(super) fn policy_arns(list: &str) -> Result<Vec<String>, Refusal> {
    let names = list.split(',').map(str::trim).filter(|arn| !arn.is_empty());
    let arns: Vec<PolicyArn> = names
        .map(|arn| arn.parse().map_err(|error| format!("`{}` is not the ARN of a policy: it {error}", printable(arn))))
        .collect::<Result<_, _>>()?;
    if arns.is_empty() {
        return Err("it names no policy".to_owned());
    }
    // IAM allows it in a path; who writes it means a list.
    if let Some(arn) = arns.iter().find(|arn| arn.as_str().matches("arn:").count() > 1) {
        return Err(format!("`{arn}` is not the ARN of a policy: it contains another ARN, and a list has commas"));
    }
    let texts = arns.iter().map(ToString::to_string).collect();
    SessionScope::new(SessionDuration::default()).with_policy_arns(arns).map_err(|error| error.message().to_owned())?;
    Ok(texts)
}

/// Returns the absolute path of a policy file.
pub(super) fn path(text: &str) -> Result<String, Refusal> {
    let path = expand_home(Path::new(text.trim()), etcetera::home_dir().ok().as_deref());
    let path = std::path::absolute(path).map_err(|error| format!("it is not a path: {error}"))?;
    path.into_os_string().into_string().map_err(|_| "it is not a path in UTF-8".to_owned())
}

/// Replaces a `~` at the front by the home directory.
pub(super) fn expand_home(path: &Path, home: Option<&Path>) -> PathBuf {
    match (path.strip_prefix("~"), home) {
        (Ok(rest), Some(home)) if rest.as_os_str().is_empty() => home.to_owned(),
        (Ok(rest), Some(home)) => home.join(rest),
        _ => path.to_owned(),
    }
}

/// Returns a duration in seconds.
pub(super) fn duration(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let is_plain = !text.is_empty() && text.len() <= 20 && text.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'.');
    if !is_plain {
        return Err("it is not a duration".to_owned());
    }
    let duration: SessionDuration = text.parse().map_err(|error: crate::Error| error.message().to_owned())?;
    Ok(duration.seconds().to_string())
}

/// Returns the name of a region.
pub(super) fn region(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let is_region = text.starts_with(|first: char| first.is_ascii_lowercase())
        && text.len() <= 64
        && text.bytes().all(|byte| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-');
    if is_region { Ok(text.to_owned()) } else { Err("it is not the name of a region".to_owned()) }
}

/// Returns a text that a person typed, as they typed it.
pub(super) fn line(text: &str) -> Result<String, Refusal> {
    match printable(text) {
        std::borrow::Cow::Owned(_) => Err("it has characters that cannot be shown".to_owned()),
        _ if text.len() > 256 => Err("it is longer than 256 bytes".to_owned()),
        _ => Ok(text.to_owned()),
    }
}

/// Returns an id of Okta's: of an app, or of a client.
pub(super) fn id(text: &str) -> Result<String, Refusal> {
    let text = text.trim();
    let is_id = !text.is_empty()
        && text.len() <= 128
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if is_id { Ok(text.to_owned()) } else { Err("it is not an id".to_owned()) }
}

/// Returns the second factor that Okta, saml2aws (`PUSH`, `GOOGLE TOKEN:SOFTWARE:TOTP`), gimme-aws-creds or aws-runas
/// calls so; `None` where the tool chooses by itself.
pub(super) fn factor(name: &str) -> Result<Option<String>, Refusal> {
    let name = name.trim().to_ascii_lowercase();
    let (provider, kind) = name.rsplit_once(' ').unwrap_or(("", &name));
    let factor = match kind {
        "auto" => return Ok(None),
        _ if provider.contains("duo") => None,
        "push" => Some("push"),
        "code" | "totp" | "token" | "token:software:totp" | "token:hardware" | "token:hotp" => Some("code"),
        "sms" => Some("sms"),
        "call" => Some("call"),
        "email" => Some("email"),
        "question" => Some("question"),
        _ => None,
    };
    match factor {
        Some(factor) => Ok(Some(factor.to_owned())),
        None => Err("this second factor has no equivalent; you are asked instead".to_owned()),
    }
}

/// Returns an identity provider's name for a note. Only a plain name is shown: anything else may be a secret that is in the
/// wrong place.
pub(super) fn provider_name(name: &str) -> String {
    let is_plain = !name.is_empty() && name.len() <= 40 && name.chars().all(|c| c.is_ascii_alphanumeric() || c == '-');
    if is_plain { format!("`{name}`") } else { "its identity provider".to_owned() }
}

/// Returns whether a text says yes, as Go and Python write it.
pub(super) fn is_true(text: &str) -> bool {
    matches!(text.trim().to_ascii_lowercase().as_str(), "true" | "t" | "1" | "yes" | "y" | "on")
}

/// Returns whether the host of an address belongs to Okta's own domains.
pub(super) fn is_okta_host(address: &str) -> bool {
    let domains = [".okta.com", ".oktapreview.com", ".okta-emea.com", ".okta-gov.com", ".okta.mil"];
    let host = url::Url::parse(address).ok().and_then(|url| url.host_str().map(str::to_owned)).unwrap_or_default();
    domains.iter().any(|domain| host.ends_with(domain))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_https_or_on_this_machine() {
        for good in [
            "https://acme.okta.com/home/amazon_aws/0oa1/272?x=1#tile",
            "https://adfs.example.com",
            "http://127.0.0.1:8080/app",
            "http://[::1]:1/",
        ] {
            assert_eq!(address(good).as_deref(), Ok(good));
            assert_eq!(address(&format!(" {good} ")).as_deref(), Ok(good));
        }
        assert_eq!(address("HTTPS://Acme.okta.com/a b").as_deref(), Ok("https://acme.okta.com/a%20b"));
        assert_eq!(address("ht\ttps://acme.okta.com/").as_deref(), Ok("https://acme.okta.com/"));
        for bad in [
            "",
            "-",
            "command:touch /tmp/x",
            "file:/etc/passwd",
            "file:///etc/passwd",
            "browser:https://acme.okta.com",
            "saml:/tmp/metadata.xml",
            "http://acme.okta.com/",
            "http://127.0.0.1.example.com/",
            "https://me:secret@acme.okta.com/",
            "javascript:alert(1)",
            "acme.okta.com",
        ] {
            let refusal = address(bad).unwrap_err();
            assert!(bad.len() < 3 || !refusal.contains(bad), "{refusal}");
        }
        assert!(address(&format!("https://acme.okta.com/{}", "x".repeat(MAX_VALUE))).is_err());
    }

    #[test]
    fn roles_are_arns_and_no_patterns() {
        let arn = "arn:aws:iam::111122223333:role/teams/ReadOnly";
        assert_eq!(role(&format!(" {arn}")).as_deref(), Ok(arn));
        for bad in ["", "1", "*", "ReadOnly", "ledger/ReadOnly", "arn:aws:iam::111122223333:role/*/ReadOnly"] {
            assert!(role(bad).is_err(), "{bad}");
        }
        assert!(provider("arn:aws:iam::111122223333:saml-provider/Okta").is_ok());
        assert!(provider(arn).is_err());
    }

    #[test]
    fn policies_are_within_the_limits_of_sts() {
        let arn = "arn:aws:iam::aws:policy/ReadOnlyAccess";
        assert_eq!(policy_arns(&format!("{arn}, {arn}2,")).unwrap(), [arn.to_owned(), format!("{arn}2")]);
        assert!(policy_arns("ReadOnlyAccess").is_err());
        assert!(policy_arns(&format!("{arn};{arn}")).unwrap_err().contains("another ARN"));
        assert!(policy_arns(" , ").is_err());
        let many: Vec<_> = (0..11).map(|number| format!("{arn}{number}")).collect();
        assert!(policy_arns(&many.join(",")).is_err());
    }

    #[test]
    fn durations_are_those_of_go_and_plain_seconds() {
        for (text, seconds) in [("3600", "3600"), ("1h30m0s", "5400"), ("90m", "5400"), ("12h0m0s", "43200")] {
            assert_eq!(duration(text).as_deref(), Ok(seconds), "{text}");
        }
        for bad in ["", "0", "600", "13h", "an hour"] {
            assert!(duration(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn factors_of_the_tools_have_equivalents() {
        for (name, factor_name) in [
            ("PUSH", "push"),
            ("OKTA PUSH", "push"),
            ("TOTP", "code"),
            ("GOOGLE TOKEN:SOFTWARE:TOTP", "code"),
            ("token:hardware", "code"),
            ("SMS", "sms"),
        ] {
            assert_eq!(factor(name).unwrap().as_deref(), Some(factor_name), "{name}");
        }
        assert_eq!(factor("Auto"), Ok(None));
        for unknown in ["DUO", "DUO PUSH", "FIDO", "webauthn", "none"] {
            assert!(factor(unknown).is_err(), "{unknown}");
        }
    }

    #[test]
    fn the_home_directory_is_put_in_for_a_tilde() {
        let home = Some(Path::new("/home/ada"));
        assert_eq!(expand_home(Path::new("~/x"), home), Path::new("/home/ada/x"));
        assert_eq!(expand_home(Path::new("~"), home), Path::new("/home/ada"));
        for other in ["~bob/x", "/x/~", "x"] {
            assert_eq!(expand_home(Path::new(other), home), Path::new(other));
        }
    }
}
