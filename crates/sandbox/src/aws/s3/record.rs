//! What CloudTrail learns about a request.

use axum::http::Method;
use axum::response::Response;
use serde_json::json;

use super::{Request, S3Error};
use crate::aws::cloudtrail::{self, Draft};

const SOURCE: &str = "s3.amazonaws.com";
/// The parameters of a query that events have.
const QUERY: [&str; 8] =
    ["delete", "delimiter", "encoding-type", "list-type", "location", "max-keys", "prefix", "start-after"];

/// An operation of S3.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    ListBuckets,
    GetBucketLocation,
    ListObjectsV2,
    HeadBucket,
    GetObject,
    HeadObject,
    PutObject,
    DeleteObject,
    DeleteObjects,
}

impl Operation {
    /// Returns the operation that a request is for.
    pub(super) fn of(request: &Request<'_>) -> Option<Self> {
        let has = |name| request.query.contains_key(name);
        let lists = request.query.get("list-type").is_some_and(|kind| kind == "2");
        Some(match (request.received.method, request.bucket.is_empty(), request.key.is_empty()) {
            (&Method::GET, true, _) => Self::ListBuckets,
            (&Method::GET, _, true) if has("location") => Self::GetBucketLocation,
            (&Method::GET, _, true) if lists => Self::ListObjectsV2,
            (&Method::HEAD, false, true) => Self::HeadBucket,
            (&Method::GET, false, false) => Self::GetObject,
            (&Method::HEAD, false, false) => Self::HeadObject,
            (&Method::PUT, false, false) if !has("uploadId") => Self::PutObject,
            (&Method::DELETE, false, false) => Self::DeleteObject,
            (&Method::POST, false, true) if has("delete") => Self::DeleteObjects,
            _ => return None,
        })
    }

    /// Returns `eventName`.
    fn event_name(self) -> &'static str {
        match self {
            Self::ListBuckets => "ListBuckets",
            Self::GetBucketLocation => "GetBucketLocation",
            // Events do not tell the two versions apart.
            Self::ListObjectsV2 => "ListObjects",
            Self::HeadBucket => "HeadBucket",
            Self::GetObject => "GetObject",
            Self::HeadObject => "HeadObject",
            Self::PutObject => "PutObject",
            Self::DeleteObject => "DeleteObject",
            Self::DeleteObjects => "DeleteObjects",
        }
    }

    /// Whether its event is a data event.
    fn is_data(self) -> bool {
        !matches!(self, Self::ListBuckets | Self::GetBucketLocation)
    }

    fn is_read_only(self) -> bool {
        !matches!(self, Self::PutObject | Self::DeleteObject | Self::DeleteObjects)
    }
}

/// Describes a request and its answer in an event.
pub(super) fn record(
    request: &Request<'_>,
    operation: Operation,
    answer: &Result<Response, S3Error>,
    draft: &mut Draft,
) {
    draft.set_operation(cloudtrail::Operation {
        source: SOURCE,
        name: operation.event_name().to_owned(),
        is_read_only: operation.is_read_only(),
        is_data: operation.is_data(),
    });
    if let Some(host) = request.received.header("host") {
        draft.add_parameter("Host", host);
    }
    for (name, value) in request.query.iter().filter(|(name, _)| QUERY.contains(&name.as_str())) {
        draft.add_parameter(name, value.as_str());
    }
    draft.add_data("SignatureVersion", "SigV4");
    draft.add_data("AuthenticationMethod", "AuthHeader");
    draft.add_data("bytesTransferredIn", request.received.body.len());
    match answer {
        Ok(answer) => {
            let length = answer.headers().get("content-length");
            let length: Option<u64> = length.and_then(|length| length.to_str().ok()?.parse().ok());
            if let Some(length) = length.filter(|_| operation == Operation::GetObject) {
                draft.add_data("bytesTransferredOut", length);
            }
        }
        Err(error) => draft.fail(error.code, &error.message),
    }
    if !request.bucket.is_empty() {
        record_resources(request, operation, draft);
    }
}

fn record_resources(request: &Request<'_>, operation: Operation, draft: &mut Draft) {
    let arn = format!("arn:aws:s3:::{}", request.bucket);
    draft.add_parameter("bucketName", request.bucket.as_str());
    if !request.key.is_empty() {
        draft.add_parameter("key", request.key.as_str());
        draft.add_resource(json!({ "type": "AWS::S3::Object", "ARN": format!("{arn}/{}", request.key) }));
    } else if matches!(operation, Operation::ListObjectsV2 | Operation::DeleteObjects) {
        draft.add_resource(json!({ "type": "AWS::S3::Object", "ARNPrefix": format!("{arn}/") }));
    }
    let owner = request.shared.buckets.lock().get(&request.bucket).map(|bucket| bucket.account.clone());
    if let Some(owner) = owner {
        draft.add_resource(json!({ "accountId": owner, "type": "AWS::S3::Bucket", "ARN": arn }));
    }
    draft.add_lookup("AWS::S3::Bucket", request.bucket.as_str());
}
