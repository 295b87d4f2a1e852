//! Verifying two signatures, compared with bergshamra, and as the document grows: linear, or it is a defect.
#![allow(missing_docs, reason = "criterion's macros make public items")]

use std::hint::black_box;

use bergshamra::keys::loader;
use bergshamra::{DsigContext, KeysManager};
use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use tempaccess_core::verify::{Expectations, TrustedKeys, Verifier};
use tempaccess_core::{Clock, SamlResponse, clock::SystemClock, saml::Limits};
use tempaccess_sandbox::{Sandbox, World};

/// A response in Okta's shape, signed twice, that offers this many roles.
fn signed(sandbox: &Sandbox, roles: usize) -> Option<SamlResponse> {
    let mut claims = sandbox.claims_of("ada@example.com")?;
    let (_, values) = claims.attributes.first_mut()?;
    *values = (0..roles)
        .map(|number| {
            let account = 100_000_000_000_usize + number;
            format!("arn:aws:iam::{account}:saml-provider/Okta,arn:aws:iam::{account}:role/Role{number}")
        })
        .collect();
    SamlResponse::detect(sandbox.mint(&claims).ok()?.as_bytes(), &Limits::default()).ok()
}

fn verify(criterion: &mut Criterion) {
    let Ok(sandbox) = Sandbox::start(World::demo()) else { return };
    let Ok(keys) = TrustedKeys::parse(sandbox.certificate_pem().as_bytes()) else { return };
    let verifier = Verifier::new(keys);
    let mut group = criterion.benchmark_group("verify");
    // 10 KB to 10 MB.
    for roles in [20, 1_000, 32_000] {
        let Some(response) = signed(&sandbox, roles) else { continue };
        let now = SystemClock.now();
        assert!(verifier.verify(&response, &Expectations::aws(), now).is_ok(), "{roles} roles");
        group.throughput(Throughput::Bytes(response.xml().len() as u64));
        group.bench_with_input(BenchmarkId::new("tempaccess", roles), &response, |bencher, response| {
            bencher.iter(|| black_box(verifier.verify(response, &Expectations::aws(), now)));
        });
        if roles > 1_000 {
            continue;
        }
        let Ok(key) = loader::load_x509_cert_pem(sandbox.certificate_pem().as_bytes()) else { return };
        let mut keys = KeysManager::new();
        keys.add_key(key);
        let context = DsigContext::new(keys);
        group.bench_with_input(
            BenchmarkId::new("bergshamra, signatures alone", roles),
            &response,
            |bencher, response| {
                bencher.iter(|| black_box(bergshamra::verify_all(&context, response.xml())));
            },
        );
    }
    group.finish();
}

criterion_group!(benches, verify);
criterion_main!(benches);
