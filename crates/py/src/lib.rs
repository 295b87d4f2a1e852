//! The Python module `tempaccess._tempaccess`: DTOs and exceptions over `tempaccess_core`, no logic.

mod ask;
mod errors;
mod reading;
mod session;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _tempaccess(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::register(module)?;
    module.add_class::<reading::Role>()?;
    module.add_class::<reading::Assertion>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<session::Grant>()?;
    module.add_function(wrap_pyfunction!(reading::read, module)?)
}
