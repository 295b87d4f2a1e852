//! Runs a program in place of this one where a process cannot become another one, as on Windows: this process waits, and ends as the
//! program does.

use std::io;
use std::os::windows::io::{AsRawHandle, RawHandle};
use std::process::Command;

use win32job::{ExtendedLimitInfo, Job};

/// Runs a program to its end, and returns its exit code.
///
/// # Errors
///
/// As the system reports them, where the program cannot be started.
pub(crate) fn run(program: &mut Command) -> io::Result<i32> {
    ignore_ctrl_c();
    let mut child = program.spawn()?;
    let _job = end_with_this_process(child.as_raw_handle());
    // Windows has no signals: there is always a code.
    Ok(child.wait()?.code().unwrap_or(1))
}

/// Leaves Ctrl-C to the program: the console sends it to both.
pub(crate) fn ignore_ctrl_c() {
    // A handler may have been set before.
    let _ = ctrlc::set_handler(|| {});
}

/// Makes the system end a program when this process ends, however that ends: a person who kills this process means the
/// program that it runs. What that program starts is left alone, such as the browser of the person.
pub(crate) fn end_with_this_process(program: RawHandle) -> Option<Job> {
    let mut limits = ExtendedLimitInfo::new();
    limits.limit_kill_on_job_close().limit_silent_breakaway_ok();
    let job = Job::create_with_limit_info(&limits).ok()?;
    job.assign_process(program as isize).ok()?;
    Some(job)
}
