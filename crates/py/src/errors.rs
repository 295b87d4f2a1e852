//! One exception class for each kind of error, under one base.

use std::collections::HashMap;
use std::ffi::CString;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;
use pyo3::sync::PyOnceLock;
use pyo3::types::PyType;
use tempaccess_core::ErrorKind;

create_exception!(tempaccess, Error, PyException, "What went wrong: its message, and what to do about it.");

static CLASSES: PyOnceLock<HashMap<&'static str, Py<PyType>>> = PyOnceLock::new();

/// `role_not_offered` as a class is called: `RoleNotOffered`.
fn class_name(kind: &str) -> String {
    let word = |word: &str| word.get(..1).unwrap_or_default().to_uppercase() + word.get(1..).unwrap_or_default();
    kind.split('_').map(word).collect()
}

/// The classes, by kind.
fn classes(py: Python<'_>) -> PyResult<&HashMap<&'static str, Py<PyType>>> {
    CLASSES.get_or_try_init(py, || {
        let base = py.get_type::<Error>();
        let class = |kind: &ErrorKind| {
            let name = CString::new(format!("tempaccess.{}", class_name(kind.as_str())))?;
            let doc = CString::new(kind.meaning())?;
            Ok((kind.as_str(), PyErr::new_type(py, &name, Some(&doc), Some(&base), None)?))
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

/// The error as an exception. What a callable raised is its cause; what is no `Exception`, such as `KeyboardInterrupt`,
/// goes on as it is.
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
    let class = match classes(py)?.get(error.kind().as_str()) {
        Some(class) => class.bind(py).clone(),
        None => py.get_type::<Error>(),
    };
    let value = class.call1((error.to_string(),))?;
    for (name, text) in [
        ("kind", Some(error.kind().as_str())),
        ("stage", Some(error.stage().as_str())),
        ("fault", Some(error.fault().as_str())),
        ("message", Some(error.message())),
        ("hint", error.hint()),
    ] {
        value.setattr(name, text)?;
    }
    let report = error.report();
    let roles: Vec<_> = report.roles.iter().map(tempaccess_core::arn::RoleArn::as_str).collect();
    value.setattr("roles", roles)?;
    value.setattr("retry_after_seconds", report.retry_after_seconds)?;
    Ok(PyErr::from_value(value))
}
