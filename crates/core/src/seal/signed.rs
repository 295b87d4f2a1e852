//! A line of JSON and the signature over it, in a text that went through tickets and mails.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use ssh_key::{PublicKey, SshSig};

use super::signers::not_genuine;
use super::wrapped::{armor, unbroken, unquoted};
use super::{Namespace, Signer, Signers};
use crate::error::Result;
use crate::saml::hex;
use crate::text::excerpt;

pub(super) const SIGNATURE_BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
pub(super) const SIGNATURE_END: &str = "-----END SSH SIGNATURE-----";
/// How long the lines of a signature are.
const SIGNATURE_WIDTH: usize = 70;

/// A line of JSON and its signature.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
#[non_exhaustive]
pub struct SignedLine {
    /// The line, exactly as it was signed.
    pub text: String,
    /// The armored signature.
    pub signature: String,
}

impl SignedLine {
    /// Signs a value.
    ///
    /// # Errors
    ///
    /// Those of the signer.
    pub(crate) async fn sign(value: &impl Serialize, namespace: Namespace, signer: &dyn Signer) -> Result<Self> {
        let text = serde_json::to_string(value).unwrap_or_default();
        let signature = super::signer::sign(signer, namespace, text.as_bytes()).await?;
        Ok(Self { text, signature: signature.trim_end().to_owned() + "\n" })
    }

    /// Finds every signed line of a text, in order. Text between them is ignored, and so are line ends, the quotation marks
    /// of mails (`> `) and line breaks that were inserted.
    pub(crate) fn find_all(text: &str) -> Vec<Self> {
        let lines: Vec<_> = text.lines().collect();
        let mut found = Vec::new();
        let mut before = 0;
        while let Some(begin) = position(&lines, before, SIGNATURE_BEGIN) {
            let Some(end) = position(&lines, begin, SIGNATURE_END) else { break };
            let above = lines.get(before..begin).unwrap_or_default();
            if let Some(start) = above.iter().rposition(|line| unquoted(line).starts_with("{\"")) {
                let signature = signature(lines.get(begin..=end).unwrap_or_default());
                let header = above.get(start..).unwrap_or_default();
                let first = header.first().map(|line| unquoted(line).to_owned()).unwrap_or_default();
                // The key that comes with the signature tells which text it is about, and nothing about who made it.
                let signed = unbroken(header).into_iter().find(|text| matches(text, &signature));
                found.push(Self { text: signed.unwrap_or(first), signature });
            }
            before = end + 1;
        }
        found
    }

    /// Returns the text with its signature below it.
    pub(crate) fn to_block(&self) -> String {
        format!("{}\n{}", self.text, self.signature)
    }

    /// The SHA-256 of the line, in hex.
    pub fn digest(&self) -> String {
        hex(&Sha256::digest(&self.text))
    }

    /// Reads the value. Nothing is verified.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine` if the line is another value.
    pub(crate) fn read<T: DeserializeOwned>(&self) -> Result<T> {
        serde_json::from_str(&self.text)
            .map_err(|error| not_genuine(format!("a signed line cannot be read: {}", excerpt(&error.to_string()))))
    }

    /// Verifies that `name` signed the line for this purpose at the time `at`. Returns the fingerprint of the key.
    ///
    /// # Errors
    ///
    /// `grant_not_genuine`.
    pub(crate) fn verify(&self, namespace: Namespace, name: &str, signers: &Signers, at: Timestamp) -> Result<String> {
        signers.verify(namespace, name, self.text.as_bytes(), &self.signature, at)
    }
}

pub(super) fn position(lines: &[&str], from: usize, wanted: &str) -> Option<usize> {
    lines.iter().skip(from).position(|line| unquoted(line) == wanted).map(|at| at + from)
}

/// Returns a signature from its lines, of which the first and the last are the marks.
pub(super) fn signature(lines: &[&str]) -> String {
    let body = lines.get(1..lines.len().saturating_sub(1)).unwrap_or_default();
    armor(SIGNATURE_BEGIN, body, SIGNATURE_END, SIGNATURE_WIDTH)
}

/// Whether the signature is one of this text, by any key.
fn matches(text: &str, signature: &str) -> bool {
    SshSig::from_pem(signature).is_ok_and(|signature| {
        let key = PublicKey::new(signature.public_key().clone(), "");
        key.verify(signature.namespace(), text.as_bytes(), &signature).is_ok()
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_are_found_in_a_mail() {
        let block = |text: &str| format!("{text}\n{SIGNATURE_BEGIN}\nAAAA\n{SIGNATURE_END}\n");
        let mail = format!("Hello,\n{}please look\n{}bye", block("{\"a\":1}"), block("> {\"b\":2}"));
        let found = SignedLine::find_all(&mail.replace('\n', "\r\n"));
        assert_eq!(found.iter().map(|line| line.text.as_str()).collect::<Vec<_>>(), ["{\"a\":1}", "{\"b\":2}"]);
        assert!(SignedLine::find_all(&format!("{SIGNATURE_BEGIN}\n")).is_empty());
        assert!(SignedLine::find_all(&block("no json")).is_empty());
    }
}
