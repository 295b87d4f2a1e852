//! Reading, as the count of roles grows: linear, or it is a defect.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::fmt::Write as _;
use std::hint::black_box;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tempaccess_core::{RoleQuery, SamlResponse, role::AccountNames, saml::Limits};

/// A response in Okta's shape that offers this many roles.
fn response(roles: usize) -> String {
    let mut values = String::new();
    for number in 0..roles {
        let account = 100_000_000_000_usize + number;
        let _ = write!(
            values,
            r#"<saml2:AttributeValue xmlns:xs="http://www.w3.org/2001/XMLSchema" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" xsi:type="xs:string">arn:aws:iam::{account}:saml-provider/Okta,arn:aws:iam::{account}:role/Role{number}</saml2:AttributeValue>"#
        );
    }
    format!(
        r#"<saml2p:Response xmlns:saml2p="urn:oasis:names:tc:SAML:2.0:protocol" ID="r" Version="2.0"><saml2:Assertion xmlns:saml2="urn:oasis:names:tc:SAML:2.0:assertion" ID="a" Version="2.0"><saml2:AttributeStatement><saml2:Attribute Name="https://aws.amazon.com/SAML/Attributes/Role">{values}</saml2:Attribute></saml2:AttributeStatement></saml2:Assertion></saml2p:Response>"#
    )
}

fn read(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("read");
    for roles in [20, 1_000, 40_000] {
        let xml = response(roles);
        let limits = Limits::default();
        let Ok(response) = SamlResponse::detect(xml.as_bytes(), &limits) else { continue };
        group.throughput(Throughput::Bytes(xml.len() as u64));
        group.bench_with_input(BenchmarkId::new("facts", roles), &response, |bencher, response| {
            bencher.iter(|| black_box(response.read()));
        });
        let base64 = response.encoded().expose();
        group.bench_with_input(BenchmarkId::new("base64 and facts", roles), base64, |bencher, base64| {
            bencher.iter(|| {
                black_box(SamlResponse::detect(base64.as_bytes(), &limits).and_then(|response| response.read()))
            });
        });
    }
    group.finish();
}

fn choose(criterion: &mut Criterion) {
    let Ok(assertion) = SamlResponse::detect(response(1_000).as_bytes(), &Limits::default()).and_then(|r| r.read())
    else {
        return;
    };
    let query = RoleQuery::new().role("Role99?");
    criterion.bench_function("choose among 1,000 by a glob", |bencher| {
        bencher.iter(|| black_box(query.matches(&assertion.aws.roles, &AccountNames::new()).len()));
    });
}

criterion_group!(benches, read, choose);
criterion_main!(benches);
