use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};

use super::*;

fn private() -> (tempfile::TempDir, PrivateFolder) {
    let parent = tempfile::tempdir().unwrap();
    let folder = PrivateFolder::create(&parent.path().join("a/b")).unwrap();
    (parent, folder)
}

#[test]
fn files_are_written_read_and_removed() {
    let (_parent, folder) = private();
    assert!(folder.read("entry", 10).unwrap().is_none());
    folder.write("entry", b"one").unwrap();
    folder.write("entry", b"two").unwrap();
    let FileContent { bytes, id } = folder.read("entry", 10).unwrap().unwrap();
    assert_eq!(&**bytes, b"two");
    assert!(folder.is_same("entry", id) && folder.modified("entry").is_some());
    folder.write("entry", b"three").unwrap();
    assert!(!folder.is_same("entry", id));
    assert_eq!(folder.names().unwrap(), ["entry"]);
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!((mode(folder.path()), mode(&folder.path().join("entry"))), (0o700, 0o600));
    assert!(folder.read("entry", 2).is_err());
    folder.remove("entry").unwrap();
    folder.remove("entry").unwrap();
}

#[test]
fn folders_that_are_open_to_others_are_refused() {
    let (_parent, folder) = private();
    for mode in [0o701, 0o750, 0o777, 0o1777] {
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
        let error = PrivateFolder::open(folder.path()).map(drop).unwrap_err();
        assert!(error.to_string().contains("chmod 700"), "{error}");
    }
    fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o700)).unwrap();
    let link = folder.path().with_extension("link");
    symlink(folder.path(), &link).unwrap();
    assert!(PrivateFolder::open(&link).unwrap().is_some());
    symlink("/tmp", folder.path().join("browser")).unwrap();
    assert!(folder.subfolder("browser").is_err());
}

#[test]
fn parents_that_others_can_write_to_are_refused() {
    let (parent, folder) = private();
    folder.require_safe_path().unwrap();
    for (mode, is_safe) in [(0o777, false), (0o1777, true), (0o720, false), (0o755, true)] {
        fs::set_permissions(parent.path(), fs::Permissions::from_mode(mode)).unwrap();
        assert_eq!(folder.require_safe_path().is_ok(), is_safe, "{mode:o}");
    }
}

#[test]
fn links_and_pipes_are_not_opened() {
    let (parent, folder) = private();
    let victim = parent.path().join("victim");
    fs::write(&victim, "text").unwrap();
    symlink(&victim, folder.path().join("link")).unwrap();
    assert!(std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status().unwrap().success());
    for name in ["link", "pipe"] {
        assert!(matches!(folder.read(name, 10), Err(ReadError::Untrusted(_))), "{name}");
        assert!(folder.lock_file(name).is_err(), "{name}");
    }
    folder.write("link", b"ours").unwrap();
    assert_eq!(fs::read_to_string(&victim).unwrap(), "text");
}

#[test]
fn a_removed_lock_file_is_noticed() {
    let (_parent, folder) = private();
    let lock = folder.lock_file("lock").unwrap();
    assert!(!is_removed(&lock));
    folder.remove("lock").unwrap();
    assert!(is_removed(&lock));
}
