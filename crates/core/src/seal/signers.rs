//! The signers file: who may sign, in the form of OpenSSH's `allowed_signers` (ssh-keygen(1), ALLOWED SIGNERS).

use std::fmt;
use std::path::Path;

use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use ssh_key::{HashAlg, PublicKey, SshSig};

use super::Namespace;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::role::glob;
use crate::text::excerpt;

/// Keys that are trusted to sign, and whose they are.
///
/// ```
/// use tempaccess_core::seal::Signers;
///
/// let signers = Signers::parse(
///     "ada@example.com namespaces=\"tempaccess-grant\" ssh-ed25519 \
///      AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN",
/// )?;
/// assert_eq!(signers.lines().len(), 1);
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug, Clone, Default)]
pub struct Signers {
    lines: Vec<SignerLine>,
}

/// A line of a signers file.
#[derive(Debug, Clone)]
pub struct SignerLine {
    principals: Vec<String>,
    namespaces: Option<Vec<String>>,
    valid_after: Option<Timestamp>,
    valid_before: Option<Timestamp>,
    key: PublicKey,
}

impl SignerLine {
    /// The patterns of the names that the key may sign as.
    pub fn principals(&self) -> &[String] {
        &self.principals
    }

    /// The fingerprint of the key.
    pub fn fingerprint(&self) -> String {
        self.key.fingerprint(HashAlg::Sha256).to_string()
    }

    /// The public key in OpenSSH's form.
    pub fn public_key(&self) -> String {
        self.key.to_openssh().unwrap_or_default()
    }

    /// Whether the key may sign as `name`: a pattern matches, and none that begins with `!` does.
    fn is_for(&self, name: &str) -> bool {
        let matches = |pattern: &str| glob(pattern, name);
        let excluded = self.principals.iter().filter_map(|pattern| pattern.strip_prefix('!')).any(matches);
        !excluded && self.principals.iter().any(|pattern| !pattern.starts_with('!') && matches(pattern))
    }

    fn is_valid(&self, at: Timestamp) -> bool {
        self.valid_after.is_none_or(|after| at >= after) && self.valid_before.is_none_or(|before| at < before)
    }

    fn allows(&self, namespace: Namespace) -> bool {
        self.namespaces.as_ref().is_none_or(|allowed| allowed.iter().any(|pattern| glob(pattern, namespace.as_str())))
    }
}

/// The line as a signers file has it, without validity.
impl fmt::Display for SignerLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.principals.join(","))?;
        if let Some(namespaces) = &self.namespaces {
            write!(f, " namespaces=\"{}\"", namespaces.join(","))?;
        }
        write!(f, " {}", self.public_key())
    }
}

impl Signers {
    /// Reads the file at `path`.
    ///
    /// # Errors
    ///
    /// `invalid_configuration`, including if other users can change the file.
    pub fn read(path: &Path) -> Result<Self> {
        let invalid = |error: std::io::Error| {
            let message = format!("cannot read the signers `{}`: {error}", path.display());
            Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
                .with_hint("`tempaccess grant trust NAME KEY` adds a trusted administrator")
                .with_source(error)
        };
        let bytes = crate::input::read_trusted(path).map_err(invalid)?;
        Self::parse(&String::from_utf8_lossy(&bytes)).map_err(|error| error.in_file(path))
    }

    /// Parses the lines of a signers file.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` with the number of the line. Certificate authorities are not supported.
    pub fn parse(text: &str) -> Result<Self> {
        let mut lines = Vec::new();
        for (number, line) in (1..).zip(text.lines()) {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            lines.push(parse_line(line).map_err(|reason| {
                let message = format!("line {number} of the signers {reason}");
                Error::new(ErrorKind::InvalidConfiguration, Stage::Configuration, message)
                    .with_hint("a line looks like `ada@example.com namespaces=\"tempaccess-grant\" ssh-ed25519 AAAA…`")
            })?);
        }
        Ok(Self { lines })
    }

    /// Returns the line that trusts a key to sign as `name`.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the name or the key cannot be written.
    pub fn line(name: &str, public_key: &str, namespace: Namespace) -> Result<SignerLine> {
        let invalid = |message: String| Error::new(ErrorKind::InvalidArgument, Stage::Grant, message);
        if name.is_empty() || !name.bytes().all(crate::arn::is_name_byte) || name.contains(',') {
            return Err(invalid(format!("`{}` cannot be the name of a signer", excerpt(name)))
                .with_hint("a name has letters, digits and `_+=.@-`, such as an e-mail address"));
        }
        if public_key.contains("PRIVATE KEY") {
            return Err(invalid("this is a private key, which must not leave its owner's machine".to_owned())
                .with_hint("give the public key: the file that ends in `.pub`"));
        }
        let mut key = PublicKey::from_openssh(public_key.trim()).map_err(|error| {
            invalid(format!("`{}` is not a public key of OpenSSH: {error}", excerpt(public_key.trim())))
        })?;
        key.set_comment("");
        Ok(SignerLine {
            principals: vec![name.to_owned()],
            namespaces: Some(vec![namespace.as_str().to_owned()]),
            valid_after: None,
            valid_before: None,
            key,
        })
    }

    /// The lines.
    pub fn lines(&self) -> &[SignerLine] {
        &self.lines
    }

    /// Adds the lines of another file.
    #[must_use]
    pub fn and(mut self, other: Self) -> Self {
        self.lines.extend(other.lines);
        self
    }

    /// Whether this public key may sign as `name` at the time `at`.
    pub(crate) fn trusts(&self, name: &str, public_key: &str, at: Timestamp) -> bool {
        let Ok(key) = PublicKey::from_openssh(public_key) else { return false };
        let mut lines = self.lines.iter().filter(|line| line.key.key_data() == key.key_data());
        lines.any(|line| line.is_for(name) && line.allows(Namespace::Grant) && line.is_valid(at))
    }

    /// Whether this public key may sign as somebody.
    pub(crate) fn contains(&self, public_key: &str) -> bool {
        let Ok(key) = PublicKey::from_openssh(public_key) else { return false };
        self.lines.iter().any(|line| line.key.key_data() == key.key_data() && line.allows(Namespace::Grant))
    }

    /// Verifies that `name` signed `message` for this purpose at the time `at`. Returns the fingerprint of the key.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`.
    pub fn verify(
        &self,
        namespace: Namespace,
        name: &str,
        message: &[u8],
        signature: &str,
        at: Timestamp,
    ) -> Result<String> {
        let signature = SshSig::from_pem(signature)
            .map_err(|error| not_genuine(format!("the signature cannot be read: {error}")))?;
        let key = signature.public_key();
        let fingerprint = key.fingerprint(HashAlg::Sha256).to_string();
        PublicKey::new(key.clone(), "")
            .verify(namespace.as_str(), message, &signature)
            .map_err(|_| not_genuine("the signature does not match: the text was changed after it was signed"))?;
        let same_key: Vec<_> = self.lines.iter().filter(|line| line.key.key_data() == key).collect();
        let named: Vec<_> = same_key.iter().filter(|line| line.is_for(name)).collect();
        if named.iter().any(|line| line.allows(namespace) && line.is_valid(at)) {
            return Ok(fingerprint);
        }
        let who = excerpt(name);
        let error = if same_key.is_empty() {
            not_genuine(format!("it says that `{who}` signed it, with the key {fingerprint}, which is not trusted"))
                .with_hint(format!(
                    "ask `{who}`, by another channel than the one it came through, whether {fingerprint} is their key; `tempaccess grant trust` adds it"
                ))
        } else if named.is_empty() {
            not_genuine(format!("it says that `{who}` signed it, but the key {fingerprint} belongs to somebody else"))
        } else if named.iter().any(|line| line.is_valid(at)) {
            let message = format!("the signers do not allow the key of `{who}` the namespace `{}`", namespace.as_str());
            // Somebody who may ask is not let give by a hint.
            match namespace {
                Namespace::Grant => not_genuine(message),
                Namespace::Request => not_genuine(message)
                    .with_hint(format!("`tempaccess grant trust {who} KEY --as requester` lets them ask")),
            }
        } else {
            not_genuine(format!("the key of `{who}` is outside its validity period"))
        };
        Err(error)
    }
}

pub(crate) fn not_genuine(message: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::GrantNotGenuine, Stage::Grant, message)
}

/// Parses `principals [options] type key [comment]`.
fn parse_line(line: &str) -> Result<SignerLine, String> {
    let mut words = Words(line);
    let principals = words.next().ok_or("is empty")?;
    let mut parsed = None;
    let (mut namespaces, mut valid_after, mut valid_before) = (None, None, None);
    let mut rest = words.0.trim_start();
    // Options come before the key, whose type they cannot be taken for.
    while let Some(word) = words.next() {
        if let Ok(key) = PublicKey::from_openssh(rest) {
            parsed = Some(key);
            break;
        }
        for option in split_quoted(&word, ',') {
            let (name, value) =
                option.split_once('=').map_or((option.as_str(), None), |(name, value)| (name, Some(value)));
            let value = value.map(|value| value.trim_matches('"'));
            match (name.to_ascii_lowercase().as_str(), value) {
                ("namespaces", Some(value)) => namespaces = Some(value.split(',').map(str::to_owned).collect()),
                ("valid-after", Some(value)) => valid_after = Some(parse_time(value)?),
                ("valid-before", Some(value)) => valid_before = Some(parse_time(value)?),
                ("cert-authority", None) => {
                    return Err("names a certificate authority, which is not supported".to_owned());
                }
                _ => return Err(format!("has neither a public key nor an option at `{}`", excerpt(&option))),
            }
        }
        rest = words.0.trim_start();
    }
    let key = parsed.ok_or("has no public key")?;
    let principals = principals.trim_matches('"').split(',').map(str::to_owned).collect();
    Ok(SignerLine { principals, namespaces, valid_after, valid_before, key })
}

/// Parses `YYYYMMDD[HHMM[SS]][Z]`: in UTC with a `Z`, otherwise in the time zone of this machine.
fn parse_time(text: &str) -> Result<Timestamp, String> {
    let (digits, is_utc) = text.strip_suffix('Z').map_or((text, false), |digits| (digits, true));
    let format = match digits.len() {
        8 => "%Y%m%d",
        12 => "%Y%m%d%H%M",
        14 => "%Y%m%d%H%M%S",
        _ => return Err(format!("has the invalid time `{}`", excerpt(text))),
    };
    let invalid = |_| format!("has the invalid time `{}`", excerpt(text));
    let civil = match digits.len() {
        8 => jiff::civil::Date::strptime(format, digits).map_err(invalid)?.to_datetime(jiff::civil::Time::midnight()),
        _ => DateTime::strptime(format, digits).map_err(invalid)?,
    };
    let zone = if is_utc { TimeZone::UTC } else { TimeZone::system() };
    zone.to_timestamp(civil).map_err(invalid)
}

/// Splits a line at spaces and tabs outside quotes.
struct Words<'a>(&'a str);

impl Iterator for Words<'_> {
    type Item = String;

    fn next(&mut self) -> Option<String> {
        let text = self.0.trim_start_matches([' ', '\t']);
        let mut quoted = false;
        let end = text.find(|character| {
            quoted ^= character == '"';
            !quoted && matches!(character, ' ' | '\t')
        });
        let (word, rest) = text.split_at(end.unwrap_or(text.len()));
        self.0 = rest;
        (!word.is_empty()).then(|| word.to_owned())
    }
}

/// Splits at a separator outside quotes.
fn split_quoted(text: &str, separator: char) -> Vec<String> {
    let mut quoted = false;
    let parts = text.split(|character| {
        quoted ^= character == '"';
        !quoted && character == separator
    });
    parts.map(str::to_owned).collect()
}

/// The fingerprint of a public key in the form of OpenSSH, as [`Signers::verify`] returns it.
pub(crate) fn fingerprint(public_key: &str) -> Option<String> {
    Some(PublicKey::from_openssh(public_key).ok()?.fingerprint(HashAlg::Sha256).to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    const KEY: &str = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIHsKLqeplhpW+uObz5dvMgjz1OxfM/XXUB+VHtZ6isGN";

    fn line(text: &str) -> SignerLine {
        Signers::parse(text).unwrap().lines.remove(0)
    }

    #[test]
    fn lines_of_openssh_are_read() {
        let plain = line(&format!("ada@example.com {KEY} comment here"));
        assert!(plain.is_for("ada@example.com") && !plain.is_for("eve@example.com") && plain.allows(Namespace::Grant));
        let patterns = line(&format!("*@example.com,!eve@example.com {KEY}"));
        assert!(patterns.is_for("ada@example.com") && !patterns.is_for("eve@example.com"));
        let options = line(&format!(
            "ada@example.com namespaces=\"git,tempaccess-*\",valid-after=\"20260101Z\",valid-before=20270101120000Z {KEY}"
        ));
        assert!(options.allows(Namespace::Grant));
        assert!(options.is_valid("2026-06-01T00:00:00Z".parse().unwrap()));
        assert!(!options.is_valid("2027-01-01T12:00:00Z".parse().unwrap()));
        assert!(!options.is_valid("2025-12-31T23:59:59Z".parse().unwrap()));
        assert!(!line(&format!("ada@example.com namespaces=\"git\" {KEY}")).allows(Namespace::Grant));
    }

    #[test]
    fn lines_that_are_not_understood_are_refused() {
        let message = |text: &str| Signers::parse(text).unwrap_err().message().to_owned();
        assert_eq!(message("ada@example.com"), "line 1 of the signers has no public key");
        assert_eq!(
            message(&format!("# ada\nada@example.com cert-authority {KEY}")),
            "line 2 of the signers names a certificate authority, which is not supported"
        );
        assert_eq!(
            message(&format!("ada@example.com verify-required {KEY}")),
            "line 1 of the signers has neither a public key nor an option at `verify-required`"
        );
        assert_eq!(
            message(&format!("ada@example.com valid-before=20261301 {KEY}")),
            "line 1 of the signers has the invalid time `20261301`"
        );
    }
}
