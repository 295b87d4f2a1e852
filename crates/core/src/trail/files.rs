//! The files that a trail delivers: `.json.gz` in a folder.

use std::io::{self, BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicUsize, Ordering};

use flate2::bufread::MultiGzDecoder;

use super::event::put_in_order;
use super::layout::{Days, MAX_DEPTH, is_event_file};
use super::scan::{Needles, scan};
use super::{TrailEvent, TrailQuery};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::input;

/// Files of CloudTrail in a folder and the folders below it.
///
/// They are read with all cores, as streams: memory does not grow with their size. Days that cannot have
/// matching events are not read, if the folders are those of a trail's bucket.
#[derive(Debug)]
pub struct TrailFiles {
    files: Vec<PathBuf>,
}

fn failed(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::Io, Stage::Grant, format!("cannot read `{}`: {error}", path.display()))
}

impl TrailFiles {
    /// Finds the files (`.json.gz`, `.json`) at `path`: a file, or a folder.
    ///
    /// # Errors
    ///
    /// `io` if a folder cannot be read, `invalid_argument` if there is no such file.
    pub fn find(path: &Path) -> Result<Self> {
        let mut files = Vec::new();
        collect(path, 0, &mut files)?;
        if files.is_empty() {
            let message = format!("there is no file of CloudTrail (`.json.gz`) in `{}`", path.display());
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                .with_hint("copy them from the bucket of the trail with `aws s3 sync`"));
        }
        files.sort();
        Ok(Self { files })
    }

    /// How many files there are.
    pub fn len(&self) -> usize {
        self.files.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.files.is_empty()
    }

    /// Returns the events that fit a query, oldest first, each once. Blocks for as long as it takes to read the files.
    ///
    /// # Errors
    ///
    /// `io` if a file cannot be read.
    pub fn events(&self, query: &TrailQuery) -> Result<Vec<TrailEvent>> {
        let (needles, days) = (Needles::new(&query.texts()), Days::of(query));
        let in_time = |path: &&PathBuf| days.can_have(path.iter().filter_map(|part| part.to_str()));
        let files: Vec<_> = self.files.iter().filter(in_time).collect();
        let next = AtomicUsize::new(0);
        let results = Mutex::new((Vec::new(), None));
        let threads = std::thread::available_parallelism().map_or(1, usize::from).min(files.len());
        std::thread::scope(|scope| {
            for _ in 0..threads {
                scope.spawn(|| {
                    while let Some(path) = files.get(next.fetch_add(1, Ordering::Relaxed)) {
                        let read = read(path, &needles, query);
                        let mut results = results.lock().unwrap_or_else(PoisonError::into_inner);
                        match read {
                            Ok(mut events) => results.0.append(&mut events),
                            Err(error) => results.1 = Some(failed(path, &error)),
                        }
                    }
                });
            }
        });
        let (mut events, error) = results.into_inner().unwrap_or_else(PoisonError::into_inner);
        if let Some(error) = error {
            return Err(error);
        }
        put_in_order(&mut events);
        Ok(events)
    }
}

fn collect(path: &Path, depth: usize, files: &mut Vec<PathBuf>) -> Result<()> {
    let metadata = path.symlink_metadata().map_err(|error| failed(path, &error))?;
    let name = path.file_name().unwrap_or_default().to_string_lossy();
    if metadata.is_file() && is_event_file(&name) {
        files.push(path.to_owned());
    } else if metadata.is_dir() && depth < MAX_DEPTH {
        for entry in path.read_dir().map_err(|error| failed(path, &error))? {
            collect(&entry.map_err(|error| failed(path, &error))?.path(), depth + 1, files)?;
        }
    }
    Ok(())
}

fn read(path: &Path, needles: &Needles, query: &TrailQuery) -> io::Result<Vec<TrailEvent>> {
    let file = BufReader::with_capacity(256 << 10, input::open_file(path)?);
    events_in(file, path.extension().is_some_and(|extension| extension == "gz"), needles, query)
}

/// Returns the events of a file that fit.
pub(super) fn events_in(
    file: impl BufRead,
    is_compressed: bool,
    needles: &Needles,
    query: &TrailQuery,
) -> io::Result<Vec<TrailEvent>> {
    let (mut events, mut unreadable) = (Vec::new(), None);
    let found = |record: &[u8]| match TrailEvent::of_record(record) {
        Ok(event) => events.extend(event.filter(|event| query.fits(event))),
        Err(error) => unreadable = Some(error),
    };
    if is_compressed {
        scan(MultiGzDecoder::new(file), needles, found)?;
    } else {
        scan(file, needles, found)?;
    }
    unreadable.map_or(Ok(events), Err)
}
