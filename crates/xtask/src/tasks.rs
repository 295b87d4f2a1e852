//! The tasks that check the code: tests, lints, fuzzing, benchmarks.

use std::path::{Path, PathBuf};
use std::process::Command;

use crate::tools::{CARGO_DENY, CARGO_FUZZ};
use crate::{Done, parts, peers, skips};

/// The root of the workspace.
pub(crate) fn root() -> PathBuf {
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR"));
    manifest.ancestors().nth(2).unwrap_or(manifest).to_owned()
}

/// The folder that cargo builds into.
pub(crate) fn target() -> PathBuf {
    std::env::var_os("CARGO_TARGET_DIR").map_or_else(|| root().join("target"), PathBuf::from)
}

/// Shows a command and runs it in the root of the workspace.
pub(crate) fn run(command: &mut Command) -> Done {
    run_in(&root(), command)
}

/// Shows a command and runs it in a folder.
pub(crate) fn run_in(folder: &Path, command: &mut Command) -> Done {
    let words: Vec<_> =
        std::iter::once(command.get_program()).chain(command.get_args()).map(|word| word.to_string_lossy()).collect();
    let line = words.join(" ");
    eprintln!("\n$ {line}");
    match command.current_dir(folder).status() {
        Ok(status) if status.success() => Ok(()),
        Ok(status) => Err(format!("`{line}` failed: {status}")),
        Err(error) => Err(format!("`{line}` cannot be run: {error}")),
    }
}

/// A cargo command, of the toolchain that runs this task.
pub(crate) fn cargo(arguments: &[&str]) -> Command {
    let mut command = Command::new(std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into()));
    command.args(arguments);
    command
}

/// A cargo command, of the nightly toolchain. Only rustup's own `cargo` knows `+nightly`, not the one that runs this task.
pub(crate) fn nightly(arguments: &[&str]) -> Command {
    let mut command = Command::new("cargo");
    command.env_remove("CARGO").env_remove("RUSTUP_TOOLCHAIN").arg("+nightly").args(arguments);
    command
}

/// Leaves something out because a program that it needs is missing. Under CI this is an error.
pub(crate) fn missing(what: &str, part: &str, install: &str) -> Done {
    let why = format!("{part} is missing; install it with: {install}");
    if std::env::var_os("CI").is_some() {
        return Err(why);
    }
    eprintln!("\nskipped {what}: {why}");
    skips::record(what, &why);
    Ok(())
}

/// Runs every test, and lists at the end what was skipped.
pub(crate) fn test() -> Done {
    skips::clear();
    let done = all_tests();
    skips::report();
    done
}

/// Runs everything that must pass before a commit is merged.
pub(crate) fn ready() -> Done {
    skips::clear();
    let done = lint().and_then(|()| all_tests());
    skips::report();
    done
}

/// Runs every part, also after one that failed: a run on a machine of CI shows all that is wrong there.
fn all_tests() -> Done {
    let parts = [
        // Without its features, core must build and work too: no network, no async runtime, no C.
        run(&mut cargo(&["test", "--no-fail-fast", "--package", "tempaccess-core", "--no-default-features"])),
        run(&mut cargo(&["test", "--no-fail-fast", "--workspace"])),
        xmlsec(),
        python(),
        node(),
    ];
    let failed: Vec<String> = parts.into_iter().filter_map(Done::err).collect();
    if failed.is_empty() { Ok(()) } else { Err(failed.join("\n")) }
}

/// The integration tests that need nothing but this workspace, and no Unix: binaries, and modules in them.
const EVERYWHERE: [(&str, &[&str]); 4] = [
    ("documents", &["canonical::", "corpus::", "vectors::"]),
    ("grants", &["lifecycle::", "requests::"]),
    ("sandbox", &["grants::", "iam::", "s3::"]),
    ("sign_in", &["clock::", "endpoint::", "okta::", "session::", "sts::"]),
];

/// Builds the programs and runs the tests that every system can run.
pub(crate) fn test_everywhere() -> Done {
    run(&mut cargo(&["build", "--package", "tempaccess-cli", "--package", "tempaccess-sandbox"]))?;
    let features = "tempaccess-core/aws-config,tempaccess-core/grants,tempaccess-core/keyring,tempaccess-core/terminal";
    let packages = ["test", "--package", "tempaccess-core", "--package", "tempaccess-cli", "--lib", "--bins"];
    run(cargo(&packages).args(["--features", features]))?;
    for (binary, modules) in EVERYWHERE {
        run(cargo(&["test", "--package", "tempaccess-tests", "--test", binary, "--"]).args(modules))?;
    }
    Ok(())
}

/// The C libraries of the `samael` feature, and libclang, which generates the bindings to them.
const SAMAEL: &str = "apt-get install libxml2-dev libxmlsec1-dev libssl-dev libclang-dev pkg-config";

/// Returns what the build of the `samael` feature needs and does not find.
pub(crate) fn missing_for_samael() -> Option<&'static str> {
    let libraries = Command::new("pkg-config").args(["--exists", "xmlsec1", "libxml-2.0", "openssl"]).status();
    if !libraries.is_ok_and(|status| status.success()) {
        return Some("libxmlsec1");
    }
    // Looks in the places where bindgen looks.
    clang_sys::load().is_err().then_some("libclang")
}

/// Compares the verifier with libxmlsec1.
fn xmlsec() -> Done {
    if let Some(part) = missing_for_samael() {
        return missing("the comparison with libxmlsec1", part, SAMAEL);
    }
    let arguments = ["--features", "samael", "--test", "documents", "--", "verify::", "corpus::"];
    run(cargo(&["test", "--package", "tempaccess-tests"]).args(arguments))
}

/// Installs the Python package into a new environment, as a user would, and runs its tests there.
fn python() -> Done {
    if !parts::has_python() {
        return missing("the tests of the Python package", "Python 3 with venv", "apt-get install python3-venv");
    }
    let python = parts::fresh_environment(&root().join("target/parts/fresh-venv"))?;
    let install =
        ["-m", "pip", "install", "--quiet", "./crates/py", "--requirement", "crates/py/tests/requirements.txt"];
    // The tests do not measure speed, and the dev profile builds in a fraction of the time.
    let mut pip = Command::new(&python);
    pip.args(install).env("MATURIN_PEP517_ARGS", "--profile=dev");
    run(parts::with_pinned_maturin(&mut pip))?;
    run(Command::new(&python).args(["-m", "unittest", "discover", "--start-directory", "crates/py/tests"]))
}

/// Installs the Node package into a new project, as a user would, which builds it; then runs its tests.
fn node() -> Done {
    if !parts::has_node() {
        return missing("the tests of the Node package", "Node with npm", "apt-get install nodejs npm");
    }
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

/// Runs what workers, exits and garbage collection do to the Node package under valgrind.
///
/// rustix reads the kernel's shared object, which is not mapped under valgrind, unless it calls libc.
pub(crate) fn memory() -> Done {
    let target = root().join("target/memory");
    let build = |package: &str| {
        let mut command = cargo(&["build", "--package", package, "--target-dir"]);
        run(command.arg(&target).env("RUSTFLAGS", "--cfg=rustix_use_libc").env("CARGO_PROFILE_DEV_DEBUG", "false"))
    };
    build("tempaccess-node")?;
    build("tempaccess-sandbox")?;
    let module = root().join("crates/node/tempaccess.node");
    std::fs::copy(target.join("debug/libtempaccess_node.so"), module).map_err(|error| error.to_string())?;
    let suppressions = format!("--suppressions={}", root().join("crates/node/test/valgrind.supp").display());
    let mut valgrind = Command::new("valgrind");
    valgrind.args(["-q", "--error-exitcode=9", "--smc-check=all-non-file", "--leak-check=no", "--trace-children=yes"]);
    valgrind.args(["--trace-children-skip=*tempaccess-sandbox*", &suppressions, "node", "--expose-gc"]);
    valgrind.arg(root().join("crates/node/test/lifetime.test.js"));
    run(valgrind.env("CARGO_TARGET_DIR", &target).env("TEMPACCESS_TEST_DEADLINE", "1200000"))
}

/// Runs each fuzz target for this many seconds.
pub(crate) fn fuzz(seconds: &str) -> Done {
    CARGO_FUZZ.require()?;
    for target in fuzz_targets()? {
        let seeds = match target.as_str() {
            "unwrap" | "read" => "tests/vectors/read".to_owned(),
            "sealed" | "signers" => "tests/vectors/grants".to_owned(),
            other => format!("fuzz/seeds/{other}"),
        };
        let corpus = format!("fuzz/corpus/{target}");
        std::fs::create_dir_all(root().join(&corpus)).map_err(|error| error.to_string())?;
        let mut command = nightly(&["fuzz", "run", "--release", &target, &corpus]);
        if root().join(&seeds).exists() {
            command.arg(&seeds);
        }
        command.arg("--");
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

/// The fuzz targets, each of which is a file.
fn fuzz_targets() -> Result<Vec<String>, String> {
    let folder = root().join("fuzz/fuzz_targets");
    let files = std::fs::read_dir(&folder).map_err(|error| format!("{}: {error}", folder.display()))?;
    let names = files.filter_map(|file| file.ok()?.file_name().to_str()?.strip_suffix(".rs").map(str::to_owned));
    let mut targets: Vec<_> = names.collect();
    targets.sort();
    Ok(targets)
}

/// Checks everything that can be checked without running the code.
pub(crate) fn lint() -> Done {
    run(&mut cargo(&["fmt", "--all", "--check"]))?;
    let mut clippy = cargo(&["clippy", "--workspace", "--all-targets"]);
    match missing_for_samael() {
        None => drop(clippy.arg("--all-features")),
        Some(part) => missing("clippy with all features", part, SAMAEL)?,
    }
    run(clippy.args(["--", "--deny", "warnings"]))?;
    run(cargo(&["doc", "--workspace", "--no-deps"]).env("RUSTDOCFLAGS", "--deny warnings"))?;
    // The fuzz targets need a nightly compiler to run, and none to compile. They have a lock file of their own.
    let fuzz = ["check", "--locked", "--manifest-path", "fuzz/Cargo.toml"];
    run(cargo(&fuzz).env("CARGO_TARGET_DIR", target()))?;
    if CARGO_DENY.is_installed() {
        // Advisories need a database on GitHub, and have a job of their own in CI.
        return run(&mut cargo(&["deny", "check", "bans", "licenses", "sources"]));
    }
    missing("the check of dependencies", "cargo-deny", &CARGO_DENY.install_line())
}

/// Runs the benchmarks.
pub(crate) fn bench() -> Done {
    run(&mut cargo(&["build", "--profile", "dist", "--package", "tempaccess-cli"]))?;
    if let Err(why) = peers::install() {
        eprintln!("\nskipped: reading from Python and Node: {why}");
    }
    run(&mut cargo(&["bench", "--package", "tempaccess-benches"]))
}
