//! `-v`: what each step does, on standard error.

use tracing_subscriber::Layer as _;
use tracing_subscriber::filter::{LevelFilter, Targets, filter_fn};
use tracing_subscriber::fmt::format::FmtSpan;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

/// The target of our own spans and events. Those of libraries can have what they send.
const TARGET: &str = "tempaccess";

/// Shows steps for `-v`, requests for `-vv`, and what `RUST_LOG` says of `tempaccess` otherwise.
pub(crate) fn show(verbose: u8) {
    let level = match verbose {
        0 => from_environment(),
        1 => LevelFilter::INFO,
        _ => LevelFilter::DEBUG,
    };
    if level == LevelFilter::OFF {
        return;
    }
    let lines = tracing_subscriber::fmt::layer()
        .with_writer(std::io::stderr)
        .with_ansi(false)
        .with_target(false)
        .with_span_events(FmtSpan::NONE)
        .with_filter(level)
        .with_filter(filter_fn(|metadata| metadata.target() == TARGET));
    tracing_subscriber::registry().with(lines).init();
}

/// The level of our target in `RUST_LOG`: `debug`, or `tempaccess=debug,hyper=warn`.
fn from_environment() -> LevelFilter {
    let Ok(text) = std::env::var("RUST_LOG") else { return LevelFilter::OFF };
    let Ok(targets) = text.parse::<Targets>() else { return LevelFilter::OFF };
    let shown = |level: tracing_subscriber::filter::LevelFilter| {
        level.into_level().is_some_and(|level| targets.would_enable(TARGET, &level))
    };
    let levels = [LevelFilter::TRACE, LevelFilter::DEBUG, LevelFilter::INFO, LevelFilter::WARN, LevelFilter::ERROR];
    levels.into_iter().find(|level| shown(*level)).unwrap_or(LevelFilter::OFF)
}
