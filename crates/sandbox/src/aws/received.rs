//! A request to AWS, before it is known which service and protocol it is for.

use axum::http::{HeaderMap, Method, Uri};

#[derive(Clone, Copy)]
pub(super) struct Received<'a> {
    pub(super) method: &'a Method,
    pub(super) uri: &'a Uri,
    pub(super) headers: &'a HeaderMap,
    pub(super) body: &'a [u8],
}

impl<'a> Received<'a> {
    /// Returns the value of a header.
    pub(super) fn header(&self, name: &str) -> Option<&'a str> {
        self.headers.get(name)?.to_str().ok()
    }
}
