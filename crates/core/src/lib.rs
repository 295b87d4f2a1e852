//! Temporary AWS access: from a sign-in at an identity provider to temporary credentials.
//!
//! # The flow
//!
//! ```text
//! who you are            what you may be           what you asked for        what you got
//! AssertionSource  ->  SamlResponse -> Assertion -> [RoleOffer] -> RoleOffer
//!                                                                     + SessionScope
//!                                                                  -> TokenExchange (AWS STS)
//!                                                                  -> SessionCredentials -> sink
//!                                                                  -> AuditRecord
//! ```
//!
//! Each arrow is a module, and each module a [`Stage`] of the one [`Error`] type. [`TempAccess`] runs all of them;
//! each step can be used alone. What talks to the outside is a trait, so that an embedder brings its own:
//! [`AssertionSource`], [`Prompter`], [`TokenExchange`], [`AuditLog`](audit::AuditLog), [`Clock`].
//!
//! ```
//! use tempaccess_core::{role::AccountNames, saml::Limits, RoleQuery, SamlResponse};
//!
//! # fn page() -> &'static [u8] {
//! #     br#"<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"><Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion">
//! #     <AttributeStatement><Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><AttributeValue>
//! #     arn:aws:iam::123456789012:role/ReadOnly,arn:aws:iam::123456789012:saml-provider/Okta
//! #     </AttributeValue></Attribute></AttributeStatement></Assertion></Response>"#
//! # }
//! // A page, base64, XML, SOAP: anything that contains a SAML response.
//! let assertion = SamlResponse::detect(page(), &Limits::default())?.read()?;
//! let offer = RoleQuery::new().role("Read*").choose(assertion.offers()?, &AccountNames::new())?;
//! assert_eq!(offer.role().account_id(), "123456789012");
//! # Ok::<(), tempaccess_core::Error>(())
//! ```
//!
//! # Where each use begins
//!
//! | to | begin with |
//! | --- | --- |
//! | read a response and judge it | [`SamlResponse`], [`saml::Inspection`] |
//! | choose among its roles | [`RoleQuery`] |
//! | know whether it is genuine | [`verify`] |
//! | sign in at Okta | [`source::okta::OktaSource`] |
//! | take a program, a file or a pipe as the source | [`source::CommandSource`], [`source::FileSource`] |
//! | do all of these, and cache the credentials | [`TempAccess`], [`store`] |
//! | share the configuration with the command line | [`config::Settings`], [`config::Config`] |
//! | assume another role with the session | [`sts::ChainedRole`] |
//! | give credentials to the AWS SDK for Rust | [`TempAccess`] with the feature `aws-config` |
//! | give access to others, extend it and end it | [`grants`] |
//! | give credentials to programs | [`endpoint::CredentialsEndpoint`], [`sink`] |
//! | open the console | [`console::Console`] |
//! | replace parts by your own | below |
//!
//! # Parts of your own
//!
//! ```
//! use std::sync::Arc;
//!
//! use tempaccess_core::external::{async_trait, jiff::{SignedDuration, Timestamp}};
//! use tempaccess_core::store::MemoryStore;
//! use tempaccess_core::{source::AssertionRequest, AssertionSource, Result, SamlResponse, TempAccess, TokenExchange, sts::{ExchangeRequest, SessionCredentials, StsAnswer}, saml::Limits};
//!
//! # fn page() -> &'static [u8] {
//! #     br#"<Response xmlns="urn:oasis:names:tc:SAML:2.0:protocol"><Assertion xmlns="urn:oasis:names:tc:SAML:2.0:assertion">
//! #     <AttributeStatement><Attribute Name="https://aws.amazon.com/SAML/Attributes/Role"><AttributeValue>
//! #     arn:aws:iam::123456789012:role/ReadOnly,arn:aws:iam::123456789012:saml-provider/Okta
//! #     </AttributeValue></Attribute></AttributeStatement></Assertion></Response>"#
//! # }
//! /// Whatever gives a SAML response: a browser of yours, a message, a vault.
//! #[derive(Debug)]
//! struct Mine;
//!
//! #[async_trait]
//! impl AssertionSource for Mine {
//!     fn describe(&self) -> String {
//!         "mine".to_owned()
//!     }
//!
//!     /// The key under which this source's sessions are cached.
//!     fn identity(&self) -> Option<String> {
//!         Some("mine".to_owned())
//!     }
//!
//!     async fn saml_response(&self, _: &AssertionRequest<'_>) -> Result<SamlResponse> {
//!         SamlResponse::detect(page(), &Limits::default())
//!     }
//! }
//!
//! /// Replaces STS: a broker, or an answer in a test.
//! #[derive(Debug)]
//! struct Broker;
//!
//! #[async_trait]
//! impl TokenExchange for Broker {
//!     async fn assume_role_with_saml(&self, request: &ExchangeRequest) -> Result<StsAnswer> {
//!         let end = Timestamp::now() + SignedDuration::from_secs(request.duration.seconds().into());
//!         let role = request.offer.role().clone();
//!         Ok(StsAnswer::new(SessionCredentials::new("ASIAIOSFODNN7EXAMPLE", "secret".into(), "token".into(), end, role)))
//!     }
//! }
//!
//! # #[tokio::main(flavor = "current_thread")]
//! # async fn main() -> Result<()> {
//! let access = TempAccess::builder(Mine, Broker).store(Arc::new(MemoryStore::new())).build();
//! assert!(access.cached().is_none());
//! let issued = access.credentials().await?;
//! assert_eq!(issued.answer.credentials.account_id(), "123456789012");
//! assert!(access.cached().is_some());
//! # Ok(())
//! # }
//! ```
//!
//! # Features
//!
//! | feature | adds | brings |
//! | --- | --- | --- |
//! | (none) | reading, roles, scope, sinks, audit, the traits | no network, no async runtime, no C |
//! | `sts` | [`StsExchange`]: AWS STS | aws-sdk-sts, reqwest, rustls with ring, tokio |
//! | `okta` | [`source::okta::OktaSource`] | reqwest, rustls with ring, tokio |
//! | `browser` | [`source::browser::BrowserSource`]: any identity provider, with a browser | hyper, ring, tokio |
//! | `command` | [`source::CommandSource`]: any program as a source | tokio |
//! | `config` | [`config`]: the configuration that all front ends share; needs the four above | toml |
//! | `verify` | [`verify`]: is the document genuine? | ring, x509-cert |
//! | `endpoint` | [`endpoint::CredentialsEndpoint`]: container credentials on loopback | hyper, ring, tokio |
//! | `grants` | [`grants`]: access that administrators give to others | age, ssh-key, object_store, aws-sigv4 |
//! | `aws-config` | [`TempAccess`] as a provider of credentials for the AWS SDK for Rust | aws-credential-types |
//! | `keyring` | secrets of a [`store`] encrypted with a key in the system's keyring | keyring, ring |
//! | `terminal` | [`terminal`]: a prompter on the terminal | console, dialoguer |
//! | `samael` | libxmlsec1 as a second engine for [`verify`] | samael, OpenSSL, libxml2, libxmlsec1 |
//! | `tracing` | the steps of a sign-in as spans and events of [`tracing`](https://docs.rs/tracing) | tracing |
//!
//! All are on by default but `grants`, `aws-config`, `keyring`, `terminal`, `samael` and `tracing`.
//!
//! # What a session policy is worth
//!
//! A session policy narrows what the session may do, and anybody who has the assertion can omit it. It binds a
//! person only where somebody else's program does the exchange and hands out the result.

#![forbid(unsafe_code)]
#![cfg_attr(docsrs, feature(doc_cfg))]
#![warn(clippy::exhaustive_enums, clippy::exhaustive_structs)]

pub mod arn;
pub mod audit;
#[cfg(feature = "grants")]
pub mod auditor;
mod background;
#[cfg(feature = "grants")]
mod bucket;
pub mod clock;
#[cfg(feature = "config")]
pub mod config;
#[cfg(feature = "net")]
pub mod console;
mod credentials;
#[cfg(feature = "config")]
pub mod doctor;
#[cfg(feature = "grants")]
mod duration;
#[cfg(feature = "endpoint")]
pub mod endpoint;
pub mod error;
mod executable;
pub mod external;
mod file_lock;
#[cfg(feature = "grants")]
mod grant_id;
#[cfg(feature = "grants")]
pub mod grants;
#[cfg(feature = "grants")]
pub mod iam;
mod input;
#[cfg(feature = "endpoint")]
mod loopback;
#[cfg(feature = "okta")]
mod named;
#[cfg(feature = "net")]
pub mod net;
#[cfg(not(unix))]
mod open_elsewhere;
#[cfg(feature = "grants")]
mod policy;
mod private;
#[cfg(feature = "grants")]
mod program;
#[cfg(feature = "aws-config")]
pub mod provider;
#[cfg(feature = "grants")]
pub mod records;
#[cfg(feature = "grants")]
pub mod report;
pub mod role;
pub mod saml;
pub mod scope;
#[cfg(feature = "grants")]
pub mod seal;
mod secret;
pub mod session;
mod setting_names;
#[cfg(feature = "grants")]
pub mod setup;
pub mod sink;
pub mod source;
pub mod store;
pub mod sts;
#[cfg(feature = "terminal")]
pub mod terminal;
mod text;
mod trace;
#[cfg(feature = "grants")]
pub mod trail;
#[cfg(feature = "verify")]
pub mod verify;
#[cfg(feature = "config")]
mod whole_file;

pub use clock::Clock;
pub use error::{Error, ErrorKind, Fault, Result, Stage};
pub use role::{RoleOffer, RoleQuery};
pub use saml::{Assertion, SamlResponse};
pub use scope::{SessionDuration, SessionPolicy, SessionScope};
pub use secret::SecretString;
pub use session::TempAccess;
pub use source::{AssertionSource, Notice, Prompter};
#[cfg(feature = "sts")]
pub use sts::StsExchange;
pub use sts::{IssuedSession, TokenExchange};

/// What the command line and the bindings need of this crate's internals. Not covered by semantic versioning.
#[doc(hidden)]
pub mod front_end {
    #[cfg(feature = "config")]
    pub use crate::config::{default_profile_with_credentials, names_for_roles, nearest, settings_over_credentials};
    pub use crate::executable::to_start;
    #[cfg(feature = "grants")]
    pub use crate::grants::lazy::{GrantChange, LazyGrants};
    #[cfg(feature = "config")]
    pub use crate::input::read_short_text;
    #[cfg(feature = "endpoint")]
    pub use crate::loopback::{Handoff, handoff};
    #[cfg(feature = "grants")]
    pub use crate::policy::summary as policy_summary;
    #[cfg(feature = "config")]
    pub use crate::private::require_own_path;
    #[cfg(feature = "runtime")]
    pub use crate::session::MAX_CONCURRENT_EXCHANGES;
    pub use crate::setting_names::SettingNames;
    pub use crate::text::{printable, printable_json};
    #[cfg(feature = "config")]
    pub use crate::whole_file::{Existing, Readers, write as write_whole_file};
}
