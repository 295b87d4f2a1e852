//! The event of a call while the call is answered. Services add what they know.

use jiff::Timestamp;
use serde_json::{Map, Value, json};

use super::event::{Event, Resource, instant};
use super::identity::Identity;
use super::parameters::parameters;
use crate::aws::credentials::{Caller, caller};
use crate::aws::query::{Call, QueryError};
use crate::aws::received::Received;
use crate::random;
use crate::shared::Shared;
use crate::world;

/// The region of the events of global services, and of calls to the global endpoint of STS.
const GLOBAL_REGION: &str = "us-east-1";

/// What was called.
#[derive(Debug, Clone)]
pub(crate) struct Operation {
    pub(crate) source: &'static str,
    pub(crate) name: String,
    pub(crate) is_read_only: bool,
    /// Whether it is about the content of a bucket.
    pub(crate) is_data: bool,
}

/// The event of a call.
///
/// It is recorded if an operation is set and the caller is known. CloudTrail has authenticated calls only, and calls of
/// AssumeRoleWithSAML.
pub(crate) struct Draft {
    time: Timestamp,
    region: String,
    account: Option<String>,
    caller: Option<Caller>,
    identity: Option<Identity>,
    operation: Option<Operation>,
    parameters: Map<String, Value>,
    response: Map<String, Value>,
    additional: Map<String, Value>,
    /// The element `resources`.
    resources: Vec<Value>,
    /// What LookupEvents finds the event by.
    lookup: Vec<Resource>,
    error: Option<(String, String)>,
    /// The account of the role that was taken.
    role_account: Option<String>,
    source_address: String,
    user_agent: String,
    request_id: String,
}

impl Draft {
    /// Begins the event of a request, with who signed it.
    pub(in crate::aws) fn begin(shared: &Shared, received: Received<'_>, request_id: &str) -> Self {
        let caller = caller(shared, received).ok();
        Self {
            time: shared.clock.now(),
            region: caller.as_ref().map_or_else(|| GLOBAL_REGION.to_owned(), |caller| caller.region.clone()),
            account: caller.as_ref().map(|caller| caller.session.account.clone()),
            identity: caller.as_ref().map(Identity::session),
            caller,
            operation: None,
            parameters: Map::new(),
            response: Map::new(),
            additional: Map::new(),
            resources: Vec::new(),
            lookup: Vec::new(),
            error: None,
            role_account: None,
            source_address: shared.iam.source_ip().to_string(),
            user_agent: received.header("user-agent").unwrap_or_default().to_owned(),
            request_id: request_id.to_owned(),
        }
    }

    /// Sets what was called.
    pub(crate) fn set_operation(&mut self, operation: Operation) {
        if ["iam.amazonaws.com", "s3.amazonaws.com"].contains(&operation.source) {
            GLOBAL_REGION.clone_into(&mut self.region);
        }
        if operation.source == "s3.amazonaws.com" {
            self.user_agent = format!("[{}]", self.user_agent);
        }
        self.operation = Some(operation);
    }

    /// Sets that somebody without an access key asks for a role of an account.
    pub(crate) fn set_unknown_identity(&mut self, account: &str) {
        self.account = Some(account.to_owned());
        self.identity = Some(Identity::unknown(account));
    }

    /// Sets that a person whom a SAML provider vouches for makes the call.
    pub(crate) fn set_saml_identity(&mut self, name_qualifier: &str, subject: &str) {
        self.identity = Some(Identity::saml(name_qualifier, subject));
    }

    /// Adds to `requestParameters`.
    pub(crate) fn add_parameter(&mut self, name: &str, value: impl Into<Value>) {
        self.parameters.insert(name.to_owned(), value.into());
    }

    /// Adds to `responseElements`.
    pub(crate) fn add_response(&mut self, name: &str, value: impl Into<Value>) {
        self.response.insert(name.to_owned(), value.into());
    }

    /// Adds to `additionalEventData`.
    pub(crate) fn add_data(&mut self, name: &str, value: impl Into<Value>) {
        self.additional.insert(name.to_owned(), value.into());
    }

    /// Adds to `resources`.
    pub(crate) fn add_resource(&mut self, resource: Value) {
        self.resources.push(resource);
    }

    /// Adds a resource that LookupEvents finds the event by.
    pub(crate) fn add_lookup(&mut self, kind: &'static str, name: impl Into<String>) {
        self.lookup.push(Resource { kind, name: name.into() });
    }

    /// Sets the account of the role that was taken, which has the event as well.
    pub(crate) fn set_role_account(&mut self, account: &str) {
        self.role_account = Some(account.to_owned());
    }

    /// Sets why the call was refused.
    pub(crate) fn fail(&mut self, code: &str, message: &str) {
        self.error = Some((code.to_owned(), message.to_owned()));
    }

    /// Describes a call of STS or IAM.
    pub(in crate::aws) fn describe_query(
        &mut self,
        source: &'static str,
        call: &Call<'_>,
        action: &str,
        error: Option<&QueryError>,
    ) {
        if error.is_some_and(|error| error.code == "InvalidAction") {
            return;
        }
        let is_read_only = ["Get", "List", "AssumeRole"].iter().any(|verb| action.starts_with(verb));
        self.set_operation(Operation { source, name: action.to_owned(), is_read_only, is_data: false });
        if let Some(error) = error {
            self.fail(&error_code(error.code), &error.message);
            // At AWS, parameters are null if STS or IAM denies the call.
            if error.code == "AccessDenied" {
                self.parameters.clear();
                return;
            }
        }
        self.parameters.extend(parameters(call));
        for (parameter, kind) in [("RoleArn", "AWS::IAM::Role"), ("PrincipalArn", "AWS::IAM::SAMLProvider")] {
            if let Some(arn) = call.get(parameter) {
                self.add_resource(json!({ "accountId": world::account(arn), "type": kind, "ARN": arn }));
                self.add_lookup(kind, arn);
            }
        }
        for (parameter, kind) in
            [("RoleName", "AWS::IAM::Role"), ("PolicyName", "AWS::IAM::Policy"), ("PolicyArn", "AWS::IAM::Policy")]
        {
            if let Some(name) = call.get(parameter) {
                self.add_lookup(kind, name);
            }
        }
    }

    /// Returns the event of every account that has one.
    pub(super) fn finish(self) -> Vec<Event> {
        let (Some(account), Some(identity), Some(operation)) = (&self.account, &self.identity, &self.operation) else {
            return Vec::new();
        };
        // Denied calls are not in the account of the role.
        let other = self.role_account.as_ref().filter(|other| *other != account && self.error.is_none());
        let Some((other, caller)) = other.zip(self.caller.as_ref()) else {
            return vec![self.event(operation, account, identity, None)];
        };
        let shared_id = random::request_id();
        vec![
            self.event(operation, account, identity, Some(&shared_id)),
            self.event(operation, other, &Identity::foreign(caller), Some(&shared_id)),
        ]
    }

    fn event(&self, operation: &Operation, account: &str, identity: &Identity, shared_id: Option<&str>) -> Event {
        let id = random::request_id();
        let mut record = json!({
            "eventVersion": "1.11",
            "userIdentity": identity.element,
            "eventTime": instant(self.time),
            "eventSource": operation.source,
            "eventName": operation.name,
            "awsRegion": self.region,
            "sourceIPAddress": self.source_address,
            "userAgent": self.user_agent,
            "requestParameters": object_or_null(&self.parameters),
            "responseElements": object_or_null(&self.response),
            "requestID": self.request_id,
            "eventID": id,
            "readOnly": operation.is_read_only,
            "eventType": "AwsApiCall",
            "managementEvent": !operation.is_data,
            "recipientAccountId": account,
            "eventCategory": if operation.is_data { "Data" } else { "Management" },
        });
        let optional = [
            ("errorCode", self.error.as_ref().map(|(code, _)| json!(code))),
            ("errorMessage", self.error.as_ref().map(|(_, message)| json!(message))),
            ("resources", (!self.resources.is_empty()).then(|| json!(self.resources))),
            ("additionalEventData", (!self.additional.is_empty()).then(|| json!(self.additional))),
            ("sharedEventID", shared_id.map(|id| json!(id))),
        ];
        if let Some(fields) = record.as_object_mut() {
            fields.extend(optional.into_iter().filter_map(|(name, value)| Some((name.to_owned(), value?))));
        }
        Event {
            account: account.to_owned(),
            region: self.region.clone(),
            time: self.time,
            id,
            source: operation.source,
            name: operation.name.clone(),
            is_read_only: operation.is_read_only,
            is_data: operation.is_data,
            username: identity.username.clone(),
            access_key: identity.access_key.clone(),
            resources: self.lookup.clone(),
            is_delivered: false,
            record: record.to_string(),
        }
    }
}

fn object_or_null(map: &Map<String, Value>) -> Value {
    if map.is_empty() { Value::Null } else { Value::Object(map.clone()) }
}

/// Returns the code that events have: the name of the exception, which differs from the code in the answer.
fn error_code(code: &str) -> String {
    match code {
        "AccessDenied" => code.to_owned(),
        "ValidationError" => "ValidationException".to_owned(),
        _ if code.ends_with("Exception") => code.to_owned(),
        _ => format!("{code}Exception"),
    }
}
