//! Reading and verifying SAML documents.

mod canonical;
mod corpus;
mod vectors;
mod verify;
