//! What the tests share: the vectors, the command line, the real parts.

pub mod account;
pub mod ada;
pub mod aws;
pub mod aws_clients;
pub mod browse;
pub mod canned;
pub mod cli;
pub mod contractor;
pub mod minted;
pub mod moto;
pub mod office;
#[cfg(unix)]
pub mod other_user;
pub mod parts;
pub mod person;
pub mod proxy;
pub mod register;
pub mod second_opinion;
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

/// The example of the page on the sandbox compiles.
#[cfg(doctest)]
#[doc = include_str!("../../docs/testing.md")]
pub struct Testing;
