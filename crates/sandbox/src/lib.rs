//! A local Okta and an AWS STS that judges, on loopback: to test what embeds temporary access, and to try it out.
//!
//! The Okta signs in people of your making, over every state of its authentication API, and mints SAML responses that
//! are really signed. The STS refuses what AWS refuses: signature, issuer, audience, recipient, window, age, role,
//! duration, policies. What it gives out, `GetCallerIdentity` knows until it ends.
//!
//! It shares no code with tempaccess-core: XML is read by roxmltree and signed and verified by bergshamra.
//!
//! ```
//! use tempaccess_sandbox::{Sandbox, World};
//!
//! let sandbox = Sandbox::start(World::demo())?;
//! assert!(sandbox.app_url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod clock;
mod faults;
mod form;
mod idp;
mod log;
mod okta;
mod random;
mod sts;
mod world;

use std::fmt;
use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;

use axum::Router;
use tokio::net::TcpListener;
use tokio::sync::oneshot;

pub use clock::SandboxClock;
pub use faults::{Fault, Service};
pub use idp::{Claims, SignedParts};
pub use log::LoggedRequest;
pub use world::{App, Client, Factor, Provider, Push, PushAnswer, Role, User, UserStatus, World};

use faults::Faults;
use idp::SigningKey;
use log::RequestLog;
use okta::OktaState;
use sts::IssuedKeys;

type Mint = Box<dyn Fn(Claims) -> Claims + Send + Sync>;

/// What all handlers share.
struct Shared {
    world: World,
    clock: SandboxClock,
    key: &'static SigningKey,
    mint: Mint,
    faults: Faults,
    log: RequestLog,
    okta: OktaState,
    keys: IssuedKeys,
    okta_address: SocketAddr,
    /// The folder of Okta's sign-in widget (`dist` of its package), where there is one.
    widget: Option<PathBuf>,
    upgraded: AtomicBool,
}

impl fmt::Debug for Shared {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Shared").field("okta_address", &self.okta_address).finish_non_exhaustive()
    }
}

impl Shared {
    /// What the org says that it signs people in with.
    fn pipeline(&self) -> &str {
        if self.upgraded.load(Ordering::Relaxed) { "idx" } else { &self.world.pipeline }
    }

    fn okta_url(&self) -> String {
        format!("http://{}", self.okta_address)
    }
}

/// A running sandbox. It stops when this is dropped.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    sts_address: SocketAddr,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

/// How a [`Sandbox`] starts.
pub struct SandboxBuilder {
    world: World,
    clock: SandboxClock,
    mint: Mint,
    okta_port: u16,
    sts_port: u16,
    widget: Option<PathBuf>,
}

impl fmt::Debug for SandboxBuilder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("SandboxBuilder").field("world", &self.world).finish_non_exhaustive()
    }
}

impl SandboxBuilder {
    /// The time in the sandbox; the machine's unless said otherwise.
    #[must_use]
    pub fn clock(mut self, clock: SandboxClock) -> Self {
        self.clock = clock;
        self
    }

    /// Changes what the Okta says of a person before it is signed.
    #[must_use]
    pub fn mint(mut self, change: impl Fn(Claims) -> Claims + Send + Sync + 'static) -> Self {
        self.mint = Box::new(change);
        self
    }

    /// The ports of Okta and STS; free ones unless said otherwise.
    #[must_use]
    pub fn ports(mut self, okta: u16, sts: u16) -> Self {
        (self.okta_port, self.sts_port) = (okta, sts);
        self
    }

    /// Serves Okta's own sign-in widget on the Identity Engine's sign-in page: the folder `dist` of the npm package
    /// `@okta/okta-signin-widget`.
    #[must_use]
    pub fn widget(mut self, folder: impl Into<PathBuf>) -> Self {
        self.widget = Some(folder.into());
        self
    }

    /// Starts it.
    ///
    /// # Errors
    ///
    /// Where a port is taken.
    pub fn start(self) -> io::Result<Sandbox> {
        let listen = |port| {
            let listener = std::net::TcpListener::bind((Ipv4Addr::LOCALHOST, port))?;
            listener.set_nonblocking(true)?;
            Ok::<_, io::Error>((listener.local_addr()?, listener))
        };
        let (okta_address, okta_listener) = listen(self.okta_port)?;
        let (sts_address, sts_listener) = listen(self.sts_port)?;
        let shared = Arc::new(Shared {
            world: self.world,
            clock: self.clock,
            key: SigningKey::of_this_process().map_err(io::Error::other)?,
            mint: self.mint,
            faults: Faults::default(),
            log: RequestLog::default(),
            okta: OktaState::default(),
            keys: IssuedKeys::default(),
            okta_address,
            widget: self.widget,
            upgraded: AtomicBool::new(false),
        });
        let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(2).enable_all().build()?;
        let (stop, stopped) = oneshot::channel();
        let services =
            [(okta_listener, okta::router(Arc::clone(&shared))), (sts_listener, sts::router(Arc::clone(&shared)))];
        let thread = std::thread::spawn(move || {
            runtime.block_on(async {
                for (listener, router) in services {
                    tokio::spawn(serve(listener, router));
                }
                let _ = stopped.await;
            });
            runtime.shutdown_background();
        });
        Ok(Sandbox { shared, sts_address, stop: Some(stop), thread: Some(thread) })
    }
}

async fn serve(listener: std::net::TcpListener, router: Router) -> io::Result<()> {
    axum::serve(TcpListener::from_std(listener)?, router).await
}

impl Sandbox {
    /// Starts one with this world, on free ports, with the machine's time.
    ///
    /// # Errors
    ///
    /// Where no port is free.
    pub fn start(world: World) -> io::Result<Self> {
        Self::builder(world).start()
    }

    /// One to be set up further.
    pub fn builder(world: World) -> SandboxBuilder {
        SandboxBuilder {
            world,
            clock: SandboxClock::default(),
            mint: Box::new(|claims| claims),
            okta_port: 0,
            sts_port: 0,
            widget: None,
        }
    }

    /// The address of the Okta org.
    pub fn okta_url(&self) -> String {
        self.shared.okta_url()
    }

    /// The link of the AWS app: what a source is given.
    pub fn app_url(&self) -> String {
        format!("{}/home/amazon_aws/{}/272", self.okta_url(), self.shared.world.app)
    }

    /// The address of STS: for `AWS_ENDPOINT_URL_STS`.
    pub fn sts_url(&self) -> String {
        format!("http://{}", self.sts_address)
    }

    /// The address of AWS sign-in's federation endpoint, which gives tokens for the console.
    pub fn federation_url(&self) -> String {
        format!("http://{}/federation", self.sts_address)
    }

    /// Its world.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// Its time.
    pub fn clock(&self) -> &SandboxClock {
        &self.shared.clock
    }

    /// What was asked of it so far, in order.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log.all()
    }

    /// Lets the next request to a service go wrong. Several wait in line.
    pub fn fail_next(&self, service: Service, fault: Fault) {
        self.shared.faults.add(service, fault);
    }

    /// Upgrades the org to the Identity Engine.
    pub fn upgrade(&self) {
        self.shared.upgraded.store(true, Ordering::Relaxed);
    }

    /// Ends every session at the org, and what tokens were good for, as an administrator can.
    pub fn end_sessions(&self) {
        self.shared.okta.end_sessions();
    }

    /// What its Okta says of a person, to be changed and minted.
    pub fn claims_of(&self, login: &str) -> Option<Claims> {
        let user = self.shared.world.user(login)?;
        Some(Claims::of(user, self.shared.world.issuer(), self.shared.clock.now()))
    }

    /// A SAML response that says this, signed as it says, in base64.
    ///
    /// # Errors
    ///
    /// Where the claims make no XML document.
    pub fn mint(&self, claims: &Claims) -> Result<String, String> {
        claims.mint(self.shared.key)
    }

    /// The SAML metadata of its AWS app.
    pub fn metadata(&self) -> String {
        self.shared.metadata()
    }

    /// The certificate that its signatures are verified with, in PEM.
    pub fn certificate_pem(&self) -> &str {
        self.shared.key.certificate_pem()
    }
}

impl Drop for Sandbox {
    fn drop(&mut self) {
        drop(self.stop.take());
        if let Some(thread) = self.thread.take() {
            let _ = thread.join();
        }
    }
}
