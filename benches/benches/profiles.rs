//! Merging profiles into the AWS config file: each of a number of roles, into an empty file and into one that has them all.
#![allow(missing_docs, reason = "criterion's macros")]

use std::hint::black_box;

use criterion::{Criterion, criterion_group, criterion_main};
use tempaccess_core::config::{AwsProfile, AwsProfiles, SyncOptions, aws_config_with};

fn merge(criterion: &mut Criterion) {
    let mut group = criterion.benchmark_group("profiles");
    group.sample_size(10);
    for count in [1_000, 40_000] {
        let profile = |number: usize| {
            let role = format!("arn:aws:iam::111122223333:role/Role{number}");
            AwsProfile::new(&format!("ledger-Role{number}"), &["tempaccess", "--role", &role], Some("eu-west-1"))
        };
        let Ok(profiles) = (0..count).map(profile).collect::<Result<Vec<_>, _>>() else { return };
        let profiles = AwsProfiles::from_iter(profiles);
        let options = SyncOptions::default().prune(true);
        let Ok((text, _)) = aws_config_with("", &profiles, options) else { return };
        group.bench_function(format!("{count} new"), |bench| {
            bench.iter(|| black_box(aws_config_with("", &profiles, options).is_ok()));
        });
        group.bench_function(format!("{count} there"), |bench| {
            bench.iter(|| black_box(aws_config_with(&text, &profiles, options).is_ok()));
        });
    }
    group.finish();
}

criterion_group!(benches, merge);
criterion_main!(benches);
