//! The whole way, put together: source, assertion, role, scope, exchange, audit.

mod chain;
mod keep;
#[cfg(feature = "runtime")]
mod many;

use std::collections::HashMap;
use std::sync::Arc;

use serde::Serialize;

use crate::audit::{Attempt, AuditLog};
use crate::clock::{Clock, SystemClock};
use crate::error::{Error, ErrorKind, Result, Stage};
use crate::exchange::{ChainedRole, Grant, TokenExchange, explain, grant};
use crate::role::{AccountNames, RoleOffer, RoleQuery};
use crate::saml::{Assertion, SamlResponse};
use crate::scope::SessionScope;
use crate::source::{AssertionRequest, AssertionSource, NoPrompter, Prompter};
use crate::store::{Store, StoreKey};
#[cfg(feature = "runtime")]
use crate::store::{Turn, Turns};
use crate::text::printable;

#[cfg(feature = "config")]
pub(crate) use keep::Asked;
pub(crate) use keep::Held;
pub use keep::REFRESH_WINDOW;
#[cfg(feature = "runtime")]
pub use many::{CONCURRENT, Exchanged, Progress};

/// Temporary access: who signs in, which role is taken, for how long and how narrow.
///
#[cfg_attr(feature = "config", doc = "```no_run")]
#[cfg_attr(not(feature = "config"), doc = "```ignore")]
/// # async fn example() -> tempaccess_core::Result<()> {
/// use tempaccess_core::{RoleQuery, SessionScope, StsExchange, TempAccess, okta::OktaSource};
///
/// let okta = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1b2c3d4E5f6G7h8i9/272").build()?;
/// let access = TempAccess::builder(okta, StsExchange::builder().build()?)
///     .role(RoleQuery::new().role("ReadOnly").account("123456789012"))
///     .scope(SessionScope::new("40m".parse()?))
///     .build();
/// let grant = access.credentials().await?;
/// println!("{} until {}", grant.offer.role(), grant.answer.credentials.expiration);
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone)]
pub struct TempAccess {
    source: Arc<dyn AssertionSource>,
    exchange: Arc<dyn TokenExchange>,
    query: RoleQuery,
    scope: SessionScope,
    chain: Vec<ChainedRole>,
    account_names: AccountNames,
    reason: Option<String>,
    prompter: Arc<dyn Prompter>,
    clock: Arc<dyn Clock>,
    audit: Option<Arc<dyn AuditLog>>,
    store: Option<Arc<dyn Store>>,
    /// Callers in this process wait for one another even where a store has no file to wait at.
    #[cfg(feature = "runtime")]
    turns: Arc<Turns>,
}

/// A SAML response that was got, and the facts read from it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignedIn {
    /// The response, good for about five minutes.
    pub response: SamlResponse,
    /// What it says.
    pub assertion: Assertion,
}

/// What signing out came to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignedOut {
    /// Whether there was a session at the identity provider, which has ended now.
    pub session_ended: bool,
    /// How many credentials were forgotten here. AWS goes on accepting them until they end.
    pub credentials_forgotten: usize,
}

impl SignedIn {
    /// Reads a response that was got elsewhere.
    ///
    /// # Errors
    ///
    /// As [`SamlResponse::read`].
    pub fn new(response: SamlResponse) -> Result<Self> {
        let assertion = response.read()?;
        Ok(Self { response, assertion })
    }
}

/// Records an attempt that was given up before its end, as by Ctrl-C: AWS may have issued, and CloudTrail knows.
struct Unfinished<'a>(Option<&'a TempAccess>);

impl Unfinished<'_> {
    fn finish(mut self) {
        self.0 = None;
    }
}

impl Drop for Unfinished<'_> {
    fn drop(&mut self) {
        if let Some(access) = self.0 {
            let error = Error::new(ErrorKind::Cancelled, Stage::SignIn, "the attempt was given up before its end");
            let _ = access.record(access.attempt(None, None, None), Err(&error));
        }
    }
}

#[cfg(feature = "runtime")]
fn busy() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::Store, "somebody else is signing in")
}

/// Puts a [`TempAccess`] together.
#[derive(Debug)]
pub struct TempAccessBuilder(TempAccess);

impl TempAccessBuilder {
    /// Which role to take. Without one, the only one offered; where there are several, the person is asked.
    #[must_use]
    pub fn role(mut self, query: RoleQuery) -> Self {
        self.0.query = query;
        self
    }

    /// How long and how narrow. Without one, an hour of all that the role allows.
    #[must_use]
    pub fn scope(mut self, scope: SessionScope) -> Self {
        self.0.scope = scope;
        self
    }

    /// Goes on to another role from the session of the one before (role chaining). The scope is that of the last one.
    #[must_use]
    pub fn then(mut self, role: ChainedRole) -> Self {
        self.0.chain.push(role);
        self
    }

    /// Names of accounts, to choose by and to show.
    #[must_use]
    pub fn account_names(mut self, names: AccountNames) -> Self {
        self.0.account_names = names;
        self
    }

    /// Why access is wanted, for the audit record.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Who can be asked. Without one, nobody, and whatever would need an answer is an error.
    #[must_use]
    pub fn prompter(mut self, prompter: Arc<dyn Prompter>) -> Self {
        self.0.prompter = prompter;
        self
    }

    /// What tells the time.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.0.clock = clock;
        self
    }

    /// Where audit records go. Without one, nowhere: then AWS's CloudTrail is the only record.
    #[must_use]
    pub fn audit(mut self, log: Arc<dyn AuditLog>) -> Self {
        self.0.audit = Some(log);
        self
    }

    /// Where credentials are kept until they end. Without one, each call signs in.
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.0.store = Some(store);
        self
    }

    /// The access.
    pub fn build(self) -> TempAccess {
        self.0
    }
}

impl TempAccess {
    /// Access by assertions from this source, exchanged here.
    pub fn builder(
        source: impl AssertionSource + 'static,
        exchange: impl TokenExchange + 'static,
    ) -> TempAccessBuilder {
        Self::shared(Arc::new(source), Arc::new(exchange))
    }

    /// The same for parts that are shared or chosen at run time.
    pub fn shared(source: Arc<dyn AssertionSource>, exchange: Arc<dyn TokenExchange>) -> TempAccessBuilder {
        TempAccessBuilder(Self {
            source,
            exchange,
            query: RoleQuery::new(),
            scope: SessionScope::default(),
            chain: Vec::new(),
            account_names: AccountNames::new(),
            reason: None,
            prompter: Arc::new(NoPrompter),
            clock: Arc::new(SystemClock),
            audit: None,
            store: None,
            #[cfg(feature = "runtime")]
            turns: Arc::default(),
        })
    }

    /// The source of assertions.
    pub fn assertion_source(&self) -> &dyn AssertionSource {
        &*self.source
    }

    /// Where assertions come from, in a word.
    pub fn source(&self) -> String {
        self.source.describe()
    }

    /// The names of accounts that are known.
    pub fn account_names(&self) -> &AccountNames {
        &self.account_names
    }

    /// Signs in and reads the assertion. Nothing is exchanged.
    ///
    /// # Errors
    ///
    /// Of the stages `sign_in` and `assertion`.
    pub async fn sign_in(&self) -> Result<SignedIn> {
        SignedIn::new(self.source.saml_response(&AssertionRequest::new(&*self.prompter)).await?)
    }

    /// The credentials that are kept and good for a while yet, without a sign-in, a wait or any network.
    pub fn held(&self) -> Option<Grant> {
        match self.look(&self.place()?) {
            Held::Fresh(grant) => Some(grant),
            _ => None,
        }
    }

    /// The credentials that are kept, for as long as they do.
    #[cfg(feature = "endpoint")]
    pub(crate) fn held_for_now(&self) -> Option<Grant> {
        match self.look(&self.place()?) {
            Held::Fresh(grant) | Held::Ending(grant) => Some(grant),
            Held::Nothing => None,
        }
    }

    /// Credentials: those that are kept, as long as they are good for a while yet; else signs in, chooses the role,
    /// exchanges the assertion, writes the audit record, and keeps what was given.
    ///
    /// Of any number of callers that need the same at once, in any number of processes, one signs in; the others get what
    /// it got, or its error. Credentials are renewed a while before they end (see [`REFRESH_WINDOW`]); where that fails,
    /// those that are kept are given out as long as they last.
    ///
    /// # Errors
    ///
    /// Of every stage. Whatever fails once the sign-in has begun is in the audit record too.
    pub async fn credentials(&self) -> Result<Grant> {
        let Some(key) = self.place() else { return self.fresh_and_kept(None, false).await };
        let ending = match self.look(&key) {
            Held::Fresh(grant) => return Ok(grant),
            Held::Ending(grant) => Some(grant),
            Held::Nothing => None,
        };
        match (self.take_and_renew(&key, ending.as_ref(), false, false).await, ending) {
            (Err(error), Some(grant)) if error.kind() != ErrorKind::Cancelled => {
                let end = grant.answer.credentials.expiration;
                self.prompter.tell(&format!("These credentials end at {end} and cannot be renewed: {error}"));
                Ok(grant)
            }
            (result, _) => result,
        }
    }

    /// Credentials that are new, whatever is kept, by a sign-in if need be; and keeps them. `anew` makes the person sign
    /// in even where a session at the identity provider would do.
    ///
    /// # Errors
    ///
    /// As [`credentials`](Self::credentials).
    pub async fn renew(&self, anew: bool) -> Result<Grant> {
        match self.place() {
            Some(key) => self.take_and_renew(&key, None, true, anew).await,
            None => self.fresh_and_kept(None, anew).await,
        }
    }

    /// Ends this person's session at the identity provider and forgets everything that came from it.
    ///
    /// # Errors
    ///
    /// Whatever keeps the session from ending; what is kept here is forgotten all the same.
    pub async fn sign_out(&self) -> Result<SignedOut> {
        let ended = self.source.sign_out().await;
        let forgotten = self.forget();
        Ok(SignedOut { session_ended: ended?, credentials_forgotten: forgotten? })
    }

    /// Waits for the turn and signs in, unless somebody did so meanwhile and that will do.
    #[cfg(feature = "runtime")]
    async fn take_and_renew(&self, key: &StoreKey, ending: Option<&Grant>, forced: bool, anew: bool) -> Result<Grant> {
        let file = self.store.as_ref().and_then(|store| store.flight_file(key));
        let trouble = |error: &Error| self.prompter.tell(error.message());
        let turn = self.turns.take(file.as_deref(), ending.is_none(), trouble).await?;
        // Whatever became of another's turn, what is kept by now will do.
        if !forced && let Held::Fresh(grant) = self.look(key) {
            return Ok(grant);
        }
        let flight = match turn {
            Turn::Ours(flight) => flight,
            Turn::Failed(error) => return Err(error),
            // Somebody is about to renew them, and until then these will do.
            Turn::Busy => return ending.cloned().ok_or_else(busy),
        };
        let result = self.fresh_and_kept(Some(key), anew).await;
        if let Err(error) = &result {
            flight.failed(error);
        }
        result
    }

    #[cfg(not(feature = "runtime"))]
    async fn take_and_renew(&self, key: &StoreKey, _: Option<&Grant>, _: bool, anew: bool) -> Result<Grant> {
        self.fresh_and_kept(Some(key), anew).await
    }

    async fn fresh_and_kept(&self, key: Option<&StoreKey>, anew: bool) -> Result<Grant> {
        let grant = if self.chain.is_empty() { self.fresh(anew).await? } else { self.through_the_chain(anew).await? };
        self.keep(key, &grant);
        self.sweep();
        Ok(grant)
    }

    async fn fresh(&self, anew: bool) -> Result<Grant> {
        let unfinished = self.begin()?;
        let result = self.sign_in_and_issue(anew).await;
        unfinished.finish();
        result
    }

    /// Makes sure that a record can be written, and that one will be.
    fn begin(&self) -> Result<Unfinished<'_>> {
        self.audit.as_ref().map_or(Ok(()), |audit| audit.check())?;
        Ok(Unfinished(Some(self)))
    }

    async fn sign_in_and_issue(&self, anew: bool) -> Result<Grant> {
        self.issue(&self.recorded_sign_in(anew).await?).await
    }

    /// Signs in. What fails is in the audit record.
    async fn recorded_sign_in(&self, anew: bool) -> Result<SignedIn> {
        let request = AssertionRequest::new(&*self.prompter).anew(anew);
        let response = match self.source.saml_response(&request).await {
            Ok(response) => response,
            Err(error) => return Err(self.failed(self.attempt(None, None, None), error)),
        };
        match response.read() {
            Ok(assertion) => Ok(SignedIn { response, assertion }),
            Err(error) => Err(self.failed(self.attempt(Some(&response), None, None), error)),
        }
    }

    /// Chooses the role and exchanges an assertion that was got before, and writes the audit record.
    ///
    /// # Errors
    ///
    /// Of the stages from `role` on.
    pub async fn exchange(&self, signed_in: &SignedIn) -> Result<Grant> {
        let unfinished = self.begin()?;
        let result = self.issue(signed_in).await;
        unfinished.finish();
        result
    }

    async fn issue(&self, signed_in: &SignedIn) -> Result<Grant> {
        let SignedIn { response, assertion } = signed_in;
        let offer = match self.choose(assertion).await {
            Ok(offer) => offer,
            Err(error) => return Err(self.failed(self.attempt(Some(response), Some(assertion), None), error)),
        };
        self.issue_role(signed_in, &offer).await
    }

    async fn issue_role(&self, SignedIn { response, assertion }: &SignedIn, offer: &RoleOffer) -> Result<Grant> {
        let attempt = self.attempt(Some(response), Some(assertion), Some(offer));
        match grant(&*self.exchange, &*self.clock, response, assertion, offer, &self.scope).await {
            // Written before anything is handed out; what is not written is not handed out.
            Ok(grant) => self.record(attempt, Ok(&grant)).map(|()| grant),
            Err(error) => Err(self.failed(attempt, explain(error, assertion, self.clock.now()))),
        }
    }

    async fn choose(&self, assertion: &Assertion) -> Result<RoleOffer> {
        let offers = match assertion.offers() {
            Ok(offers) => offers,
            Err(error) if error.kind() == ErrorKind::EncryptedAssertion => {
                return self.query.named_pair().ok_or(error);
            }
            Err(error) => return Err(error),
        };
        let error = match self.query.choose(offers, &self.account_names) {
            Ok(offer) => return Ok(offer.clone()),
            Err(error) if error.kind() == ErrorKind::RoleAmbiguous => error,
            Err(error) => return Err(error),
        };
        let fitting = self.query.matches(offers, &self.account_names);
        let choices = self.labels(&fitting);
        match self.prompter.choose("Role", &choices).await {
            Ok(chosen) => fitting.get(chosen).map(|offer| (*offer).clone()).ok_or(error),
            // Nobody to ask: the list of what there is tells more than that.
            Err(refused) if refused.kind() == ErrorKind::InteractionRequired => Err(error),
            Err(refused) => Err(refused),
        }
    }

    /// Offers as a person knows them: `billing/ReadOnly  arn:…`, and the provider where that makes the difference.
    fn labels(&self, offers: &[&RoleOffer]) -> Vec<String> {
        let mut providers = HashMap::<_, usize>::new();
        for offer in offers {
            *providers.entry(offer.role()).or_default() += 1;
        }
        let label = |offer: &&RoleOffer| {
            let role = offer.role();
            let account = self.account_names.get(role.account_id()).map_or(role.account_id(), String::as_str);
            let several = providers.get(role).is_some_and(|count| *count > 1);
            let provider = if several { format!(" through {}", offer.provider().name()) } else { String::new() };
            printable(&format!("{account}/{}{provider}  {role}", role.name())).into_owned()
        };
        offers.iter().map(label).collect()
    }

    fn attempt<'a>(
        &'a self,
        response: Option<&'a SamlResponse>,
        assertion: Option<&'a Assertion>,
        offer: Option<&'a RoleOffer>,
    ) -> Attempt<'a> {
        Attempt {
            reason: self.reason.as_deref(),
            source: self.source.describe(),
            scope: Some(&self.scope),
            response,
            assertion,
            offer,
            chained: None,
        }
    }

    fn record(&self, attempt: Attempt<'_>, result: Result<&Grant, &Error>) -> Result<()> {
        let record = attempt.record(self.clock.now(), result);
        self.audit.as_ref().map_or(Ok(()), |audit| audit.append(&record))
    }

    /// Records a failure. Where that fails too, both are said: the first one is the error.
    fn failed(&self, attempt: Attempt<'_>, error: Error) -> Error {
        match self.record(attempt, Err(&error)) {
            Ok(()) => error,
            Err(unwritten) => {
                let hint = error.hint().map(|hint| format!("{hint}\n")).unwrap_or_default();
                error.with_hint(format!("{hint}{}", unwritten.message()))
            }
        }
    }
}
