//! Building the report of many grants, and verifying their records.
#![allow(missing_docs, reason = "criterion's macros make public items")]

#[path = "../../tests/src/register.rs"]
#[allow(
    dead_code,
    unreachable_pub,
    clippy::indexing_slicing,
    reason = "it belongs to the tests, whose lints are others"
)]
mod register;

use std::hint::black_box;
use std::path::Path;
use std::sync::Arc;

use criterion::{BenchmarkId, Criterion, Throughput, criterion_group, criterion_main};
use register::{NOW, Register, SIGNED_BY};
use tempaccess_core::Result;
use tempaccess_core::grants::GrantHistories;
use tempaccess_core::records::{GrantHistory, Records};
use tempaccess_core::report::{Export, Period, Report};
use tempaccess_core::seal::{KeyFile, KeyFileSigner, Namespace, Signers};
use tempaccess_core::source::NoPrompter;

/// Signed records, and who is trusted to sign them.
async fn records(count: usize, folder: &Path) -> Result<(Register, Signers)> {
    let key = KeyFile::create(&folder.join("key"), SIGNED_BY)?;
    let signers = Signers::parse(&Signers::line(SIGNED_BY, &key.public_key(), Namespace::Grant)?.to_string())?;
    Ok((Register::of(count, &KeyFileSigner::new(key, Arc::new(NoPrompter))?).await, signers))
}

async fn read(register: &Register, signers: &Signers) -> Result<GrantHistories> {
    let mut found = GrantHistories::default();
    for id in register.ids().await? {
        found.histories.push(GrantHistory::read(register, &id, signers).await?);
    }
    Ok(found)
}

fn report(criterion: &mut Criterion) {
    let Ok(runtime) = tokio::runtime::Builder::new_current_thread().build() else { return };
    let (Ok(folder), Ok(now)) = (tempfile::tempdir(), NOW.parse()) else { return };
    let mut group = criterion.benchmark_group("report");
    group.sample_size(10);
    for count in [1_000, 10_000] {
        let place = folder.path().join(count.to_string());
        if std::fs::create_dir(&place).is_err() {
            return;
        }
        let Ok((register, signers)) = runtime.block_on(records(count, &place)) else { return };
        let Ok(found) = runtime.block_on(read(&register, &signers)) else { return };
        assert!(found.histories.iter().all(|history| history.defects().is_empty()), "the records are sound");
        group.throughput(Throughput::Elements(count as u64));
        group.bench_with_input(BenchmarkId::new("verify", count), &register, |bencher, register| {
            bencher.iter(|| black_box(runtime.block_on(read(register, &signers))));
        });
        group.bench_with_input(BenchmarkId::new("build", count), &found, |bencher, found| {
            bencher.iter(|| black_box(Report::new(found, now).html()));
        });
        group.bench_with_input(BenchmarkId::new("ocsf", count), &found, |bencher, found| {
            bencher.iter(|| black_box(Export::new(&found.histories, &Period::default()).ocsf()));
        });
        // To look at, and to measure in a browser.
        if let (Some(file), Ok(html)) = (std::env::var_os("REPORT_OUT"), Report::new(&found, now).html()) {
            assert!(std::fs::write(file, html).is_ok(), "REPORT_OUT can be written");
        }
    }
    group.finish();
}

criterion_group!(benches, report);
criterion_main!(benches);
