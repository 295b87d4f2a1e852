//! Files, links and pipes that another user of the machine has put in the way.
#![cfg(unix)]

use std::os::unix::fs::{PermissionsExt, lchown, symlink};
use std::path::Path;
use std::process::Command;

use tempaccess_tests::ada::{demo, login};
use tempaccess_tests::cli::binary;
use tempaccess_tests::other_user;

/// Neither root, nor the user who runs the commands.
const STRANGER: u32 = 1;
const MINE: u32 = 65534;

fn pipe(path: &Path, owner: u32) {
    assert!(Command::new("mkfifo").args(["-m", "644"]).arg(path).status().unwrap().success());
    lchown(path, Some(owner), Some(owner)).unwrap();
}

#[test]
fn a_configuration_is_read_from_nobody_elses_file_pipe_link_or_folder() {
    let shared = other_user::shared_folder();
    let status = |config: &Path| {
        let mut command = other_user::command(&binary().display().to_string())?;
        command.args(["status", "--store", "none"]).env_clear().env("TEMPACCESS_CONFIG", config);
        let output = command.output().unwrap();
        Some((output.status.code(), String::from_utf8_lossy(&output.stderr).into_owned()))
    };
    let refused = |config: &Path, why: &str| {
        let Some((code, stderr)) = status(config) else { return };
        assert!(code == Some(3) && stderr.contains(why), "{why}: {code:?} {stderr}");
    };
    let write = |path: &Path, owner: u32| {
        std::fs::write(path, "").unwrap();
        lchown(path, Some(owner), Some(owner)).unwrap();
    };
    let own = shared.path().join("own.toml");
    if !other_user::is_root() {
        return tempaccess_tests::parts::missing("tests of a second user need root");
    }
    write(&own, MINE);
    let (code, stderr) = status(&own).unwrap();
    assert_eq!(code, Some(0), "{stderr}");
    let foreign = shared.path().join("foreign.toml");
    write(&foreign, STRANGER);
    refused(&foreign, "it belongs to another user (uid 1)");
    let fifo = shared.path().join("fifo.toml");
    pipe(&fifo, STRANGER);
    refused(&fifo, "it belongs to another user (uid 1)");
    let link = shared.path().join("link.toml");
    symlink(&own, &link).unwrap();
    lchown(&link, Some(STRANGER), Some(STRANGER)).unwrap();
    refused(&link, "it is a link of another user (uid 1)");
    // A folder in which another user can replace the file.
    let folder = shared.path().join("folder");
    std::fs::create_dir(&folder).unwrap();
    write(&folder.join("config.toml"), MINE);
    for (owner, mode, why) in [
        (0, 0o777, "all users can replace files in its folder"),
        (STRANGER, 0o1777, "belongs to another user (uid 1)"),
        (STRANGER, 0o755, "belongs to another user (uid 1), who can replace what is in it"),
    ] {
        lchown(&folder, Some(owner), Some(owner)).unwrap();
        std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(mode)).unwrap();
        refused(&folder.join("config.toml"), why);
    }
    // A link that is not the last part of the path, and what makes no other path of it.
    let way = shared.path().join("way");
    symlink(shared.path(), &way).unwrap();
    lchown(&way, Some(STRANGER), Some(STRANGER)).unwrap();
    refused(&way.join("own.toml"), "or leads through one");
    refused(&way.join(".").join("folder").join("..").join("own.toml"), "or leads through one");
    // A group in which others are, and one of the system.
    lchown(&folder, Some(0), Some(2000)).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o2775)).unwrap();
    refused(
        &folder.join("config.toml"),
        "the members of a group (gid 2000), or those of its access control list, can replace",
    );
    lchown(&folder, Some(0), Some(50)).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o2775)).unwrap();
    let (code, stderr) = status(&folder.join("config.toml")).unwrap();
    assert_eq!(code, Some(0), "{stderr}");
    lchown(folder.join("config.toml"), Some(MINE), Some(2000)).unwrap();
    std::fs::set_permissions(folder.join("config.toml"), std::fs::Permissions::from_mode(0o664)).unwrap();
    refused(
        &folder.join("config.toml"),
        "the members of a group (gid 2000), or those of its access control list, can change it",
    );
    // In a group of root, and with an access control list that names somebody else.
    lchown(folder.join("config.toml"), Some(MINE), Some(0)).unwrap();
    let (code, stderr) = status(&folder.join("config.toml")).unwrap();
    assert_eq!(code, Some(0), "{stderr}");
    let Some(setfacl) = tempaccess_tests::parts::debian("/usr/bin/setfacl", "acl") else { return };
    let set = Command::new(setfacl).args(["-m", "u:daemon:rw"]).arg(folder.join("config.toml")).status().unwrap();
    if !set.success() {
        return tempaccess_tests::parts::missing("the file system has no access control lists");
    }
    refused(&folder.join("config.toml"), "its access control list, can change it");
}

/// A program that another user, or a group of others, can change is not run, whichever setting names it.
#[test]
fn programs_of_others_are_not_run() {
    if !other_user::is_root() {
        return tempaccess_tests::parts::missing("tests of a second user need root");
    }
    let (_sandbox, machine) = demo();
    let shared = other_user::shared_folder();
    let program = shared.path().join("idp");
    std::fs::write(&program, format!("#!/bin/sh\ntouch {}/ran\necho x\n", shared.path().display())).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o775)).unwrap();
    let path = program.display();
    let folder = machine.home().join(".config/tempaccess");
    std::fs::create_dir_all(&folder).unwrap();
    std::fs::write(folder.join("config.toml"), format!("[profiles.default]\npassword_command = \"{path} a\"\n"))
        .unwrap();
    for (owner, group, why) in [(0, 2000, "the members of a group (gid 2000)"), (0, 0, "ran")] {
        lchown(&program, Some(owner), Some(group)).unwrap();
        for options in [format!("--source command:{path}"), String::new()] {
            let ran = machine.run(&format!("login --store none --no-interactive {options}"));
            let has_run = std::fs::remove_file(shared.path().join("ran")).is_ok();
            assert!(ran.code != 0 && has_run == (why == "ran"), "{ran}");
            assert!(has_run || ran.stderr.contains(why), "{ran}");
        }
    }
}

#[test]
fn secrets_are_written_into_nobody_elses_file() {
    if !other_user::is_root() {
        return tempaccess_tests::parts::missing("tests of a second user need root");
    }
    let (_sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let shared = other_user::shared_folder();
    let file = shared.path().join("credentials");
    std::fs::write(&file, "[default]\n").unwrap();
    other_user::give(&file);
    machine.set("AWS_SHARED_CREDENTIALS_FILE", file.display().to_string());
    let ran = machine.run("credentials --write-profile x --no-interactive");
    assert!(ran.code == 4 && ran.stderr.contains("it belongs to another user"), "{ran}");
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "[default]\n");
    // A link of another user leads to a file of this one: neither its content nor its mode changes.
    let own = machine.home().join("profile");
    std::fs::write(&own, "").unwrap();
    std::fs::set_permissions(&own, std::fs::Permissions::from_mode(0o644)).unwrap();
    let link = shared.path().join("link");
    symlink(&own, &link).unwrap();
    other_user::give(&link);
    machine.set("AWS_SHARED_CREDENTIALS_FILE", link.display().to_string());
    let ran = machine.run("credentials --write-profile x --no-interactive");
    assert!(ran.code == 4 && ran.stderr.contains("it is a link of another user"), "{ran}");
    let metadata = std::fs::metadata(&own).unwrap();
    assert_eq!((metadata.len(), metadata.permissions().mode() & 0o777), (0, 0o644));
}

#[test]
fn a_store_that_another_users_link_leads_to_is_not_used() {
    if !other_user::is_root() {
        return tempaccess_tests::parts::missing("tests of a second user need root");
    }
    let (_sandbox, mut machine) = demo();
    let shared = other_user::shared_folder();
    let (private, link) = (machine.home().join("private"), shared.path().join("store"));
    std::fs::create_dir(&private).unwrap();
    std::fs::set_permissions(&private, std::fs::Permissions::from_mode(0o700)).unwrap();
    symlink(&private, &link).unwrap();
    other_user::give(&link);
    for end in ["", "/", "/.", "/deeper"] {
        machine.set("TEMPACCESS_STORE_DIR", format!("{}{end}", link.display()));
        let ran = login(&machine, "");
        assert!(ran.code == 0 && ran.stderr.contains("it is a link of another user"), "{end}: {ran}");
        assert_eq!(std::fs::read_dir(&private).unwrap().count(), 0, "{end}");
    }
}

#[test]
fn nothing_is_written_through_another_users_link() {
    if !other_user::is_root() {
        return tempaccess_tests::parts::missing("tests of a second user need root");
    }
    let (_sandbox, mut machine) = demo();
    assert_eq!(login(&machine, "").code, 0);
    let shared = other_user::shared_folder();
    let own = machine.home().join("own");
    std::fs::create_dir(&own).unwrap();
    std::fs::write(own.join("file"), "mine").unwrap();
    pipe(&own.join("pipe"), 0);
    let (last, middle) = (shared.path().join("last"), shared.path().join("middle"));
    symlink(own.join("file"), &last).unwrap();
    symlink(&own, &middle).unwrap();
    let to_pipe = shared.path().join("to-pipe");
    symlink(own.join("pipe"), &to_pipe).unwrap();
    for link in [&last, &middle, &to_pipe] {
        other_user::give(link);
    }
    for place in [last, middle.join("file"), middle.join("new/file"), to_pipe] {
        let shown = place.display().to_string();
        machine.set("AWS_CONFIG_FILE", &shown);
        for command in [
            "profiles sync --roles --no-interactive".to_owned(),
            format!("audit report --out {shown}"),
            format!("login --no-interactive --audit-log {shown}"),
            format!("grant key --new --file {shown}"),
        ] {
            let ran = machine.run(&command);
            // A key is never replaced.
            let said = ran.stderr.contains("a link of another user") || ran.stderr.contains("there is a key");
            assert!(ran.code != 0 && said, "{shown}: {command}: {ran}");
        }
    }
    let pages = shared.path().join("pages");
    std::fs::create_dir(&pages).unwrap();
    let page = pages.join("tempaccess.1");
    symlink(own.join("file"), &page).unwrap();
    other_user::give(&page);
    let ran = machine.run(&format!("man {}", pages.display()));
    assert!(ran.code != 0 && ran.stderr.contains("a link of another user"), "{ran}");
    assert_eq!(std::fs::read_to_string(own.join("file")).unwrap(), "mine");
    assert_eq!(std::fs::read_dir(&own).unwrap().count(), 2);
}
