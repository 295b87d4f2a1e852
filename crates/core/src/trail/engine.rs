//! The query engines of AWS in which a company may have its events, and how each is asked.

use jiff::Timestamp;

use super::TrailQuery;
use crate::policy::condition_time;

/// A query engine, and where the events are in it.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum QueryEngine {
    /// CloudWatch Logs Insights, on this log group of a trail.
    LogsInsights(String),
    /// Athena, on this table of CloudTrail's files: `TABLE`, or `DATABASE.TABLE`.
    Athena(String),
    /// CloudTrail Lake, on this event data store. It takes no new customers since 2026-05-31.
    Lake(String),
}

/// The most rows that Logs Insights returns.
pub(super) const MAX_ROWS: usize = 10_000;

/// Writes the query of an engine for these events.
///
/// ```
/// use tempaccess_core::trail::{QueryEngine, TrailQuery, query_text};
///
/// let mut query = TrailQuery::default();
/// query.session = Some("grace@example.com+k7q3m5xw2p4a".to_owned());
/// let text = query_text(&query, &QueryEngine::Athena("cloudtrail".to_owned()));
/// assert!(text.contains("WHERE useridentity.arn LIKE '%:assumed-role/%/grace@example.com+k7q3m5xw2p4a'"));
/// ```
pub fn query_text(query: &TrailQuery, engine: &QueryEngine) -> String {
    match engine {
        QueryEngine::LogsInsights(_) => {
            logs_insights(query, "eventTime, eventSource, eventName, errorCode, sourceIPAddress, userIdentity.arn")
        }
        QueryEngine::Athena(table) => sql(query, table, Sql::Athena),
        QueryEngine::Lake(store) => sql(query, store, Sql::Lake),
    }
}

/// Writes a query for Logs Insights that returns these fields.
pub(super) fn logs_insights(query: &TrailQuery, fields: &str) -> String {
    // A string ends at its quote, and a backslash takes the meaning from one.
    let quoted = |text: &str| format!("'{}'", text.replace('\\', "\\\\").replace('\'', "\\'"));
    let like = |field: &str, text: &str| format!("{field} like {}", quoted(text));
    let mut conditions = Vec::new();
    // `like` finds a text anywhere, and so a name with `+ID` after it as well.
    let names = query.session.iter().chain(&query.people);
    let mut any: Vec<_> = names.map(|name| like("userIdentity.arn", &format!("/{name}"))).collect();
    // The principal of a sign-in is the SAML user.
    any.extend(query.people.iter().map(|name| format!("requestParameters.roleSessionName = {}", quoted(name))));
    any.extend(query.grant.as_ref().map(|id| like("@message", id.as_str())));
    if !any.is_empty() {
        conditions.push(format!("({})", any.join(" or ")));
    }
    conditions.extend(query.role.as_ref().map(|role| {
        let about = like("requestParameters.roleArn", &format!("/{role}"));
        format!("({} or {about})", like("userIdentity.arn", &format!(":assumed-role/{role}/")))
    }));
    let keys = query.access_keys.iter().map(|key| like("@message", key));
    let assertion = query.assertion.as_ref().map(|id| like("requestParameters.sAMLAssertionID", id));
    let keys: Vec<_> = keys.chain(assertion).collect();
    conditions.extend((!keys.is_empty()).then(|| format!("({})", keys.join(" or "))));
    let filter = if conditions.is_empty() { String::new() } else { format!("| filter {}\n", conditions.join(" and ")) };
    format!("fields {fields}\n{filter}| sort @timestamp asc\n| limit {MAX_ROWS}")
}

/// The two dialects. CloudTrail's tables in Athena have requests and responses as JSON; Lake has them as maps.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sql {
    Athena,
    Lake,
}

impl Sql {
    /// The value of a field of `requestParameters` or `responseElements`.
    fn field(self, column: &str, name: &str) -> String {
        match self {
            Self::Athena => format!("json_extract_scalar({column}, '$.{name}')"),
            Self::Lake => format!("element_at({column}, '{name}')"),
        }
    }

    /// The same, of a value that is not a text.
    fn json(self, column: &str, name: &str) -> String {
        match self {
            Self::Athena => format!("json_format(json_extract({column}, '$.{name}'))"),
            Self::Lake => self.field(column, name),
        }
    }
}

/// Quotes a text for SQL.
fn quoted(text: &str) -> String {
    format!("'{}'", text.replace('\'', "''"))
}

/// A pattern of LIKE: `before`, a text without wildcards, `after`.
fn pattern(before: &str, text: &str, after: &str) -> String {
    if !text.contains(['%', '_', '\\']) {
        return quoted(&format!("{before}{text}{after}"));
    }
    let text = text.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_");
    format!("{} ESCAPE '\\'", quoted(&format!("{before}{text}{after}")))
}

fn sql(query: &TrailQuery, from: &str, dialect: Sql) -> String {
    const ARN: &str = "useridentity.arn";
    const REQUEST: &str = "requestparameters";
    const RESPONSE: &str = "responseelements";
    let [role_arn, role_name, session_name, policy_name] =
        ["roleArn", "roleName", "roleSessionName", "policyName"].map(|name| dialect.field(REQUEST, name));
    let tags = dialect.json(REQUEST, "tags");
    let of_session = |name: &str, after: &str| format!("{ARN} LIKE {}", pattern("%:assumed-role/%/", name, after));
    let mut any: Vec<_> = query.session.iter().map(|name| of_session(name, "")).collect();
    any.extend(query.people.iter().flat_map(|name| [of_session(name, ""), of_session(name, "+%")]));
    // The principal of a sign-in is the SAML user.
    any.extend(query.people.iter().map(|name| format!("{session_name} = {}", quoted(name))));
    if let Some(id) = &query.grant {
        any.push(format!("{policy_name} LIKE '%{id}%'"));
        any.push(format!("{tags} LIKE '%{id}%'"));
    }
    let mut conditions = Vec::new();
    match any.len() {
        0 => {}
        1 => conditions.push(any.concat()),
        _ => conditions.push(format!("({})", any.join(" OR "))),
    }
    let issued = dialect.json(RESPONSE, "credentials");
    conditions.extend(query.role.as_ref().map(|role| {
        let by_principal = format!("{ARN} LIKE {}", pattern("%:assumed-role/", role, "/%"));
        format!("({by_principal} OR {role_arn} LIKE {})", pattern("%/", role, ""))
    }));
    let of_key = |key: &String| {
        format!("useridentity.accesskeyid = {} OR {issued} LIKE {}", quoted(key), pattern("%", key, "%"))
    };
    let assertion = dialect.field(REQUEST, "sAMLAssertionID");
    let assertion = query.assertion.as_ref().map(|id| format!("{assertion} = {}", quoted(id)));
    let keys: Vec<_> = query.access_keys.iter().map(of_key).chain(assertion).collect();
    conditions.extend((!keys.is_empty()).then(|| format!("({})", keys.join(" OR "))));
    let time = |at: Timestamp| match dialect {
        Sql::Athena => quoted(&condition_time(at)),
        // Lake's `eventTime` is a timestamp, which is compared with one.
        Sql::Lake => quoted(&condition_time(at).replace('T', " ").replace('Z', "")),
    };
    conditions.extend(query.from.map(|from| format!("eventtime >= {}", time(from))));
    conditions.extend(query.until.map(|until| format!("eventtime < {}", time(until))));
    let filter = if conditions.is_empty() { String::new() } else { format!("WHERE {}\n", conditions.join("\n  AND ")) };
    let parameters = match dialect {
        Sql::Athena => REQUEST.to_owned(),
        Sql::Lake => format!("json_format(CAST({REQUEST} AS JSON))"),
    };
    format!(
        "SELECT eventtime, eventid, eventsource, eventname, awsregion, sourceipaddress, useragent, errorcode, errormessage,\n  \
         {ARN} AS arn, useridentity.accesskeyid AS accesskeyid,\n  \
         {role_arn} AS rolearn, {role_name} AS rolename,\n  \
         {session_name} AS rolesessionname, {policy_name} AS policyname,\n  \
         {tags} AS tags, {issued} AS credentials,\n  \
         {parameters} AS parameters\n\
         FROM {from}\n{filter}ORDER BY eventtime"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(query: &TrailQuery) -> [String; 3] {
        [
            query_text(query, &QueryEngine::LogsInsights("g".to_owned())),
            query_text(query, &QueryEngine::Athena("t".to_owned())),
            query_text(query, &QueryEngine::Lake("s".to_owned())),
        ]
    }

    #[test]
    fn texts_cannot_leave_their_quotes() {
        let query = TrailQuery { session: Some(r"x' OR '1'='1\".to_owned()), ..TrailQuery::default() };
        let [logs, athena, lake] = texts(&query);
        assert!(logs.contains(r"'/x\' OR \'1\'=\'1\\'"), "{logs}");
        for sql in [athena, lake] {
            assert!(sql.contains(r"x'' OR ''1''=''1\\' ESCAPE '\'"), "{sql}");
        }
    }

    #[test]
    fn a_person_is_found_under_their_name_and_with_every_grant() {
        let query = TrailQuery { people: vec!["grace_h@example.com".to_owned()], ..TrailQuery::default() };
        let [logs, athena, lake] = texts(&query);
        assert!(logs.contains("userIdentity.arn like '/grace_h@example.com'"), "{logs}");
        for sql in [athena, lake] {
            assert!(sql.contains(r"LIKE '%:assumed-role/%/grace\_h@example.com' ESCAPE '\'"), "{sql}");
            assert!(sql.contains(r"LIKE '%:assumed-role/%/grace\_h@example.com+%' ESCAPE '\'"), "{sql}");
        }
    }
}
