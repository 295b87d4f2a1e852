//! Changes files that belong to the person: locked, written aside and renamed, through their links, with their permissions.

mod in_place;
mod lock;

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use self::in_place::Backup;
use self::lock::Lock;
use super::places::state_place;
use crate::error::{Error, ErrorKind, Result, Stage};
#[cfg(unix)]
use crate::private::{Place, Through};
use crate::private::{PrivateFolder, create_all};
use crate::whole_file::replace;

/// Who may read a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Content {
    /// Those who could before.
    Settings,
    /// This user alone: the file is replaced by one with the mode 0600, and never written in place. Another user's file, or one that
    /// another user's link leads to, is refused.
    Secrets,
}

/// A file to change, and what errors say about it.
#[derive(Debug)]
pub(super) struct EditedFile {
    pub(super) path: PathBuf,
    pub(super) content: Content,
    pub(super) stage: Stage,
    /// What to do where this file cannot be written: how to name another one.
    pub(super) remedy: &'static str,
}

impl EditedFile {
    fn error(&self, kind: ErrorKind, what: &str) -> Error {
        Error::new(kind, self.stage, format!("`{}` cannot be written: {what}", self.path.display()))
    }

    fn io_error(&self, error: io::Error) -> Error {
        let kind = match error.kind() {
            io::ErrorKind::TimedOut => ErrorKind::DeadlineExceeded,
            _ => ErrorKind::Io,
        };
        let hint = match error.kind() {
            io::ErrorKind::TimedOut => "wait until the other process has finished, and run this again".to_owned(),
            io::ErrorKind::PermissionDenied | io::ErrorKind::ReadOnlyFilesystem => {
                format!("make the file and its folder writable, or {}", self.remedy)
            }
            io::ErrorKind::InvalidData => format!("save it as UTF-8, or {}", self.remedy),
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => "make room on the disk".to_owned(),
            _ => format!("correct that, or {}", self.remedy),
        };
        self.error(kind, &error.to_string()).with_hint(hint).with_source(error)
    }
}

/// Replaces the text of a file by what `change` makes of it, and returns what else `change` returns. A missing file counts as empty,
/// and is created for its owner alone. A link stays a link: the file that it leads to is written.
///
/// Blocks for up to ten seconds while another process changes the file.
///
/// # Errors
///
/// Those of `change`, `deadline_exceeded` where the lock is not free in time, and `io`. The file is then as it was.
pub(super) fn edit<T>(file: &EditedFile, change: impl FnOnce(&str) -> Result<(String, T)>) -> Result<T> {
    edit_with(file, state_place("edits").as_deref(), change)
}

/// As [`edit`], with the folder for locks and backups.
fn edit_with<T>(
    file: &EditedFile,
    state: Option<&Path>,
    change: impl FnOnce(&str) -> Result<(String, T)>,
) -> Result<T> {
    let failed = |error| file.io_error(error);
    let target = follow_links(&file.path).map_err(failed)?;
    let state = state.map(|folder| trusted(file, folder)).transpose()?.flatten();
    let places = Places::of(&target, state);
    let _lock = Lock::acquire(&places.locks).map_err(failed)?;
    // Under the lock: it may have been replaced meanwhile.
    let existing = existing(file, &target)?;
    let backup = Backup::new(places.backup);
    if existing.is_some() {
        backup.recover(&target).map_err(failed)?;
    }
    let text = match &existing {
        Some(_) => crate::input::read_text(&target).map_err(failed)?,
        None => String::new(),
    };
    let (new, done) = change(&text).map_err(|error| error.in_file(&file.path))?;
    if file.content == Content::Secrets {
        if new != text || existing.as_ref().is_some_and(is_readable_by_others) {
            create_parent(&target).and_then(|()| replace(&target, new.as_bytes(), None)).map_err(failed)?;
        }
    } else if new != text {
        write(&target, existing.as_ref(), &text, &new, &backup).map_err(failed)?;
    }
    Ok(done)
}

/// Returns the folder for locks and backups with its path, if it is there or can be created.
///
/// # Errors
///
/// `io` if others can change it: what a backup says is written into the file.
fn trusted<'p>(file: &EditedFile, path: &'p Path) -> Result<Option<(&'p Path, PrivateFolder)>> {
    let opened = PrivateFolder::open(path).and_then(|folder| match folder {
        None if create_all(path).is_ok() => PrivateFolder::open(path),
        folder => Ok(folder),
    });
    opened.map(|folder| folder.map(|folder| (path, folder))).map_err(|error| {
        let what = format!("the folder for its backup, `{}`, is not safe: {error}", path.display());
        file.error(ErrorKind::Io, &what)
            .with_hint("make it yours alone, or set `XDG_STATE_HOME` to a folder of your own")
            .with_source(error)
    })
}

/// Returns the metadata of a file that is there and may be changed.
fn existing(file: &EditedFile, target: &Path) -> Result<Option<fs::Metadata>> {
    let metadata = match fs::symlink_metadata(target) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
        metadata => metadata.map_err(|error| file.io_error(error))?,
    };
    if !metadata.is_file() {
        let what = if metadata.is_dir() { "it is a directory" } else { "it is not a regular file" };
        return Err(file.error(ErrorKind::Io, what).with_hint(file.remedy));
    }
    #[cfg(unix)]
    crate::private::require_own(&metadata).map_err(|error| file.io_error(error))?;
    if metadata.permissions().readonly() {
        let what = if target == file.path {
            "it is read-only".to_owned()
        } else {
            format!("it is a link to `{}`, which is read-only", target.display())
        };
        // A file that a tool generates (Nix, chezmoi) is changed by that tool.
        let hint = format!("make it writable if nothing else manages it (`chmod u+w`), or {}", file.remedy);
        return Err(file.error(ErrorKind::Io, &what).with_hint(hint));
    }
    Ok(Some(metadata))
}

fn write(target: &Path, existing: Option<&fs::Metadata>, old: &str, new: &str, backup: &Backup) -> io::Result<()> {
    let Some(metadata) = existing else {
        create_parent(target)?;
        return replace(target, new.as_bytes(), None);
    };
    if is_shared(metadata) {
        return backup.write_in_place(target, old.as_bytes(), new.as_bytes());
    }
    match replace(target, new.as_bytes(), Some(metadata.permissions())) {
        Err(error) if cannot_replace(&error) => backup.write_in_place(target, old.as_bytes(), new.as_bytes()),
        done => done,
    }
}

fn create_parent(target: &Path) -> io::Result<()> {
    target.parent().filter(|folder| !folder.as_os_str().is_empty()).map_or(Ok(()), create_all)
}

#[cfg(unix)]
fn is_readable_by_others(metadata: &fs::Metadata) -> bool {
    std::os::unix::fs::MetadataExt::mode(metadata) & 0o077 != 0
}

#[cfg(not(unix))]
fn is_readable_by_others(_: &fs::Metadata) -> bool {
    false
}

/// Whether the file itself may still be written where it cannot be replaced: it is mounted by itself, or its folder is read-only.
fn cannot_replace(error: &io::Error) -> bool {
    matches!(
        error.kind(),
        io::ErrorKind::ResourceBusy
            | io::ErrorKind::CrossesDevices
            | io::ErrorKind::PermissionDenied
            | io::ErrorKind::ReadOnlyFilesystem
    )
}

/// Whether a new file in its place would lose something: another owner, a group that has access, or a further name.
#[cfg(unix)]
fn is_shared(metadata: &fs::Metadata) -> bool {
    use std::os::unix::fs::MetadataExt;
    metadata.nlink() > 1
        || metadata.uid() != rustix::process::geteuid().as_raw()
        || (metadata.mode() & 0o070 != 0 && metadata.gid() != rustix::process::getegid().as_raw())
}

#[cfg(not(unix))]
fn is_shared(_: &fs::Metadata) -> bool {
    false
}

/// Where the lock and the backup of a file are: in the folder for state, so that nothing is left next to files of other programs.
struct Places {
    /// In the order in which they are tried.
    locks: Vec<PathBuf>,
    /// The folder of the backup, and its name there.
    backup: Option<(PrivateFolder, String)>,
}

impl Places {
    fn of(target: &Path, state: Option<(&Path, PrivateFolder)>) -> Self {
        let absolute = std::path::absolute(target).unwrap_or_else(|_| target.to_owned());
        let folder = absolute.parent().and_then(|folder| folder.canonicalize().ok());
        let path = folder.zip(absolute.file_name()).map_or(absolute.clone(), |(folder, name)| folder.join(name));
        let digest = Sha256::digest(path.as_os_str().as_encoded_bytes());
        let key: String = digest.iter().take(16).map(|byte| format!("{byte:02x}")).collect();
        // Where there is no such folder, or it cannot be written.
        let mut fallback = path.file_name().unwrap_or_default().to_owned();
        fallback.push(".tempaccess-lock");
        Self {
            locks: state
                .iter()
                .map(|(folder, _)| folder.join(format!("{key}.lock")))
                .chain([path.with_file_name(fallback)])
                .collect(),
            backup: state.map(|(_, folder)| (folder, format!("{key}.backup"))),
        }
    }
}

/// Returns what a path leads to, whether it is there or not. Links of other users are refused.
fn follow_links(file: &Path) -> io::Result<PathBuf> {
    #[cfg(unix)]
    {
        // Nobody else can change what is on such a way, so that the path can be used from here on.
        Ok(Place::find_or_create(file, Through::TrustedFolders)?.path().to_owned())
    }
    #[cfg(not(unix))]
    Ok(file.to_owned())
}

#[cfg(unix)]
#[cfg(test)]
mod tests {
    use std::os::unix::fs::{PermissionsExt, symlink};

    use super::*;

    fn edited(path: &Path) -> EditedFile {
        EditedFile {
            path: path.to_owned(),
            content: Content::Settings,
            stage: Stage::Output,
            remedy: "name another file",
        }
    }

    fn append(path: &Path) -> Result<()> {
        let folder = tempfile::tempdir().unwrap();
        let state = folder.path().join("edits");
        let done = edit_with(&edited(path), Some(&state), |text| Ok((format!("{text}more\n"), ())));
        assert_eq!(names(&state), [""; 0]);
        done
    }

    fn names(folder: &Path) -> Vec<String> {
        fs::read_dir(folder)
            .into_iter()
            .flatten()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect()
    }

    #[test]
    fn a_file_is_replaced_through_its_links_and_keeps_its_mode() {
        let folder = tempfile::tempdir().unwrap();
        let mode = |file: &Path| fs::metadata(file).unwrap().permissions().mode() & 0o777;
        let real = folder.path().join("dotfiles/config");
        fs::create_dir(real.parent().unwrap()).unwrap();
        let link = folder.path().join("config");
        symlink("dotfiles/config", &link).unwrap();
        // A link that leads nowhere yet is followed too.
        append(&link).unwrap();
        assert!(fs::symlink_metadata(&link).unwrap().is_symlink());
        assert_eq!(mode(&real), 0o600);
        fs::set_permissions(&real, fs::Permissions::from_mode(0o640)).unwrap();
        append(&link).unwrap();
        assert_eq!(mode(&real), 0o640);
        assert_eq!(fs::read_to_string(&real).unwrap(), "more\nmore\n");
        let around = folder.path().join("around");
        symlink("around", &around).unwrap();
        assert!(append(&around).is_err());
        // Nothing is left next to it.
        assert_eq!(names(real.parent().unwrap()), ["config"]);
    }

    #[test]
    fn another_name_of_the_file_is_the_same_file_afterwards() {
        let folder = tempfile::tempdir().unwrap();
        let [file, name] = ["config", "name"].map(|name| folder.path().join(name));
        fs::write(&file, "one\n").unwrap();
        fs::hard_link(&file, &name).unwrap();
        append(&file).unwrap();
        assert_eq!(fs::read_to_string(&name).unwrap(), "one\nmore\n");
    }

    #[test]
    fn what_cannot_be_written_stays_and_the_error_says_how_to_go_on() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("config");
        fs::write(&file, "one\n").unwrap();
        fs::set_permissions(&file, fs::Permissions::from_mode(0o444)).unwrap();
        let link = folder.path().join("link");
        symlink(&file, &link).unwrap();
        let fifo = folder.path().join("fifo");
        assert!(std::process::Command::new("mkfifo").arg(&fifo).status().unwrap().success());
        for (path, what) in [
            (&*file, "it is read-only"),
            (&link, "which is read-only"),
            (folder.path(), "it is a directory"),
            (&fifo, "it is not a regular file"),
            (Path::new("/dev/null"), "it is not a regular file"),
        ] {
            let error = append(path).unwrap_err();
            assert!(error.message().contains(what), "{error}");
            assert!(error.hint().unwrap().contains("name another file"), "{error}");
        }
        assert_eq!(fs::read_to_string(&file).unwrap(), "one\n");
        let error = edit_with(&edited(&folder.path().join("new")), None, |_| -> Result<(String, ())> {
            Err(Error::new(ErrorKind::InvalidConfiguration, Stage::Output, "no").with_hint("do"))
        });
        let error = error.unwrap_err();
        assert!(!folder.path().join("new").exists());
        assert!(error.message().ends_with("new`: no"), "{error}");
        assert_eq!(error.hint(), Some("do"));
        fs::write(folder.path().join("latin1"), b"# \xe4").unwrap();
        let error = append(&folder.path().join("latin1")).unwrap_err();
        assert!(error.hint().unwrap().contains("UTF-8"), "{error}");
    }
}
