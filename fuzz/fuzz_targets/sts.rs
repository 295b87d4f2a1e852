//! An STS that answers anything.
#![no_main]

use std::sync::{Arc, LazyLock};
use std::time::Duration;

use async_trait::async_trait;
use libfuzzer_sys::fuzz_target;
use tempaccess_core::net::{Transport, TransportError};
use tempaccess_core::{
    Result, RoleOffer, SamlResponse, StsExchange, TokenExchange, saml::Limits, sts::ExchangeRequest,
};

#[derive(Debug)]
struct Answer(u16, Vec<u8>);

#[async_trait]
impl Transport for Answer {
    async fn send(&self, _: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        let status = if self.0 & 1 == 0 { 200 } else { 400 + self.0 % 200 };
        Ok(http::Response::builder().status(status).body(self.1.clone()).expect("a response"))
    }
}

static REQUEST: LazyLock<ExchangeRequest> = LazyLock::new(|| {
    let response = SamlResponse::detect(b"<a/>", &Limits::default()).expect("a response");
    let offer =
        RoleOffer::from_attribute_value("arn:aws:iam::123456789012:role/R,arn:aws:iam::123456789012:saml-provider/P");
    ExchangeRequest::new(response, offer.expect("an offer"), "1h".parse().expect("a duration"))
});

fuzz_target!(|input: (u16, Vec<u8>)| {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().expect("a runtime");
    let exchange =
        StsExchange::builder().transport(Arc::new(Answer(input.0, input.1))).retry(1, Duration::ZERO).build();
    let answer = runtime.block_on(exchange.expect("an exchange").assume_role_with_saml(&REQUEST));
    if let Ok(answer) = answer {
        let credentials = &answer.credentials;
        assert_eq!(credentials.role.name(), "R");
        // What goes into shells and files is nothing that could act there.
        let is_plain = |text: &str| {
            !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+/=_-".contains(&byte))
        };
        assert!(is_plain(&credentials.access_key_id) && is_plain(credentials.secret_access_key.expose()));
        assert!(is_plain(credentials.session_token.expose()));
        let principal = answer.assumed_role_arn.expect("a principal");
        assert!(principal.starts_with("arn:aws:sts::123456789012:assumed-role/R/"), "{principal:?}");
    }
});
