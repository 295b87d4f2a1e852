//! How each shell asks for candidates, and how they are written for it.
//!
//! A profile, an account or a role can have any name, and what a shell inserts it also runs once the person presses Enter.
//! zsh and fish quote a candidate when they insert it; for bash and PowerShell it is written quoted. What the person has
//! typed is never evaluated.

use std::ffi::OsString;
use std::io::{Result, Write};
use std::path::Path;

use clap::Command;
use clap_complete::engine::{CompletionCandidate, complete};
use clap_complete::env::{EnvCompleter, Fish as BuiltinFish, Zsh as BuiltinZsh};

use super::words::{self, Quote, Word};

/// The variable that says which word is to be completed, counted from 0.
const INDEX: &str = "_CLAP_COMPLETE_INDEX";

/// The command line up to the cursor.
const LINE: &str = "_TEMPACCESS_COMPLETE_LINE";

/// The part of the word that bash replaces.
const TAIL: &str = "_TEMPACCESS_COMPLETE_WORD";

fn variable(name: &str) -> Option<String> {
    std::env::var(name).ok()
}

/// The index of the word to be completed, among `args`, to which an empty word is added where that is the next one.
fn index(args: &mut Vec<OsString>) -> usize {
    let last = args.len().saturating_sub(1);
    let index = variable(INDEX).and_then(|index| index.parse().ok()).unwrap_or(last);
    if index == args.len() {
        args.push(OsString::new());
    }
    index
}

/// The values of candidates that are text, with the first line of their help.
fn texts(candidates: &[CompletionCandidate]) -> impl Iterator<Item = (&str, Option<String>)> {
    candidates.iter().filter_map(|candidate| {
        let help = candidate.get_help().and_then(|help| help.to_string().lines().next().map(str::to_owned));
        Some((candidate.get_value().to_str()?, help))
    })
}

pub(super) struct Bash;

impl EnvCompleter for Bash {
    fn name(&self) -> &'static str {
        "bash"
    }

    fn is(&self, name: &str) -> bool {
        name == "bash"
    }

    fn write_registration(&self, variable: &str, _: &str, bin: &str, _: &str, out: &mut dyn Write) -> Result<()> {
        let script = r#"
_clap_complete_tempaccess() {
    local candidate line=${COMP_LINE-} ends_word=false
    compopt +o nospace 2> /dev/null && ends_word=true
    COMPREPLY=()
    while IFS= read -r candidate; do
        [[ -n $candidate ]] && COMPREPLY+=("$candidate")
    done <<< "$(
        _CLAP_COMPLETE_INDEX=${COMP_CWORD-} \
        _TEMPACCESS_COMPLETE_LINE=${line:0:${COMP_POINT:-0}} \
        _TEMPACCESS_COMPLETE_WORD=${2-} \
        VARIABLE=bash command BIN -- "${COMP_WORDS[@]}" 2> /dev/null
    )"
    if [[ $ends_word == true && ${COMPREPLY-} == *[=/:] ]]; then
        compopt -o nospace
    fi
    return 0
}
if [[ ${BASH_VERSINFO[0]} -eq 4 && ${BASH_VERSINFO[1]} -ge 4 || ${BASH_VERSINFO[0]} -gt 4 ]]; then
    complete -o nospace -o bashdefault -o nosort -F _clap_complete_tempaccess BIN
else
    complete -o nospace -o bashdefault -F _clap_complete_tempaccess BIN
fi
"#;
        write!(out, "{}", script.replace("VARIABLE", variable).replace("BIN", bin))
    }

    fn write_complete(
        &self,
        command: &mut Command,
        mut args: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn Write,
    ) -> Result<()> {
        // bash splits words at colons and equals signs too, so that the line tells more than its words.
        let words = match variable(LINE).filter(|line| !line.is_empty()) {
            Some(line) => words::split(&line),
            None => {
                let index = index(&mut args);
                args.iter().take(index + 1).map(|word| Word::read(&word.to_string_lossy())).collect()
            }
        };
        let Some(current) = words.last() else { return Ok(()) };
        let values = words.iter().map(|word| OsString::from(&word.value)).collect();
        let candidates = complete(command, values, words.len() - 1, folder)?;
        for (value, _) in texts(&candidates) {
            // What bash does not replace is not repeated.
            let Some(rest) = value.strip_prefix(&value_before_tail(current)) else { continue };
            if let Some(text) = words::for_bash(rest, current.quote) {
                writeln!(out, "{text}")?;
            }
        }
        Ok(())
    }
}

/// The value of what is in front of the part of a word that bash replaces: what comes before an open quote, or before the
/// last character that bash splits words at.
fn value_before_tail(word: &Word) -> String {
    if word.quote != Quote::None {
        return word.value.get(..word.before_quote).unwrap_or_default().to_owned();
    }
    let tail = variable(TAIL).unwrap_or_default();
    word.typed.strip_suffix(&tail).map_or_else(String::new, |before| Word::read(before).value)
}

/// A shell whose script clap_complete has, and which quotes what it inserts.
pub(super) struct Quoting {
    builtin: &'static (dyn EnvCompleter + Sync),
    /// Which words the shell passes as they were typed.
    typed: Typed,
}

enum Typed {
    All,
    Last,
}

pub(super) const ZSH: Quoting = Quoting { builtin: &BuiltinZsh, typed: Typed::All };
pub(super) const FISH: Quoting = Quoting { builtin: &BuiltinFish, typed: Typed::Last };

impl EnvCompleter for Quoting {
    fn name(&self) -> &'static str {
        self.builtin.name()
    }

    fn is(&self, name: &str) -> bool {
        self.builtin.is(name)
    }

    fn write_registration(
        &self,
        variable: &str,
        name: &str,
        bin: &str,
        completer: &str,
        out: &mut dyn Write,
    ) -> Result<()> {
        self.builtin.write_registration(variable, name, bin, completer, out)
    }

    fn write_complete(
        &self,
        command: &mut Command,
        mut args: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let first = match self.typed {
            Typed::All => 0,
            Typed::Last => args.len().saturating_sub(1),
        };
        for word in args.iter_mut().skip(first) {
            *word = Word::read(&word.to_string_lossy()).value.into();
        }
        self.builtin.write_complete(command, args, folder, out)
    }
}

pub(super) struct PowerShell;

impl EnvCompleter for PowerShell {
    fn name(&self) -> &'static str {
        "powershell"
    }

    fn is(&self, name: &str) -> bool {
        matches!(name, "powershell" | "pwsh" | "powershell_ise")
    }

    fn write_registration(&self, variable: &str, _: &str, bin: &str, _: &str, out: &mut dyn Write) -> Result<()> {
        let script = r#"
Register-ArgumentCompleter -Native -CommandName BIN -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    $words = @()
    $current = ''
    foreach ($element in $commandAst.CommandElements) {
        if ($element.Extent.StartOffset -ge $cursorPosition) {
            break
        }
        if ($element -is [System.Management.Automation.Language.StringConstantExpressionAst]) {
            $value = $element.Value
        } else {
            $value = $element.Extent.Text
        }
        if ($element.Extent.EndOffset -ge $cursorPosition) {
            $current = $value
        } else {
            $words += $value
        }
    }

    $env:VARIABLE = 'powershell'
    $env:_CLAP_COMPLETE_INDEX = $words.Count
    try {
        $candidates = @(& (Get-Command -CommandType Application -TotalCount 1 BIN) '--' @words $current)
    } finally {
        $env:VARIABLE = $null
        $env:_CLAP_COMPLETE_INDEX = $null
    }
    foreach ($candidate in $candidates) {
        $text, $help = $candidate -split "`t", 2
        if (-not $help) {
            $help = $text
        }
        [System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $help)
    }
}
"#;
        write!(out, "{}", script.replace("VARIABLE", variable).replace("BIN", bin))
    }

    fn write_complete(
        &self,
        command: &mut Command,
        mut args: Vec<OsString>,
        folder: Option<&Path>,
        out: &mut dyn Write,
    ) -> Result<()> {
        let index = index(&mut args);
        let candidates = complete(command, args, index, folder)?;
        for (value, help) in texts(&candidates) {
            let value = words::for_powershell(value);
            match help {
                Some(help) => writeln!(out, "{value}\t{help}")?,
                None => writeln!(out, "{value}")?,
            }
        }
        Ok(())
    }
}
