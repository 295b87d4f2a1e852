//! Servers and clients that we did not write. What a person's machine lacks is skipped with the line that installs it;
//! under CI it is a failure.

use std::net::TcpListener;
use std::path::{Path, PathBuf};
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

/// A program of the system.
pub fn program(path: &str, install: &str) -> Option<PathBuf> {
    found(PathBuf::from(path), install)
}

fn found(path: PathBuf, install: &str) -> Option<PathBuf> {
    if path.exists() {
        return Some(path);
    }
    assert!(std::env::var_os("CI").is_none(), "{} is missing; install it with: {install}", path.display());
    skip(&path, install);
    None
}

#[allow(clippy::print_stderr, reason = "a skipped test says so")]
fn skip(path: &Path, install: &str) {
    eprintln!("skipped: {} is missing; install it with: {install}", path.display());
}

/// A port that is free now.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").and_then(|listener| listener.local_addr()).expect("a free port").port()
}

/// A server that ends with the test.
#[derive(Debug)]
pub struct Server {
    child: Child,
}

impl Server {
    /// Starts it and waits until its port answers.
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
