//! Keeps the memory of this process out of core dumps, and from other processes of the same user where the system can.
//!
//! Both programs start with this: a password at a prompt and credentials in flight must not end up in a crash report.

use std::alloc::System;

use zeroizing_alloc::ZeroAlloc;

pub(crate) use system::protect;

/// Secrets are wiped where they are dropped; this wipes the copies that the network, parsers and std make of them on their
/// way, as soon as these give their memory back.
#[global_allocator]
static WIPING: ZeroAlloc<System> = ZeroAlloc(System);

/// Starts another program, next to this one or in its place, with the caller's limit on core dumps.
#[cfg(unix)]
pub(crate) fn with_core_limit<T>(start: impl FnOnce() -> T) -> T {
    system::restore_core_limit();
    let started = start();
    // Here again, unless the other program took the place of this one.
    protect();
    started
}

#[cfg(unix)]
mod system {
    use std::sync::OnceLock;

    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

    /// The limit on core dumps that the caller set.
    static CALLERS_LIMIT: OnceLock<Rlimit> = OnceLock::new();

    /// Turns core dumps of this process off. On Linux, other processes of the user cannot read its memory either.
    ///
    /// Of this, programs that are started inherit the limit alone; see [`with_core_limit`](super::with_core_limit).
    pub(crate) fn protect() {
        // The limit alone is not enough on Linux: it does not apply where dumps are piped to a program, as
        // systemd-coredump and apport have it.
        #[cfg(any(target_os = "linux", target_os = "android"))]
        let _ = rustix::process::set_dumpable_behavior(rustix::process::DumpableBehavior::NotDumpable);
        let limit = CALLERS_LIMIT.get_or_init(|| getrlimit(Resource::Core));
        // The soft limit only: a hard one could not be raised again. Lowering it is always allowed.
        let _ = setrlimit(Resource::Core, Rlimit { current: Some(0), maximum: limit.maximum });
    }

    pub(super) fn restore_core_limit() {
        if let Some(limit) = CALLERS_LIMIT.get() {
            let _ = setrlimit(Resource::Core, *limit);
        }
    }
}

#[cfg(not(unix))]
mod system {
    /// Windows writes no dumps of a process unless an administrator says so.
    pub(crate) fn protect() {}
}
