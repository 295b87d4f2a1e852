//! Connects the AWS SDK to the [`Transport`] of this crate, and records the server's time.

use std::sync::{Arc, Mutex, PoisonError};

use aws_sdk_sts::config::interceptors::BeforeDeserializationInterceptorContextRef;
use aws_sdk_sts::config::{ConfigBag, Intercept, RuntimeComponents};
use aws_smithy_runtime_api::box_error::BoxError;
use aws_smithy_runtime_api::client::http::{HttpConnector, HttpConnectorFuture};
use aws_smithy_runtime_api::client::orchestrator::{HttpRequest, HttpResponse};
use aws_smithy_runtime_api::client::result::ConnectorError;
use aws_smithy_types::body::SdkBody;
use bytes::Bytes;
use jiff::Timestamp;
use zeroize::Zeroizing;

use crate::net::{Transport, TransportErrorKind, http_date};

/// Records the `Date` of the last answer.
#[derive(Debug, Clone, Default)]
pub(super) struct ServerDate(Arc<Mutex<Option<Timestamp>>>);

impl ServerDate {
    pub(super) fn get(&self) -> Option<Timestamp> {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Intercept for ServerDate {
    fn name(&self) -> &'static str {
        "ServerDate"
    }

    fn read_before_deserialization(
        &self,
        context: &BeforeDeserializationInterceptorContextRef<'_>,
        _: &RuntimeComponents,
        _: &mut ConfigBag,
    ) -> Result<(), BoxError> {
        let date = context.response().headers().get("date").and_then(http_date);
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = date;
        Ok(())
    }
}

/// Sends the SDK's requests through a [`Transport`], so that all requests share one TLS and proxy configuration.
#[derive(Debug)]
pub(super) struct Connector(pub(super) Arc<dyn Transport>);

impl HttpConnector for Connector {
    fn call(&self, request: HttpRequest) -> HttpConnectorFuture {
        let transport = Arc::clone(&self.0);
        HttpConnectorFuture::new(async move {
            let request = request.try_into_http1x().map_err(|error| ConnectorError::user(error.into()))?;
            let (parts, body) = request.into_parts();
            let body = body.bytes().unwrap_or_default().to_vec();
            let answer =
                transport.send(http::Request::from_parts(parts, body)).await.map_err(|error| match error.kind {
                    TransportErrorKind::Timeout => ConnectorError::timeout(error.into()),
                    TransportErrorKind::Connect | TransportErrorKind::Interrupted => ConnectorError::io(error.into()),
                    TransportErrorKind::TooLarge | TransportErrorKind::Request => ConnectorError::user(error.into()),
                })?;
            let answer = answer.map(|body| SdkBody::from(Bytes::from_owner(Zeroizing::new(body))));
            HttpResponse::try_from(answer).map_err(|error| ConnectorError::other(error.into(), None))
        })
    }
}
