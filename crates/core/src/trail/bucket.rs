//! The files that a trail delivers, in their bucket.

use std::io::{self, BufReader, Read};
use std::sync::Arc;

use bytes::{Buf, Bytes};
use futures_util::stream::{self, FuturesUnordered};
use futures_util::{StreamExt, TryStreamExt};
use object_store::path::Path;
use object_store::{ListResult, ObjectStore, ObjectStoreExt};
use tokio::sync::mpsc;

use super::event::put_in_order;
use super::files::events_in;
use super::layout::{Days, MAX_DEPTH, is_event_file};
use super::scan::Needles;
use super::{TrailEvent, TrailQuery};
use crate::bucket::{self, BucketAccess};
use crate::error::{Error, ErrorKind, Result, Stage};

/// How many folders are listed, and how many files are read, at once.
const CONCURRENT: usize = 16;
/// How much of a file is fetched at once, and how many such pieces wait to be read.
const PIECE: u64 = 1 << 20;
const AHEAD: usize = 2;

/// Files of CloudTrail below a prefix of a bucket.
///
/// Only days that can have matching events are listed and read. Files are read as streams, several at once: memory does
/// not grow with their size.
#[derive(Debug)]
pub struct TrailBucket {
    store: Arc<dyn ObjectStore>,
    prefix: Path,
    place: String,
}

/// A file of events.
struct File {
    path: Path,
    size: u64,
}

impl TrailBucket {
    /// Opens the files below `s3://BUCKET/PREFIX`.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if the address is not one of S3 or the endpoint is not an `https` URL.
    pub fn open(url: &str, access: BucketAccess) -> Result<Self> {
        let (store, prefix) = access.open(url)?;
        Ok(Self { store, prefix, place: url.to_owned() })
    }

    /// Returns the events that fit a query, oldest first, each once. `report` gets the number of files read and of all files.
    ///
    /// # Errors
    ///
    /// `io` if the bucket cannot be read, `invalid_argument` if these days have no file, and errors of the sign-in.
    pub async fn events(&self, query: &TrailQuery, mut report: impl FnMut(usize, usize)) -> Result<Vec<TrailEvent>> {
        let files = self.files(&Days::of(query)).await?;
        if files.is_empty() {
            let message = format!("no CloudTrail file (`.json.gz`) below `{}` is from this period", self.place);
            return Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, message)
                .with_hint("name the bucket of the trail with its prefix, such as `s3://BUCKET/AWSLogs`"));
        }
        let (count, needles, query) = (files.len(), Arc::new(Needles::new(&query.texts())), Arc::new(query.clone()));
        let (mut waiting, mut reads) = (files.into_iter(), FuturesUnordered::new());
        let (mut events, mut done) = (Vec::new(), 0);
        loop {
            let free = CONCURRENT.saturating_sub(reads.len());
            let next = waiting.by_ref().take(free);
            reads.extend(next.map(|file| self.read(file, Arc::clone(&needles), Arc::clone(&query))));
            let Some(found) = reads.next().await else { break };
            events.append(&mut found?);
            done += 1;
            report(done, count);
        }
        put_in_order(&mut events);
        Ok(events)
    }

    /// Lists the files of these days, one level of folders after the other.
    async fn files(&self, days: &Days) -> Result<Vec<File>> {
        let (mut files, mut folders) = (Vec::new(), vec![self.prefix.clone()]);
        for _ in 0..MAX_DEPTH {
            let listings: Vec<_> = folders.into_iter().map(|folder| self.list(folder)).collect();
            let listings: Vec<_> = stream::iter(listings).buffer_unordered(CONCURRENT).try_collect().await?;
            let can_have = |path: &Path| days.can_have(path.as_ref().split('/'));
            folders = Vec::new();
            for listing in listings {
                let found = listing.objects.into_iter().filter(|object| {
                    object.location.filename().is_some_and(is_event_file) && can_have(&object.location)
                });
                files.extend(found.map(|object| File { path: object.location, size: object.size }));
                folders.extend(listing.common_prefixes.into_iter().filter(can_have));
            }
            if folders.is_empty() {
                break;
            }
        }
        Ok(files)
    }

    async fn list(&self, folder: Path) -> Result<ListResult> {
        self.store.list_with_delimiter(Some(&folder)).await.map_err(|error| self.failed(error))
    }

    /// Reads one file: fetched here, searched on a thread that may block.
    async fn read(&self, file: File, needles: Arc<Needles>, query: Arc<TrailQuery>) -> Result<Vec<TrailEvent>> {
        let (sender, receiver) = mpsc::channel(AHEAD);
        let is_compressed = file.path.filename().is_some_and(|name| name.ends_with(".gz"));
        let search = tokio::task::spawn_blocking(move || {
            let pieces = BufReader::new(Pieces { receiver, piece: Bytes::new() });
            events_in(pieces, is_compressed, &needles, &query)
        });
        let fetch = async {
            let mut from = 0;
            while from < file.size {
                let until = file.size.min(from + PIECE);
                let piece = self.store.get_range(&file.path, from..until).await.map_err(|error| self.failed(error))?;
                from = until;
                // The search ends early only with an error, which it returns.
                if sender.send(piece).await.is_err() {
                    break;
                }
            }
            Ok::<_, Error>(sender)
        };
        // A file that could not be fetched to its end is not taken for a short one: its error comes first.
        drop(fetch.await?);
        let found = search.await.map_err(|error| self.failure(&error.to_string()))?;
        found.map_err(|error| self.failure(&format!("`{}`: {error}", file.path)))
    }

    fn failed(&self, error: object_store::Error) -> Error {
        bucket::failed(error, |reason| self.failure(reason))
    }

    fn failure(&self, reason: &str) -> Error {
        let message = format!("the files in {} cannot be read: {reason}", self.place);
        Error::new(ErrorKind::Io, Stage::Grant, message).with_hint(
            "the role that you signed in with needs `s3:ListBucket` and `s3:GetObject` there, in the bucket's region",
        )
    }
}

/// The pieces of a file, one after the other.
struct Pieces {
    receiver: mpsc::Receiver<Bytes>,
    piece: Bytes,
}

impl Read for Pieces {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        while self.piece.is_empty() {
            match self.receiver.blocking_recv() {
                Some(piece) => self.piece = piece,
                None => return Ok(0),
            }
        }
        let length = buffer.len().min(self.piece.len());
        let (target, _) = buffer.split_at_mut(length);
        self.piece.copy_to_slice(target);
        Ok(length)
    }
}
