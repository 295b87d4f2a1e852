//! S3: a few operations on buckets, which are addressed by path.

mod body;
mod error;
mod list;
mod object;
mod record;
mod state;

use std::collections::BTreeMap;

use axum::http::Method;
use axum::response::{IntoResponse, Response};

pub(crate) use error::S3Error;
pub use state::Buckets;

use super::cloudtrail::Draft;
use super::credentials::{Caller, caller};
use super::judge::{Keys, Question, judge};
use super::received::Received;
use crate::http::{decode_component, form_pairs};
use crate::shared::Shared;
use record::Operation;

const NAMESPACE: &str = "http://s3.amazonaws.com/doc/2006-03-01/";
/// Where all buckets are.
const REGION: &str = "us-east-1";

/// Answers a request.
pub(super) fn answer(shared: &Shared, received: Received<'_>, request_id: &str, draft: &mut Draft) -> Response {
    let answer = Request::read(shared, received).and_then(|request| request.answer(draft));
    draft.add_data("x-amz-id-2", request_id);
    let mut answer = answer.unwrap_or_else(|error| error.render(request_id, received.method == Method::HEAD));
    for name in ["x-amz-request-id", "x-amz-id-2"] {
        if let Ok(value) = request_id.parse() {
            answer.headers_mut().insert(name, value);
        }
    }
    answer
}

/// A request of S3, and who makes it.
struct Request<'a> {
    shared: &'a Shared,
    received: Received<'a>,
    caller: Caller,
    bucket: String,
    key: String,
    query: BTreeMap<String, String>,
}

impl<'a> Request<'a> {
    fn read(shared: &'a Shared, received: Received<'a>) -> Result<Self, S3Error> {
        let caller = caller(shared, received)?;
        let path = received.uri.path().trim_start_matches('/');
        let (bucket, key) = path.split_once('/').unwrap_or((path, ""));
        let query = form_pairs(received.uri.query().unwrap_or_default()).collect();
        Ok(Self { shared, received, caller, bucket: decode_component(bucket), key: decode_component(key), query })
    }

    fn answer(&self, draft: &mut Draft) -> Result<Response, S3Error> {
        let operation = Operation::of(self).ok_or_else(S3Error::not_implemented)?;
        let answer = match operation {
            Operation::ListBuckets => list::list_buckets(self),
            Operation::GetBucketLocation => list::get_bucket_location(self),
            Operation::ListObjectsV2 => list::list_objects_v2(self),
            Operation::HeadBucket => list::head_bucket(self),
            Operation::GetObject | Operation::HeadObject => object::get_object(self),
            Operation::PutObject => object::put_object(self),
            Operation::DeleteObject => object::delete_object(self),
            Operation::DeleteObjects => object::delete_objects(self),
        };
        record::record(self, operation, &answer, draft);
        answer
    }

    /// Refuses the request unless policies allow an action on the bucket. It must exist, in the account of the caller.
    fn authorize_bucket(&self, action: &str, set: impl FnOnce(&mut Keys)) -> Result<(), S3Error> {
        self.check_owner()?;
        self.judge(action, &format!("arn:aws:s3:::{}", self.bucket), set)
    }

    /// Refuses the request unless policies allow an action on an object of the bucket.
    fn authorize_object(&self, action: &str, key: &str, set: impl FnOnce(&mut Keys)) -> Result<(), S3Error> {
        self.check_owner()?;
        self.judge(action, &format!("arn:aws:s3:::{}/{key}", self.bucket), set)
    }

    fn check_owner(&self) -> Result<(), S3Error> {
        let owner = self.shared.buckets.lock().get(&self.bucket).map(|bucket| bucket.account.clone());
        if owner.ok_or_else(S3Error::no_such_bucket)? != self.caller.session.account {
            return Err(S3Error::access_denied("Access Denied"));
        }
        Ok(())
    }

    fn judge(&self, action: &str, resource: &str, set: impl FnOnce(&mut Keys)) -> Result<(), S3Error> {
        let mut keys = Keys::of_caller(self.shared, &self.caller);
        keys.set("aws:ResourceAccount", &self.caller.session.account);
        set(&mut keys);
        judge(self.shared, &self.caller, &Question { action, resource, keys: &keys }).map_err(|refusal| {
            let (arn, reason) = (&self.caller.session.arn, refusal.reason(action));
            S3Error::access_denied(format!(
                "User: {arn} is not authorized to perform: {action} on resource: \"{resource}\" {reason}"
            ))
        })
    }
}

fn xml(text: &str) -> Response {
    ([("content-type", "application/xml")], format!(r#"<?xml version="1.0" encoding="UTF-8"?>{text}"#)).into_response()
}
