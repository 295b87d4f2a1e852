//! `NODE_DEBUG=tempaccess`: what each step does, on standard error.

use napi_derive::napi;
use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::filter_fn;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// Writes the steps of sign-ins to standard error from now on. None of them has a secret.
#[napi]
pub fn trace_to_stderr() {
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .without_time()
        .with_filter(filter_fn(|metadata| metadata.target() == "tempaccess"));
    // Workers load the module again.
    let _ = tracing_subscriber::registry().with(lines).try_init();
}
