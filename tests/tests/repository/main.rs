//! The repository: its documentation, words, packages and tables.

mod book;
mod docs;
mod examples;
mod features;
mod packaging;
mod parity;
mod templates;
mod words;
