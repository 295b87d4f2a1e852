#!/bin/bash
# A chroot of Debian's suite `sid`, whose rustc, rust-src, mingw-w64 and wine build for other systems. Debian packages no
# standard library for Windows with posix threads or for macOS, so cargo builds it from rust-src (`-Z build-std`).
# Called by `cargo xtask platforms`, as root, in the root of the workspace:
#   chroot.sh setup           creates the chroot in target/platforms/sid (3.5 GB)
#   chroot.sh zig             adds zig, whose clang compiles C for macOS
#   chroot.sh run COMMAND...  runs a command in the chroot, in the workspace
#   chroot.sh clean           unmounts the chroot and deletes it with everything that was built
set -euo pipefail

work="$PWD/target/platforms"
root="$work/sid"

fail() {
    echo "$*" >&2
    exit 1
}

setup() {
    if [ -e "$root/complete" ]; then return; fi
    command -v apt-get >/dev/null || fail "the chroot is made with debootstrap: run this on Debian or Ubuntu"
    command -v debootstrap >/dev/null || { apt-get update -qq && apt-get install -y -qq debootstrap; }
    # The mirror that this machine's apt uses; on Ubuntu that is not one of Debian.
    local mirror=https://deb.debian.org/debian sources=/etc/apt/sources.list.d/debian.sources
    if [ -e "$sources" ]; then mirror="$(awk '/^URIs:/ { print $2; exit }' "$sources")"; fi
    if [ ! -x "$root/usr/bin/apt-get" ]; then
        debootstrap --variant=minbase --keyring=/usr/share/keyrings/debian-archive-keyring.gpg \
            --include=ca-certificates sid "$root" "$mirror"
    fi
    cp -L /etc/resolv.conf /etc/hosts "$root/etc/"
    printf 'APT::Install-Recommends "false";\nAcquire::Languages "none";\n' >"$root/etc/apt/apt.conf.d/99small"
    # The proxy that this machine's apt uses, whether its mirror may be an old snapshot, and the CAs that it trusts.
    apt-config dump | grep -E '^Acquire::(https?::|Check-)' >"$root/etc/apt/apt.conf.d/98network" || true
    cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/host.crt"
    mounts
    chroot "$root" apt-get update -qq
    chroot "$root" env DEBIAN_FRONTEND=noninteractive apt-get install -y -qq \
        cargo rustc rust-src rust-clippy gcc libc6-dev gcc-mingw-w64-x86-64 wine wine64 procps
    # Not needed to build, and a gigabyte.
    chroot "$root" apt-get clean
    rm -rf "$root"/usr/share/{doc,man,locale} "$root"/var/lib/apt/lists/*
    # Crates that this machine has downloaded.
    local registry="${CARGO_HOME:-$HOME/.cargo}/registry"
    mkdir -p "$root/cargo/registry" "$root/tmp/runtime" "$root/build"
    compilers
    for part in cache index; do
        if [ -d "$registry/$part" ]; then
            cp -al "$registry/$part" "$root/cargo/registry/" 2>/dev/null ||
                cp -a "$registry/$part" "$root/cargo/registry/"
        fi
    done
    touch "$root/complete"
}

# The compilers of C that the builds call.
compilers() {
    mkdir -p "$root"/opt/{bin,node,nosdk}
    : >"$root/opt/node/libnode.dll"
    cat >"$root/opt/bin/zig-cc-mac" <<'ZIG'
#!/bin/bash
# Leaves out what the cc crate adds for Apple's own clang.
words=() skips=
for word in "$@"; do
    if [ "$skips" ]; then skips= && continue; fi
    case "$word" in
        --target=* | -mmacosx-version-min=* | -mmacos-version-min=*) ;;
        -arch | -target | -isysroot) skips=1 ;;
        *) words+=("$word") ;;
    esac
done
exec /opt/zig/zig cc -target aarch64-macos "${words[@]}"
ZIG
    printf '#!/bin/sh\nexec /opt/zig/zig ar "$@"\n' >"$root/opt/bin/zig-ar"
    cat >"$root/opt/bin/empty-cc" <<'EMPTY'
#!/bin/bash
# Replaces a C compiler where only types are checked: writes empty objects.
if [[ " $* " == *" -E "* ]]; then exec gcc "$@"; fi
before=
for word in "$@"; do
    if [ "$before" = -o ]; then : >"$word"; fi
    case "$word" in -Fo* | /Fo*) : >"${word:3}" ;; /out:* | -out:*) : >"${word#*:}" ;; esac
    before=$word
done
EMPTY
    chmod +x "$root"/opt/bin/*
}

zig() {
    if [ -x "$root/opt/zig/zig" ]; then return; fi
    python3 -m venv "$work/venv"
    "$work/venv/bin/pip" install --quiet ziglang==0.15.2
    mkdir -p "$root/opt/zig"
    cp -a "$work"/venv/lib/python3*/site-packages/ziglang/. "$root/opt/zig/"
    rm -rf "$work/venv"
}

mounts() {
    mkdir -p "$root/src"
    for place in proc sys dev dev/pts; do
        mountpoint -q "$root/$place" || mount --bind "/$place" "$root/$place"
    done
    mountpoint -q "$root/src" || mount --bind "$PWD" "$root/src"
}

unmount() {
    for place in src dev/pts dev sys proc; do
        if mountpoint -q "$root/$place"; then umount "$root/$place"; fi
    done
}

# Runs a command with an environment that names only what every build needs. RUSTC_BOOTSTRAP lets the stable compiler take
# `-Z build-std`.
run() {
    mounts
    exec nice -n 1 chroot "$root" env -i PATH=/usr/local/bin:/usr/bin:/bin TERM=dumb HOME=/root LANG=C.UTF-8 \
        CARGO_HOME=/cargo RUSTC_BOOTSTRAP=1 CARGO_INCREMENTAL=0 CARGO_PROFILE_DEV_DEBUG=0 CARGO_HTTP_CAINFO=/etc/ssl/certs/host.crt \
        ${CARGO_BUILD_JOBS:+"CARGO_BUILD_JOBS=$CARGO_BUILD_JOBS"} \
        XDG_RUNTIME_DIR=/tmp/runtime WINEDEBUG=-all WINEPREFIX=/wine \
        sh -c 'cd /src && exec "$@"' sh "$@"
}

clean() {
    unmount
    # A folder of the host that is still mounted would be deleted with the chroot.
    if grep -q " $root/" /proc/mounts; then fail "something is still mounted in $root"; fi
    rm -rf --one-file-system "$work"
}

case "${1:-}" in
    setup | zig | clean) "$1" ;;
    run)
        shift
        run "$@"
        ;;
    *) fail "usage: $0 setup|zig|run COMMAND...|clean" ;;
esac
