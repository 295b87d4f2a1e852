//! A thousand roles by one sign-in, at 50 ms an exchange, compared with the least that it can take: the latency, once for each
//! wave of exchanges that run at the same time. Everything is real but the network: the SDK, the store on the disk, the
//! audit record.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: one long run tells enough")]
#![allow(clippy::print_stdout, reason = "its result")]

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::{Duration, Instant};

use tempaccess_core::audit::AuditFile;
use tempaccess_core::external::url::form_urlencoded;
use tempaccess_core::net::{Transport, TransportError};
use tempaccess_core::store::FileStore;
use tempaccess_core::{
    AssertionSource, Result, SamlResponse, StsExchange, TempAccess, front_end::MAX_CONCURRENT_EXCHANGES, saml::Limits,
    source::AssertionRequest,
};

const ROLES: usize = 1_000;
const LATENCY: Duration = Duration::from_millis(50);

#[derive(Debug)]
struct Minted(Vec<u8>);

#[async_trait::async_trait]
impl AssertionSource for Minted {
    fn describe(&self) -> String {
        "benchmark".to_owned()
    }

    fn identity(&self) -> Option<String> {
        Some("benchmark".to_owned())
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        SamlResponse::detect(&self.0, &Limits::default())
    }
}

/// An STS that takes its time.
#[derive(Debug)]
struct Far;

#[async_trait::async_trait]
impl Transport for Far {
    async fn send(&self, request: http::Request<Vec<u8>>) -> Result<http::Response<Vec<u8>>, TransportError> {
        tokio::time::sleep(LATENCY).await;
        // The session is of the role that was asked for, which is checked.
        let role = form_urlencoded::parse(request.body()).find(|(name, _)| name == "RoleArn");
        let role = role.map(|(_, role)| role.into_owned()).unwrap_or_default();
        let session = role.replace(":iam:", ":sts:").replace(":role/", ":assumed-role/");
        let until = jiff::Timestamp::now() + jiff::SignedDuration::from_hours(1);
        let answer = format!(
            "<AssumeRoleWithSAMLResponse xmlns=\"https://sts.amazonaws.com/doc/2011-06-15/\"><AssumeRoleWithSAMLResult>\
             <Credentials><AccessKeyId>ASIAIOSFODNN7EXAMPLE</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>\
             <SessionToken>token</SessionToken><Expiration>{until:.0}</Expiration></Credentials>\
             <AssumedRoleUser><Arn>{session}/ada</Arn><AssumedRoleId>AROA:ada</AssumedRoleId></AssumedRoleUser>\
             </AssumeRoleWithSAMLResult></AssumeRoleWithSAMLResponse>"
        );
        Ok(http::Response::new(answer.into_bytes()))
    }
}

fn response() -> Vec<u8> {
    let mut values = String::new();
    for number in 0..ROLES {
        let _ = write!(
            values,
            "<AttributeValue>arn:aws:iam::{:012}:role/Role{number},arn:aws:iam::{:012}:saml-provider/Okta</AttributeValue>",
            number / 10,
            number / 10
        );
    }
    format!(
        "<Response xmlns=\"urn:oasis:names:tc:SAML:2.0:protocol\"><Assertion xmlns=\"urn:oasis:names:tc:SAML:2.0:assertion\">\
         <AttributeStatement><Attribute Name=\"https://aws.amazon.com/SAML/Attributes/Role\">{values}</Attribute>\
         </AttributeStatement></Assertion></Response>"
    )
    .into_bytes()
}

fn main() -> std::result::Result<(), Box<dyn std::error::Error>> {
    let folder = std::env::temp_dir().join(format!("tempaccess-many-{}", std::process::id()));
    let sts = StsExchange::builder().transport(Arc::new(Far)).build()?;
    let access = TempAccess::builder(Minted(response()), sts)
        .store(Arc::new(FileStore::new(folder.join("store"))))
        .audit(Arc::new(AuditFile::new(folder.join("audit.jsonl"))))
        .build();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let start = Instant::now();
    let roles = runtime.block_on(access.all_credentials(|_| {}))?;
    let took = start.elapsed();
    if let Some(error) = roles.into_iter().find_map(|role| role.result.err()) {
        return Err(error.into());
    }
    std::fs::remove_dir_all(&folder)?;
    let ideal = LATENCY * u32::try_from(ROLES.div_ceil(MAX_CONCURRENT_EXCHANGES))?;
    println!(
        "{ROLES} roles, {MAX_CONCURRENT_EXCHANGES} at a time, {} ms each: {:.2} s; at least {:.2} s; {:.2} times that",
        LATENCY.as_millis(),
        took.as_secs_f64(),
        ideal.as_secs_f64(),
        took.as_secs_f64() / ideal.as_secs_f64()
    );
    Ok(())
}
