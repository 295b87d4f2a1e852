//! From a source to cached credentials: sign-ins, sessions, the exchange, the cache.

mod acs;
mod answers;
mod auth_methods;
mod browser;
mod clock;
mod damage;
mod endpoint;
mod keyring;
mod loopback;
mod many;
mod okta;
mod okta_hostile;
mod parts;
mod sdk;
mod session;
mod store;
mod sts;
mod transport;
