//! One exception class for each kind of error, under one base.

use std::collections::HashMap;

use pyo3::create_exception;
use pyo3::exceptions::{PyException, PyValueError};
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::{IntoPyDict, PyDict, PyTuple, PyType};
use tempaccess_core::{ErrorKind, front_end::SettingNames};

create_exception!(tempaccess, Error, PyException, "What went wrong: its message, and what to do about it.");

static CLASSES: PyOnceLock<HashMap<&'static str, Py<PyType>>> = PyOnceLock::new();

/// The class of `role_not_offered` is `RoleNotOfferedError`, as PEP 8 has it.
fn class_name(kind: &str) -> String {
    let word = |word: &str| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default();
    let words = kind.strip_suffix("_error").unwrap_or(kind).split('_');
    words.map(word).chain(std::iter::once("Error".to_owned())).collect()
}

/// The classes, by kind.
fn classes(py: Python<'_>) -> PyResult<&HashMap<&'static str, Py<PyType>>> {
    CLASSES.get_or_try_init(py, || {
        let base = py.get_type::<Error>();
        // Programs catch what the language raises for such values.
        let value_error = py.get_type::<PyValueError>();
        let class = |kind: &ErrorKind| {
            let bases = match kind {
                ErrorKind::InvalidArgument | ErrorKind::InvalidScope => PyTuple::new(py, [&base, &value_error])?,
                _ => PyTuple::new(py, [&base])?,
            };
            let members = [("__doc__", kind.meaning()), ("__module__", "tempaccess")].into_py_dict(py)?;
            let class = py.get_type::<PyType>().call1((class_name(kind.as_str()), bases, members))?;
            Ok((kind.as_str(), class.cast_into::<PyType>()?.unbind()))
        };
        ErrorKind::ALL.iter().map(class).collect()
    })
}

pub(crate) fn register(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("Error", module.py().get_type::<Error>())?;
    for (kind, class) in classes(module.py())? {
        module.add(class_name(kind).as_str(), class)?;
    }
    Ok(())
}

/// The class of a kind.
pub(crate) fn class(py: Python<'_>, kind: ErrorKind) -> PyResult<Bound<'_, PyType>> {
    Ok(match classes(py)?.get(kind.as_str()) {
        Some(class) => class.bind(py).clone(),
        None => py.get_type::<Error>(),
    })
}

/// Returns the error as an exception. What a callback raised is its cause; what is not an `Exception`, such as
/// `KeyboardInterrupt`, is raised unchanged.
pub(crate) fn raise(py: Python<'_>, error: &tempaccess_core::Error) -> PyErr {
    let raised = std::error::Error::source(error).and_then(|source| source.downcast_ref::<PyErr>());
    let raised = raised.map(|raised| raised.clone_ref(py));
    if let Some(ending) = raised.as_ref().filter(|raised| !raised.is_instance_of::<PyException>(py)) {
        return ending.clone_ref(py);
    }
    let exception = exception(py, error).unwrap_or_else(|failed| failed);
    if raised.is_some() {
        exception.set_cause(py, raised);
    }
    exception
}

fn exception(py: Python<'_>, error: &tempaccess_core::Error) -> PyResult<PyErr> {
    let report = SettingNames::Python.report(error);
    let hint = report.hint.as_deref();
    // Tracebacks show notes from Python 3.11 on. Before, the text is all that they show.
    let has_notes = py.version_info() >= (3, 11);
    let text = match hint.filter(|_| !has_notes) {
        Some(hint) => format!("{}\nhint: {hint}", report.message),
        None => report.message.to_string(),
    };
    let value = class(py, error.kind())?.call1((text,))?;
    if let Some(hint) = hint.filter(|_| has_notes) {
        value.call_method1("add_note", (format!("hint: {hint}"),))?;
    }
    for (name, text) in [
        ("kind", Some(report.kind.as_str())),
        ("stage", Some(report.stage.as_str())),
        ("fault", Some(report.fault.as_str())),
        ("message", Some(&*report.message)),
        ("hint", hint),
    ] {
        value.setattr(name, text)?;
    }
    let roles: Vec<_> = report.roles.iter().map(tempaccess_core::arn::RoleArn::as_str).collect();
    value.setattr("roles", roles)?;
    value.setattr("retry_after_seconds", report.retry_after_seconds)?;
    let limit = report.limit.map(|limit| {
        let pairs = PyDict::new(py);
        pairs.set_item("maximum", limit.maximum)?;
        pairs.set_item("unit", limit.unit).map(|()| pairs)
    });
    value.setattr("limit", limit.transpose()?)?;
    Ok(PyErr::from_value(value))
}
