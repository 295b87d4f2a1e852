//! Assignments and removals of environment variables, in the syntax of each shell.

use crate::error::{Error, ErrorKind, Result, Stage};

/// The syntax of a shell, or of a file that holds variables.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
#[non_exhaustive]
pub enum Shell {
    /// sh, bash, zsh: `export NAME='value'`.
    #[default]
    Posix,
    /// fish: `set -gx NAME 'value'`.
    Fish,
    /// PowerShell: `$Env:NAME = 'value'`.
    PowerShell,
    /// cmd.exe: `set "NAME=value"`.
    Cmd,
    /// A `.env` file: `NAME=value`, without quotes, which `docker run --env-file` would take as part of the value.
    Dotenv,
    /// The file that `GITHUB_ENV` names in GitHub Actions: `NAME=value`.
    GitHubActions,
}

impl Shell {
    /// Whether this syntax can remove a variable.
    pub const fn can_remove(self) -> bool {
        match self {
            Self::Posix | Self::Fish | Self::PowerShell | Self::Cmd => true,
            Self::Dotenv | Self::GitHubActions => false,
        }
    }

    /// Whether a value can have this character. The syntaxes without quoting allow the fewest.
    fn can_express(self, character: char) -> bool {
        match self {
            // NUL ends a string, and a line break would end the line in at least one reader.
            Self::Posix | Self::Fish | Self::PowerShell | Self::GitHubActions => !character.is_control(),
            // Batch files are read in the console's code page; within quotes, `%` and `!` still expand variables.
            Self::Cmd => {
                (character == ' ' || character.is_ascii_graphic())
                    && !matches!(character, '"' | '%' | '!' | '^' | '&' | '|' | '<' | '>')
            }
            // What docker, docker compose, systemd, python-dotenv, Node and sh read alike without quotes. They differ in
            // what quotes and backslashes mean, so that nothing else can be written for all of them.
            Self::Dotenv => character.is_ascii_alphanumeric() || "+/=_-.:,@%".contains(character),
        }
    }
}

/// Appends an assignment and a line break.
pub(super) fn write_assignment(shell: Shell, name: &str, value: &str, text: &mut String) -> Result<()> {
    if !value.chars().all(|character| shell.can_express(character)) {
        return Err(Error::new(
            ErrorKind::StsUnavailable,
            Stage::Output,
            format!("the value of `{name}` has a character that cannot be written in this syntax"),
        ));
    }
    let (before, after) = match shell {
        Shell::Posix => (["export ", name, "='"], "'\n"),
        Shell::Fish => (["set -gx ", name, " '"], "'\n"),
        Shell::PowerShell => (["$Env:", name, " = '"], "'\n"),
        Shell::Cmd => (["set \"", name, "="], "\"\n"),
        Shell::Dotenv | Shell::GitHubActions => (["", name, "="], "\n"),
    };
    text.extend(before);
    for character in value.chars() {
        match (shell, character) {
            (Shell::Posix, '\'') => text.push_str(r"'\''"),
            (Shell::Fish, '\'' | '\\') => text.extend(['\\', character]),
            // PowerShell takes typographic quotes for quotes too; each is written twice.
            (Shell::PowerShell, '\'' | '\u{2018}'..='\u{201b}') => text.extend([character, character]),
            _ => text.push(character),
        }
    }
    text.push_str(after);
    Ok(())
}

/// Appends the removal of each variable, where the syntax has one.
pub(super) fn write_removals(shell: Shell, names: &[&str], text: &mut String) {
    match shell {
        // Without `-v`, bash would remove a function of that name where there is no variable.
        Shell::Posix if !names.is_empty() => {
            text.push_str("unset -v");
            names.iter().for_each(|name| text.extend([" ", name]));
            text.push('\n');
        }
        // A universal variable would show again once the global one is gone.
        Shell::Fish => {
            for name in names {
                text.extend(["set -eg ", name, "; if set -qU ", name, "; set -eU ", name]);
                text.extend(["; echo 'tempaccess: erased the universal variable ", name, "' >&2; end\n"]);
            }
        }
        Shell::PowerShell => names.iter().for_each(|name| text.extend(["$Env:", name, " = $null\n"])),
        Shell::Cmd => names.iter().for_each(|name| text.extend(["set \"", name, "=\"\n"])),
        Shell::Posix | Shell::Dotenv | Shell::GitHubActions => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn assignment(shell: Shell, value: &str) -> Result<String> {
        let mut text = String::new();
        write_assignment(shell, "NAME", value, &mut text).map(|()| text)
    }

    #[test]
    fn powershell_reads_five_characters_as_single_quotes() {
        let line = assignment(Shell::PowerShell, "a'b\u{2018}c\u{2019}d\u{201a}e\u{201b}f\u{201c}g`h$i").unwrap();
        let expected =
            "$Env:NAME = 'a''b\u{2018}\u{2018}c\u{2019}\u{2019}d\u{201a}\u{201a}e\u{201b}\u{201b}f\u{201c}g`h$i'\n";
        assert_eq!(line, expected);
    }

    #[test]
    fn every_syntax_writes_what_aws_issues() {
        let value = "AZaz09+/=_-.:http://127.0.0.1:80/credentials2026-11-24T12:00:00Z";
        for shell in [Shell::Dotenv, Shell::GitHubActions] {
            assert_eq!(assignment(shell, value).unwrap(), format!("NAME={value}\n"));
        }
        assert_eq!(assignment(Shell::Cmd, value).unwrap(), format!("set \"NAME={value}\"\n"));
        for shell in [Shell::Posix, Shell::Fish, Shell::PowerShell] {
            assert!(assignment(shell, value).unwrap().contains(&format!("'{value}'")));
        }
    }

    #[test]
    fn a_value_that_cannot_be_expressed_is_refused() {
        let all = [Shell::Posix, Shell::Fish, Shell::PowerShell, Shell::Cmd, Shell::Dotenv, Shell::GitHubActions];
        for shell in all {
            for value in ["a\nb", "a\rb", "a\0b", "a\u{1b}b", "a\u{85}b"] {
                assert!(assignment(shell, value).is_err(), "{shell:?} {value:?}");
            }
        }
        for value in ["\"", "%PATH%", "!PATH!", "^", "&", "|", "<", ">", "\u{e9}", "\u{2019}"] {
            assert!(assignment(Shell::Cmd, value).is_err(), "{value:?}");
        }
        for value in ["a b", "a'b", "a\"b", "a\\b", "a#b", "$a", "`a`", "~", "a;b", "\u{e9}", "a&b", "(a)", "a*"] {
            assert!(assignment(Shell::Dotenv, value).is_err(), "{value:?}");
        }
    }

    #[cfg(unix)]
    #[test]
    fn shells_read_the_value_that_was_written() {
        let value = "a'b''\\'\\ \u{2018}\u{2019} \"$(exit 3)`exit 3`${HOME} %d !! ~ * ; & | < > # \u{e9}";
        for (program, shell) in [
            ("sh", Shell::Posix),
            ("dash", Shell::Posix),
            ("bash", Shell::Posix),
            ("zsh", Shell::Posix),
            ("fish", Shell::Fish),
        ] {
            let script = format!("{}printenv NAME", assignment(shell, value).unwrap());
            let ran = std::process::Command::new(program).args(["-c", &script]).output();
            // Not every machine has every shell.
            let Ok(output) = ran else { continue };
            assert_eq!(String::from_utf8_lossy(&output.stdout), format!("{value}\n"), "{program}");
        }
    }
}
