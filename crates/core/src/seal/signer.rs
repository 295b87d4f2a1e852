//! Signing grants and their records, as SSHSIG.

use std::fmt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rsa::signature::{SignatureEncoding as _, Signer as _};
use ssh_key::private::KeypairData;
use ssh_key::{Algorithm, HashAlg, LineEnding, PrivateKey, PublicKey, Signature, SshSig};

use super::{KeyFile, Namespace};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::program::{Input, Program};
use crate::source::Prompter;

/// How long `ssh-keygen` may take: a person may have to touch a security key.
const SIGNING_TIMEOUT: Duration = Duration::from_secs(60);

/// Signs grants and their records with an administrator's key. Bring your own for a key in an HSM or a KMS.
#[async_trait]
pub trait Signer: fmt::Debug + Send + Sync {
    /// Returns the public key in OpenSSH's form.
    ///
    /// # Errors
    ///
    /// The reason why there is no key.
    fn public_key(&self) -> Result<String>;

    /// Signs a message and returns the armored signature (`-----BEGIN SSH SIGNATURE-----`).
    ///
    /// # Errors
    ///
    /// The reason why there is no signature.
    async fn sign(&self, namespace: Namespace, message: &[u8]) -> Result<String>;
}

/// Signs a message, and checks that the signature is one of the signer's key: nobody would trust another one.
///
/// # Errors
///
/// Those of the signer, and `io` if the signature does not match.
pub(crate) async fn sign(signer: &dyn Signer, namespace: Namespace, message: &[u8]) -> Result<String> {
    let signature = signer.sign(namespace, message).await?;
    let key = PublicKey::from_openssh(signer.public_key()?.trim()).map_err(failed)?;
    let matches = SshSig::from_pem(&signature).is_ok_and(|parsed| {
        // A certificate, or a key of the same name, is not the key that people trust.
        parsed.public_key() == key.key_data() && key.verify(namespace.as_str(), message, &parsed).is_ok()
    });
    if matches { Ok(signature) } else { Err(failed("the signature does not match the key")) }
}

/// Signs with a private key of any kind.
fn sign_with(key: &PrivateKey, namespace: Namespace, message: &[u8]) -> ssh_key::Result<SshSig> {
    let KeypairData::Rsa(pair) = key.key_data() else { return key.sign(namespace.as_str(), HashAlg::Sha512, message) };
    // `ssh-key` 0.6 passes the first prime twice, so that no RSA key can sign.
    let (public, private) = (&pair.public, &pair.private);
    let number = |number: &ssh_key::Mpint| rsa::BigUint::try_from(number);
    let primes = vec![number(&private.p)?, number(&private.q)?];
    let rsa_key =
        rsa::RsaPrivateKey::from_components(number(&public.n)?, number(&public.e)?, number(&private.d)?, primes)
            .map_err(|_| ssh_key::Error::Crypto)?;
    let data = SshSig::signed_data(namespace.as_str(), HashAlg::Sha512, message)?;
    let signed = rsa::pkcs1v15::SigningKey::<rsa::sha2::Sha512>::new(rsa_key).try_sign(&data);
    let signed = signed.map_err(|_| ssh_key::Error::Crypto)?.to_vec();
    let signature = Signature::new(Algorithm::Rsa { hash: Some(HashAlg::Sha512) }, signed)?;
    SshSig::new(key.public_key().key_data().clone(), namespace.as_str(), HashAlg::Sha512, signature)
}

fn failed(reason: impl fmt::Display) -> Error {
    Error::new(ErrorKind::Io, Stage::Grant, format!("cannot sign the grant: {reason}"))
}

/// Signs with a private key file. Its passphrase is asked for when it first signs.
#[derive(Debug)]
pub struct KeyFileSigner {
    key: KeyFile,
    unlocked: tokio::sync::OnceCell<KeyFile>,
    prompter: Arc<dyn Prompter>,
}

impl KeyFileSigner {
    /// Signs with this key. `prompter` is asked for its passphrase.
    ///
    /// # Errors
    ///
    /// `invalid_argument` if the key cannot sign.
    pub fn new(key: KeyFile, prompter: Arc<dyn Prompter>) -> Result<Self> {
        key.as_ssh()?;
        Ok(Self { key, unlocked: tokio::sync::OnceCell::new(), prompter })
    }
}

#[async_trait]
impl Signer for KeyFileSigner {
    fn public_key(&self) -> Result<String> {
        Ok(self.key.public_key())
    }

    async fn sign(&self, namespace: Namespace, message: &[u8]) -> Result<String> {
        let unlocked = self.unlocked.get_or_try_init(|| self.key.unlock(&*self.prompter)).await?;
        let signature = sign_with(unlocked.as_ssh()?, namespace, message).map_err(failed)?;
        signature.to_pem(LineEnding::LF).map_err(failed)
    }
}

/// Signs with `ssh-keygen -Y sign`: a key in ssh-agent, or a security key (FIDO).
#[derive(Debug, Clone)]
pub struct SshKeygenSigner {
    public_key: PublicKey,
    file: PathBuf,
    /// Keeps a public key that is only in the agent in a file while it is used.
    _file_guard: Option<Arc<PublicKeyFile>>,
}

/// The file of a public key, which is removed when it is dropped.
#[derive(Debug)]
struct PublicKeyFile(PathBuf);

impl Drop for PublicKeyFile {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}

impl SshKeygenSigner {
    /// Signs with the private key of this `.pub` file: in ssh-agent, or in the same folder.
    ///
    /// # Errors
    ///
    /// `io` if the file cannot be read, `invalid_argument` if it is not a public key.
    pub fn new(public_key_file: &Path) -> Result<Self> {
        let path = public_key_file.display();
        let text = crate::input::read_text(public_key_file).map_err(|error| {
            Error::new(ErrorKind::Io, Stage::Grant, format!("cannot read the public key `{path}`: {error}"))
                .with_source(error)
        })?;
        let public_key = PublicKey::from_openssh(text.trim()).map_err(|error| {
            Error::new(ErrorKind::InvalidArgument, Stage::Grant, format!("`{path}` is not a public key: {error}"))
        })?;
        Ok(Self { public_key, file: public_key_file.to_owned(), _file_guard: None })
    }

    /// Signs with a key in ssh-agent: the first one that `accepts` its public key.
    ///
    /// # Errors
    ///
    /// `io` if there is no agent, `invalid_configuration` if it has no such key.
    pub async fn from_agent(accepts: impl Fn(&str) -> bool) -> Result<Self> {
        let list = Program::new("ssh-add", ["-L"]).timeout(SIGNING_TIMEOUT).run(Input::None).await;
        let list = list.map_err(|error| {
            error.with_hint("start ssh-agent and add your key with `ssh-add`, or name a key file with `sign_with`")
        })?;
        let keys = list.text().lines().filter_map(|line| PublicKey::from_openssh(line).ok());
        let key = keys.into_iter().find(|key| key.to_openssh().is_ok_and(|key| accepts(&key))).ok_or_else(|| {
            Error::new(ErrorKind::InvalidConfiguration, Stage::Grant, "ssh-agent has no key of a trusted signer")
                .with_hint("add your key to the agent with `ssh-add`, and to the signers with `tempaccess grant trust`")
        })?;
        let text = key.to_openssh().map_err(failed)?;
        let file = std::env::temp_dir().join(format!("tempaccess-{:016x}.pub", crate::private::unique()));
        let mut options = std::fs::OpenOptions::new();
        #[cfg(unix)]
        std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
        let mut written = options.write(true).create_new(true).open(&file).map_err(failed)?;
        std::io::Write::write_all(&mut written, text.as_bytes()).map_err(failed)?;
        let guard = Some(Arc::new(PublicKeyFile(file.clone())));
        Ok(Self { public_key: key, file, _file_guard: guard })
    }
}

#[async_trait]
impl Signer for SshKeygenSigner {
    fn public_key(&self) -> Result<String> {
        self.public_key.to_openssh().map_err(failed)
    }

    async fn sign(&self, namespace: Namespace, message: &[u8]) -> Result<String> {
        let file = self.file.to_string_lossy().into_owned();
        let arguments = ["-Y", "sign", "-n", namespace.as_str(), "-f", &file].map(str::to_owned);
        let output =
            Program::new("ssh-keygen", arguments).timeout(SIGNING_TIMEOUT).run(Input::Bytes(message.to_vec())).await?;
        let text = output.text();
        if text.contains("-----BEGIN SSH SIGNATURE-----") {
            return Ok(text.to_owned());
        }
        Err(failed("`ssh-keygen -Y sign` printed no signature"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A signer whose signatures are of something else, as of an agent or a module that is broken.
    #[derive(Debug)]
    struct Broken(PrivateKey);

    #[async_trait]
    impl Signer for Broken {
        fn public_key(&self) -> Result<String> {
            self.0.public_key().to_openssh().map_err(failed)
        }

        async fn sign(&self, namespace: Namespace, _: &[u8]) -> Result<String> {
            sign_with(&self.0, namespace, b"another text")
                .and_then(|signature| signature.to_pem(LineEnding::LF))
                .map_err(failed)
        }
    }

    #[tokio::test]
    async fn a_signature_that_does_not_match_is_not_used() {
        let key = PrivateKey::random(&mut ssh_key::rand_core::OsRng, Algorithm::Ed25519).unwrap();
        let broken = Broken(key);
        assert!(sign(&broken, Namespace::Grant, b"another text").await.is_ok());
        let error = sign(&broken, Namespace::Grant, b"the grant").await.unwrap_err();
        assert_eq!(error.message(), "cannot sign the grant: the signature does not match the key");
    }
}
