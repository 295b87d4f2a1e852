//! The condition keys of a call.

use std::collections::BTreeMap;

use iam_rs::{Context, ContextValue};
use jiff::Timestamp;

use super::literal;
use crate::aws::credentials::Caller;
use crate::server::Scheme;
use crate::shared::Shared;
use crate::world;

/// The condition keys of a call, with their values.
#[derive(Debug, Clone)]
pub(crate) struct Keys(Context);

impl Keys {
    /// Returns the keys that every call has.
    pub(crate) fn new(shared: &Shared) -> Self {
        let now = shared.clock.now();
        let mut keys = Self(Context::new());
        keys.set("aws:CurrentTime", &instant(now));
        keys.set("aws:EpochTime", &now.as_second().to_string());
        keys.set("aws:SourceIp", &shared.iam.source_ip().to_string());
        keys.set_flag("aws:SecureTransport", shared.scheme == Scheme::Https);
        keys.set_flag("aws:ViaAWSService", false);
        keys
    }

    /// Returns the keys of a call that a session signed.
    pub(crate) fn of_caller(shared: &Shared, caller: &Caller) -> Self {
        let session = &caller.session;
        let mut keys = Self::new(shared);
        keys.set("aws:PrincipalArn", &session.role_arn);
        keys.set("aws:PrincipalAccount", &session.account);
        keys.set("aws:PrincipalType", "AssumedRole");
        keys.set("aws:userid", &session.user_id);
        keys.set("aws:TokenIssueTime", &instant(session.issued_at));
        keys.set("aws:RequestedRegion", &caller.region);
        if let Some(identity) = &session.source_identity {
            keys.set("aws:SourceIdentity", identity);
        }
        for (key, value) in &session.tags {
            keys.set(&format!("aws:PrincipalTag/{key}"), value);
        }
        keys
    }

    /// Sets a key with one value.
    pub(crate) fn set(&mut self, key: &str, value: &str) {
        self.0.insert(key.to_owned(), ContextValue::String(literal(value)));
    }

    fn set_flag(&mut self, key: &str, value: bool) {
        self.0.insert(key.to_owned(), ContextValue::Boolean(value));
    }

    /// Sets a key with any number of values. A key without values does not exist.
    pub(crate) fn set_all<'a>(&mut self, key: &str, values: impl IntoIterator<Item = &'a str>) {
        let values: Vec<_> = values.into_iter().map(literal).collect();
        if !values.is_empty() {
            self.0.insert(key.to_owned(), ContextValue::StringList(values));
        }
    }

    /// Sets the keys of the tags in a request.
    pub(crate) fn set_request_tags(&mut self, tags: &BTreeMap<String, String>) {
        self.set_all("aws:TagKeys", tags.keys().map(String::as_str));
        for (key, value) in tags {
            self.set(&format!("aws:RequestTag/{key}"), value);
        }
    }

    /// Sets the keys of a role that a call of IAM changes or reads.
    pub(crate) fn set_target_role(&mut self, shared: &Shared, role: &world::Role) {
        self.set("aws:ResourceAccount", role.account());
        let boundary = role.boundary.as_deref().and_then(|name| shared.world.policy(role.account(), name));
        if let Some(boundary) = boundary {
            self.set("iam:PermissionsBoundary", &boundary.arn);
        }
    }

    pub(super) fn context(&self) -> &Context {
        &self.0
    }
}

fn instant(instant: Timestamp) -> String {
    instant.strftime("%Y-%m-%dT%H:%M:%SZ").to_string()
}
