//! `Audit`: accounting for grants.

use std::path::PathBuf;

use pyo3::exceptions::PyOSError;
use pyo3::prelude::*;
use tempaccess_core::auditor::{ExportFormat, ReportInput, TrailInput};
use tempaccess_core::front_end::{Existing, Readers, write_whole_file};
use tempaccess_core::report::Period;
use tempaccess_core::{Error, ErrorKind, Stage};

use crate::grants::{Shared, json};
use crate::session::{Parts, wrong};
use crate::work::Work;

/// Accounts for grants: their records, and what CloudTrail has.
#[pyclass(frozen, module = "tempaccess")]
pub(crate) struct Audit(Shared);

fn read(function: &str, input: &str) -> PyResult<TrailInput> {
    TrailInput::from_arguments(input, &["timeout"]).map_err(|error| wrong(function, error))
}

fn format(name: &str) -> tempaccess_core::Result<ExportFormat> {
    match name {
        "csv" => Ok(ExportFormat::Csv),
        "json" => Ok(ExportFormat::Json),
        "ocsf" => Ok(ExportFormat::Ocsf),
        _ => Err(Error::new(ErrorKind::InvalidArgument, Stage::Grant, "the format is csv, json or ocsf")),
    }
}

/// Writes a file whole, for its owner alone.
#[pyfunction]
pub(crate) fn write_private(path: PathBuf, text: &str) -> PyResult<()> {
    write_whole_file(&path, text.as_bytes(), Existing::Replace, Readers::Owner).map_err(|error| {
        // With the number, Python chooses the class.
        match error.raw_os_error() {
            Some(number) if cfg!(unix) => PyOSError::new_err((number, error.kind().to_string(), path)),
            // Windows has other numbers, from which PyO3 chooses the class.
            _ => error.into(),
        }
    })
}

#[pymethods]
impl Audit {
    #[new]
    #[pyo3(signature = (profile=None, *, config=None, prompter=None, assertion_source=None, password=None, settings="{}"))]
    fn new(
        py: Python<'_>,
        profile: Option<&str>,
        config: Option<PathBuf>,
        prompter: Option<Py<PyAny>>,
        assertion_source: Option<Py<PyAny>>,
        password: Option<String>,
        settings: &str,
    ) -> PyResult<Self> {
        let parts = Parts::new(py, "Audit", profile, config, password, settings)?;
        Ok(Self(Shared::build(parts, prompter, assertion_source)))
    }

    /// Returns the same audit for this process, which is a fork of the one that made it.
    #[pyo3(signature = (*, prompter=None, assertion_source=None))]
    fn forked(&self, prompter: Option<Py<PyAny>>, assertion_source: Option<Py<PyAny>>) -> Self {
        Self(self.0.forked(prompter, assertion_source))
    }

    /// Checks every record.
    fn verify(&self) -> PyResult<Work> {
        let grants = self.0.grants()?;
        Work::begin(async move { grants.auditor().await?.verify().await }, |py, found| json(py, &found))
    }

    /// Returns events of CloudTrail, compared with the records. The values are JSON.
    fn query(&self, input: &str) -> PyResult<Work> {
        let (grants, input) = (self.0.grants()?, read("query", input)?);
        let work = async move { grants.auditor().await?.query(&input, &mut |_| {}).await };
        Work::begin(work, |py, answer| json(py, &answer))
    }

    /// Returns the query for the engine that has the events.
    fn query_text(&self, input: &str) -> PyResult<Work> {
        let (grants, input) = (self.0.grants()?, read("query_text", input)?);
        let work = async move { grants.auditor().await?.query_text(&input).await };
        Work::begin(work, |py, text| Ok(text.into_pyobject(py)?.unbind().into_any()))
    }

    /// Returns the events of grants for another program.
    fn export(&self, format: String, ids: Vec<String>, from: Option<String>, until: Option<String>) -> PyResult<Work> {
        let grants = self.0.grants()?;
        let work = async move {
            let period = Period::parse(from.as_deref(), until.as_deref())?;
            grants.auditor().await?.export(self::format(&format)?, &ids, &period).await
        };
        Work::begin(work, |py, export| json(py, &export))
    }

    /// Returns the page that shows who had access.
    fn report(
        &self,
        from: Option<String>,
        until: Option<String>,
        files: Option<String>,
        regions: Vec<String>,
        audit_logs: Vec<PathBuf>,
    ) -> PyResult<Work> {
        let grants = self.0.grants()?;
        let mut input = ReportInput::default();
        (input.files, input.regions, input.audit_logs) = (files, regions, audit_logs);
        let work = async move {
            let period = Period::parse(from.as_deref(), until.as_deref())?;
            grants.auditor().await?.report(period, &input, &mut |_| {}).await
        };
        Work::begin(work, |py, page| json(py, &page))
    }

    fn __repr__(&self) -> &'static str {
        "Audit()"
    }
}
