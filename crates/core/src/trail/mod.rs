//! Reads CloudTrail events and compares them with records: those of grants, and the audit logs of everyday sign-ins.
//!
//! Events come from the event history of an account ([`LookupEvents`]: 90 days, management events), from the files that a trail
//! delivers, in a folder ([`TrailFiles`]) or in their bucket ([`TrailBucket`]), or from the query engine that a company has them
//! in ([`QueryRunner`]; [`query_text`] only writes the query). [`compare`] puts them together with the records of grants and with
//! the sign-ins of audit logs.

mod aws_json;
mod bucket;
mod compare;
mod configured;
mod engine;
mod event;
mod files;
mod layout;
mod lookup;
mod query;
mod run;
mod scan;
mod sign_in;

pub use bucket::TrailBucket;
pub use compare::{Comparison, SessionCalls, TrailFinding, TrailSubject, compare, grant_of_call};
pub use engine::{QueryEngine, query_text};
pub use event::TrailEvent;
pub(crate) use event::{put_in_order, role_name};
pub use files::TrailFiles;
pub use lookup::{LookupEvents, LookupEventsBuilder};
pub use query::TrailQuery;
pub use run::{QueryRunner, QueryRunnerBuilder};
pub use sign_in::{RecordedSession, RecordedSessions};
