//! The crates whose types are in the signatures of this one. Named from here, their versions match.
//!
//! ```
//! use tempaccess_core::external::jiff::{SignedDuration, Timestamp};
//! use tempaccess_core::sts::SessionCredentials;
//!
//! /// Whether a session lasts long enough for a job of an hour.
//! fn lasts_an_hour(credentials: &SessionCredentials) -> bool {
//!     credentials.expiration.duration_since(Timestamp::now()) > SignedDuration::from_hours(1)
//! }
//! ```

/// Makes async methods of traits such as [`AssertionSource`](crate::AssertionSource) and [`Prompter`](crate::Prompter).
pub use async_trait::async_trait;
/// Providers of credentials for the AWS SDK for Rust.
#[cfg(feature = "aws-config")]
pub use aws_credential_types;
/// Requests and responses of a [`Transport`](crate::net::Transport).
#[cfg(feature = "net")]
pub use http;
/// Instants, and time zones to show them in.
pub use jiff;
/// The object stores that records can be in.
#[cfg(feature = "grants")]
pub use object_store;
/// Policies and documents.
pub use serde_json;
/// The addresses of identity providers.
#[cfg(feature = "net")]
pub use url;
