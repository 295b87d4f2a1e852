//! Roles that an assertion offers, and the choice of one of them. Pure: no IO, no clock.

mod offer;
mod query;

pub use offer::{RoleOffer, RoleValueError};
pub use query::{AccountNames, RoleQuery};
