//! A whole `tempaccess grant issue` as a process, over TLS: at once, and over a network of 60 ms; with a sign-in, and with the session of
//! an earlier one. The records are in S3, and nobody else has a recent grant.
//!
//! Counts the requests to each service.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: whole processes take turns")]
#![allow(clippy::print_stdout, reason = "its result")]

mod process;

use std::fs;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempaccess_sandbox::{Sandbox, Service, World};

const ROUNDS: usize = 21;
const NETWORK: Duration = Duration::from_millis(60);
const ADMIN: &str = "arn:aws:iam::111122223333:role/AccessAdmin";
const CONFIG: &str = r#"
[profiles.admin]
username = "alan@example.com"
password_command = "printf bombe"
role = "AccessAdmin"

[grants]
signers = "access.signers"
records = "s3://access-records/ROUND"
"#;
const POLICY: &str = r#"{"Version":"2012-10-17","Statement":[{"Effect":"Allow","Action":"s3:ListBucket","Resource":"arn:aws:s3:::ledger"}]}"#;

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// A machine of an administrator.
struct Bench {
    sandbox: Sandbox,
    home: PathBuf,
    tempaccess: PathBuf,
}

impl Bench {
    fn start(round_trip: Duration, tempaccess: &Path) -> Result<Self> {
        let mut world = World::demo();
        let offer = format!("arn:aws:iam::111122223333:saml-provider/Okta,{ADMIN}");
        world.user_mut("alan@example.com").ok_or("the world has no Alan")?.roles.push(offer);
        let sandbox = Sandbox::builder(world).tls().round_trip(round_trip).start()?;
        let home = std::env::temp_dir().join(format!("tempaccess-give-{}", std::process::id()));
        fs::create_dir_all(home.join(".config/tempaccess"))?;
        fs::write(home.join("ca.pem"), sandbox.ca_pem().unwrap_or_default())?;
        fs::write(home.join(".config/tempaccess/config.toml"), CONFIG)?;
        fs::write(home.join("policy.json"), POLICY)?;
        let bench = Self { sandbox, home, tempaccess: tempaccess.to_owned() };
        bench.run(&["grant", "key", "--new"])?;
        bench.run(&["grant", "trust", "alan@example.com", ".ssh/tempaccess_ed25519.pub", "--yes"])?;
        Ok(bench)
    }

    /// Runs a command in the home, and returns how long it took.
    fn run(&self, arguments: &[&str]) -> Result<Duration> {
        let ca = self.home.join("ca.pem");
        let mut command = Command::new(&self.tempaccess);
        command.args(arguments).current_dir(&self.home).env_clear();
        command.env("PATH", std::env::var_os("PATH").unwrap_or_default()).env("HOME", &self.home);
        command.env("SSL_CERT_FILE", &ca).env("AWS_CA_BUNDLE", &ca).env("AWS_REGION", "us-east-1");
        command.env("TEMPACCESS_SOURCE", self.sandbox.app_url());
        command.env("TEMPACCESS_STORE", "file").env("TEMPACCESS_STORE_DIR", self.home.join("store"));
        for service in ["STS", "IAM", "S3"] {
            command.env(format!("AWS_ENDPOINT_URL_{service}"), self.sandbox.sts_url());
        }
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let start = Instant::now();
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read it has closed it.
            let _ = stdin.write_all(b"\n");
        }
        let output = child.wait_with_output()?;
        let time = start.elapsed();
        match output.status.success() {
            true => Ok(time),
            false => Err(String::from_utf8_lossy(&output.stderr).into_owned().into()),
        }
    }

    /// Signs in again at the next command.
    fn forget(&self) {
        let _ = fs::remove_dir_all(self.home.join("store"));
    }

    /// Gives a grant, with records of its own, so that none is recent. Returns the time, and the requests to each service.
    fn give(&self, round: usize) -> Result<(Duration, [usize; 4])> {
        fs::write(self.home.join(".config/tempaccess/config.toml"), CONFIG.replace("ROUND", &format!("round{round}")))?;
        let _ = fs::remove_file(self.home.join("grace.grant"));
        let before = self.sandbox.requests().len();
        let key = ".ssh/tempaccess_ed25519.pub";
        let time = self.run(&[
            "grant",
            "issue",
            "admin",
            "--to",
            "grace@example.com",
            "--seal-to",
            key,
            "--role",
            "Granted",
            "--policy",
            "policy.json",
            "--for",
            "40m",
            "--reason",
            "OPS-1",
            "--out",
            "grace.grant",
            "--yes",
        ])?;
        let requests = self.sandbox.requests().split_off(before);
        let of = |service: Service| requests.iter().filter(|request| request.service == service).count();
        Ok((time, [Service::Okta, Service::Sts, Service::Iam, Service::S3].map(of)))
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn main() -> Result<()> {
    let Some(binary) = process::tempaccess() else { return Ok(()) };
    println!(
        "| `grant issue` | round trip, ms | median, ms | Okta | STS | IAM | S3 |\n| --- | --- | --- | --- | --- | --- | --- |"
    );
    for round_trip in [Duration::ZERO, NETWORK] {
        let bench = Bench::start(round_trip, &binary)?;
        let (mut with_sign_in, mut cached) = (Vec::new(), Vec::new());
        for round in 0..ROUNDS {
            bench.forget();
            with_sign_in.push(bench.give(2 * round)?);
            cached.push(bench.give(2 * round + 1)?);
        }
        show("with a sign-in", round_trip, with_sign_in);
        show("with a cached session", round_trip, cached);
    }
    Ok(())
}

fn show(what: &str, round_trip: Duration, mut runs: Vec<(Duration, [usize; 4])>) {
    runs.sort_by_key(|(time, _)| *time);
    let Some((median, [okta, sts, iam, s3])) = runs.get(runs.len() / 2) else { return };
    let (round_trip, median) = (round_trip.as_millis(), median.as_secs_f64() * 1e3);
    println!("| {what} | {round_trip} | {median:.0} | {okta} | {sts} | {iam} | {s3} |");
}
