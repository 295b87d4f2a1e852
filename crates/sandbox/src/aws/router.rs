//! One address for all services: requests go to the service that they are signed for. Those without a signature are for
//! STS.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{Method, StatusCode};
use axum::response::{IntoResponse, Response};

use super::cloudtrail::Draft;
use super::json::{self, JsonError};
use super::query::{self, Call, QueryError};
use super::received::Received;
use super::{cloudtrail, iam, s3, sign_in, sigv4, sts};
use crate::faults::Service;
use crate::http::http_date;
use crate::random;
use crate::shared::Shared;

/// The largest body that is read: an assertion of at most 100,000 characters, or an object of S3.
const MAX_BODY_BYTES: usize = 16 << 20;

pub(crate) fn router(shared: Arc<Shared>) -> Router {
    Router::new().fallback(answer).with_state(shared)
}

/// Returns what a service answers if there are too many requests.
pub(crate) fn throttled(service: Service, request_id: &str) -> Response {
    match service {
        Service::S3 => s3::S3Error::slow_down().render(request_id, false),
        Service::CloudTrail => json::answer(request_id, &Err(JsonError::throttling())),
        Service::Iam | Service::Sts | Service::Okta => {
            query::answer(namespace(service), "", request_id.to_owned(), Err(QueryError::throttling()))
        }
    }
}

/// Returns the XML namespace of a service that uses the query protocol.
fn namespace(service: Service) -> &'static str {
    if service == Service::Iam { iam::NAMESPACE } else { sts::NAMESPACE }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let (parts, body) = request.into_parts();
    let Ok(body) = axum::body::to_bytes(body, MAX_BODY_BYTES).await else {
        return StatusCode::PAYLOAD_TOO_LARGE.into_response();
    };
    let request_id = random::request_id();
    let date = [("date", http_date(shared.clock.now()))];
    let received = Received { method: &parts.method, uri: &parts.uri, headers: &parts.headers, body: &body };
    let service = match sigv4::read(&parts.headers).map(|signed| signed.service()) {
        Some("iam") => Service::Iam,
        Some("s3") => Service::S3,
        Some("cloudtrail") => Service::CloudTrail,
        _ => Service::Sts,
    };
    // Objects of S3 and JSON are not forms.
    let has_form = !matches!(service, Service::S3 | Service::CloudTrail);
    let call = Call::read(if has_form { received } else { Received { body: &[], ..received } });
    let action = match service {
        Service::CloudTrail => json::operation(received),
        _ => call.get("Action").unwrap_or_default(),
    };
    shared.log.add(service, &parts.method, if action.is_empty() { parts.uri.path() } else { action });
    // Without a call, STS refers to its page. Clients that only connect send such a request.
    if service == Service::Sts && parts.method == Method::HEAD {
        return (StatusCode::FOUND, [("location", "https://aws.amazon.com/iam")], date).into_response();
    }
    if let Some(fault) = shared.faults.next(service) {
        return (date, fault.answer(service, &request_id, shared.clock.now()).await).into_response();
    }
    if parts.uri.path() == "/federation" {
        return sign_in::answer(&shared, &call, action);
    }
    if let Some(bucket) = &shared.world.trail.bucket {
        shared.trail.deliver(&shared.buckets, bucket);
    }
    let mut draft = Draft::begin(&shared, received, &request_id);
    let answer = match service {
        Service::S3 => s3::answer(&shared, received, &request_id, &mut draft),
        Service::CloudTrail => cloudtrail::answer(&shared, received, &request_id, &mut draft),
        Service::Iam => {
            let result = iam::answer(&shared, &call, action);
            draft.describe_query("iam.amazonaws.com", &call, action, result.as_ref().err());
            query::answer(iam::NAMESPACE, action, request_id, result)
        }
        Service::Sts | Service::Okta => {
            let result = sts::answer(&shared, &call, action, &mut draft);
            draft.describe_query("sts.amazonaws.com", &call, action, result.as_ref().err());
            query::answer(sts::NAMESPACE, action, request_id, result)
        }
    };
    shared.trail.record(draft);
    (date, answer).into_response()
}
