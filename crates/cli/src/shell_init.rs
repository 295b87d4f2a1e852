//! Shell code that defines `assume`, which sets credentials in the running shell and removes them again.
//!
//! The code evaluates what `tempaccess env` prints. Secrets are in no command line and so in no history, and tracing
//! (`set -x`) is off while they pass.

use tempaccess_core::Result;

use crate::args::CompletionShell;
use crate::complete;

const BASH: &str = r#"
unalias assume 2> /dev/null || :
function assume {
    local argument script status=0 trace=
    for argument in "$@"; do
        case $argument in
            -h | --help)
                command tempaccess env --help
                return
                ;;
        esac
    done
    case $- in
        *x*)
            trace=x
            set +x
            ;;
    esac
    if script=$(command tempaccess env --shell posix "$@"); then
        eval "$script"
    else
        status=$?
    fi
    script=
    if [ -n "$trace" ]; then
        set -x
    fi
    return "$status"
}

_tempaccess_assume() {
    local rest=${COMP_LINE#*assume}
    COMP_POINT=$((COMP_POINT + ${#rest} - ${#COMP_LINE} + 14))
    COMP_LINE="tempaccess env$rest"
    COMP_WORDS=(tempaccess env "${COMP_WORDS[@]:1}")
    COMP_CWORD=$((COMP_CWORD + 1))
    _clap_complete_tempaccess "$@"
}
complete -o nospace -o bashdefault -F _tempaccess_assume assume
"#;

const ZSH: &str = r#"
unalias assume 2> /dev/null || :
function assume {
    setopt local_options no_xtrace
    local argument script
    for argument in "$@"; do
        case $argument in
            (-h|--help)
                command tempaccess env --help
                return
                ;;
        esac
    done
    script=$(command tempaccess env --shell posix "$@") || return
    eval "$script"
}

if (( $+functions[compdef] )); then
    _tempaccess_assume() {
        words=(tempaccess env "${(@)words[2,-1]}")
        (( CURRENT += 1 ))
        _clap_dynamic_completer_tempaccess
    }
    compdef _tempaccess_assume assume
fi
"#;

const FISH: &str = r#"
function assume --description 'Set AWS credentials in this shell'
    if contains -- -h $argv; or contains -- --help $argv
        command tempaccess env --help
        return
    end
    command tempaccess env --shell fish $argv | source
    return $pipestatus[1]
end

complete --keep-order --exclusive --command assume --arguments "(TEMPACCESS_COMPLETE=fish command tempaccess -- tempaccess env (commandline --current-process --tokenize --cut-at-cursor)[2..-1] (commandline --current-token))"
"#;

const POWERSHELL: &str = r#"
function assume {
    if ($args -ccontains '-h' -or $args -ccontains '--help') {
        tempaccess env --help
        return
    }
    $script = tempaccess env --shell powershell @args | Out-String
    if ($LASTEXITCODE -eq 0) {
        Invoke-Expression $script
    }
}
"#;

/// Returns the code for a shell: `assume`, and the completion of `tempaccess` and `assume`.
pub(crate) fn script(shell: CompletionShell) -> Result<String> {
    let completion = complete::script(shell)?;
    Ok(match shell {
        CompletionShell::Bash => completion + BASH,
        // Without the completion system, which a person may have left off, there is nothing to register with.
        CompletionShell::Zsh => format!("if (( $+functions[compdef] )); then\n{completion}\nfi\n{ZSH}"),
        CompletionShell::Fish => completion + FISH,
        CompletionShell::Powershell => completion + POWERSHELL,
    })
}
