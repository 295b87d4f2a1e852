//! The checks of each step, in the order of the pipeline.

use std::sync::Arc;

use jiff::Timestamp;

use super::{CheckOutcome, Doctor, Finding, ResponsibleParty, Step};
use crate::arn::partition_of_region;
use crate::audit::{AuditFile, AuditLog};
use crate::background::run_blocking;
use crate::clock::{Clock, SystemClock};
use crate::config::{Config, Settings, SourceSpec, default_audit_log};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::net::{HttpTransport, ca_files, proxies};
use crate::saml::{Assertion, Content, ProblemCode};
use crate::source::okta::OktaSource;
use crate::source::{AssertionRequest, AssertionSource};
use crate::store::{Entry, EntryInfo, EntryKind, Lookup, Store, StoreKey};
use crate::sts::ClockSkew;

/// Runs the checks and returns a finding for each step at least.
pub(super) async fn run(doctor: &Doctor, report: impl FnMut(&Finding) + Send) -> Vec<Finding> {
    let mut checks = Checks { doctor, findings: Vec::new(), report };
    checks.all().await;
    checks.skip_the_rest();
    checks.findings
}

/// A check that is under way.
struct Checks<'a, R> {
    doctor: &'a Doctor,
    findings: Vec<Finding>,
    report: R,
}

impl<R: FnMut(&Finding) + Send> Checks<'_, R> {
    async fn all(&mut self) {
        let Some((config, settings)) = self.configuration() else { return };
        let store = self.store(&settings).await;
        self.audit(&settings).await;
        let Some(transport) = self.network() else { return };
        let source = self.identity_provider(&settings, &transport, store).await;
        let sts_time = self.sts(&settings, &transport).await;
        self.clock(sts_time);
        let Some(source) = source.filter(|_| self.doctor.signs_in) else { return };
        if source.can_sign_in() {
            self.assertion(&*source, &config, &settings).await;
        } else {
            self.cached_credentials(&config, &settings).await;
        }
    }

    fn found(&mut self, step: Step, outcome: CheckOutcome, message: impl Into<String>) {
        self.add(Finding { step, outcome, message: message.into(), hint: None, who: None, kind: None });
    }

    fn warn(&mut self, step: Step, message: impl Into<String>, hint: impl Into<String>, who: ResponsibleParty) {
        let (message, hint) = (message.into(), Some(hint.into()));
        self.add(Finding { step, outcome: CheckOutcome::Warning, message, hint, who: Some(who), kind: None });
    }

    fn failed(&mut self, step: Step, error: &Error) {
        self.add(Finding {
            step,
            outcome: CheckOutcome::Failed,
            message: error.message().to_owned(),
            hint: error.hint().map(str::to_owned),
            who: Some(error.fault().into()),
            kind: Some(error.kind()),
        });
    }

    fn add(&mut self, finding: Finding) {
        (self.report)(&finding);
        self.findings.push(finding);
    }

    fn skip(&mut self, step: Step) {
        self.found(step, CheckOutcome::Skipped, "not checked");
    }

    /// Adds a finding for each step that was not reached.
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
            let settings = given.settings.clone().resolve(&config, given.profile.as_deref())?;
            settings.scope()?;
            settings.chained_roles()?;
            let source = settings.source_spec()?;
            Ok((config, settings, source))
        });
        match resolved {
            Ok((config, settings, source)) => {
                let kind = match source {
                    SourceSpec::Okta(_) => "an Okta org",
                    SourceSpec::Browser(_) => "a page for a browser",
                    SourceSpec::Saml(_) => "an identity provider, with your own browser",
                    SourceSpec::Command { .. } => "a program",
                    SourceSpec::File(_) | SourceSpec::Stdin => "a stored response",
                    #[cfg(feature = "grants")]
                    SourceSpec::Grant(_) => "a grant of an administrator",
                };
                self.found(Step::Configuration, CheckOutcome::Good, format!("the source is {kind}"));
                Some((config, settings))
            }
            Err(error) => {
                self.failed(Step::Configuration, &error);
                None
            }
        }
    }

    async fn store(&mut self, settings: &Settings) -> Option<Arc<dyn Store>> {
        let store = match settings.store() {
            Ok(Some(store)) => store,
            Ok(None) => {
                self.warn(
                    Step::Store,
                    "no store is configured, so each call signs in",
                    "set `store` to `auto` or `file`",
                    ResponsibleParty::You,
                );
                return None;
            }
            Err(error) => {
                self.failed(Step::Store, &error);
                return None;
            }
        };
        let checked = Arc::clone(&store);
        match run_blocking(move || write_and_read(&*checked).map(|()| (checked.describe(), checked.notice()))).await {
            Ok((description, notice)) => {
                self.found(Step::Store, CheckOutcome::Good, format!("stored in {description}"));
                if let Some(notice) = notice {
                    let hint = "unlock the system keyring, or choose another `store`";
                    self.warn(Step::Store, notice, hint, ResponsibleParty::You);
                }
                Some(store)
            }
            Err(error) => {
                self.failed(Step::Store, &error);
                None
            }
        }
    }

    async fn audit(&mut self, settings: &Settings) {
        match settings.audit_log.clone().or_else(default_audit_log) {
            Some(file) => match run_blocking({
                let log = AuditFile::new(&file);
                move || log.check()
            })
            .await
            {
                Ok(()) => self.found(Step::Audit, CheckOutcome::Good, format!("records go to {}", file.display())),
                Err(error) => self.failed(Step::Audit, &error),
            },
            None => {
                let error = Error::new(ErrorKind::AuditFailed, Stage::Audit, "no file for audit records")
                    .with_hint("set one with `--audit-log` or `TEMPACCESS_AUDIT_LOG`");
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
                self.found(Step::Network, CheckOutcome::Good, set);
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
                Ok(okta) => examine_org(&okta)
                    .await
                    .map(|description| (Arc::new(okta) as Arc<dyn AssertionSource>, description)),
                Err(error) => Err(error),
            },
            Ok(spec) => settings.assertion_source(Arc::clone(transport), password, store).and_then(|source| {
                if let SourceSpec::Browser(_) = spec {
                    settings.browser()?.required()?;
                }
                let description = source.describe();
                Ok((source, description))
            }),
            Err(error) => Err(error),
        };
        match examined {
            Ok((source, description)) => {
                self.found(Step::IdentityProvider, CheckOutcome::Good, description);
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
                let endpoint = settings.sts_endpoint_url.as_deref().or(settings.region.as_deref()).unwrap_or(partition);
                self.found(Step::Sts, CheckOutcome::Good, format!("AWS STS answers ({endpoint})"));
                time
            }
            Err(error) => {
                self.failed(Step::Sts, &error);
                None
            }
        }
    }

    fn clock(&mut self, aws_time: Option<Timestamp>) {
        let Some(aws_time) = aws_time else { return self.skip(Step::Clock) };
        match ClockSkew::new(SystemClock.now().duration_since(aws_time)) {
            None => self.found(Step::Clock, CheckOutcome::Good, "the clocks of this machine and of AWS agree"),
            Some(skew) => {
                let hint = "set the clock, or turn on time synchronisation";
                self.warn(Step::Clock, skew.to_string(), hint, ResponsibleParty::MachineAdministrator);
            }
        }
    }

    /// Of a grant, the session that was opened is all that there is.
    async fn cached_credentials(&mut self, config: &Config, settings: &Settings) {
        let credentials = match settings.access(config, None) {
            Ok(access) => access.build().credentials().await,
            Err(error) => Err(error),
        };
        match credentials {
            Ok(issued) => {
                let credentials = &issued.answer.credentials;
                let message =
                    format!("the cache has credentials for {} until {}", credentials.role, credentials.expiration);
                self.found(Step::SignIn, CheckOutcome::Good, message);
            }
            Err(error) => self.failed(Step::SignIn, &error),
        }
    }

    async fn assertion(&mut self, source: &dyn AssertionSource, config: &Config, settings: &Settings) {
        let read = match source.saml_response(&AssertionRequest::new(&*self.doctor.prompter)).await {
            Ok(response) => response.read(),
            Err(error) => {
                return self.failed(Step::SignIn, &error);
            }
        };
        self.found(Step::SignIn, CheckOutcome::Good, format!("{} returned a SAML response", source.describe()));
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

    /// With `is_local`, the recipient is this machine, which AWS accepts if the trust policy of the role names it.
    fn judge(&mut self, assertion: &Assertion, is_local: bool) {
        let mut problems = assertion.problems(SystemClock.now());
        problems.retain(|problem| !(is_local && problem.code == ProblemCode::Recipient));
        if problems.is_empty() {
            self.found(Step::Assertion, CheckOutcome::Good, "the assertion has everything that AWS requires");
        }
        if is_local {
            self.warn(
                Step::Assertion,
                "its recipient is this machine, which AWS accepts only if the role's trust policy says so",
                "set the address as `SAML:aud` in the trust policy of the role",
                ResponsibleParty::AwsAdministrator,
            );
        }
        for problem in problems {
            self.add(Finding {
                step: Step::Assertion,
                outcome: CheckOutcome::Failed,
                message: problem.message,
                hint: problem.hint,
                who: Some(ResponsibleParty::IdentityProviderAdministrator),
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
                self.found(Step::Roles, CheckOutcome::Good, format!("{role}, one of {count} offered roles"));
            }
            // At sign-in the person is asked.
            Err(error) if error.kind() == ErrorKind::RoleAmbiguous => {
                let hint = error.hint().unwrap_or_default().to_owned();
                self.warn(Step::Roles, error.message().to_owned(), hint, ResponsibleParty::You);
            }
            Err(error) => self.failed(Step::Roles, &error),
        }
    }
}

/// Writes, reads and removes an entry.
fn write_and_read(store: &dyn Store) -> Result<()> {
    let now = SystemClock.now();
    let key = StoreKey::new(&["doctor", &now.to_string()]);
    let info = EntryInfo::new(EntryKind::Org, "doctor", None, now);
    store.put(&Entry::new(key.clone(), info, "test".into()))?;
    let found = matches!(store.get(&key), Lookup::Found(entry) if entry.secret.expose() == "test");
    store.remove(&key)?;
    if found {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Io, Stage::Store, "an entry that was just stored cannot be read")
        .with_hint("choose another `store`; `file` needs no keyring"))
}

async fn examine_org(okta: &OktaSource) -> Result<String> {
    let host = okta.org().host_str().unwrap_or_default().to_owned();
    let (pipeline, sign_in) = okta.examine().await?;
    Ok(match pipeline {
        Some(pipeline) => format!("{host} has the {}: {sign_in}", pipeline.name()),
        None => format!("{host} does not report its engine: {sign_in}"),
    })
}
