//! A kept answer as a whole process, interleaved with the least that a process can be.
//!
//! `cargo xtask bench` builds the command line with the profile that ships; `TEMPACCESS_BIN` names another binary.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: whole processes take turns")]
#![allow(clippy::print_stdout, reason = "its result")]

use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use tempaccess_sandbox::{Sandbox, World};

const RUNS: usize = 400;

/// How a program is started.
type Start<'a> = Box<dyn Fn() -> Command + 'a>;

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..");
    let binary = std::env::var_os("TEMPACCESS_BIN").map_or_else(|| root.join("target/dist/tempaccess"), PathBuf::from);
    if !binary.exists() {
        println!("skipped: build it first: cargo build --profile dist --package tempaccess-cli");
        return Ok(());
    }
    let home = std::env::temp_dir().join(format!("tempaccess-bench-{}", std::process::id()));
    std::fs::create_dir_all(home.join(".config/tempaccess"))?;
    let sandbox = Sandbox::start(World::demo())?;
    std::fs::write(home.join("password"), "bombe\n")?;
    std::fs::write(
        home.join(".config/tempaccess/config.toml"),
        format!(
            "[profiles.work]\nsource = '{}'\nsts_endpoint_url = '{}'\nusername = 'alan@example.com'\npassword_command = \"cat '{}'\"\nstore = 'file'\n",
            sandbox.app_url(),
            sandbox.sts_url(),
            home.join("password").display()
        ),
    )?;
    let ask = || {
        let mut command = Command::new(&binary);
        command.args(["credentials", "--output", "credential-process", "--profile", "work"]);
        command
    };
    let mut programs: Vec<(&str, Start<'_>)> = vec![
        ("/bin/true", Box::new(|| Command::new("/bin/true"))),
        ("tempaccess, kept answer", Box::new(ask)),
        (
            "tempaccess --version",
            Box::new(|| {
                let mut command = Command::new(&binary);
                command.arg("--version");
                command
            }),
        ),
    ];
    let aws = root.join("target/parts/venv/bin/aws");
    if aws.exists() {
        programs.push((
            "aws --version",
            Box::new(move || {
                let mut command = Command::new(&aws);
                command.arg("--version");
                command
            }),
        ));
    }
    let run = |command: &mut Command| -> std::io::Result<Duration> {
        command.env_clear().env("HOME", &home).env("PATH", "/usr/bin:/bin").stdin(Stdio::null()).stdout(Stdio::null());
        let start = Instant::now();
        let status = command.stderr(Stdio::null()).status()?;
        let took = start.elapsed();
        if status.success() { Ok(took) } else { Err(std::io::Error::other(format!("{command:?} ended with {status}"))) }
    };
    run(&mut ask())?;
    let mut times = vec![Vec::new(); programs.len()];
    for round in 0..RUNS {
        for ((_, program), times) in programs.iter().zip(&mut times) {
            // The peers are slow, and a few runs of them tell as much.
            let slow = times.last().is_some_and(|took: &Duration| *took > Duration::from_millis(50));
            if round < 10 || !slow {
                times.push(run(&mut program())?);
            }
        }
    }
    let least = median(times.first().cloned().unwrap_or_default());
    println!("| program | median, ms | more than /bin/true, ms |\n| --- | --- | --- |");
    for ((name, _), times) in programs.iter().zip(times) {
        let median = median(times);
        println!(
            "| {name} | {:.2} | {:.2} |",
            median.as_secs_f64() * 1e3,
            median.saturating_sub(least).as_secs_f64() * 1e3
        );
    }
    std::fs::remove_dir_all(&home)?;
    Ok(())
}
