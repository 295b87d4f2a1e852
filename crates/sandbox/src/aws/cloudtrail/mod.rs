//! CloudTrail: events of all calls; LookupEvents and files to read them.

mod draft;
mod event;
mod files;
mod identity;
mod lookup;
mod parameters;
mod state;

use axum::response::Response;
use serde_json::Value;

pub(crate) use draft::{Draft, Operation};
pub(crate) use event::readable_time;
pub use state::Trail;

use super::credentials::caller;
use super::json::{self, JsonError};
use super::received::Received;
use crate::shared::Shared;

const SOURCE: &str = "cloudtrail.amazonaws.com";

/// Answers a request.
pub(super) fn answer(shared: &Shared, received: Received<'_>, request_id: &str, draft: &mut Draft) -> Response {
    let result = call(shared, received, draft);
    if let Err(error) = &result {
        // Events have the code that all services share.
        draft.fail(if error.code == "AccessDeniedException" { "AccessDenied" } else { error.code }, &error.message);
    }
    json::answer(request_id, &result)
}

fn call(shared: &Shared, received: Received<'_>, draft: &mut Draft) -> Result<Value, JsonError> {
    let caller = caller(shared, received)?;
    let name = json::operation(received);
    if name != "LookupEvents" {
        return Err(JsonError::new("UnknownOperationException", format!("The operation {name} is not known")));
    }
    let operation = Operation { source: SOURCE, name: name.to_owned(), is_read_only: true, is_data: false };
    draft.set_operation(operation);
    lookup::lookup_events(shared, &caller, received.body, draft)
}
