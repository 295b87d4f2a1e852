//! A local Okta org and an AWS STS that validates assertions, on loopback: to test programs that use temporary AWS access,
//! and to try them out.
//!
//! The Okta org has the people that you define. It signs them in through every state of its interfaces and issues SAML
//! responses with real signatures. STS refuses what AWS refuses: signature, issuer, audience, recipient, validity, age,
//! role, duration, policies. `GetCallerIdentity` accepts the credentials that it issued until they expire. IAM reads roles
//! and edits their inline policies, and S3 has a few buckets. CloudTrail has an event of each call. A judge evaluates all policies that apply to a call: those of
//! the role, its permissions boundary, session policies and service control policies.
//!
//! The sandbox shares no code with tempaccess-core: roxmltree reads XML, bergshamra signs and verifies it.
//!
//! ```
//! use tempaccess_sandbox::{Sandbox, World};
//!
//! let sandbox = Sandbox::start(World::demo())?;
//! assert!(sandbox.app_url().starts_with("http://127.0.0.1:"));
//! # Ok::<(), std::io::Error>(())
//! ```

#![forbid(unsafe_code)]

mod aws;
mod builder;
mod clock;
mod faults;
mod http;
mod idp;
mod log;
mod network;
mod okta;
mod random;
mod sandbox;
mod server;
mod shared;
mod world;

pub use aws::{Buckets, Iam, Trail};
pub use builder::SandboxBuilder;
pub use clock::SandboxClock;
pub use faults::{Fault, Service};
pub use idp::{Claims, SignedParts};
pub use log::LoggedRequest;
pub use sandbox::Sandbox;
pub use world::{
    App, Bucket, Client, Factor, Policy, Provider, Push, PushAnswer, Role, ServiceControlPolicy, TrailSettings, User,
    UserStatus, World,
};
