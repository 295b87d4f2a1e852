use std::io::{self, Read};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use sha2::Digest as _;

use super::{AssertionRequest, AssertionSource};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, SamlResponse};

/// A SAML response in a file or on standard input, in any form that [`SamlResponse::detect`] knows.
#[derive(Debug, Clone)]
pub struct FileSource(Option<PathBuf>);

impl FileSource {
    /// The file at this path.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Some(path.into()))
    }

    /// Standard input, read to its end.
    pub fn stdin() -> Self {
        Self(None)
    }

    /// Reads it, within the limits.
    ///
    /// # Errors
    ///
    /// `io`, or what [`SamlResponse::detect`] says.
    pub fn read(&self, limits: &Limits) -> Result<SamlResponse> {
        let input = match &self.0 {
            Some(path) => crate::input::read(path, limits.input_bytes, PIPE_TIMEOUT),
            None => bounded(io::stdin().lock(), limits),
        };
        let input = input.map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Assertion, format!("{} cannot be read: {error}", self.name()))
                .with_source(error)
        })?;
        SamlResponse::detect(&input, limits)
    }

    fn name(&self) -> String {
        self.0.as_ref().map_or_else(|| "standard input".to_owned(), |path| format!("`{}`", path.display()))
    }
}

/// How long a pipe may take: as long as a person who signs in with the program that writes to it.
const PIPE_TIMEOUT: Duration = Duration::from_secs(300);

/// One byte more than allowed, so that `detect` can tell.
fn bounded(reader: impl Read, limits: &Limits) -> io::Result<Vec<u8>> {
    let mut input = Vec::new();
    reader.take(limits.input_bytes as u64 + 1).read_to_end(&mut input)?;
    Ok(input)
}

#[async_trait]
impl AssertionSource for FileSource {
    fn describe(&self) -> String {
        self.0.as_ref().map_or_else(|| "stdin".to_owned(), |path| format!("file:{}", path.display()))
    }

    fn identity(&self) -> Option<String> {
        // The same document, the same credentials; another one at the same place is another source.
        // A pipe gives it once, so nothing is read from there ahead of time.
        let path = self.0.as_ref().filter(|path| path.metadata().is_ok_and(|metadata| metadata.is_file()))?;
        let bytes = crate::input::read(path, Limits::default().input_bytes, PIPE_TIMEOUT).ok()?;
        Some(format!("file {}", crate::saml::hex(&sha2::Sha256::digest(&bytes))))
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        // A pipe may have nothing to read for a long time; where there is a runtime, it goes on meanwhile.
        #[cfg(feature = "runtime")]
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let source = self.clone();
            let read = runtime.spawn_blocking(move || source.read(&Limits::default())).await;
            return read.unwrap_or_else(|error| {
                Err(Error::new(ErrorKind::Io, Stage::Assertion, format!("{} cannot be read: {error}", self.name())))
            });
        }
        self.read(&Limits::default())
    }
}
