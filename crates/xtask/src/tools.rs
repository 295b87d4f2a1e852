//! The programs that tasks use and that `cargo install` installs, each with the one version that is used everywhere.

use std::process::Command;

use crate::Done;
use crate::tasks::{cargo, run};

/// A program and its version.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Tool {
    /// The crate that installs it.
    pub(crate) name: &'static str,
    pub(crate) version: &'static str,
    /// What `cargo install` is told besides.
    options: &'static [&'static str],
}

pub(crate) const CARGO_DENY: Tool = tool("cargo-deny", "0.20.2", &[]);
/// Lists the public API, with a nightly compiler.
pub(crate) const CARGO_PUBLIC_API: Tool = tool("cargo-public-api", "0.52.0", &[]);
/// Finds breaking changes since the last release.
pub(crate) const CARGO_SEMVER_CHECKS: Tool = tool("cargo-semver-checks", "0.51.0", &[]);
pub(crate) const CARGO_FUZZ: Tool = tool("cargo-fuzz", "0.13.2", &[]);
/// The book is built and not served here.
pub(crate) const MDBOOK: Tool = tool("mdbook", "0.5.4", &["--no-default-features", "--features", "search"]);
/// Lists the licences of compiled dependencies.
pub(crate) const CARGO_ABOUT: Tool = tool("cargo-about", "0.9.3", &["--features", "cli"]);
/// Writes bills of materials.
pub(crate) const CARGO_CYCLONEDX: Tool = tool("cargo-cyclonedx", "0.5.9", &[]);

const ALL: [Tool; 7] =
    [CARGO_DENY, CARGO_FUZZ, CARGO_PUBLIC_API, CARGO_SEMVER_CHECKS, MDBOOK, CARGO_ABOUT, CARGO_CYCLONEDX];

const fn tool(name: &'static str, version: &'static str, options: &'static [&'static str]) -> Tool {
    Tool { name, version, options }
}

impl Tool {
    fn named(name: &str) -> Result<Self, String> {
        let known = || ALL.map(|tool| tool.name).join(", ");
        ALL.into_iter()
            .find(|tool| tool.name == name)
            .ok_or_else(|| format!("`{name}` is not a tool that is installed here; these are: {}", known()))
    }

    /// A command that runs it. Cargo finds its subcommands in its own folder, too.
    pub(crate) fn command(self) -> Command {
        self.name.strip_prefix("cargo-").map_or_else(|| Command::new(self.name), |subcommand| cargo(&[subcommand]))
    }

    /// The version that is installed.
    fn installed(self) -> Option<String> {
        let output = self.command().arg("--version").output().ok().filter(|output| output.status.success())?;
        let words = String::from_utf8_lossy(&output.stdout).into_owned();
        words.split_whitespace().nth(1).map(|version| version.trim_start_matches('v').to_owned())
    }

    pub(crate) fn is_installed(self) -> bool {
        self.installed().is_some()
    }

    /// Fails, and names the command that installs it, if it is missing.
    pub(crate) fn require(self) -> Done {
        if self.is_installed() {
            return Ok(());
        }
        Err(format!("{} is missing; install it with: {}", self.name, self.install_line()))
    }

    /// The command that installs it.
    pub(crate) fn install_line(self) -> String {
        let words = ["cargo install --locked ", self.name, "@", self.version].concat();
        std::iter::once(words.as_str()).chain(self.options.iter().copied()).collect::<Vec<_>>().join(" ")
    }

    /// Installs it, unless this version is installed.
    fn install(self) -> Done {
        if self.installed().as_deref() == Some(self.version) {
            return Ok(());
        }
        let package = format!("{}@{}", self.name, self.version);
        let mut install = cargo(&["install", "--quiet", "--locked", &package]);
        // They run for seconds and take minutes to optimize.
        install.envs([("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0"), ("CARGO_PROFILE_RELEASE_LTO", "off")]);
        run(install.args(self.options))
    }
}

/// Installs the tools with these names.
pub(crate) fn install(names: &[String]) -> Done {
    if names.is_empty() {
        return Err(format!("name the tools to install: {}", ALL.map(|tool| tool.name).join(", ")));
    }
    names.iter().try_for_each(|name| Tool::named(name)?.install())
}

#[cfg(test)]
mod tests {
    use super::{ALL, Tool};
    use crate::tasks::root;

    #[test]
    fn a_tool_is_found_by_its_name() {
        assert!(Tool::named("mdbook").is_ok_and(|tool| tool.name == "mdbook"));
        assert!(Tool::named("cargo-nothing").is_err_and(|why| why.contains("cargo-deny")));
    }

    /// CI and the documentation install through `cargo xtask tools` or name the version.
    #[test]
    fn no_other_version_is_installed_anywhere() {
        let files = [".ci/run", ".github/workflows/ci.yml", ".github/workflows/release.yml", "CONTRIBUTING.md"];
        for file in files {
            let text = std::fs::read_to_string(root().join(file)).unwrap_or_default();
            for line in text.lines().filter(|line| line.contains("cargo install ") && !line.contains("--path")) {
                let pinned = |tool: &Tool| line.contains(&format!("{}@{}", tool.name, tool.version));
                assert!(ALL.iter().any(pinned), "{file}: {line}");
            }
        }
    }
}
