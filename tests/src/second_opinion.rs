//! A second opinion about policies: iam-simulate, which we did not write, in a process of its own.

use std::io::Write;
use std::process::{Command, Stdio};

use serde_json::Value;

use crate::{parts, workspace};

/// Judges calls with iam-simulate, where it is installed. Returns a result for each: `Allowed`, `ImplicitlyDenied`,
/// `ExplicitlyDenied`, or what is wrong with the case.
///
/// A case has the policies (`identity`, `scps`, `boundary`, `session`, `trust`) and the call (`principal`, `action`, `resource`,
/// `context`).
///
/// # Panics
///
/// If the program fails.
pub fn second_opinion(cases: &[Value]) -> Option<Vec<String>> {
    let package = parts::npm_package("@cloud-copilot/iam-simulate")?;
    let script = workspace().join("tests/parts/iam_simulate.mjs");
    let mut node = Command::new("node");
    node.arg(script).arg(package.join("../../..")).stdin(Stdio::piped()).stdout(Stdio::piped());
    let mut node = node.spawn().expect("node runs");
    let mut input = node.stdin.take().expect("a pipe");
    let lines: String = cases.iter().map(|case| format!("{case}\n")).collect();
    let writer = std::thread::spawn(move || input.write_all(lines.as_bytes()));
    let output = node.wait_with_output().expect("node runs");
    writer.join().expect("no panic").expect("node reads all cases");
    let text = String::from_utf8(output.stdout).expect("JSON");
    let results: Vec<_> = text.lines().map(|line| line.trim_matches('"').to_owned()).collect();
    assert_eq!(results.len(), cases.len());
    Some(results)
}
