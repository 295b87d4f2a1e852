//! Everyday sign-ins, from the audit logs of the people who signed in.

use std::path::Path;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::input;

/// The size limit of an audit log. A record has about 1 KiB.
const MAX_LOG: usize = 256 << 20;

/// A session that somebody got by signing in, or in a role that they assumed from one: what an
/// [`AuditRecord`](crate::audit::AuditRecord) says of it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize, Serialize)]
#[non_exhaustive]
pub struct RecordedSession {
    /// When STS issued the session.
    pub at: Timestamp,
    /// The person's reason.
    pub reason: Option<String>,
    /// Where the assertion came from, such as `okta:acme.okta.com`.
    pub source: String,
    /// The role session name.
    pub session_name: Option<String>,
    /// The id of the assertion. A chained role has none.
    pub assertion_id: Option<String>,
    /// The principal whose session assumed the role, if it is chained.
    pub chained_from: Option<String>,
    /// The role.
    pub role_arn: Option<String>,
    /// The SHA-256 of the inline session policy.
    #[serde(default)]
    pub policy_sha256: Option<String>,
    /// The managed session policies.
    #[serde(default)]
    pub policy_arns: Vec<String>,
    /// The access key of the session.
    pub access_key_id: String,
    /// When the session expires.
    pub expiration: Timestamp,
}

/// The sign-ins of audit logs.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[non_exhaustive]
pub struct RecordedSessions {
    /// The sign-ins that got a session, in the order of the logs.
    pub sign_ins: Vec<RecordedSession>,
    /// How many lines are not records: those that a writer was killed at, and others.
    pub unreadable: usize,
}

/// What tells records of sessions from those of failures.
#[derive(Deserialize)]
struct OutcomeField {
    outcome: String,
}

impl RecordedSessions {
    /// Adds the sign-ins of an audit log, as [`AuditFile`](crate::audit::AuditFile) writes it.
    ///
    /// # Errors
    ///
    /// `io` if the file cannot be read or is larger than 256 MiB.
    pub fn read(&mut self, log: &Path) -> Result<()> {
        let bytes = input::read(log, MAX_LOG, input::PIPE_TIMEOUT).map_err(|error| {
            let message = format!("the audit log `{}` cannot be read: {error}", log.display());
            Error::new(ErrorKind::Io, Stage::Audit, message).with_source(error)
        })?;
        for line in bytes.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty()) {
            match serde_json::from_slice::<OutcomeField>(line) {
                Ok(OutcomeField { outcome }) if outcome != "issued" => {}
                _ => match serde_json::from_slice(line) {
                    Ok(sign_in) => self.sign_ins.push(sign_in),
                    Err(_) => self.unreadable += 1,
                },
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ISSUED: &str = r#"{"version":1,"at":"2026-11-24T09:00:00.000Z","outcome":"issued","reason":"OPS-123","source":"okta:acme.okta.com",
        "issuer":"http://www.okta.com/exk1","session_name":"grace@example.com","assertion_id":"id-1","role_arn":"arn:aws:iam::111122223333:role/ReadOnly",
        "access_key_id":"ASIAGRACE","expiration":"2026-11-24T10:00:00Z","chained_from":null,"error":null}"#;

    #[test]
    fn sessions_are_read_and_failures_and_torn_lines_are_not() {
        let folder = tempfile::tempdir().unwrap();
        let log = folder.path().join("audit.jsonl");
        let issued = ISSUED.replace('\n', "");
        let failed =
            r#"{"version":1,"at":"2026-11-24T08:59:00.000Z","outcome":"failed","source":"okta:acme.okta.com"}"#;
        std::fs::write(&log, format!("{failed}\n{issued}\n{}\n\n", &issued[..80])).unwrap();
        let mut found = RecordedSessions::default();
        found.read(&log).unwrap();
        assert_eq!(found.sign_ins.len(), 1);
        assert_eq!((found.sign_ins[0].access_key_id.as_str(), found.unreadable), ("ASIAGRACE", 1));
        assert_eq!(found.read(&folder.path().join("none")).unwrap_err().kind(), ErrorKind::Io);
    }
}
