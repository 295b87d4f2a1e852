//! A line of JSON and the signature over it, in a text that went through tickets and mails.

use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use super::signers::not_genuine;
use super::{Namespace, Signer, Signers};
use crate::error::Result;
use crate::saml::hex;
use crate::text::excerpt;

pub(super) const SIGNATURE_BEGIN: &str = "-----BEGIN SSH SIGNATURE-----";
pub(super) const SIGNATURE_END: &str = "-----END SSH SIGNATURE-----";

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
        let signature = signer.sign(namespace, text.as_bytes()).await?;
        Ok(Self { text, signature: signature.trim_end().to_owned() + "\n" })
    }

    /// Finds every signed line of a text, in order. Text between them is ignored, and so are line ends and the quotation marks
    /// of mails (`> `).
    pub(crate) fn find_all(text: &str) -> Vec<Self> {
        let lines: Vec<_> = text.lines().map(unquoted).collect();
        let mut found = Vec::new();
        let mut before = 0;
        while let Some(begin) = position(&lines, before, SIGNATURE_BEGIN) {
            let Some(end) = position(&lines, begin, SIGNATURE_END) else { break };
            let above = lines.get(before..begin).unwrap_or_default();
            if let Some(line) = above.iter().rev().find(|line| line.starts_with("{\"")) {
                let signature = lines.get(begin..=end).unwrap_or_default().join("\n") + "\n";
                found.push(Self { text: (*line).to_owned(), signature });
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

fn position(lines: &[&str], from: usize, wanted: &str) -> Option<usize> {
    lines.iter().skip(from).position(|line| *line == wanted).map(|at| at + from)
}

/// Returns a line without the quotation marks of mails and white space around it.
pub(super) fn unquoted(line: &str) -> &str {
    line.trim().trim_start_matches(['>', ' ']).trim_end()
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
