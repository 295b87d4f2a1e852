//! From a sign-in to credentials: [`TempAccess`] puts source, role, scope, exchange, audit log and cache together.
//!
//! `issue` is one request from call to cache; `sign_in`, `choose` and `record` are its steps. `cache` decides what a cached answer is
//! worth, `many` exchanges several roles by one sign-in, `chain` assumes further roles, `refresh` keeps the last
//! session of a program in memory.
//!
//! ```
//! use tempaccess_core::{TempAccess, TokenExchange, source::FileSource};
//! # use tempaccess_core::{Error, ErrorKind, Result, Stage, external::async_trait, sts::{ExchangeRequest, StsAnswer}};
//! # #[derive(Debug)]
//! # struct Sts;
//! # #[async_trait]
//! # impl TokenExchange for Sts {
//! #     async fn assume_role_with_saml(&self, _: &ExchangeRequest) -> Result<StsAnswer> {
//! #         Err(Error::new(ErrorKind::StsUnavailable, Stage::Exchange, "nothing is sent"))
//! #     }
//! # }
//!
//! // `Sts` exchanges the assertion: `StsExchange`, or a test double. `config::Settings::access` puts the same together.
//! let access = TempAccess::builder(FileSource::new("response.html"), Sts).reason("OPS-123").build();
//! // Nobody is asked, and nothing leaves the machine.
//! assert!(access.cached().is_none());
//! ```

#[cfg(feature = "grants")]
mod aliases;
mod cache;
mod chain;
mod choose;
mod issue;
#[cfg(feature = "runtime")]
mod many;
mod record;
#[cfg(feature = "runtime")]
mod refresh;
mod sign_in;
#[cfg(feature = "runtime")]
mod unstored;

use std::sync::Arc;

use serde::Serialize;

use crate::audit::AuditLog;
use crate::clock::{Clock, SystemClock};
use crate::error::Result;
use crate::role::{AccountNames, RoleQuery};
use crate::saml::{Assertion, SamlResponse};
use crate::scope::SessionScope;
use crate::source::{AssertionSource, NoPrompter, Prompter};
#[cfg(feature = "runtime")]
use crate::store::SingleFlight;
use crate::store::Store;
use crate::sts::{ChainedRole, TokenExchange};

#[cfg(feature = "grants")]
pub use aliases::AccountAliases;
#[cfg(feature = "config")]
pub(crate) use cache::CacheKeyParts;
pub(crate) use cache::Cached;
pub use cache::REFRESH_WINDOW;
#[cfg(feature = "runtime")]
#[doc(hidden)]
pub use many::MAX_CONCURRENT_EXCHANGES;
#[cfg(feature = "runtime")]
pub use many::{Exchanged, Progress};
#[cfg(feature = "runtime")]
pub use refresh::RefreshableSession;
#[cfg(feature = "runtime")]
use unstored::Unstored;

/// Temporary access to AWS: the source of assertions, the role to assume, and the scope of the session.
///
#[cfg_attr(feature = "config", doc = "```no_run")]
#[cfg_attr(not(feature = "config"), doc = "```ignore")]
/// # async fn example() -> tempaccess_core::Result<()> {
/// use tempaccess_core::{RoleQuery, SessionScope, StsExchange, TempAccess, source::okta::OktaSource};
///
/// let okta = OktaSource::builder("https://acme.okta.com/home/amazon_aws/0oa1b2c3d4E5f6G7h8i9/272").build()?;
/// let access = TempAccess::builder(okta, StsExchange::builder().build()?)
///     .role(RoleQuery::new().role("ReadOnly").account("123456789012"))
///     .scope(SessionScope::new("40m".parse()?))
///     .build();
/// let issued = access.credentials().await?;
/// println!("{} until {}", issued.offer.role(), issued.answer.credentials.expiration);
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
    /// Callers of one process wait for each other even if the store has no lock file.
    #[cfg(feature = "runtime")]
    single_flight: Arc<SingleFlight>,
    /// What simultaneous callers share where nothing is stored.
    #[cfg(feature = "runtime")]
    unstored: Arc<Unstored>,
    /// Programs sign one person in at a time, whichever roles they need.
    #[cfg(feature = "runtime")]
    person_flight: Arc<SingleFlight>,
}

/// A SAML response and the facts read from it.
#[derive(Debug, Clone)]
#[non_exhaustive]
pub struct SignedIn {
    /// The response, which AWS accepts for about five minutes.
    pub response: SamlResponse,
    /// The facts.
    pub assertion: Assertion,
}

/// The result of signing out.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct SignedOut {
    /// Whether a session at the identity provider was ended.
    pub session_ended: bool,
    /// How many cached credentials were removed. AWS accepts them until they expire.
    pub credentials_removed: usize,
}

impl SignedIn {
    /// Reads a response from elsewhere.
    ///
    /// # Errors
    ///
    /// As [`SamlResponse::read`].
    pub fn new(response: SamlResponse) -> Result<Self> {
        let assertion = response.read()?;
        Ok(Self { response, assertion })
    }
}

/// Builds a [`TempAccess`].
#[derive(Debug)]
pub struct TempAccessBuilder(TempAccess);

impl TempAccessBuilder {
    /// Sets the role to assume (default: the only one offered; if there are several, the person is asked).
    #[must_use]
    pub fn role(mut self, query: RoleQuery) -> Self {
        self.0.query = query;
        self
    }

    /// Sets the duration and the session policies (default: one hour, all that the role allows).
    #[must_use]
    pub fn scope(mut self, scope: SessionScope) -> Self {
        self.0.scope = scope;
        self
    }

    /// Assumes a further role from the session of the one before (role chaining). The scope applies to the last role.
    #[must_use]
    pub fn chained_role(mut self, role: ChainedRole) -> Self {
        self.0.chain.push(role);
        self
    }

    /// Sets names of accounts, for choosing and for display.
    #[must_use]
    pub fn account_names(mut self, names: AccountNames) -> Self {
        self.0.account_names = names;
        self
    }

    /// Sets the reason for the audit record.
    #[must_use]
    pub fn reason(mut self, reason: impl Into<String>) -> Self {
        self.0.reason = Some(reason.into());
        self
    }

    /// Sets who is asked for names, passwords and choices (default: nobody; a question is an error).
    #[must_use]
    pub fn prompter(mut self, prompter: Arc<dyn Prompter>) -> Self {
        self.0.prompter = prompter;
        self
    }

    /// Sets the clock.
    #[must_use]
    pub fn clock(mut self, clock: Arc<dyn Clock>) -> Self {
        self.0.clock = clock;
        self
    }

    /// Sets the audit log (default: none; AWS's CloudTrail is the only record).
    #[must_use]
    pub fn audit(mut self, log: Arc<dyn AuditLog>) -> Self {
        self.0.audit = Some(log);
        self
    }

    /// Sets the cache for credentials (default: none; each call signs in, and simultaneous ones share a sign-in).
    #[must_use]
    pub fn store(mut self, store: Arc<dyn Store>) -> Self {
        self.0.store = Some(store);
        self
    }

    /// Returns the access.
    pub fn build(self) -> TempAccess {
        self.0
    }
}

impl TempAccess {
    /// Builds access with assertions from this source and this exchange.
    pub fn builder(
        source: impl AssertionSource + 'static,
        exchange: impl TokenExchange + 'static,
    ) -> TempAccessBuilder {
        Self::shared(Arc::new(source), Arc::new(exchange))
    }

    /// Builds access with parts that are shared or chosen at run time.
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
            single_flight: Arc::default(),
            #[cfg(feature = "runtime")]
            unstored: Arc::default(),
            #[cfg(feature = "runtime")]
            person_flight: Arc::default(),
        })
    }

    /// The source of assertions.
    pub fn assertion_source(&self) -> &dyn AssertionSource {
        &*self.source
    }

    /// Describes the source of assertions in a word: `okta:acme.okta.com`.
    pub fn describe_source(&self) -> String {
        self.source.describe()
    }

    /// Who is asked, and told.
    #[cfg(feature = "grants")]
    pub(crate) fn prompter(&self) -> &dyn Prompter {
        &*self.prompter
    }

    /// The names of accounts.
    pub fn account_names(&self) -> &AccountNames {
        &self.account_names
    }
}
