//! Revocations: inline policies of a role that deny everything to some of its sessions.

use std::fmt;

use jiff::Timestamp;
use serde_json::json;

use super::{REVOKED_PREFIX, condition_time, name_time, parse_name_time};
use crate::grant_id::{GRANT_TAG, GrantId};

/// Whose sessions are denied.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum DeniedSessions {
    /// Those of one grant, by its session tag. Extensions have the same tag.
    Grant(GrantId),
    /// Those that one administrator gave, by their source identity.
    Administrator(String),
    /// Those that began before this time.
    Older(Timestamp),
}

/// An inline policy that ends sessions. Its name says until when it is needed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Revocation {
    pub(crate) name: String,
    pub(crate) document: String,
}

impl Revocation {
    /// Denies everything to the target. `needed_until` is when the last session that it ends would have ended by itself.
    ///
    /// The deny has no date: a clock that is wrong must not lift it.
    pub(crate) fn new(target: &DeniedSessions, needed_until: Timestamp) -> Self {
        let condition = match target {
            DeniedSessions::Grant(id) => {
                json!({"StringEquals": {format!("aws:PrincipalTag/{GRANT_TAG}"): id.as_str()}})
            }
            DeniedSessions::Administrator(name) => json!({"StringEquals": {"aws:SourceIdentity": name}}),
            DeniedSessions::Older(at) => json!({"DateLessThan": {"aws:TokenIssueTime": condition_time(*at)}}),
        };
        let statement = json!({"Effect": "Deny", "Action": "*", "Resource": "*", "Condition": condition});
        let document = json!({"Version": "2012-10-17", "Statement": [statement]}).to_string();
        Self { name: format!("{REVOKED_PREFIX}{target}={}", name_time(needed_until)), document }
    }

    /// Returns the beginning of the names of all revocations of a grant.
    pub(crate) fn prefix_of(id: &GrantId) -> String {
        format!("{REVOKED_PREFIX}{id}=")
    }

    /// Returns the id of the grant that the revocation of this name ends. `None` for other policies.
    pub(crate) fn id_of(name: &str) -> Option<GrantId> {
        name.strip_prefix(REVOKED_PREFIX)?.split('=').next()?.parse().ok()
    }

    /// Returns what the revocation of this name must be. `None` for other policies.
    pub(crate) fn named(name: &str) -> Option<Self> {
        Some(Self::new(&Self::target_of(name)?, Self::needed_until(name)?))
    }

    /// Returns whose sessions the revocation of this name denies. `None` for other policies.
    pub(crate) fn target_of(name: &str) -> Option<DeniedSessions> {
        let target = name.strip_prefix(REVOKED_PREFIX)?.rsplit_once('=')?.0;
        if let Ok(id) = target.parse() {
            return Some(DeniedSessions::Grant(id));
        }
        if let Some(by) = target.strip_prefix("by-") {
            return Some(DeniedSessions::Administrator(by.to_owned()));
        }
        Some(DeniedSessions::Older(parse_name_time(target.strip_prefix("older-")?)?))
    }

    /// Returns until when the revocation of this name is needed. `None` for other policies.
    pub(crate) fn needed_until(name: &str) -> Option<Timestamp> {
        parse_name_time(name.strip_prefix(REVOKED_PREFIX)?.rsplit_once('=')?.1)
    }
}

/// The part of a policy's name that says whose sessions are denied.
impl fmt::Display for DeniedSessions {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Grant(id) => write!(f, "{id}"),
            // A name of a policy has 128 characters, a source identity 64.
            Self::Administrator(name) => write!(f, "by-{name}"),
            Self::Older(at) => write!(f, "older-{}", name_time(*at)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_name_says_when_it_can_be_removed() {
        let until = "2026-11-25T15:40:00Z".parse().unwrap();
        let id: GrantId = "k7q3m5xw2p4a".parse().unwrap();
        let revocation = Revocation::new(&DeniedSessions::Grant(id.clone()), until);
        assert_eq!(revocation.name, "tempaccess-revoked-k7q3m5xw2p4a=20261125T154000Z");
        assert_eq!(Revocation::needed_until(&revocation.name), Some(until));
        assert!(revocation.name.starts_with(&Revocation::prefix_of(&id)));
        // 62 fit into a role.
        assert!(revocation.document.len() <= 165, "{}", revocation.document.len());
        let by = Revocation::new(&DeniedSessions::Administrator("ada@example.com".to_owned()), until);
        assert_eq!(Revocation::needed_until(&by.name), Some(until));
        for target in [
            DeniedSessions::Grant(id),
            DeniedSessions::Administrator("ada+x@example.com".to_owned()),
            DeniedSessions::Older(until),
        ] {
            let revocation = Revocation::new(&target, until);
            assert_eq!(Revocation::named(&revocation.name), Some(revocation));
        }
        assert_eq!(Revocation::named("tempaccess-revoked-somebody=20261125T154000Z"), None);
        for name in ["tempaccess-grant-k7q3m5xw2p4a", "tempaccess-revoked-k7q3m5xw2p4a", "tempaccess-revoked-x=soon"] {
            assert_eq!(Revocation::needed_until(name), None);
        }
    }
}
