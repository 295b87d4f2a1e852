#!/bin/bash
# Uses the programs for Windows under wine, at a sandbox that runs there too. Called in the chroot by `cargo xtask platforms`, with
# the folder of the programs, and the main program for Linux.
set -euo pipefail

programs="$1" linux="$2"
vectors="$PWD/tests/vectors/read"
work=/tmp/programs
rm -rf "$work" && mkdir -p "$work"/{bin,elsewhere}
cd "$work"

fail() {
    echo "failed: $*" >&2
    exit 1
}

# Compares what a command printed with a pattern of the shell.
expect() {
    # shellcheck disable=SC2053
    [[ "$2" == $3 ]] || fail "$1: expected $3, found: ${2:0:200}"
    echo "passed: $1"
}

cat >config.toml <<'CONFIG'
[accounts]
111122223333 = "ledger"

[profiles.default]
username = "ada@example.com"
role = "ledger/ReadOnly"
CONFIG
export TEMPACCESS_CONFIG='Z:\tmp\programs\config.toml' TEMPACCESS_STORE_DIR='Z:\tmp\programs\store'
export TEMPACCESS_AUDIT_LOG='Z:\tmp\programs\audit.jsonl' AWS_CONFIG_FILE='Z:\tmp\programs\aws-config' WINEPATH='Z:\tmp\programs\bin'

wine "$programs/tempaccess-sandbox.exe" --okta-port 0 --sts-port 0 >sandbox.txt &
sandbox=$!
trap 'kill "$sandbox" 2>/dev/null || true' EXIT
for _ in $(seq 300); do
    if grep -q People: sandbox.txt; then break; fi
    sleep 0.2
done
while read -r assignment; do
    export "${assignment//$'\r'/}"
done < <(sed -n 's/^ *export //p' sandbox.txt)
[ -n "${TEMPACCESS_SOURCE:-}" ] || fail "the sandbox did not start"

tempaccess() {
    wine "$programs/tempaccess.exe" "$@"
}
sign_in=(--password-stdin --no-interactive)
credentials=(credentials --output credential-process)

echo 'correct horse' | tempaccess login "${sign_in[@]}" >login.txt
expect "login" "$(tr -d '\r' <login.txt)" "*ReadOnly*"
expect "credential process" "$(tempaccess "${credentials[@]}")" '{"Version":1,*"ASIA*'
expect "status" "$(tempaccess status)" '*encrypted with a key in the system keyring*'

# Alone in its folder, only the small program can answer.
cp "$programs/tempaccess.exe" elsewhere/
expect "cached credentials without the main program" "$(wine elsewhere/tempaccess.exe "${credentials[@]}")" '{"Version":1,*'

expect "exec" "$(tempaccess exec -- cmd /c 'echo %AWS_ACCESS_KEY_ID%')" 'ASIA*'
expect "exit codes of 32 bits" "$(wine cmd /v:on /c "$programs\\tempaccess.exe exec -- cmd /c exit 70000 & echo !errorlevel!")" '70000*'
: >bin/tool
printf '@echo this is tool.cmd %%1\r\n' >bin/tool.cmd
expect "a program that PATHEXT finds" "$(tempaccess exec -- tool x)" 'this is tool.cmd x*'
expect "exec --serve" "$(tempaccess exec --serve -- cmd /c 'echo %AWS_CONTAINER_CREDENTIALS_FULL_URI%')" 'http://127.0.0.1:*'

tempaccess profiles sync >sync.txt
expect "profiles sync" "$(cat aws-config)" '*credential_process = *tempaccess.exe*credentials*'
case "$(cat aws-config)" in *'\\?\'*) fail "a path with \\\\?\\ is in the AWS config file" ;; esac
expect "the shell of env" "$(tempaccess env)" '*set "AWS_ACCESS_KEY_ID=ASIA*'

# Ada gives access, and Grace uses it: keys, signers and records are files here.
echo 'correct horse' >password.txt
cat >>config.toml <<'CONFIG'

[profiles.admin]
username = "ada@example.com"
password_command = 'cmd /c type Z:\tmp\programs\password.txt'
role = "ledger/AccessAdmin"

[grants]
signers = 'access.signers'
records = 'records'
sign_with = 'ada'
CONFIG
for name in ada grace; do
    tempaccess grant key --new --file "$name" >"$name.txt"
done
tempaccess grant trust ada@example.com ada.pub --yes >trust.txt
tempaccess grant issue admin --to grace@example.com --seal-to grace.pub --role ledger/Granted --for 40m --reason OPS-1 \
    --out grace.grant --yes >issue.txt
id="$(ls records)"
expect "grant issue" "$(tempaccess grant list --profile admin)" "*$id*grace@example.com*"
tempaccess grant open grace.grant --identity grace >open.txt
expect "grant open" "$(tempaccess exec "grant-$id" -- cmd /c 'echo %AWS_ACCESS_KEY_ID%')" 'ASIA*'
tempaccess grant revoke "$id" --reason done --profile admin --yes >revoke.txt
expect "grant revoke" "$(tempaccess grant list --ended --profile admin)" "*$id*revoked*"

# Both systems print the same for each document.
inspected() {
    local code=0
    "$@" --output json >"$work/stdout" 2>"$work/stderr" || code=$?
    cat "$work/stdout" "$work/stderr" && echo "exit code $code"
}
cd "$vectors"
for file in *; do
    case "$file" in *.json) continue ;; esac
    inspected "$linux" inspect "$file" >"$work/linux.txt"
    inspected wine "$programs/tempaccess-main.exe" inspect "$file" >"$work/windows.txt"
    cmp "$work/linux.txt" "$work/windows.txt" || fail "inspect $file"
done
cd "$work"
echo "passed: inspect"

# One sign-in for 16 processes.
rm -rf store audit.jsonl
for number in $(seq 16); do
    echo 'correct horse' | tempaccess "${credentials[@]}" "${sign_in[@]}" >"flight-$number.txt" 2>"flight-$number.err" &
    flights[number]=$!
done
for number in $(seq 16); do
    wait "${flights[number]}" || fail "process $number of 16: $(cat "flight-$number.err")"
done
expect "sign-ins of 16 processes" "$(wc -l <audit.jsonl)" 1
expect "answers of 16 processes" "$(cat flight-*.txt | sort -u | wc -l)" 1
