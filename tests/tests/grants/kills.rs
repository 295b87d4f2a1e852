//! Giving access, killed at any moment: the records say what was given, and nothing is given without them or twice.
#![cfg(unix)]

use std::collections::BTreeSet;
use std::process::Stdio;
use std::time::{Duration, Instant};

use jiff::Timestamp;
use serde_json::Value;
use tempaccess_core::seal::{SealedGrant, Signers};
use tempaccess_tests::contractor::{CONFIG, Person, people, sandbox};

/// How often access is given and killed. More are killed with `TEMPACCESS_KILLS=500`.
fn rounds() -> u32 {
    std::env::var("TEMPACCESS_KILLS").ok().and_then(|text| text.parse().ok()).unwrap_or(100)
}

/// Runs a command, and kills it after a part of the time that it takes: `at` of `of`.
fn killed(person: &Person, line: &str, takes: Duration, (at, of): (u32, u32)) -> bool {
    let words = shell_words::split(line).unwrap();
    let mut command = person.0.command(&words);
    command.current_dir(person.0.home()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    let mut child = command.spawn().unwrap();
    let end = Instant::now() + takes * at / of;
    while Instant::now() < end && child.try_wait().unwrap().is_none() {
        std::thread::yield_now();
    }
    let has_ended = child.try_wait().unwrap().is_some();
    let _ = child.kill();
    let _ = child.wait();
    has_ended
}

fn issue(round: u32) -> String {
    format!(
        "grant issue admin --to person{round}@example.com --seal-to contractor.pub --role ledger/Granted \
         --policy one-bucket.json --for 40m --reason OPS-{round} --out {round}.grant --yes"
    )
}

fn permit(round: u32) -> String {
    format!(
        "grant permit --to person{round}@example.com --on People --policy one-bucket.json --for 1h \
         --reason OPS-{round} --profile admin --yes"
    )
}

#[test]
fn what_was_killed_is_recorded_and_given_once() {
    let sandbox = sandbox();
    let (alan, _contractor) = people(&sandbox);
    alan.write(
        ".config/tempaccess/config.toml",
        &CONFIG.replace("s3://access-records/grants", "records").replace("notify", "# notify"),
    );
    let rounds = rounds();
    // Signed in, so that the time is that of giving.
    alan.ok(&issue(rounds));
    let mut finished = 0;
    for (line, range) in [(issue as fn(u32) -> String, 0..rounds / 2), (permit, rounds / 2..rounds)] {
        let began = Instant::now();
        alan.ok(&line(rounds + 1 + range.start));
        let takes = began.elapsed();
        let of = range.len() as u32;
        for (at, round) in (0..).zip(range) {
            // From its very beginning to a little after its end.
            finished += u32::from(killed(&alan, &line(round), takes, (at, of - of / 8)));
        }
    }
    assert!(finished < rounds, "nobody was killed on the way");
    // Who was killed while a grant was recorded tries again: it is given once, or there is one already, or the role is full.
    for round in (0..rounds).step_by(7) {
        let line = if round < rounds / 2 { issue(round) } else { permit(round) };
        let again = alan.run(&line.replace(".grant", ".again.grant"));
        let why = ["already has grant", "Maximum policy size"];
        assert!(again.code == 0 || why.iter().any(|why| again.stderr.contains(why)), "{again}");
    }
    // Every record is whole, and every chain.
    let verified: Value = serde_json::from_str(&alan.ok("audit verify --output json").stdout).unwrap();
    assert_eq!(verified["defects"], serde_json::json!([]));
    let recorded: BTreeSet<String> = std::fs::read_dir(alan.0.home().join(".config/tempaccess/records"))
        .unwrap()
        .map(|folder| folder.unwrap().file_name().into_string().unwrap())
        .collect();
    // What was handed out is whole, and recorded; and nothing was handed out twice.
    let signers = Signers::read(&alan.0.home().join(".config/tempaccess/access.signers")).unwrap();
    let mut handed_out = BTreeSet::new();
    for round in 0..=rounds {
        let text = alan.read(&format!("{round}.grant"));
        if !text.is_empty() {
            let id =
                SealedGrant::parse(&text).unwrap().verify(&signers, Timestamp::now()).unwrap().header().id.to_string();
            assert!(recorded.contains(&id), "{round}: {id} has no record");
            assert!(handed_out.insert(id), "{round}: it was given twice");
        }
    }
    assert!(!handed_out.is_empty());
    // What IAM has is recorded, and is what the record says.
    let checked: Value =
        serde_json::from_str(&alan.run("grant check --profile admin --role People --output json").stdout).unwrap();
    let findings = checked["findings"].as_array().unwrap();
    let unknown = |finding: &&Value| finding["problem"].as_str().unwrap().contains("no record");
    assert!(!findings.iter().any(|finding| unknown(&finding)), "{findings:?}");
    // A policy that was recorded and never written gives nothing, and the list says so: it does not count as a second grant.
    let given = alan.ok("grant list --profile admin --output json").stdout;
    let listed: Value = serde_json::from_str(&given).unwrap();
    let gives = |grant: &&Value| !grant["problems"].to_string().contains("the person has no access");
    let to: Vec<_> =
        listed["grants"].as_array().unwrap().iter().filter(gives).map(|grant| grant["to"].to_string()).collect();
    assert_eq!(to.iter().collect::<BTreeSet<_>>().len(), to.len(), "somebody has two grants: {to:?}");
}
