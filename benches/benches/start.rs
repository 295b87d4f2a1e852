//! Cached credentials as a whole process, interleaved with the least that a process can be, and with what others take to say
//! their version. Instructions are counted by callgrind, where it is installed.
//!
//! `cargo xtask bench` builds the command line with the profile that ships; `TEMPACCESS_BIN` names another binary.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: whole processes take turns")]
#![allow(clippy::print_stdout, reason = "its result")]

mod process;

use std::path::Path;
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

/// The instructions of a whole process.
fn instructions(program: &Command, home: &Path) -> Option<u64> {
    let output = Command::new("valgrind")
        .args(["--tool=callgrind", "--callgrind-out-file=/dev/null"])
        .arg(program.get_program())
        .args(program.get_args())
        .env_clear()
        .env("HOME", home)
        .env("PATH", "/usr/bin:/bin")
        .output()
        .ok()?;
    let said = String::from_utf8(output.stderr).ok()?;
    said.lines().find_map(|line| line.split_once("Collected : ")?.1.trim().parse().ok())
}

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(binary) = process::tempaccess() else { return Ok(()) };
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
    let empty = home.join("empty");
    std::fs::write(home.join("empty.rs"), "fn main() {}")?;
    let built = Command::new("rustc").args(["-O", "-o"]).arg(&empty).arg(home.join("empty.rs")).status();
    if built.is_ok_and(|status| status.success()) {
        programs.insert(1, ("an empty Rust program", Box::new(move || Command::new(&empty))));
    }
    // Without a configuration it asks for one.
    std::fs::write(home.join(".okta_aws_login_config"), "[DEFAULT]\nokta_org_url = https://acme.okta.com\n")?;
    for (name, program) in [("aws --version", "aws"), ("gimme-aws-creds --version", "gimme-aws-creds")] {
        let program = Path::new(env!("CARGO_MANIFEST_DIR")).join("..").join("target/parts/venv/bin").join(program);
        if program.exists() {
            let version = move || {
                let mut command = Command::new(&program);
                command.arg("--version");
                command
            };
            programs.push((name, Box::new(version)));
        }
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
    println!("| program | median, ms | more than /bin/true, ms | instructions |\n| --- | --- | --- | --- |");
    for ((name, program), times) in programs.iter().zip(times) {
        let median = median(times);
        // Those of an interpreter would take minutes to count, and say nothing more.
        let is_quick = median < Duration::from_millis(50);
        let count = if is_quick { instructions(&program(), &home) } else { None };
        println!(
            "| {name} | {:.2} | {:.2} | {} |",
            median.as_secs_f64() * 1e3,
            median.saturating_sub(least).as_secs_f64() * 1e3,
            count.map_or_else(String::new, |count| format!("{} k", count / 1_000))
        );
    }
    std::fs::remove_dir_all(&home)?;
    Ok(())
}
