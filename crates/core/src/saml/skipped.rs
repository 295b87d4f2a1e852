use serde::Serialize;

/// A value that was skipped, and why.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[non_exhaustive]
pub struct Skipped {
    /// The value as written in the document, cut at 300 characters. It may contain control characters.
    pub value: String,
    /// Why it was skipped, as a predicate: `is not a number`.
    pub reason: String,
    #[serde(skip)]
    pub(super) kind: SkippedKind,
}

/// What kind of value was skipped.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum SkippedKind {
    /// A value of the attribute `Role` that cannot be read.
    Role,
    /// A time that cannot be read.
    Time,
    /// Another value that cannot be read.
    Other,
    /// A value that means nothing to AWS, such as a role that is offered twice.
    Irrelevant,
}

impl Skipped {
    pub(super) fn new(kind: SkippedKind, value: &str, reason: impl Into<String>) -> Self {
        let value = match value.char_indices().nth(300) {
            Some((end, _)) => format!("{}…", value.get(..end).unwrap_or_default()),
            None => value.to_owned(),
        };
        Self { value, reason: reason.into(), kind }
    }
}
