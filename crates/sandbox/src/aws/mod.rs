//! AWS: one module for each service, and what they share: access keys, request signatures, the query and JSON
//! protocols, the judge of policies.

mod cloudtrail;
mod credentials;
mod iam;
mod json;
mod judge;
mod query;
mod received;
mod router;
mod s3;
mod sign_in;
mod sigv4;
mod sts;
mod unique_id;

pub use cloudtrail::Trail;
pub(crate) use credentials::IssuedKeys;
pub use iam::Iam;
pub(crate) use judge::check_world;
pub(crate) use router::{router, throttled};
pub use s3::Buckets;
