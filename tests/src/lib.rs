//! What the tests share: the vectors, the command line, the real parts.

pub mod ada;
pub mod browse;
pub mod canned;
pub mod cli;
pub mod minted;
pub mod other_user;
pub mod parts;
pub mod person;
pub mod proxy;
pub mod vectors;

use std::path::PathBuf;

/// The root of the workspace.
pub fn workspace() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("..")
}

/// The examples of the README compile.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
pub struct Readme;

/// The examples of the cookbook compile.
#[cfg(doctest)]
#[doc = include_str!("../../docs/cookbook/rust.md")]
pub struct Cookbook;
