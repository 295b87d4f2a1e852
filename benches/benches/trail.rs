//! `audit query --files`: finds the events of one grant among the files of a trail. Compared with decompressing and searching the same
//! files, which is the least that anybody can do, with jq, and with DuckDB.
//!
//! `TRAIL_EVENTS` is the number of events; a million is 1.4 GB of JSON. `cargo xtask bench` installs DuckDB into `target/peers`.

#![allow(clippy::print_stdout, reason = "a benchmark prints its figures")]

use std::io::{BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use flate2::Compression;
use flate2::bufread::MultiGzDecoder;
use flate2::write::GzEncoder;
use tempaccess_core::trail::{TrailFiles, TrailQuery};

type Failure = Box<dyn std::error::Error + Send + Sync>;

/// How many events a file has, as CloudTrail delivers them in five busy minutes.
const IN_FILE: usize = 20_000;
const SESSION: &str = "grace@example.com+k7q3m5xw2p4a";

fn main() -> Result<(), Failure> {
    let count: usize = std::env::var("TRAIL_EVENTS").ok().map_or(Ok(200_000), |text| text.parse())?;
    let folder = tempfile::tempdir()?;
    let files = write(folder.path(), count)?;
    let size: u64 = files.iter().map(|file| file.metadata().map_or(0, |metadata| metadata.len())).sum();
    println!("{count} events in {} files, {} MB compressed", files.len(), size >> 20);
    let mut query = TrailQuery::default();
    query.session = Some(SESSION.to_owned());
    let found = TrailFiles::find(folder.path())?;
    let (mut ours, mut least) = (Vec::new(), Vec::new());
    for _ in 0..3 {
        least.push(timed(|| search(&files))?);
        ours.push(timed(|| Ok(found.events(&query)?.len()))?);
    }
    let (ours, least) = (median(ours), median(least));
    println!("decompressing and searching: {:.2} s", least.as_secs_f64());
    println!("tempaccess: {:.2} s, {:.2} of that", ours.as_secs_f64(), ours.as_secs_f64() / least.as_secs_f64());
    println!("peak memory of this process: {} MB", peak_memory().unwrap_or_default() >> 10);
    for (name, peer) in [("DuckDB", duckdb(folder.path())), ("zcat | jq", jq(&files))] {
        match peer {
            Ok(peer) => {
                println!("{name}: {:.2} s, {:.1} of that", peer.as_secs_f64(), peer.as_secs_f64() / least.as_secs_f64())
            }
            Err(why) => println!("{name}: skipped: {why}"),
        }
    }
    Ok(())
}

/// Writes files as a trail delivers them, on all cores. Every ten-thousandth event is one of the grant.
fn write(folder: &Path, count: usize) -> Result<Vec<PathBuf>, Failure> {
    let firsts: Vec<usize> = (0..count).step_by(IN_FILE).collect();
    let path_of = |first: usize| folder.join(format!("{first:09}.json.gz"));
    on_all_cores(&firsts, |first| {
        let mut file = GzEncoder::new(std::fs::File::create(path_of(*first))?, Compression::default());
        file.write_all(b"{\"Records\":[")?;
        for number in *first..count.min(first + IN_FILE) {
            let session =
                if number % 10_000 == 17 { SESSION.to_owned() } else { format!("person{}@example.com", number % 977) };
            let comma = if number > *first { "," } else { "" };
            write!(file, "{comma}{}", event(number, &session))?;
        }
        file.write_all(b"]}")?;
        file.finish()?;
        Ok(())
    })?;
    Ok(firsts.into_iter().map(path_of).collect())
}

fn on_all_cores<T: Sync>(items: &[T], work: impl Fn(&T) -> Result<(), Failure> + Sync) -> Result<(), Failure> {
    let next = AtomicUsize::new(0);
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let run = || {
            while let Some(item) = items.get(next.fetch_add(1, Ordering::Relaxed)) {
                work(item)?;
            }
            Ok(())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(run)).collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })
}

/// Numbers as random as the identifiers of real events, which do not compress (SplitMix64).
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }
}

fn event(number: usize, session: &str) -> String {
    let mut random = Random(number as u64);
    let (key, object, request, event) = (random.next(), random.next(), random.next(), random.next());
    // 76 characters of base64 in real events.
    let id: String = (0..4).map(|_| format!("{:016x}", random.next())).collect();
    let pad: String =
        (0..12).map(|at| char::from(b'A' + u8::try_from((key >> (5 * at)) % 26).unwrap_or_default())).collect();
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE000000001:{session}","arn":"arn:aws:sts::111122223333:assumed-role/Granted/{session}","accountId":"111122223333","accessKeyId":"ASIA{key:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE000000001","arn":"arn:aws:iam::111122223333:role/Granted","accountId":"111122223333","userName":"Granted"}},"attributes":{{"creationDate":"2026-11-25T13:58:02Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2026-11-25T14:{:02}:{:02}Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.{}","userAgent":"[aws-cli/2.27.0 md/awscrt#0.26.1 ua/2.1 os/linux lang/python#3.13]","requestParameters":{{"bucketName":"ledger","Host":"ledger.s3.eu-west-1.amazonaws.com","key":"2026/{object:x}.csv"}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"{id}{pad}","bytesTransferredOut":{}}},"requestID":"{request:016X}","eventID":"{event:016x}{object:016x}","readOnly":true,"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::ledger/2026/{object:x}.csv"}},{{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::ledger"}}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data"}}"#,
        number / 60 % 60,
        number % 60,
        number % 250,
        number % 99_991,
    )
}

/// Decompresses every file and looks for the text in it, on all cores.
fn search(files: &[PathBuf]) -> Result<usize, Failure> {
    let found = AtomicUsize::new(0);
    let finder = memchr::memmem::Finder::new(SESSION);
    on_all_cores(files, |path| {
        let mut buffer = vec![0; 64 << 10];
        let mut reader = MultiGzDecoder::new(BufReader::with_capacity(256 << 10, std::fs::File::open(path)?));
        loop {
            let length = reader.read(&mut buffer)?;
            if length == 0 {
                return Ok(());
            }
            let texts = finder.find_iter(buffer.get(..length).unwrap_or_default()).count();
            found.fetch_add(texts, Ordering::Relaxed);
        }
    })?;
    Ok(found.into_inner())
}

/// The Python of the peers, with `benches/peers/trail.py`.
fn duckdb(folder: &Path) -> Result<Duration, Failure> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().ok_or("no workspace")?;
    let python = root.join("target/peers/venv/bin/python");
    if !python.exists() {
        return Err("install the peers first: cargo xtask bench".into());
    }
    timed(|| {
        let output =
            Command::new(&python).arg(root.join("benches/peers/trail.py")).arg(folder).arg(SESSION).output()?;
        let count = String::from_utf8(output.stdout)?;
        count.trim().parse().map_err(|_| String::from_utf8_lossy(&output.stderr).into_owned().into())
    })
}

/// What people do without a tool.
fn jq(files: &[PathBuf]) -> Result<Duration, Failure> {
    let filter = format!(".Records[] | select(.userIdentity.arn | endswith(\"/{SESSION}\")) | .eventName");
    timed(|| {
        let mut unpack = Command::new("zcat").args(files).stdout(Stdio::piped()).spawn()?;
        let unpacked = unpack.stdout.take().ok_or("no output of zcat")?;
        let output = Command::new("jq").args(["-c", &filter]).stdin(unpacked).output()?;
        unpack.wait()?;
        Ok(output.stdout.len())
    })
}

fn timed(work: impl FnOnce() -> Result<usize, Failure>) -> Result<Duration, Failure> {
    let start = Instant::now();
    let found = work()?;
    if found == 0 {
        return Err("nothing was found".into());
    }
    Ok(start.elapsed())
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The most memory that this process has had, in KB.
fn peak_memory() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.split_whitespace().next()?.parse().ok()
}
