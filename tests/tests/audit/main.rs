//! The audit of grants, and queries to CloudTrail.

mod engines;
mod query;
mod records;
