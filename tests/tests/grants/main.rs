//! Grants and requests: given, extended, ended, recorded.

mod cli;
mod ends;
mod keys;
mod kills;
mod lifecycle;
mod moto;
mod programs;
mod records;
mod request_vectors;
mod requests;
mod vectors;
mod windows;
