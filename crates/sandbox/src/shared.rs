//! The state that all services share.

use std::fmt;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};

use crate::aws::{Buckets, Iam, IssuedKeys, Trail};
use crate::clock::SandboxClock;
use crate::faults::Faults;
use crate::idp::{Claims, SigningKey};
use crate::log::RequestLog;
use crate::network::Network;
use crate::okta::OrgState;
use crate::server::Scheme;
use crate::world::World;

/// Changes the claims of a response before it is signed.
pub(crate) type ClaimsHook = Box<dyn Fn(Claims) -> Claims + Send + Sync>;

pub(crate) struct Shared {
    pub(crate) world: World,
    pub(crate) clock: SandboxClock,
    pub(crate) key: &'static SigningKey,
    pub(crate) change_claims: ClaimsHook,
    pub(crate) faults: Faults,
    pub(crate) log: RequestLog,
    pub(crate) org: OrgState,
    pub(crate) keys: IssuedKeys,
    pub(crate) iam: Iam,
    pub(crate) buckets: Buckets,
    pub(crate) trail: Trail,
    pub(crate) scheme: Scheme,
    pub(crate) network: Network,
    pub(crate) okta_address: SocketAddr,
    /// The folder `dist` of Okta's sign-in widget, if the sandbox has it.
    pub(crate) widget: Option<PathBuf>,
    pub(crate) upgraded: AtomicBool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("okta_address", &self.okta_address).finish_non_exhaustive()
    }
}

impl Shared {
    /// Returns the engine that the org reports.
    pub(crate) fn pipeline(&self) -> &str {
        if self.upgraded.load(Ordering::Relaxed) { "idx" } else { &self.world.pipeline }
    }

    pub(crate) fn has_identity_engine(&self) -> bool {
        self.pipeline() == "idx"
    }

    pub(crate) fn okta_url(&self) -> String {
        format!("{}://{}", self.scheme.as_str(), self.okta_address)
    }
}
