//! Which groups can be trusted with what they can change.

#[cfg(target_os = "linux")]
use std::collections::BTreeSet;
#[cfg(target_os = "linux")]
use std::io::Read;

/// Groups of the system whose members can become root anyway: on Debian, `staff` can write to `/usr/local`.
#[cfg(target_os = "linux")]
const ADMINISTRATORS: [&str; 4] = ["wheel", "sudo", "admin", "staff"];

/// The size limit of the system's lists of users and groups.
#[cfg(target_os = "linux")]
const MAX_BYTES: u64 = 16 << 20;

/// Whether the members of a group, or those of an access control list, can put another file in the place of one in a folder.
pub(crate) fn can_replace_in(folder: &std::os::fd::OwnedFd, stat: &rustix::fs::Stat) -> bool {
    let is_sticky = stat.st_mode & 0o1000 != 0;
    stat.st_mode & 0o020 != 0 && !is_sticky && !is_trusted(stat.st_gid, || has_acl(folder))
}

/// Whether a group has nobody but this user, root, and those who can become root. `has_acl` is whether what it can change has an access
/// control list, which can name anybody. Both are asked only where a group can change something, which is rare.
pub(crate) fn is_trusted(group: u32, has_acl: impl FnOnce() -> bool) -> bool {
    if has_acl() {
        return false;
    }
    #[cfg(target_os = "linux")]
    {
        group == 0 || is_known(group, rustix::process::geteuid().as_raw(), &list("/etc/group"), &list("/etc/passwd"))
    }
    // `wheel`, and `admin` of macOS, where all users have the same primary group.
    #[cfg(not(target_os = "linux"))]
    {
        matches!(group, 0 | 80)
    }
}

/// Whether an access control list can give others rights that the mode does not show (acl(5)). The bits of the group are its mask.
#[cfg(target_os = "linux")]
pub(crate) fn has_acl(file: impl std::os::fd::AsFd) -> bool {
    // A descriptor that is only a place in the file system (`O_PATH`) is asked by its name.
    let name = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&file.as_fd()));
    rustix::fs::getxattr(name, "system.posix_acl_access", &mut [0_u8; 0][..]).is_ok()
}

/// As the mode shows: other systems have no such lists, or show them otherwise.
#[cfg(not(target_os = "linux"))]
pub(crate) fn has_acl(_: impl std::os::fd::AsFd) -> bool {
    false
}

#[cfg(target_os = "linux")]
fn list(path: &str) -> String {
    let mut text = String::new();
    let _ = std::fs::File::open(path).and_then(|file| file.take(MAX_BYTES).read_to_string(&mut text));
    text
}

/// Whether a group is one of administrators, or the user's own: it has the number or the name of the user (user private groups), and
/// nobody else is in it. `groups` and `users` are the files group(5) and passwd(5).
#[cfg(target_os = "linux")]
fn is_known(group: u32, user: u32, groups: &str, users: &str) -> bool {
    let (group, user) = (group.to_string(), user.to_string());
    let line =
        groups.lines().map(|line| line.split(':').collect::<Vec<_>>()).find(|line| line.get(2) == Some(&&*group));
    let name = line.as_ref().and_then(|line| line.first()).copied();
    if name.is_some_and(|name| ADMINISTRATORS.contains(&name)) {
        return true;
    }
    let mut members: BTreeSet<&str> =
        line.iter().filter_map(|line| line.get(3)).flat_map(|names| names.split(',')).collect();
    let mut me = None;
    for line in users.lines().map(|line| line.split(':').collect::<Vec<_>>()) {
        let (Some(name), Some(number), Some(primary)) = (line.first(), line.get(2), line.get(3)) else { continue };
        if *number == user {
            me = Some(*name);
        }
        if *primary == group {
            members.insert(name);
        }
    }
    let is_own = group == user || (me.is_some() && me == name);
    is_own && members.iter().all(|member| member.is_empty() || *member == "root" || Some(*member) == me)
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    #[test]
    fn a_group_of_others_is_not_trusted() {
        let users = "root:x:0:0::/root:/bin/sh\nada:x:1000:1000::/home/ada:\neve:x:1001:100::/home/eve:\nalan:x:1002:1005::/:\n";
        let groups = "root:x:0:\nsudo:x:27:eve\nstaff:x:50:\nusers:x:100:ada\nada:x:1000:\nalan:x:1005:eve\ndevs:x:2000:ada,eve\n";
        let trusted = |group, user| is_known(group, user, groups, users);
        assert!(trusted(1000, 1000) && trusted(27, 1000) && trusted(50, 1000));
        // A user who is in no list, as in a container.
        assert!(trusted(4000, 4000));
        for (group, user) in [(100, 1000), (2000, 1000), (1000, 1001), (1005, 1002), (3000, 1000), (100, 1001)] {
            assert!(!trusted(group, user), "{group} {user}");
        }
        assert!(!is_trusted(0, || true));
    }

    #[test]
    fn a_file_has_no_access_control_list_by_itself() {
        let file = tempfile::NamedTempFile::new().unwrap();
        assert!(!has_acl(file.as_file()));
    }
}
