//! Grants as the configuration describes them: with which session, records, keys and rules.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use super::{GrantOpener, GrantRules, Grants};
use crate::config::{Config, GrantSettings, Settings, state_place, transport};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::HttpTransport;
use crate::records::{FolderRecords, ObjectRecords, Records};
use crate::saml::SamlResponse;
use crate::seal::{KeyFile, KeyFileSigner, Namespace, Signer, Signers, SshKeygenSigner};
use crate::secret::SecretString;
use crate::session::{TempAccess, TempAccessBuilder};
use crate::source::{AssertionRequest, AssertionSource, Prompter};

impl Settings {
    /// Returns grants that are given with the session of these settings, as the configuration says. The administrator signs in
    /// when their session is first needed.
    ///
    /// # Errors
    ///
    /// Those of the parts. Nothing has left the machine by then.
    pub async fn grants(
        &self,
        config: &Config,
        password: Option<SecretString>,
        prompter: Arc<dyn Prompter>,
    ) -> Result<Grants> {
        // Records in a folder can be read by somebody who signs in nowhere.
        if self.source.is_none() {
            let unset = UnsetSource(config.profiles.keys().cloned().collect());
            return self.grants_from(Arc::new(unset), config, prompter).await;
        }
        self.grants_over(self.access(config, password)?, config, prompter).await
    }

    /// Returns grants as [`grants`](Self::grants) does, with this source instead of the setting `source`.
    ///
    /// # Errors
    ///
    /// As [`grants`](Self::grants).
    pub async fn grants_from(
        &self,
        source: Arc<dyn AssertionSource>,
        config: &Config,
        prompter: Arc<dyn Prompter>,
    ) -> Result<Grants> {
        self.grants_over(self.access_from(source, config)?, config, prompter).await
    }

    async fn grants_over(
        &self,
        access: TempAccessBuilder,
        config: &Config,
        prompter: Arc<dyn Prompter>,
    ) -> Result<Grants> {
        let access = access.prompter(Arc::clone(&prompter)).build();
        let transport = transport()?;
        let iam = self.iam_over(transport.clone())?;
        let signers = config.signers()?;
        let signer =
            signer(&config.grants, &signers, prompter).await.unwrap_or_else(|error| Arc::new(NoSigner::new(&error)));
        let records = self.records(&config.grants, &access, transport)?;
        let rules = GrantRules::new(&config.grants)?;
        Ok(Grants::builder(access, Arc::new(iam), records, signer).signers(signers).rules(rules).build())
    }

    /// Returns what signs requests and grants, as the configuration says.
    ///
    /// # Errors
    ///
    /// `invalid_configuration` if there is no key.
    pub async fn grant_signer(&self, config: &Config, prompter: Arc<dyn Prompter>) -> Result<Arc<dyn Signer>> {
        signer(&config.grants, &config.signers()?, prompter).await
    }

    fn records(
        &self,
        grants: &GrantSettings,
        access: &TempAccess,
        transport: Arc<HttpTransport>,
    ) -> Result<Arc<dyn Records>> {
        let place = match &grants.records {
            Some(place) => place.clone(),
            None => state_place("grants").map(|path| path.to_string_lossy().into_owned()).ok_or_else(|| {
                Error::new(
                    ErrorKind::InvalidConfiguration,
                    Stage::Configuration,
                    "there is no place for the records of grants",
                )
                .with_hint("set `records` of `[grants]` to a folder or to `s3://BUCKET/PREFIX`")
            })?,
        };
        if !place.starts_with("s3://") {
            let folder = Path::new(&place);
            if folder.is_dir() {
                crate::private::require_closed(folder).map_err(|error| {
                    let message = format!("the records in `{place}` are not safe: {error}");
                    Error::new(ErrorKind::AuditFailed, Stage::Grant, message).with_source(error)
                })?;
            }
            return Ok(Arc::new(FolderRecords::new(folder)));
        }
        let access = self.bucket_access(&place, None, access, transport)?;
        Ok(Arc::new(ObjectRecords::s3(&place, access)?))
    }

    /// Returns what opens sealed grants, as the configuration says: with these key files, or with those of
    /// [`Config::identities`].
    ///
    /// # Errors
    ///
    /// Those of the parts.
    pub fn grant_opener(
        &self,
        config: &Config,
        identities: &[PathBuf],
        prompter: Arc<dyn Prompter>,
    ) -> Result<GrantOpener> {
        let exchange = Arc::new(self.sts_exchange()?);
        let mut opener =
            GrantOpener::new(config.signers()?, exchange).accounts(config.known_accounts()).prompter(prompter);
        if let Some(store) = self.store()? {
            opener = opener.store(store);
        }
        if identities.is_empty() {
            // A key that cannot be read there may be one of another kind, which nobody named.
            let keys = config.identities().into_iter().filter_map(|path| KeyFile::read(&path).ok());
            return Ok(keys.fold(opener, GrantOpener::key));
        }
        identities.iter().try_fold(opener, |opener, path| Ok(opener.key(KeyFile::read(path)?)))
    }
}

/// Replaces the source of a sign-in where no profile is chosen. It has the names of the profiles that could be.
#[derive(Debug)]
struct UnsetSource(Vec<String>);

#[async_trait]
impl AssertionSource for UnsetSource {
    fn describe(&self) -> String {
        "none".to_owned()
    }

    async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
        let message = "no profile is chosen, so that it is not known where to sign in";
        let error = Error::new(ErrorKind::InvalidArgument, Stage::Configuration, message);
        Err(match self.0.is_empty() {
            true => error.with_hint("add a profile with `tempaccess configure`"),
            false => error.with_hint(format!("choose one with `--profile`, such as `{}`", self.0.join("`, `"))),
        })
    }
}

/// Returns what signs grants: what `sign_with` names, or else the key that people usually have.
async fn signer(grants: &GrantSettings, signers: &Signers, prompter: Arc<dyn Prompter>) -> Result<Arc<dyn Signer>> {
    let named = grants.sign_with.clone().map(PathBuf::from);
    let usual = || Config::default_identities().into_iter().next();
    match named.or_else(usual) {
        Some(name) if name == Path::new("agent") => {
            Ok(Arc::new(SshKeygenSigner::from_agent(|key| signers.contains(key)).await?))
        }
        Some(path) if path.extension().is_some_and(|extension| extension == "pub") => {
            Ok(Arc::new(SshKeygenSigner::new(&path)?))
        }
        Some(path) => Ok(Arc::new(KeyFileSigner::new(KeyFile::read(&path)?, prompter)?)),
        None => Err(Error::new(
            ErrorKind::InvalidConfiguration,
            Stage::Configuration,
            "there is no key to sign grants with",
        )
        .with_hint("set `sign_with` of `[grants]`, or create a key with `tempaccess grant key --new`")),
    }
}

/// Replaces a signer that could not be had: listing and opening grants need none.
#[derive(Debug)]
struct NoSigner {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
}

impl NoSigner {
    fn new(error: &Error) -> Self {
        Self { kind: error.kind(), message: error.message().to_owned(), hint: error.hint().map(str::to_owned) }
    }

    fn error(&self) -> Error {
        let error = Error::new(self.kind, Stage::Grant, self.message.clone());
        match &self.hint {
            Some(hint) => error.with_hint(hint.clone()),
            None => error,
        }
    }
}

#[async_trait]
impl Signer for NoSigner {
    fn public_key(&self) -> Result<String> {
        Err(self.error())
    }

    async fn sign(&self, _: Namespace, _: &[u8]) -> Result<String> {
        Err(self.error())
    }
}
