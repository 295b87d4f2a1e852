//! The repository: its documentation, words, packages and tables.

mod book;
mod docs;
mod examples;
mod features;
mod modules;
mod packaging;
mod parity;
mod templates;
mod words;
