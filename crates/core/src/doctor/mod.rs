//! Walks the way to credentials step by step and says what is in it: for each step what was found, and for each failure the
//! setting to change and who can change it. Nothing is exchanged and nothing handed out, and no secret is in what it says.

mod finding;

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use jiff::Timestamp;

pub use finding::{Diagnosis, Finding, Outcome, Step, Who};

use crate::arn::partition_of_region;
use crate::audit::{AuditFile, AuditLog};
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Settings, SourceSpec, default_audit_log};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::exchange::clock_words;
use crate::net::{HttpTransport, ca_files, proxies};
use crate::saml::{Assertion, Content, ProblemCode};
use crate::secret::SecretString;
use crate::source::okta::OktaSource;
use crate::source::{AssertionRequest, AssertionSource, Prompter};
use crate::store::{Entry, EntryInfo, EntryKind, Lookup, Store, StoreKey};

/// What is walked, and with whom.
pub struct Doctor<'a> {
    /// The settings as they are given, not resolved yet.
    pub settings: Settings,
    /// The profile that is asked for.
    pub profile: Option<&'a str>,
    /// Another configuration file.
    pub config: Option<PathBuf>,
    /// The password, where it is given.
    pub password: Option<SecretString>,
    /// Who can be asked.
    pub prompter: &'a dyn Prompter,
    /// Whether to sign in too.
    pub signs_in: bool,
    /// Hears each finding as it is made.
    pub hear: &'a (dyn Fn(&Finding) + Sync),
}

impl fmt::Debug for Doctor<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Doctor").field("settings", &self.settings).finish_non_exhaustive()
    }
}

/// What has been found so far.
struct Walk<'a> {
    doctor: &'a Doctor<'a>,
    findings: Vec<Finding>,
}

impl Doctor<'_> {
    /// Walks the way. What fails is in what it finds: this itself does not.
    ///
    /// ```no_run
    /// # async fn example() {
    /// use tempaccess_core::config::Settings;
    /// use tempaccess_core::{NoPrompter, doctor::Doctor};
    ///
    /// let doctor = Doctor {
    ///     settings: Settings::default(),
    ///     profile: Some("work"),
    ///     config: None,
    ///     password: None,
    ///     prompter: &NoPrompter,
    ///     signs_in: false,
    ///     hear: &|finding| println!("{}", finding.message),
    /// };
    /// assert!(doctor.examine().await.healthy);
    /// # }
    /// ```
    pub async fn examine(&self) -> Diagnosis {
        let mut walk = Walk { doctor: self, findings: Vec::new() };
        walk.all().await;
        walk.skip_the_rest();
        let healthy = walk.findings.iter().all(|finding| finding.outcome != Outcome::Failed);
        let system = format!("{} {}", std::env::consts::OS, std::env::consts::ARCH);
        Diagnosis { healthy, version: env!("CARGO_PKG_VERSION"), system, findings: walk.findings }
    }
}

impl Walk<'_> {
    async fn all(&mut self) {
        let Some((config, settings)) = self.configuration() else { return };
        let store = self.store(&settings);
        self.audit(&settings);
        let Some(transport) = self.network() else { return };
        let source = self.identity_provider(&settings, &transport, store).await;
        let sts_time = self.sts(&settings, &transport).await;
        self.clock(sts_time);
        if let Some(source) = source.filter(|_| self.doctor.signs_in) {
            self.assertion(&*source, &config, &settings).await;
        }
    }

    fn found(&mut self, step: Step, outcome: Outcome, message: impl Into<String>) {
        self.add(Finding { step, outcome, message: message.into(), hint: None, who: None, kind: None });
    }

    fn warn(&mut self, step: Step, message: impl Into<String>, hint: impl Into<String>, who: Who) {
        let (message, hint) = (message.into(), Some(hint.into()));
        self.add(Finding { step, outcome: Outcome::Warning, message, hint, who: Some(who), kind: None });
    }

    fn failed(&mut self, step: Step, error: &Error) {
        self.add(Finding {
            step,
            outcome: Outcome::Failed,
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
            who: Some(error.fault().into()),
            kind: Some(error.kind()),
        });
    }

    fn add(&mut self, finding: Finding) {
        (self.doctor.hear)(&finding);
        self.findings.push(finding);
    }

    fn skip(&mut self, step: Step) {
        self.found(step, Outcome::Skipped, "not looked at");
    }

    /// Says of each step that was not come to that it was not.
    fn skip_the_rest(&mut self) {
        for step in Step::ALL {
            if self.findings.iter().all(|finding| finding.step != *step) {
                self.skip(*step);
            }
        }
    }

    fn configuration(&mut self) -> Option<(Config, Settings)> {
        let given = &self.doctor;
        let read = given.config.as_deref().map_or_else(Config::find, Config::load);
        let resolved = read.and_then(|config| {
            let settings = given.settings.clone().resolve(&config, given.profile)?;
            settings.scope()?;
            settings.chain()?;
            let source = settings.source_spec()?;
            Ok((config, settings, source))
        });
        match resolved {
            Ok((config, settings, source)) => {
                let what = match source {
                    SourceSpec::Okta(_) => "an Okta org",
                    SourceSpec::Browser(_) => "a page for a browser",
                    SourceSpec::Saml(_) => "an identity provider, with your own browser",
                    SourceSpec::Command { .. } => "a program",
                    SourceSpec::File(_) | SourceSpec::Stdin => "a response that is there already",
                };
                self.found(Step::Configuration, Outcome::Good, format!("the source is {what}"));
                Some((config, settings))
            }
            Err(error) => {
                self.failed(Step::Configuration, &error);
                None
            }
        }
    }

    fn store(&mut self, settings: &Settings) -> Option<Arc<dyn Store>> {
        let store = match settings.store() {
            Ok(Some(store)) => store,
            Ok(None) => {
                self.warn(
                    Step::Store,
                    "nothing is kept: each call signs in",
                    "choose `auto` or `file` as the `store`",
                    Who::You,
                );
                return None;
            }
            Err(error) => {
                self.failed(Step::Store, &error);
                return None;
            }
        };
        match kept_and_forgotten(&*store) {
            Ok(()) => {
                self.found(Step::Store, Outcome::Good, format!("kept in {}", store.describe()));
                if let Some(notice) = store.notice() {
                    let hint = "unlock the system's keyring, or choose another `store`";
                    self.warn(Step::Store, notice, hint, Who::You);
                }
                Some(store)
            }
            Err(error) => {
                self.failed(Step::Store, &error);
                None
            }
        }
    }

    fn audit(&mut self, settings: &Settings) {
        match settings.audit_log.clone().or_else(default_audit_log) {
            Some(file) => match AuditFile::new(&file).check() {
                Ok(()) => self.found(Step::Audit, Outcome::Good, format!("records go to {}", file.display())),
                Err(error) => self.failed(Step::Audit, &error),
            },
            None => {
                let error = Error::new(ErrorKind::AuditFailed, Stage::Audit, "there is no place for the audit record")
                    .with_hint("name a file with `--audit-log` or `TEMPACCESS_AUDIT_LOG`");
                self.failed(Step::Audit, &error);
            }
        }
    }

    fn network(&mut self) -> Option<Arc<HttpTransport>> {
        match HttpTransport::builder().ca_files_from_env().build() {
            Ok(transport) => {
                let files: Vec<_> = ca_files().iter().map(|file| format!("CAs in {}", file.display())).collect();
                let set: Vec<_> = proxies().into_iter().chain(files).collect();
                let set = if set.is_empty() { "no proxy, the system's CAs".to_owned() } else { set.join(", ") };
                self.found(Step::Network, Outcome::Good, set);
                Some(Arc::new(transport))
            }
            Err(error) => {
                self.failed(Step::Network, &error);
                None
            }
        }
    }

    async fn identity_provider(
        &mut self,
        settings: &Settings,
        transport: &Arc<HttpTransport>,
        store: Option<Arc<dyn Store>>,
    ) -> Option<Arc<dyn AssertionSource>> {
        let password = self.doctor.password.clone();
        let examined = match settings.source_spec() {
            Ok(SourceSpec::Okta(link)) => match settings.okta(link, Arc::clone(transport), password, store) {
                Ok(okta) => examine_org(&okta).await.map(|words| (Arc::new(okta) as Arc<dyn AssertionSource>, words)),
                Err(error) => Err(error),
            },
            Ok(spec) => settings.assertion_source(Arc::clone(transport), password, store).and_then(|source| {
                if let SourceSpec::Browser(_) = spec {
                    settings.browser()?.required()?;
                }
                let words = source.describe();
                Ok((source, words))
            }),
            Err(error) => Err(error),
        };
        match examined {
            Ok((source, words)) => {
                self.found(Step::IdentityProvider, Outcome::Good, words);
                Some(source)
            }
            Err(error) => {
                self.failed(Step::IdentityProvider, &error);
                None
            }
        }
    }

    async fn sts(&mut self, settings: &Settings, transport: &Arc<HttpTransport>) -> Option<Timestamp> {
        let partition = settings.region.as_deref().map_or("aws", partition_of_region);
        let reached = match settings.exchange(Arc::clone(transport)) {
            Ok(exchange) => exchange.reach(partition).await,
            Err(error) => Err(error),
        };
        match reached {
            Ok(time) => {
                let place = settings.sts_endpoint_url.as_deref().or(settings.region.as_deref()).unwrap_or(partition);
                self.found(Step::Sts, Outcome::Good, format!("AWS STS answers ({place})"));
                time
            }
            Err(error) => {
                self.failed(Step::Sts, &error);
                None
            }
        }
    }

    fn clock(&mut self, at_aws: Option<Timestamp>) {
        let Some(at_aws) = at_aws else { return self.skip(Step::Clock) };
        match clock_words(SystemClock.now().duration_since(at_aws)) {
            None => self.found(Step::Clock, Outcome::Good, "this machine and AWS agree on the time"),
            Some(words) => {
                let (message, hint) = words.split_once(": ").unwrap_or((&words, "set it right"));
                self.warn(Step::Clock, message, hint, Who::MachineAdministrator);
            }
        }
    }

    async fn assertion(&mut self, source: &dyn AssertionSource, config: &Config, settings: &Settings) {
        let read = match source.saml_response(&AssertionRequest::new(self.doctor.prompter)).await {
            Ok(response) => response.read(),
            Err(error) => {
                return self.failed(Step::SignIn, &error);
            }
        };
        self.found(Step::SignIn, Outcome::Good, format!("{} gave a SAML response", source.describe()));
        let assertion = match read {
            Ok(assertion) => assertion,
            Err(error) => {
                return self.failed(Step::Assertion, &error);
            }
        };
        self.judge(&assertion, matches!(settings.source_spec(), Ok(SourceSpec::Saml(_))));
        if assertion.content == Content::Plain {
            self.roles(&assertion, config, settings);
        }
    }

    /// `is_ours` says that the recipient is this machine: only the trust policy of a role makes that one that AWS takes.
    fn judge(&mut self, assertion: &Assertion, is_ours: bool) {
        let mut problems = assertion.problems(SystemClock.now());
        problems.retain(|problem| !(is_ours && problem.code == ProblemCode::Recipient));
        if problems.is_empty() {
            self.found(Step::Assertion, Outcome::Good, "the assertion has all that AWS asks for");
        }
        if is_ours {
            self.warn(
                Step::Assertion,
                "its recipient is this machine, which AWS takes where a role says so",
                "the trust policy of the role names the address as `SAML:aud`",
                Who::AwsAdministrator,
            );
        }
        for problem in problems {
            self.add(Finding {
                step: Step::Assertion,
                outcome: Outcome::Failed,
                message: problem.message,
                hint: problem.hint,
                who: Some(Who::IdentityProviderAdministrator),
                kind: Some(ErrorKind::InvalidIdentityToken),
            });
        }
    }

    fn roles(&mut self, assertion: &Assertion, config: &Config, settings: &Settings) {
        let chosen = assertion.offers().and_then(|offers| {
            let query = settings.role_query();
            query.choose(offers, &config.accounts).map(|offer| (offers.len(), offer.role().to_string()))
        });
        match chosen {
            Ok((count, role)) => {
                self.found(Step::Roles, Outcome::Good, format!("{role}, of {count} that the assertion offers"));
            }
            // A person would be asked.
            Err(error) if error.kind() == ErrorKind::RoleAmbiguous => {
                let hint = error.hint().unwrap_or_default().to_owned();
                self.warn(Step::Roles, error.message().to_owned(), hint, Who::You);
            }
            Err(error) => self.failed(Step::Roles, &error),
        }
    }
}

/// Whether something can be kept, found again and forgotten.
fn kept_and_forgotten(store: &dyn Store) -> Result<()> {
    let now = SystemClock.now();
    let key = StoreKey::new(&["doctor", &now.to_string()]);
    let about = EntryInfo::new(EntryKind::Org, "doctor", None, now);
    store.put(&Entry::new(key.clone(), about, "kept".into()))?;
    let found = matches!(store.get(&key), Lookup::Found(entry) if entry.secret.expose() == "kept");
    store.remove(&key)?;
    if found {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, Stage::Store, "what was kept was not found again")
        .with_hint("choose another `store`: `file` needs no keyring"))
}

async fn examine_org(okta: &OktaSource) -> Result<String> {
    let host = okta.org().host_str().unwrap_or_default().to_owned();
    let (pipeline, words) = okta.examine().await?;
    Ok(match pipeline {
        Some(pipeline) => format!("{host} has the {}: {words}", pipeline.name()),
        None => format!("{host} does not say which engine it has: {words}"),
    })
}
