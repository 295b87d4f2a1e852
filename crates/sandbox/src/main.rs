//! `tempaccess-sandbox`: runs a sandbox until it is stopped.

use std::fmt::Write as _;
use std::fs;
use std::io::{self, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Parser;
use tempaccess_sandbox::{Sandbox, World};

/// Run a local Okta org and a validating AWS (STS, IAM, S3, CloudTrail) on loopback, until Ctrl-C
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// Port of the Okta org; 0 for a free one
    #[arg(long, default_value_t = 8700)]
    okta_port: u16,

    /// Port of AWS; 0 for a free one
    #[arg(long, default_value_t = 8701)]
    sts_port: u16,

    /// TOML file with the people, roles and apps, instead of the demo's; see the crate's documentation
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,

    /// Serve both over TLS, with a certificate for localhost; prints the file of the CA to trust
    #[arg(long)]
    tls: bool,

    /// File to write the CA certificate to (PEM); a temporary file by default
    #[arg(long, value_name = "FILE", requires = "tls")]
    ca_file: Option<PathBuf>,

    /// Folder `dist` of the npm package `@okta/okta-signin-widget`, for the sign-in page of the Identity Engine
    #[arg(long, value_name = "FOLDER")]
    widget: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let world = match &arguments.world {
        Some(path) => toml::from_str(&fs::read_to_string(path)?)?,
        None => World::demo(),
    };
    let mut builder = Sandbox::builder(world).ports(arguments.okta_port, arguments.sts_port);
    if arguments.tls {
        builder = builder.tls();
    }
    if let Some(folder) = &arguments.widget {
        builder = builder.widget(folder);
    }
    let sandbox = builder.start()?;
    let ca_file = sandbox.ca_pem().map(|pem| CaFile::write(arguments.ca_file.as_deref(), pem)).transpose()?;
    writeln!(io::stdout(), "{}", introduction(&sandbox, ca_file.as_ref().map(CaFile::path)))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(stopped())?;
    Ok(())
}

/// Returns when the program is asked to stop.
async fn stopped() -> io::Result<()> {
    #[cfg(unix)]
    {
        let mut terminate = tokio::signal::unix::signal(tokio::signal::unix::SignalKind::terminate())?;
        tokio::select! {
            result = tokio::signal::ctrl_c() => result,
            _ = terminate.recv() => Ok(()),
        }
    }
    #[cfg(not(unix))]
    tokio::signal::ctrl_c().await
}

/// The file with the CA certificate.
enum CaFile {
    /// A file that the person named. It stays.
    Named(PathBuf),
    /// A file in a folder of its own. Both are removed at the end.
    Temporary(PathBuf),
}

impl CaFile {
    fn write(named: Option<&Path>, pem: &str) -> io::Result<Self> {
        let file = match named {
            Some(path) => Self::Named(std::path::absolute(path)?),
            None => {
                // Fails if the folder exists: somebody else may have created it.
                let unique = format!("{}-{}", std::process::id(), jiff::Timestamp::now().as_nanosecond());
                let folder = std::env::temp_dir().join(format!("tempaccess-sandbox-{unique}"));
                fs::create_dir(&folder)?;
                Self::Temporary(folder.join("ca.pem"))
            }
        };
        fs::write(file.path(), pem)?;
        Ok(file)
    }

    fn path(&self) -> &Path {
        match self {
            Self::Named(path) | Self::Temporary(path) => path,
        }
    }
}

impl Drop for CaFile {
    fn drop(&mut self) {
        if let Self::Temporary(path) = self {
            let _ = fs::remove_file(&path);
            let _ = path.parent().map(fs::remove_dir);
        }
    }
}

fn introduction(sandbox: &Sandbox, ca_file: Option<&Path>) -> String {
    let (source, aws) = (sandbox.app_url(), sandbox.sts_url());
    let mut text = format!("The sandbox is running. In another terminal:\n\n  export TEMPACCESS_SOURCE={source}\n");
    for service in ["STS", "IAM", "S3", "CLOUDTRAIL"] {
        let _ = writeln!(text, "  export AWS_ENDPOINT_URL_{service}={aws}");
    }
    if let Some(ca_file) = ca_file {
        let _ = writeln!(text, "  export AWS_CA_BUNDLE={}", ca_file.display());
    }
    // Clients want one, whatever the endpoint; boto3 reads the second name only.
    text.push_str("  export AWS_REGION=us-east-1\n  export AWS_DEFAULT_REGION=us-east-1\n  tempaccess login\n\n");
    if let Some(ca_file) = ca_file {
        let _ = writeln!(
            text,
            "CA certificate: {}\nOther clients read its path from SSL_CERT_FILE (Go, OpenSSL), REQUESTS_CA_BUNDLE (Python) or \
             NODE_EXTRA_CA_CERTS (Node).\n",
            ca_file.display()
        );
    }
    text.push_str("People:\n");
    for user in &sandbox.world().users {
        let factors: Vec<_> = user
            .factors
            .iter()
            .map(|factor| match factor.codes.first() {
                Some(code) => format!("{} {code}", factor.kind),
                None => factor.kind.clone(),
            })
            .collect();
        let factors =
            if factors.is_empty() { String::new() } else { format!(", second factor: {}", factors.join(", ")) };
        let _ = writeln!(text, "  {}, password: {}{factors}", user.login, user.password);
    }
    if let Some(client) = sandbox.world().clients.first() {
        let _ = writeln!(text, "Native app for device authorization: --auth device --client-id {}", client.id);
    }
    text
}
