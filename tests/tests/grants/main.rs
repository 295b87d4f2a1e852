//! Grants and requests: given, extended, ended, recorded.

mod cli;
mod ends;
mod kills;
mod lifecycle;
mod moto;
mod records;
mod requests;
mod vectors;
mod windows;
