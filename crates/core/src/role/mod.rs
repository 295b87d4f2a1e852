//! The roles that an assertion offers, and choosing one. Pure: no IO, no clock.

mod offer;
mod query;

pub use offer::{RoleOffer, RoleValueError};
pub use query::{AccountNames, RoleQuery};
