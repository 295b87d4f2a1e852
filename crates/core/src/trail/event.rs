//! One event of CloudTrail ("CloudTrail record contents", CloudTrail user guide).

use std::collections::BTreeMap;
use std::io;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::grant_id::{GRANT_TAG, GrantId};
use crate::policy::{DatedPolicy, Revocation};

/// The longest text that is kept of what a caller of AWS chooses freely, in characters.
const MAX_FREE_TEXT: usize = 1_000;

/// An event of CloudTrail, as far as it concerns access.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct TrailEvent {
    /// `eventTime`.
    pub time: Timestamp,
    /// `eventID`.
    pub id: String,
    /// `eventSource`: `s3.amazonaws.com`.
    pub source: String,
    /// `eventName`: `GetObject`.
    pub name: String,
    /// `awsRegion`.
    pub region: String,
    /// `userIdentity.arn`: the principal.
    pub principal: Option<String>,
    /// `userIdentity.accessKeyId`.
    pub access_key_id: Option<String>,
    /// `userIdentity.sessionContext.sourceIdentity`, or that of the request.
    pub source_identity: Option<String>,
    /// `sourceIPAddress`: an address, or the service that called.
    pub source_address: Option<String>,
    /// `userAgent`.
    pub user_agent: Option<String>,
    /// `errorCode`: `AccessDenied`.
    pub error_code: Option<String>,
    /// `errorMessage`.
    pub error_message: Option<String>,
    /// What the call was about: the ARNs in `resources`, or the object or bucket of `requestParameters`.
    pub resources: Vec<String>,
    /// The role that the request is about: `requestParameters.roleArn`, or `roleName`.
    pub role: Option<String>,
    /// The inline policy that the request is about: `requestParameters.policyName`.
    pub policy_name: Option<String>,
    /// The session name that the request gives: `requestParameters.roleSessionName`.
    pub session_name: Option<String>,
    /// The id of the assertion of a sign-in: `requestParameters.sAMLAssertionID`.
    pub assertion_id: Option<String>,
    /// The session tags that the request gives.
    pub tags: BTreeMap<String, String>,
    /// The access key that the response has: `responseElements.credentials.accessKeyId`.
    pub issued_key: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Record {
    event_time: Timestamp,
    #[serde(rename = "eventID", default)]
    event_id: String,
    #[serde(default)]
    event_source: String,
    event_name: String,
    #[serde(default)]
    aws_region: String,
    #[serde(default)]
    user_identity: UserIdentity,
    #[serde(rename = "sourceIPAddress")]
    source_address: Option<String>,
    user_agent: Option<String>,
    error_code: Option<String>,
    error_message: Option<String>,
    request_parameters: Option<serde_json::Value>,
    response_elements: Option<serde_json::Value>,
    #[serde(default)]
    resources: Option<Vec<Resource>>,
}

#[derive(Deserialize)]
struct Resource {
    #[serde(rename = "ARN", alias = "ARNPrefix")]
    arn: Option<String>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct UserIdentity {
    arn: Option<String>,
    access_key_id: Option<String>,
    session_context: Option<SessionContext>,
}

#[derive(Default, Deserialize)]
#[serde(rename_all = "camelCase")]
struct SessionContext {
    source_identity: Option<String>,
}

/// Cuts a text that a caller of AWS chooses freely, so that events take little memory.
fn cut(text: String) -> String {
    match text.char_indices().nth(MAX_FREE_TEXT) {
        Some((end, _)) => format!("{}…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

impl TrailEvent {
    /// Parses an event. `None` if it is not one.
    pub fn parse(json: &[u8]) -> Option<Self> {
        let record: Record = serde_json::from_slice(json).ok()?;
        let parameters = record.request_parameters.unwrap_or_default();
        let text = |pointer: &str| parameters.pointer(pointer).and_then(|value| value.as_str()).map(str::to_owned);
        let response = record.response_elements.unwrap_or_default();
        let session = record.user_identity.session_context.unwrap_or_default();
        Some(Self {
            time: record.event_time,
            id: record.event_id,
            source: record.event_source,
            name: record.event_name,
            region: record.aws_region,
            principal: record.user_identity.arn,
            access_key_id: record.user_identity.access_key_id,
            source_identity: text("/sourceIdentity").or(session.source_identity),
            source_address: record.source_address,
            user_agent: record.user_agent.map(cut),
            error_code: record.error_code,
            error_message: record.error_message.map(cut),
            resources: resources(record.resources, &parameters),
            role: text("/roleArn").or_else(|| text("/roleName")),
            policy_name: text("/policyName"),
            session_name: text("/roleSessionName"),
            assertion_id: text("/sAMLAssertionID"),
            tags: tags(&parameters),
            issued_key: response.pointer("/credentials/accessKeyId").and_then(|key| key.as_str()).map(str::to_owned),
        })
    }

    /// Parses a record of a trail's file. `None` for anything else, such as a digest.
    ///
    /// # Errors
    ///
    /// `InvalidData` for an event that cannot be read: a search must not leave it out.
    pub(super) fn of_record(record: &[u8]) -> io::Result<Option<Self>> {
        match Self::parse(record) {
            None if memchr::memmem::find(record, b"\"eventName\"").is_some() => {
                Err(io::Error::new(io::ErrorKind::InvalidData, "it has an event that cannot be read"))
            }
            event => Ok(event),
        }
    }

    /// Returns the event of a row of a query engine, whose columns are named as in [`query_text`](super::query_text).
    pub(super) fn of_row(row: &BTreeMap<String, String>) -> Option<Self> {
        let text = |column: &str| row.get(column).filter(|value| !value.is_empty()).cloned();
        let json = |column: &str| serde_json::from_str::<serde_json::Value>(row.get(column)?).ok();
        let tags = serde_json::json!({ "tags": json("tags") });
        let credentials = json("credentials").unwrap_or_default();
        Some(Self {
            time: time_of_row(row.get("eventtime")?)?,
            id: text("eventid").unwrap_or_default(),
            source: text("eventsource").unwrap_or_default(),
            name: text("eventname")?,
            region: text("awsregion").unwrap_or_default(),
            principal: text("arn"),
            access_key_id: text("accesskeyid"),
            source_identity: None,
            source_address: text("sourceipaddress"),
            user_agent: text("useragent"),
            error_code: text("errorcode"),
            error_message: text("errormessage"),
            resources: resources(None, &json("parameters").unwrap_or_default()),
            role: text("rolearn").or_else(|| text("rolename")),
            policy_name: text("policyname"),
            session_name: text("rolesessionname"),
            assertion_id: json("parameters").and_then(|all| Some(all.get("sAMLAssertionID")?.as_str()?.to_owned())),
            tags: self::tags(&tags),
            issued_key: credentials.get("accessKeyId").and_then(|key| key.as_str()).map(str::to_owned),
        })
    }

    /// The call: its service and its name, such as `s3:GetObject`.
    pub fn call(&self) -> String {
        format!("{}:{}", self.source.trim_end_matches(".amazonaws.com"), self.name)
    }

    /// Whether the call was denied for a missing permission.
    pub fn is_denied(&self) -> bool {
        self.error_code.as_deref().is_some_and(|code| {
            code.contains("AccessDenied") || code.contains("UnauthorizedOperation") || code.contains("Forbidden")
        })
    }

    /// The session that the event is about: that of the principal, or the one that a sign-in began.
    pub fn session(&self) -> Option<&str> {
        let signed_in = || self.session_name.as_deref().filter(|_| self.name == "AssumeRoleWithSAML");
        self.principal_session().or_else(signed_in)
    }

    /// The session name of the principal.
    pub fn principal_session(&self) -> Option<&str> {
        self.principal.as_deref().filter(|arn| arn.contains(":assumed-role/"))?.rsplit('/').next()
    }

    /// The id of the grant whose session made the call, by its session name `TO+ID`.
    pub fn grant_of_session(&self) -> Option<GrantId> {
        self.principal_session()?.rsplit_once('+')?.1.parse().ok()
    }

    /// The id of the grant that the event gives or changes: by the session tag of AssumeRole, or the name of a policy.
    pub fn grant_of_request(&self) -> Option<GrantId> {
        if let Some(tag) = self.tags.get(GRANT_TAG) {
            return tag.parse().ok();
        }
        let name = self.policy_name.as_deref()?;
        DatedPolicy::id_of(name).or_else(|| Revocation::id_of(name))
    }
}

/// The name of a role, from its ARN or as it is.
pub(crate) fn role_name(role: &str) -> &str {
    role.rsplit('/').next().unwrap_or(role)
}

/// Returns what a call was about, most precise first: an object before its bucket.
fn resources(listed: Option<Vec<Resource>>, parameters: &serde_json::Value) -> Vec<String> {
    let mut arns: Vec<_> = listed.into_iter().flatten().filter_map(|resource| resource.arn).collect();
    if arns.is_empty() {
        let text = |name: &str| parameters.get(name).and_then(|value| value.as_str());
        let object = text("bucketName").map(|bucket| match text("key").or_else(|| text("prefix")) {
            Some(key) => format!("arn:aws:s3:::{bucket}/{key}"),
            None => format!("arn:aws:s3:::{bucket}"),
        });
        let named = ["roleArn", "roleName", "functionName", "tableName", "secretId", "keyId", "instanceId", "name"];
        arns.extend(object.or_else(|| named.into_iter().find_map(text).map(str::to_owned)));
    }
    arns.sort_by_key(|arn| std::cmp::Reverse(arn.len()));
    arns
}

/// Puts events into the order in which they happened, and removes repetitions: a trail delivers an event of a global service into
/// the files of several regions.
pub(crate) fn put_in_order(events: &mut Vec<TrailEvent>) {
    events.sort_by(|one, other| (one.time, &one.id).cmp(&(other.time, &other.id)));
    events.dedup_by(|one, other| !one.id.is_empty() && one.id == other.id);
}

/// The time of a row: as in an event, or as SQL writes it, in UTC.
fn time_of_row(text: &str) -> Option<Timestamp> {
    let sql = || jiff::tz::TimeZone::UTC.to_timestamp(text.parse::<jiff::civil::DateTime>().ok()?).ok();
    text.parse().ok().or_else(sql)
}

/// The session tags of a request: a list of `{key, value}`, in either case.
fn tags(parameters: &serde_json::Value) -> BTreeMap<String, String> {
    let list = parameters.get("tags").and_then(|tags| tags.as_array());
    let pair = |tag: &serde_json::Value| {
        let text = |name: &str, other: &str| tag.get(name).or_else(|| tag.get(other))?.as_str().map(str::to_owned);
        Some((text("key", "Key")?, text("value", "Value")?))
    };
    list.into_iter().flatten().filter_map(pair).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASSUME: &str = r#"{"eventVersion":"1.08","eventTime":"2026-11-25T14:00:02Z","eventSource":"sts.amazonaws.com",
        "eventName":"AssumeRole","awsRegion":"us-east-1","sourceIPAddress":"192.0.2.1","eventID":"e-1",
        "userIdentity":{"type":"AssumedRole","arn":"arn:aws:sts::111122223333:assumed-role/AccessAdmin/ada@example.com",
        "accessKeyId":"ASIAADMIN","sessionContext":{"sourceIdentity":"ada@example.com"}},
        "requestParameters":{"roleArn":"arn:aws:iam::111122223333:role/Granted",
        "roleSessionName":"grace@example.com+k7q3m5xw2p4a","tags":[{"key":"TempaccessGrant","value":"k7q3m5xw2p4a"}],
        "transitiveTagKeys":["TempaccessGrant"]},
        "responseElements":{"credentials":{"accessKeyId":"ASIAGRACE","expiration":"Nov 25, 2026"}}}"#;

    #[test]
    fn an_issuance_names_its_grant() {
        let event = TrailEvent::parse(ASSUME.as_bytes()).unwrap();
        assert_eq!(event.grant_of_request().unwrap().as_str(), "k7q3m5xw2p4a");
        assert_eq!(event.issued_key.as_deref(), Some("ASIAGRACE"));
        assert_eq!(event.principal_session(), Some("ada@example.com"));
        assert!(event.grant_of_session().is_none() && !event.is_denied());
    }

    #[test]
    fn rows_of_query_engines_are_events() {
        let row = |time: &str| {
            let row = [
                ("eventtime", time),
                ("eventname", "AssumeRole"),
                ("eventsource", "sts.amazonaws.com"),
                ("rolearn", "arn:aws:iam::111122223333:role/Granted"),
                ("tags", r#"[{"key":"TempaccessGrant","value":"k7q3m5xw2p4a"}]"#),
                ("credentials", r#"{"accessKeyId":"ASIAGRACE","sessionToken":"…"}"#),
                ("errorcode", ""),
            ];
            row.map(|(name, value)| (name.to_owned(), value.to_owned())).into()
        };
        let event = TrailEvent::of_row(&row("2026-11-25T14:00:02Z")).unwrap();
        assert_eq!(event.grant_of_request().unwrap().as_str(), "k7q3m5xw2p4a");
        assert_eq!((event.issued_key.as_deref(), &event.error_code), (Some("ASIAGRACE"), &None));
        // Lake has timestamps of SQL.
        assert_eq!(TrailEvent::of_row(&row("2026-11-25 14:00:02.000")).unwrap(), event);
        assert!(TrailEvent::of_row(&row("yesterday")).is_none());
    }

    #[test]
    fn a_call_of_a_grant_names_it_by_its_session() {
        let call = r#"{"eventTime":"2026-11-25T14:10:00Z","eventName":"GetObject","errorCode":"AccessDenied",
            "userIdentity":{"arn":"arn:aws:sts::111122223333:assumed-role/Granted/grace@example.com+k7q3m5xw2p4a"}}"#;
        let event = TrailEvent::parse(call.as_bytes()).unwrap();
        assert_eq!(event.grant_of_session().unwrap().as_str(), "k7q3m5xw2p4a");
        assert!(event.is_denied());
        for name in ["tempaccess-grant-k7q3m5xw2p4a", "tempaccess-revoked-k7q3m5xw2p4a=20261125T144000Z"] {
            let put = format!(
                r#"{{"eventTime":"2026-11-25T14:10:00Z","eventName":"PutRolePolicy","requestParameters":{{"roleName":"People","policyName":"{name}"}}}}"#
            );
            assert!(TrailEvent::parse(put.as_bytes()).unwrap().grant_of_request().is_some());
        }
        assert!(TrailEvent::parse(b"{}").is_none());
        // Other records are passed over; an event that cannot be read is not.
        assert!(TrailEvent::of_record(br#"{"digestStartTime":"2026-11-25T14:10:00Z"}"#).unwrap().is_none());
        for time in ["", "soon", "+999999-01-01T00:00:00Z"] {
            assert!(TrailEvent::of_record(call.replace("2026-11-25T14:10:00Z", time).as_bytes()).is_err(), "{time}");
        }
    }
}
