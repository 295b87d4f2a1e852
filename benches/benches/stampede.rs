//! Sixty-four programs that need the same credentials at once, and one of them: how long until the last of them has its
//! answer, and how often somebody had to sign in.
#![allow(missing_docs, reason = "a benchmark of its own, without criterion: whole processes take turns")]
#![allow(clippy::print_stdout, reason = "its result")]

mod process;

use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempaccess_sandbox::{Sandbox, World};

const CROWD: usize = 64;
const ROUNDS: usize = 7;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let Some(binary) = process::tempaccess() else { return Ok(()) };
    let sandbox = Sandbox::start(World::demo())?;
    let issued = || sandbox.requests().iter().filter(|request| request.what == "AssumeRoleWithSAML").count();
    let round = |crowd: usize| -> Result<(Duration, usize), Box<dyn std::error::Error>> {
        let home = std::env::temp_dir().join(format!("tempaccess-stampede-{}", std::process::id()));
        std::fs::create_dir_all(&home)?;
        std::fs::write(home.join("response"), sandbox.mint(&sandbox.claims_of("alan@example.com").ok_or("Alan")?)?)?;
        let before = issued();
        let start = Instant::now();
        let ask = || -> std::io::Result<Child> {
            Command::new(&binary)
                .args(["credentials", "--output", "credential-process", "--store", "file", "--source"])
                .arg(format!("file:{}", home.join("response").display()))
                .args(["--sts-endpoint-url", &sandbox.sts_url()])
                .env_clear()
                .env("HOME", &home)
                .stdin(Stdio::null())
                .stdout(Stdio::null())
                .spawn()
        };
        let children = (0..crowd).map(|_| ask()).collect::<std::io::Result<Vec<_>>>()?;
        for mut child in children {
            if !child.wait()?.success() {
                return Err("one of them got no credentials".into());
            }
        }
        let took = start.elapsed();
        std::fs::remove_dir_all(&home)?;
        Ok((took, issued() - before))
    };
    println!("| programs at once | median, ms | exchanges |\n| --- | --- | --- |");
    for crowd in [1, CROWD] {
        let mut times = Vec::new();
        let mut exchanges = 0;
        for _ in 0..ROUNDS {
            let (took, count) = round(crowd)?;
            times.push(took);
            exchanges = exchanges.max(count);
        }
        times.sort_unstable();
        let median = times.get(ROUNDS / 2).copied().unwrap_or_default();
        println!("| {crowd} | {:.0} | {exchanges} |", median.as_secs_f64() * 1e3);
    }
    Ok(())
}
