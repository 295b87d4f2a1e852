//! A running sandbox.

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::thread::JoinHandle;

use tokio::sync::oneshot;

use crate::aws::{Buckets, Iam, Trail};
use crate::builder::SandboxBuilder;
use crate::clock::SandboxClock;
use crate::faults::{Fault, Service};
use crate::idp::Claims;
use crate::log::LoggedRequest;
use crate::shared::Shared;
use crate::world::World;

/// A running sandbox. It stops when it is dropped.
#[derive(Debug)]
pub struct Sandbox {
    shared: Arc<Shared>,
    sts_address: SocketAddr,
    ca_pem: Option<String>,
    stop: Option<oneshot::Sender<()>>,
    thread: Option<JoinHandle<()>>,
}

impl Sandbox {
    pub(crate) fn new(
        shared: Arc<Shared>,
        sts_address: SocketAddr,
        ca_pem: Option<String>,
        stop: oneshot::Sender<()>,
        thread: JoinHandle<()>,
    ) -> Self {
        Self { shared, sts_address, ca_pem, stop: Some(stop), thread: Some(thread) }
    }

    /// Starts a sandbox with this world, on free ports, with the clock of the machine.
    ///
    /// # Errors
    ///
    /// If no port is free, or the world is not consistent: a policy is malformed, or refers to
    /// something that does not exist.
    pub fn start(world: World) -> io::Result<Self> {
        Self::builder(world).start()
    }

    /// Returns a builder for a sandbox with this world.
    pub fn builder(world: World) -> SandboxBuilder {
        SandboxBuilder::new(world)
    }

    /// Returns the address of the Okta org.
    pub fn okta_url(&self) -> String {
        self.shared.okta_url()
    }

    /// Returns the link of the AWS app, which is the `source` of tempaccess.
    pub fn app_url(&self) -> String {
        format!("{}/home/amazon_aws/{}/272", self.okta_url(), self.shared.world.app)
    }

    /// Returns the address of AWS, for `AWS_ENDPOINT_URL_STS`, `AWS_ENDPOINT_URL_IAM`, `AWS_ENDPOINT_URL_S3` and
    /// `AWS_ENDPOINT_URL_CLOUDTRAIL`. Requests go to the service that they are signed for.
    pub fn sts_url(&self) -> String {
        format!("{}://{}", self.shared.scheme.as_str(), self.sts_address)
    }

    /// Returns the address of the federation endpoint of AWS sign-in, which issues tokens for the console.
    pub fn federation_url(&self) -> String {
        format!("{}/federation", self.sts_url())
    }

    /// Returns the certificate of the CA that clients must trust, in PEM, if the sandbox uses
    /// [TLS](SandboxBuilder::tls).
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// Returns the world.
    pub fn world(&self) -> &World {
        &self.shared.world
    }

    /// Returns the clock, to move it.
    pub fn clock(&self) -> &SandboxClock {
        &self.shared.clock
    }

    /// Returns the policies of roles, to read and change them without a call.
    pub fn iam(&self) -> &Iam {
        &self.shared.iam
    }

    /// Returns the buckets of S3, to read and change their objects without a call.
    pub fn buckets(&self) -> &Buckets {
        &self.shared.buckets
    }

    /// Returns the events of CloudTrail.
    pub fn trail(&self) -> &Trail {
        &self.shared.trail
    }

    /// Returns the requests that were received so far, in order.
    pub fn requests(&self) -> Vec<LoggedRequest> {
        self.shared.log.all()
    }

    /// Returns the number of connections that clients have opened so far.
    pub fn connections(&self) -> usize {
        self.shared.network.connections()
    }

    /// Makes the next request to a service fail. Several faults are used in order.
    pub fn fail_next(&self, service: Service, fault: Fault) {
        self.shared.faults.add(service, fault);
    }

    /// Upgrades the org to the Identity Engine.
    pub fn upgrade(&self) {
        self.shared.upgraded.store(true, Ordering::Relaxed);
    }

    /// Ends every session at Okta and revokes every token, as an administrator can.
    pub fn end_sessions(&self) {
        self.shared.org.end_sessions();
    }

    /// Returns what Okta asserts about a person, to change and [`mint`](Self::mint).
    pub fn claims_of(&self, login: &str) -> Option<Claims> {
        let user = self.shared.world.user(login)?;
        Some(Claims::of(user, self.shared.world.issuer(), self.shared.clock.now()))
    }

    /// Returns a SAML response with these claims, signed as they say, in base64.
    ///
    /// # Errors
    ///
    /// If the claims do not make a well-formed XML document.
    pub fn mint(&self, claims: &Claims) -> Result<String, String> {
        claims.mint(self.shared.key)
    }

    /// Returns the SAML metadata of the AWS app.
    pub fn metadata(&self) -> String {
        self.shared.metadata()
    }

    /// Returns the certificate that verifies the signatures of Okta's SAML responses, in PEM.
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
