//! The events of grants for other programs: a table, JSON, and OCSF.

mod csv;
mod ocsf;

use crate::error::{Error, ErrorKind, Result, Stage};
use crate::records::{GrantEvent, GrantHistory};
use crate::report::Period;
use crate::text::printable_json;

/// The events of grants, in the order in which they happened.
///
/// ```
/// use tempaccess_core::report::{Export, Period};
///
/// let export = Export::new(&[], &Period::default());
/// assert_eq!(export.json()?, "[]");
/// assert!(export.csv().starts_with("at,id,seq,event,to,"));
/// # Ok::<(), tempaccess_core::Error>(())
/// ```
#[derive(Debug)]
pub struct Export<'a> {
    events: Vec<(&'a GrantHistory, &'a GrantEvent)>,
}

impl<'a> Export<'a> {
    /// Exports the events that happened in a period.
    pub fn new(histories: &'a [GrantHistory], period: &Period) -> Self {
        let of_history = |history: &'a GrantHistory| history.events().map(move |event| (history, event));
        let mut events: Vec<_> =
            histories.iter().flat_map(of_history).filter(|(_, event)| period.contains(event.at)).collect();
        events.sort_by_key(|(_, event)| (event.at, &event.id, event.seq));
        Self { events }
    }

    /// How many events there are.
    pub fn len(&self) -> usize {
        self.events.len()
    }

    /// Whether there are none.
    pub fn is_empty(&self) -> bool {
        self.events.is_empty()
    }

    /// Returns a table by RFC 4180, with a header line. No cell is a formula to a spreadsheet.
    pub fn csv(&self) -> String {
        csv::table(&self.events)
    }

    /// Returns an array of the records as they are.
    ///
    /// # Errors
    ///
    /// `audit_failed` if an event cannot be written.
    pub fn json(&self) -> Result<String> {
        let events: Vec<_> = self.events.iter().map(|(_, event)| event).collect();
        let json = serde_json::to_string_pretty(&events).map_err(|error| unwritable(&error))?;
        Ok(printable_json(&json).into_owned())
    }

    /// Returns the events in the Open Cybersecurity Schema Framework, version 1.3: a JSON object on each line, of the class
    /// User Access Management (3005).
    ///
    /// # Errors
    ///
    /// `audit_failed` if an event cannot be written.
    pub fn ocsf(&self) -> Result<String> {
        let lines = self.events.iter().map(|(history, event)| {
            let json = serde_json::to_string(&ocsf::event(history, event)).map_err(|error| unwritable(&error))?;
            Ok(printable_json(&json).into_owned())
        });
        Ok(lines.collect::<Result<Vec<_>>>()?.join("\n"))
    }
}

fn unwritable(error: &serde_json::Error) -> Error {
    Error::new(ErrorKind::AuditFailed, Stage::Grant, format!("the export cannot be written: {error}"))
}
