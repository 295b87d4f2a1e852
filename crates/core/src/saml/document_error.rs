//! Why an XML document was refused, separate from what the document is: SAML responses and metadata share one reader.

use std::borrow::Cow;

use crate::error::{Error, ErrorKind, ExceededLimit, Stage};
use crate::text::excerpt;

/// Why a document was refused. The reader does not know whether it reads a SAML response or metadata, so the message is a
/// predicate (`is over the limit of …`) until the caller says which.
///
/// `?` turns it into an [`Error`] about a SAML response; [`about_metadata`](Self::about_metadata) makes one about metadata.
#[derive(Debug)]
pub(crate) struct DocumentError(Box<Reason>);

#[derive(Debug)]
enum Reason {
    Refused {
        kind: ErrorKind,
        predicate: Cow<'static, str>,
        hint: Option<&'static str>,
        limit: Option<ExceededLimit>,
    },
    /// An error that names its subject itself.
    Other(Error),
}

impl DocumentError {
    pub(super) fn new(kind: ErrorKind, predicate: impl Into<Cow<'static, str>>) -> Self {
        Self(Box::new(Reason::Refused { kind, predicate: predicate.into(), hint: None, limit: None }))
    }

    pub(super) fn malformed(predicate: impl Into<Cow<'static, str>>) -> Self {
        Self::new(ErrorKind::MalformedResponse, predicate)
    }

    /// XML that is not well-formed at this byte. `what` may quote the document.
    pub(super) fn malformed_at(what: &str, position: usize) -> Self {
        Self::malformed(format!("is not well-formed XML at byte {position}: {}", excerpt(what)))
    }

    /// What quick-xml reports at this byte.
    pub(super) fn from_parser(message: &str, position: usize) -> Self {
        let mut characters = message.chars();
        let lower = characters.next().map(|first| first.to_lowercase().chain(characters).collect::<String>());
        Self::malformed_at(&lower.unwrap_or_default(), position)
    }

    pub(super) fn exceeded(unit: &'static str, maximum: usize) -> Self {
        Self(Box::new(Reason::Refused {
            kind: ErrorKind::LimitExceeded,
            predicate: format!("is over the limit of {} {unit}", grouped(maximum)).into(),
            hint: Some("no honest identity provider sends one like it; check where it comes from"),
            limit: Some(ExceededLimit::new(maximum, unit)),
        }))
    }

    pub(super) fn with_hint(mut self, advice: &'static str) -> Self {
        if let Reason::Refused { hint, .. } = &mut *self.0 {
            *hint = Some(advice);
        }
        self
    }

    fn into_error(self, subject: &str, stage: Stage) -> Error {
        match *self.0 {
            Reason::Refused { kind, predicate, hint, limit } => {
                let mut error = Error::new(kind, stage, format!("{subject} {predicate}"));
                if let Some(hint) = hint {
                    error = error.with_hint(hint);
                }
                if let Some(limit) = limit {
                    error = error.with_limit(limit);
                }
                error
            }
            Reason::Other(error) => error,
        }
    }

    /// Turns it into an error about metadata, which is a part of the configuration.
    #[cfg(feature = "verify")]
    pub(crate) fn about_metadata(mut self) -> Error {
        if let Reason::Refused { kind, .. } = &mut *self.0 {
            *kind = ErrorKind::InvalidConfiguration;
        }
        self.into_error("the metadata", Stage::Verification)
    }
}

impl From<DocumentError> for Error {
    fn from(error: DocumentError) -> Self {
        error.into_error("the SAML response", Stage::Assertion)
    }
}

impl From<Error> for DocumentError {
    fn from(error: Error) -> Self {
        Self(Box::new(Reason::Other(error)))
    }
}

/// A number with its thousands separated.
fn grouped(number: usize) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        assert_eq!(grouped(64), "64");
        assert_eq!(grouped(12_582_912), "12,582,912");
    }

    #[cfg(feature = "verify")]
    #[test]
    fn the_subject_is_named_by_the_caller() {
        let refused = || DocumentError::exceeded("elements", 1_000).with_hint("none");
        let response = Error::from(refused());
        assert_eq!(response.message(), "the SAML response is over the limit of 1,000 elements");
        assert_eq!(response.kind(), ErrorKind::LimitExceeded);
        assert_eq!(response.limit(), Some(ExceededLimit::new(1_000, "elements")));
        let metadata = refused().about_metadata();
        assert_eq!(metadata.message(), "the metadata is over the limit of 1,000 elements");
        assert_eq!((metadata.kind(), metadata.hint()), (ErrorKind::InvalidConfiguration, Some("none")));
    }
}
