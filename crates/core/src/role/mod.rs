//! Roles that an assertion offers, and the choice of one of them. Pure: no IO, no clock.

mod offer;
mod query;

pub use offer::{RoleOffer, RoleValueError};
pub use query::{AccountNames, RoleQuery};
#[cfg(feature = "grants")]
pub(crate) use query::{account_named, glob, is_glob, resolve_role, role_texts};
