//! Builds for Windows and macOS on a Debian machine, and runs what wine can run. Not part of the everyday tests: the chroot
//! follows Debian's `sid`, which changes.

use std::process::Command;

use crate::Done;
use crate::tasks::{self, run};

const HELP: &str = "\
cargo xtask platforms [PART]   (as root, on Debian; needs 8 GB of disk)

  setup     Create the chroot in target/platforms/sid, with Debian's own compilers and wine
  windows   Build the programs for Windows with mingw-w64, and use them under wine
  test      Run the unit tests for Windows under wine; `test PATTERN` runs some of them
  mac       Check all targets for macOS with clippy
  msvc      Check the command line and the Node addon for Windows with MSVC
  bindings  Link the Python extension for Windows, and check the Node addon
  run       Run the rest of the command line in the chroot
  clean     Unmount and delete the chroot, with everything that was built in it

Without a part, everything but `clean`.";

/// Debian packages no standard library for these systems, so cargo builds it.
const BUILD_STD: [&str; 3] = ["-Z", "build-std=std,panic_abort,panic_unwind", "--locked"];

/// The features of core that are not a default, without the one that needs C libraries of the system.
const FEATURES: [&str; 2] = [
    "--features",
    "tempaccess-core/aws-config,tempaccess-core/grants,tempaccess-core/keyring,tempaccess-core/terminal",
];

/// Runs one part, or all of them.
pub(crate) fn run_part(words: &[String]) -> Done {
    let rest = words.get(1..).unwrap_or_default();
    match words.first().map(String::as_str) {
        None => {
            setup()?;
            windows()?;
            test(&[])?;
            mac()?;
            msvc()?;
            bindings()
        }
        Some("setup") => setup(),
        Some("windows") => windows(),
        Some("test") => test(rest),
        Some("mac") => mac(),
        Some("msvc") => msvc(),
        Some("bindings") => bindings(),
        Some("run") => in_chroot(rest),
        Some("clean") => run(&mut script("clean")),
        Some("help") => {
            println!("{HELP}");
            Ok(())
        }
        Some(part) => Err(format!("unknown part `{part}`\n\n{HELP}")),
    }
}

fn script(word: &str) -> Command {
    let mut command = Command::new("bash");
    command.arg("crates/xtask/src/platforms/chroot.sh").arg(word);
    command
}

fn in_chroot<S: AsRef<std::ffi::OsStr>>(words: impl IntoIterator<Item = S>) -> Done {
    run(script("run").args(words))
}

/// Runs cargo in the chroot, with variables, a folder for what is built, and arguments.
fn cargo(system: &System, task: &[&str], arguments: &[&str]) -> Done {
    let mut words = vec!["env".to_owned(), format!("CARGO_TARGET_DIR=/build/{}", system.name)];
    words.extend(system.variables.iter().map(|(name, value)| format!("{name}={value}")));
    words.extend(["cargo"].iter().chain(task).chain(&BUILD_STD).map(|word| (*word).to_owned()));
    words.extend(["--target", system.triple].iter().chain(arguments).map(|word| (*word).to_owned()));
    in_chroot(words)
}

struct System {
    name: &'static str,
    triple: &'static str,
    /// Where the C compilers and linkers are.
    variables: &'static [(&'static str, &'static str)],
}

const WINDOWS: System = System {
    name: "windows",
    triple: "x86_64-pc-windows-gnu",
    variables: &[
        ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_LINKER", "x86_64-w64-mingw32-gcc"),
        ("CARGO_TARGET_X86_64_PC_WINDOWS_GNU_RUNNER", "wine"),
        ("CC_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-gcc"),
        ("AR_x86_64_pc_windows_gnu", "x86_64-w64-mingw32-ar"),
        // A Python extension is linked without Python, and napi wants a library of Node, which may be empty for a check.
        ("PYO3_NO_PYTHON", "1"),
        ("LIBNODE_PATH", "/opt/node"),
    ],
};

/// zig's clang compiles the C of `ring`. Nothing is linked: there is no SDK of Apple here.
const MAC: System = System {
    name: "mac",
    triple: "aarch64-apple-darwin",
    variables: &[
        ("SDKROOT", "/opt/nosdk"),
        ("CC_aarch64_apple_darwin", "/opt/bin/zig-cc-mac"),
        ("AR_aarch64_apple_darwin", "/opt/bin/zig-ar"),
        ("ZIG_GLOBAL_CACHE_DIR", "/tmp/zig"),
        ("ZIG_LOCAL_CACHE_DIR", "/tmp/zig"),
    ],
};

/// There are no headers of MSVC here: the C of `ring` is not compiled, and only types are checked.
const MSVC: System = System {
    name: "msvc",
    triple: "x86_64-pc-windows-msvc",
    variables: &[
        ("CC_x86_64_pc_windows_msvc", "/opt/bin/empty-cc"),
        ("AR_x86_64_pc_windows_msvc", "/opt/bin/empty-cc"),
        ("LIBNODE_PATH", "/opt/node"),
    ],
};

fn setup() -> Done {
    run(&mut script("setup"))
}

fn windows() -> Done {
    cargo(&WINDOWS, &["build"], &["--package", "tempaccess-cli", "--package", "tempaccess-sandbox"])?;
    // The program of this machine, whose output is compared.
    run(&mut tasks::cargo(&["build", "--package", "tempaccess-cli"]))?;
    let here = tasks::target().join("debug/tempaccess-main");
    let here = here.strip_prefix(tasks::root()).map(|path| format!("/src/{}", path.display()));
    let here = here.map_err(|_| "CARGO_TARGET_DIR must be in the workspace, which the chroot sees".to_owned())?;
    in_chroot(["bash", "crates/xtask/src/platforms/programs.sh", "/build/windows/x86_64-pc-windows-gnu/debug", &here])
}

fn test(patterns: &[String]) -> Done {
    let mut arguments = vec!["--no-fail-fast", "--package", "tempaccess-core", "--package", "tempaccess-cli"];
    arguments.extend(["--lib", "--bins"].iter().chain(&FEATURES));
    arguments.extend(["--", "--test-threads=2"]);
    arguments.extend(patterns.iter().map(String::as_str));
    cargo(&WINDOWS, &["test"], &arguments)
}

fn mac() -> Done {
    run(&mut script("zig"))?;
    let packages = ["tempaccess-core", "tempaccess-cli", "tempaccess-sandbox", "tempaccess-tests"];
    // Clippy checks everything that `check` does.
    let mut arguments = vec!["--all-targets"];
    arguments.extend(packages.iter().flat_map(|package| ["--package", package]));
    arguments.extend(FEATURES);
    arguments.extend(["--", "--deny", "warnings"]);
    cargo(&MAC, &["clippy"], &arguments)
}

fn msvc() -> Done {
    cargo(&MSVC, &["check"], &["--package", "tempaccess-cli", "--package", "tempaccess-node"])
}

fn bindings() -> Done {
    cargo(&WINDOWS, &["build"], &["--package", "tempaccess-py"])?;
    cargo(&WINDOWS, &["check"], &["--package", "tempaccess-node"])
}
