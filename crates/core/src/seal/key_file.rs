//! Private keys: what opens sealed grants and signs with a file.

use std::fmt;
use std::io::BufReader;
use std::path::{Path, PathBuf};
use std::str::FromStr;

use ssh_key::private::KeypairData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey};
use zeroize::Zeroizing;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::secret::SecretString;
use crate::source::{Notice, Prompter};

/// The size limit of a private key file.
const MAX_BYTES: usize = 64 << 10;
/// How often a wrong passphrase is asked for again.
const PASSPHRASE_ATTEMPTS: usize = 3;

/// A private key: a file of OpenSSH, which can be encrypted with a passphrase, or a file of native age identities.
#[derive(Clone)]
pub struct KeyFile {
    path: PathBuf,
    key: Key,
}

#[derive(Clone)]
enum Key {
    Age(age::x25519::Identity),
    Ssh(Box<PrivateKey>),
}

impl KeyFile {
    /// Reads the key at `path`. A passphrase is not asked for yet.
    ///
    /// # Errors
    ///
    /// `io` if the file cannot be read, `invalid_argument` if it is not a private key.
    pub fn read(path: &Path) -> Result<Self> {
        let bytes = crate::input::read_trusted_up_to(path, MAX_BYTES).map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Grant, format!("cannot read the key `{}`: {error}", path.display()))
                .with_source(error)
        })?;
        let bytes = Zeroizing::new(bytes);
        let text = std::str::from_utf8(&bytes).unwrap_or_default();
        let key = Self::parse(text).ok_or_else(|| Self::unusable(path, text))?;
        Ok(Self { path: path.to_owned(), key })
    }

    fn parse(text: &str) -> Option<Key> {
        let native = text.lines().map(str::trim).find(|line| line.starts_with("AGE-SECRET-KEY-1"));
        match native {
            Some(line) => age::x25519::Identity::from_str(line).ok().map(Key::Age),
            None => PrivateKey::from_openssh(text).ok().map(|key| Key::Ssh(Box::new(key))),
        }
    }

    fn unusable(path: &Path, text: &str) -> Error {
        let error = Error::new(
            ErrorKind::InvalidArgument,
            Stage::Grant,
            format!("`{}` is not a private key of OpenSSH or age", path.display()),
        );
        if text.contains("PRIVATE KEY-----") {
            let path = path.display();
            return error.with_hint(format!("convert it to the format of OpenSSH: `ssh-keygen -p -f '{path}'`"));
        }
        error.with_hint("give the file of the private key, which has no `.pub` at its end")
    }

    /// Creates an Ed25519 key and writes it to `path`, readable by its owner only, with the public key in `PATH.pub`.
    ///
    /// # Errors
    ///
    /// `io`, including if a file is there already.
    pub fn create(path: &Path, comment: &str) -> Result<Self> {
        let failed = |reason: String| {
            Error::new(ErrorKind::Io, Stage::Grant, format!("cannot create the key `{}`: {reason}", path.display()))
        };
        let mut key = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519)
            .map_err(|error| failed(error.to_string()))?;
        key.set_comment(comment);
        let text = key.to_openssh(LineEnding::LF).map_err(|error| failed(error.to_string()))?;
        let public = key.public_key().to_openssh().map_err(|error| failed(error.to_string()))?;
        create_new(path, text.as_bytes(), 0o600).map_err(|error| failed(error.to_string()).with_source(error))?;
        // Whatever the umask: somebody who can write the public key has their own key trusted.
        create_new(&Self::public_path(path), format!("{public}\n").as_bytes(), 0o644)
            .map_err(|error| failed(format!("`{}`: {error}", Self::public_path(path).display())))?;
        Ok(Self { path: path.to_owned(), key: Key::Ssh(Box::new(key)) })
    }

    fn public_path(path: &Path) -> PathBuf {
        let mut name = path.as_os_str().to_owned();
        name.push(".pub");
        name.into()
    }

    /// The path of the file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Identifies the key as [`Recipient::fingerprint`](super::Recipient::fingerprint) does.
    pub fn fingerprint(&self) -> String {
        match &self.key {
            Key::Age(identity) => identity.to_public().to_string(),
            Key::Ssh(key) => key.public_key().fingerprint(HashAlg::Sha256).to_string(),
        }
    }

    /// Returns the public key in the form in which it is given to others.
    pub fn public_key(&self) -> String {
        match &self.key {
            Key::Age(identity) => identity.to_public().to_string(),
            Key::Ssh(key) => key.public_key().to_openssh().unwrap_or_default(),
        }
    }

    /// Whether the file is encrypted with a passphrase.
    pub fn is_encrypted(&self) -> bool {
        matches!(&self.key, Key::Ssh(key) if key.is_encrypted())
    }

    /// Returns the key without its passphrase, which the person is asked for, three times at most.
    ///
    /// # Errors
    ///
    /// `interaction_required` if nobody can be asked, `authentication_failed` after three wrong passphrases.
    pub async fn unlock(&self, prompter: &dyn Prompter) -> Result<Self> {
        let Key::Ssh(key) = &self.key else { return Ok(self.clone()) };
        if !key.is_encrypted() {
            return Ok(self.clone());
        }
        let question = format!("Passphrase of {}", self.path.display());
        for attempt in 1..=PASSPHRASE_ATTEMPTS {
            let passphrase = prompter.secret(&question).await.map_err(|error| match error.kind() {
                ErrorKind::InteractionRequired => {
                    error.with_hint("run the command on a terminal, or use a key without a passphrase")
                }
                _ => error,
            })?;
            match self.decrypt(key, &passphrase) {
                Some(key) => return Ok(Self { path: self.path.clone(), key: Key::Ssh(Box::new(key)) }),
                None if attempt < PASSPHRASE_ATTEMPTS => {
                    prompter.notify(&Notice::AnswerRejected { reason: "the passphrase is wrong".to_owned() });
                }
                None => {}
            }
        }
        Err(Error::new(
            ErrorKind::AuthenticationFailed,
            Stage::Grant,
            format!("the passphrase of `{}` was wrong {PASSPHRASE_ATTEMPTS} times", self.path.display()),
        ))
    }

    fn decrypt(&self, key: &PrivateKey, passphrase: &SecretString) -> Option<PrivateKey> {
        key.decrypt(passphrase.expose()).ok()
    }

    /// Returns the key as an identity of age. It must be unlocked.
    pub(super) fn as_age(&self) -> Result<Box<dyn age::Identity>> {
        let key = match &self.key {
            Key::Age(identity) => return Ok(Box::new(identity.clone())),
            Key::Ssh(key) => key,
        };
        let refused = || {
            let message = format!("a key of the type `{}` cannot open sealed grants", key.algorithm());
            Error::new(ErrorKind::InvalidRecipient, Stage::Grant, message)
                .with_hint("use an `ssh-ed25519` or `ssh-rsa` key, and ask for a grant that is sealed to it")
        };
        if !matches!(key.key_data(), KeypairData::Ed25519(_) | KeypairData::Rsa(_)) {
            return Err(refused());
        }
        let text = key.to_openssh(LineEnding::LF).map_err(|_| refused())?;
        let identity = age::ssh::Identity::from_buffer(BufReader::new(text.as_bytes()), None).map_err(|_| refused())?;
        Ok(Box::new(identity))
    }

    /// Returns the key of OpenSSH, which can sign.
    pub(super) fn as_ssh(&self) -> Result<&PrivateKey> {
        match &self.key {
            Key::Ssh(key) => Ok(key),
            Key::Age(_) => Err(Error::new(
                ErrorKind::InvalidArgument,
                Stage::Grant,
                format!("`{}` is a key of age, which cannot sign", self.path.display()),
            )
            .with_hint("set `sign_with` to an OpenSSH key")),
        }
    }
}

/// Writes a new file with these permissions, as far as the umask allows them.
fn create_new(path: &Path, bytes: &[u8], mode: u32) -> std::io::Result<()> {
    use std::io::Write;

    #[cfg(unix)]
    let mut file = {
        use rustix::fs::{Mode, OFlags};
        let place = crate::private::Place::find_or_create(path, crate::private::Through::OwnLinks)?;
        #[allow(clippy::useless_conversion, reason = "modes have 16 bits on macOS")]
        let mode = Mode::from_bits_truncate(mode.try_into().unwrap_or_default());
        place.open(OFlags::WRONLY | OFlags::CREATE | OFlags::EXCL, mode)?
    };
    #[cfg(not(unix))]
    let mut file = {
        let _ = mode;
        if let Some(folder) = path.parent() {
            crate::private::create_all(folder)?;
        }
        std::fs::OpenOptions::new().write(true).create_new(true).open(path)?
    };
    file.write_all(bytes)?;
    file.sync_all()
}

impl fmt::Debug for KeyFile {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("KeyFile").field("path", &self.path).field("fingerprint", &self.fingerprint()).finish()
    }
}
