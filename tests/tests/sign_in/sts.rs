//! The exchange: what AWS refuses and why, what is shortened and why, and what is tried again.

use std::sync::Arc;
use std::time::Duration;

use jiff::SignedDuration;
use tempaccess_core::net::{Transport, TransportError, TransportErrorKind};
use tempaccess_core::{
    Clock, Error, ErrorKind, IssuedSession, Result, RoleOffer, RoleQuery, SamlResponse, SessionScope, StsExchange,
    TempAccess, TokenExchange,
    clock::SystemClock,
    saml::Limits,
    sts::{ExchangeRequest, Shortening},
};
use tempaccess_sandbox::{Claims, Fault, Sandbox, Service, SignedParts, World};
use tempaccess_tests::minted::Minted;

const ADA: &str = "ada@example.com";

/// Writes down who was asked, and answers nothing.
#[derive(Debug, Default)]
struct Asked(std::sync::Mutex<Vec<String>>);

#[async_trait::async_trait]
impl Transport for Asked {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        assert!(request.headers().get("authorization").is_none(), "the request is unsigned");
        self.0.lock().unwrap().push(request.uri().to_string());
        Err(TransportError::new(TransportErrorKind::Request, "nobody is there"))
    }
}

#[tokio::test]
async fn each_partition_has_its_own_sts() {
    for (partition, region, endpoint) in [
        ("aws", None, "https://sts.us-east-1.amazonaws.com/"),
        ("aws", Some("eu-central-1"), "https://sts.eu-central-1.amazonaws.com/"),
        ("aws-cn", None, "https://sts.cn-north-1.amazonaws.com.cn/"),
        ("aws-us-gov", Some("us-gov-east-1"), "https://sts.us-gov-east-1.amazonaws.com/"),
        ("aws-eusc", None, "https://sts.eusc-de-east-1.amazonaws.eu/"),
        ("aws-iso", None, "https://sts.us-iso-east-1.c2s.ic.gov/"),
        ("aws-iso-b", None, "https://sts.us-isob-east-1.sc2s.sgov.gov/"),
    ] {
        let asked = Arc::new(Asked::default());
        let sts = StsExchange::builder().transport(asked.clone());
        let sts = region.map_or(sts.clone(), |region| sts.region(region)).build().unwrap();
        let pair =
            format!("arn:{partition}:iam::111122223333:role/x,arn:{partition}:iam::111122223333:saml-provider/y");
        let offer = RoleOffer::from_attribute_value(&pair).unwrap();
        let response = SamlResponse::detect(b"<Response/>", &Limits::default()).unwrap();
        let request = ExchangeRequest::new(response, offer, "1h".parse().unwrap());
        sts.assume_role_with_saml(&request).await.unwrap_err();
        assert_eq!(*asked.0.lock().unwrap(), [endpoint], "{partition}");
    }
}

fn sandbox() -> Sandbox {
    Sandbox::start(World::demo()).unwrap()
}

fn minted(sandbox: &Sandbox, change: impl FnOnce(&mut Claims)) -> Minted {
    Minted::by(sandbox, ADA, change)
}

async fn exchange(sandbox: &Sandbox, minted: Minted, role: &str, scope: SessionScope) -> Result<IssuedSession> {
    let sts = StsExchange::builder()
        .endpoint_url(sandbox.sts_url())
        .retry(4, Duration::from_millis(1))
        .deadline(Duration::from_secs(5));
    TempAccess::builder(minted, sts.build().unwrap())
        .role(RoleQuery::new().role(role))
        .scope(scope)
        .build()
        .credentials()
        .await
}

/// The refusal of a response that was changed before it was signed.
async fn refused(change: impl FnOnce(&mut Claims)) -> Error {
    let sandbox = sandbox();
    exchange(&sandbox, minted(&sandbox, change), "1", SessionScope::default()).await.unwrap_err()
}

fn minutes(minutes: i64) -> SignedDuration {
    SignedDuration::from_mins(minutes)
}

#[tokio::test]
async fn what_aws_refuses_is_explained() {
    let error = refused(|claims| claims.signed = SignedParts::Nothing).await;
    assert_eq!(error.kind(), ErrorKind::InvalidIdentityToken);
    assert_eq!(error.to_string(), "AWS STS refused (InvalidIdentityToken): Response signature invalid");
    assert!(error.hint().unwrap().starts_with("in the assertion: neither the response nor the assertion is signed"));
    assert!(error.sts().unwrap().request_id.is_some());

    let error = refused(|claims| claims.audience = "https://slack.com".to_owned()).await;
    assert_eq!(error.kind(), ErrorKind::InvalidIdentityToken);
    assert!(error.hint().unwrap().starts_with("in the assertion: the audience is `https://slack.com`, not AWS"));

    let error = refused(|claims| claims.recipient = "https://example.com/saml".to_owned()).await;
    assert!(error.hint().unwrap().starts_with("in the assertion: the recipient `https://example.com/saml` is no"));

    let error = refused(|claims| claims.recipient = "https://signin.amazonaws.cn/saml".to_owned()).await;
    assert!(error.hint().unwrap().starts_with("in the assertion: the recipient belongs to the partition `aws-cn`"));

    let error = refused(|claims| claims.confirmations = 2).await;
    assert!(error.hint().unwrap().starts_with("in the assertion: the subject has 2 confirmations"));

    let error = refused(|claims| claims.issuer = "https://evil.example".to_owned()).await;
    assert_eq!(error.to_string(), "AWS STS refused (InvalidIdentityToken): Issuer not present in specified provider");
    assert!(error.hint().unwrap().contains("compares the SAML provider's metadata"));

    let error = refused(|claims| claims.attributes.retain(|(name, _)| !name.ends_with("RoleSessionName"))).await;
    assert!(error.to_string().ends_with("RoleSessionName is required in AuthnResponse"));
    assert!(error.hint().unwrap().starts_with("in the assertion: the role session name is missing"));
}

#[tokio::test]
async fn a_tampered_response_is_refused() {
    let sandbox = sandbox();
    let minted = minted(&sandbox, |_| {});
    let xml = SamlResponse::detect(minted.0.as_bytes(), &Limits::default()).unwrap();
    let forged = Minted(xml.xml().replace("role/ops/Migration", "role/ReadOnly"));
    let error = exchange(&sandbox, forged, "2", SessionScope::default()).await.unwrap_err();
    assert_eq!(error.to_string(), "AWS STS refused (InvalidIdentityToken): Response signature invalid");
}

#[tokio::test]
async fn each_part_may_be_the_signed_one() {
    for signed in [SignedParts::Response, SignedParts::Assertion, SignedParts::Both] {
        let sandbox = sandbox();
        let minted = minted(&sandbox, |claims| claims.signed = signed);
        exchange(&sandbox, minted, "1", SessionScope::default()).await.unwrap();
    }
}

#[tokio::test]
async fn an_old_assertion_is_explained_by_the_clocks() {
    let error = refused(|claims| {
        claims.issued_at -= SignedDuration::from_secs(630);
        claims.not_before -= minutes(10);
        claims.not_on_or_after += minutes(60);
    })
    .await;
    assert_eq!(error.kind(), ErrorKind::AssertionExpired);
    assert!(error.to_string().ends_with("Token must be redeemed within 5 minutes of issuance"));
    assert!(error.hint().unwrap().starts_with("in the assertion: the assertion was issued 10m "), "{error:?}");

    // The identity provider and this machine agree; AWS is ten minutes ahead of both.
    let sandbox = sandbox();
    let minted = minted(&sandbox, |_| {});
    sandbox.clock().advance(minutes(10));
    let error = exchange(&sandbox, minted, "1", SessionScope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AssertionExpired);
    assert!(error.hint().unwrap().contains("this machine's clock is 10m behind AWS's; set the clock"), "{error:?}");
}

#[tokio::test]
async fn a_wrong_local_clock_is_harmless_and_reported() {
    let sandbox = sandbox();
    sandbox.clock().advance(minutes(-10));
    let minted = minted(&sandbox, |_| {});
    let issued = exchange(&sandbox, minted, "1", SessionScope::default()).await.unwrap();
    assert_eq!(issued.granted_seconds, 3_600);
    assert!(issued.shortened.is_empty());
    assert!(issued.clock_ahead.unwrap() >= minutes(9));
}

#[tokio::test]
async fn the_roles_maximum_is_stepped_down_to() {
    let sandbox = sandbox();
    let minted = minted(&sandbox, |claims| claims.attributes.retain(|(name, _)| !name.ends_with("SessionDuration")));
    let scope = SessionScope::new("10h".parse().unwrap());
    let issued = exchange(&sandbox, minted, "Migration", scope).await.unwrap();
    assert_eq!(issued.scope.duration().seconds(), 36_000);
    assert_eq!(issued.granted_seconds, 3_600);
    assert_eq!(issued.shortened, [Shortening::RoleMaximum { refused_seconds: 7200 }]);
    assert_eq!(sandbox.requests().len(), 5);
}

#[tokio::test]
async fn sessions_that_the_identity_provider_shortens_are_reported() {
    let sandbox = sandbox();
    let scope = || SessionScope::new("12h".parse().unwrap());
    let by_attribute = exchange(&sandbox, minted(&sandbox, |_| {}), "1", scope()).await.unwrap();
    // `Date` and `Expiration` have whole seconds.
    assert!(by_attribute.granted_seconds.abs_diff(28_800) <= 1, "{}", by_attribute.granted_seconds);
    assert_eq!(by_attribute.shortened, [Shortening::SessionDurationAttribute { seconds: 28_800 }]);
    let ends_soon = minted(&sandbox, |claims| {
        claims.session_not_on_or_after = SystemClock.now().checked_add(minutes(20)).ok();
    });
    let by_session = exchange(&sandbox, ends_soon, "1", scope()).await.unwrap();
    assert!((1_170..=1_200).contains(&by_session.granted_seconds), "{}", by_session.granted_seconds);
    assert_eq!(by_session.shortened, [Shortening::SessionNotOnOrAfter]);
}

#[tokio::test]
async fn a_scope_that_sts_would_refuse_is_refused_before_it_is_sent() {
    let sandbox = sandbox();
    let scope =
        SessionScope::default().with_policy_arns(["arn:aws:iam::999999999999:policy/x".parse().unwrap()]).unwrap();
    let error = exchange(&sandbox, minted(&sandbox, |_| {}), "1", scope).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidScope);
    assert!(sandbox.requests().is_empty());
}

#[tokio::test]
async fn session_policies_arrive() {
    let sandbox = sandbox();
    let scope = SessionScope::new("15m".parse().unwrap())
        .with_policy(r#"{"Statement":[{"Effect":"Allow","Action":"s3:List*","Resource":"*"}]}"#.parse().unwrap())
        .unwrap()
        .with_policy_arns(["arn:aws:iam::aws:policy/ReadOnlyAccess".parse().unwrap()])
        .unwrap();
    let issued = exchange(&sandbox, minted(&sandbox, |_| {}), "1", scope).await.unwrap();
    assert_eq!(issued.granted_seconds, 900);
    // STS judges what a policy means; here, that its statement names no action.
    let scope = SessionScope::default().with_policy(r#"{"Statement":[{}]}"#.parse().unwrap()).unwrap();
    let error = exchange(&sandbox, minted(&sandbox, |_| {}), "1", scope).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::MalformedPolicy);
}

#[tokio::test]
async fn a_trust_policy_without_tagging_is_named() {
    let mut world = World::demo();
    world.roles.iter_mut().for_each(|role| role.allows_tags = false);
    let sandbox = Sandbox::start(world).unwrap();
    let error = exchange(&sandbox, minted(&sandbox, |_| {}), "1", SessionScope::default()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AccessDenied);
    assert!(error.hint().unwrap().contains("must allow `sts:TagSession` too"), "{error:?}");
}

#[tokio::test]
async fn throttling_and_errors_of_the_server_are_tried_again_and_nothing_else() {
    let sandbox = sandbox();
    for fault in [Fault::Throttling, Fault::ErrorPage(503), Fault::Throttling] {
        sandbox.fail_next(Service::Sts, fault);
    }
    exchange(&sandbox, minted(&sandbox, |_| {}), "1", SessionScope::default()).await.unwrap();
    assert_eq!(sandbox.requests().len(), 4);

    let sandbox = self::sandbox();
    (0..4).for_each(|_| sandbox.fail_next(Service::Sts, Fault::Throttling));
    let error = exchange(&sandbox, minted(&sandbox, |_| {}), "1", SessionScope::default()).await.unwrap_err();
    assert_eq!((error.kind(), sandbox.requests().len()), (ErrorKind::StsThrottled, 4));

    let sandbox = self::sandbox();
    let wrong = minted(&sandbox, |claims| claims.audience = "x".to_owned());
    exchange(&sandbox, wrong, "1", SessionScope::default()).await.unwrap_err();
    assert_eq!(sandbox.requests().len(), 1);
}

#[tokio::test]
async fn an_sts_that_is_not_there_and_one_that_is_silent() {
    let sandbox = sandbox();
    let minted_one = minted(&sandbox, |_| {});
    let port = tempaccess_tests::parts::free_port();
    let sts =
        StsExchange::builder().endpoint_url(format!("http://127.0.0.1:{port}")).retry(2, Duration::from_millis(1));
    let access = TempAccess::builder(minted_one, sts.build().unwrap()).role(RoleQuery::new().role("1")).build();
    let error = access.credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Network);
    assert!(error.to_string().starts_with(&format!("no connection to `http://127.0.0.1:{port}`")), "{error}");

    sandbox.fail_next(Service::Sts, Fault::Silence(Duration::from_secs(60)));
    let sts = StsExchange::builder().endpoint_url(sandbox.sts_url()).deadline(Duration::from_millis(200));
    let access = TempAccess::shared(Arc::new(minted(&sandbox, |_| {})), Arc::new(sts.build().unwrap()));
    let error = access.role(RoleQuery::new().role("1")).build().credentials().await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::DeadlineExceeded);
}
