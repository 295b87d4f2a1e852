//! LookupEvents.

use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;
use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use super::draft::Draft;
use super::event::{Event, readable_time};
use crate::aws::credentials::Caller;
use crate::aws::json::JsonError;
use crate::aws::judge::{Keys, Question, judge};
use crate::aws::sigv4::hex;
use crate::shared::Shared;

const ACTION: &str = "cloudtrail:LookupEvents";
/// How long events can be looked up.
const HISTORY: SignedDuration = SignedDuration::from_hours(90 * 24);
/// The size of a page, at most and by default.
const MAX_RESULTS: usize = 50;

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
struct Input {
    lookup_attributes: Vec<Attribute>,
    start_time: Option<f64>,
    end_time: Option<f64>,
    event_category: Option<String>,
    max_results: Option<i64>,
    next_token: Option<String>,
}

#[derive(Debug, Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Attribute {
    attribute_key: String,
    attribute_value: String,
}

pub(super) fn lookup_events(
    shared: &Shared,
    caller: &Caller,
    body: &[u8],
    draft: &mut Draft,
) -> Result<Value, JsonError> {
    let input: Input = serde_json::from_slice(if body.is_empty() { b"{}" } else { body })
        .map_err(|_| JsonError::new("SerializationException", "The request is not a valid LookupEventsRequest"))?;
    describe(&input, draft);
    if shared.trail.is_throttled(&caller.session.account, &caller.region) {
        return Err(JsonError::throttling());
    }
    authorize(shared, caller)?;
    let query = Query::new(shared, caller, &input)?;
    if input.event_category.is_some() {
        // There are no insights in the sandbox.
        return Ok(json!({ "Events": [] }));
    }
    Ok(query.page(shared, &input))
}

/// Adds the request to the event of this call.
fn describe(input: &Input, draft: &mut Draft) {
    let attributes = input.lookup_attributes.iter();
    let attributes: Vec<_> = attributes
        .map(
            |attribute| json!({ "attributeKey": attribute.attribute_key, "attributeValue": attribute.attribute_value }),
        )
        .collect();
    if !attributes.is_empty() {
        draft.add_parameter("lookupAttributes", attributes);
    }
    for (name, time) in [("startTime", input.start_time), ("endTime", input.end_time)] {
        if let Some(time) = time.and_then(instant) {
            draft.add_parameter(name, readable_time(time));
        }
    }
    if let Some(limit) = input.max_results {
        draft.add_parameter("maxResults", limit);
    }
    if let Some(token) = &input.next_token {
        draft.add_parameter("nextToken", token.as_str());
    }
}

fn authorize(shared: &Shared, caller: &Caller) -> Result<(), JsonError> {
    let keys = Keys::of_caller(shared, caller);
    // LookupEvents has no resource: policies must name all.
    let resource = format!("arn:aws:cloudtrail:{}:{}:trail/EventHistory", caller.region, caller.session.account);
    judge(shared, caller, &Question { action: ACTION, resource: &resource, keys: &keys }).map_err(|refusal| {
        let (arn, reason) = (&caller.session.arn, refusal.reason(ACTION));
        JsonError::new("AccessDeniedException", format!("User: {arn} is not authorized to perform: {ACTION} {reason}"))
    })
}

/// A position in the events, newest first: the time of an event and its place in the order of calls.
type Position = (Timestamp, usize);

/// A checked request.
struct Query<'a> {
    caller: &'a Caller,
    attribute: Option<&'a Attribute>,
    from: Timestamp,
    until: Timestamp,
    limit: usize,
    /// Where the page before ended.
    after: Option<Position>,
}

impl<'a> Query<'a> {
    fn new(shared: &Shared, caller: &'a Caller, input: &'a Input) -> Result<Self, JsonError> {
        let attribute = match input.lookup_attributes.as_slice() {
            [] => None,
            [attribute] if is_known(&attribute.attribute_key) => Some(attribute),
            [_] => {
                return Err(JsonError::new("InvalidLookupAttributesException", "The lookup attribute is not valid."));
            }
            _ => {
                let message = "You can specify only one lookup attribute.";
                return Err(JsonError::new("InvalidLookupAttributesException", message));
            }
        };
        if input.event_category.as_deref().is_some_and(|category| category != "insight") {
            return Err(JsonError::new("InvalidEventCategoryException", "The event category is not valid."));
        }
        let limit = input.max_results.map_or(Ok(MAX_RESULTS), usize::try_from).unwrap_or_default();
        if !(1..=MAX_RESULTS).contains(&limit) {
            let message = "MaxResults must be between 1 and 50.";
            return Err(JsonError::new("InvalidMaxResultsException", message));
        }
        let now = shared.clock.now();
        let oldest = now.checked_sub(HISTORY).unwrap_or(now);
        let out_of_range = || JsonError::new("InvalidTimeRangeException", "The time range is not valid.");
        let time = |seconds: f64| instant(seconds).ok_or_else(out_of_range);
        let from = input.start_time.map(time).transpose()?.unwrap_or(oldest).max(oldest);
        let until = input.end_time.map(time).transpose()?.unwrap_or(now);
        if input.start_time.zip(input.end_time).is_some_and(|(start, end)| start > end) {
            return Err(out_of_range());
        }
        let after = match &input.next_token {
            None => None,
            Some(token) => Some(position(input, token).ok_or_else(|| {
                JsonError::new("InvalidNextTokenException", "The token is not valid, or belongs to another request.")
            })?),
        };
        Ok(Self { caller, attribute, from, until, limit, after })
    }

    fn page(&self, shared: &Shared, input: &Input) -> Value {
        let now = shared.clock.now();
        let state = shared.trail.lock();
        let events = state.events.iter().enumerate();
        let mut found: Vec<_> = events
            .filter(|(_, event)| state.is_visible(event, now) && self.fits(event))
            .map(|(number, event)| ((event.time, number), event))
            .filter(|(position, _)| self.after.is_none_or(|after| *position < after))
            .collect();
        found.sort_by_key(|(position, _)| std::cmp::Reverse(*position));
        let is_truncated = found.len() > self.limit;
        found.truncate(self.limit);
        let listed: Vec<_> = found.iter().map(|(_, event)| render(event)).collect();
        match found.last().filter(|_| is_truncated) {
            Some((position, _)) => json!({ "Events": listed, "NextToken": token(input, *position) }),
            None => json!({ "Events": listed }),
        }
    }

    fn fits(&self, event: &Event) -> bool {
        let seconds = event.time.as_second();
        !event.is_data
            && event.account == self.caller.session.account
            && event.region == self.caller.region
            && (self.from.as_second()..=self.until.as_second()).contains(&seconds)
            && self.attribute.is_none_or(|attribute| has(event, attribute))
    }
}

fn is_known(key: &str) -> bool {
    let keys =
        ["EventId", "EventName", "ReadOnly", "Username", "ResourceType", "ResourceName", "EventSource", "AccessKeyId"];
    keys.contains(&key)
}

fn has(event: &Event, attribute: &Attribute) -> bool {
    let wanted = attribute.attribute_value.as_str();
    match attribute.attribute_key.as_str() {
        "EventId" => event.id == wanted,
        "EventName" => event.name == wanted,
        "ReadOnly" => event.is_read_only.to_string() == wanted,
        "Username" => event.username.as_deref() == Some(wanted),
        "ResourceType" => event.resources.iter().any(|resource| resource.kind == wanted),
        "ResourceName" => event.resources.iter().any(|resource| resource.name == wanted),
        "EventSource" => event.source == wanted,
        "AccessKeyId" => event.access_key.as_deref() == Some(wanted),
        _ => false,
    }
}

fn render(event: &Event) -> Value {
    let resources = event.resources.iter();
    let resources: Vec<_> =
        resources.map(|resource| json!({ "ResourceType": resource.kind, "ResourceName": resource.name })).collect();
    let mut listed = json!({
        "EventId": event.id,
        "EventName": event.name,
        "ReadOnly": event.is_read_only.to_string(),
        "EventTime": event.time.as_second(),
        "EventSource": event.source,
        "Resources": resources,
        "CloudTrailEvent": event.record,
    });
    if let Some(fields) = listed.as_object_mut() {
        let optional = [("Username", &event.username), ("AccessKeyId", &event.access_key)];
        fields.extend(optional.into_iter().filter_map(|(name, text)| Some((name.to_owned(), json!(text.as_ref()?)))));
    }
    listed
}

/// Returns the token of the page after this position. AWS's tokens are opaque. This one belongs to one request.
fn token(input: &Input, (time, number): Position) -> String {
    format!("{}/{}/{number}", digest(input), time.as_nanosecond())
}

fn position(input: &Input, token: &str) -> Option<Position> {
    let mut parts = token.split('/');
    if parts.next() != Some(&digest(input)) {
        return None;
    }
    let time = Timestamp::from_nanosecond(parts.next()?.parse().ok()?).ok()?;
    Some((time, parts.next()?.parse().ok()?))
}

fn digest(input: &Input) -> String {
    let request = format!("{:?} {:?} {:?}", input.lookup_attributes, input.start_time, input.end_time);
    hex(&Sha256::digest(request)).chars().take(16).collect()
}

/// Reads a time of the protocol: seconds since 1970, with a fraction.
fn instant(seconds: f64) -> Option<Timestamp> {
    SignedDuration::try_from_secs_f64(seconds).ok().and_then(|since| Timestamp::from_duration(since).ok())
}
