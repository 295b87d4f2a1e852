//! Servers and clients that we did not write. A test whose part is missing on this machine is skipped, and names the
//! command that installs it; under CI it fails.
//!
//! libtest cannot skip a test at run time and counts one that returns early as passed. So each skipped test is also noted
//! in `target/skipped-tests`, and `cargo xtask test` lists them at its end.

use std::io::Write;
use std::net::TcpListener;
use std::path::PathBuf;
use std::process::{Child, Command};
use std::time::{Duration, Instant};

/// The Python programs of `cargo xtask parts`.
pub fn python() -> Option<PathBuf> {
    found(crate::workspace().join("target/parts/venv/bin/python"), "cargo xtask parts")
}

/// A program that one of the Python packages installs.
pub fn python_program(name: &str) -> Option<PathBuf> {
    found(crate::workspace().join("target/parts/venv/bin").join(name), "cargo xtask parts")
}

/// The folder with the AWS SDK for JavaScript.
pub fn sdk_js() -> Option<PathBuf> {
    let folder = crate::workspace().join("target/parts/node");
    found(folder.join("node_modules/@aws-sdk/credential-providers"), "cargo xtask parts").map(|_| folder)
}

/// A package that npm installed.
pub fn npm_package(name: &str) -> Option<PathBuf> {
    found(crate::workspace().join("target/parts/node/node_modules").join(name), "cargo xtask parts")
}

/// A file that these packages of Debian install, by its path.
pub fn debian(path: &str, packages: &str) -> Option<PathBuf> {
    found(PathBuf::from(path), &apt_get(packages))
}

/// A program on the path, which this package of Debian installs.
pub fn on_path(name: &str, package: &str) -> Option<PathBuf> {
    on_path_of(name, &apt_get(package))
}

/// A program on the path, which `cargo xtask tools` installs.
pub fn tool(name: &str) -> Option<PathBuf> {
    on_path_of(name, &format!("cargo xtask tools {name}"))
}

fn on_path_of(name: &str, install: &str) -> Option<PathBuf> {
    let paths = std::env::var_os("PATH").unwrap_or_default();
    let file = std::env::split_paths(&paths).map(|folder| folder.join(name)).find(|file| file.is_file());
    file.or_else(|| found(PathBuf::from(name), install))
}

/// What `.ci/run` installs, so that no test is missing a package there alone.
const PACKAGES: &str = include_str!("../../.ci/debian-packages");

/// Packages that `.ci/run` installs unless there is a Node already.
const NODE: [&str; 2] = ["nodejs", "npm"];

fn apt_get(packages: &str) -> String {
    for package in packages.split(' ') {
        let is_listed = PACKAGES.lines().any(|line| line == package) || NODE.contains(&package);
        assert!(is_listed, "{package} must be in .ci/debian-packages");
    }
    format!("apt-get install --no-install-recommends {packages}")
}

fn found(path: PathBuf, install: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    missing(&format!("{} is missing; install it with: {install}", path.display()));
    None
}

/// Notes that the running test is skipped, and why. Under CI it fails instead.
pub fn missing(why: &str) {
    assert!(std::env::var_os("CI").is_none(), "{why}");
    skip(why);
}

/// Notes that the running test is skipped, and why.
#[allow(clippy::print_stderr, reason = "a skipped test says so")]
pub fn skip(why: &str) {
    eprintln!("skipped: {why}");
    // The harness names the thread of a test after it.
    let thread = std::thread::current();
    let line = format!("{}\t{why}\n", thread.name().unwrap_or("a test"));
    let target = std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| crate::workspace().join("target"), PathBuf::from);
    let file = std::fs::OpenOptions::new().create(true).append(true).open(target.join("skipped-tests"));
    let _ = file.and_then(|mut file| file.write_all(line.as_bytes()));
}

/// A port that nothing listens on now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// A server that is stopped at the end of the test.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts the server and waits until its port accepts connections.
    pub fn start(command: &mut Command, port: u16) -> Self {
        let server = Self { child: command.spawn().expect("the server starts") };
        let end = Instant::now() + Duration::from_secs(60);
        while std::net::TcpStream::connect(("127.0.0.1", port)).is_err() {
            assert!(Instant::now() < end, "the server does not answer on port {port}");
            std::thread::sleep(Duration::from_millis(50));
        }
        server
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
