//! `tempaccess setup`: templates, checks, and a try in a scratch account.

mod check;
mod judged;
mod templates;
mod verify;
