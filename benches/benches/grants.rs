//! `grant list` over 200 roles, at 50 ms a call of IAM, compared with the least that takes: the latency, once for each wave of
//! calls that run at the same time.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: one long run tells enough")]
#![allow(clippy::print_stdout, reason = "its result")]

use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tempaccess_core::grants::{GrantFilter, GrantId, Grants};
use tempaccess_core::iam::{Iam, IamRole};
use tempaccess_core::records::Records;
use tempaccess_core::saml::Limits;
use tempaccess_core::seal::{Namespace, Signer};
use tempaccess_core::source::AssertionRequest;
use tempaccess_core::sts::{ExchangeRequest, SessionCredentials, StsAnswer};
use tempaccess_core::{AssertionSource, Result, SamlResponse, TempAccess, TokenExchange};

const ROLES: usize = 200;
const LATENCY: Duration = Duration::from_millis(50);
/// The calls that run at the same time.
const CONCURRENT: usize = 16;

#[derive(Debug)]
struct Admin;

#[async_trait]
impl AssertionSource for Admin {
    fn describe(&self) -> String {
        "benchmark".to_owned()
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let page = br#"<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"><Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion">
            <AttributeStatement><Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><AttributeValue>
            arn:aws:iam::123456789012:role/Admin,arn:aws:iam::123456789012:saml-provider/Okta
            </AttributeValue></Attribute></AttributeStatement></Assertion></Response>"#;
        SamlResponse::detect(page, &Limits::default())
    }
}

#[derive(Debug)]
struct Near;

#[async_trait]
impl TokenExchange for Near {
    async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer> {
        let (role, end) = (request.offer.role().clone(), jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1));
        let keys = SessionCredentials::new("ASIAIOSFODNN7EXAMPLE", "secret".into(), "token".into(), end, role);
        let mut answer = StsAnswer::new(keys);
        answer.assumed_role_arn = Some("arn:aws:sts::123456789012:assumed-role/Admin/ada".to_owned());
        Ok(answer)
    }
}

/// An IAM that takes its time.
#[derive(Debug)]
struct Far;

#[async_trait]
impl Iam for Far {
    async fn role(&self, _: &SessionCredentials, _: &str) -> Result<IamRole> {
        unreachable!("a list asks about no single role")
    }

    async fn roles(&self, _: &SessionCredentials) -> Result<Vec<IamRole>> {
        tokio::time::sleep(LATENCY).await;
        let role = |number: usize| format!("arn:aws:iam::123456789012:role/Role{number}").parse().ok();
        Ok((0..ROLES).filter_map(role).map(|arn| IamRole::new(arn, "AROAEXAMPLE", "{}")).collect())
    }

    async fn role_policies(&self, _: &SessionCredentials, _: &str) -> Result<Vec<String>> {
        tokio::time::sleep(LATENCY).await;
        Ok(vec!["tempaccess-grant-k7q3m5xw2p4a".to_owned(), "Basics".to_owned()])
    }

    async fn role_policy(&self, _: &SessionCredentials, _: &str, _: &str) -> Result<Option<String>> {
        Ok(None)
    }

    async fn put_role_policy(&self, _: &SessionCredentials, _: &str, _: &str, _: &str) -> Result<()> {
        Ok(())
    }

    async fn delete_role_policy(&self, _: &SessionCredentials, _: &str, _: &str) -> Result<bool> {
        Ok(false)
    }
}

#[derive(Debug)]
struct NoRecords;

#[async_trait]
impl Records for NoRecords {
    fn describe(&self) -> String {
        "nothing".to_owned()
    }

    async fn create(&self, _: &GrantId, _: u32, _: Vec<u8>) -> Result<()> {
        Ok(())
    }

    async fn events(&self, _: &GrantId) -> Result<Vec<(u32, Vec<u8>)>> {
        Ok(Vec::new())
    }

    async fn ids(&self) -> Result<Vec<GrantId>> {
        Ok(Vec::new())
    }
}

#[derive(Debug)]
struct NoSigner;

#[async_trait]
impl Signer for NoSigner {
    fn public_key(&self) -> Result<String> {
        Ok(String::new())
    }

    async fn sign(&self, _: Namespace, _: &[u8]) -> Result<String> {
        Ok(String::new())
    }
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let access = TempAccess::builder(Admin, Near).build();
    let grants = Grants::builder(access, Arc::new(Far), Arc::new(NoRecords), Arc::new(NoSigner)).build();
    let mut filter = GrantFilter::default();
    filter.roles = vec!["*".to_owned()];
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let listing = runtime.block_on(grants.list(&filter))?;
    let took = start.elapsed();
    let waves = 1 + ROLES.div_ceil(CONCURRENT);
    let least = LATENCY.saturating_mul(u32::try_from(waves)?);
    println!(
        "grant list: {} policies of {ROLES} roles in {} ms, {:.2} of the least for {waves} waves of {} ms",
        listing.grants.len(),
        took.as_millis(),
        took.as_secs_f64() / least.as_secs_f64(),
        LATENCY.as_millis(),
    );
    Ok(())
}
