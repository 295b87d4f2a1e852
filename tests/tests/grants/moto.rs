//! The wire of IAM and S3, as a server speaks it that we did not write. moto judges no policies: the sandbox does that.

use std::sync::Arc;

use async_trait::async_trait;
use jiff::{SignedDuration, Timestamp};
use tempaccess_core::iam::{Iam, IamClient};
use tempaccess_core::net::HttpTransport;
use tempaccess_core::records::{BucketAccess, ObjectRecords, Records};
use tempaccess_core::sts::{ExchangeRequest, SessionCredentials, StsAnswer};
use tempaccess_core::{ErrorKind, Result, TempAccess, TokenExchange};
use tempaccess_sandbox::{Sandbox, World};
use tempaccess_tests::minted::Minted;
use tempaccess_tests::moto::{keys, moto, prepare};

const TRUST: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Principal":{"Federated":"arn:aws:iam::123456789012:saml-provider/Okta"},"Action":"sts:AssumeRoleWithSAML"}]}"#;

#[tokio::test]
async fn iam_takes_our_calls_and_we_read_its_answers() {
    let Some((_server, url)) = moto() else { return };
    for number in 0..120 {
        let role = format!(
            "Action=CreateRole&Version=2010-05-08&Path=%2Fteams%2F&RoleName=Role{number:03}&AssumeRolePolicyDocument={TRUST}"
        );
        prepare(&url, "iam", "POST", "/", &role).await;
    }
    let iam = IamClient::builder().endpoint_url(&url).build().unwrap();
    let role = iam.role(&keys(), "Role007").await.unwrap();
    assert_eq!((role.arn.path_and_name(), role.max_session_duration), ("teams/Role007", 3600));
    assert!(role.id.starts_with("AROA") && role.server_time.is_some(), "{role:?}");
    assert_eq!(role.trust_policy, TRUST);
    assert_eq!(iam.roles(&keys()).await.unwrap().len(), 120);
    let missing = iam.role(&keys(), "Nobody").await.unwrap_err();
    assert_eq!(missing.kind(), ErrorKind::GrantNotFound);

    let name = "tempaccess-revoked-k7q3m5xw2p4a=20261125T154000Z";
    let document = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Deny","Action":"*","Resource":"*","Condition":{"StringEquals":{"aws:PrincipalTag/A + B":"ü&=%"}}}]}"#;
    assert_eq!(iam.role_policy(&keys(), "Role007", name).await.unwrap(), None);
    assert!(!iam.delete_role_policy(&keys(), "Role007", name).await.unwrap());
    iam.put_role_policy(&keys(), "Role007", name, document).await.unwrap();
    assert_eq!(iam.role_policies(&keys(), "Role007").await.unwrap(), [name]);
    assert_eq!(iam.role_policy(&keys(), "Role007", name).await.unwrap().as_deref(), Some(document));
    assert!(iam.delete_role_policy(&keys(), "Role007", name).await.unwrap());
    assert!(iam.role_policies(&keys(), "Role007").await.unwrap().is_empty());
    let broken = iam.put_role_policy(&keys(), "Role007", name, "{").await.unwrap_err();
    assert_eq!(broken.kind(), ErrorKind::MalformedPolicy);
}

/// Gives the same keys to everybody.
#[derive(Debug)]
struct Broker;

#[async_trait]
impl TokenExchange for Broker {
    async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer> {
        let keys = keys();
        let role = request.offer.role().clone();
        Ok(StsAnswer::new(SessionCredentials::new(
            keys.access_key_id.clone(),
            keys.secret_access_key.clone(),
            keys.session_token.clone(),
            keys.expiration,
            role,
        )))
    }
}

#[tokio::test]
async fn s3_stores_records_once() {
    let Some((_server, url)) = moto() else { return };
    prepare(&url, "s3", "PUT", "/access-records", "").await;
    let sandbox = Sandbox::start(World::demo()).unwrap();
    let access = TempAccess::builder(Minted::by(&sandbox, "alan@example.com", |_| {}), Broker).build();
    let access = BucketAccess::new("us-east-1", access, Arc::new(HttpTransport::default())).endpoint_url(url);
    let records = ObjectRecords::s3("s3://access-records/grants", access).unwrap();
    let id = "k7q3m5xw2p4a".parse().unwrap();
    assert!(records.ids().await.unwrap().is_empty());
    for seq in 1..=3 {
        records.create(&id, seq, format!("{{\"seq\":{seq}}}").into_bytes()).await.unwrap();
    }
    let error = records.create(&id, 3, b"{}".to_vec()).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::GrantChanged, "{error}");
    let events = records.events(&id).await.unwrap();
    assert_eq!(events.iter().map(|(seq, _)| *seq).collect::<Vec<_>>(), [1, 2, 3]);
    assert_eq!(events[2].1, b"{\"seq\":3}");
    assert_eq!(records.ids().await.unwrap(), [id]);
    let before = Timestamp::now() - SignedDuration::from_hours(1);
    assert_eq!(records.changed_since(before).await.unwrap().len(), 1);
    assert!(records.changed_since(Timestamp::now() + SignedDuration::from_hours(1)).await.unwrap().is_empty());
}
