//! `tempaccess-sandbox`: the sandbox as a command, until it is stopped.

use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::Parser;
use tempaccess_sandbox::{Sandbox, World};

/// A local Okta and a validating AWS STS on loopback, until Ctrl-C
#[derive(Debug, Parser)]
#[command(version)]
struct Arguments {
    /// The port of the Okta org
    #[arg(long, default_value_t = 8700)]
    okta_port: u16,

    /// The port of STS
    #[arg(long, default_value_t = 8701)]
    sts_port: u16,

    /// A world of your own, in TOML; see the crate's documentation
    #[arg(long, value_name = "FILE")]
    world: Option<PathBuf>,

    /// The folder `dist` of `@okta/okta-signin-widget`, to be the sign-in page of an org with the Identity Engine
    #[arg(long, value_name = "FOLDER")]
    widget: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(&Arguments::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            let _ = writeln!(std::io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(arguments: &Arguments) -> Result<(), Box<dyn std::error::Error>> {
    let world = match &arguments.world {
        Some(path) => toml::from_str(&fs::read_to_string(path)?)?,
        None => World::demo(),
    };
    let mut sandbox = Sandbox::builder(world).ports(arguments.okta_port, arguments.sts_port);
    if let Some(folder) = &arguments.widget {
        sandbox = sandbox.widget(folder);
    }
    let sandbox = sandbox.start()?;
    writeln!(std::io::stdout(), "{}", introduction(&sandbox))?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(tokio::signal::ctrl_c())?;
    Ok(())
}

fn introduction(sandbox: &Sandbox) -> String {
    let mut text = format!(
        "The sandbox runs. In another terminal:\n\n  export TEMPACCESS_SOURCE={}\n  export AWS_ENDPOINT_URL_STS={}\n  tempaccess login\n\nPeople:\n",
        sandbox.app_url(),
        sandbox.sts_url(),
    );
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
        text.push_str(&format!("  {}, password: {}{factors}\n", user.login, user.password));
    }
    if let Some(client) = sandbox.world().clients.first() {
        text.push_str(&format!("Native app, for device authorization: --auth device --client-id {}\n", client.id));
    }
    text
}
