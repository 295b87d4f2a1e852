//! The Python module `tempaccess._tempaccess`: DTOs and exceptions over `tempaccess_core`, no logic.

mod ask;
mod errors;
mod issued;
mod reading;
mod session;
mod verify;
mod work;

use pyo3::prelude::*;

#[pymodule(gil_used = false)]
fn _tempaccess(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add("__version__", env!("CARGO_PKG_VERSION"))?;
    errors::register(module)?;
    module.add_class::<reading::Role>()?;
    module.add_class::<reading::Assertion>()?;
    module.add_class::<verify::Verifier>()?;
    module.add_class::<session::Session>()?;
    module.add_class::<issued::IssuedSession>()?;
    module.add_class::<issued::Exchanged>()?;
    module.add_class::<ask::Request>()?;
    module.add_class::<work::Work>()?;
    module.add_function(wrap_pyfunction!(session::status, module)?)?;
    module.add_function(wrap_pyfunction!(reading::read, module)?)
}
