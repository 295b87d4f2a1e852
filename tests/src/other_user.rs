//! A second user of the machine, for tests of what such a user can do.

use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::Command;

/// `nobody`, on every Linux.
const USER: u32 = 65534;

/// A program run by another user, where the tests run as root and can become one.
pub fn command(program: &str) -> Option<Command> {
    if !is_root() {
        crate::parts::missing("tests of a second user need root");
        return None;
    }
    let mut command = Command::new(program);
    // As root, this leaves no supplementary groups.
    command.uid(USER).gid(USER).current_dir("/");
    Some(command)
}

/// Runs a shell script as the other user and returns what it printed.
pub fn shell(script: &str) -> Option<String> {
    let output = command("bash")?.args(["-c", script]).output().expect("bash runs");
    Some(String::from_utf8_lossy(&output.stdout).into_owned())
}

/// A folder that every user can write to, as `/tmp` is.
pub fn shared_folder() -> tempfile::TempDir {
    use std::os::unix::fs::PermissionsExt;
    let folder = tempfile::tempdir().expect("a folder");
    std::fs::set_permissions(folder.path(), std::fs::Permissions::from_mode(0o1777)).expect("the folder is ours");
    folder
}

/// Gives a file or folder to the other user.
pub fn give(path: &Path) -> PathBuf {
    std::os::unix::fs::lchown(path, Some(USER), Some(USER)).expect("root can give files away");
    path.to_owned()
}

/// Whether the tests run as root.
pub fn is_root() -> bool {
    use std::os::unix::fs::MetadataExt;
    std::fs::metadata("/proc/self").is_ok_and(|this| this.uid() == 0)
}
