//! Records in a folder, which several people can write to.
//!
//! Anybody who can write there can put anything next to the records: links, pipes, files that nobody else can read. Such a name counts as
//! a file that is not an event, so that it hides nothing, and no call waits for it.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::sync::Mutex;

use async_trait::async_trait;
use jiff::Timestamp;

use super::{MAX_BYTES, MAX_EVENTS, Records, changed, event_or_empty, full, name_of, number_of};
use crate::background::run_blocking;
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::grant_id::GrantId;
#[cfg(unix)]
use crate::private::{Place, Through};
use crate::whole_file::{self, Existing};

/// How many files no grant has.
const MANY: usize = 1000;
static READING_MANY: Mutex<()> = Mutex::new(());

/// Records in a folder, which can be a git work tree or a network share.
#[derive(Debug, Clone)]
pub struct FolderRecords {
    path: PathBuf,
}

impl FolderRecords {
    /// Records in this folder, which is created with the first record.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self { path: path.into() }
    }

    fn folder_of(&self, id: &GrantId) -> PathBuf {
        self.path.join(id.as_str())
    }

    fn failed(&self, verb: &str, error: io::Error) -> Error {
        let message = format!("the records in {} cannot be {verb}: {error}", self.path.display());
        Error::new(ErrorKind::AuditFailed, Stage::Grant, message)
            .with_hint("check the folder and its permissions")
            .with_source(error)
    }

    async fn on_thread<T: Send + 'static>(
        &self,
        verb: &str,
        work: impl FnOnce(&Self) -> io::Result<T> + Send + 'static,
    ) -> Result<T> {
        let records = self.clone();
        run_blocking(move || work(&records)).await.map_err(|error| self.failed(verb, error))
    }

    /// The folders of grants, with the time of the last change of any of their files.
    fn grants(&self) -> io::Result<Vec<(GrantId, Option<Timestamp>)>> {
        let mut grants: Vec<(GrantId, Option<Timestamp>)> = Vec::new();
        for name in names(&self.path)? {
            let Ok(id) = name.parse::<GrantId>() else { continue };
            let folder = self.folder_of(&id);
            // A link is not a folder of ours, wherever it leads.
            if !fs::symlink_metadata(&folder).is_ok_and(|metadata| metadata.is_dir()) {
                continue;
            }
            let files = names(&folder).unwrap_or_default();
            let changed = |name: &String| fs::symlink_metadata(folder.join(name)).ok()?.modified().ok();
            let changes = files.iter().filter_map(|name| Timestamp::try_from(changed(name)?).ok());
            grants.push((id, changes.max()));
        }
        grants.sort();
        Ok(grants)
    }

    fn read(&self, id: &GrantId) -> io::Result<Vec<(u32, Vec<u8>)>> {
        let folder = self.folder_of(id);
        match fs::symlink_metadata(&folder) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
            Ok(metadata) if metadata.is_dir() => {}
            // A link, or something else that is not a folder: `ids` passes it over as well.
            _ => return Ok(vec![(1, Vec::new())]),
        }
        // Closed to this user by somebody else: it has records that cannot be read.
        let Ok(names) = names(&folder) else { return Ok(vec![(1, Vec::new())]) };
        // Of a folder with as many files as nobody needs, one at a time is read.
        let _alone = (names.len() > MANY).then(|| READING_MANY.lock());
        let mut events: Vec<_> = names
            .iter()
            .filter_map(|name| {
                let file = || read_file(&folder.join(name)).map(event_or_empty).unwrap_or_default();
                number_of(name).map(|number| (number, file()))
            })
            .collect();
        events.sort_unstable_by_key(|(number, _)| *number);
        Ok(events)
    }

    /// Writes a record under a name that nothing has. Returns whether it is there now, by this call or an earlier one.
    #[cfg(unix)]
    fn write(&self, id: &GrantId, seq: u32, event: &[u8]) -> io::Result<bool> {
        use rustix::fs::{Mode, OFlags};

        let place = self.place_of(id, seq)?;
        // A record is never rewritten: its owner alone can change it. Where there are no links, a reader may see the beginning of a
        // record for a moment.
        let mode = Mode::RUSR | Mode::WUSR | Mode::RGRP | Mode::ROTH;
        match whole_file::put_at(&place, event, mode, None, Existing::Keep) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            // Others who can write to the folder may have put another file in the place of either name.
            _ => {
                let stored = place.open(OFlags::RDONLY, Mode::empty()).ok().and_then(content);
                Ok(stored.is_some_and(|stored| stored == event))
            }
        }
    }

    /// Creates the folder of a grant with its first event, or checks it, and returns the place of an event in it. The id of a grant that
    /// was asked for is known beforehand: a link, or a folder of another user, would let that user hide the grant.
    #[cfg(unix)]
    fn place_of(&self, id: &GrantId, seq: u32) -> io::Result<Place> {
        use rustix::fs::{Mode, OFlags};

        shared_folders().recursive(true).create(&self.path)?;
        let (around, path) = (crate::private::folder(&self.path, Through::OwnLinks)?, self.folder_of(id));
        let refused = |what: String| {
            let message = format!("`{}` {what}", path.display());
            Err(io::Error::new(io::ErrorKind::PermissionDenied, message))
        };
        let is_new = match rustix::fs::mkdirat(&around, id.as_str(), Mode::from_bits_truncate(0o1775)) {
            Ok(()) => true,
            Err(rustix::io::Errno::EXIST) => false,
            Err(error) => return Err(error.into()),
        };
        let flags = OFlags::RDONLY | OFlags::DIRECTORY | OFlags::NOFOLLOW | OFlags::CLOEXEC;
        let Ok(folder) = rustix::fs::openat(&around, id.as_str(), flags, Mode::empty()) else {
            return refused("is not a folder that can be read".to_owned());
        };
        let stat = rustix::fs::fstat(&folder)?;
        if (is_new || seq == 1) && crate::private::is_foreign(stat.st_uid) {
            return refused(format!("was there before the grant, and belongs to another user (uid {})", stat.st_uid));
        }
        if is_new {
            // Whom the folder around it is shared with adds events, whatever the umask, and removes none of others.
            let shared = (stat.st_mode & 0o7777) | (rustix::fs::fstat(&around)?.st_mode & 0o020) | 0o1000;
            rustix::fs::fchmod(&folder, Mode::from_bits_truncate(shared))?;
        }
        Ok(Place::within(folder, &path, &name_of(seq)))
    }

    /// Writes a record under a name that nothing has. Returns whether it is there now, by this call or an earlier one.
    #[cfg(not(unix))]
    fn write(&self, id: &GrantId, seq: u32, event: &[u8]) -> io::Result<bool> {
        let path = self.folder_of(id).join(name_of(seq));
        fs::create_dir_all(self.folder_of(id))?;
        match whole_file::write(&path, event, Existing::Keep, whole_file::Readers::Everybody) {
            Err(error) if error.kind() != io::ErrorKind::AlreadyExists => Err(error),
            _ => Ok(read_file(&path).is_some_and(|stored| stored == event)),
        }
    }
}

/// The names in a folder, sorted; none if there is no folder. Those that are not UTF-8 are left out.
fn names(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut names = Vec::new();
    for entry in entries {
        names.extend(entry?.file_name().into_string());
    }
    names.sort();
    Ok(names)
}

/// Creates folders that the group may write to if the umask allows, and others may not. With the sticky bit, each file can be removed
/// by its owner and that of the folder alone.
#[cfg(unix)]
fn shared_folders() -> fs::DirBuilder {
    let mut builder = fs::DirBuilder::new();
    std::os::unix::fs::DirBuilderExt::mode(&mut builder, 0o1775);
    builder
}

/// Returns the content of a regular file, and of one that is too large its beginning, which is not an event. `None` for anything else.
fn read_file(path: &Path) -> Option<Vec<u8>> {
    let mut options = OpenOptions::new();
    options.read(true);
    // Neither a link is followed, nor is a pipe waited for.
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        (rustix::fs::OFlags::NOFOLLOW | rustix::fs::OFlags::NONBLOCK | rustix::fs::OFlags::NOCTTY).bits().cast_signed(),
    );
    content(options.open(path).ok()?)
}

fn content(file: File) -> Option<Vec<u8>> {
    if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
        return None;
    }
    let mut content = Vec::new();
    file.take(MAX_BYTES).read_to_end(&mut content).ok()?;
    Some(content)
}

#[async_trait]
impl Records for FolderRecords {
    fn describe(&self) -> String {
        self.path.display().to_string()
    }

    async fn create(&self, id: &GrantId, seq: u32, event: Vec<u8>) -> Result<()> {
        if seq > MAX_EVENTS {
            return Err(full(self, id));
        }
        let of = id.clone();
        match self.on_thread("written", move |records| records.write(&of, seq, &event)).await? {
            true => Ok(()),
            false => Err(changed(id)),
        }
    }

    async fn events(&self, id: &GrantId) -> Result<Vec<(u32, Vec<u8>)>> {
        let id = id.clone();
        self.on_thread("read", move |records| records.read(&id)).await
    }

    async fn ids(&self) -> Result<Vec<GrantId>> {
        let grants = self.on_thread("read", Self::grants).await?;
        Ok(grants.into_iter().map(|(id, _)| id).collect())
    }

    async fn changed_since(&self, since: Timestamp) -> Result<Vec<GrantId>> {
        let grants = self.on_thread("read", Self::grants).await?;
        Ok(grants
            .into_iter()
            .filter(|(_, change)| change.is_none_or(|change| change >= since))
            .map(|(id, _)| id)
            .collect())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn id() -> GrantId {
        "k7q3m5xw2p4a".parse().unwrap()
    }

    #[tokio::test]
    async fn the_second_who_writes_an_event_is_told() {
        let folder = tempfile::tempdir().unwrap();
        let records = FolderRecords::new(folder.path().join("records"));
        assert!(records.events(&id()).await.unwrap().is_empty() && records.ids().await.unwrap().is_empty());
        records.create(&id(), 1, b"{}".to_vec()).await.unwrap();
        // A retry of the same event is not a conflict.
        records.create(&id(), 1, b"{}".to_vec()).await.unwrap();
        let error = records.create(&id(), 1, b"other".to_vec()).await.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::GrantChanged);
        assert_eq!(records.create(&id(), 10_000, Vec::new()).await.unwrap_err().kind(), ErrorKind::AuditFailed);
        assert_eq!(records.events(&id()).await.unwrap(), [(1, b"{}".to_vec())]);
        assert_eq!(records.ids().await.unwrap(), [id()]);
        let names = names(&folder.path().join("records/k7q3m5xw2p4a")).unwrap();
        assert_eq!(names, ["0001.json"]);
    }

    #[cfg(unix)]
    #[tokio::test]
    async fn nothing_in_the_folder_hides_a_record_or_is_waited_for() {
        use std::os::unix::fs::{PermissionsExt, symlink};

        let folder = tempfile::tempdir().unwrap();
        let records = FolderRecords::new(folder.path());
        records.create(&id(), 1, b"{}".to_vec()).await.unwrap();
        let within = folder.path().join(id().as_str());
        for name in ["0000.json", "+001.json", "+002.json", "1.json", "00001.json", "0002.JSON", "0002.json.bak"] {
            fs::write(within.join(name), "{}").unwrap();
        }
        fs::create_dir_all(within.join("x")).unwrap();
        fs::write(within.join("x/0007.json"), "{}").unwrap();
        symlink(".", within.join("loop")).unwrap();
        symlink(&within, folder.path().join("aaaaaaaaaaaa")).unwrap();
        fs::write(folder.path().join("README"), "").unwrap();
        assert_eq!(records.events(&id()).await.unwrap(), [(1, b"{}".to_vec())]);
        assert_eq!(records.ids().await.unwrap(), [id()]);
        // Names of events that are not files of events count as such.
        symlink("/nowhere", within.join("0002.json")).unwrap();
        symlink("0001.json", within.join("0003.json")).unwrap();
        assert!(std::process::Command::new("mkfifo").arg(within.join("0004.json")).status().unwrap().success());
        fs::create_dir(within.join("0005.json")).unwrap();
        fs::write(within.join("0006.json"), vec![b' '; 100_000]).unwrap();
        let events = records.events(&id()).await.unwrap();
        assert_eq!(events.iter().map(|(number, _)| *number).collect::<Vec<_>>(), [1, 2, 3, 4, 5, 6]);
        assert!(events[1..].iter().all(|(_, file)| file.is_empty()));
        for number in 2..7 {
            let error = records.create(&id(), number, b"{}".to_vec()).await.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::GrantChanged);
        }
        records.create(&id(), 7, b"{}".to_vec()).await.unwrap();
        // A link in the place of a grant's folder.
        let asked: GrantId = "bbbbbbbbbbbb".parse().unwrap();
        let elsewhere = tempfile::tempdir().unwrap();
        symlink(elsewhere.path(), folder.path().join(asked.as_str())).unwrap();
        let error = records.create(&asked, 1, b"{}".to_vec()).await.unwrap_err();
        assert!(error.message().contains("is not a folder"), "{error}");
        assert_eq!(records.events(&asked).await.unwrap(), [(1, Vec::new())]);
        assert_eq!(elsewhere.path().read_dir().unwrap().count(), 0);
        let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o022;
        assert_eq!((mode(&within) & 0o002, mode(&within.join("0007.json"))), (0, 0));
        // Whom the group is trusted with adds events, and removes none of others.
        fs::set_permissions(folder.path(), fs::Permissions::from_mode(0o2770)).unwrap();
        let shared: GrantId = "cccccccccccc".parse().unwrap();
        records.create(&shared, 1, b"{}".to_vec()).await.unwrap();
        let shared = fs::metadata(folder.path().join(shared.as_str())).unwrap().permissions().mode();
        assert_eq!(shared & 0o1020, 0o1020, "{shared:o}");
    }
}
