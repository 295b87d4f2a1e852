use std::path::{Path, PathBuf};
use std::process::Command;

use crate::{Done, parts, peers};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../..")
}

/// Where cargo puts what it builds.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Runs a command in the root and says what it was.
pub(crate) fn run(command: &mut Command) -> Done {
    run_in(&root(), command)
}

pub(crate) fn run_in(folder: &Path, command: &mut Command) -> Done {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    let line = words.join(" ");
    eprintln!("\n$ {line}");
    match command.current_dir(folder).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` ended with {status}")),
        Err(error) => Err(format!("`{line}` cannot be run: {error}")),
    }
}

pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

pub(crate) fn test() -> Done {
    // Without its features, core must build and work too: no network, no async runtime, no C.
    run(&mut cargo(&["test", "--package", "tempaccess-core", "--no-default-features"]))?;
    run(&mut cargo(&["test", "--workspace"]))?;
    xmlsec()?;
    python()?;
    node()
}

/// Holds the verifier against libxmlsec1, where its C libraries are.
fn xmlsec() -> Done {
    let there = Command::new("pkg-config").args(["--exists", "xmlsec1", "libxml-2.0", "openssl"]).status();
    if there.is_ok_and(|status| status.success()) {
        return run(&mut cargo(&[
            "test",
            "--package",
            "tempaccess-tests",
            "--features",
            "samael",
            "--test",
            "verify",
            "--test",
            "corpus",
        ]));
    }
    missing("libxmlsec1", "apt-get install libxml2-dev libxmlsec1-dev libssl-dev libclang-dev pkg-config")
}

/// What is not installed is left out, but never where everything must be.
fn missing(part: &str, install: &str) -> Done {
    let why = format!("{part} is missing; install it with: {install}");
    if std::env::var_os("CI").is_some() {
        return Err(why);
    }
    eprintln!("\nskipped: {why}");
    Ok(())
}

/// Runs each fuzz target for so many seconds.
pub(crate) fn fuzz(seconds: &str) -> Done {
    let targets =
        ["unwrap", "read", "canonical", "verify", "role_value", "config", "aws_config", "import", "okta", "sts"];
    for target in targets {
        let seeds = match target {
            "unwrap" | "read" => "tests/vectors/read".to_owned(),
            other => format!("fuzz/seeds/{other}"),
        };
        let corpus = format!("fuzz/corpus/{target}");
        std::fs::create_dir_all(root().join(&corpus)).map_err(|error| error.to_string())?;
        // The toolchain is named by rustup's own `cargo`, not by the one that runs this.
        let mut command = Command::new("cargo");
        command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN");
        command.args(["+nightly", "fuzz", "run", "--release", target, &corpus, &seeds, "--"]);
        let limit = format!("-max_total_time={seconds}");
        run(command.args([
            limit.as_str(),
            "-timeout=20",
            "-rss_limit_mb=4096",
            "-max_len=20000",
            "-print_final_stats=1",
        ]))?;
    }
    Ok(())
}

/// Installs the Python package into an environment made for this, as a user would, and runs its tests there.
fn python() -> Done {
    let python = parts::fresh_environment(&root().join("target/parts/fresh-venv"))?;
    let install =
        ["-m", "pip", "install", "--quiet", "./crates/py", "--requirement", "crates/py/tests/requirements.txt"];
    // As for Node: what is tested is not how fast it is.
    run(Command::new(&python).args(install).env("MATURIN_PEP517_ARGS", "--profile=dev"))?;
    run(Command::new(&python).args(["-m", "unittest", "discover", "--start-directory", "crates/py/tests"]))
}

/// Installs the Node package into a project made for this, as a user would, which builds it; then runs its tests.
fn node() -> Done {
    let project = root().join("target/parts/node/fresh");
    parts::fresh_project(&project)?;
    let package = std::path::absolute(root().join("crates/node")).map_err(|error| error.to_string())?;
    run(parts::npm()
        .args(["install", "--no-audit", "--no-fund", "--foreground-scripts", "--prefix"])
        .args([&project, &package])
        .env("TEMPACCESS_BUILD_PROFILE", "dev"))?;
    let entries = std::fs::read_dir(root().join("crates/node/test")).map_err(|error| error.to_string())?;
    let files = entries.filter_map(|entry| entry.ok().map(|entry| entry.path()));
    let tests = files.filter(|file| file.to_string_lossy().ends_with(".test.js"));
    run(Command::new("node").arg("--test").args(tests))
}

/// What is looked at without running anything.
pub(crate) fn lint() -> Done {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    run(&mut cargo(&["clippy", "--workspace", "--all-targets", "--", "--deny", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    // Asked of cargo, which looks in its own folder too.
    if cargo(&["deny", "--version"]).output().is_ok_and(|output| output.status.success()) {
        return run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]));
    }
    missing("cargo-deny", "cargo install --locked cargo-deny")
}

pub(crate) fn ready() -> Done {
    lint()?;
    test()
}

pub(crate) fn bench() -> Done {
    run(&mut cargo(&["build", "--profile", "dist", "--package", "tempaccess-cli"]))?;
    if let Err(why) = peers::install() {
        eprintln!("\nskipped: reading from Python and Node: {why}");
    }
    run(&mut cargo(&["bench", "--package", "tempaccess-benches"]))
}
