use std::io::{self, Read as _};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use sha2::Digest as _;
use zeroize::Zeroizing;

use super::{AssertionRequest, AssertionSource};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::saml::{Limits, SamlResponse};
use crate::secret::SecretBytes;

/// A SAML response in a file or on standard input, in any form that [`SamlResponse::detect`] accepts.
#[derive(Debug, Clone)]
pub struct FileSource(Option<PathBuf>);

impl FileSource {
    /// Reads from the file at this path, which may be a pipe.
    pub fn new(path: impl Into<PathBuf>) -> Self {
        Self(Some(path.into()))
    }

    /// Reads standard input to its end.
    pub fn stdin() -> Self {
        Self(None)
    }

    /// Reads the response, within the limits.
    ///
    /// # Errors
    ///
    /// `io`, also for a pipe that is silent for 5 minutes, or as [`SamlResponse::detect`].
    pub fn read(&self, limits: &Limits) -> Result<SamlResponse> {
        let input = match &self.0 {
            Some(path) => crate::input::read(path, limits.input_bytes, PIPE_TIMEOUT).map(Zeroizing::new),
            None => read_stdin(limits),
        };
        let input = input.map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Assertion, format!("cannot read {}: {error}", self.name()))
                .with_source(error)
        })?;
        SamlResponse::detect(&input, limits)
    }

    fn name(&self) -> String {
        self.0.as_ref().map_or_else(|| "standard input".to_owned(), |path| format!("`{}`", path.display()))
    }
}

/// How long a pipe may be silent: as long as a person may take to sign in with the program that writes to it.
const PIPE_TIMEOUT: Duration = Duration::from_secs(300);

/// Reads up to one byte more than the limit, which `detect` refuses.
fn read_stdin(limits: &Limits) -> io::Result<Zeroizing<Vec<u8>>> {
    let mut input = SecretBytes::default();
    input.read_to_end(io::stdin().lock().take(limits.input_bytes as u64 + 1))?;
    Ok(input.into_bytes())
}

#[async_trait]
impl AssertionSource for FileSource {
    fn describe(&self) -> String {
        self.0.as_ref().map_or_else(|| "stdin".to_owned(), |path| format!("file:{}", path.display()))
    }

    /// A digest of the content: another response in the same file is another source. A pipe can be read only once, so it has no
    /// identity.
    fn identity(&self) -> Option<String> {
        let path = self.0.as_ref().filter(|path| path.metadata().is_ok_and(|metadata| metadata.is_file()))?;
        let content = crate::input::read(path, Limits::default().input_bytes, PIPE_TIMEOUT).ok().map(Zeroizing::new)?;
        Some(format!("file {}", crate::saml::hex(&sha2::Sha256::digest(&*content))))
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        // A pipe may be silent for a long time, which must not block the runtime.
        #[cfg(feature = "runtime")]
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            let source = self.clone();
            let read = runtime.spawn_blocking(move || source.read(&Limits::default())).await;
            return read.unwrap_or_else(|error| {
                Err(Error::new(ErrorKind::Io, Stage::Assertion, format!("cannot read {}: {error}", self.name())))
            });
        }
        self.read(&Limits::default())
    }
}
