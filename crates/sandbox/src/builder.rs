//! Starts a sandbox.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use tokio::sync::oneshot;

use crate::aws::{self, Buckets, Iam, IssuedKeys, Trail};
use crate::clock::SandboxClock;
use crate::faults::Faults;
use crate::idp::{Claims, SigningKey};
use crate::log::RequestLog;
use crate::network::Network;
use crate::okta::{self, OrgState};
use crate::sandbox::Sandbox;
use crate::server::{self, Scheme, Tls};
use crate::shared::{ClaimsHook, Shared};
use crate::world::World;

/// The settings of a [`Sandbox`] that is about to start.
pub struct SandboxBuilder {
    world: World,
    clock: SandboxClock,
    change_claims: ClaimsHook,
    okta_port: u16,
    sts_port: u16,
    scheme: Scheme,
    names: Vec<String>,
    round_trip: Duration,
    widget: Option<PathBuf>,
}

impl fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder").field("world", &self.world).finish_non_exhaustive()
    }
}

impl SandboxBuilder {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            clock: SandboxClock::default(),
            change_claims: Box::new(|claims| claims),
            okta_port: 0,
            sts_port: 0,
            scheme: Scheme::Http,
            names: Vec::new(),
            round_trip: Duration::ZERO,
            widget: None,
        }
    }

    /// Sets the clock. Default: that of the machine.
    #[must_use]
    pub fn clock(mut self, clock: SandboxClock) -> Self {
        self.clock = clock;
        self
    }

    /// Changes what Okta asserts about a person before it is signed.
    #[must_use]
    pub fn mint(mut self, change: impl Fn(Claims) -> Claims + Send + Sync + 'static) -> Self {
        self.change_claims = Box::new(change);
        self
    }

    /// Sets the ports of Okta and STS. Default: free ones.
    #[must_use]
    pub fn ports(mut self, okta: u16, sts: u16) -> Self {
        (self.okta_port, self.sts_port) = (okta, sts);
        self
    }

    /// Serves both over TLS, with a certificate for `localhost`, `127.0.0.1` and `::1`. Clients must trust
    /// [`ca_pem`](Sandbox::ca_pem).
    #[must_use]
    pub fn tls(mut self) -> Self {
        self.scheme = Scheme::Https;
        self
    }

    /// Adds a name to the certificate, such as `sts.amazonaws.com`: for clients that know AWS by its own addresses only, and reach the
    /// sandbox through a proxy.
    #[must_use]
    pub fn tls_name(mut self, name: impl Into<String>) -> Self {
        self.names.push(name.into());
        self.tls()
    }

    /// Makes each round trip to Okta and AWS take this long, as over a network.
    #[must_use]
    pub fn round_trip(mut self, round_trip: Duration) -> Self {
        self.round_trip = round_trip;
        self
    }

    /// Serves Okta's own sign-in widget on the sign-in page of the Identity Engine, from the folder `dist` of the npm
    /// package `@okta/okta-signin-widget`.
    #[must_use]
    pub fn widget(mut self, folder: impl Into<PathBuf>) -> Self {
        self.widget = Some(folder.into());
        self
    }

    /// Starts the sandbox.
    ///
    /// # Errors
    ///
    /// If a port is in use, or the world is not consistent: a policy is malformed, or refers to
    /// something that does not exist.
    pub fn start(self) -> io::Result<Sandbox> {
        aws::check_world(&self.world).map_err(|problem| io::Error::new(io::ErrorKind::InvalidData, problem))?;
        let tls = match self.scheme {
            Scheme::Http => None,
            Scheme::Https => Some(Tls::generate(&self.names)?),
        };
        let (okta_address, okta_listener) = server::listen(self.okta_port)?;
        let (sts_address, sts_listener) = server::listen(self.sts_port)?;
        let iam = Iam::new(&self.world, self.clock.clone());
        let buckets = Buckets::new(&self.world, self.clock.clone());
        let trail = Trail::new(self.clock.clone());
        let shared = Arc::new(Shared {
            world: self.world,
            clock: self.clock,
            key: SigningKey::of_this_process().map_err(io::Error::other)?,
            change_claims: self.change_claims,
            faults: Faults::default(),
            log: RequestLog::default(),
            org: OrgState::default(),
            keys: IssuedKeys::default(),
            iam,
            buckets,
            trail,
            scheme: self.scheme,
            network: Network::new(self.round_trip),
            okta_address,
            widget: self.widget,
            upgraded: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let services =
            [(okta_listener, okta::router(Arc::clone(&shared))), (sts_listener, aws::router(Arc::clone(&shared)))];
        let network = shared.network.clone();
        let acceptor = tls.as_ref().map(Tls::acceptor);
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                for (listener, router) in services {
                    tokio::spawn(server::serve(listener, router, acceptor.clone(), network.clone()));
                }
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        });
        Ok(Sandbox::new(shared, sts_address, tls.map(Tls::into_ca_pem), stop, thread))
    }
}
