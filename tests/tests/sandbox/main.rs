//! The sandbox answers as Okta and AWS do.

mod clients;
mod grants;
mod iam;
mod judge;
mod okta;
mod s3;
mod trail;
mod trail_readers;
