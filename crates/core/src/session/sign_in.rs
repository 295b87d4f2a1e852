//! The sign-in of a request: who waits for whom, and what is recorded of it.

use std::future::poll_fn;
#[cfg(feature = "runtime")]
use std::sync::Arc;
use std::task::Poll;

use super::{SignedIn, SignedOut, TempAccess};
use crate::background::run_blocking;
use crate::error::{Error, Result};
#[cfg(feature = "runtime")]
use crate::error::{ErrorKind, Stage};
use crate::source::{AssertionRequest, Notice};
#[cfg(feature = "runtime")]
use crate::store::{Joined, Leader, Need, StoreKey};
use crate::trace::step;

/// Whether a session at the identity provider may be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SessionReuse {
    /// A session may be used; without one, the person signs in.
    Allow,
    /// The person signs in, even if there is a session.
    Forbid,
}

/// Whether a sign-in waits for others of the same person.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Queueing {
    /// Does not wait: a person asked for this sign-in.
    Skip,
    /// Waits for other sign-ins, and does not prompt a person again who has just refused.
    Wait,
    /// Gives up if another sign-in is running: the cached credentials are still valid.
    #[cfg_attr(not(feature = "runtime"), allow(dead_code, reason = "taking queueing needs a runtime"))]
    OnlyIfFree,
}

impl Queueing {
    /// What a caller without credentials needs.
    #[cfg(feature = "runtime")]
    pub(super) const fn need(self) -> Need {
        match self {
            Self::Skip => Need::Now,
            Self::Wait | Self::OnlyIfFree => Need::NowUnlessRejected,
        }
    }
}

impl TempAccess {
    /// Signs in and reads the assertion. Nothing is exchanged.
    ///
    /// # Errors
    ///
    /// Errors of the stages `sign_in` and `assertion`.
    pub async fn sign_in(&self) -> Result<SignedIn> {
        let response = self.source.saml_response(&AssertionRequest::new(&*self.prompter)).await?;
        // The source may have stored its session.
        if let Some(store) = self.store.clone()
            && let Some(text) = run_blocking(move || store.notice()).await
        {
            self.prompter.notify(&Notice::Cache { text });
        }
        SignedIn::new(response)
    }

    /// Ends the person's session at the identity provider and removes everything that came from it from the cache.
    ///
    /// # Errors
    ///
    /// The reason why the session could not be ended; the cache is cleared all the same.
    pub async fn sign_out(&self) -> Result<SignedOut> {
        let ended = self.source.sign_out().await;
        let access = self.clone();
        let removed = run_blocking(move || access.remove_session()).await;
        Ok(SignedOut { session_ended: ended?, credentials_removed: removed? })
    }

    /// Signs in. A failure is in the audit log.
    pub(super) async fn sign_in_recorded(&self, reuse: SessionReuse, queueing: Queueing) -> Result<SignedIn> {
        let mut request = AssertionRequest::new(&*self.prompter);
        if reuse == SessionReuse::Forbid {
            request = request.force_authn();
        }
        let turn = self.lock_person(queueing).await?;
        let signing_in = step!("sign_in", self.source.saml_response(&request), source = self.source.describe());
        let mut signing_in = std::pin::pin!(signing_in);
        let result = match poll_fn(|context| Poll::Ready(signing_in.as_mut().poll(context))).await {
            Poll::Ready(result) => result,
            Poll::Pending => {
                self.connect_ahead();
                signing_in.await
            }
        };
        self.publish_result(turn, result.as_ref().err());
        let response = match result {
            Ok(response) => response,
            Err(error) => return Err(self.record_failure(self.attempt(None, None, None), error).await),
        };
        match response.read() {
            Ok(assertion) => Ok(SignedIn { response, assertion }),
            Err(error) => Err(self.record_failure(self.attempt(Some(&response), None, None), error).await),
        }
    }

    /// Lets the exchange connect while the identity provider answers.
    fn connect_ahead(&self) {
        #[cfg(feature = "runtime")]
        if self.source.can_sign_in()
            && let Ok(runtime) = tokio::runtime::Handle::try_current()
        {
            let (exchange, role) = (Arc::clone(&self.exchange), self.query.named_role());
            runtime.spawn(async move { exchange.connect(role.as_ref()).await });
        }
    }

    /// Waits until no other program signs this person in. Their pushes would arrive together, and those after the first find a
    /// session. Sign-ins that a person asked for do not wait.
    ///
    /// # Errors
    ///
    /// What the person has just refused. It is not recorded, since nobody was asked.
    #[cfg(feature = "runtime")]
    async fn lock_person(&self, queueing: Queueing) -> Result<Option<Leader<'_>>> {
        let need = match queueing {
            Queueing::Skip => return Ok(None),
            Queueing::Wait => Need::NowUnlessRefused,
            Queueing::OnlyIfFree => Need::Later,
        };
        let Some(key) = self.person_key() else { return Ok(None) };
        let open_lock = || self.lock_file(&key);
        match self.person_flight.join(need, &*self.clock, open_lock, |_| {}).await? {
            Joined::Lead(leader) => Ok(Some(leader)),
            Joined::Failed(error) => Err(error),
            Joined::Busy => Err(busy()),
        }
    }

    /// Without a runtime, sign-ins do not wait for each other.
    #[cfg(not(feature = "runtime"))]
    async fn lock_person(&self, _: Queueing) -> Result<Option<std::convert::Infallible>> {
        Ok(None)
    }

    /// Tells other programs how a sign-in ended.
    #[cfg(feature = "runtime")]
    fn publish_result(&self, turn: Option<Leader<'_>>, error: Option<&Error>) {
        match (turn, error) {
            // Only a refused factor is shared: other failures may not recur with another role, app or password.
            (Some(leader), Some(error)) if error.kind() == ErrorKind::FactorFailed => {
                leader.failed(error, &*self.clock)
            }
            (None, None) => {
                let Some(key) = self.person_key() else { return };
                self.person_flight.forget(|| self.lock_file(&key));
            }
            _ => {}
        }
    }

    #[cfg(not(feature = "runtime"))]
    fn publish_result(&self, _: Option<std::convert::Infallible>, _: Option<&Error>) {}

    /// The key of the person at the identity provider, whichever app and role they take.
    #[cfg(feature = "runtime")]
    fn person_key(&self) -> Option<StoreKey> {
        self.source.session_identity().map(|identity| StoreKey::new(&["sign-in", &identity]))
    }
}

#[cfg(feature = "runtime")]
pub(super) fn busy() -> Error {
    Error::new(ErrorKind::DeadlineExceeded, Stage::Store, "another sign-in has not finished in time")
}
