//! Programs that use AWS, led to the sandbox.

use std::path::{Path, PathBuf};
use std::process::{Command, Output};

use tempaccess_sandbox::Sandbox;

use crate::aws::Credentials;
use crate::parts;

/// Returns a program that uses the sandbox with these credentials, and knows nothing of this machine.
pub fn client(program: &Path, sandbox: &Sandbox, caller: &Credentials, home: &Path) -> Command {
    let mut command = Command::new(program);
    command
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("HOME", home)
        .env("AWS_DEFAULT_REGION", "us-east-1")
        .env("AWS_ACCESS_KEY_ID", &caller.access_key)
        .env("AWS_SECRET_ACCESS_KEY", &caller.secret)
        .env("AWS_SESSION_TOKEN", &caller.token);
    for service in ["STS", "IAM", "S3", "CLOUDTRAIL"] {
        command.env(format!("AWS_ENDPOINT_URL_{service}"), sandbox.sts_url());
    }
    if let Some(pem) = sandbox.ca_pem() {
        std::fs::write(home.join("ca.pem"), pem).expect("a file");
        command.env("AWS_CA_BUNDLE", home.join("ca.pem"));
    }
    command
}

/// The AWS CLIs that are installed. Debian's is older than the variables that name an endpoint for each service.
pub fn aws_clis() -> impl Iterator<Item = PathBuf> {
    [parts::python_program("aws"), parts::debian("/usr/bin/aws", "awscli")].into_iter().flatten()
}

/// Returns an AWS CLI that uses the sandbox with these credentials, whatever its version.
pub fn aws_cli(program: &Path, sandbox: &Sandbox, caller: &Credentials, home: &Path) -> Command {
    let mut command = client(program, sandbox, caller, home);
    command.args(["--endpoint-url", &sandbox.sts_url()]);
    command
}

/// Returns what a program printed, which must have succeeded.
pub fn stdout(output: &Output) -> String {
    let text = |bytes| String::from_utf8_lossy(bytes).into_owned();
    assert!(output.status.success(), "{}{}", text(&output.stdout), text(&output.stderr));
    text(&output.stdout)
}
