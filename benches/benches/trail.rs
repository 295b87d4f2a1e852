//! `audit query --files`: finds the events of one grant among the files of a trail. Compared with decompressing and searching the same
//! files, which is the least that anybody can do, and with jq.
//!
//! `TRAIL_EVENTS` is the number of events; a million is 1.3 GB of JSON.

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
    let query = TrailQuery { session: Some(SESSION.to_owned()), ..TrailQuery::default() };
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
    match jq(&files) {
        Ok(jq) => {
            println!("zcat | jq: {:.2} s, {:.1} of that", jq.as_secs_f64(), jq.as_secs_f64() / least.as_secs_f64())
        }
        Err(why) => println!("zcat | jq: skipped: {why}"),
    }
    Ok(())
}

/// Writes files as a trail delivers them. Every ten-thousandth event is one of the grant.
fn write(folder: &Path, count: usize) -> Result<Vec<PathBuf>, Failure> {
    let mut files = Vec::new();
    for first in (0..count).step_by(IN_FILE) {
        let path = folder.join(format!("{first:09}.json.gz"));
        let mut file = GzEncoder::new(std::fs::File::create(&path)?, Compression::default());
        file.write_all(b"{\"Records\":[")?;
        for number in first..count.min(first + IN_FILE) {
            let session =
                if number % 10_000 == 17 { SESSION.to_owned() } else { format!("person{}@example.com", number % 977) };
            let comma = if number > first { "," } else { "" };
            write!(file, "{comma}{}", event(number, &session))?;
        }
        file.write_all(b"]}")?;
        file.finish()?;
        files.push(path);
    }
    Ok(files)
}

fn event(number: usize, session: &str) -> String {
    let unique = number.wrapping_mul(0x9E37_79B9_7F4A_7C15);
    format!(
        r#"{{"eventVersion":"1.11","userIdentity":{{"type":"AssumedRole","principalId":"AROAEXAMPLE000000001:{session}","arn":"arn:aws:sts::111122223333:assumed-role/Granted/{session}","accountId":"111122223333","accessKeyId":"ASIA{unique:016X}","sessionContext":{{"sessionIssuer":{{"type":"Role","principalId":"AROAEXAMPLE000000001","arn":"arn:aws:iam::111122223333:role/Granted","accountId":"111122223333","userName":"Granted"}},"attributes":{{"creationDate":"2026-11-25T13:58:02Z","mfaAuthenticated":"false"}}}}}},"eventTime":"2026-11-25T14:{:02}:{:02}Z","eventSource":"s3.amazonaws.com","eventName":"GetObject","awsRegion":"eu-west-1","sourceIPAddress":"192.0.2.{}","userAgent":"[aws-cli/2.27.0 md/awscrt#0.26.1 ua/2.1 os/linux lang/python#3.13]","requestParameters":{{"bucketName":"ledger","Host":"ledger.s3.eu-west-1.amazonaws.com","key":"2026/{unique:x}.csv"}},"responseElements":null,"additionalEventData":{{"SignatureVersion":"SigV4","CipherSuite":"TLS_AES_128_GCM_SHA256","bytesTransferredIn":0,"AuthenticationMethod":"AuthHeader","x-amz-id-2":"{unique:x}{unique:x}=","bytesTransferredOut":{}}},"requestID":"{unique:X}","eventID":"{number:032x}","readOnly":true,"resources":[{{"type":"AWS::S3::Object","ARN":"arn:aws:s3:::ledger/2026/{unique:x}.csv"}},{{"accountId":"111122223333","type":"AWS::S3::Bucket","ARN":"arn:aws:s3:::ledger"}}],"eventType":"AwsApiCall","managementEvent":false,"recipientAccountId":"111122223333","eventCategory":"Data"}}"#,
        number / 60 % 60,
        number % 60,
        number % 250,
        number % 99_991,
    )
}

/// Decompresses every file and looks for the text in it, on all cores.
fn search(files: &[PathBuf]) -> Result<usize, Failure> {
    let (next, found) = (AtomicUsize::new(0), AtomicUsize::new(0));
    let threads = std::thread::available_parallelism().map_or(1, usize::from);
    std::thread::scope(|scope| {
        let search = || -> Result<(), Failure> {
            let finder = memchr::memmem::Finder::new(SESSION);
            let mut buffer = vec![0; 64 << 10];
            while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                let mut reader = MultiGzDecoder::new(BufReader::with_capacity(256 << 10, std::fs::File::open(path)?));
                loop {
                    let length = reader.read(&mut buffer)?;
                    if length == 0 {
                        break;
                    }
                    found.fetch_add(
                        finder.find_iter(buffer.get(..length).unwrap_or_default()).count(),
                        Ordering::Relaxed,
                    );
                }
            }
            Ok(())
        };
        let running: Vec<_> = (0..threads).map(|_| scope.spawn(search)).collect();
        running.into_iter().try_for_each(|thread| thread.join().map_err(|_| "a thread panicked")?)
    })?;
    Ok(found.into_inner())
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
