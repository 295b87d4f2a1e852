//! Spans and events of the feature `tracing`, all of the target `tempaccess`: which step runs, how long it takes and how it ends. None
//! has a secret. Without the feature, nothing is left of them.

/// Runs a step, whose output is a [`Result`](crate::Result), in a span of this name with these fields.
macro_rules! step {
    ($name:literal, $work:expr $(, $field:ident = $value:expr)* $(,)?) => {{
        #[cfg(feature = "tracing")]
        let work = $crate::trace::in_span(
            tracing::info_span!(target: "tempaccess", $name $(, $field = %$value)*),
            $work,
        );
        #[cfg(not(feature = "tracing"))]
        let work = {
            $(let _ = &$value;)*
            $work
        };
        work
    }};
}

/// Notes an answer of a server: who was asked, and the status.
#[cfg(feature = "net")]
macro_rules! answered {
    ($method:expr, $host:expr, $status:expr) => {
        #[cfg(feature = "tracing")]
        tracing::debug!(target: "tempaccess", method = %$method, host = $host, status = $status, "answer");
        #[cfg(not(feature = "tracing"))]
        let _ = (&$method, &$host, &$status);
    };
}

#[cfg(feature = "net")]
pub(crate) use answered;
pub(crate) use step;

#[cfg(feature = "tracing")]
pub(crate) async fn in_span<T>(span: tracing::Span, work: impl Future<Output = crate::Result<T>>) -> crate::Result<T> {
    use tracing::Instrument as _;
    let noted = async {
        tracing::debug!(target: "tempaccess", "begins");
        let started = std::time::Instant::now();
        let result = work.await;
        let milliseconds = u64::try_from(started.elapsed().as_millis()).unwrap_or(u64::MAX);
        match &result {
            Ok(_) => tracing::info!(target: "tempaccess", milliseconds, "done"),
            Err(error) => {
                let (kind, stage) = (error.kind().as_str(), error.stage().as_str());
                tracing::info!(target: "tempaccess", milliseconds, kind, stage, "failed");
            }
        }
        result
    };
    noted.instrument(span).await
}
