//! A whole `tempaccess login` as a process, over TLS: at once, and over a network of 60 ms; with a password (cold), and with the
//! session at Okta of an earlier sign-in (warm). Compared with gimme-aws-creds and saml2aws, if they are on the path.
//!
//! saml2aws knows only AWS's own address of STS, so it reaches the sandbox through a proxy on loopback.
//!
//! Counts the requests and connections, and with strace on the path what is synced to the disk.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: whole processes take turns")]
#![allow(clippy::print_stdout, reason = "its result")]

mod process;

use std::fs;
use std::io::{BufRead as _, BufReader, Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempaccess_sandbox::{Sandbox, World};

const ROUNDS: usize = 21;
/// The address of STS that saml2aws has.
const STS: &str = "sts.amazonaws.com";
const NETWORK: Duration = Duration::from_millis(60);

type Result<T> = std::result::Result<T, Box<dyn std::error::Error>>;

/// What one run took.
struct Run {
    time: Duration,
    requests: usize,
    connections: usize,
}

struct Bench {
    sandbox: Sandbox,
    home: PathBuf,
    tempaccess: PathBuf,
    /// A proxy whose connections all lead to STS.
    proxy: String,
}

impl Bench {
    fn start(round_trip: Duration, tempaccess: &Path) -> Result<Self> {
        let sandbox = Sandbox::builder(World::demo()).tls_name(STS).round_trip(round_trip).start()?;
        let home = std::env::temp_dir().join(format!("tempaccess-sign-in-{}", std::process::id()));
        fs::create_dir_all(&home)?;
        fs::write(home.join("ca.pem"), sandbox.ca_pem().unwrap_or_default())?;
        let proxy = connect_to(sandbox.sts_url().trim_start_matches("https://").to_owned())?;
        Ok(Self { sandbox, home, tempaccess: tempaccess.to_owned(), proxy })
    }

    /// Removes what earlier runs have stored.
    fn forget(&self) {
        let _ = fs::remove_dir_all(self.home.join(".local"));
        let _ = fs::remove_dir_all(self.home.join(".aws"));
    }

    fn tempaccess(&self) -> Command {
        let mut command = Command::new(&self.tempaccess);
        command.args([
            "login",
            "--store",
            "file",
            "--no-interactive",
            "--password-stdin",
            "--username",
            "alan@example.com",
        ]);
        command.args(["--source", &self.sandbox.app_url(), "--sts-endpoint-url", &self.sandbox.sts_url()]);
        command
    }

    /// Reads `~/.okta_aws_login_config`.
    fn gimme_aws_creds(&self) -> Command {
        let mut command = Command::new("gimme-aws-creds");
        command.args(["--force-classic", "--disable-keychain"]).env("OKTA_PASSWORD", "bombe");
        command.env("AWS_ENDPOINT_URL_STS", self.sandbox.sts_url()).env("REQUESTS_CA_BUNDLE", self.home.join("ca.pem"));
        command
    }

    fn configure_gimme_aws_creds(&self) -> Result<()> {
        let config = format!(
            "[DEFAULT]\nokta_org_url = {}\ngimme_creds_server = appurl\napp_url = {}\nokta_username = alan@example.com\n\
             aws_rolename = arn:aws:iam::111122223333:role/ReadOnly\nwrite_aws_creds = True\ncred_profile = default\n\
             resolve_aws_alias = False\naws_default_duration = 3600\n",
            self.sandbox.okta_url(),
            self.sandbox.app_url()
        );
        Ok(fs::write(self.home.join(".okta_aws_login_config"), config)?)
    }

    /// Its keychain would be the system's, in which it keeps the session at Okta.
    fn saml2aws(&self) -> Command {
        let mut command = Command::new("saml2aws");
        command.args(["login", "--force", "--skip-prompt", "--disable-keychain", "--disable-sessions"]);
        command.args(["--idp-provider", "Okta", "--mfa", "Auto", "--username", "alan@example.com"]);
        command.args(["--url", &self.sandbox.app_url(), "--region", "us-east-1", "--session-duration", "3600"]);
        command.env("SAML2AWS_PASSWORD", "bombe").env("HTTPS_PROXY", &self.proxy);
        command
    }

    fn run(&self, command: &mut Command) -> Result<Run> {
        let ca = self.home.join("ca.pem");
        let path = std::env::var_os("PATH").unwrap_or_default();
        command.env("PATH", path).env("HOME", &self.home).env("AWS_REGION", "us-east-1");
        command.env("SSL_CERT_FILE", &ca).env("AWS_CA_BUNDLE", &ca);
        command.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::piped());
        let before = (self.sandbox.requests().len(), self.sandbox.connections());
        let start = Instant::now();
        let mut child = command.spawn()?;
        if let Some(mut stdin) = child.stdin.take() {
            // A program that does not read it has closed it.
            let _ = stdin.write_all(b"bombe\n");
        }
        let output = child.wait_with_output()?;
        let time = start.elapsed();
        if !output.status.success() {
            return Err(String::from_utf8_lossy(&output.stderr).into_owned().into());
        }
        let requests = self.sandbox.requests().len() - before.0;
        Ok(Run { time, requests, connections: self.sandbox.connections() - before.1 })
    }

    /// The calls of the system that sync a file, in one run.
    fn syncs(&self, command: &Command) -> Option<usize> {
        let trace = self.home.join("trace");
        let mut traced = Command::new("strace");
        traced.args(["-f", "-qq", "-e", "trace=fsync,fdatasync", "-o"]).arg(&trace).arg("--");
        traced.arg(command.get_program()).args(command.get_args());
        traced.envs(command.get_envs().filter_map(|(name, value)| Some((name, value?))));
        self.run(&mut traced).ok()?;
        let calls = fs::read_to_string(trace).ok()?;
        Some(calls.lines().filter(|line| line.contains("sync(")).count())
    }
}

impl Drop for Bench {
    fn drop(&mut self) {
        let _ = fs::remove_dir_all(&self.home);
    }
}

fn main() -> Result<()> {
    let Some(binary) = process::tempaccess() else { return Ok(()) };
    let is_there = |program: &str| Command::new(program).arg("--version").output().is_ok();
    let (has_gimme, has_saml2aws) = (is_there("gimme-aws-creds"), is_there("saml2aws"));
    println!(
        "| program | round trip, ms | median, ms | requests | connections | syncs |\n| --- | --- | --- | --- | --- | --- |"
    );
    for round_trip in [Duration::ZERO, NETWORK] {
        let bench = Bench::start(round_trip, &binary)?;
        let mut cold = Vec::new();
        let mut warm = Vec::new();
        let (mut gimme, mut saml2aws) = (Vec::new(), Vec::new());
        for _ in 0..ROUNDS {
            bench.forget();
            cold.push(bench.run(&mut bench.tempaccess())?);
            warm.push(bench.run(&mut bench.tempaccess())?);
            if has_gimme {
                // A run writes a token of the device into it.
                bench.configure_gimme_aws_creds()?;
                gimme.push(bench.run(&mut bench.gimme_aws_creds())?);
            }
            if has_saml2aws {
                saml2aws.push(bench.run(&mut bench.saml2aws())?);
            }
        }
        bench.forget();
        let cold_syncs = bench.syncs(&bench.tempaccess());
        let warm_syncs = bench.syncs(&bench.tempaccess());
        show("tempaccess, cold", round_trip, cold, cold_syncs);
        show("tempaccess, warm", round_trip, warm, warm_syncs);
        bench.configure_gimme_aws_creds()?;
        show("gimme-aws-creds, cold", round_trip, gimme, bench.syncs(&bench.gimme_aws_creds()));
        // Under strace, it never ends.
        show("saml2aws, cold", round_trip, saml2aws, None);
    }
    Ok(())
}

/// Starts a proxy that connects every client to this address, and returns its own.
fn connect_to(address: String) -> Result<String> {
    let listener = TcpListener::bind(("127.0.0.1", 0))?;
    let url = format!("http://{}", listener.local_addr()?);
    std::thread::spawn(move || {
        for client in listener.incoming().flatten() {
            let address = address.clone();
            std::thread::spawn(move || tunnel(client, &address));
        }
    });
    Ok(url)
}

fn tunnel(mut client: TcpStream, address: &str) -> std::io::Result<()> {
    let mut request = BufReader::new(client.try_clone()?);
    let mut line = String::new();
    while line != "\r\n" {
        line.clear();
        if request.read_line(&mut line)? == 0 {
            return Ok(());
        }
    }
    let mut server = TcpStream::connect(address)?;
    client.write_all(b"HTTP/1.1 200 Connected\r\n\r\n")?;
    let (mut to_server, mut to_client) = (server.try_clone()?, client.try_clone()?);
    let upwards = std::thread::spawn(move || copy(&mut client, &mut to_server));
    copy(&mut server, &mut to_client)?;
    upwards.join().unwrap_or(Ok(()))
}

/// Copies until the one side closes, and closes the other one.
fn copy(from: &mut TcpStream, to: &mut TcpStream) -> std::io::Result<()> {
    let mut buffer = [0; 16_384];
    loop {
        match from.read(&mut buffer)? {
            0 => return to.shutdown(Shutdown::Write),
            count => to.write_all(buffer.get(..count).unwrap_or_default())?,
        }
    }
}

fn show(program: &str, round_trip: Duration, mut runs: Vec<Run>, syncs: Option<usize>) {
    runs.sort_by_key(|run| run.time);
    let Some(median) = runs.get(runs.len() / 2) else { return };
    let syncs = syncs.map_or_else(String::new, |syncs| syncs.to_string());
    println!(
        "| {program} | {} | {:.0} | {} | {} | {syncs} |",
        round_trip.as_millis(),
        median.time.as_secs_f64() * 1e3,
        median.requests,
        median.connections
    );
}
