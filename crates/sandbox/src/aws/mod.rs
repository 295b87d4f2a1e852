//! AWS: one module for each service, and what they share: access keys, request signatures, the query protocol.

mod credentials;
mod query;
mod sign_in;
mod sigv4;
pub(crate) mod sts;

pub(crate) use credentials::IssuedKeys;
pub(crate) use query::error_xml;
